"""Sampling sequences from a generator: temperature, top-k, top-p, prompts, grammars, the best of several.

A token takes one uniform number, by the inverse of the cumulative distribution: so what is sampled is a pure
function of the draws, whatever the order or grouping of rows.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from creative_gan.core.draws import Draws
from creative_gan.core.errors import UserError, within
from creative_gan.sequence.networks import Generator
from creative_gan.sequence.tokens import Symbols, logits_at_once, mask

Allowed = Callable[[Tensor], Tensor]
"""Tokens so far [R, t] -> which tokens may follow, [R, V] bool; at least one in each row."""


@dataclass(frozen=True)
class Decoding:
    """How a token is chosen from its logits. Raises UserError where a number is out of its range."""

    temperature: float = 1.0
    """0: always the likeliest token."""
    top_k: int = 0
    """Only the k likeliest tokens; 0: all."""
    top_p: float = 1.0
    """Only the likeliest tokens that together reach this probability. Holtzman 2020, arXiv:1904.09751."""
    groups: Tensor | None = None
    """[V] int64, from 0 on: temperature sharpens the choice among tokens of one group, while which group comes is
    drawn as it was learnt. None: all are one group."""

    def __post_init__(self) -> None:
        within("temperature", self.temperature, 0, 10)
        within("top_k", self.top_k, 0, whole=True)
        within("top_p", self.top_p, 0, 1, above=True)


PLAIN = Decoding()


class Samples(NamedTuple):
    """Sampled sequences."""

    tokens: Tensor
    """[B, T] int64, padded."""
    length: Tensor
    """[B] int64, the end token included."""
    logp: Tensor
    """[B, T]: log-probability of each token in what it was drawn from; 0 at the prompt and at padding."""


@torch.no_grad()
def sample(
    generator: Generator,
    draws: Draws,
    longest: int,
    label: Tensor | None = None,
    decoding: Decoding = PLAIN,
    prompt: Tensor | None = None,
    prompt_length: Tensor | None = None,
    allowed: Allowed | None = None,
    wanted: int | None = None,
) -> Samples:
    """Samples as many sequences as `draws` has rows, to the end token or to `longest` tokens.

    `label`: [B] int64. `prompt`: [B, P] int64, the first tokens of each sequence, of which `prompt_length`
    [B] (None: P) are meant. `allowed` rules out tokens and sees everything before them, the prompt too.
    `wanted`: only the first so many rows are of use, the others are left where those have ended.
    Raises UserError where the prompt or `longest` does not fit.
    """
    if generator.context is not None and longest > generator.context:
        raise UserError(
            f"{longest} tokens are more than the {generator.context} that this model was made for; "
            "ask for fewer"
        )
    if prompt is not None and prompt.shape[1] >= longest:
        raise UserError(
            f"the prompt has {prompt.shape[1]} tokens and nothing would follow within {longest}; "
            "shorten it or ask for more"
        )
    symbols, rows = generator.symbols, draws.count
    uniform = draws.uniform("token", longest)
    tokens = torch.full((rows, longest), symbols.pad, device=draws.device)
    logp = torch.zeros(rows, longest, device=draws.device)
    length = torch.full((rows,), longest, device=draws.device)
    forced = _forced(prompt, prompt_length, rows, draws.device)
    state, previous = generator.begin(rows, label), torch.full((rows,), symbols.start, device=draws.device)
    for t in range(longest):
        hidden, state = generator.advance(generator.embed(previous), state)
        legal = None if allowed is None else allowed(tokens[:, :t])
        previous, chance = draw(generator, hidden, uniform[:, t], decoding, legal)
        if prompt is not None and t < prompt.shape[1]:
            previous = torch.where(forced > t, prompt[:, t], previous)
        under_way = length > t
        tokens[:, t] = torch.where(under_way, previous, symbols.pad)
        logp[:, t] = torch.where(under_way & (forced <= t), chance, 0.0)
        if symbols.end is not None:
            length = torch.where(under_way & (previous == symbols.end), t + 1, length)
            if not (length[:wanted] > t + 1).any():
                break
    return Samples(tokens, length, logp)


def draw(
    generator: Generator,
    hidden: Tensor,
    uniform: Tensor,
    decoding: Decoding = PLAIN,
    legal: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Chooses the token that follows each hidden vector [R, H], in blocks of rows. `legal`: [R, V] bool.

    Returns the tokens [R] and their log-probabilities [R] in what they were drawn from.
    """
    block = logits_at_once(generator.symbols, hidden.device)
    tokens, logp = [], []
    for start in range(0, len(hidden), block):
        rows = slice(start, start + block)
        logits = generator.head(hidden[rows]).float()
        probability = shaped(logits, decoding, None if legal is None else legal[rows])
        tokens.append(choose(probability, uniform[rows]))
        logp.append(probability.gather(1, tokens[-1][:, None])[:, 0].log())
    if not tokens:
        return uniform.new_empty(0, dtype=torch.int64), uniform.new_empty(0)
    return torch.cat(tokens), torch.cat(logp)


def shaped(logits: Tensor, decoding: Decoding, legal: Tensor | None = None) -> Tensor:
    """Logits [R, V] -> the probabilities [R, V] that tokens are drawn from."""
    if legal is not None:
        assert bool(legal.any(1).all()), "a grammar must allow at least one token"
        logits = logits.masked_fill(~legal, float("-inf"))
    if decoding.temperature == 0:
        return torch.zeros_like(logits).scatter_(1, logits.argmax(1, keepdim=True), 1.0)
    if decoding.temperature != 1:
        logits = tempered(logits, decoding.temperature, decoding.groups)
    if 0 < decoding.top_k < logits.shape[1]:
        least = logits.topk(decoding.top_k, dim=1).values[:, -1:]
        logits = logits.masked_fill(logits < least, float("-inf"))
    probability = logits.softmax(1)
    if decoding.top_p < 1:
        falling, order = probability.sort(dim=1, descending=True, stable=True)
        before = falling.cumsum(1) - falling
        kept = falling.masked_fill(before >= decoding.top_p, 0.0)
        kept[:, 0] = falling[:, 0]
        probability = torch.zeros_like(probability).scatter_(1, order, kept)
        probability = probability / probability.sum(1, keepdim=True)
    return probability


def tempered(logits: Tensor, temperature: float, groups: Tensor | None = None) -> Tensor:
    """Logits [R, V] at a temperature above 0. `groups`: see `Decoding`."""
    if groups is None:
        return logits / temperature
    groups = groups.to(logits.device)
    empty = logits.new_zeros(len(logits), int(groups.max()) + 1)
    learnt = empty.index_add(1, groups, logits.softmax(1))
    # against the largest of each group, so that an unlikely one does not vanish
    largest = empty.scatter_reduce(1, groups.expand_as(logits), logits, "amax", include_self=False)
    inside = ((logits - largest[:, groups]) / temperature).exp().masked_fill(logits.isneginf(), 0.0)
    share = inside / empty.index_add(1, groups, inside)[:, groups].clamp(min=1.0)
    return (share * learnt[:, groups]).log()


def choose(probability: Tensor, uniform: Tensor) -> Tensor:
    """The token at which the running sum of `probability` [R, V] passes `uniform` [R] in [0, 1). Returns [R].

    Finds first a group of about sqrt(V) tokens and then the token in it, which reads all probabilities once;
    `torch.multinomial` takes 40 times as long for 5,000 tokens.
    """
    size = probability.shape[1]
    width = math.isqrt(size - 1) + 1
    groups = size // width
    body = probability[:, : groups * width].unflatten(1, (groups, width))
    tail = probability[:, groups * width :].sum(1, keepdim=True)
    passed = torch.cat([body.sum(2), tail], dim=1).cumsum(1)
    target = uniform[:, None] * passed[:, -1:]
    group = torch.searchsorted(passed, target, right=True).clamp_(max=groups)
    target = target - torch.where(group > 0, passed.gather(1, (group - 1).clamp(min=0)), 0.0)
    places = group * width + torch.arange(width, device=group.device)
    members = probability.gather(1, places.clamp(max=size - 1)).masked_fill(places >= size, 0.0)
    inside = torch.searchsorted(members.cumsum(1), target, right=True)
    token = (group * width + inside[:, :1]).clamp_(max=size - 1)
    # Rounding may step over the edge of a group onto a token that must never come.
    impossible = probability.gather(1, token) <= 0
    if impossible.any():
        token = torch.where(impossible, probability.argmax(1, keepdim=True), token)
    return token[:, 0]


def best_of(samples: Samples, score: Tensor, count: int) -> Samples:
    """Keeps the best of each `count` neighbouring rows by `score` [n·count]. Returns n rows."""
    best = score.view(-1, count).argmax(1)
    rows = torch.arange(len(best), device=best.device) * count + best
    return Samples(samples.tokens[rows], samples.length[rows], samples.logp[rows])


def _forced(prompt: Tensor | None, prompt_length: Tensor | None, rows: int, device: torch.device) -> Tensor:
    """How many of the first tokens the prompt gives to each row: [rows]."""
    if prompt is None:
        return torch.zeros(rows, dtype=torch.int64, device=device)
    if prompt_length is None:
        return torch.full((rows,), prompt.shape[1], device=device)
    return prompt_length


def ended(tokens: Tensor, symbols: Symbols) -> Tensor:
    """The length of sequences that were sampled without a look at the end token: [B, T] -> [B]."""
    longest = tokens.shape[1]
    if symbols.end is None:
        return torch.full((len(tokens),), longest, device=tokens.device)
    place = torch.where(tokens == symbols.end, torch.arange(1, longest + 1, device=tokens.device), longest)
    return place.amin(1)


def padded(tokens: Tensor, length: Tensor, symbols: Symbols) -> Tensor:
    """The same sequences with `pad` from `length` on. `tokens`: [B, T]."""
    return torch.where(mask(length, tokens.shape[1]), tokens, symbols.pad)

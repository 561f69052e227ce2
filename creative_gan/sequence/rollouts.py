"""Monte-Carlo rollouts of every prefix of every sequence in one batch that carries its recurrent state.

Yu 2017, arXiv:1609.05473, Eq. 4: a token is worth what the critic thinks of the whole sequences that a policy
makes of the prefix that ends with it. Instead of one prefix and one rollout at a time, the sequences
themselves walk through the policy once, and at each position as many copies of their state as there are
rollouts branch off and join those under way: T steps in all, and no token is computed twice.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from creative_gan.core.draws import Draws
from creative_gan.sequence.networks import Generator
from creative_gan.sequence.sampling import draw

Reward = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""Tokens [R, T], length [R], label [R] or None -> reward [R]."""


class Rollouts(NamedTuple):
    """Completed sequences, and which sequence and prefix each belongs to."""

    tokens: Tensor
    """[R, T] int64, padded."""
    length: Tensor
    """[R] int64."""
    sentence: Tensor
    """[R] int64: the row of the sequence whose prefix was completed."""
    prefix: Tensor
    """[R] int64: how many of its tokens were kept."""


def rewards(
    policy: Generator,
    reward: Reward,
    tokens: Tensor,
    length: Tensor,
    label: Tensor | None,
    count: int,
    draws: Draws,
    sentences_at_once: int = 256,
    scores_at_once: int = 1024,
) -> Tensor:
    """The worth of every token, averaged over `count` rollouts; the last one's is that of the sequence.

    `tokens`: [B, T], `length`: [B], `label`: [B] or None. At most `sentences_at_once` sequences branch and
    `scores_at_once` are judged at a time, to bound memory. Returns [B, T], 0 at padding.
    """
    uniform = rollout_draws(draws, tokens.shape[1], count)
    parts = []
    for start in range(0, len(tokens), sentences_at_once):
        rows = slice(start, start + sentences_at_once)
        ours = None if label is None else label[rows]
        parts.append(
            _rewards(policy, reward, tokens[rows], length[rows], ours, uniform[rows], scores_at_once)
        )
    return torch.cat(parts)


def rollout_draws(draws: Draws, longest: int, count: int) -> Tensor:
    """The uniform numbers of all rollouts: [B, prefix, rollout, position]."""
    return draws.uniform("rollout", longest, count, longest)


@torch.no_grad()
def rollouts(
    policy: Generator, tokens: Tensor, length: Tensor, label: Tensor | None, uniform: Tensor
) -> Rollouts:
    """Completes every proper prefix of every sequence [B, T], N times with `uniform` [B, T, N, T]."""
    symbols, longest, count = policy.symbols, tokens.shape[1], uniform.shape[2]
    sentence, prefix, copy = _branches(length, longest, count)
    kept = torch.arange(longest, device=tokens.device) < prefix[:, None]
    out = torch.where(kept, tokens[sentence], symbols.pad)
    out_length = torch.full_like(sentence, longest)

    trunk = torch.arange(len(tokens), device=tokens.device)  # sequences that still branch
    live = trunk[:0]  # branches under way
    state, inputs = policy.begin(len(tokens), label), torch.full_like(trunk, symbols.start)
    for t in range(longest):
        hidden, state = policy.advance(policy.embed(inputs), state)
        # Rows of the state are the trunk and then the live branches; those with prefix t join now.
        joined = (prefix == t).nonzero()[:, 0]
        rows = torch.cat(
            [
                torch.arange(len(live), device=trunk.device) + len(trunk),
                torch.searchsorted(trunk, sentence[joined]),
            ]
        )
        live = torch.cat([live, joined])
        token, _ = draw(policy, hidden[rows], uniform[sentence[live], prefix[live], copy[live], t])
        out[live, t] = token
        if symbols.end is not None:
            out_length[live[token == symbols.end]] = t + 1
            rows, live = rows[token != symbols.end], live[token != symbols.end]
        stays = (length[trunk] > t + 1).nonzero()[:, 0]
        trunk, rows = trunk[stays], torch.cat([stays, rows])
        state = tuple(part[rows] for part in state)
        inputs = torch.cat([tokens[trunk, t], out[live, t]])
        if not len(inputs):
            break
    return Rollouts(out, out_length, sentence, prefix)


def _branches(length: Tensor, longest: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Every rollout there is: its sequence, how many tokens are kept (1 .. length - 1), which copy it is."""
    kept = torch.arange(longest, device=length.device)[:, None]
    prefix, sentence = ((kept > 0) & (kept < length)).nonzero(as_tuple=True)
    copy = torch.arange(count, device=length.device).repeat(len(prefix))
    return sentence.repeat_interleave(count), prefix.repeat_interleave(count), copy


@torch.no_grad()
def _rewards(
    policy: Generator,
    reward: Reward,
    tokens: Tensor,
    length: Tensor,
    label: Tensor | None,
    uniform: Tensor,
    scores_at_once: int,
) -> Tensor:
    """`rewards` for a few sequences: every reward is added where its own sequence and prefix say."""
    made = rollouts(policy, tokens, length, label, uniform)
    everything = torch.cat([made.tokens, tokens])
    lengths = torch.cat([made.length, length])
    sentence = torch.cat([made.sentence, torch.arange(len(tokens), device=tokens.device)])
    prefix = torch.cat([made.prefix, length])
    total = torch.zeros(tokens.shape, device=tokens.device)
    times = torch.zeros_like(total)
    for start in range(0, len(everything), scores_at_once):
        rows = slice(start, start + scores_at_once)
        labels = None if label is None else label[sentence[rows]]
        value = reward(everything[rows], lengths[rows], labels)
        place = sentence[rows], prefix[rows] - 1
        total.index_put_(place, value.float(), accumulate=True)
        times.index_put_(place, torch.ones_like(value, dtype=total.dtype), accumulate=True)
    return total / times.clamp(min=1)

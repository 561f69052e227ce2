"""How likely a generator finds given sequences."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from creative_gan.core.draws import Draws
from creative_gan.sequence.networks import Generator
from creative_gan.sequence.tokens import logits_at_once, mask, masked_mean

ROWS_AT_ONCE = 256


def log_probabilities(logits: Tensor, tokens: Tensor, length: Tensor) -> Tensor:
    """Logits [B, T, V] -> the log-probability of each of `tokens` [B, T]; 0 at padding."""
    logp = -cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none")
    return torch.where(mask(length, tokens.shape[1]), logp.view(tokens.shape), 0.0)


def imitation_loss(
    generator: Generator, tokens: Tensor, length: Tensor, label: Tensor | None, draws: Draws | None
) -> Tensor:
    """Negative log-likelihood a token, in nats; `draws` for dropout. Returns a scalar with its gradient."""
    logp = log_probabilities(generator(tokens, label, draws), tokens, length)
    return masked_mean(-logp, mask(length, tokens.shape[1]))


@torch.no_grad()
def nll(
    generator: Generator,
    tokens: Tensor,
    length: Tensor,
    label: Tensor | None = None,
    temperature: float = 1.0,
) -> float:
    """Mean negative log-likelihood a token of [N, T] sequences, in nats, of the generator at a temperature.

    Of sequences that were sampled from another generator this is the NLL under the oracle; of held-out
    sequences, NLL_test. Every token counts alike.
    """
    total = 0.0
    for start in range(0, len(tokens), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        hidden = generator.hidden(tokens[rows], None if label is None else label[rows])
        there = mask(length[rows], tokens.shape[1])
        total += _sum(generator, hidden[there], tokens[rows][there], temperature)
    return total / int(length.sum())


def _sum(generator: Generator, hidden: Tensor, tokens: Tensor, temperature: float) -> float:
    """The negative log-likelihood of `tokens` [R] after `hidden` [R, H], in blocks that fit a cache."""
    block = logits_at_once(generator.symbols, hidden.device)
    return sum(
        cross_entropy(
            generator.head(hidden[start : start + block]) / temperature,
            tokens[start : start + block],
            reduction="sum",
        ).item()
        for start in range(0, len(tokens), block)
    )

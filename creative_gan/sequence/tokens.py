"""What a token sequence is: its special ids, its mask, and the inputs that predict it.

A batch is `{"real": int64 [B, T], "length": int64 [B], "label": int64 [B] (optional)}`. A sequence holds no
start token; its end token, where there is one, is its last token and counts in `length`; a sequence that was
cut at T has none. Positions from `length` on hold `pad` and are never looked at.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from creative_gan.core import dist


@dataclass(frozen=True)
class Symbols:
    """The vocabulary's size and the ids that mean something to the machinery."""

    size: int
    start: int = 1
    end: int | None = 2
    """None: every sequence has the full length."""
    pad: int = 0
    banned: tuple[int, ...] = (0, 1)
    """Ids that a generator never emits; empty where pad and start are words as well."""


CPU_LOGITS, GPU_LOGITS = 1 << 20, 1 << 27
"""Logits made at once: what fits in a processor's cache (6 times faster than all at once), or fills a GPU."""


def logits_at_once(symbols: Symbols, device: torch.device) -> int:
    """For how many positions logits are made at once where no gradient is asked for."""
    return max(1, (CPU_LOGITS if device.type == "cpu" else GPU_LOGITS) // symbols.size)


def mask(length: Tensor, longest: int) -> Tensor:
    """Which positions hold a token. `length`: [B] int64. Returns [B, longest] bool."""
    return torch.arange(longest, device=length.device) < length[:, None]


def shifted(tokens: Tensor, start: int) -> Tensor:
    """The input at each position, which is the token before it. `tokens`: [B, T]. Returns [B, T]."""
    return torch.cat([torch.full_like(tokens[:, :1], start), tokens[:, :-1]], dim=1)


def masked_mean(values: Tensor, weight: Tensor) -> Tensor:
    """The mean of `values` [B, T] over the positions where `weight` [B, T] is true. Returns a scalar.

    With several processes the count is the mean of theirs: so the mean of what they return (which is what
    averaging gradients makes of it) is that over all positions, however differently long their sequences are.
    Where the mean itself is wanted, and no gradient of it, `dist.mean` it.
    """
    return torch.where(weight, values, 0.0).sum() / dist.mean(weight.sum().float()).clamp(min=1)

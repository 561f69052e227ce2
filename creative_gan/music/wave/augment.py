"""Differentiable augmentation of what the critic hears, safe under double backward.

Karras 2020 (arXiv:2006.06676) for sounds: each sample gets each augmentation with probability `strength`.
What changes nothing that matters in a sound comes first: polarity, a little earlier or later, loudness.

Every augmentation is `f(x, draws, strength) -> x` on x: [B, 1, L] in [-1, 1].
"""

import torch
from torch import Tensor

from creative_gan.core.augment import Augmentation, chosen
from creative_gan.core.draws import Draws

SHIFT = 1 / 32
"""Share of the length that a sound is moved by at most."""
GAIN_DB = 6.0
TILT_DB = 6.0
GAP = 1 / 8
"""Longest gap, as a share of the length."""


def polarity(x: Tensor, draws: Draws, strength: float) -> Tensor:
    """Turns a sound upside down, which nobody hears, with half the probability of the others."""
    return torch.where((draws.uniform("polarity") < strength / 2)[:, None, None], -x, x)


def shift(x: Tensor, draws: Draws, strength: float) -> Tensor:
    """Moves a sound earlier or later by up to 1/32 of its length; silence comes in."""
    length = x.shape[2]
    most = max(1, round(SHIFT * length))
    moved = draws.integers("shift", -most, most + 1, 1) * chosen(draws, "shift?", strength).long()
    place = torch.arange(length, device=x.device) - moved  # [B, L]
    inside = (place >= 0) & (place < length)
    return x.gather(2, place.clamp(0, length - 1)[:, None].expand_as(x)) * inside[:, None]


def gain(x: Tensor, draws: Draws, strength: float) -> Tensor:
    """Softer or louder by up to 6 dB. Louder sounds pass 1 rather than clip."""
    decibels = (draws.uniform("gain", 1) * 2 - 1) * GAIN_DB * chosen(draws, "gain?", strength)
    return x * (10 ** (decibels / 20))[:, :, None]


def tilt(x: Tensor, draws: Draws, strength: float) -> Tensor:
    """Darker or brighter: up to 6 dB between the lowest and the highest frequencies."""
    decibels = (draws.uniform("tilt", 1) * 2 - 1) * TILT_DB * chosen(draws, "tilt?", strength)
    slope = torch.linspace(-0.5, 0.5, x.shape[2] // 2 + 1, device=x.device)
    response = 10 ** (decibels * slope / 20)  # [B, bins]
    with torch.autocast(x.device.type, enabled=False):  # no half-precision transforms
        return torch.fft.irfft(torch.fft.rfft(x.float()) * response[:, None], n=x.shape[2])


def gap(x: Tensor, draws: Draws, strength: float) -> Tensor:
    """Silences a stretch of up to an eighth of the length, anywhere."""
    length = x.shape[2]
    where = draws.uniform("gap", 2)
    start = where[:, :1] * length
    stop = start + where[:, 1:] * GAP * length * chosen(draws, "gap?", strength)
    place = torch.arange(length, device=x.device)
    return x * ~((place >= start) & (place < stop))[:, None]


AUGMENTATIONS: dict[str, Augmentation] = {
    "polarity": polarity,
    "shift": shift,
    "gain": gain,
    "tilt": tilt,
    "gap": gap,
}

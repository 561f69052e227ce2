"""A morph through a model's latent space as one sound."""

import math
from typing import Any

import numpy as np

from creative_gan.core import provenance
from creative_gan.core.latent import circle
from creative_gan.music.wave.model import Model

OVERLAP = 1 / 4
"""Share of a sound over which it fades while the next one has begun."""
ATTACK = 0.004
"""Seconds over which a sound fades in: none of a drum's beginning is lost, and nothing clicks."""


def walk(
    model: Model,
    seconds: float = 12.0,
    stops: int = 6,
    seed: int = 0,
    label: str | None = None,
    truncation: float | None = None,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Sounds of a loop through `stops` random latents, one running into the next, and the record of their origin.

    With classes and none asked for, the class of the first stop is kept, for a class cannot be half another.

    Returns:
        (float32 [samples] in [-1, 1], record); the sound ends when its last part does, so it may be a little
        longer than asked for.

    Raises UserError for fewer than three stops or an unknown class.
    """
    apart = round(model.length * (1 - OVERLAP))
    count = max(math.ceil((seconds * model.rate - model.length) / apart) + 1, 2)
    z = circle(model.latents(range(stops), seed, truncation), count)
    label_ = model.labels(range(1), label)
    sounds = model.play(z, None if label_ is None else label_.expand(count).contiguous())
    whole = np.zeros(apart * (count - 1) + model.length, np.float32)
    shape = _fades(model.length, model.length - apart, round(ATTACK * model.rate))
    for i, sound in enumerate(sounds):
        whole[i * apart : i * apart + model.length] += sound * shape
    # two that overlap may be louder than one
    whole /= max(float(np.abs(whole).max()), 1.0)
    arguments = {"seconds": seconds, "stops": stops, "seed": seed, "label": label, "truncation": truncation}
    return whole, provenance.origin("music walk", arguments, model.identity())


def _fades(length: int, fall: int, rise: int) -> np.ndarray:
    """1 with a quick raised cosine at the beginning and a slow one at the end. float32 [length]."""
    shape = np.ones(length, np.float32)
    shape[:rise] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(rise) + 0.5) / rise)
    shape[length - fall :] = 0.5 + 0.5 * np.cos(np.pi * (np.arange(fall) + 0.5) / fall)
    return shape

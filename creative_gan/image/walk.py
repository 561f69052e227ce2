"""A smooth closed walk through a model's latent space."""

from typing import Any

import numpy as np

from creative_gan.core import provenance
from creative_gan.core.latent import circle
from creative_gan.image import export
from creative_gan.image.model import Model


def walk(
    model: Model,
    seconds: float = 6.0,
    fps: float = 25.0,
    stops: int = 6,
    seed: int = 0,
    label: str | None = None,
    truncation: float | None = None,
) -> tuple[np.ndarray, dict[str, Any], float]:
    """Frames of a loop through `stops` random latents, the record of their origin, and their speed.

    With classes and none asked for, the class of the first stop is kept, for a class cannot be half another.

    Returns:
        (uint8 [frames, C, H, W], record, frames a second).
    """
    anchors = model.latents(range(stops), seed, truncation)
    z = circle(anchors, max(round(seconds * fps), 1))
    label_ = model.labels(range(1), label)
    frames = model.paint(z, None if label_ is None else label_.expand(len(z)).contiguous())
    arguments = {
        "seconds": seconds,
        "fps": fps,
        "stops": stops,
        "seed": seed,
        "label": label,
        "truncation": truncation,
    }
    record = provenance.origin("image walk", arguments, model.identity())
    return (export.straight(frames) if frames.shape[1] == 4 else frames), record, fps

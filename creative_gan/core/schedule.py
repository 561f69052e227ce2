"""Schedules: pure functions of progress in samples seen."""

import math


def ramp(seen: float, samples: float) -> float:
    """Rises from 0 to 1 over the first `samples`; 1 at once where there is no ramp."""
    return min(seen / samples, 1.0) if samples > 0 else 1.0


def cosine(seen: float, total: float, start: float = 1.0, end: float = 0.0) -> float:
    """From `start` to `end` along half a cosine over `total` samples, then constant."""
    progress = ramp(seen, total)
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * progress))


def one_cycle(step: int, steps: int, rise: float) -> tuple[float, float]:
    """A learning rate as a share of its peak, and Adam's beta1; the peak comes after the share `rise` of the steps.

    Smith & Topin 2017 (arXiv:1708.07120): from a 25th of the peak to it, and along half a cosine to nearly nothing;
    beta1 from 0.95 to 0.85 and back.
    """
    top = rise * steps - 1
    low, height = (
        (0.04, 1 - cosine(step, top)) if step <= top else (4e-6, cosine(step - top, steps - 1 - top))
    )
    return low + (1 - low) * height, 0.95 - 0.1 * height

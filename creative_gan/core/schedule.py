"""Schedules: pure functions of progress in samples seen."""

import math


def ramp(seen: float, samples: float) -> float:
    """Rises from 0 to 1 over the first `samples`; 1 at once where there is no ramp."""
    return min(seen / samples, 1.0) if samples > 0 else 1.0


def cosine(seen: float, total: float, start: float = 1.0, end: float = 0.0) -> float:
    """From `start` to `end` along half a cosine over `total` samples, then constant."""
    progress = ramp(seen, total)
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * progress))

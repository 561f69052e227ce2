"""Figures of piano rolls themselves, as MuseGAN has them (arXiv:1709.06298, section 6.1), with tests of our own."""

from collections.abc import Callable

import numpy as np

from creative_gan.core.draws import derive

PAIRS = 2_000
"""Pairs of rolls that are compared at most."""


def figures(rolls: np.ndarray) -> dict[str, float]:
    """All figures of bool rolls [N, 2 * tracks, steps, pitches]; nan where there is nothing to measure."""
    return {name: figure(rolls) for name, figure in FIGURES.items()}


def silence(rolls: np.ndarray) -> float:
    """Share of a track's steps at which it sounds nothing."""
    return float(1 - rolls[:, ::2].any(3).mean())


def short_notes(rolls: np.ndarray) -> float:
    """Share of notes that last a single step: what a roll in fragments is full of."""
    sounding, struck = rolls[:, ::2], rolls[:, 1::2]
    before = np.pad(sounding, ((0, 0), (0, 0), (1, 0), (0, 0)))[:, :, :-1]
    begins = sounding & (struck | ~before)
    goes_on = np.pad(sounding & ~begins, ((0, 0), (0, 0), (0, 1), (0, 0)))[:, :, 1:]
    return float((begins & ~goes_on).sum() / begins.sum()) if begins.any() else float("nan")


def clashes(rolls: np.ndarray) -> float:
    """Share of sounding steps, tracks together, that hold two pitch classes a semitone apart."""
    count, _, steps, pitches = rolls.shape
    cells = np.any(rolls[:, ::2], axis=1)
    chroma = np.any(cells.reshape(count, steps, pitches // 12, 12), axis=2)
    beside = (chroma & np.roll(chroma, 1, axis=2)).any(axis=2)
    sounds = chroma.any(axis=2)
    return float(beside.sum() / sounds.sum()) if sounds.any() else float("nan")


def diversity(rolls: np.ndarray) -> float:
    """Mean distance of two rolls: 1 less the share of sounding cells that they have in common (Jaccard)."""
    count = len(rolls)
    if count < 2:
        return float("nan")
    rng = np.random.default_rng(derive("pairs", count))
    a = rng.integers(count, size=PAIRS)
    b = (a + rng.integers(1, count, size=PAIRS)) % count
    cells = rolls[:, ::2].reshape(count, -1).astype(np.float32)
    both, size = cells @ cells.T, cells.sum(1)
    either = size[a] + size[b] - both[a, b]
    return float(1 - (both[a, b] / np.maximum(either, 1))[either > 0].mean()) if (either > 0).any() else 0.0


FIGURES: dict[str, Callable[[np.ndarray], float]] = {
    "silence": silence,
    "short notes": short_notes,
    "clashes": clashes,
    "diversity": diversity,
}

"""Chords as a root and a quality: how each sounds, and which one some notes are."""

from functools import lru_cache
from itertools import product

import numpy as np

from creative_gan.music.midi.song import TONICS

QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "dim": (0, 3, 6),
    "dim7": (0, 3, 6, 9),
    "m7b5": (0, 3, 6, 10),
    "aug": (0, 4, 8),
    "7#5": (0, 4, 8, 10),
    "sus4": (0, 5, 7),
    "7b9": (0, 4, 7, 10, 13),
}
"""Semitones above the root."""
QUALITY_NAMES = tuple(QUALITIES)
LOWEST = 36
"""Chords are written in close position, their root from this pitch (C2) up."""

_SETS = {quality: frozenset(step % 12 for step in steps) for quality, steps in QUALITIES.items()}
# The root and quality of every set of pitch classes, those of more usual qualities first.
_TEMPLATES = np.zeros((len(QUALITIES) * 12, 12))
for _row, (_steps, _root) in enumerate(product(_SETS.values(), range(12))):
    _TEMPLATES[_row, [(_root + _step) % 12 for _step in _steps]] = 1


def chord_pitches(root: int, quality: int) -> list[int]:
    """MIDI pitches of a chord. root: pitch class; quality: index in QUALITY_NAMES."""
    return [LOWEST + root + step for step in QUALITIES[QUALITY_NAMES[quality]]]


def chord_name(root: int, quality: int) -> str:
    """As on a lead sheet: `Am7`."""
    return TONICS[root] + QUALITY_NAMES[quality]


@lru_cache(maxsize=10_000)
def name_chord(pitches: tuple[int, ...]) -> tuple[int, int]:
    """Root and quality of notes that sound together, the lowest note preferred for the root.

    Notes that are no chord of QUALITIES give the one that shares most with them.
    """
    classes = frozenset(pitch % 12 for pitch in pitches)
    lowest = min(pitches) % 12
    for root in (lowest, *sorted(classes - {lowest})):
        moved = frozenset((pitch - root) % 12 for pitch in classes)
        for index, quality in enumerate(QUALITY_NAMES):
            if moved == _SETS[quality]:
                return root, index
    weights = np.bincount([pitch % 12 for pitch in pitches], minlength=12).astype(float)
    weights[lowest] += 0.5
    return closest_chord(weights)


def closest_chord(weights: np.ndarray) -> tuple[int, int]:
    """The chord that weights of the twelve pitch classes are most like. weights: float [12], not all zero."""
    fit = _TEMPLATES @ weights / np.sqrt(_TEMPLATES.sum(1))
    best = int(fit.argmax())
    return best % 12, best // 12

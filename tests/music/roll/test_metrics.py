"""Figures of piano rolls, on rolls made by hand."""

import numpy as np
import pytest

from creative_gan.music.roll import metrics


def roll(cells: list[tuple[int, int, int]], struck: list[tuple[int, int, int]] = ()) -> np.ndarray:
    """Two tracks of 4 steps and 12 pitches; cells are (track, step, pitch)."""
    made = np.zeros((1, 4, 4, 12), bool)
    for track, step, pitch in cells:
        made[0, 2 * track, step, pitch] = True
    for track, step, pitch in struck:
        made[0, 2 * track + 1, step, pitch] = True
    return made


def test_silence_counts_the_steps_of_tracks() -> None:
    assert metrics.silence(roll([(0, 0, 0), (0, 1, 5)])) == pytest.approx(6 / 8)


def test_short_notes_are_single_steps() -> None:
    long = [(0, 0, 0), (0, 1, 0), (0, 2, 0)]
    assert metrics.short_notes(roll(long)) == 0
    assert metrics.short_notes(roll([*long, (1, 1, 3)])) == 0.5
    # struck again at its last step: one of two steps, and one of one
    assert metrics.short_notes(roll(long, [(0, 2, 0)])) == 0.5
    assert np.isnan(metrics.short_notes(roll([])))


def test_clashes_are_neighbouring_pitch_classes() -> None:
    apart = [(0, 0, 0), (1, 0, 4), (0, 1, 0)]
    assert metrics.clashes(roll(apart)) == 0
    assert metrics.clashes(roll([*apart, (1, 1, 11)])) == 0.5


def test_diversity_is_zero_for_copies_and_one_for_strangers() -> None:
    one, other = roll([(0, 0, 0)]), roll([(0, 0, 1)])
    assert metrics.diversity(np.concatenate([one, one])) == 0
    assert metrics.diversity(np.concatenate([one, other])) == 1
    assert metrics.diversity(np.concatenate([roll([]), roll([])])) == 0

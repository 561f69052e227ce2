"""Figures on songs whose values are known by hand, and the controls."""

import numpy as np
import pytest

from creative_gan.music.midi import metrics
from creative_gan.music.midi.builtin import tunes
from creative_gan.music.midi.song import Part, Song, ordered, transposed

TWO = (Part("upper"), Part("lower"))


def song(*notes: tuple[int, int, int, int], parts: tuple[Part, ...] = TWO) -> Song:
    return Song(ordered(np.array(notes, np.int64).reshape(-1, 4)), parts)


def scale(start: int = 60, count: int = 8, ticks: int = 24) -> Song:
    steps = [0, 2, 4, 5, 7, 9, 11, 12] * (count // 8 + 1)
    return song(*((i * ticks, ticks, start + steps[i], 0) for i in range(count)))


def test_scale_consistency() -> None:
    assert metrics.scale_consistency(scale()) == 1
    assert metrics.scale_consistency(song(*((i, 1, 60 + i, 0) for i in range(12)))) == pytest.approx(7 / 12)


def test_polyphony_counts_only_where_something_sounds() -> None:
    assert metrics.polyphony(song((0, 24, 60, 0), (0, 12, 50, 1), (96, 24, 60, 0))) == pytest.approx(10 / 8)


def test_groove() -> None:
    same = song((0, 24, 60, 0), (48, 24, 60, 0), (96, 24, 62, 0), (144, 24, 62, 0))
    assert metrics.groove(same) == 1
    assert metrics.groove(song((0, 24, 60, 0), (48, 24, 60, 0), (96, 24, 62, 0))) == pytest.approx(15 / 16)


def test_means_of_notes() -> None:
    one = song((0, 24, 60, 0), (24, 48, 62, 0), (96, 2, 60, 0), (98, 1, 64, 0))
    assert metrics.notes_a_bar(one) == 2
    assert metrics.note_length(one) == pytest.approx(75 / 4 / 24)
    assert metrics.qualified_notes(one) == 0.5


def test_harmonic_intervals_and_melodic_steps() -> None:
    one = song((0, 24, 64, 0), (24, 24, 67, 0), (0, 48, 48, 1))
    assert dict(enumerate(metrics.harmonic_intervals([one]))) == dict(
        enumerate(np.bincount([4] * 4 + [7] * 4, minlength=12))
    )
    steps = metrics.melodic_steps([one])
    assert steps[metrics.WIDEST + 3] == 1 and steps.sum() == 1


def test_tonal_distance_is_least_in_unison_and_greater_for_a_semitone_than_for_a_fifth() -> None:
    unison, fifth, semitone = (song((0, 96, 60, 0), (0, 96, 48 + by, 1)) for by in (0, 7, 1))
    assert metrics.tonal_distance(unison) == pytest.approx(0, abs=1e-6)
    assert 0 < metrics.tonal_distance(fifth) < metrics.tonal_distance(semitone)


def test_repetition() -> None:
    twice = song(*((bar * 96, 96, 60 + bar % 2, 0) for bar in range(4)))
    assert metrics.repeated_bars(twice) == 0.5
    stuck = song(*((i * 24, 24, 60 if i > 2 else 61 + i, 0) for i in range(10)))
    assert metrics.longest_same_pitch(stuck) == 7


def test_crossed_parts() -> None:
    """Four quarters: below, above, alone, equal."""
    upper = ((i * 24, 24, 60, 0) for i in (0, 1, 3))
    lower = ((i * 24, 24, pitch, 1) for i, pitch in enumerate((55, 62, 50, 60)))
    assert metrics.crossed_parts(song(*sorted([*upper, *lower]))) == pytest.approx(1 / 3)
    assert np.isnan(metrics.crossed_parts(song(*((i * 24, 24, 60, 0) for i in range(3)))))


def test_copies_are_found_in_any_key_and_not_where_the_rhythm_differs() -> None:
    rng = np.random.default_rng(0)
    random = song(*((i * 24, 24, int(p), 0) for i, p in enumerate(rng.integers(55, 80, 40))))
    slower = Song(random.notes * (2, 2, 1, 1), TWO)
    known = metrics.runs([random])
    assert metrics.copied_runs([transposed(random, 5)], known) == 1
    assert metrics.copied_runs([slower], known) == 0
    excerpt = Song(random.notes[10:30] - (240, 0, 0, 0), TWO)
    assert metrics.longest_copy([excerpt], [random]) == 20
    assert metrics.longest_copy([scale(count=8)], [random]) < 6


def test_divergence_is_zero_for_the_same_and_grows() -> None:
    counts = np.arange(12) * 100.0
    assert metrics.divergence(counts, counts) == 0
    assert 0 < metrics.divergence(counts + 50, counts) < metrics.divergence(counts[::-1], counts)


def test_the_table_tells_shuffled_pitches_from_real_ones() -> None:
    songs = [s for _, s in tunes(120)]
    table = metrics.evaluate(songs[:40], songs[40:80], songs[80:])
    assert all(set(row) == {"fake", "held-out", "shuffled"} for row in table.values())
    for name in ("harmonic interval KL", "melodic step KL"):
        assert table[name]["shuffled"] > 3 * table[name]["held-out"]
    assert table["pitch class KL"]["shuffled"] == table["pitch class KL"]["held-out"]
    assert table["scale consistency"]["shuffled"] == table["scale consistency"]["held-out"]


def test_shuffling_keeps_rhythm_pitches_and_drums() -> None:
    one = song(
        (0, 24, 60, 0),
        (24, 24, 62, 0),
        (48, 24, 64, 0),
        (0, 24, 36, 1),
        parts=(Part("a"), Part("d", drum=True)),
    )
    other = metrics.shuffled(one, 1)
    assert sorted(other.notes[:, 2]) == sorted(one.notes[:, 2])
    assert other.notes[other.notes[:, 3] == 1].tolist() == [[0, 24, 36, 1]]


def test_songs_without_notes_do_no_harm() -> None:
    empty = song()
    table = metrics.evaluate([empty], [scale(count=24)], [scale(count=24)])
    assert np.isnan(table["polyphony"]["fake"]) and np.isfinite(table["pitch class KL"]["fake"])

"""Pieces that are given to a model: what it hears of them, and what of them is written."""

import numpy as np
import pytest

from creative_gan.music.midi.arrange import arranged
from creative_gan.music.midi.given import accompanied_song, heard
from creative_gan.music.midi.song import QUARTER, Part, Song, ordered
from creative_gan.music.midi.vocabulary import vocabulary

EIGHTH = QUARTER // 2


def melody(*notes: tuple[int, int, int], part: str = "melody") -> Song:
    """A song of one part; notes: onset, length, pitch."""
    rows = np.array([(*note, 0) for note in notes], np.int64)
    return Song(ordered(rows), (Part(part),))


@pytest.mark.parametrize(("step", "length"), [(EIGHTH, 10), (QUARTER, 20), (2 * QUARTER, 40)])
def test_a_melody_played_a_little_short_is_heard_without_gaps(step: int, length: int):
    full, short = (melody(*((i * step, n, 72 + i % 5) for i in range(16))) for n in (step, length))
    words = vocabulary("lead")
    assert words.encode(heard(short, "lead")) == words.encode(arranged(full, "lead"))
    assert len(words.encode(arranged(short, "lead"))) > len(words.encode(heard(short, "lead"))) + 16
    # and it is written as it was
    made = words.decode(words.encode(heard(short, "lead")))
    assert np.array_equal(accompanied_song(short, "lead", (0,), made).notes, short.notes)


def test_rests_of_a_melody_stay_rests():
    given = melody((0, EIGHTH, 72), (QUARTER, 60, 74), (4 * QUARTER, 96, 76), (9 * QUARTER, QUARTER, 72))
    assert np.array_equal(heard(given, "lead").notes, given.notes)

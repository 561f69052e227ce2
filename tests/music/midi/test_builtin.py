"""The built-in tunes: right bars, many keys and metres, always the same; and the picture of one."""

from hashlib import sha256

import numpy as np
import pytest

from creative_gan.music.midi.arrange import arranged
from creative_gan.music.midi.builtin import tunes
from creative_gan.music.midi.metrics import scale_consistency
from creative_gan.music.midi.picture import COLOURS, piano_roll
from creative_gan.music.midi.song import METRES, Part, Song, bar_ticks
from creative_gan.music.midi.themes import THEMES, Theme, parsed


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_bar_of_a_theme_is_full_and_its_chords_are_known(theme: Theme) -> None:
    heard = parsed(theme)
    assert set(heard.bars) == {bar_ticks(METRES.index(tuple(map(int, theme.metre.split("/")))))}
    assert all(54 <= pitch <= 81 for _, _, pitch in heard.notes)
    onsets = [onset for onset, _, _ in heard.notes]
    assert onsets == sorted(set(onsets))


def test_the_tunes_are_many_and_various_and_fit_their_shape() -> None:
    named = tunes()
    songs = [song for _, song in named]
    assert len(songs) == len({name for name, _ in named}) == 600
    assert (
        len({(song.notes - (0, 0, song.notes[0, 2], 0)).tobytes() for song in songs}) == 600
    )  # whatever the key
    assert len({song.keys[0][1] for song in songs}) == 24
    assert {METRES[song.metres[0][1]] for song in songs} == {(2, 4), (3, 4), (3, 8), (4, 4), (6, 8)}
    for song in songs[::7]:
        assert np.array_equal(arranged(song, "lead").notes, song.notes)
        melody = song.notes[song.notes[:, 3] == 0, 2]
        assert melody.min() >= 48 and melody.max() <= 95
    assert np.mean([scale_consistency(song) for song in songs]) > 0.93


def test_the_tunes_are_always_the_same() -> None:
    first = [song.notes.tobytes() for _, song in tunes(60)]
    tunes.cache_clear()
    assert [song.notes.tobytes() for _, song in tunes(60)] == first
    digest = sha256(b"".join(first)).hexdigest()
    assert digest == sha256(b"".join(song.notes.astype("<i8").tobytes() for _, song in tunes(60))).hexdigest()


def test_a_picture_shows_each_note_in_the_colour_of_its_part() -> None:
    notes = np.array([(0, 96, 72, 0), (0, 48, 60, 1), (96, 96, 48, 1)])
    image = piano_roll(Song(notes, (Part("upper"), Part("lower"))), width=600)
    pixels = np.asarray(image).reshape(-1, 3)
    areas = [(pixels == tuple(bytes.fromhex(colour[1:]))).all(1).sum() for colour in COLOURS[:3]]
    # Equal bars and lengths of 96 to 144 ticks: the second part covers half as much again.
    assert areas[0] > 300 and areas[1] / areas[0] == pytest.approx(1.5, rel=0.25) and areas[2] == 0


@pytest.mark.parametrize(
    "notes", [[], [(0, 3, 60, 0)], [(0, 3, 36, 1)], [(i * 96, 1, 20 + i, 0) for i in range(100)]]
)
def test_a_picture_can_be_made_of_anything(notes: list[tuple[int, int, int, int]]) -> None:
    song = Song(np.array(notes, np.int64).reshape(-1, 4), (Part(""), Part("kit", drum=True)))
    assert piano_roll(song).width == 1200

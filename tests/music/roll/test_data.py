"""Songs as rolls and back: every note of a window, repeated ones too; metres, grids, transposition, splits."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from creative_gan.core.errors import DataError, UserError
from creative_gan.music.midi.builtin import tunes
from creative_gan.music.midi.data import Pieces, from_songs
from creative_gan.music.midi.song import METRES, QUARTER, Part, Song, bar_ticks, ordered
from creative_gan.music.roll.data import Found, Grid, draw, quantised, split
from creative_gan.music.roll.export import stretch, strung, to_song
from creative_gan.music.roll.recipe import DataRecipe


@pytest.fixture(scope="module")
def pieces() -> Pieces:
    named = tunes(40)
    return from_songs([song for _, song in named], [name for name, _ in named])


@pytest.fixture(scope="module")
def found(pieces: Pieces) -> Found:
    return split(pieces, DataRecipe(bars=2, transpose=5))


def band() -> Song:
    rng = np.random.default_rng(0)
    rows = [(step * 12, 12, pitch, part) for part, pitch in enumerate((48, 55, 38)) for step in range(64)]
    notes = np.array(rows)
    notes[notes[:, 3] == 1, 2] += rng.integers(0, 8, 64)
    return Song(ordered(notes), (Part("bass", 33), Part("piano", 0), Part("drums", 0, True)))


def expected(song: Song, first: int, grid: Grid) -> NDArray[np.int64]:
    """The notes of a window, cut at its edges, counted from its beginning."""
    start = int(song.bars()[first, 0])
    stop = start + grid.bars * bar_ticks(grid.metre)
    begin, end = song.notes[:, 0].clip(start), (song.notes[:, 0] + song.notes[:, 1]).clip(max=stop)
    notes = np.column_stack([begin - start, end - begin, song.notes[:, 2:]])
    return ordered(notes[end > begin])


def test_every_note_of_every_window_comes_back(pieces: Pieces, found: Found) -> None:
    songs = pieces.split(0.1)[0].songs()
    rolls = found.train.rolls(range(len(found.train)))
    repeated = 0
    for index, roll in enumerate(rolls):
        made = to_song(roll, found.train.grid, 120.0)
        wanted = expected(songs[found.train.song[index]], int(found.train.first[index]), found.train.grid)
        assert np.array_equal(made.notes, wanted)
        assert np.array_equal(stretch(found.train, index).notes, wanted)
        ends = {(a + b, c, d) for a, b, c, d in wanted.tolist()}
        repeated += sum((a, c, d) in ends for a, b, c, d in wanted.tolist())
    assert repeated > 100, "or nothing is said of notes that are struck again"


def test_notes_beyond_the_grid_are_in_no_stretch(found: Found) -> None:
    narrow = replace(found.train, grid=replace(found.train.grid, octaves=2))
    lost = 0
    for index, roll in enumerate(narrow.rolls(range(40))):
        notes = stretch(narrow, index).notes
        assert np.array_equal(notes, to_song(roll, narrow.grid, 120.0).notes)
        lost += len(stretch(found.train, index).notes) - len(notes)
    assert lost > 0


def test_a_song_drawn_is_the_song(found: Found) -> None:
    grid = found.train.grid
    rolls = found.train.rolls(found.train.apart())
    rolls[:, 1::2, 0] = rolls[:, ::2, 0]  # what is held from before counts as struck
    assert np.array_equal(draw([to_song(roll, grid, 90.0) for roll in rolls], grid), rolls)
    both = strung([to_song(roll, grid, 90.0) for roll in rolls[:2]], grid)
    assert both.notes[:, 0].max() >= grid.bars * bar_ticks(grid.metre) and both.tempo == 90.0


def test_windows_have_one_metre_and_sides_do_not_mix(pieces: Pieces, found: Found) -> None:
    songs = pieces.split(0.1)[0].songs()
    for song, first in zip(found.train.song, found.train.first, strict=True):
        bars = songs[song].bars()[first : first + 2]
        assert len(bars) == 2 and (bars[:, 2] == found.train.grid.metre).all()
    threes = split(pieces, DataRecipe(bars=2, metre="3/4"))
    assert METRES[threes.train.grid.metre] == (3, 4) and threes.train.grid.roll[1] == 24
    assert threes.unused > 0 and threes.train.fingerprint != found.train.fingerprint
    assert len(found.heldout) and found.heldout.grid == found.train.grid
    apart = found.train.apart()
    same = np.diff(found.train.song[apart]) == 0
    assert same.any() and (np.diff(found.train.first[apart])[same] >= 2).all()


def test_transposition_moves_all_pitches_but_drums_and_stays_in_range(found: Found) -> None:
    train = found.train
    some = np.arange(0, len(train), 7)
    low, high = train.shifts[some].T
    plain = train.rolls(some)[:, ::2].any((1, 2))
    for shift in (-5, 3, 12):
        moved = train.rolls(some, np.full(len(some), shift))
        assert moved[:, ::2].sum() == train.rolls(some)[:, ::2].sum() or shift == 12
        for before, after, by in zip(
            plain, moved[:, ::2].any((1, 2)), np.clip(shift, low, high), strict=True
        ):
            if abs(by) <= 5:
                assert np.array_equal(np.flatnonzero(after), np.flatnonzero(before) + by)
    rolls = split(from_songs([band()] * 12, [f"{i}" for i in range(12)], "band"), DataRecipe(bars=1)).train
    names = [line.part.name for line in rolls.grid.lines]
    a, b = rolls.rolls([0])[0], rolls.rolls([0], np.array([4]))[0]
    drums, bass = 2 * names.index("drums"), 2 * names.index("bass")
    assert np.array_equal(a[drums], b[drums]) and np.array_equal(np.roll(a[bass], 4, axis=1), b[bass])


def test_how_often_pitches_sound_is_the_mean_of_all_rolls(found: Found) -> None:
    every = found.train.rolls(range(len(found.train)))
    assert np.allclose(found.train.often(), every.mean((0, 2)), atol=1e-6)


def test_habits_are_those_of_the_rolls(found: Found) -> None:
    rolls, grid = found.train.rolls(np.arange(len(found.train))), found.train.grid
    habits, middle = found.train.habits(), found.train.grid.pitches - 1
    sounding, struck = rolls[:, ::2], rolls[:, 1::2]
    for place in range(grid.bar):
        steps = np.arange(1, grid.roll[1])[np.arange(1, grid.roll[1]) % grid.bar == place]
        old, now, new = sounding[:, 0, steps - 1], sounding[:, 0, steps], struck[:, 0, steps]
        share = (old & now & ~new).sum() / max(old.sum(), 1)
        assert abs(habits.held[0, place].item() - share) < 1e-6
    together, moves = np.zeros(2 * middle + 1), np.zeros(2 * middle + 1)
    for roll in rolls:
        last = None
        for step in range(grid.roll[1]):
            one, other = (np.flatnonzero(roll[2 * track, step]) for track in (0, 1))
            if len(one) and len(other):
                together[one[-1] - other[-1] + middle] += 1
            if len(new := one if step == 0 else np.flatnonzero(roll[1, step])):
                if last is not None:
                    moves[new[0] - last + middle] += 1
                last = new[0]
    assert np.array_equal(habits.together[0, 1].numpy(), together)
    assert np.array_equal(habits.moves[0].numpy(), moves)


def test_notes_off_the_grid_are_placed_on_it(found: Found) -> None:
    grid = replace(found.train.grid, steps=4)
    notes = np.array([(i * 8, 8, 60 + i % 3, 0) for i in range(12)])
    placed = quantised(Song(notes, (Part("melody"), Part("chords"))), grid)
    assert not (placed.notes[:, :2] % (QUARTER // 4)).any() and (placed.notes[:, 1] > 0).all()
    ends = placed.notes[:-1, 0] + placed.notes[:-1, 1]
    assert (ends <= placed.notes[1:, 0]).all(), "one note at a time"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"metre": "7/8"}, "lower data.bars"),
        ({"metre": "13/8"}, "13/8"),
        ({"metre": "3/8", "steps": 1}, "data.steps"),
    ],
)
def test_what_cannot_be_used_is_said(pieces: Pieces, settings: dict, words: str) -> None:
    with pytest.raises((DataError, UserError), match=words):
        split(pieces, DataRecipe(**settings))


@pytest.mark.realdata
def test_chorales_come_back(real_data) -> None:
    from creative_gan.music.roll.data import open_rolls

    found = open_rolls(str(real_data / "jsb"), DataRecipe())
    assert found.train.grid.shape == "chorale" and len(found.train) > 2000 and len(found.heldout) > 500
    rolls = found.train.rolls(range(0, len(found.train), 50))
    assert rolls[:, ::2].sum(3).max() == 1, "a voice sings one note"
    again = np.stack([to_song(roll, found.train.grid, 90.0).notes[:, 1].sum() for roll in rolls])
    assert np.array_equal(again, rolls[:, ::2].sum((1, 2, 3)) * found.train.grid.tick)

"""Pieces that are given to a model: what it hears of them, and what of them is written."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from creative_gan.music.midi.arrange import SHAPES, arranged
from creative_gan.music.midi.export import to_midi
from creative_gan.music.midi.given import (
    accompanied_song,
    altered,
    continued_song,
    dropped,
    heard,
    prompt,
)
from creative_gan.music.midi.grammar import Grammar
from creative_gan.music.midi.masks import ended
from creative_gan.music.midi.song import QUARTER, Part, Song, ordered
from creative_gan.music.midi.vocabulary import BAR, END, vocabulary

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


def test_what_sounds_at_the_end_of_a_piece_does_not_sound_on():
    words = vocabulary("chorale")
    lines = [(0, 96, 72, 0), (0, 96, 67, 1), (0, 48, 64, 2), (0, 96, 48, 3)]
    song = arranged(Song(np.array(lines), tuple(line.part for line in SHAPES["chorale"])), "chorale")
    tokens, last, bars, start = prompt(words, song, 96)
    assert (bars, start) == (1, 96) and last == [0, 1, 3]  # the tenor fell silent before, which is said
    grammar, row = Grammar(words, 2), torch.tensor([tokens])
    allowed = ended(grammar.follow(), words, last, len(tokens))
    for line in (0, 1, 3):
        legal = allowed(row)[0]
        assert legal[words.id("note", 60, line)] and legal[words.id("silence", 0, line)]
        assert legal[words.id("note", 60, 2)] == (line == 3)  # which may play, or leave it
        assert not legal[words.id("silence", 0, 3)] or line == 3
        assert not any(legal[words.slice(kind)].any() for kind in ("special", "beat", "place"))
        row = torch.cat([row, torch.tensor([[words.id("silence", 0, line)]])], 1)
    assert allowed(row)[0, words.id("beat", 1)]
    row = torch.cat([row, torch.tensor([[words.id("beat", 1), words.id("note", 60, 2), BAR]])], 1)
    assert torch.equal(allowed(row), Grammar(words, 2).follow()(row))
    assert words.decode([*row[0].tolist(), END]).notes[:4].tolist() == song.notes.tolist()


def test_who_played_a_line_goes_on_with_it():
    chords = [(24 * i, 24, pitch, 0) for i in range(8) for pitch in (48, 52, 55)]
    tune = [(24 * i, 24, 72 + i % 3, 1) for i in range(8)]
    made = Song(np.array([(192, 24, 74, 0), *((192, 24, pitch, 1) for pitch in (48, 52, 55))]), ())
    for rows, parts, players, more in (
        (chords + tune, (Part("", 5), Part("", 5)), [1, 0], ()),  # alike, and yet each its own
        (tune, (Part("", 5), Part("fiddle", 40)), [1, 2], (Part("chords", 0),)),
        ([(*row[:3], 0) for row in chords + tune], (Part("", 5),), [0, 1], (Part("chords", 5),)),
    ):
        song = continued_song(Song(ordered(np.array(rows)), parts), "lead", made, 192)
        assert song.parts == (*parts, *more)
        new = song.notes[song.notes[:, 0] == 192]
        assert {pitch: part for _, _, pitch, part in new.tolist()}[74] == players[0]
        assert set(new[new[:, 2] < 60, 3].tolist()) == {players[1]}


def test_given_notes_stay_as_loud_and_new_ones_are_as_loud_as_they() -> None:
    parts = (Part("piano", 3), Part("flute", 73))
    rows = [(24 * i, 24, 72 + i % 3, 1) for i in range(8)] + [(0, 192, pitch, 0) for pitch in (48, 52, 55)]
    loud = {(24 * i, 72 + i % 3, 1): 30 + i for i in range(8)} | {(0, pitch, 0): 60 for pitch in (48, 52, 55)}
    song = Song(ordered(np.array(rows)), parts, struck=loud)
    made = Song(np.array([(192, 24, 74, 0), (216, 24, 76, 0), (192, 48, 48, 1)]), ())
    longer = to_midi(continued_song(song, "lead", made, 192))
    of = {
        player.name: {note.pitch: note.velocity for note in player.notes[-2:]}
        for player in longer.instruments
    }
    flute = next(player for player in longer.instruments if player.name == "flute")
    assert [note.velocity for note in flute.notes[:8]] == [*range(30, 38)]
    assert of["flute"] == {74: 34 + 8, 76: 34} and of["piano"][48] == 60 + 8  # a bar begins a little louder
    # accompanied, the melody keeps who plays it and how loud; an octave lower it is the same melody
    around = Song(np.array([(0, 24, 72, 0), (0, 192, 48, 3)]), tuple(line.part for line in SHAPES["chorale"]))
    high = replace(
        song,
        notes=song.notes + np.array((0, 0, 12, 0)),
        struck={(o, p + 12, n): v for (o, p, n), v in loud.items()},
    )
    full = accompanied_song(high, "chorale", (0,), around)
    assert full.parts[0] == Part("soprano", 73) and full.parts[1:] == around.parts[1:]
    soprano = to_midi(full).instruments[0]
    assert [note.velocity for note in soprano.notes] == [*range(30, 38)]
    assert dropped(song, "lead") == ["piano"] and dropped(melody((0, 24, 60)), "lead") == []


def test_a_melody_out_of_range_moves_as_a_whole() -> None:
    low = [48, 55, 60, 67, 50, 57, 62, 48]
    given = melody(*((i * QUARTER, QUARTER, pitch) for i, pitch in enumerate(low)))
    voice = heard(given, "chorale").notes
    assert (voice[:, 2] - low).tolist() == [12] * 8 and set(voice[:, 3].tolist()) == {0}
    assert altered(given, "chorale") == "all of it moves up by 12 semitones"
    assert altered(given, "lead") is None and np.array_equal(heard(given, "lead").notes, given.notes)


def test_what_becomes_of_a_melody_is_said() -> None:
    notes = [(24, 40, 60), (24, 40, 55), (48, 24, 100), (72, 24, 50), (96, 24, 90)]
    given = melody((0, 24, 36), *notes, *((120 + 24 * i, 24, 62) for i in range(10)), part="tune")
    voice = heard(given, "lead").notes
    assert voice[voice[:, 3] == 0, 2].tolist() == [48, 60, 88, 50, 90, *[62] * 10]
    assert altered(given, "lead") == (
        "2 of its 16 notes move by octaves of their own, "
        "1 of 16 notes, which begin with higher ones, are left out, 1 of 16 notes end where the next begins"
    )
    drums = Song(np.array([(0, 24, 36, 0)]), (Part("", 0, drum=True),))
    assert altered(drums, "lead") is None

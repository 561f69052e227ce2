"""Are melodies copied? Songs beside those of the training, by intervals and rhythm alone: the same in every key."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

import numpy as np

from creative_gan.core.copying import Copying, judge
from creative_gan.music.midi.metrics import melody
from creative_gan.music.midi.song import Song
from creative_gan.sequence.metrics import Copies, longest_copies
from creative_gan.sequence.nearest import nearest

COMPARED = 160
"""Notes from the beginning of each melody that are compared edit by edit."""
FEWEST = 4
"""A melody of fewer notes is nobody's, and so no copy."""
BARS = 16
"""Of a song that is shown."""


@dataclass(frozen=True)
class Copied:
    """What is known of the copying of melodies, whatever their key."""

    copying: Copying
    """By edits a note of the first `COMPARED` notes."""
    spans: Copies
    """The longest run of moves from note to note that each sample has from one training song."""
    heldout_spans: Copies


def copies(train: Sequence[Song], heldout: Sequence[Song], fake: Sequence[Song]) -> Copied:
    """What is known of the copying of melodies, whatever the key. Needs two held-out songs at least."""
    known, unseen, made = ([moves(song) for song in songs] for songs in (train, heldout, fake))
    short = [[melody[:COMPARED] for melody in melodies] for melodies in (known, unseen, made)]
    near, kept = nearest(short[2], short[0]), nearest(short[1], short[0])
    copying = judge(near.index, _distance(near.distance, made), _distance(kept.distance, unseen))
    return Copied(copying, longest_copies(made, known), longest_copies(unseen, known))


def moves(song: Song) -> list[int]:
    """From each note of the melody to the next, interval and time in one number: the same in every key."""
    line = melody(song)
    return (np.diff(line[:, 2]) + 128 + np.diff(line[:, 0]) * 256).tolist()


def shared(left: Song, right: Song) -> tuple[Song, Song, int]:
    """The longest run of moves that two melodies share: where it is in each song, and how many notes it has."""
    match = SequenceMatcher(None, moves(left), moves(right), autojunk=False).find_longest_match()
    notes = match.size + 1
    return _around(left, match.a, notes), _around(right, match.b, notes), notes


def excerpt(song: Song, first: int, last: int, bars: int = BARS) -> Song:
    """The bars of a song from that of tick `first` to that of tick `last`, so many at most, as a song."""
    rows = song.bars()
    if not len(rows):
        return song
    begin = int(np.searchsorted(rows[:, 0], first, side="right")) - 1
    rows = rows[begin : begin + bars]
    rows = rows[rows[:, 0] <= last]
    start, end = int(rows[0, 0]), int(rows[-1, 0] + rows[-1, 1])
    notes = song.notes[(song.notes[:, 0] >= start) & (song.notes[:, 0] < end)].copy()
    notes[:, 0] -= start
    notes[:, 1] = np.minimum(notes[:, 1], end - start - notes[:, 0])
    metres = tuple((int(row[0]) - start, int(row[2])) for row in rows)
    keys = tuple((int(row[0]) - start, int(row[3])) for row in rows)
    return replace(song, notes=notes, metres=_changes(metres), keys=_changes(keys))


def _distance(found: np.ndarray, melodies: Sequence[Sequence[int]]) -> np.ndarray:
    """Distances [N], the farthest there is for melodies of too few notes."""
    return np.where([len(moves) + 1 < FEWEST for moves in melodies], 1.0, found)


def _changes(rows: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    return tuple(row for i, row in enumerate(rows) if not i or row[1] != rows[i - 1][1])


def _around(song: Song, at: int, notes: int) -> Song:
    """The bars in which some notes of the melody lie."""
    onsets = melody(song)[at : at + notes, 0]
    return excerpt(song, int(onsets[0]), int(onsets[-1])) if len(onsets) else song

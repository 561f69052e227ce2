"""Songs as piano rolls: windows of whole bars of one metre, cut from `music.midi.data.Pieces`.

A roll is a block [2 * tracks, steps, pitches] of zeros and ones: for each track first what sounds, then what
is struck. A pitch that sounds on without being struck is held; so a repeated note is not a long one, which
a roll of sounding pitches alone (arXiv:1709.06298, section 3.1) cannot tell apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
import torch
from torch import Tensor

from creative_gan.core.data import evenly
from creative_gan.core.errors import DataError, UserError
from creative_gan.music.midi.arrange import SHAPES, Line, arranged
from creative_gan.music.midi.data import Pieces, load_pieces
from creative_gan.music.midi.song import METRES, QUARTER, Song, bar_ticks, ordered
from creative_gan.music.roll.recipe import DataRecipe

_AT_ONCE, _COUNTED = 256, 4_000
"""Rolls that are drawn at once to be counted, and in all: of many songs some say what all do."""


@dataclass(frozen=True)
class Grid:
    """What the places of a roll mean."""

    shape: str
    """Of the songs; its lines are the tracks."""
    metre: int
    """Index in METRES."""
    bars: int
    steps: int
    """Of a quarter."""
    low: int
    """The lowest MIDI pitch."""
    octaves: int

    @property
    def lines(self) -> tuple[Line, ...]:
        """What plays on each track."""
        return SHAPES[self.shape]

    @property
    def pitches(self) -> int:
        """Pitches of a roll, whole octaves."""
        return 12 * self.octaves

    @property
    def bar(self) -> int:
        """Steps of a bar."""
        return bar_ticks(self.metre) // self.tick

    @property
    def tick(self) -> int:
        """Ticks of a step."""
        return QUARTER // self.steps

    @property
    def roll(self) -> tuple[int, int, int]:
        """The shape of a roll: channels, steps, pitches."""
        return 2 * len(self.lines), self.bars * self.bar, self.pitches


@dataclass(frozen=True)
class Habits:
    """How often things happen in rolls."""

    often: Tensor
    """float32 [2 * tracks, pitches]: their average over steps."""
    moves: Tensor
    """float32 [tracks, 2 * pitches - 1]: from a note of a track to the next, by interval, from the deepest fall up."""
    held: Tensor
    """float32 [tracks, steps of a bar]: share of what sounded at the step before that goes on at this place."""
    together: Tensor
    """float32 [tracks, tracks, 2 * pitches - 1]: steps at which the highest note of one is so far above another's."""


@dataclass(frozen=True, eq=False)
class Rolls:
    """Windows of songs, kept as notes and drawn as rolls when they are asked for."""

    grid: Grid
    notes: np.ndarray
    """int32 [notes, 5]: first step, step after the last, MIDI pitch, track, 1 if struck within the window."""
    at: np.ndarray
    """int64 [windows + 1]: where the notes of each window begin."""
    song: np.ndarray
    """int64 [windows]: the song that each comes from."""
    first: np.ndarray
    """int64 [windows]: the bar of the song that each begins with."""
    shifts: np.ndarray
    """int64 [windows, 2]: by how many semitones each may move down (<= 0) and up."""
    tempo: float
    """Of most songs, in quarters a minute."""

    def __len__(self) -> int:
        return len(self.song)

    @property
    def fingerprint(self) -> str:
        """Tells one set from another: a digest of grid and notes."""
        digest = blake2b(repr(self.grid).encode(), digest_size=16)
        for array in (self.notes, self.at):
            digest.update(array.tobytes())
        return digest.hexdigest()

    def rolls(
        self, indices: Sequence[int] | np.ndarray, shift: np.ndarray | Tensor | None = None
    ) -> np.ndarray:
        """Windows as rolls, bool [B, 2 * tracks, steps, pitches].

        Args:
            shift: whole numbers [B]: semitones by which each moves, less where a note would leave its line's
                range; drums stay.
        """
        indices = np.asarray(indices)
        counts = self.at[indices + 1] - self.at[indices]
        notes = self.notes[_ranges(self.at[indices], counts)]
        row = np.repeat(np.arange(len(indices)), counts)
        pitch = notes[:, 2].copy()
        if shift is not None:
            moved = np.clip(np.asarray(shift), *self.shifts[indices].T)
            drums = np.array([line.part.drum for line in self.grid.lines])
            pitch += np.where(drums[notes[:, 3]], 0, moved[row]).astype(pitch.dtype)
        pitch -= self.grid.low
        inside = (pitch >= 0) & (pitch < self.grid.pitches)  # notes of other data may lie beyond
        row, notes, pitch = row[inside], notes[inside], pitch[inside]
        made = np.zeros((len(indices), *self.grid.roll), bool)
        lengths = notes[:, 1] - notes[:, 0]
        many = np.repeat(np.arange(len(notes)), lengths)
        made[row[many], 2 * notes[many, 3], _ranges(notes[:, 0], lengths), pitch[many]] = True
        struck = notes[:, 4] > 0
        made[row[struck], 2 * notes[struck, 3] + 1, notes[struck, 0], pitch[struck]] = True
        return made

    def batch(
        self, indices: Sequence[int] | np.ndarray, shift: np.ndarray | Tensor | None = None
    ) -> dict[str, Tensor]:
        """`real`: float32 [B, 2 * tracks, steps, pitches], 0 or 1. See `rolls`."""
        return {"real": torch.from_numpy(self.rolls(indices, shift).astype(np.float32))}

    def often(self) -> Tensor:
        """The average of all rolls over their steps, untransposed. Returns float32 [2 * tracks, pitches]."""
        channels, steps, pitches = self.grid.roll
        begin, end, pitch, track, struck = self.notes.T
        place, counts = 2 * track * pitches + pitch - self.grid.low, channels * pitches
        cells = np.bincount(place, end - begin, counts) + np.bincount(place + pitches, struck, counts)
        return torch.from_numpy(cells / (steps * len(self))).float().reshape(channels, pitches)

    def habits(self) -> Habits:
        """What these rolls have in common. See `Habits`."""
        tracks, span, low = len(self.grid.lines), 2 * self.grid.pitches - 1, self.grid.pitches - 1
        window = np.repeat(np.arange(len(self)), np.diff(self.at))
        begin, _, pitch, track, _ = self.notes.T
        order = np.lexsort((pitch, begin, track, window))
        same = (np.diff(window[order]) == 0) & (np.diff(track[order]) == 0)
        interval, whose = np.diff(pitch[order])[same], track[order][1:][same]
        inside = np.abs(interval) <= low
        moves = np.bincount((whose * span + interval + low)[inside], minlength=tracks * span)
        together = np.zeros((tracks, tracks, span))
        before, after = np.zeros((2, tracks, self.grid.bar))
        places = np.arange(1, self.grid.roll[1]) % self.grid.bar
        counted = evenly(len(self), _COUNTED)
        for start in range(0, len(counted), _AT_ONCE):
            rolls = self.rolls(counted[start : start + _AT_ONCE])
            sounding, struck = rolls[:, ::2], rolls[:, 1::2]
            old = sounding[:, :, :-1]
            on = old & sounding[:, :, 1:] & ~struck[:, :, 1:]
            for place, was, stays in zip(places, old.sum((0, 3)).T, on.sum((0, 3)).T, strict=True):
                before[:, place] += was
                after[:, place] += stays
            highest = np.where(sounding.any(3), low - sounding[..., ::-1].argmax(3), -1)
            for one in range(tracks):
                for other in range(tracks):
                    both = (highest[:, one] >= 0) & (highest[:, other] >= 0)
                    apart = (highest[:, one] - highest[:, other])[both] + low
                    together[one, other] += np.bincount(apart, minlength=span)
        return Habits(
            self.often(),
            torch.from_numpy(moves).float().reshape(tracks, span),
            torch.from_numpy(after / np.maximum(before, 1)).float(),
            torch.from_numpy(together).float(),
        )

    def apart(self) -> np.ndarray:
        """Indices of windows that do not overlap, int64."""
        kept, song, end = [], -1, 0
        for index in range(len(self)):
            if self.song[index] != song or self.first[index] >= end:
                kept.append(index)
                song, end = self.song[index], self.first[index] + self.grid.bars
        return np.array(kept, np.int64)


@dataclass(frozen=True)
class Found:
    """What a source gives: windows to train on, windows held out, and what was left out."""

    train: Rolls
    heldout: Rolls
    skipped: list[tuple[str, str]]
    """Names of files that could not be used, and why."""
    unused: int
    """Songs without a window."""


def open_rolls(source: str, recipe: DataRecipe, grid: Grid | None = None) -> Found:
    """The windows of the songs of a source, as `load_pieces` reads it.

    Args:
        grid: that of a model; None: one that holds these songs.

    Raises:
        UserError, DataError: data that cannot be used, or that have no such bars.
    """
    pieces = load_pieces(source, recipe.shape)
    return split(pieces, recipe, source, grid)


def split(pieces: Pieces, recipe: DataRecipe, source: str = "this set", wanted: Grid | None = None) -> Found:
    """The windows of a set of songs, apart by `Pieces.split`, on a grid that holds them or on the one wanted."""
    songs = pieces.songs()
    metre = _metre(songs) if recipe.metre == "auto" else parse_metre(recipe.metre)
    if bar_ticks(metre) % (QUARTER // recipe.steps):
        raise UserError(
            f"bars of {metre_name(metre)} are no whole number of steps; set data.steps to another number"
        )
    low, high = _range(pieces, songs, recipe.transpose)
    octaves = -(-(high - low + 1) // 12)
    grid = Grid(pieces.words.shape, metre, recipe.bars, recipe.steps, min(low, 128 - 12 * octaves), octaves)
    if wanted is not None:
        if low < wanted.low or high >= wanted.low + wanted.pitches:
            raise DataError(
                source,
                f"has pitches from {low} to {high} when songs move by up to {recipe.transpose} semitones, and the "
                f"model's go from {wanted.low} to {wanted.low + wanted.pitches - 1}",
                "lower data.transpose, or train without the model",
            )
        grid = replace(grid, low=wanted.low, octaves=wanted.octaves)
    train, heldout = (windows(part, grid) for part in pieces.split(recipe.holdout))
    if len(train) < 2:
        raise DataError(
            source,
            f"has {len(train)} stretches of {grid.bars} bars of {metre_name(metre)} to train on",
            "lower data.bars, set data.metre, or add songs",
        )
    used = len(np.unique(train.song)) + len(np.unique(heldout.song))
    return Found(train, heldout, pieces.skipped, len(pieces) - used)


def windows(pieces: Pieces, grid: Grid) -> Rolls:
    """Every stretch of `grid.bars` bars of the grid's metre in which anything sounds."""
    notes, song, first, shifts = [], [], [], []
    songs = pieces.songs()
    for index, one in enumerate(songs):
        fitted, bars = quantised(one, grid), one.bars()
        onset, end = fitted.notes[:, 0], fitted.notes[:, 0] + fitted.notes[:, 1]
        right = bars[:, 2] == grid.metre
        for bar in range(len(bars) - grid.bars + 1):
            if not right[bar : bar + grid.bars].all():
                continue
            start = bars[bar, 0]
            stop = start + grid.bars * bar_ticks(grid.metre)
            here = (onset < stop) & (end > start)
            if here.any():
                cut = fitted.notes[here]
                begin = (onset[here].clip(start) - start) // grid.tick
                close = (end[here].clip(max=stop) - start) // grid.tick
                notes.append(np.column_stack([begin, close, cut[:, 2:], onset[here] >= start]))
                song.append(index)
                first.append(bar)
                shifts.append(pieces.shifts[index])
    return Rolls(
        grid,
        np.concatenate([*notes, np.zeros((0, 5))]).astype(np.int32),
        np.cumsum([0, *map(len, notes)]),
        np.array(song, np.int64),
        np.array(first, np.int64),
        np.array(shifts, np.int64).reshape(-1, 2),
        float(np.median([one.tempo for one in songs])) if songs else 120.0,
    )


def draw(songs: Sequence[Song], grid: Grid) -> np.ndarray:
    """Songs as rolls, bool [N, 2 * tracks, steps, pitches]: what they play within the first bars of the grid."""
    notes = [np.column_stack([song.notes, np.ones(len(song.notes))]) for song in songs]
    every = np.concatenate([*notes, np.zeros((0, 5))]).astype(np.int32)
    end = np.minimum((every[:, 0] + every[:, 1]) // grid.tick, grid.roll[1])
    every = np.column_stack([every[:, 0] // grid.tick, end, every[:, 2:]])
    at, count = np.cumsum([0, *map(len, notes)]), len(songs)
    nothing = np.zeros(count, np.int64)
    return Rolls(grid, every, at, nothing, nothing, np.zeros((count, 2), np.int64), 0.0).rolls(range(count))


def quantised(song: Song, grid: Grid) -> Song:
    """The song with every note on a step of the grid, at least one step long."""
    onset, length = song.notes[:, 0], song.notes[:, 1]
    if not (onset % grid.tick).any() and not (length % grid.tick).any():
        return song
    begin = (onset + grid.tick // 2) // grid.tick
    close = np.maximum((onset + length + grid.tick // 2) // grid.tick, begin + 1)
    placed = np.column_stack([begin, close - begin]) * grid.tick
    moved = replace(song, notes=ordered(np.column_stack([placed, song.notes[:, 2:]])))
    return arranged(moved, grid.shape)  # notes that now begin together are sorted out again


def parse_metre(name: str) -> int:
    """The index in METRES of a metre such as 3/4. Raises UserError."""
    names = [metre_name(index) for index in range(len(METRES))]
    if name not in names:
        raise UserError(f"data.metre must be auto or one of {', '.join(names)}, not {name!r}")
    return names.index(name)


def metre_name(metre: int) -> str:
    """METRES[metre] as it is written, such as 3/4."""
    return "{}/{}".format(*METRES[metre])


def _metre(songs: Sequence[Song]) -> int:
    """The metre of most bars."""
    return int(np.bincount(np.concatenate([song.bars()[:, 2] for song in songs])).argmax())


def _range(pieces: Pieces, songs: Sequence[Song], transpose: int) -> tuple[int, int]:
    """The lowest and the highest pitch of all songs, transposed by so much."""
    low, high = 127, 0
    for song, (down, up) in zip(songs, pieces.shifts, strict=True):
        drums, pitch = song.drums(), song.notes[:, 2]
        spread = [
            *(pitch[~drums] + max(down, -transpose)),
            *(pitch[~drums] + min(up, transpose)),
            *pitch[drums],
        ]
        low, high = min(low, *spread), max(high, *spread)
    return int(low), int(high)


def _ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """start, start + 1, ... start + count - 1 for each, one after the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + counts, counts)

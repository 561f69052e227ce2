"""Rolls to songs: steps that belong together become notes."""

from collections.abc import Sequence

import numpy as np

from creative_gan.music.midi.song import Song, bar_ticks, estimate_key, ordered
from creative_gan.music.roll.data import Grid, Rolls


def to_song(roll: np.ndarray, grid: Grid, tempo: float) -> Song:
    """A roll as a song. A note begins where a pitch is struck or comes in, and lasts while it is held.

    roll: bool [2 * tracks, steps, pitches]; several rolls of a grid may stand behind one another in time.
    The key is that which fits the notes best.
    """
    # one more step, in which nothing sounds, ends what is left
    padded = np.pad(roll.astype(bool), ((0, 0), (0, 1), (0, 0))).transpose(0, 2, 1)
    sounding, struck = padded[::2], padded[1::2]  # [tracks, pitches, steps]
    before = np.pad(sounding, ((0, 0), (0, 0), (1, 0)))[:, :, :-1]
    begins = sounding & (struck | ~before)
    stops = np.flatnonzero(begins | ~sounding)
    starts = np.flatnonzero(begins)
    length = stops[np.searchsorted(stops, starts, side="right")] - starts
    track, pitch, step = np.unravel_index(starts, begins.shape)
    notes = np.column_stack([step * grid.tick, length * grid.tick, pitch + grid.low, track]).astype(np.int64)
    notes = ordered(notes)
    parts = tuple(line.part for line in grid.lines)
    drums = np.array([part.drum for part in parts])
    key = estimate_key(notes[~drums[notes[:, 3]]])
    return Song(notes, parts, tempo, ((0, grid.metre),), ((0, key),))


def stretch(rolls: Rolls, index: int) -> Song:
    """A window as the song that `to_song` makes of its roll, far sooner, for its key is not looked for."""
    grid = rolls.grid
    begin, end, pitch, track, _ = rolls.notes[rolls.at[index] : rolls.at[index + 1]].astype(np.int64).T
    notes = np.column_stack([begin * grid.tick, (end - begin) * grid.tick, pitch, track])
    inside = (pitch >= grid.low) & (pitch < grid.low + grid.pitches)  # notes of other data may lie beyond
    parts = tuple(line.part for line in grid.lines)
    return Song(ordered(notes[inside]), parts, rolls.tempo, ((0, grid.metre),))


def strung(songs: Sequence[Song], grid: Grid) -> Song:
    """Songs of a grid one after the other, as one song of the first one's key."""
    length = grid.bars * bar_ticks(grid.metre)
    notes = [song.notes + np.array([i * length, 0, 0, 0]) for i, song in enumerate(songs)]
    return Song(np.concatenate(notes), songs[0].parts, songs[0].tempo, songs[0].metres, songs[0].keys)

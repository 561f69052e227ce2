"""A song as numbers: notes on a grid of 24 ticks a quarter, with metres, keys and a tempo."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

QUARTER = 24
"""Ticks of a quarter note: thirty-seconds (3) and sixteenth triplets (4) both fall on the grid."""
SIXTEENTH = QUARTER // 4
PLACES = (0, 3, 4, 6, 8, 9, 12, 15, 16, 18, 20, 21)
"""Where in a quarter a note may begin or end."""
METRES = (
    *((1, 4), (2, 4), (3, 4), (4, 4), (5, 4), (6, 4), (7, 4), (2, 2)),
    *((3, 2), (4, 2), (3, 8), (5, 8), (6, 8), (7, 8), (9, 8), (12, 8)),
)
COMMON = METRES.index((4, 4))
TONICS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR_TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
KEYS = (*(f"{tonic} major" for tonic in TONICS), *(f"{tonic} minor" for tonic in MINOR_TONICS))
"""Usual names of the keys; key number = tonic's pitch class, plus 12 in minor, as in pretty_midi."""
MAJOR_SCALE, MINOR_SCALE = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
"""Semitones above the tonic; minor is natural."""
TEMPO_RANGE = 20, 300
"""Quarters a minute that may be asked for."""
MAX_QUARTERS = 20_000
"""Longer songs are taken for damaged files: two and a half hours at 120 quarters a minute."""

# How well each pitch class fits a key on C. Krumhansl, Cognitive Foundations of Musical Pitch, 1990, p. 30.
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_FREE = np.array([*PLACES, QUARTER])


@dataclass(frozen=True)
class Part:
    """Who plays some of the notes."""

    name: str
    program: int = 0
    """General MIDI program, 0 to 127."""
    drum: bool = False


@dataclass(frozen=True)
class Song:
    """Notes and what they are to be read in. Changes of metre and key take effect at bar lines."""

    notes: np.ndarray
    """int64 [N, 4]: onset, length (both in ticks), MIDI pitch, index of the part; sorted."""
    parts: tuple[Part, ...]
    tempo: float = 120.0
    """Quarters a minute; where the tempo changes, that of most of the song."""
    metres: tuple[tuple[int, int], ...] = ((0, COMMON),)
    """(tick, index in METRES), the first at tick 0."""
    keys: tuple[tuple[int, int], ...] = ((0, 0),)
    """(tick, index in KEYS), the first at tick 0."""
    tempi: tuple[tuple[int, float], ...] = ()
    """(tick, quarters a minute), the first at tick 0, where the tempo changes; else nothing."""
    unknown: tuple[str, ...] = ()
    """Metres of its file that METRES has nothing for, such as `11/8`, in whose place 4/4 stands."""
    signature: int | None = None
    """Sharps, or below 0 flats, of the key that was asked for; without, keys have their usual names."""
    struck: Mapping[tuple[int, int, int], int] = field(default_factory=dict)
    """How hard notes of a file are struck, 1 to 127, by onset, pitch and part; of others nothing is known."""

    @property
    def end(self) -> int:
        """Ticks until the last note has ended."""
        return int((self.notes[:, 0] + self.notes[:, 1]).max(initial=0))

    def bars(self) -> np.ndarray:
        """int64 [bars, 4]: first tick, ticks, metre and key of every bar that sounds, and of those before."""
        metre_at, metres = zip(*self.metres, strict=True)
        key_at, keys = zip(*self.keys, strict=True)
        rows, start, end = [], 0, self.end
        while start < end:
            metre = metres[bisect_right(metre_at, start) - 1]
            rows.append((start, bar_ticks(metre), metre, keys[bisect_right(key_at, start) - 1]))
            start += rows[-1][1]
        return np.array(rows, np.int64).reshape(-1, 4)

    def drums(self) -> np.ndarray:
        """bool [N]: which notes are percussion, whose pitch names an instrument."""
        is_drum = np.array([part.drum for part in self.parts] or [False])
        return is_drum[self.notes[:, 3]]


def bar_ticks(metre: int) -> int:
    """Ticks of a bar in METRES[metre]."""
    count, unit = METRES[metre]
    return count * 4 * QUARTER // unit


def closest_metre(count: int, unit: int) -> int | None:
    """Index in METRES of a metre, or of one whose bar is as long; None if there is none."""
    if (count, unit) in METRES:
        return METRES.index((count, unit))
    same = [i for i in range(len(METRES)) if unit and bar_ticks(i) * unit == count * 4 * QUARTER]
    return same[0] if same else None


def snap(quarters: np.ndarray) -> np.ndarray:
    """The nearest ticks at which a note may begin. quarters: float [N] >= 0. Returns int64 [N]."""
    ticks = np.asarray(quarters, np.float64) * QUARTER
    beat = np.floor(ticks / QUARTER)
    nearest = np.abs(ticks[:, None] - beat[:, None] * QUARTER - _FREE).argmin(1)
    return (beat * QUARTER).astype(np.int64) + _FREE[nearest]


def with_ends_on_grid(notes: np.ndarray) -> np.ndarray:
    """Notes [N, 4] that end where notes may begin, and last at least until the next such place."""
    onset = notes[:, 0]
    end = snap((onset + notes[:, 1]) / QUARTER)
    beat, place = onset // QUARTER, onset % QUARTER
    following = beat * QUARTER + _FREE[np.searchsorted(_FREE, place, side="right")]
    return np.column_stack([onset, np.maximum(end, following) - onset, notes[:, 2:]])


def ordered(notes: np.ndarray) -> np.ndarray:
    """Notes [N, 4] by onset, then part, then pitch."""
    return notes[np.lexsort((notes[:, 1], notes[:, 2], notes[:, 3], notes[:, 0]))]


def transposed(song: Song, semitones: int) -> Song:
    """The same song higher or lower; drums stay."""
    notes = song.notes.copy()
    notes[~song.drums(), 2] += semitones
    keys = tuple((tick, moved_key(key, semitones)) for tick, key in song.keys)
    return replace(song, notes=notes, keys=keys, struck={})


def moved_key(key: int, semitones: int) -> int:
    """The key that a key becomes when everything is transposed."""
    return key // 12 * 12 + (key + semitones) % 12


def estimate_key(notes: np.ndarray) -> int:
    """The key whose profile correlates best with how long each pitch class sounds (Krumhansl-Schmuckler).

    notes: int64 [N, 4] without drums. Returns an index in KEYS, C major without notes.
    """
    weights = np.bincount(notes[:, 2] % 12, weights=notes[:, 1], minlength=12)
    if not weights.any() or np.ptp(weights) == 0:
        return 0
    profiles = [np.roll(mode, tonic) for mode in (_MAJOR, _MINOR) for tonic in range(12)]
    return int(np.argmax([np.corrcoef(weights, profile)[0, 1] for profile in profiles]))

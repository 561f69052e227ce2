"""How like real songs are made ones: figures beside those of held-out songs and of shuffled pitches.

The scalar figures alone cannot tell a song from the same song with its pitches shuffled; the distributions
of harmonic intervals and of melodic steps can.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from creative_gan.core.draws import derive
from creative_gan.music.midi.song import MAJOR_SCALE, MINOR_SCALE, QUARTER, SIXTEENTH, Song, ordered

RUN = 16
"""Notes of a run that counts as copied."""
WIDEST = 24
"""Melodic steps beyond two octaves are counted with it."""
LENGTHS = (3, 6, 9, 12, 18, 24, 36, 48, 72, 96, 10**9)
"""Upper ends, in ticks, of the classes of note lengths."""

# Tonal centroids of pitch classes: circles of fifths, minor thirds, major thirds. Harte et al., 2006, eq. 3.
_RADII, _TURNS = (1.0, 1.0, 0.5), (7 / 6, 3 / 2, 2 / 3)
_CENTROIDS = np.stack(
    [
        r * f(np.arange(12) * turn * np.pi)
        for r, turn in zip(_RADII, _TURNS, strict=True)
        for f in (np.sin, np.cos)
    ]
)
_SCALES = np.array(
    [
        [(pc - tonic) % 12 in scale for pc in range(12)]
        for scale in (MAJOR_SCALE, MINOR_SCALE)
        for tonic in range(12)
    ]
)


def evaluate(
    fake: Sequence[Song], train: Sequence[Song], heldout: Sequence[Song]
) -> dict[str, dict[str, float]]:
    """All figures of made songs, each beside that of held-out songs and of those with shuffled pitches.

    Distances (`... KL`, in nats) are from the training songs; shares and means are plain, so they are to be
    compared with the held-out column. `copied runs` and `longest copy` are looked up in the training songs.

    Returns:
        For each figure `{"fake": ..., "held-out": ..., "shuffled": ...}`.
    """
    control = [shuffled(song, seed) for seed, song in enumerate(heldout)]
    columns = {"fake": fake, "held-out": heldout, "shuffled": control}
    table: dict[str, dict[str, float]] = {}
    for name, distribution in DISTRIBUTIONS.items():
        reference = distribution(train)
        table[f"{name} KL"] = {
            column: divergence(distribution(songs), reference) for column, songs in columns.items()
        }
    for name, figure in FIGURES.items():
        table[name] = {column: mean_figure(figure, songs) for column, songs in columns.items()}
    known = runs(train)
    table["copied runs"] = {column: copied_runs(songs, known) for column, songs in columns.items()}
    table["longest copy"] = {column: float(longest_copy(songs, train)) for column, songs in columns.items()}
    return table


def divergence(counts: np.ndarray, reference: np.ndarray) -> float:
    """Kullback-Leibler divergence of two histograms in nats, half a count added to every class of each."""
    p, q = (counts + 0.5) / (counts + 0.5).sum(), (reference + 0.5) / (reference + 0.5).sum()
    return float((p * np.log(p / q)).sum())


def mean_figure(figure: Callable[[Song], float], songs: Sequence[Song]) -> float:
    """Mean over the songs for which the figure is defined; nan if there is none."""
    values = np.array([figure(song) for song in songs if len(song.notes)])
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")


def shuffled(song: Song, seed: int = 0) -> Song:
    """The control: the same song with the pitches of all notes that are no drums dealt out anew."""
    notes, pitched = song.notes.copy(), np.flatnonzero(~song.drums())
    order = np.random.default_rng(derive("shuffled", seed)).permutation(len(pitched))
    notes[pitched, 2] = notes[pitched[order], 2]
    return replace(song, notes=ordered(notes))


def pitch_classes(songs: Sequence[Song]) -> np.ndarray:
    """Counts of notes by pitch class. Returns float [12]."""
    return sum((np.bincount(_pitched(song)[:, 2] % 12, minlength=12) for song in songs), np.zeros(12))


def note_lengths(songs: Sequence[Song]) -> np.ndarray:
    """Counts of notes by length, in the classes of LENGTHS."""
    return sum(
        (np.bincount(np.searchsorted(LENGTHS, s.notes[:, 1]), minlength=len(LENGTHS)) for s in songs),
        np.zeros(len(LENGTHS)),
    )


def harmonic_intervals(songs: Sequence[Song]) -> np.ndarray:
    """Counts, a sixteenth at a time, of how far the other notes are above the lowest, modulo an octave.

    Returns float [12].
    """
    counts = np.zeros(12)
    for song in songs:
        sounding = _roll(song)
        lowest = sounding.argmax(1)
        step, pitch = np.nonzero(sounding)
        others = pitch != lowest[step]
        counts += np.bincount((pitch - lowest[step])[others] % 12, minlength=12)
    return counts


def melodic_steps(songs: Sequence[Song]) -> np.ndarray:
    """Counts of the semitones from note to note in the highest part. Returns float [49], -24 to 24."""
    counts = np.zeros(2 * WIDEST + 1)
    for song in songs:
        steps = np.diff(melody(song)[:, 2]).clip(-WIDEST, WIDEST)
        counts += np.bincount(steps + WIDEST, minlength=len(counts))
    return counts


def scale_consistency(song: Song) -> float:
    """Share of notes in the major or minor scale that holds most of them (Mogren, arXiv:1611.09904)."""
    classes = pitch_classes([song])
    return float((_SCALES @ classes).max() / classes.sum()) if classes.any() else float("nan")


def groove(song: Song) -> float:
    """One minus the mean share of places at which onsets of neighbouring bars differ (arXiv:2008.01307)."""
    bars = song.bars()
    onset = song.notes[:, 0]
    bar = np.searchsorted(bars[:, 0], onset, side="right") - 1
    # Sixteenths, as finer places are mostly empty and would count as agreement.
    grid = np.zeros((len(bars), int(bars[:, 1].max()) // SIXTEENTH + 1), bool)
    grid[bar, (onset - bars[bar, 0]) // SIXTEENTH] = True
    if len(bars) < 2:
        return float("nan")
    steps = np.minimum(bars[1:, 1], bars[:-1, 1]) / SIXTEENTH
    return float(1 - ((grid[1:] != grid[:-1]).sum(1) / steps).mean())


def polyphony(song: Song) -> float:
    """Mean number of pitches, over the sixteenths in which anything sounds."""
    count = _roll(song).sum(1)
    return float(count[count > 0].mean()) if count.any() else float("nan")


def notes_a_bar(song: Song) -> float:
    """Mean number of notes that begin in a bar."""
    return len(song.notes) / max(len(song.bars()), 1)


def note_length(song: Song) -> float:
    """Mean length of a note in quarters."""
    return float(song.notes[:, 1].mean() / QUARTER)


def qualified_notes(song: Song) -> float:
    """Share of notes that last a thirty-second or longer (arXiv:1709.06298, section 6.1)."""
    return float((song.notes[:, 1] >= QUARTER // 8).mean())


def tonal_distance(song: Song) -> float:
    """Mean distance of the tonal centroids of two parts, over bars and pairs (Harte et al., 2006)."""
    bars = song.bars()
    drums = np.array([part.drum for part in song.parts])
    by_part = []
    for part in np.flatnonzero(~drums):
        notes = song.notes[song.notes[:, 3] == part]
        bar = np.searchsorted(bars[:, 0], notes[:, 0], side="right") - 1
        chroma = np.zeros((len(bars), 12))
        np.add.at(chroma, (bar, notes[:, 2] % 12), notes[:, 1])
        by_part.append(chroma)
    distances = [_centroid_distances(a, b) for a, b in combinations(by_part, 2)]
    every = np.concatenate(distances) if distances else np.zeros(0)
    return float(every.mean()) if len(every) else float("nan")


def repeated_bars(song: Song) -> float:
    """Share of bars that sound like an earlier bar of the same song, silent ones aside."""
    bars = song.bars()
    bar = np.searchsorted(bars[:, 0], song.notes[:, 0], side="right") - 1
    seen: set[bytes] = set()
    repeats = filled = 0
    for index in np.unique(bar):
        notes = song.notes[bar == index] - (bars[index, 0], 0, 0, 0)
        filled += 1
        repeats += notes.tobytes() in seen
        seen.add(notes.tobytes())
    return repeats / filled


def longest_same_pitch(song: Song) -> float:
    """Most notes in a row of the highest part that have one pitch: long where a model is stuck."""
    changes = np.flatnonzero(np.diff(melody(song)[:, 2], prepend=-1, append=-1))
    return float(np.diff(changes).max(initial=0))


def crossed_parts(song: Song) -> float:
    """Share of sixteenths in which a part lies above one that is named before it, where two or more sound.

    Of each part its highest note counts; drums aside. nan where there are no two parts.
    """
    highest = []
    for part in np.flatnonzero(~np.array([part.drum for part in song.parts])):
        roll = _roll(Song(song.notes[song.notes[:, 3] == part], song.parts))
        highest.append(np.where(roll.any(1), 127 - roll[:, ::-1].argmax(1), -1))
    steps = max((len(row) for row in highest), default=0)
    pitch = np.array([np.pad(row, (0, steps - len(row)), constant_values=-1) for row in highest])
    together = crossed = np.zeros(steps, bool)
    for a, b in combinations(pitch, 2):
        both = (a >= 0) & (b >= 0)
        together, crossed = together | both, crossed | (both & (b > a))
    return float(crossed.sum() / together.sum()) if together.any() else float("nan")


def melody(song: Song) -> np.ndarray:
    """Notes [N, 4] of the part that lies highest, one for each onset."""
    notes = _pitched(song)
    if not len(notes):
        return notes
    parts = np.unique(notes[:, 3])
    highest = max(parts, key=lambda part: notes[notes[:, 3] == part, 2].mean())
    notes = notes[notes[:, 3] == highest]
    notes = notes[np.lexsort((-notes[:, 2], notes[:, 0]))]
    return notes[np.diff(notes[:, 0], prepend=-1) > 0]


def runs(songs: Sequence[Song], length: int = RUN) -> set[bytes]:
    """Every run of notes of the melodies, as intervals and distances in time, so whatever the key."""
    return {run for song in songs for run in _runs(song, length)}


def copied_runs(songs: Sequence[Song], known: set[bytes], length: int = RUN) -> float:
    """Share of the runs of `songs` that are in `known`; nan if the songs are shorter than a run."""
    found = [run in known for song in songs for run in _runs(song, length)]
    return float(np.mean(found)) if found else float("nan")


def longest_copy(songs: Sequence[Song], train: Sequence[Song]) -> int:
    """Most notes in a row of any melody of `songs` that are somewhere in `train`, whatever the key."""
    low, high = 1, max((len(melody(song)) for song in songs), default=0) + 1
    # A copy of n notes holds one of n - 1, so the length can be bisected.
    while high - low > 1:
        middle = (low + high) // 2
        known = runs(train, middle)
        if any(run in known for song in songs for run in _runs(song, middle)):
            low = middle
        else:
            high = middle
    return low


def _runs(song: Song, length: int) -> list[bytes]:
    line = melody(song)
    moves = np.stack([np.diff(line[:, 2]), np.diff(line[:, 0])], 1).astype(np.int32)
    return [moves[i : i + length - 1].tobytes() for i in range(len(line) - length + 1)]


def _pitched(song: Song) -> np.ndarray:
    return song.notes[~song.drums()]


def _roll(song: Song) -> np.ndarray:
    """bool [sixteenths, 128]: what sounds at the beginning of each, drums aside."""
    notes = _pitched(song)
    steps = -(-song.end // SIXTEENTH)
    change = np.zeros((steps + 1, 128), np.int32)
    first, last = -(-notes[:, 0] // SIXTEENTH), -(-(notes[:, 0] + notes[:, 1]) // SIXTEENTH)
    np.add.at(change, (first, notes[:, 2]), 1)
    np.add.at(change, (last, notes[:, 2]), -1)
    return change.cumsum(0)[:-1] > 0


def _centroid_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """For the bars in which both sound. a, b: float [bars, 12]."""
    both = a.any(1) & b.any(1)
    a, b = (c[both] / c[both].sum(1, keepdims=True) for c in (a, b))
    return np.linalg.norm((a - b) @ _CENTROIDS.T, axis=1)


DISTRIBUTIONS: dict[str, Callable[[Sequence[Song]], np.ndarray]] = {
    "pitch class": pitch_classes,
    "note length": note_lengths,
    "harmonic interval": harmonic_intervals,
    "melodic step": melodic_steps,
}
FIGURES: dict[str, Callable[[Song], float]] = {
    "scale consistency": scale_consistency,
    "groove": groove,
    "polyphony": polyphony,
    "notes a bar": notes_a_bar,
    "note length": note_length,
    "qualified notes": qualified_notes,
    "tonal distance": tonal_distance,
    "repeated bars": repeated_bars,
    "longest same pitch": longest_same_pitch,
    "crossed parts": crossed_parts,
}

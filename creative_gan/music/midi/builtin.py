"""Tunes that the package makes itself: known themes varied, and new ones composed by rules of harmony."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np

from creative_gan.core.draws import derive
from creative_gan.music.midi.arrange import SHAPES, arranged
from creative_gan.music.midi.chords import QUALITY_NAMES, chord_pitches
from creative_gan.music.midi.song import (
    KEYS,
    MAJOR_SCALE,
    METRES,
    MINOR_SCALE,
    TONICS,
    Song,
    bar_ticks,
    ordered,
    transposed,
)
from creative_gan.music.midi.themes import THEMES, Heard, Theme, parsed

COUNT = 600
SHARE_OF_THEMES = 0.5
# Roots as steps of the scale, one chord a bar; each period ends on the tonic.
PROGRESSIONS = {
    "major": (
        "0 3 4 0",
        "0 5 3 4 0 5 4 0",
        "0 0 3 4 0 3 4 0",
        "0 4 5 3 0 3 4 0",
        "0 3 0 4 0 3 4 0",
        "0 1 4 0 5 1 4 0",
    ),
    "minor": ("0 3 4 0", "0 5 3 4 0 3 4 0", "0 6 5 4 0 3 4 0", "0 0 3 4 0 5 4 0", "0 6 2 4 0 3 4 0"),
}
# Onsets of a bar in eighths, by metre.
RHYTHMS = {
    "4/4": (
        (0, 2, 4, 6),
        (0, 2, 4, 5, 6),
        (0, 3, 4, 6),
        (0, 1, 2, 4, 6, 7),
        (0, 4),
        (0, 2, 3, 4, 6),
        (0, 4, 6),
    ),
    "3/4": ((0, 2, 4), (0, 4), (0, 2, 3, 4), (0, 1, 2, 4, 5), (0, 3, 4)),
    "6/8": ((0, 2, 3, 5), (0, 1, 2, 3, 4, 5), (0, 3), (0, 3, 4, 5), (0, 2, 3)),
    "2/4": ((0, 1, 2, 3), (0, 2), (0, 1, 2), (0, 2, 3)),
}
EIGHTH = 12


@lru_cache(maxsize=1)
def tunes(count: int = COUNT) -> list[tuple[str, Song]]:
    """Melodies with chords, arranged as `lead`, in many keys, 2/4, 3/4, 3/8, 4/4 and 6/8; always the same.

    Half of them are the themes of `themes.THEMES`, first as they are and then varied: other keys and tempi,
    minor for major, passing notes, dotted rhythms, richer chords; no two are the same in another key. The others are
    composed.

    Returns names and songs.
    """
    varied = int(count * SHARE_OF_THEMES)
    turns = [_variations(theme) for theme in THEMES]
    songs = []
    for i in range(varied):
        theme, turn = i % len(THEMES), i // len(THEMES)
        songs.append((f"{THEMES[theme].name} {turn + 1}", next(turns[theme])))
    return songs + [(f"tune {i + 1}", _composed(i)) for i in range(count - varied)]


def _variations(theme: Theme) -> Iterator[Song]:
    """A theme as it is, then varied without end; what is there already, in whatever key, is passed over."""
    seen: set[bytes] = set()
    for turn in itertools.count():
        song = _variation(theme, turn)
        steps = (song.notes - (0, 0, song.notes[0, 2], 0)).tobytes()
        if steps not in seen:
            seen.add(steps)
            yield song


def _variation(theme: Theme, turn: int) -> Song:
    """A theme as it is for turn 0, else changed in ways that depend on name and turn."""
    song = _as_song(theme, parsed(theme))
    if turn == 0:
        return song
    rng = np.random.default_rng(derive("variation", theme.name, turn))
    if rng.random() < 0.2:
        song = _other_mode(song)
    if rng.random() < 0.4:
        song = _with_passing_notes(song, rng)
    elif rng.random() < 0.3:
        song = _dotted(song, rng)
    if rng.random() < 0.4:
        song = _richer_chords(song, rng)
    song = transposed(song, _comfortable_shift(song, rng))
    # Arranged again, as chords are to be in close position, and those of the other mode to have a name.
    return replace(arranged(song, "lead"), tempo=float(round(song.tempo * rng.uniform(0.8, 1.2))))


def _as_song(theme: Theme, heard: Heard) -> Song:
    metre = METRES.index(tuple(map(int, theme.metre.split("/"))))
    end = sum(heard.bars)
    rows = [(onset, length, pitch, 0) for onset, length, pitch in heard.notes]
    following = [onset for onset, _ in heard.chords[1:]] + [end]
    for (onset, name), stop in zip(heard.chords, following, strict=True):
        rows += _chord_rows(onset, stop - onset, *_read_chord(name))
    return _lead(rows, float(theme.tempo), metre, KEYS.index(theme.key))


def _lead(rows: list[tuple[int, int, int, int]], tempo: float, metre: int, key: int) -> Song:
    parts = tuple(line.part for line in SHAPES["lead"])
    return Song(ordered(np.array(rows, np.int64)), parts, tempo, ((0, metre),), ((0, key),))


def _read_chord(name: str) -> tuple[int, int]:
    root = name[:2] if name[1:2] in ("b", "#") else name[:1]
    return TONICS.index(root), QUALITY_NAMES.index(name[len(root) :])


def _chord_rows(onset: int, length: int, root: int, quality: int) -> list[tuple[int, int, int, int]]:
    return [(onset, length, pitch, 1) for pitch in chord_pitches(root, quality)]


def _chord_groups(song: Song) -> list[tuple[int, int, list[int]]]:
    groups: dict[tuple[int, int], list[int]] = {}
    for onset, length, pitch, _ in song.notes[song.notes[:, 3] == 1].tolist():
        groups.setdefault((onset, length), []).append(pitch)
    return [(onset, length, sorted(pitches)) for (onset, length), pitches in groups.items()]


def _comfortable_shift(song: Song, rng: np.random.Generator) -> int:
    """A shift that keeps the melody between A3 and B5."""
    melody = song.notes[song.notes[:, 3] == 0, 2]
    shifts = [by for by in range(-6, 7) if melody.min() + by >= 57 and melody.max() + by <= 83]
    return int(rng.choice(shifts or [0]))


def _other_mode(song: Song) -> Song:
    """Minor for major: the third and the sixth step a semitone lower; and the reverse."""
    key = song.keys[0][1]
    tonic, by = key % 12, -1 if key < 12 else 1
    changed = {(tonic + step) % 12 for step in ((4, 9) if key < 12 else (3, 8))}
    notes = song.notes.copy()
    notes[:, 2] += by * np.isin(notes[:, 2] % 12, list(changed))
    return replace(song, notes=notes, keys=((0, (key + 12) % 24),))


def _scale(key: int) -> np.ndarray:
    """All MIDI pitches of a key."""
    steps = [(key + step) % 12 for step in (MAJOR_SCALE if key < 12 else MINOR_SCALE)]
    return np.flatnonzero(np.isin(np.arange(128) % 12, steps))


def _with_passing_notes(song: Song, rng: np.random.Generator) -> Song:
    """Fill thirds with the note between, and turn some long repeated notes around a neighbour."""
    scale, rows = _scale(song.keys[0][1]), []
    melody = song.notes[song.notes[:, 3] == 0].tolist()
    for note, after in zip(melody, [*melody[1:], None], strict=True):
        onset, length, pitch, _ = note
        leap = after[2] - pitch if after and after[0] == onset + length else 99
        if length >= 24 and length % 24 == 0 and rng.random() < 0.6 and (abs(leap) in (3, 4) or leap == 0):
            between = scale[(scale > min(pitch, pitch + leap)) & (scale < max(pitch, pitch + leap))]
            above = scale[np.searchsorted(scale, pitch, side="right")]
            middle = int(between[0]) if len(between) else int(above)
            rows += [(onset, length // 2, pitch, 0), (onset + length // 2, length - length // 2, middle, 0)]
        else:
            rows.append(tuple(note))
    chords = [tuple(note) for note in song.notes[song.notes[:, 3] == 1].tolist()]
    return replace(song, notes=ordered(np.array(rows + chords, np.int64)))


def _dotted(song: Song, rng: np.random.Generator) -> Song:
    """Make long-short of some pairs of equal notes."""
    notes = song.notes[song.notes[:, 3] == 0].copy()
    for i in range(len(notes) - 1):
        same = (
            notes[i, 1] == notes[i + 1, 1]
            and notes[i, 1] in (12, 24)
            and notes[i + 1, 0] == notes[i, 0] + notes[i, 1]
        )
        if same and notes[i, 0] % (2 * notes[i, 1]) == 0 and rng.random() < 0.6:
            longer = int(notes[i, 1]) // 2
            notes[i, 1] += longer
            notes[i + 1, :2] += longer, -longer
    return replace(song, notes=ordered(np.concatenate([notes, song.notes[song.notes[:, 3] == 1]])))


def _richer_chords(song: Song, rng: np.random.Generator) -> Song:
    """Sevenths on plain triads here and there, and relative minors in the second half of whole bars."""
    rows = [tuple(note) for note in song.notes[song.notes[:, 3] == 0].tolist()]
    key, ticks = song.keys[0][1], bar_ticks(song.metres[0][1])
    for onset, length, pitches in _chord_groups(song):
        root, steps = pitches[0] % 12, tuple(pitch - pitches[0] for pitch in pitches)
        dominant = root == (key + 7) % 12
        if steps == (0, 4, 7) and length == ticks and ticks % 48 == 0 and rng.random() < 0.4:
            rows += _chord_rows(onset, length // 2, root, QUALITY_NAMES.index(""))
            rows += _chord_rows(onset + length // 2, length // 2, (root + 9) % 12, QUALITY_NAMES.index("m"))
        elif steps in ((0, 4, 7), (0, 3, 7)) and rng.random() < 0.5:
            name = "m7" if steps[1] == 3 else "7" if dominant else "maj7"
            rows += _chord_rows(onset, length, root, QUALITY_NAMES.index(name))
        else:
            rows += [(onset, length, pitch, 1) for pitch in pitches]
    return replace(song, notes=ordered(np.array(rows, np.int64)))


def _composed(index: int) -> Song:
    """A tune in the form A A B A over a progression: chord notes on the beats, steps between them."""
    rng = np.random.default_rng(derive("tune", index))
    metre_name = str(rng.choice(list(RHYTHMS), p=[0.4, 0.25, 0.25, 0.1]))
    metre = METRES.index(tuple(map(int, metre_name.split("/"))))
    key = int(rng.integers(12)) + 12 * int(rng.random() < 0.35)
    mode = "major" if key < 12 else "minor"
    first, second = (list(map(int, str(rng.choice(PROGRESSIONS[mode])).split())) for _ in range(2))
    patterns = [RHYTHMS[metre_name][i] for i in rng.choice(len(RHYTHMS[metre_name]), 3, replace=False)]
    section_a = _section(first, patterns, key, metre, rng)
    section_b = _section([*second[:-1], 4], patterns[::-1], key, metre, rng)
    rows, ticks = [], bar_ticks(metre)
    start = 0
    for section, bars in (
        (section_a, len(first)),
        (section_a, len(first)),
        (section_b, len(second)),
        (section_a, len(first)),
    ):
        rows += [(onset + start, length, pitch, line) for onset, length, pitch, line in section]
        start += bars * ticks
    return _lead(rows, float(rng.choice([80, 92, 105, 120, 138])), metre, key)


def _section(
    steps: list[int], patterns: list[tuple[int, ...]], key: int, metre: int, rng: np.random.Generator
) -> list[tuple[int, int, int, int]]:
    scale, ticks = _scale(key), bar_ticks(metre)
    tones = MAJOR_SCALE if key < 12 else MINOR_SCALE
    at = int(np.searchsorted(scale, 67))
    rows: list[tuple[int, int, int, int]] = []
    for bar, step in enumerate(steps):
        root = (key + tones[step]) % 12
        quality = _triad(tones, step, key >= 12)
        rows += _chord_rows(bar * ticks, ticks, root, quality)
        classes = {pitch % 12 for pitch in chord_pitches(root, quality)}
        # The same figures come back every other bar, and a period ends on a long tonic.
        closing = bar == len(steps) - 1
        onsets = (0,) if closing else patterns[(bar % 2) if bar % 4 != 3 else 2]
        for i, onset in enumerate(onsets):
            length = (onsets[i + 1] if i + 1 < len(onsets) else ticks // EIGHTH) - onset
            strong = onset % (3 if METRES[metre][1] == 8 else 2) == 0
            at = _next_note(at, scale, {key % 12} if closing else classes, strong, rng)
            pitch = int(scale[at])
            if key >= 12 and step == 4 and pitch % 12 == (key + 10) % 12:
                pitch += 1  # the leading note over the dominant
            rows.append((bar * ticks + onset * EIGHTH, length * EIGHTH, pitch, 0))
    return rows


def _triad(tones: tuple[int, ...], step: int, minor: bool) -> int:
    third = (tones[(step + 2) % 7] - tones[step]) % 12
    fifth = (tones[(step + 4) % 7] - tones[step]) % 12
    if minor and step == 4:
        return QUALITY_NAMES.index("7")
    return QUALITY_NAMES.index("dim" if fifth == 6 else "m" if third == 3 else "")


def _next_note(at: int, scale: np.ndarray, classes: set[int], strong: bool, rng: np.random.Generator) -> int:
    """Index in `scale` of the next note: near the last one, singable, in the chord on strong beats."""
    moves = np.array([-4, -3, -2, -1, 0, 1, 2, 3, 4])
    weight = np.array([1, 2, 5, 9, 3, 9, 5, 2, 1.0])
    reached = scale[at + moves]
    weight *= np.exp(-(((reached - 70) / 7.0) ** 2))
    if strong:
        weight *= [1.0 if pitch % 12 in classes else 0.02 for pitch in reached.tolist()]
    return at + int(rng.choice(moves, p=weight / weight.sum()))

"""Brings any song into one of three shapes: a melody with chords, four voices, or a band of eight roles."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from creative_gan.music.midi.chords import chord_pitches, closest_chord, name_chord
from creative_gan.music.midi.song import QUARTER, SIXTEENTH, Part, Song, ordered, with_ends_on_grid


@dataclass(frozen=True)
class Line:
    """One part of a shape, and what it may play."""

    part: Part
    kind: str
    """`voice`: one note at a time. `chord`: one chord at a time. `notes`: any number of notes."""
    low: int
    high: int


def _voice(name: str, program: int, low: int, high: int) -> Line:
    return Line(Part(name, program), "voice", low, high)


def _role(name: str, program: int, drum: bool = False) -> Line:
    return Line(Part(name, program, drum), "notes", 21, 108)


SHAPES: dict[str, tuple[Line, ...]] = {
    "lead": (_voice("melody", 73, 48, 95), Line(Part("chords", 0), "chord", 36, 60)),
    "chorale": (
        _voice("soprano", 52, 57, 84),
        _voice("alto", 52, 49, 77),
        _voice("tenor", 52, 43, 72),
        _voice("bass", 52, 33, 66),
    ),
    "band": (
        _role("winds", 73),
        _role("synth", 80),
        _role("strings", 48),
        _role("guitar", 25),
        _role("piano", 0),
        _role("organ", 19),
        _role("bass", 33),
        _role("drums", 0, drum=True),
    ),
}
DURATIONS = (
    3,
    4,
    6,
    8,
    12,
    16,
    18,
    24,
    30,
    36,
    42,
    48,
    54,
    60,
    72,
    84,
    96,
    108,
    120,
    144,
    168,
    192,
    288,
    384,
)
"""Lengths in ticks that notes of a band may have."""

# The role of each family of eight General MIDI programs.
_ROLES = (
    *("piano", "piano", "organ", "guitar", "bass", "strings", "strings", "winds"),
    *("winds", "winds", "synth", "synth", "synth", "guitar", "piano", "synth"),
)
_MELODY_NAMES = ("melody", "lead", "vocal", "voice", "solo", "tune")


def guess_shape(songs: Iterable[Song]) -> str:
    """The shape that most of the songs fit: four voices, a melody over chords (or alone), else a band."""
    votes = [_shape_of(song) for song in songs]
    return max(SHAPES, key=votes.count)


def arranged(song: Song, shape: str) -> Song:
    """The song in a shape: its parts are the shape's lines, and every line keeps to its kind and range.

    Notes out of range move by octaves. In a `voice` the highest of several notes wins and a note ends where
    the next begins; chords take the close position; notes of a band take the nearest of DURATIONS.
    """
    lines = SHAPES[shape]
    rows = []
    for index, (line, notes) in enumerate(zip(lines, lines_of(song, shape), strict=True)):
        notes = in_range(notes, line)
        notes = {"voice": _one_by_one, "chord": _close_chords, "notes": _no_clash}[line.kind](notes)
        rows.append(np.column_stack([notes[:, :3], np.full(len(notes), index)]))
    notes = ordered(np.concatenate(rows).astype(np.int64))
    return replace(song, notes=notes, parts=tuple(line.part for line in lines), struck={})


def lines_of(song: Song, shape: str) -> list[np.ndarray]:
    """The notes [N, 4] of a song that go to each line of a shape, as they stand in the song, whatever it may play."""
    return {"lead": _lead, "chorale": _chorale, "band": _band}[shape](song)


def in_range(notes: np.ndarray, line: Line) -> np.ndarray:
    """Notes of a line, moved by octaves where they are too low or too high; of drums, such are left out."""
    if line.kind == "chord":
        return notes
    pitch = notes[:, 2]
    if line.part.drum:
        return notes[(pitch >= line.low) & (pitch <= line.high)]
    up = np.ceil((line.low - pitch).clip(0) / 12).astype(np.int64)
    down = np.ceil((pitch - line.high).clip(0) / 12).astype(np.int64)
    return np.column_stack([notes[:, :2], pitch + 12 * (up - down), notes[:, 3:]])


def _shape_of(song: Song) -> str:
    parts = [song.notes[song.notes[:, 3] == i] for i, part in enumerate(song.parts) if not part.drum]
    parts = [notes for notes in parts if len(notes)]
    alone = [_polyphony(notes) < 1.1 for notes in parts]
    if len(parts) < len(song.parts) or len(parts) > 4:
        return "band"
    if len(parts) in (3, 4) and all(alone):
        return "chorale"
    return "lead" if len(parts) <= 2 and any(alone) else "band"


def _polyphony(notes: np.ndarray) -> float:
    """Mean number of notes while any sounds."""
    steps = np.zeros(int((notes[:, 0] + notes[:, 1]).max()) + 1)
    np.add.at(steps, notes[:, 0], 1)
    np.add.at(steps, notes[:, 0] + notes[:, 1], -1)
    sounding = steps.cumsum()
    return float(sounding.sum() / max((sounding > 0).sum(), 1))


def _named(song: Song, names: Sequence[str]) -> list[np.ndarray] | None:
    """Notes of the parts that bear exactly these names, if the song knows no other names."""
    if not {part.name for part in song.parts} <= set(names):
        return None
    part_names = np.array([part.name for part in song.parts])[song.notes[:, 3]]
    return [song.notes[part_names == name] for name in names]


def _lead(song: Song) -> list[np.ndarray]:
    if named := _named(song, [line.part.name for line in SHAPES["lead"]]):
        return named
    pitched = song.notes[~song.drums()]
    present = np.unique(pitched[:, 3])
    if len(present) == 0:
        return [pitched, pitched]

    def tune_likeness(part: int) -> tuple[bool, bool, float]:
        notes = pitched[pitched[:, 3] == part]
        named = any(word in song.parts[part].name.lower() for word in _MELODY_NAMES)
        return named, _polyphony(notes) < 1.2, float(np.median(notes[:, 2]))

    melody = max(present, key=tune_likeness)
    tune, rest = pitched[pitched[:, 3] == melody], pitched[pitched[:, 3] != melody]
    if len(present) == 1 and _polyphony(tune) >= 1.2:
        # One track for two hands: the highest notes are the tune, all of them the harmony.
        rest = tune
    return [tune, _harmony(rest, song)]


def _harmony(notes: np.ndarray, song: Song) -> np.ndarray:
    """Chords as notes: blocks as they are; where the chords are broken up, one chord for each half bar."""
    onsets, counts = np.unique(notes[:, 0], return_counts=True)
    if len(onsets) == 0 or (counts >= 3).mean() >= 0.7:
        block = np.isin(notes[:, 0], onsets[counts >= 2])
        return notes[block]
    rows = []
    for start, ticks in song.bars()[:, :2]:
        half = ticks // 2 if ticks % (2 * SIXTEENTH) == 0 and ticks >= 3 * QUARTER else ticks
        for left in range(start, start + ticks, half):
            shared = np.minimum(notes[:, 0] + notes[:, 1], left + half) - np.maximum(notes[:, 0], left)
            weights = np.bincount(notes[:, 2] % 12, weights=shared.clip(0), minlength=12)
            if (weights > 0).sum() >= 2:
                root, quality = closest_chord(np.sqrt(weights))
                rows += [(left, half, pitch, 1) for pitch in chord_pitches(root, quality)]
    return np.array(rows, np.int64).reshape(-1, 4)


def _chorale(song: Song) -> list[np.ndarray]:
    lines = SHAPES["chorale"]
    if named := _named(song, [line.part.name for line in lines]):
        return named
    pitched = song.notes[~song.drums()]
    parts = [pitched[pitched[:, 3] == i] for i in np.unique(pitched[:, 3])]
    if len(parts) >= len(lines):
        largest = sorted(parts, key=len, reverse=True)[: len(lines)]
        return sorted(largest, key=lambda notes: -notes[:, 2].mean())
    return _voices_of_frames(pitched)


def _voices_of_frames(notes: np.ndarray) -> list[np.ndarray]:
    """Four voices of notes in fewer tracks: of all that sounds the highest, the lowest and two between.

    A note that is held keeps its voice while others move; what finds no free voice is left out.
    """
    notes = notes[np.lexsort((-notes[:, 2], notes[:, 0]))]
    rows: list[list[tuple[int, ...]]] = [[], [], [], []]
    wanted = _wanted_voices(notes)
    # at each onset the outer voices first, for which nothing else will do
    for at in np.lexsort((np.arange(len(notes)), wanted == 1, notes[:, 0])):
        onset, length, pitch, part = notes[at].tolist()
        last = {voice: row[-1] for voice, row in enumerate(rows) if row}
        # a note that is struck again is not held either
        held = {
            voice: note[2]
            for voice, note in last.items()
            if _sounds(note[0], note[1], onset) and (note[2] != pitch or note[0] == onset)
        }
        # for each free voice, how many it would cross, and how far it is from where the note should be
        strange = {
            voice: (
                sum((other - voice) * (held[other] - pitch) > 0 for other in held),
                abs(voice - wanted[at]),
            )
            for voice in {*range(len(rows))} - {*held}
        }
        if strange:
            rows[min(strange, key=lambda voice: strange[voice])].append((onset, length, pitch, part))
    return [np.array(voice, np.int64).reshape(-1, 4) for voice in rows]


def _wanted_voices(notes: np.ndarray) -> np.ndarray:
    """int64 [N]: 0 for notes with none above them as long as they sound, 3 for others with none below, 1 between."""
    above, below = np.zeros((2, len(notes)), bool)
    sounding = np.zeros(0, np.int64)
    onsets, first = np.unique(notes[:, 0], return_index=True)
    for onset, begun in zip(onsets, np.split(np.arange(len(notes)), first[1:]), strict=True):
        sounding = np.concatenate([sounding[_sounds(notes[sounding, 0], notes[sounding, 1], onset)], begun])
        pitch = notes[sounding, 2]
        above[sounding] |= pitch < pitch.max()
        below[sounding] |= pitch > pitch.min()
    return np.where(above, np.where(below, 1, 3), 0)


def _sounds(onset: Any, length: Any, now: int) -> Any:
    """Whether notes sound at a tick; one that is let go of just after another has begun does no more."""
    return (onset == now) | (onset + length > now + SIXTEENTH)


def _band(song: Song) -> list[np.ndarray]:
    names = [line.part.name for line in SHAPES["band"]]
    roles = ["drums" if part.drum else _ROLES[part.program // 8] for part in song.parts]
    line_of = np.array([names.index(role) for role in roles])[song.notes[:, 3]]
    return [song.notes[line_of == line] for line in range(len(names))]


def _one_by_one(notes: np.ndarray) -> np.ndarray:
    """The highest note of each onset, ended where the next begins."""
    if not len(notes):
        return notes
    notes = with_ends_on_grid(notes)
    notes = notes[np.lexsort((-notes[:, 2], notes[:, 0]))]
    notes = notes[np.diff(notes[:, 0], prepend=-1) > 0]
    notes[:-1, 1] = np.minimum(notes[:-1, 1], np.diff(notes[:, 0]))
    return notes


def _close_chords(notes: np.ndarray) -> np.ndarray:
    """One chord for each onset, in close position, ended where the next begins."""
    notes = with_ends_on_grid(notes)
    onsets = np.unique(notes[:, 0])
    rows = []
    for onset, following in zip(onsets, np.append(onsets[1:], np.iinfo(np.int64).max), strict=False):
        group = notes[notes[:, 0] == onset]
        length = min(int(group[:, 1].max()), int(following - onset))
        rows += [
            (onset, length, pitch, 1) for pitch in chord_pitches(*name_chord(tuple(group[:, 2].tolist())))
        ]
    return np.array(rows, np.int64).reshape(-1, 4)


def _no_clash(notes: np.ndarray) -> np.ndarray:
    """Notes with lengths of DURATIONS that never begin while their own pitch sounds."""
    kept = []
    for pitch in np.unique(notes[:, 2]):
        same = notes[notes[:, 2] == pitch]
        # Of notes that begin together the longest stays.
        same = same[np.lexsort((-same[:, 1], same[:, 0]))]
        same = same[np.diff(same[:, 0], prepend=-1) > 0]
        room = np.diff(same[:, 0], append=np.iinfo(np.int32).max)
        for note, free in zip(same, room, strict=True):
            if free >= DURATIONS[0]:
                kept.append((note[0], _nearest_duration(int(note[1]), int(free)), note[2], note[3]))
    return np.array(kept, np.int64).reshape(-1, 4)


def _nearest_duration(ticks: int, room: int) -> int:
    above = bisect_left(DURATIONS, ticks)
    near = [length for length in DURATIONS[max(above - 1, 0) : above + 1] if length <= room]
    if not near:
        return max(length for length in DURATIONS if length <= room)
    return min(near, key=lambda length: abs(length - ticks))

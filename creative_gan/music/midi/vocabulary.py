"""Songs as tokens and back: time first, then what each line begins or ends there.

A sequence is metre, key and tempo, then bars. In a bar, `beat k` goes to the k-th quarter and `place p` to
a place within the quarter; after `bar` no more is needed for the first. There, each line in its order may
begin a note (one token; it sounds until the line's next token), a chord (root and quality) or a silence.
Lines that play many notes at once say who they are and then give pitches upwards followed by their common
length, the longest first. So nothing has two spellings, and a note takes one to two tokens.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from creative_gan.music.midi.arrange import DURATIONS, SHAPES
from creative_gan.music.midi.chords import QUALITY_NAMES, chord_pitches, name_chord
from creative_gan.music.midi.song import KEYS, METRES, PLACES, QUARTER, TONICS, Song, moved_key, ordered

PAD, START, END, BAR = range(4)
TEMPI = (48, 58, 69, 80, 92, 105, 120, 138, 160, 184, 208)
"""Quarters a minute that a song may be given."""
BEATS = 8
"""Quarters of the longest bar."""
Event = tuple[int, int, list[int]]
"""Tick, line and tokens of something that begins or ends."""
KINDS = (
    *("special", "metre", "key", "tempo", "beat", "place"),
    *("silence", "note", "root", "quality", "track", "pitch", "length"),
)


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The tokens of one shape; `len` is their number, ids 0, 1, 2 pad, start and end a sequence."""

    shape: str
    tokens: tuple[tuple[str, int, int], ...]
    """(kind, line or -1, value) of each id."""

    def __len__(self) -> int:
        return len(self.tokens)

    def id(self, kind: str, value: int, line: int = -1) -> int:
        """The id of a token. Raises KeyError if there is none."""
        return _ids(self)[kind, line, value]

    def slice(self, kind: str) -> slice:
        """The ids of one kind, which lie side by side."""
        return _slices(self).get(kind, slice(0, 0))

    def header(self, metre: int, key: int, tempo: float) -> list[int]:
        """The tokens that a song begins with. metre and key: indices in METRES and KEYS."""
        nearest = min(range(len(TEMPI)), key=lambda i: abs(np.log(TEMPI[i] / max(tempo, 1))))
        return [self.id("metre", metre), self.id("key", key), self.id("tempo", nearest)]

    def encode(self, song: Song) -> list[int]:
        """Tokens of an arranged song, `END` last. Raises ValueError if it holds no note."""
        bars, _ = bar_tokens(self, song)
        if not bars:
            raise ValueError("a song without notes has no tokens")
        _, _, metre, key = song.bars()[0]
        return [*self.header(metre, key, song.tempo), *(token for bar in bars for token in bar), END]

    def decode(self, ids: Iterable[int]) -> Song:
        """The song of a sequence, up to `END`; if that is missing, notes end where the sequence does.

        What does not fit the grammar is passed over, so this never fails; it may give a song without notes.
        """
        return _Decoder(self).read(ids)

    def text(self, ids: Iterable[int]) -> str:
        """The tokens in words, a bar a line, for people."""
        return " ".join(self.word(i) for i in ids).replace(" | ", "\n| ")

    def word(self, id: int) -> str:
        """One token in a word."""
        kind, line, value = self.tokens[id]
        voice = SHAPES[self.shape][line].part.name[:1].upper()
        words = {
            "metre": lambda: "{}/{}".format(*METRES[value]),
            "key": lambda: KEYS[value].replace(" ", "-"),
            "tempo": lambda: f"♩={TEMPI[value]}",
            "quality": lambda: QUALITY_NAMES[value] or "major",
            "root": lambda: TONICS[value],
            "track": lambda: SHAPES[self.shape][value].part.name + ":",
            "length": lambda: f"({value}/24)",
            "note": lambda: f"{voice}{value}",
            "silence": lambda: f"{voice}-",
            "special": lambda: ("<pad>", "<start>", "<end>", "|")[value],
        }
        return words[kind]() if kind in words else f"{kind}{value}"


@cache
def vocabulary(shape: str) -> Vocabulary:
    """The vocabulary of a shape of SHAPES: 148 tokens for `lead`, 198 for `chorale`, 193 for `band`."""
    lines = SHAPES[shape]
    tokens = [("special", -1, value) for value in (PAD, START, END, BAR)]
    tokens += [("metre", -1, value) for value in range(len(METRES))]
    tokens += [("key", -1, value) for value in range(len(KEYS))]
    tokens += [("tempo", -1, value) for value in range(len(TEMPI))]
    tokens += [("beat", -1, value) for value in range(1, BEATS)]
    tokens += [("place", -1, value) for value in PLACES[1:]]
    if shape == "band":
        tokens += [("track", -1, value) for value in range(len(lines))]
        tokens += [("pitch", -1, value) for value in range(lines[0].low, lines[0].high + 1)]
        tokens += [("length", -1, value) for value in DURATIONS]
        return Vocabulary(shape, tuple(tokens))
    tokens += [("silence", index, 0) for index in range(len(lines))]
    for index, line in enumerate(lines):
        if line.kind == "voice":
            tokens += [("note", index, value) for value in range(line.low, line.high + 1)]
        else:
            tokens += [("root", index, value) for value in range(12)]
            tokens += [("quality", -1, value) for value in range(len(QUALITY_NAMES))]
    return Vocabulary(shape, tuple(tokens))


@cache
def pitch_groups(words: Vocabulary) -> np.ndarray:
    """What is chosen among at one place: int64 [V], one number for the notes of a line, roots, qualities, pitches.

    Everything else, which says when and for how long, is a group of its own.
    """
    among = [
        (kind, line) if kind in ("note", "root", "quality", "pitch") else id
        for id, (kind, line, _) in enumerate(words.tokens)
    ]
    numbers = {group: number for number, group in enumerate(dict.fromkeys(among))}
    return np.array([numbers[group] for group in among])


@cache
def _slices(words: Vocabulary) -> dict[str, slice]:
    kinds = [kind for kind, _, _ in words.tokens]
    return {kind: slice(kinds.index(kind), kinds.index(kind) + kinds.count(kind)) for kind in set(kinds)}


@cache
def _ids(words: Vocabulary) -> dict[tuple[str, int, int], int]:
    return {token: id for id, token in enumerate(words.tokens)}


def bar_tokens(words: Vocabulary, song: Song) -> tuple[list[list[int]], list[list[int]]]:
    """The tokens of every bar of an arranged song, from `BAR` on, in two ways.

    Returns:
        Each bar as it stands in the song, changes of metre and key among it; and each as if the song began
        with it: what sounds on from the bar before begins anew, and changes are left to the header.
    """
    bars = song.bars().tolist()
    starts = [bar[0] for bar in bars]
    events: list[list[Event]] = [[] for _ in bars]
    for event in (_many_events if words.shape == "band" else _line_events)(words, song):
        # What falls silent where the song ends has no bar any more, and needs no token.
        if event[0] < starts[-1] + bars[-1][1]:
            events[bisect_right(starts, event[0]) - 1].append(event)
    inside, opening = [], []
    for bar, carried in enumerate(_carried(words, song, starts)):
        changes = []
        if bar:
            changes += [words.id("metre", bars[bar][2])] if bars[bar][2] != bars[bar - 1][2] else []
            changes += [words.id("key", bars[bar][3])] if bars[bar][3] != bars[bar - 1][3] else []
        tokens = list(_timed(words, starts[bar], events[bar]))
        inside.append([BAR, *changes, *tokens])
        if carried:
            begun = {line for tick, line, _ in events[bar] if tick == starts[bar]}
            anew = [event for event in carried if event[1] not in begun]
            tokens = list(_timed(words, starts[bar], anew + events[bar]))
        opening.append([BAR, *tokens])
    return inside, opening


def _timed(words: Vocabulary, start: int, events: list[Event]) -> Iterator[int]:
    """Tokens of events in order of time and line, with the tokens that move the time."""
    now = 0
    for tick, _, tokens in sorted(events, key=lambda event: event[:2]):
        beat, place = divmod(tick - start, QUARTER)
        if beat != now // QUARTER:
            yield words.id("beat", beat)
            now = beat * QUARTER
        if tick - start != now:
            yield words.id("place", place)
            now = tick - start
        yield from tokens


def _line_events(words: Vocabulary, song: Song) -> Iterator[Event]:
    """What every line with one note or chord at a time begins, and when it falls silent."""
    for index in range(len(SHAPES[words.shape])):
        begun = list(_begun(words, song, index))
        starts = {start for start, _, _ in begun}
        for start, end, tokens in begun:
            yield start, index, tokens
            if end not in starts:
                yield end, index, [words.id("silence", 0, index)]


def _begun(words: Vocabulary, song: Song, index: int) -> Iterator[tuple[int, int, list[int]]]:
    """Start, end and tokens of each note or chord of a line, in order."""
    chords = SHAPES[words.shape][index].kind == "chord"
    groups: dict[int, list[tuple[int, int]]] = {}
    for onset, length, pitch, _ in song.notes[song.notes[:, 3] == index].tolist():
        groups.setdefault(onset, []).append((length, pitch))
    for onset, group in groups.items():
        if chords:
            root, quality = name_chord(tuple(pitch for _, pitch in group))
            tokens = [words.id("root", root, index), words.id("quality", quality)]
        else:
            tokens = [words.id("note", group[-1][1], index)]
        yield onset, onset + group[-1][0], tokens


def _many_events(words: Vocabulary, song: Song) -> Iterator[Event]:
    """For every onset and track: the track, then pitches upwards with their length, longest first."""
    notes = song.notes[np.lexsort((song.notes[:, 2], -song.notes[:, 1], song.notes[:, 3], song.notes[:, 0]))]
    groups = np.flatnonzero(np.diff(notes[:, [0, 3]], axis=0).any(1)) + 1
    for group in np.split(notes, groups) if len(notes) else []:
        yield int(group[0, 0]), int(group[0, 3]), _group_tokens(words, group[:, 1:].tolist())


def _group_tokens(words: Vocabulary, rows: Sequence[Sequence[int]]) -> list[int]:
    """Tokens of notes (length, pitch, track) that begin together in one track, longest first."""
    tokens = [words.id("track", rows[0][2])]
    for i, (length, pitch, _) in enumerate(rows):
        tokens.append(words.id("pitch", pitch))
        if i + 1 == len(rows) or rows[i + 1][0] != length:
            tokens.append(words.id("length", length))
    return tokens


def _carried(words: Vocabulary, song: Song, starts: list[int]) -> list[list[Event]]:
    """For every bar: events that begin anew, at its first tick, what sounds on from the bar before.

    Of a band nothing begins anew: its notes have their lengths from where they began.
    """
    carried: list[list[Event]] = [[] for _ in starts]
    if words.shape == "band":
        return carried
    for index in range(len(SHAPES[words.shape])):
        for start, end, tokens in _begun(words, song, index):
            for bar in range(bisect_right(starts, start), bisect_left(starts, end)):
                carried[bar].append((starts[bar], index, tokens))
    return carried


class _Decoder:
    """Reads tokens one by one and keeps what has been heard so far."""

    def __init__(self, words: Vocabulary) -> None:
        self.words = words
        self.lines = SHAPES[words.shape]
        self.notes: list[tuple[int, int, int, int]] = []
        self.metres: list[tuple[int, int]] = []
        self.keys: list[tuple[int, int]] = []
        self.tempo = 120.0
        self.bars = 0
        self.start = self.end = self.now = 0
        self.sounding: dict[int, tuple[int, list[int]]] = {}
        self.root = (0, -1)
        self.track, self.pending = 0, [0][:0]

    def read(self, ids: Iterable[int]) -> Song:
        """Decode the sequence."""
        for id in ids:
            if id == END:
                self.now = self.end
                break
            self._take(*self.words.tokens[id])
        for line in list(self.sounding):
            self._silence(line)
        notes = ordered(np.array(self.notes, np.int64).reshape(-1, 4))
        parts = tuple(line.part for line in self.lines)
        metres, keys = tuple(self.metres) or ((0, 3),), tuple(self.keys) or ((0, 0),)
        return Song(notes, parts, self.tempo, metres, keys)

    def _take(self, kind: str, line: int, value: int) -> None:
        if kind == "special" and value == BAR:
            self.now = self.start = self.end
            self.bars += 1
            self._measure()
        elif kind == "metre":
            self._change(self.metres, value)
            self._measure()
        elif kind == "key":
            self._change(self.keys, value)
        elif kind == "tempo":
            self.tempo = float(TEMPI[value])
        elif kind == "beat":
            self.now = self.start + value * QUARTER
        elif kind == "place":
            self.now += value - (self.now - self.start) % QUARTER
        elif kind == "silence":
            self._silence(line)
        elif kind == "note":
            self._begin(line, [value])
        elif kind == "root":
            self.root = (value, line)
        elif kind == "quality":
            self._begin(self.root[1], chord_pitches(self.root[0], value))
        elif kind == "track":
            self.track, self.pending = value, []
        elif kind == "pitch":
            self.pending.append(value)
        elif kind == "length":
            self.notes += [(self.now, value, pitch, self.track) for pitch in self.pending]
            self.pending = []

    def _measure(self) -> None:
        if self.bars:
            count, unit = METRES[self.metres[-1][1] if self.metres else 3]
            self.end = self.start + count * 4 * QUARTER // unit

    def _change(self, changes: list[tuple[int, int]], value: int) -> None:
        if changes and changes[-1][0] == self.start:
            changes.pop()
        changes.append((self.start, value))

    def _begin(self, line: int, pitches: list[int]) -> None:
        self._silence(line)
        self.sounding[line] = (self.now, pitches)

    def _silence(self, line: int) -> None:
        start, pitches = self.sounding.pop(line, (self.now, []))
        if self.now > start:
            self.notes += [(start, self.now - start, pitch, line) for pitch in pitches]


@cache
def transposition(words: Vocabulary) -> np.ndarray:
    """What each token becomes when everything moves by -12 to 12 semitones.

    Returns int64 [25, V]; -1 for a note that leaves the range of its line.
    """
    table = np.tile(np.arange(len(words)), (25, 1))
    for id, (kind, line, value) in enumerate(words.tokens):
        for row, by in enumerate(range(-12, 13)):
            if kind == "key":
                table[row, id] = words.id("key", moved_key(value, by))
            elif kind == "root":
                table[row, id] = words.id("root", (value + by) % 12, line)
            elif kind in ("note", "pitch"):
                table[row, id] = _ids(words).get((kind, line, value + by), -1)
    return table

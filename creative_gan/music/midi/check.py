"""Look a set of songs over before training: what it holds, what is wrong with it, what it is good for."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from creative_gan.core.wording import duration, listed, many
from creative_gan.music.midi.data import load_pieces
from creative_gan.music.midi.song import KEYS, METRES, QUARTER, Song

SHOWN = 5
# From so many songs on: what to expect.
VERDICTS = [
    (500, "enough songs for variety"),
    (100, "a small set: transposition helps, and expect phrases that are known from it"),
    (20, "very small: expect songs that quote these; more would help more than anything else"),
    (1, "too few to learn from: collect at least 20, better some hundreds"),
]


@dataclass(frozen=True)
class Report:
    """What `check` found; lists hold names of songs."""

    source: str
    shape: str
    """What the songs are taken for: `lead`, `chorale` or `band`."""
    count: int
    """Songs that can be used."""
    bars: int
    """Of all of them together."""
    seconds: float
    shortest: int
    """In bars, as are the next two; of the songs."""
    median: float
    longest: int
    notes: int
    metres: dict[str, int]
    """Songs that begin in each metre, as the next in each key."""
    keys: dict[str, int]
    tempos: tuple[float, float]
    """Slowest and fastest, in quarters a minute."""
    parts: dict[str, int]
    """Notes of each part."""
    repeated: list[list[str]]
    """Songs that are the same, note by note."""
    tokens: float
    """A song takes so many on average."""
    skipped: list[tuple[str, str]]
    """Name and reason of what cannot be used."""
    unknown: list[tuple[str, str]]
    """Name of a song, and a metre in it that is not known and read as 4/4."""
    verdict: str

    def as_dict(self) -> dict:
        """The same as JSON takes it."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The same in sentences for a terminal."""
        spread = f"{self.shortest} to {self.longest} bars, half of them below {self.median:.0f}"
        if self.shortest == self.longest:
            spread = f"each of {many(self.longest, 'bar')}"
        rows = [
            f"{many(self.count, 'song')} of the shape `{self.shape}`, {many(self.bars, 'bar')}, "
            f"{duration(self.seconds)} in all" + (f": {spread}" if self.count > 1 else ""),
            f"{many(self.notes, 'note')}: {_counts(self.parts)}",
            f"metres: {_counts(self.metres)}; {self.tempos[0]:.0f} to {self.tempos[1]:.0f} quarters a minute",
            f"keys: {_counts(self.keys)}",
            f"{self.tokens:.0f} tokens a song",
        ]
        if self.repeated:
            rows.append(
                f"warning: {many(len(self.repeated), 'song is', 'songs are')} there more than once: "
                + "; ".join(" = ".join(group) for group in self.repeated[:SHOWN])
            )
        odd = [f"{name}: {metre}" for name, metre in self.unknown]
        rows += listed("warning: metres that are not known, read as 4/4 with bar lines elsewhere", odd)
        rows += listed("skipped", [f"{name}: {reason}" for name, reason in self.skipped])
        return [*rows, self.verdict]


def check(source: str | Path, shape: str = "auto") -> Report:
    """Read every song of a set and look it over. Args and errors: those of `data.load_pieces`."""
    pieces = load_pieces(source, shape)
    songs, bars = pieces.songs(), pieces.bars()
    by_notes: dict[bytes, list[str]] = {}
    for name, song in zip(pieces.names, songs, strict=True):
        by_notes.setdefault(song.notes.tobytes(), []).append(name)
    return Report(
        source=str(source),
        shape=pieces.words.shape,
        count=len(pieces),
        bars=int(bars.sum()),
        seconds=sum(song.end / QUARTER * 60 / song.tempo for song in songs),
        shortest=int(bars.min()),
        median=float(np.median(bars)),
        longest=int(bars.max()),
        notes=sum(len(song.notes) for song in songs),
        metres=_common("/".join(map(str, METRES[song.metres[0][1]])) for song in songs),
        keys=_common(KEYS[song.keys[0][1]] for song in songs),
        tempos=(min(song.tempo for song in songs), max(song.tempo for song in songs)),
        parts=_parts(songs),
        repeated=[group for group in by_notes.values() if len(group) > 1],
        tokens=float(np.mean([len(pieces.ids(i)) for i in range(len(pieces))])),
        skipped=list(pieces.skipped),
        unknown=list(pieces.unknown),
        verdict=next(words for least, words in VERDICTS if len(pieces) >= least),
    )


def _parts(songs: Sequence[Song]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for song in songs:
        for index, part in enumerate(song.parts):
            counts[part.name] += int((song.notes[:, 3] == index).sum())
    return dict(counts)


def _common(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _counts(counts: dict[str, int]) -> str:
    shown = [f"{name} ({count:,})" for name, count in list(counts.items())[:12]]
    return ", ".join(shown) + (f" and {len(counts) - 12} more" if len(counts) > 12 else "")

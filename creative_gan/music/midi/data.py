"""A set of songs as tokens: read once, kept in the cache, handed out in windows that begin with a bar."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from creative_gan.core.cache import cache_folder, publish
from creative_gan.core.draws import derive
from creative_gan.core.errors import DataError, UserError
from creative_gan.music.midi.arrange import SHAPES, guess_shape
from creative_gan.music.midi.builtin import tunes
from creative_gan.music.midi.encoding import Encoded, encode_files, encode_song
from creative_gan.music.midi.reader import MIDI_SUFFIXES, read_midi, read_rolls
from creative_gan.music.midi.song import Song
from creative_gan.music.midi.vocabulary import END, PAD, Vocabulary, transposition, vocabulary

VERSION = 1
"""Of the tokens: fingerprints tell by it."""
READING = 3
"""How files are read and brought into a shape; what is kept in the cache from another one is read anew."""
HELD_OUT = ("valid", "validation", "val", "test")
LOOK_AT = 24
"""Files from which the shape of a folder is told."""
SHIFTS = range(-12, 13)
ENOUGH_BARS, FEW_BARS = 16, 4
"""A song of so many bars can be a whole set: its last bars are held out, so many at least."""
MOST_BARS = 255
MOST_BEFORE = 31
"""More bars to come, or before a window, count as so many."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """Songs of one shape as tokens."""

    words: Vocabulary
    names: list[str]
    splits: list[str]
    """The split that the data puts each song into, "" where it does not."""
    skipped: list[tuple[str, str]]
    """Name and reason of every file that could not be used."""
    unknown: list[tuple[str, str]]
    """Name of a file and a metre in it that there is no token for, so that 4/4 stands for it."""
    inside: np.ndarray
    """uint8: tokens of all bars of all songs."""
    inside_at: np.ndarray
    """int64 [bars + 1]: where each bar begins in `inside`."""
    opening: np.ndarray
    """uint8: tokens of each bar as if its song began there."""
    opening_at: np.ndarray
    header: np.ndarray
    """uint8 [bars, 3]: metre, key and tempo tokens in force."""
    bar_at: np.ndarray
    """int64 [songs + 1]: the first bar of each song."""
    shifts: np.ndarray
    """int64 [songs, 2]: by how many semitones each may move down (<= 0) and up, an octave at most."""

    def __len__(self) -> int:
        return len(self.names)

    @property
    def fingerprint(self) -> str:
        """Tells one set from another: a digest of all tokens."""
        digest = blake2b(f"{VERSION} {self.words.shape}".encode(), digest_size=16)
        for array in (self.inside, self.inside_at, self.header, self.bar_at):
            digest.update(array.tobytes())
        return digest.hexdigest()

    def bars(self) -> np.ndarray:
        """int64 [songs]: bars of each song."""
        return np.diff(self.bar_at)

    def ids(self, index: int) -> list[int]:
        """All tokens of a song, `END` last."""
        return self._window(index, 0, int(self.bars()[index])).tolist()

    def song(self, index: int) -> Song:
        """A song in its shape."""
        return self.words.decode(self.ids(index))

    def songs(self, indices: Sequence[int] | np.ndarray | None = None) -> list[Song]:
        """Some songs, or all."""
        return [self.song(int(i)) for i in (range(len(self)) if indices is None else indices)]

    def batch(
        self,
        indices: Sequence[int] | np.ndarray,
        bars: int = 16,
        at: np.ndarray | Tensor | None = None,
        shift: np.ndarray | Tensor | None = None,
        length: int = 1024,
    ) -> dict[str, Tensor]:
        """Windows of whole bars as a batch.

        Args:
            indices: the song of each row.
            bars: bars of a window, or fewer where a song is shorter.
            at: [B] in [0, 1): which of the windows of its song each row takes; without, the first.
            shift: whole numbers [B] in -12..12: semitones by which each row moves, less where a note would
                leave the range of its line; drums stay.
            length: tokens at most; longer windows are cut.

        Returns:
            `real`: int64 [B, T], without `START`, padded with `PAD`; `END` where the window reaches the end
            of its song. `length`: int64 [B], tokens of each row. `label`: int64 [B], how many bars are
            before the window (31 at most) times 256, and how many there are from its first to the end of its
            song (255 at most).
        """
        indices = np.asarray(indices)
        chances = np.maximum(self.bars()[indices] - bars + 1, 1)
        first = (
            np.zeros(len(indices), np.int64) if at is None else (np.asarray(at) * chances).astype(np.int64)
        )
        windows = [self._window(i, b, bars)[:length] for i, b in zip(indices, first, strict=True)]
        lengths = np.array([len(window) for window in windows], np.int64)
        real = np.full((len(windows), lengths.max(initial=1)), PAD, np.int64)
        for row, window in zip(real, windows, strict=True):
            row[: len(window)] = window
        if shift is not None:
            low, high = self.shifts[indices].T
            real = transpose(self.words, real, np.clip(np.asarray(shift), low, high))
        before = np.minimum(first, MOST_BEFORE)
        to_come = np.minimum(self.bars()[indices] - first, MOST_BARS)
        return {
            "real": torch.from_numpy(real),
            "length": torch.from_numpy(lengths),
            "label": torch.from_numpy(before * (MOST_BARS + 1) + to_come),
        }

    def subset(self, indices: Sequence[int] | np.ndarray) -> "Pieces":
        """Some of the songs as a set."""
        encoded = [self._encoded(int(i)) for i in indices]
        names, splits = [self.names[i] for i in indices], [self.splits[i] for i in indices]
        return _packed(self.words, names, splits, self.skipped, self.unknown, encoded)

    def split(self, held_out: float = 0.1) -> tuple["Pieces", "Pieces"]:
        """Songs to train on, and songs kept back.

        Where the data has splits, `valid` and `test` are kept back; else a share of about `held_out`, chosen
        by name, so that a file stays on its side when others come and go. Of a single song the last bars are.
        """
        if len(self) == 1 and not self.splits[0] and (bars := int(self.bars()[0])) >= ENOUGH_BARS:
            end = bars - max(FEW_BARS, round(held_out * bars))
            return self._cut(slice(end)), self._cut(slice(end, None))
        if any(split in HELD_OUT for split in self.splits):
            back = np.array([split in HELD_OUT for split in self.splits])
        else:
            back = np.array([derive("held out", name) % 10_000 < held_out * 10_000 for name in self.names])
            if len(back) > 1 and not back.any():
                back[np.argmin([derive("held out", name) for name in self.names])] = True
        return self.subset(np.flatnonzero(~back)), self.subset(np.flatnonzero(back))

    def _cut(self, bars: slice) -> "Pieces":
        """Some bars of the only song as a song."""
        whole = self._encoded(0)
        part = Encoded(whole.inside[bars], whole.opening[bars], whole.header[bars], [])
        return _packed(self.words, self.names, self.splits, self.skipped, self.unknown, [part])

    def _window(self, index: int, first: int, bars: int) -> np.ndarray:
        begin, stop = self.bar_at[index] + first, self.bar_at[index + 1]
        end = min(begin + bars, stop)
        return np.concatenate(
            [
                self.header[begin],
                self.opening[self.opening_at[begin] : self.opening_at[begin + 1]],
                self.inside[self.inside_at[begin + 1] : self.inside_at[end]],
                np.array([END] if end == stop else [], np.uint8),
            ]
        )

    def _encoded(self, index: int) -> Encoded:
        bars = range(self.bar_at[index], self.bar_at[index + 1])
        return Encoded(
            [self.inside[self.inside_at[b] : self.inside_at[b + 1]].tolist() for b in bars],
            [self.opening[self.opening_at[b] : self.opening_at[b + 1]].tolist() for b in bars],
            [self.header[b].tolist() for b in bars],
            [],
        )


def load_pieces(path: str | Path, shape: str = "auto", cache: Path | None = None) -> Pieces:
    """The songs of a folder of MIDI files, of one MIDI file, of piano rolls, or `builtin:tunes`.

    Files that cannot be read are left out and listed in `skipped`. What was read is kept in the cache
    folder (see `core.cache`) and taken from there as long as names, sizes and dates of the files stay.

    Args:
        path: a folder (searched with its subfolders; piano rolls only where there is no MIDI file), a
            `.mid`, a `.json` or `.npz` as `read_rolls` describes them, or `builtin:tunes`.
        shape: `lead`, `chorale`, `band`, or `auto`: what the first files are.
        cache: a cache folder instead of the user's.

    Raises:
        DataError: nothing there can be used.
        UserError: there is no such shape.
    """
    if shape not in (*SHAPES, "auto"):
        raise UserError(f"there is no shape '{shape}' of songs; take one of auto, {', '.join(SHAPES)}")
    if str(path) == "builtin:tunes":
        key, read = _key_of_tunes(shape), partial(_made, shape)
    else:
        root, files = Path(path), _listed(Path(path))
        key, read = _key(root, files, shape), partial(_read, root, files, shape)
    folder = cache_folder("songs", cache)
    kept = _opened(folder / key)
    if kept is not None:
        return kept
    pieces = read()
    publish(folder, key, lambda entry: _keep(pieces, entry))
    return pieces


def from_songs(
    songs: Sequence[Song], names: Sequence[str] = (), shape: str = "auto", splits: Sequence[str] = ()
) -> Pieces:
    """A set of songs that are there already; those without notes for the shape are left out and listed."""
    shape = guess_shape(songs[:LOOK_AT]) if shape == "auto" else shape
    names = names or [f"song {i}" for i in range(len(songs))]
    results: list[Encoded | DataError] = []
    for song, name in zip(songs, names, strict=True):
        try:
            results.append(encode_song(song, shape, name))
        except DataError as error:
            results.append(error)
    return _gathered(vocabulary(shape), names, splits or [""] * len(songs), results)


def transpose(words: Vocabulary, real: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Move every row by its own number of semitones. real: int64 [B, T]; shift: int64 [B] in -12..12."""
    moved = transposition(words)[shift[:, None] - SHIFTS[0], real]
    stays = _drum_tokens(words, real)
    return np.where(stays, real, moved)


def _drum_tokens(words: Vocabulary, real: np.ndarray) -> np.ndarray:
    """bool [B, T]: pitches that name a drum, as they come after the track of the drums."""
    tracks = words.slice("track")
    is_track = (real >= tracks.start) & (real < tracks.stop)
    if not is_track.any():
        return np.zeros(real.shape, bool)
    latest = np.maximum.accumulate(np.where(is_track, np.arange(real.shape[1]), -1), axis=1)
    track = np.take_along_axis(real, latest.clip(0), axis=1) - tracks.start
    pitches = words.slice("pitch")
    drums = [line.part.drum for line in SHAPES[words.shape]].index(True)
    return (real >= pitches.start) & (real < pitches.stop) & (track == drums) & (latest >= 0)


def _listed(root: Path) -> list[Path]:
    if root.is_file():
        if root.suffix.lower() not in (*MIDI_SUFFIXES, ".json", ".npz"):
            raise DataError(root, "is neither a MIDI file nor a piano roll (.json, .npz)")
        return [root]
    if not root.is_dir():
        raise DataError(root, "is not there", "check the name")
    every = sorted(file for file in root.rglob("*") if file.is_file() and not file.name.startswith("."))
    files = [file for file in every if file.suffix.lower() in MIDI_SUFFIXES]
    files = files or [file for file in every if file.suffix.lower() in (".json", ".npz")]
    if not files:
        raise DataError(root, "holds no MIDI files", "name a folder with .mid files in it")
    return files


def _key(root: Path, files: list[Path], shape: str) -> str:
    digest = blake2b(f"{VERSION} {READING} {shape}".encode(), digest_size=16)
    for file in files:
        stat = file.stat()
        digest.update(
            f"{file.relative_to(root)}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode(errors="replace")
        )
    return digest.hexdigest()


def _key_of_tunes(shape: str) -> str:
    """Another one whenever the code is another that makes the tunes and cuts them in tokens."""
    digest = blake2b(f"{VERSION} {shape} {np.__version__}".encode(), digest_size=16)
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _made(shape: str) -> Pieces:
    named = tunes()
    return from_songs([song for _, song in named], [name for name, _ in named], shape)


def _read(root: Path, files: list[Path], shape: str) -> Pieces:
    names = [os.path.relpath(file, root) if file != root else file.name for file in files]
    if files[0].suffix.lower() in MIDI_SUFFIXES:
        if shape == "auto":
            shape = guess_shape(_readable(files))
        return _gathered(vocabulary(shape), names, [""] * len(files), encode_files(files, shape), root)
    songs, labels, splits = [], [], []
    for file, name in zip(files, names, strict=True):
        for split, pieces in read_rolls(file).items():
            songs += pieces
            labels += [f"{name}#{split}/{i}" for i in range(len(pieces))]
            splits += [split] * len(pieces)
    if not songs:
        raise DataError(root, "holds no pieces")
    return from_songs(songs, labels, "chorale" if shape == "auto" else shape, splits)


def _readable(files: list[Path]) -> list[Song]:
    songs: list[Song] = []
    for file in files[:: max(len(files) // LOOK_AT, 1)]:
        try:
            songs.append(read_midi(file))
        except DataError:
            continue
    return songs


def _gathered(
    words: Vocabulary,
    names: Sequence[str],
    splits: Sequence[str],
    results: Sequence[Encoded | DataError],
    root: Path | None = None,
) -> Pieces:
    """A set of what could be read. Raises DataError if that is nothing."""
    rows = list(zip(names, splits, results, strict=True))
    good = [(name, split, result) for name, split, result in rows if isinstance(result, Encoded)]
    skipped = [(name, result.reason) for name, _, result in rows if isinstance(result, DataError)]
    if not good:
        name, reason = skipped[0]
        raise DataError(root or name, f"holds no song that can be used ({name} {reason})")
    kept_names, kept_splits, encoded = map(list, zip(*good, strict=True))
    unknown = [(name, metre) for name, _, result in good for metre in result.unknown]
    return _packed(words, kept_names, kept_splits, skipped, unknown, encoded)


def _packed(
    words: Vocabulary,
    names: list[str],
    splits: list[str],
    skipped: list[tuple[str, str]],
    unknown: list[tuple[str, str]],
    encoded: list[Encoded],
) -> Pieces:
    inside, inside_at = _flat([bar for song in encoded for bar in song.inside])
    opening, opening_at = _flat([bar for song in encoded for bar in song.opening])
    header = np.array([row for song in encoded for row in song.header], np.uint8).reshape(-1, 3)
    bar_at = np.cumsum([0, *(len(song.inside) for song in encoded)])
    shifts = [_shift_range(words, inside[inside_at[a] : inside_at[b]]) for a, b in pairwise(bar_at)]
    bounds = np.array(shifts, np.int64).reshape(-1, 2)
    return Pieces(
        words, names, splits, skipped, unknown, inside, inside_at, opening, opening_at, header, bar_at, bounds
    )


def _flat(bars: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.array([token for bar in bars for token in bar], np.uint8),
        np.cumsum([0, *(len(bar) for bar in bars)]),
    )


def _shift_range(words: Vocabulary, tokens: np.ndarray) -> tuple[int, int]:
    row = tokens.astype(np.int64)[None]
    pitched = np.unique(row[~_drum_tokens(words, row)])
    fits = np.array([(row >= 0).all() for row in transposition(words)[:, pitched]])
    down, up = fits[: -SHIFTS[0]][::-1], fits[1 - SHIFTS[0] :]
    return -int(np.append(down, False).argmin()), int(np.append(up, False).argmin())


_ARRAYS = ("inside", "inside_at", "opening", "opening_at", "header", "bar_at", "shifts")


def _keep(pieces: Pieces, entry: Path) -> None:
    np.savez(entry / "tokens.npz", **{name: vars(pieces)[name] for name in _ARRAYS})
    facts = {name: vars(pieces)[name] for name in ("names", "splits", "skipped", "unknown")}
    (entry / "songs.json").write_text(json.dumps({**facts, "shape": pieces.words.shape}), encoding="utf-8")


def _opened(entry: Path) -> Pieces | None:
    """What an earlier run kept; None if there is nothing, or nothing whole."""
    try:
        facts = json.loads((entry / "songs.json").read_text(encoding="utf-8"))
        with np.load(entry / "tokens.npz", allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in _ARRAYS}
        skipped, unknown = ([(name, what) for name, what in facts[key]] for key in ("skipped", "unknown"))
        words = vocabulary(facts["shape"])
        return Pieces(words, facts["names"], facts["splits"], skipped, unknown, **found)
    except (OSError, ValueError, KeyError, BadZipFile):
        return None

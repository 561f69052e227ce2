"""Open a set of sounds for training: resampled once into a memory-mapped cache, then instant."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from creative_gan.core.cache import cache_folder, discard, publish
from creative_gan.core.draws import Draws, derive
from creative_gan.core.errors import DataError, UserError
from creative_gan.music.signal import loudness
from creative_gan.music.wave import builtin, labels, reader

SLICES = ("first", "random", "overlap")
NORMALISATIONS = ("peak", "loudness", "none")
BUILTIN = "builtin:"
MIN_RATE, MAX_RATE = 4_000, 96_000
TRIM_BELOW = -45.0
"""dB below the loudest hundredth of a second: quieter beginnings and ends are silence."""
SILENT_BELOW = 10 ** (-60 / 20)
"""Peak of a sound that counts as silent."""
TARGET_LUFS = -16.0

_VERSION = 1  # of what the cache holds; another number makes all of it anew
_FULL = 32767


@dataclass(frozen=True)
class Sounds:
    """Sounds of one rate; a row is a slice of `length` samples of one of them."""

    samples: np.ndarray
    """int16 [total], memory-mapped: the sounds one behind the other."""
    starts: np.ndarray
    """int64 [N] where in `samples` each row begins."""
    rooms: np.ndarray
    """int64 [N] samples from there on that a row may show; if more than `length`, the slice is drawn."""
    labels: np.ndarray | None
    """int64 [N]."""
    classes: list[str]
    """Names of the labels; empty where there are none."""
    names: list[str]
    """[N] file of each row, relative to the source."""
    skipped: list[tuple[str, str]]
    """Name and reason of what could not be used."""
    fingerprint: str
    """Hexadecimal; equal rows and labels have the same one on any machine."""
    source: str
    """What the user named."""
    rate: int
    """Samples a second."""
    length: int
    """Samples in a row."""

    def __len__(self) -> int:
        return len(self.starts)

    def batch(self, indices: np.ndarray, draws: Draws | None = None) -> dict[str, Tensor]:
        """The sounds of these indices as the games take them.

        Args:
            indices: int [B].
            draws: of the step, for B rows: where in a longer sound the slice lies. Without, at its beginning.

        Returns:
            `real`: float32 [B, 1, L] in [-1, 1], zeros behind a shorter sound; `label`: int64 [B] where there
            are labels.
        """
        indices = np.asarray(indices)
        starts, rooms = self.starts[indices], self.rooms[indices]
        if draws is not None:
            spare = np.maximum(rooms - self.length, 0) + 1
            starts = starts + (draws.uniform("slice").cpu().double().numpy() * spare).astype(np.int64)
        real = torch.zeros(len(indices), 1, self.length)
        for row, (start, room) in enumerate(zip(starts, np.minimum(rooms, self.length), strict=True)):
            piece = self.samples[start : start + room].astype(np.float32)
            real[row, 0, :room] = torch.from_numpy(piece)
        batch = {"real": real.div_(_FULL)}
        if self.labels is not None:
            batch["label"] = torch.from_numpy(self.labels[indices])
        return batch

    def subset(self, indices: Sequence[int] | np.ndarray) -> "Sounds":
        """The rows of these indices, in their order."""
        rows = np.asarray(indices, np.int64)
        return replace(
            self,
            starts=self.starts[rows],
            rooms=self.rooms[rows],
            labels=None if self.labels is None else self.labels[rows],
            names=[self.names[row] for row in rows],
            fingerprint=_digest(self.fingerprint, rows.astype("<i8").tobytes()),
        )

    def split(self, holdout: float, seed: int = 0) -> tuple["Sounds", "Sounds"]:
        """A part to train on and a part held out, the same for the same set and seed.

        All slices of a file are on one side.

        Args:
            holdout: share of the files to hold out, 0 to below 1; of each class where there are labels.
            seed: of the permutation that chooses.

        Errors: UserError where `holdout` is out of range.
        """
        if not 0 <= holdout < 1:
            raise UserError(f"holdout is {holdout}, but a share from 0 to below 1 is wanted")
        rng = np.random.default_rng(derive(seed, "split"))
        files, first, file = np.unique(np.array(self.names), return_index=True, return_inverse=True)
        groups = np.zeros(len(files), np.int64) if self.labels is None else self.labels[first]
        held = np.zeros(len(files), bool)
        for group in np.unique(groups):
            members = rng.permutation(np.flatnonzero(groups == group))
            # A class of one file stays in training.
            held[members[: min(round(holdout * len(members)), len(members) - 1)]] = True
        return self.subset(np.flatnonzero(~held[file])), self.subset(np.flatnonzero(held[file]))


def open_sounds(
    source: str | Path,
    rate: int,
    length: int,
    slices: str = "first",
    trim: bool = True,
    normalise: str = "peak",
    label_pattern: str | None = None,
    strict: bool = False,
    cache: Path | None = None,
) -> Sounds:
    """Open a set of sounds.

    Args:
        source: a folder of sound files (classes in subfolders, or a metadata.csv with file_name and label),
            one sound file, or `builtin:drums`.
        rate: samples a second to resample to, 4,000 to 96,000.
        length: samples in a row.
        slices: `first` takes the beginning of each sound, `overlap` all of it in slices that overlap by half,
            `random` a slice that each batch draws anew, longer sounds more often.
        trim: leave out silence at the beginning and the end.
        normalise: `peak` to full scale, `loudness` to -16 LUFS (less where that would clip), or `none`.
        label_pattern: such as `{label}_{}_{}.wav`: the class is part of the file name.
        strict: raise at the first file that cannot be used instead of skipping it.
        cache: cache folder; None for the user's.

    Errors: DataError where there is nothing to read; UserError for settings out of range.
    """
    if not MIN_RATE <= rate <= MAX_RATE:
        raise UserError(f"rate is {rate}, but {MIN_RATE:,} to {MAX_RATE:,} samples a second can be chosen")
    if length < 1:
        raise UserError(f"length is {length}, but at least 1 sample is needed")
    for name, value, choices in (("slices", slices, SLICES), ("normalise", normalise, NORMALISATIONS)):
        if value not in choices:
            raise UserError(f"{name} is {value!r}, but {', '.join(choices)} can be chosen")
    settings: tuple = (_VERSION, rate, trim, normalise, label_pattern)
    if str(source).startswith(BUILTIN):
        settings = (_VERSION, rate, normalise)  # nothing to trim, and the classes are known
        # the code that makes the sounds is their time of writing
        stamp: object = hashlib.blake2b(Path(builtin.__file__).read_bytes()).hexdigest()
        build = partial(_build_builtin, str(source), rate, normalise)
    else:
        root, paths = sound_files(source)
        stamp = _stamp(root, paths)
        build = partial(_build_files, root, paths, rate, trim, normalise, label_pattern)
    shelf = cache_folder("sounds", cache)
    key = _digest(repr((str(source), stamp, settings)))
    opened = _load(shelf / key)
    if opened is None:
        opened = _load(publish(shelf, key, lambda folder: _build_in(folder, build)))
    if opened is None:
        raise DataError(
            shelf, "cannot be written to", "set CREATIVE_GAN_CACHE to a folder on a disk with room"
        )
    if strict and opened[1].skipped:
        raise DataError(*opened[1].skipped[0])
    return _slice(*opened, str(source), rate, length, slices)


def sound_files(source: str | Path) -> tuple[Path, list[str]]:
    """The folder that the files of a source lie in, and their names relative to it, sorted.

    Errors: DataError if there is no such folder or no sound file in it.
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise DataError(source, "does not exist", "check the path")
    if path.is_file():
        return path.parent, [path.name]
    found = [file for file in path.rglob("*") if file.suffix.lower() in reader.SUFFIXES and file.is_file()]
    # Hidden files are what systems leave beside sounds, such as the ._ files of archives.
    names = sorted(file.relative_to(path).as_posix() for file in found if not file.name.startswith("."))
    if not names:
        raise DataError(source, "holds no sound file", f"these are read: {', '.join(reader.SUFFIXES)}")
    return path, names


def trimmed(wave: np.ndarray, rate: int) -> np.ndarray:
    """Without silence at both ends, with a fade of 2 ms where something was cut. wave: [N]. Returns [n]."""
    frame = max(1, rate // 100)
    whole = np.pad(wave, (0, -len(wave) % frame)).reshape(-1, frame)
    power = np.square(whole).mean(1)
    loud = np.flatnonzero(power >= power.max() * 10 ** (TRIM_BELOW / 10))
    start, stop = max(0, loud[0] - 1) * frame, min(len(wave), (loud[-1] + 2) * frame)
    kept = wave[start:stop].copy()
    fade = np.linspace(0, 1, max(2, rate // 500), dtype=np.float32)[: len(kept)]
    if start > 0:
        kept[: len(fade)] *= fade
    if stop < len(wave):
        kept[len(kept) - len(fade) :] *= fade[::-1]
    return kept


def normalised(wave: np.ndarray, rate: int, how: str) -> np.ndarray:
    """At the wanted level and within [-1, 1]. wave: [N], not silent. Returns [N]."""
    peak = float(np.abs(wave).max())
    if how == "none":
        return wave.clip(-1, 1)
    if how == "peak":
        return wave / peak
    gain = 10 ** ((TARGET_LUFS - float(loudness(torch.from_numpy(wave), rate))) / 20)
    return wave * min(gain, 1 / peak)


@dataclass
class _Facts:
    """What the cache says of the sounds it holds, apart from their samples."""

    lengths: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    labels: list[int] | None = None
    classes: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    fingerprint: str = ""


def _build_in(folder: Path, build: partial[_Facts]) -> None:
    with (folder / "samples.i16").open("wb") as file:
        facts = build(file)
    (folder / "facts.json").write_text(json.dumps(asdict(facts)))


def _build_files(
    root: Path, names: list[str], rate: int, trim: bool, normalise: str, pattern: str | None, out: BinaryIO
) -> _Facts:
    facts, digest = _Facts(), hashlib.blake2b(digest_size=16)
    wanted = labels.file_labels(root, names, pattern)
    used: list[str] = []
    for row, name in enumerate(names):
        if wanted is not None and wanted[row] is None:
            facts.skipped.append((name, "has no label"))
            continue
        mark = out.tell()
        try:
            pieces = []
            for piece in _prepared(root / name, rate, trim, normalise):
                out.write(piece.tobytes())
                pieces.append(len(piece))
        except DataError as error:
            out.seek(mark)
            out.truncate()
            facts.skipped.append((name, error.reason))
            continue
        facts.lengths += pieces
        facts.names += [name] * len(pieces)
        if wanted is not None:
            used += [str(wanted[row])] * len(pieces)
    if not facts.lengths:
        first, reason = facts.skipped[0]
        raise DataError(root, f"holds no sound that can be used; {first} {reason}", "see `music check`")
    if wanted is not None:
        facts.classes = labels.in_order(set(used))
        facts.labels = [facts.classes.index(label) for label in used]
    out.flush()
    with open(out.name, "rb") as written:
        while block := written.read(1 << 20):
            digest.update(block)
    facts.fingerprint = _digest(digest.digest(), repr((facts.lengths, facts.labels, facts.classes)))
    return facts


def _prepared(path: Path, rate: int, trim: bool, normalise: str) -> Iterator[np.ndarray]:
    """The parts of a file as the cache holds them, int16; silent parts of a long file are left out."""
    found = False
    for wave in reader.read_parts(path, rate):
        if len(wave) < rate // 100 and not found:
            raise DataError(path, f"lasts only {len(wave)} sample{'s' * (len(wave) != 1)}")
        if np.abs(wave).max(initial=0) < SILENT_BELOW:
            continue
        found = True
        level = normalised(trimmed(wave, rate) if trim else wave, rate, normalise)
        yield np.rint(level * _FULL).astype("<i2")
    if not found:
        raise DataError(path, "is silent")


def _build_builtin(source: str, rate: int, normalise: str, out: BinaryIO) -> _Facts:
    name = source.removeprefix(BUILTIN)
    if name not in builtin.SETS:
        raise UserError(
            f"there is no {source}; there is {', '.join(BUILTIN + other for other in builtin.SETS)}"
        )
    facts = _Facts(labels=[])
    assert facts.labels is not None
    for wave, label in builtin.SETS[name](rate):
        if label not in facts.classes:
            facts.classes.append(label)
        samples = np.rint(normalised(wave, rate, normalise) * _FULL).astype("<i2")
        out.write(samples.tobytes())
        facts.lengths.append(len(samples))
        facts.names.append(f"{label}/{len(facts.names):04d}.wav")
        facts.labels.append(facts.classes.index(label))
    # samples may differ by a rounding between machines, the sounds do not
    facts.fingerprint = _digest(repr((source, rate, normalise, facts.lengths, facts.labels)))
    return facts


def _load(entry: Path | None) -> tuple[np.ndarray, _Facts] | None:
    """What the cache holds, or None; a damaged entry is thrown away."""
    if entry is None or not entry.is_dir():
        return None
    try:
        facts = _Facts(**json.loads((entry / "facts.json").read_text()))
        samples = np.memmap(entry / "samples.i16", "<i2", "r").view(np.ndarray)
    except (OSError, ValueError, TypeError):
        discard(entry)
        return None
    if len(samples) != sum(facts.lengths):
        discard(entry)
        return None
    facts.skipped = [(name, reason) for name, reason in facts.skipped]
    return samples, facts


def _slice(samples: np.ndarray, facts: _Facts, source: str, rate: int, length: int, slices: str) -> Sounds:
    lengths = np.array(facts.lengths, np.int64)
    offsets = np.cumsum(lengths) - lengths
    hop = max(1, length // 2)
    if slices == "overlap":
        counts = 1 + np.maximum(-(-(lengths - length) // hop), 0)
    elif slices == "random":
        counts = np.maximum(np.rint(lengths / length).astype(np.int64), 1)
    else:
        counts = np.ones(len(lengths), np.int64)
    sound = np.repeat(np.arange(len(lengths)), counts)
    nth = np.arange(len(sound)) - np.repeat(np.cumsum(counts) - counts, counts)
    shift = nth * hop if slices == "overlap" else np.zeros(len(sound), np.int64)
    rooms = lengths[sound] - shift
    return Sounds(
        samples=samples,
        starts=offsets[sound] + shift,
        rooms=rooms if slices == "random" else np.minimum(rooms, length),
        labels=None if facts.labels is None else np.array(facts.labels, np.int64)[sound],
        classes=facts.classes,
        names=[facts.names[i] for i in sound],
        skipped=facts.skipped,
        fingerprint=_digest(facts.fingerprint, repr((rate, length, slices))),
        source=source,
        rate=rate,
        length=length,
    )


def _stamp(root: Path, names: list[str]) -> list[tuple[str, int, int]]:
    """What changes when a file of the source does."""
    table = root / labels.TABLE
    every = [*names, labels.TABLE] if table.is_file() else names
    stats = [(name, (root / name).stat()) for name in every]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
    return digest.hexdigest()

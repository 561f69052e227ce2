"""Open a set of pictures from one path: decoded once into a memory-mapped cache, from then on at once."""

import hashlib
import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from creative_gan.core.cache import cache_folder, publish
from creative_gan.core.draws import derive
from creative_gan.core.errors import DataError, UserError
from creative_gan.image import readers, sources
from creative_gan.image.build import (
    CHANNELS,
    FITS,
    MAX_SIDE,
    MIN_SIDE,
    build_pictures,
    fingerprint_of,
    spread,
)
from creative_gan.image.metadata import LABEL

BUILTIN = "builtin:"

_VERSION = 1  # of what the cache holds; another number makes all of it anew


@dataclass(frozen=True)
class Pictures:
    """A set of pictures decoded to one shape."""

    pixels: np.ndarray
    """uint8 [M, C, H, W], memory-mapped. With four channels the colours are premultiplied about mid-grey."""
    rows: np.ndarray
    """int64 [N]: which of them are in the set."""
    labels: np.ndarray | None
    """int64 [N]."""
    classes: list[str]
    """Names of the labels; empty where there are none."""
    texts: list[str] | None
    names: list[str]
    """[N] where each came from, relative to the source."""
    skipped: list[tuple[str, str]]
    """Name and reason of what could not be used."""
    fingerprint: str
    """Hexadecimal; equal pixels and labels have the same one on any machine."""
    source: str
    """What the user named."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def pictures(self) -> np.ndarray:
        """uint8 [N, C, H, W]: all of them, copied into memory where the set is a part of what the cache holds."""
        whole = len(self.rows) == len(self.pixels) and bool((np.diff(self.rows) == 1).all())
        return self.pixels if whole else self.pixels[self.rows]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    def batch(self, indices: np.ndarray, flip: Tensor | None = None) -> dict[str, Tensor]:
        """The pictures of these indices as the games take them.

        Args:
            indices: int [B].
            flip: bool [B], mirrors those rows left to right.

        Returns:
            `real`: float32 [B, C, H, W] in [-1, 1]; `label`: int64 [B] where there are labels.
        """
        indices = np.asarray(indices)
        real = torch.from_numpy(self.pixels[self.rows[indices]])
        if flip is not None:
            real = torch.where(flip.to(real.device)[:, None, None, None], real.flip(-1), real)
        batch = {"real": real.float().div_(127.5).sub_(1)}
        if self.labels is not None:
            batch["label"] = torch.from_numpy(self.labels[indices])
        return batch

    def subset(self, indices: Sequence[int] | np.ndarray) -> "Pictures":
        """The pictures of these indices, in their order; their pixels stay where they are."""
        rows = np.asarray(indices, np.int64)
        chosen = hashlib.blake2b(rows.astype("<i8").tobytes(), digest_size=16)
        chosen.update(self.fingerprint.encode())
        return replace(
            self,
            rows=self.rows[rows],
            labels=None if self.labels is None else self.labels[rows],
            texts=None if self.texts is None else [self.texts[row] for row in rows],
            names=[self.names[row] for row in rows],
            fingerprint=chosen.hexdigest(),
        )

    def split(self, holdout: float, seed: int = 0) -> tuple["Pictures", "Pictures"]:
        """A part to train on and a part held out, the same for the same set and seed.

        Args:
            holdout: share to hold out, 0 to below 1; of each class where there are labels.
            seed: of the permutation that chooses.

        Errors: UserError where `holdout` is out of range.
        """
        if not 0 <= holdout < 1:
            raise UserError(f"holdout is {holdout}, but a share from 0 to below 1 is wanted")
        if holdout == 0:
            return self, self.subset([])
        rng = np.random.default_rng(derive(seed, "split"))
        groups = np.zeros(len(self), np.int64) if self.labels is None else self.labels
        held = np.zeros(len(self), bool)
        for group in np.unique(groups):
            members = rng.permutation(np.flatnonzero(groups == group))
            # A class of one picture stays in training.
            held[members[: min(round(holdout * len(members)), len(members) - 1)]] = True
        return self.subset(np.flatnonzero(~held)), self.subset(np.flatnonzero(held))


def open_pictures(
    source: str | Path,
    size: int | tuple[int, int] | None = None,
    channels: str = "auto",
    fit: str = "crop",
    strict: bool = False,
    cache: Path | None = None,
    limit: int | None = None,
    label_column: str = LABEL,
) -> Pictures:
    """Open a set of pictures.

    Args:
        source: a folder or zip of pictures (classes in subfolders, or a metadata.csv or metadata.jsonl with
            file_name, label, text), an idx-ubyte, CIFAR-10 or .npz file, or `builtin:NAME`.
        size: side, or height and width, 16 to 256 pixels; None keeps the size that all pictures share if
            it is in that range, and takes 64 otherwise.
        channels: `grey`, `rgb`, `rgba`, or `auto`: rgba where at least one picture in twenty has
            transparent parts, grey where all are grey, rgb otherwise.
        fit: `crop` covers the frame and keeps the centre; `pad` shows the whole picture, on transparency
            or on the colour of its corner.
        strict: raise at the first picture that cannot be used instead of skipping it.
        cache: cache folder; None for the user's.
        limit: use at most so many pictures, spread over the source.
        label_column: the column of metadata.csv, or the key of metadata.jsonl, that names the class.

    Errors: DataError where there is nothing to read; UserError for settings out of range.
    """
    frame = _frame(size)
    if channels not in ("auto", *CHANNELS):
        raise UserError(f"channels is {channels!r}, but auto, {', '.join(CHANNELS)} can be chosen")
    if fit not in FITS:
        raise UserError(f"fit is {fit!r}, but {' or '.join(FITS)} can be chosen")
    if limit is not None and limit < 1:
        raise UserError(f"limit is {limit}, but at least 1 picture is needed")
    if str(source).startswith(BUILTIN):
        name = str(source).removeprefix(BUILTIN)
        sources.refuse_column(source, label_column)
        stamp: object = [name, _code_of_builtin()]
        build = partial(_build_builtin, name, frame, channels, limit)
    else:
        path = _existing(source)
        stamp = _stamp(path)
        build = partial(build_pictures, path, frame, channels, fit, limit, strict, label_column)
    root = cache_folder("pictures", cache)
    settings = json.dumps([_VERSION, stamp, frame, channels, fit, limit, label_column])
    key = hashlib.blake2b(settings.encode(), digest_size=16).hexdigest()
    opened = _load(root / key, str(source))
    if opened is None:
        entry = publish(root, key, lambda folder: _build_in(folder, build))
        opened = _load(entry, str(source)) if entry else None
    if opened is None:
        pixels = io.BytesIO()
        facts = build(io.BytesIO(), pixels)
        opened = _pictures(np.frombuffer(pixels.getbuffer(), np.uint8), facts, str(source))
    if strict and opened.skipped:
        raise DataError(*opened.skipped[0])
    return opened


def _frame(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    """Height and width, checked."""
    if size is None:
        return None
    frame = (size, size) if isinstance(size, int) else tuple(size)
    if len(frame) != 2 or not all(isinstance(side, int) and MIN_SIDE <= side <= MAX_SIDE for side in frame):
        raise UserError(
            f"size is {size}, but a side, or height and width, of {MIN_SIDE} to {MAX_SIDE} is wanted"
        )
    return frame[0], frame[1]


def _existing(source: str | Path) -> Path:
    path = Path(source).expanduser()
    if not os.path.exists(path):
        raise DataError(source, "does not exist", "check the path")
    if not (path.is_dir() or path.is_file()):
        raise DataError(source, "is neither a file nor a folder", sources.READ)
    return path


def _stamp(path: Path) -> object:
    """What changes when the source does: names, sizes and times of a folder, the content of files."""
    if path.is_dir():
        members = sources.folder_members(path)
        return str(path.resolve()), [(member.name, member.size, member.stamp) for member in members]
    sources.file_kind(path)  # before a large file of another kind is hashed
    hashes = []
    for file in sources.files_of(path):
        with file.open("rb") as stream:
            hashes.append((file.name, hashlib.file_digest(stream, "blake2b").hexdigest()))
    return hashes


def _build_in(folder: Path, build: Callable[[BinaryIO, BinaryIO], dict]) -> None:
    """Fill a cache entry: the pixels, then what is known of them."""
    scratch = folder / "scratch"
    with scratch.open("w+b") as spool, (folder / "pixels").open("wb") as pixels:
        facts = build(spool, pixels)
    scratch.unlink()
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


def _load(entry: Path, source: str) -> Pictures | None:
    """A cache entry; None, and out of the way, if it is missing or damaged."""
    try:
        facts = json.loads((entry / "facts.json").read_text(encoding="utf-8"))
        pixels = np.memmap(entry / "pixels", np.uint8, "r")
        return _pictures(pixels, facts, source)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _pictures(pixels: np.ndarray, facts: dict, source: str) -> Pictures:
    """Pictures from their bytes [N * C * H * W] and facts. Errors: ValueError where they do not agree."""
    return Pictures(
        pixels=np.asarray(pixels).reshape(facts["shape"]),
        rows=np.arange(facts["shape"][0]),
        labels=None if facts["labels"] is None else np.array(facts["labels"], np.int64),
        classes=facts["classes"],
        texts=facts["texts"],
        names=facts["names"],
        skipped=[(name, reason) for name, reason in facts["skipped"]],
        fingerprint=facts["fingerprint"],
        source=source,
    )


def _code_of_builtin() -> str:
    """Hash of the code that draws the built-in sets, so that a newer one never shows older pictures."""
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _build_builtin(
    name: str,
    frame: tuple[int, int] | None,
    channels: str,
    limit: int | None,
    scratch: BinaryIO,
    out: BinaryIO,
) -> dict:
    """Make a set that comes with the package; the counterpart of `build_pictures`."""
    from creative_gan.image import builtin

    pixels, labels, classes, texts = builtin.pictures(name, frame)
    rows = np.arange(len(pixels)) if limit is None else spread(len(pixels), limit)
    pixels, labels = pixels[rows], labels[rows]
    if channels != "auto":
        pixels = np.stack([readers.rechannelled(picture, channels) for picture in pixels])
    out.write(pixels.tobytes())
    return {
        "shape": list(pixels.shape),
        "labels": labels.tolist(),
        "classes": classes,
        "texts": None if texts is None else [texts[row] for row in rows],
        "names": [f"{name}#{row}" for row in rows],
        "skipped": [],
        "fingerprint": fingerprint_of(pixels, labels),
    }

"""Decode the pictures of a source, in threads, to rows of one array and the facts that go with it."""

import hashlib
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from creative_gan.core.errors import DataError
from creative_gan.image import readers
from creative_gan.image.sources import READ, Source, find

CHANNELS = {"grey": 1, "rgb": 3, "rgba": 4}
FITS = ("crop", "pad")
MIN_SIDE, MAX_SIDE, USUAL_SIDE = 16, 256, 64
TRANSPARENT_SHARE = 0.05
"""Share of pictures with transparent parts from which a set keeps its alpha."""

_BLOCK = 256
T = TypeVar("T")


def build_pictures(
    path: Path,
    frame: tuple[int, int] | None,
    channels: str,
    fit: str,
    limit: int | None,
    strict: bool,
    label_column: str,
    scratch: BinaryIO,
    out: BinaryIO,
) -> dict:
    """Decode a source to `out`, as uint8 [N, C, H, W].

    Args:
        path, frame, channels, fit, limit, strict, label_column: as in `data.open_pictures`; frame is height
            and width.
        scratch: holds all four channels while it is not yet known which are kept.
        out: takes the pixels, in order.

    Returns:
        The fields of `data.Pictures` but for the pixels, and their `shape`; only what JSON can hold.
    """
    source = find(path, label_column)
    if strict and source.skipped:
        raise DataError(*source.skipped[0])
    rows = np.arange(len(source.names)) if limit is None else spread(len(source.names), limit)
    size = frame or common_size(source, rows)
    kept: list[int] = []
    skipped = list(source.skipped)
    pictures = _decoded(source, rows, size, fit, strict, kept, skipped)
    if channels == "auto":
        pictures, channels = _chosen(pictures, size, scratch)
    digest = hashlib.blake2b(digest_size=16)
    for picture in pictures:
        row = readers.reduced(picture, channels).tobytes()
        digest.update(row)
        out.write(row)
    if not kept:
        name, reason = skipped[0]
        what = f"{len(skipped)} files, none of which can be read as a picture ({name} {reason})"
        raise DataError(path, f"holds {what}", READ)
    shape = [len(kept), CHANNELS[channels], *size]
    labels, classes = source.labels, source.classes
    if labels is not None:  # of those that have a picture: a class without one would be drawn from nothing
        there, labels = np.unique(labels[kept], return_inverse=True)
        classes = [classes[number] for number in there]
        labels, classes = (labels, classes) if len(classes) > 1 else (None, [])
    return {
        "shape": shape,
        "labels": None if labels is None else labels.tolist(),
        "classes": classes,
        "texts": None if source.texts is None else [source.texts[row] for row in kept],
        "names": [source.names[row] for row in kept],
        "skipped": skipped,
        "fingerprint": _sealed(digest, shape, labels),
    }


def spread(count: int, limit: int) -> np.ndarray:
    """At most `limit` of `count` indices, ascending, spread over all by a fixed permutation."""
    return np.sort(np.random.default_rng(0).permutation(count)[:limit])


def common_size(source: Source, rows: Iterable[int]) -> tuple[int, int]:
    """Height and width that all readable pictures share if usable as they are, else the usual square."""
    sizes = set()
    for _, header in in_threads(rows, lambda row: header_of(source, row)):
        if not isinstance(header, DataError):
            sizes.add((header.height, header.width))
            if len(sizes) > 1:
                break
    shared = sizes.pop() if len(sizes) == 1 else (0, 0)
    return shared if all(MIN_SIDE <= side <= MAX_SIDE for side in shared) else (USUAL_SIDE, USUAL_SIDE)


def header_of(source: Source, row: int) -> readers.Header:
    """Size and mode of one picture, without decoding it."""
    with source.open(row) as image:
        return readers.header(image)


def in_threads(rows: Iterable[int], work: Callable[[int], T]) -> Iterator[tuple[int, T | DataError]]:
    """Do `work` for each row, in threads because Pillow decodes outside the interpreter's lock.

    Yields: row and what `work` returned, or the DataError that it raised, in order.
    """

    def guarded(row: int) -> T | DataError:
        try:
            return work(row)
        except DataError as error:
            return error

    rows = [int(row) for row in rows]
    # Pillow warns of oddities in files; those that matter are told as skipped.
    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            yield from zip(block, pool.map(guarded, block), strict=True)


def fingerprint_of(pictures: np.ndarray, labels: np.ndarray | None) -> str:
    """What `build_pictures` returns for the same pixels uint8 [N, C, H, W] and labels int64 [N]."""
    digest = hashlib.blake2b(pictures.tobytes(), digest_size=16)
    return _sealed(digest, list(pictures.shape), labels)


def _sealed(digest: "hashlib.blake2b", shape: list[int], labels: np.ndarray | None) -> str:
    digest.update(str(shape).encode())
    if labels is not None:
        digest.update(labels.astype("<i8").tobytes())
    return digest.hexdigest()


def _decoded(
    source: Source,
    rows: np.ndarray,
    size: tuple[int, int],
    fit: str,
    strict: bool,
    kept: list[int],
    skipped: list[tuple[str, str]],
) -> Iterator[readers.Decoded]:
    """The pictures that can be decoded; notes in `kept` and `skipped` what became of each row."""

    def decode(row: int) -> readers.Decoded:
        with source.open(row) as image:
            return readers.decode(image, size, fit)

    for row, picture in in_threads(rows, decode):
        if not isinstance(picture, DataError):
            kept.append(row)
            yield picture
        elif strict:
            raise DataError(picture.path, picture.reason, "take it out, or train without --strict")
        else:
            skipped.append((source.names[row], picture.reason))


def _chosen(
    pictures: Iterable[readers.Decoded], size: tuple[int, int], scratch: BinaryIO
) -> tuple[Iterator[readers.Decoded], str]:
    """The same pictures, from the scratch file, and the channels that suit all of them."""
    seen = []
    for picture in pictures:
        scratch.write(picture.pixels.tobytes())
        seen.append((picture.box, picture.grey, picture.transparent))
    channels = "grey" if all(grey for _, grey, _ in seen) else "rgb"
    if sum(transparent for _, _, transparent in seen) > TRANSPARENT_SHARE * len(seen):
        channels = "rgba"

    def again() -> Iterator[readers.Decoded]:
        scratch.seek(0)
        for box, grey, transparent in seen:
            pixels = np.frombuffer(scratch.read(4 * size[0] * size[1]), np.uint8).reshape(4, *size)
            yield readers.Decoded(pixels, box, grey, transparent)

    return again(), channels

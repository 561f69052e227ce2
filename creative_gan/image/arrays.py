"""Read sets of pictures that come as one array: idx-ubyte (MNIST), CIFAR-10 binary, NumPy .npz."""

import gzip
import io
import math
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from creative_gan.core.errors import DataError

MAX_BYTES = 4 << 30
"""Larger arrays are refused from their header: they are read into memory."""
CIFAR_RECORD = 1 + 3 * 32 * 32
CIFAR_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]

_PICTURE_KEYS = ("images", "pictures", "x", "x_train")
_LABEL_KEYS = ("labels", "label", "y", "y_train", "targets")
_IDX_IMAGES, _IDX_LABELS = b"\0\0\x08\x03", b"\0\0\x08\x01"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Stack:
    """Pictures of one size with, perhaps, their labels."""

    pictures: np.ndarray
    """uint8 [N, H, W, C], C is 1, 3 or 4 with straight alpha."""
    labels: np.ndarray | None
    """int64 [N]."""
    classes: list[str]


def array_kind(file: BinaryIO, size: int) -> str:
    """What kind of array file this is, told by its content; the file is left anywhere.

    Returns: `idx images`, `idx labels`, `cifar`, `npz`, `zip` (of something else) or an empty string.
    """
    head = file.read(4)
    file.seek(0)
    if head.startswith(b"\x1f\x8b"):
        try:
            head = gzip.GzipFile(fileobj=file).read(4)
        except (OSError, EOFError, zlib.error):
            return ""
    if head in (_IDX_IMAGES, _IDX_LABELS):
        return "idx images" if head == _IDX_IMAGES else "idx labels"
    if head in (b"PK\3\4", b"PK\5\6"):
        try:
            with zipfile.ZipFile(file) as archive:
                names = archive.namelist()
        except Exception:  # zipfile raises nearly anything on damaged files
            return "zip"
        return "npz" if names and all(name.endswith(".npy") for name in names) else "zip"
    return "cifar" if _looks_like_cifar(file, size) else ""


def read_idx(images: BinaryIO, labels: BinaryIO | None, name: str) -> Stack:
    """Pictures of an idx3-ubyte file and labels of an idx1-ubyte file, each plain or gzip.

    Source: the format that MNIST defined and Fashion-MNIST, KMNIST and EMNIST kept.
    Errors: DataError where a file is cut off, too large, or the two do not belong together.
    """
    pictures = _idx(images, 3, name)
    if pictures.size == 0:
        raise DataError(name, "holds no pictures")
    if labels is None:
        return Stack(pictures[..., None], None, [])
    found = _idx(labels, 1, name).astype(np.int64)
    if len(found) != len(pictures):
        raise DataError(name, f"has {len(pictures)} pictures, but {len(found)} labels in the file beside it")
    return Stack(pictures[..., None], found, [str(number) for number in range(int(found.max()) + 1)])


def read_cifar(files: list[BinaryIO], classes: list[str], name: str) -> Stack:
    """Pictures and labels of the batches of CIFAR-10's binary version.

    Each record is a label byte and 32 x 32 bytes of red, of green, of blue.
    Source: https://www.cs.toronto.edu/~kriz/cifar.html
    """
    records = np.concatenate([np.frombuffer(_read(file, name), np.uint8) for file in files])
    records = records.reshape(-1, CIFAR_RECORD)
    labels = records[:, 0].astype(np.int64)
    if labels.max() >= len(classes):
        raise DataError(name, f"has a label {labels.max()}, but there are {len(classes)} classes")
    return Stack(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels, classes)


def read_npz(file: BinaryIO, name: str) -> Stack:
    """Pictures and labels of a NumPy archive, never unpickled.

    The pictures are `images`, `pictures`, `x` or `x_train`, else the first array of 3 or 4 dimensions; the
    labels `labels`, `label`, `y`, `y_train` or `targets`. Pictures are [N, H, W], [N, H, W, C] or
    [N, C, H, W], whole numbers in 0..255 or 0..65535 (uint16), floats in 0..1, -1..1 or 0..255.
    """
    try:
        headers = _npz_headers(file, name)
        file.seek(0)
        with np.load(file, allow_pickle=False) as archive:
            key = next((key for key in _PICTURE_KEYS if key in headers), None)
            key = key or next((key for key, (shape, _) in headers.items() if len(shape) in (3, 4)), None)
            if key is None:
                found = ", ".join(f"{key} {list(shape)}" for key, (shape, _) in headers.items())
                reason = f"holds no array of pictures (found: {found or 'nothing'})"
                raise DataError(name, reason, "name one `images`")
            pictures = _as_bytes(_channels_last(archive[key], key, name), key, name)
            label_key = next((key for key in _LABEL_KEYS if key in headers), None)
            labels = None if label_key is None else archive[label_key]
    except DataError:
        raise
    except Exception as error:  # zipfile and NumPy raise nearly anything on damaged files
        raise DataError(name, f"cannot be read as a NumPy archive ({error})") from error
    if labels is None:
        return Stack(pictures, None, [])
    if labels.shape == (len(pictures), 1):
        labels = labels[:, 0]
    if labels.shape != (len(pictures),):
        raise DataError(name, f"has {len(pictures)} pictures, but labels of shape {list(labels.shape)}")
    if labels.dtype.kind in "iub" and labels.min() >= 0 and labels.max() < 10_000:
        classes = [str(number) for number in range(int(labels.max()) + 1)]
        return Stack(pictures, labels.astype(np.int64), classes)
    words, numbers = np.unique(labels.astype(str), return_inverse=True)
    return Stack(pictures, numbers.astype(np.int64), [str(word) for word in words])


def _idx(file: BinaryIO, dimensions: int, name: str) -> np.ndarray:
    with file:
        stream = gzip.GzipFile(fileobj=file) if file.read(2) == b"\x1f\x8b" else file
        file.seek(0)
        try:
            head = stream.read(4 + 4 * dimensions)
            if len(head) < 4 + 4 * dimensions or head[:4] != bytes([0, 0, 8, dimensions]):
                raise DataError(name, f"is not an idx file of bytes in {dimensions} dimensions")
            shape = struct.unpack(f">{dimensions}I", head[4:])
            wanted = _affordable(shape, 1, name)
            body = _read(stream, name, wanted)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(name, f"cannot be unpacked ({error})") from error
    if len(body) < wanted:
        raise DataError(name, f"is cut off: {wanted} bytes announced, {len(body)} there")
    return np.frombuffer(body, np.uint8).reshape(shape)


def _read(stream: BinaryIO | gzip.GzipFile, name: str, wanted: int = MAX_BYTES + 1) -> bytearray:
    """Up to `wanted` bytes, block by block, so that an announced length is never allocated unseen."""
    body = bytearray()
    while len(body) < wanted and (block := stream.read(min(_BLOCK, wanted - len(body)))):
        body += block
    if len(body) > MAX_BYTES:
        raise DataError(name, f"is too large (at most {MAX_BYTES >> 30} GiB are read)")
    return body


def _affordable(shape: tuple[int, ...], itemsize: int, name: str) -> int:
    size = math.prod(shape) * itemsize
    if size > MAX_BYTES:
        raise DataError(name, f"is too large ({list(shape)} values; at most {MAX_BYTES >> 30} GiB are read)")
    return size


def _looks_like_cifar(file: BinaryIO, size: int) -> bool:
    if size == 0 or size % CIFAR_RECORD:
        return False
    for record in range(min(size // CIFAR_RECORD, 64)):
        file.seek(record * CIFAR_RECORD)
        if file.read(1)[0] > 9:
            return False
    return True


def _npz_headers(file: BinaryIO, name: str) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Shape and type of every array, without reading any; refuses what would be too large."""
    headers = {}
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            with archive.open(member) as stream:
                start = io.BytesIO(stream.read(65536))
            read = np.lib.format.read_array_header_1_0
            if np.lib.format.read_magic(start) != (1, 0):
                read = np.lib.format.read_array_header_2_0
            shape, _, dtype = read(start)
            if dtype.hasobject:
                continue  # would need unpickling
            _affordable(shape, dtype.itemsize, name)
            headers[member.filename.removesuffix(".npy")] = (shape, dtype)
    return headers


def _channels_last(pictures: np.ndarray, key: str, name: str) -> np.ndarray:
    """[N, H, W], [N, C, H, W] or [N, H, W, C] as [N, H, W, C]."""
    if pictures.ndim == 3:
        pictures = pictures[..., None]
    elif pictures.ndim == 4 and pictures.shape[3] not in (1, 3, 4):
        pictures = pictures.transpose(0, 2, 3, 1)
    if pictures.ndim != 4 or pictures.shape[3] not in (1, 3, 4) or pictures.size == 0:
        reason = f"`{key}` of shape {list(pictures.shape)} does not look like pictures of 1, 3 or 4 channels"
        raise DataError(name, reason)
    return pictures


def _as_bytes(pictures: np.ndarray, key: str, name: str) -> np.ndarray:
    if pictures.dtype == np.uint8:
        return pictures
    if pictures.dtype.kind not in "iubf":
        raise DataError(name, f"`{key}` holds {pictures.dtype}, not numbers")
    low, high = float(pictures.min()), float(pictures.max())
    if not math.isfinite(low + high):
        raise DataError(name, f"`{key}` holds values that are not finite")
    if pictures.dtype == np.uint16 and high > 255:
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 1:  # whole numbers, too: a mask, and not nearly black
        low, high = 0.0, 1.0
    elif low >= -1 and high <= 1 and pictures.dtype.kind == "f":
        low, high = -1.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    else:
        hint = "scale them to 0..1, -1..1 or 0..255"
        raise DataError(name, f"`{key}` has values from {low:g} to {high:g}", hint)
    out = np.empty(pictures.shape, np.uint8)
    for start in range(0, len(out), 1024):
        rows = slice(start, start + 1024)
        out[rows] = np.rint((pictures[rows].astype(np.float32) - low) * (255 / (high - low)))
    return out

"""Files made to cost far more than their size: each takes a folder and returns what is to be opened."""

import gzip
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.reliability.families import zipped

HUGE = 1 << 30


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, body: bytes = b"\0" * 100, extra: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packed = zlib.compress(body)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def tiff(width: int, height: int) -> bytes:
    entries = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8)]
    entries += [(277, 3, 1), (278, 4, height), (279, 4, 0xFFFFFFF0)]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + b"\0" * 4


def bmp(width: int, height: int) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + head


def jpeg(width: int, height: int) -> bytes:
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0"
    return b"\xff\xd8\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + b"\xff\xd9"


def zeros(count: int) -> bytes:
    """Deflated zeros, made from one block over and over, a thousandth of `count` long."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(b"\0" * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (count >> 20) + packer.flush()


def announced(name: str, packed: bytes, size: int) -> bytes:
    """A zip of one member that is said to unpack to `size` bytes."""
    plain = name.encode()
    facts = struct.pack("<HHHHHIII", 20, 0, 8, 0, 0x21, 0, len(packed), size)
    local = b"PK\3\4" + facts + struct.pack("<HH", len(plain), 0) + plain + packed
    central = b"PK\1\2" + struct.pack("<H", 20) + facts
    central += struct.pack("<HHHHHII", len(plain), 0, 0, 0, 0, 0, 0) + plain
    return local + central + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)


def npy(shape: tuple[int, ...], kind: str = "|u1") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def wav(size: int = 3200, rate: int = 8000, channels: int = 1, kind: int = 1) -> bytes:
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * 2 & 0xFFFFFFFF, 2, 16)
    there = b"\1\2" * 1600
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size) + there
    return b"RIFF" + struct.pack("<I", min(len(chunks) + 4, 0xFFFFFFFF)) + b"WAVE" + chunks


def flac(frames: int) -> bytes:
    facts = 8000 << 44 | 0 << 41 | 15 << 36 | frames
    return (
        b"fLaC\x80\0\0\x22"
        + struct.pack(">HH", 4096, 4096)
        + b"\0" * 6
        + struct.pack(">Q", facts)
        + b"\0" * 16
    )


def aiff(frames: int) -> bytes:
    common = struct.pack(">hIh", 1, frames, 16) + b"\x40\x0b\xfa\0\0\0\0\0\0\0"
    body = b"AIFF" + b"COMM" + struct.pack(">I", 18) + common
    body += b"SSND" + struct.pack(">I", min(2 * frames + 8, 0xFFFFFFFF)) + b"\0" * 8 + b"\1\2" * 100
    return b"FORM" + struct.pack(">I", len(body)) + body


def midi(track: bytes, tracks: int = 1, division: int = 480) -> bytes:
    return (
        b"MThd"
        + struct.pack(">IHHH", 6, 1, tracks, division)
        + b"MTrk"
        + struct.pack(">I", len(track))
        + track
    )


END = b"\0\xff\x2f\0"
NOTE = b"\0\x90\x40\x40\x60\x80\x40\0"


def in_folder(name: str, data: bytes) -> Callable[[Path], Path]:
    """A folder with this one file in it."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder

    return make


def file(name: str, data: bytes, size: int = 0) -> Callable[[Path], Path]:
    """This one file; `size` makes it so long, with a hole that takes no room on the disk."""

    def make(folder: Path) -> Path:
        path = folder / name
        with path.open("wb") as out:
            out.write(data)
            out.truncate(max(size, len(data)))
        return path

    return make


def later(make: Callable[[], Callable[[Path], Path]]) -> Callable[[Path], Path]:
    """What takes long to make is made when it is asked for."""
    return lambda folder: make()(folder)


def weights(header: bytes, length: int | None = None, size: int = 0) -> Callable[[Path], Path]:
    """A file of weights that begins with this header, to be put into a model."""
    return file(
        "model.safetensors", struct.pack("<Q", len(header) if length is None else length) + header, size
    )


def million_tensors() -> bytes:
    entry = '"t%d":{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}'
    return ("{" + ",".join(entry % (i, 4 * i, 4 * i + 4) for i in range(1_000_000)) + "}").encode()


DEEP = 100_000

PICTURES = {
    "a PNG of 50,000 x 50,000": in_folder("a.png", png(50_000, 50_000)),
    "a PNG of 400 million real pixels": later(
        lambda: in_folder("a.png", png(20_000, 20_000, b"\0" * (20_000 * 2501)))
    ),
    "a PNG whose text unpacks to 1 GB": later(
        lambda: in_folder(
            "a.png", png(16, 16, extra=chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * (1 << 27))))
        )
    ),
    "a GIF of 65,535 x 65,535": in_folder("a.gif", b"GIF89a\xff\xff\xff\xff\x80\0\0" + b"\0" * 6),
    "a TIFF of 60,000 x 60,000": in_folder("a.tif", tiff(60_000, 60_000)),
    "a BMP of 2 billion x 2 billion": in_folder("a.bmp", bmp(0x7FFFFFFF, 0x7FFFFFFF)),
    "a JPEG of 65,500 x 65,500": in_folder("a.jpg", jpeg(65_500, 65_500)),
    "a WebP of 16,384 x 16,384": in_folder(
        "a.webp", b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x3f\0\xff\x3f\0"
    ),
    "a zip of a picture of 256 MB of zeros": later(
        lambda: file("a.zip", announced("a.png", zeros(1 << 28), 1 << 28))
    ),
    "a zip that says nothing of its 256 MB": later(
        lambda: file("a.zip", announced("a.png", zeros(1 << 28), 1 << 10))
    ),
    "a zip in a zip in a zip": file(
        "a.zip", zipped({"b.zip": zipped({"c.zip": zipped({"d.zip": b"PK\5\6"})})})
    ),
    "an npz of 4 TB": file("a.npz", zipped({"images.npy": npy((10**9, 64, 64))})),
    "an npz with a negative shape": file("a.npz", zipped({"images.npy": npy((-1, 64, 64))})),
    "idx images, 4 billion of 4 billion": file("a-idx3-ubyte", struct.pack(">4I", 0x803, *[0xFFFFFFFF] * 3)),
    "idx images that unpack for ever": later(
        lambda: file(
            "a-idx3-ubyte.gz",
            gzip.compress(struct.pack(">4I", 0x803, 0xFFFFFFFF, 28, 28) + b"\0" * (1 << 24)),
        )
    ),
}
SOUNDS = {
    "a WAV of 4 GB": file("a.wav", wav(0xFFFFFFF0)),
    "a WAV of 4 billion Hz": file("a.wav", wav(rate=0xFFFFFFFF)),
    "a WAV of 65,535 channels": file("a.wav", wav(channels=65_535)),
    "an AIFF of 2 billion frames": file("a.aif", aiff(0x7FFFFFFF)),
    "a FLAC of 68 billion frames": file("a.flac", flac((1 << 36) - 1)),
}
SONGS = {
    "a note at tick 2^28": file("a.mid", midi(b"\xff\xff\xff\x7f" + NOTE[1:] + END)),
    "ticks that add up to 2^33": file("a.mid", midi(b"\xff\xff\xff\x7f\x90\x40\x40" * 32 + END)),
    "65,535 tracks": file("a.mid", midi(NOTE + END, tracks=65_535)),
    "a tempo of 0": file("a.mid", midi(b"\0\xff\x51\3\0\0\0" + NOTE + END)),
    "a text of 256 MB": file("a.mid", midi(b"\0\xff\1\xff\xff\xff\x7f" + NOTE + END)),
    "a quarter of a million notes": file(
        "a.mid", midi((b"\0\x90\x40\x40" + b"\0\x40\0" * 300_000)[:990_000] + END)
    ),
    "a roll of 256 MB of zeros": later(lambda: file("a.npz", announced("a.npy", zeros(1 << 28), 1 << 28))),
    "a roll nested 100,000 deep": file("a.json", b"[" * DEEP + b"]" * DEEP),
}
TEXTS = {
    "a line of 1 GB": file("a.txt", b"a" * 100, HUGE),
    "JSON nested 100,000 deep": file("a.jsonl", (b'{"text":' * DEEP) + b"\n"),
    "a table of a million columns": file("a.csv", b"label," * 1_000_000 + b"\n" + b"a," * 1_000_000),
}
RECIPES = {
    "a recipe of 1 GB": file("a.toml", b"#", HUGE),
    "a list nested 100,000 deep": file("a.toml", b"a = " + b"[" * 40_000 + b"]" * 40_000),
    "a number of 90,000 digits": file("a.toml", b"seed = " + b"9" * 90_000),
    "a number without an end": file("a.toml", b"modality = 'image'\n[game]\nlr = " + b"9" * 400),
    "a key of 20,000 parts": file("a.toml", b"a." * 20_000 + b"a = 1"),
}
WEIGHTS = {
    "a header of 2^63 bytes": weights(b"{}", 1 << 63),
    "a header of 100 MB": weights(b"{}", 100_000_000, 110_000_000),
    "a million tensors": later(lambda: weights(million_tensors())),
    "a header nested 100,000 deep": weights(b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}"),
    "a tensor of infinite length": weights(b'{"a":{"dtype":"F32","shape":[Infinity],"data_offsets":[0,4]}}'),
}


def config(**changes: object) -> Callable[[dict], dict]:
    def change(found: dict) -> dict:
        return {k: found.get(k, {}) | v if isinstance(v, dict) else v for k, v in (found | changes).items()}

    return change


CONFIGS = {
    "a vocabulary of a million": config(vocabulary=10**6),
    "a vocabulary of 10^30": config(vocabulary=10**30),
    "a billion layers": config(network={"layers": 10**9}),
    "a width of a billion": config(network={"width": 10**9}),
    "a million generators": config(weights=["mle"] * 10**5),
}

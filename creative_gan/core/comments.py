"""The texts that pictures, sounds, MIDI and films carry beside what they show: the places where a record may be.

Files are told by their content; nothing that is read is trusted, and little of it is read.
"""

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

_RECORD_BYTES = 1 << 20
_SCANNED_BYTES = 4 << 20
_CHUNKS = 10_000


def texts(file: BinaryIO) -> Iterator[bytes]:
    """The texts of a file of any of `_FORMATS`, or its beginning where it is of none.

    A file that ends in the middle of something has those before it.
    """
    head = file.read(12)
    file.seek(0)
    walk = next((walk for at, magic, walk in _FORMATS if head[at : at + len(magic)] == magic), _whole)
    try:
        yield from walk(file)
    except (IndexError, struct.error):
        return


def _whole(file: BinaryIO) -> Iterator[bytes]:
    yield file.read(_RECORD_BYTES)


def _png_texts(file: BinaryIO) -> Iterator[bytes]:
    """ISO/IEC 15948, section 11.3.3: tEXt, zTXt and iTXt."""
    file.seek(8)
    left = _SCANNED_BYTES
    for _ in range(_CHUNKS):
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind in (b"tEXt", b"zTXt", b"iTXt") and length <= left:
            left -= length
            _, _, rest = file.read(length).partition(b"\0")
            packed = kind == b"zTXt"
            if kind == b"iTXt":  # flag, method, language, 0, translated keyword, 0, text
                packed, rest = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
            elif packed:
                rest = rest[1:]
            yield _inflate(rest) if packed else rest
            file.seek(4, os.SEEK_CUR)
        else:
            file.seek(length + 4, os.SEEK_CUR)


def _inflate(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, _RECORD_BYTES)
    except zlib.error:
        return b""


def _riff_texts(file: BinaryIO) -> Iterator[bytes]:
    """WAV and WebP: the comment of a LIST/INFO chunk, and XMP chunks."""
    file.seek(12)
    left = _SCANNED_BYTES
    for _ in range(_CHUNKS):
        kind, length = struct.unpack("<4sI", file.read(8))
        wanted = kind in (b"LIST", b"_PMX", b"XMP ") and length <= left
        body = file.read(length) if wanted else b""
        left -= len(body)
        file.seek((length + length % 2) - len(body), os.SEEK_CUR)
        if kind == b"LIST" and body[:4] == b"INFO":
            yield from _info_texts(body[4:])
        else:
            yield body


def _info_texts(fields: bytes) -> Iterator[bytes]:
    at = 0
    while at + 8 <= len(fields):
        kind, length = struct.unpack_from("<4sI", fields, at)
        if kind == b"ICMT":
            yield fields[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _gif_texts(file: BinaryIO) -> Iterator[bytes]:
    """GIF89a, section 24: comment extensions."""
    data = file.read(_SCANNED_BYTES)
    at = 13 + _palette_bytes(data[10])
    for _ in range(_CHUNKS):
        if data[at] == 0x2C:
            at += 11 + _palette_bytes(data[at + 9])
            comment = False
        elif data[at] == 0x21:
            comment = data[at + 1] == 0xFE
            at += 2
        else:
            return
        blocks = []
        while data[at]:
            blocks.append(data[at + 1 : at + 1 + data[at]])
            at += 1 + data[at]
        at += 1
        if comment:
            yield b"".join(blocks)


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _midi_texts(file: BinaryIO) -> Iterator[bytes]:
    """Standard MIDI Files 1.0: the text events (meta event 1) of all tracks."""
    data = file.read(_SCANNED_BYTES)
    at = 8 + int.from_bytes(data[4:8], "big")
    for _ in range(_CHUNKS):
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")
        if data[at : at + 4] == b"MTrk":
            yield from _track_texts(data[at + 8 : end])
        at = end


def _track_texts(data: bytes) -> Iterator[bytes]:
    at = running = 0
    while at < len(data):
        _, at = _variable(data, at)
        status = data[at]
        if status & 0x80:
            at += 1
        else:
            status = running
        if status == 0xFF:
            length, start = _variable(data, at + 1)
            if data[at] == 1 and length <= len(data):
                yield data[start : start + length]
            at = start + length
        elif status in (0xF0, 0xF7):
            length, start = _variable(data, at)
            at = start + length
        elif status >= 0x80:
            running = status
            at += 1 if 0xC0 <= status < 0xE0 else 2
        else:
            return


def _variable(data: bytes, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte, four bytes at most, and the place behind it."""
    number = 0
    for place in range(at, at + 4):
        number = number << 7 | data[place] & 0x7F
        if not data[place] & 0x80:
            break
    return number, place + 1


def _flac_texts(file: BinaryIO) -> Iterator[bytes]:
    """RFC 9639, section 8: the comments of the metadata block of type 4."""
    file.seek(4)
    for _ in range(_CHUNKS):
        kind, length = struct.unpack(">B3s", file.read(4))
        size = int.from_bytes(length, "big")
        if kind & 0x7F == 4 and size <= _SCANNED_BYTES:
            yield from _vorbis_comments(file.read(size))
        else:
            file.seek(size, os.SEEK_CUR)
        if kind & 0x80:  # the last one
            return


def _ogg_texts(file: BinaryIO) -> Iterator[bytes]:
    """RFC 3533, section 6: the second packet of a stream holds the comments of Vorbis or Opus."""
    data = file.read(_SCANNED_BYTES)
    packets = [bytearray()]
    at = 0
    while data[at : at + 4] == b"OggS" and len(packets) < 3:
        lengths = data[at + 27 : at + 27 + data[at + 26]]
        at += 27 + len(lengths)
        for length in lengths:
            packets[-1] += data[at : at + length]
            at += length
            if length < 255:  # a packet ends
                packets.append(bytearray())
    for head in (b"\x03vorbis", b"OpusTags"):
        if len(packets) > 2 and packets[1].startswith(head):
            yield from _vorbis_comments(bytes(packets[1][len(head) :]))


def _vorbis_comments(data: bytes) -> Iterator[bytes]:
    """The comments named COMMENT. Vorbis I specification, section 5.2.1."""
    at = 4 + int.from_bytes(data[:4], "little")
    count = int.from_bytes(data[at : at + 4], "little")
    at += 4
    for _ in range(min(count, _CHUNKS)):
        length = int.from_bytes(data[at : at + 4], "little")
        name, _, comment = data[at + 4 : at + 4 + length].partition(b"=")
        if name.upper() == b"COMMENT":
            yield comment
        at += 4 + length


def _mp4_texts(file: BinaryIO) -> Iterator[bytes]:
    """ISO/IEC 14496-12 boxes: the comment among the tags that players show."""
    spans = [(0, file.seek(0, os.SEEK_END))]
    for name, skipped in (
        (b"moov", 0),
        (b"udta", 0),
        (b"meta", 4),
        (b"ilst", 0),
        (b"\xa9cmt", 0),
        (b"data", 8),
    ):
        spans = [
            (start + skipped, end)
            for span in spans[:8]
            for kind, start, end in _boxes(file, *span)
            if kind == name
        ]
    for start, end in spans[:8]:
        file.seek(start)
        yield file.read(min(end - start, _RECORD_BYTES))


def _boxes(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    for _ in range(_CHUNKS):
        if at + 8 > end:
            return
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        start = at + 8
        if length == 1:
            length, start = struct.unpack(">Q", file.read(8))[0], at + 16
        after = end if length == 0 else at + length
        if not start <= after <= end:
            return
        yield kind, start, after
        at = after


_FORMATS: tuple[tuple[int, bytes, Callable[[BinaryIO], Iterator[bytes]]], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", _png_texts),
    (0, b"GIF8", _gif_texts),
    (0, b"RIFF", _riff_texts),
    (0, b"MThd", _midi_texts),
    (0, b"fLaC", _flac_texts),
    (0, b"OggS", _ogg_texts),
    (4, b"ftyp", _mp4_texts),
)

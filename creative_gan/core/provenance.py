"""Where a file comes from: the record that every export carries, how each format holds it, and reading it.

A record is plain JSON and the same on every machine and at every time, so that the same command makes the
same bytes. Files are told by their content; nothing that is read is trusted, and little of it is read.
"""

import hashlib
import html
import json
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from creative_gan import __version__
from creative_gan.core.errors import DataError, UserError

KEY = "creative-gan"
"""The PNG keyword, and with a colon what a MIDI text event begins with."""
SOFTWARE = f"creative-gan {__version__}"

Record = dict[str, Any]

_RECORD_BYTES = 1 << 20
_SCANNED_BYTES = 4 << 20
_CHUNKS = 10_000


def origin(command: str, arguments: dict[str, Any], model: dict[str, Any]) -> Record:
    """The record of a file that `command` made: no clock, no host, no name of a user in it.

    command: such as "image sample". arguments: what makes it again: seed, index, class, truncation.
    model: name, path (as the user named it), weights (`weights_hash`), recipe, data (fingerprint).
    Values are what JSON knows, or paths; the home folder in front of a text becomes `~`.
    """
    record = {
        "tool": KEY,
        "version": __version__,
        "generated": "AI-generated",
        "command": command,
        "arguments": arguments,
        "model": model,
    }
    return _without_home(json.loads(json.dumps(record, default=os.fspath, allow_nan=False)))


def together(origins: Sequence[Record]) -> Record:
    """One record for a file that holds several works: arguments that differ become a list of the values."""
    first = origins[0]
    arguments = {}
    for name, value in first["arguments"].items():
        values = [one["arguments"][name] for one in origins]
        arguments[name] = value if all(other == value for other in values) else values
    return {**first, "arguments": arguments}


def weights_hash(path: str | Path) -> str:
    """The SHA-256 of a weights file in hex, as `sha256sum` prints it.

    Raises DataError if the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})") from error


def describe(record: Record) -> list[str]:
    """The record as aligned lines for a terminal; control characters in it are shown, never obeyed."""
    maker = f"{record.get('tool')} {record.get('version')}, {record.get('generated')}"
    rows: list[tuple[str, Any]] = [("made by", maker), ("command", record.get("command"))]
    for part, before in (("arguments", ""), ("model", "model ")):
        inner = record.get(part)
        rows += [(before + name, value) for name, value in inner.items()] if isinstance(inner, dict) else []
    told = [(name, value) for name, value in rows if value is not None]
    shown = [(_visible(name, 30), _visible(value, 200)) for name, value in told[:50]]
    width = max(len(name) for name, _ in shown)
    return [f"{name:<{width}}  {value}" for name, value in shown]


def text(record: Record) -> str:
    """The record as one line of ASCII, which every format can hold."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"))


def midi_text(record: Record) -> str:
    """The record as the text of a MIDI text event (meta event 1), best put at the beginning."""
    return f"{KEY}:{text(record)}"


def sidecar(path: str | Path) -> Path:
    """The JSON file beside a file whose format has no room for a record: `poem.txt` has `poem.txt.json`."""
    return Path(path).with_name(Path(path).name + ".json")


def sidecar_bytes(record: Record) -> bytes:
    """What the sidecar holds."""
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()


def xmp(record: Record) -> str:
    """An XMP packet that says by the IPTC's vocabulary that a model made this, and holds the record.

    Source: IPTC Photo Metadata Standard, Digital Source Type; ISO 16684-1 for the packet.
    """
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about=""'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:cgan="urn:creative-gan:">'
        "<Iptc4xmpExt:DigitalSourceType>"
        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
        "</Iptc4xmpExt:DigitalSourceType>"
        f"<xmp:CreatorTool>{SOFTWARE}</xmp:CreatorTool>"
        f"<cgan:origin>{html.escape(text(record), quote=False)}</cgan:origin>"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    )


def wav_bytes_with_origin(wav: bytes, record: Record) -> bytes:
    """A WAV file with the record behind its sound: a LIST/INFO chunk (ISFT, ICMT) and an XMP chunk (_PMX).

    wav: a whole RIFF/WAVE file. The samples stay as they are.

    Raises UserError if the result is longer than RIFF can say (4 GB).
    """
    assert wav[:4] == b"RIFF" and wav[8:12] == b"WAVE", "not a RIFF/WAVE file"
    fields = _chunk(b"ISFT", SOFTWARE.encode() + b"\0") + _chunk(b"ICMT", text(record).encode() + b"\0")
    body = wav[8:] + b"\0" * (len(wav) % 2)
    body += _chunk(b"LIST", b"INFO" + fields) + _chunk(b"_PMX", xmp(record).encode())
    if len(body) >= 1 << 32:
        raise UserError("a WAV file holds 4 GB at most; make a shorter sound")
    return _chunk(b"RIFF", body)


def read(path: str | Path) -> Record | None:
    """The record that a file carries, or that the JSON file beside it holds.

    Reads PNG, GIF, WebP, WAV, FLAC, OGG, MIDI, MP4 and JSON, told by content, a few MB at most of however large a file.

    Returns None if there is no record, also for damaged files.
    Raises DataError if the file cannot be read.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise DataError(path, "there is no such file")
        record = _read_own(path)
        if record is None and sidecar(path).is_file():
            record = _read_own(sidecar(path))
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})") from error
    return record


def _read_own(path: Path) -> Record | None:
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        walk = next(
            (walk for at, magic, walk in _FORMATS if head[at : at + len(magic)] == magic), _json_texts
        )
        try:
            return next((record for found in walk(file) if (record := _parse(found)) is not None), None)
        except (IndexError, struct.error):  # the file ends in the middle of something
            return None


def _parse(found: bytes) -> Record | None:
    """The record in a text: bare JSON, or with our mark before it, or within an XMP packet."""
    if KEY.encode() not in found:
        return None
    words = found.decode("utf-8", "replace").strip("\0 \r\n\t")
    if "<cgan:origin>" in words:
        words = html.unescape(words.partition("<cgan:origin>")[2].partition("</cgan:origin>")[0])
    try:
        record = json.loads(words.removeprefix(f"{KEY}:"))
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and record.get("tool") == KEY else None


def _json_texts(file: BinaryIO) -> Iterator[bytes]:
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


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _without_home(value: Any) -> Any:
    home = str(Path.home())
    if isinstance(value, dict):
        return {key: _without_home(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_home(inner) for inner in value]
    if isinstance(value, str) and len(home) > 1 and (value + os.sep).startswith(home + os.sep):
        return "~" + value[len(home) :]
    return value


def _visible(value: Any, longest: int) -> str:
    words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words[:longest])
    return shown + ("…" if len(words) > longest else "")

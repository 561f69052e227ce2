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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from creative_gan import __version__
from creative_gan.core.comments import texts
from creative_gan.core.errors import DataError, UserError

KEY = "creative-gan"
"""The PNG keyword, and with a colon what a MIDI text event begins with."""
SOFTWARE = f"creative-gan {__version__}"

Record = dict[str, Any]


def origin(command: str, arguments: dict[str, Any], model: dict[str, Any]) -> Record:
    """The record of a file that `command` made: no clock, no host, no name of a user in it.

    command: such as "image sample". arguments: what makes it again: seed, index, class, truncation.
    model: name, path (as the user named it), weights (`file_hash`), recipe, data (fingerprint).
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


def origins(command: str, arguments: dict[str, Any], model: dict[str, Any], indices: range) -> list[Record]:
    """The records of samples `indices` of a seed, which differ by their number only."""
    return [origin(command, arguments | {"index": i}, model) for i in indices]


def together(origins: Sequence[Record]) -> Record:
    """One record for a file that holds several works: arguments that differ become a list of the values."""
    first = origins[0]
    arguments = {}
    for name, value in first["arguments"].items():
        values = [one["arguments"][name] for one in origins]
        arguments[name] = value if all(other == value for other in values) else values
    return {**first, "arguments": arguments}


def file_hash(path: str | Path) -> str:
    """The SHA-256 of a file in hex, as `sha256sum` prints it.

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


def png_bytes_with_origin(png: bytes, record: Record) -> bytes:
    """A PNG file with the record before its end, as text (tEXt) and as XMP (iTXt). The pixels stay as they are.

    png: a whole PNG file, whose last chunk is an empty IEND.
    """
    assert png[-8:-4] == b"IEND", "not a PNG file"
    told = {b"Software": SOFTWARE, KEY.encode(): text(record)}
    chunks = [_png_chunk(b"tEXt", key + b"\0" + words.encode("latin-1")) for key, words in told.items()]
    chunks.append(_png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(record).encode()))
    return png[:-12] + b"".join(chunks) + png[-12:]


def read(path: str | Path) -> Record | None:
    """The record that a file carries, or that the JSON file beside it holds.

    Reads PNG, GIF, WebP, WAV, FLAC, OGG, MIDI, MP4 and JSON, told by content, a few MB at most of however large a file.

    Returns None if there is no record, also for damaged files.
    Raises DataError if the file cannot be read.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise DataError(path, "is a folder", "name a file in it")
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
        return next((record for found in texts(file) if (record := _parse(found)) is not None), None)


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


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


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

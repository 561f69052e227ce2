"""Reads texts out of files: `.txt`, `.jsonl`, `.csv`, `.tsv`, in UTF-8, and where each came from."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from creative_gan.core.errors import DataError

LARGEST_SOURCE = 256 * 2**20
"""Bytes of a source at most, since all texts stay in memory."""
LONGEST_TEXT = 10_000
"""Characters of one text at most; a longer one is cut into several."""

# Whatever is no letter, mark, sign or line break: control characters, byte order marks, half surrogate pairs.
DISCARDED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")
BLANKS = re.compile("[\t\xa0\u2000-\u200a\u202f\u205f\u3000]")
BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")
CUTS = re.compile(r"[.!?…。！？]['\"”’」』]?\s+|[。！？…]|\n+")


@dataclass(frozen=True)
class Row:
    """A text, its label if it has one, and where it was found, such as `poems.txt:12`."""

    text: str
    label: str | None
    name: str


@dataclass
class Reading:
    """What came out of the files so far, and what did not."""

    strict: bool
    rows: list[Row] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    cut: int = 0
    """Texts that were longer than `LONGEST_TEXT` and were cut."""

    def add(self, text: str, label: str | None, name: str) -> None:
        """Take a text, cleaned; a long one in pieces; an empty one not at all."""
        pieces = cut(clean(text), LONGEST_TEXT)
        self.cut += len(pieces) > 1
        for n, piece in enumerate(pieces):
            self.rows.append(Row(piece, label, name if len(pieces) == 1 else f"{name}#{n + 1}"))

    def skip(self, path: Path, where: str, reason: str, hint: str = "") -> None:
        """Put something unusable on the list, or raise `DataError` where everything must be usable."""
        if self.strict:
            raise DataError(path, f"{where} {reason}".strip(), hint)
        self.skipped.append((f"{path.name} {where}".strip(), reason))


def read_file(path: Path, unit: str, label: str | None, reading: Reading) -> None:
    """Read one file into `reading`, by the ending of its name.

    `unit` says what a text of a `.txt` is: `line`, `paragraph` (lines between blank lines), `file`, or
    `auto`: paragraphs where there are blank lines, lines elsewhere. A label in the file goes before `label`.
    Raises `DataError` if nothing of the file can be read.
    """
    text = decode(path)
    if path.suffix.lower() in TABLES:
        for row in TABLES[path.suffix.lower()](path, text, reading):
            reading.add(row.text, row.label or label, row.name)
        return
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    if unit == "auto":
        unit = "paragraph" if BLANK_LINES.search(text) else "line"
    if unit == "file":
        reading.add(text, label, path.name)
        return
    parts = re.split(r"(\n)" if unit == "line" else f"({BLANK_LINES.pattern})", text)
    line = 1
    for piece, gap in zip_longest(parts[::2], parts[1::2], fillvalue=""):
        reading.add(piece, label, f"{path.name}:{line}")
        line += piece.count("\n") + gap.count("\n")


def decode(path: Path) -> str:
    """The text of a UTF-8 file, with or without byte order mark. Raises `DataError` for anything else."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})") from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(path, "is UTF-16 text", "save it as UTF-8")
    if b"\0" in data:
        raise DataError(path, f"is no text (it holds a zero byte at offset {data.index(0)})")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The decoder counts from behind the byte order mark.
        at = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        line = data.count(b"\n", 0, at) + 1
        raise DataError(
            path,
            f"is not UTF-8: byte 0x{data[at]:02X} at offset {at} (line {line})",
            "save it as UTF-8 (a Chinese file may be GB18030: iconv -f GB18030 -t UTF-8)",
        ) from None


def clean(text: str) -> str:
    """Composed characters, plain blanks, no control characters, nothing around it."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return BLANKS.sub(" ", DISCARDED.sub("", text)).strip()


def cut(text: str, longest: int) -> list[str]:
    """The text in pieces of at most `longest` characters: at the end of a sentence, else at a blank."""
    pieces = []
    while len(text) > longest:
        ends = [found.end() for found in CUTS.finditer(text, longest // 2, longest)]
        at = ends[-1] if ends else text.rfind(" ", longest // 2, longest) + 1 or longest
        pieces.append(text[:at].strip())
        text = text[at:]
    return [piece for piece in [*pieces, text.strip()] if piece]


def _jsonl(path: Path, text: str, reading: Reading) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"line {number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            reading.skip(path, where, "is no JSON")
            continue
        if not isinstance(record, dict) or not isinstance(record.get("text"), str):
            reading.skip(path, where, 'has no "text"', 'write {"text": "…"} on each line')
        elif not isinstance(record.get("label"), str | int | None):
            reading.skip(path, where, "has a label that is neither a word nor a number")
        else:
            label = record.get("label")
            yield Row(record["text"], None if label is None else str(label), f"{path.name}:{number}")


def _table(path: Path, text: str, reading: Reading) -> Iterator[Row]:
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    previous = csv.field_size_limit(LARGEST_SOURCE)
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        columns = [name.strip().lower() for name in next(rows, [])]
        if "text" not in columns:
            raise DataError(path, "has no column 'text'", f"its first line is '{header.strip()[:60]}'")
        at, marked = columns.index("text"), columns.index("label") if "label" in columns else None
        for row in rows:
            where = f"line {rows.line_num}"
            if row and len(row) != len(columns):
                reading.skip(path, where, f"has {len(row)} columns instead of {len(columns)}")
            elif row:
                label = None if marked is None else row[marked].strip()
                yield Row(row[at], label or None, f"{path.name}:{rows.line_num}")
    except csv.Error as error:
        raise DataError(path, f"is no table ({error})") from None
    finally:
        csv.field_size_limit(previous)


TABLES: dict[str, Callable[[Path, str, Reading], Iterator[Row]]] = {
    ".jsonl": _jsonl,
    ".csv": _table,
    ".tsv": _table,
}
ENDINGS = {".txt", *TABLES}

"""Read the table that may lie in a folder of pictures: file_name, and perhaps label and text of each."""

import csv
import io
import json
import unicodedata
from dataclasses import dataclass

from creative_gan.core.errors import DataError

TABLES = ("metadata.csv", "metadata.jsonl")
LABEL = "label"
"""The column that names the class, unless another one is asked for."""
MAX_BYTES = 1 << 28


@dataclass(frozen=True)
class Row:
    """What the table says of one picture."""

    label: str | None
    text: str | None


def read_metadata(content: bytes, name: str, label_column: str = LABEL) -> dict[str, Row]:
    """Rows by normalised file name, in the order of the table.

    Args:
        content: a CSV file with a header line, or one JSON object a line (`name` ends in .jsonl); UTF-8.
        name: for messages.
        label_column: the column, or the key, that names the class.

    Errors: DataError where it is not such a table, names a picture twice, or has no such column (but `label`
    may be absent: not every table names classes).
    """
    if len(content) > MAX_BYTES:
        raise DataError(name, f"is too large (at most {MAX_BYTES >> 20} MiB are read)")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(name, "is not UTF-8", "save it as UTF-8") from error
    rows: dict[str, Row] = {}
    columns: dict[str, None] = {}
    for number, record in _json_lines(text, name) if name.endswith(".jsonl") else _csv_lines(text, name):
        file_name = record.get("file_name")
        if not isinstance(file_name, str) or not file_name:
            raise DataError(name, f"line {number} has no file_name")
        if (key := normalised(file_name)) in rows:
            raise DataError(name, f"line {number} names {file_name} a second time")
        columns |= dict.fromkeys(filter(None, record))
        rows[key] = Row(_words(record.get(label_column)), _words(record.get("text")))
    if label_column != LABEL and label_column not in columns:
        raise DataError(name, f"has no column {label_column!r} (columns: {', '.join(columns) or 'none'})")
    return rows


def normalised(file_name: str) -> str:
    """A relative file name as all systems would spell it: / between folders, accents composed."""
    return unicodedata.normalize("NFC", file_name.replace("\\", "/").removeprefix("./"))


def _csv_lines(text: str, name: str) -> list[tuple[int, dict]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        if "file_name" not in (reader.fieldnames or []):
            found = ", ".join(reader.fieldnames or []) or "none"
            raise DataError(name, f"has no column file_name (columns: {found})")
        return [(reader.line_num, record) for record in reader]
    except csv.Error as error:
        raise DataError(name, f"is not a CSV table ({error})") from error


def _json_lines(text: str, name: str) -> list[tuple[int, dict]]:
    records = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(name, f"line {number} is not JSON") from error
        if not isinstance(record, dict):
            raise DataError(name, f"line {number} is not a JSON object")
        records.append((number, record))
    return records


def _words(value: object) -> str | None:
    """A cell as text; None where it is empty. A number stays as it is written."""
    if value is None or isinstance(value, (dict, list)):
        return None
    return str(value).strip() or None

"""Which class a sound file belongs to: by a pattern of its name, by metadata.csv, or by its folder."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from creative_gan.core.errors import DataError, UserError

TABLE = "metadata.csv"


def file_labels(root: Path, names: Sequence[str], pattern: str | None = None) -> list[str | None] | None:
    """The label of each file, in order; None for one that should have a label and has none.

    Args:
        root: the folder of sounds.
        names: of the files, relative to root, with / between folders.
        pattern: such as `{label}_{}_{}.wav` for the file name: {label} is the class, {} anything.

    Returns: None where nothing says what the classes are.

    Errors: UserError for a pattern without {label}, or one that no file fits; DataError for a damaged table.
    """
    if pattern is not None:
        fit = _compile(pattern)
        labels = [_by_pattern(fit, name) for name in names]
        if not any(labels):
            raise UserError(f"no file of {root} fits the pattern {pattern!r}; {names[0]} is one of them")
        return labels
    if (table := root / TABLE).is_file():
        known = _read_table(table)
        if known is not None:
            return [known.get(name) for name in names]
    folders = [name.split("/")[0] if "/" in name else None for name in names]
    if None not in folders and len(set(folders)) > 1:
        return folders
    return None


def in_order(labels: set[str]) -> list[str]:
    """Class names as a person would sort them: 2 before 10."""
    return sorted(labels, key=lambda label: (0, int(label), label) if label.isdecimal() else (1, 0, label))


def _compile(pattern: str) -> re.Pattern[str]:
    if pattern.count("{label}") != 1:
        raise UserError(f"the label pattern {pattern!r} needs {{label}} once, as in '{{label}}_{{}}.wav'")
    parts = re.split(r"(\{label\}|\{\})", pattern)
    wild = {"{label}": "(?P<label>.+?)", "{}": ".+?"}
    return re.compile("".join(wild.get(part, re.escape(part)) for part in parts))


def _by_pattern(fit: re.Pattern[str], name: str) -> str | None:
    last = name.split("/")[-1]
    found = fit.fullmatch(last) or fit.fullmatch(Path(last).stem)
    return found["label"] if found else None


def _read_table(table: Path) -> dict[str, str] | None:
    """Labels by file name, or None if the table has no column of labels."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or [])
            if "file_name" not in columns:
                raise DataError(table, f"has no column file_name (columns: {', '.join(columns) or 'none'})")
            if "label" not in columns:
                return None
            rows = [(row["file_name"], (row["label"] or "").strip()) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(table, f"is not a CSV table in UTF-8 ({error})") from error
    return {name.replace("\\", "/").removeprefix("./"): label for name, label in rows if name and label}

"""Writes texts to the screen, to a `.txt` or to a `.jsonl`, each file with a record of its origin."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from creative_gan.core.errors import UserError
from creative_gan.core.files import ensure_free, write_bytes


def write_texts(
    texts: Sequence[str],
    target: str | Path,
    origin: dict[str, Any] | None = None,
    labels: Sequence[str] | None = None,
    overwrite: bool = False,
    stdout: TextIO | None = None,
) -> list[Path]:
    """Write `texts` to `target`: `-` for standard output, else a name that ends in `.txt` or `.jsonl`.

    A `.txt` has a text a line; if any text has several lines, blank lines stand between the texts. A `.jsonl`
    has an object a line with `text` and, if `labels` are given, `label`. `origin` goes to `NAME.txt.json`
    beside it; None writes no such file, and standard output never has one.

    Returns the files written. Raises UserError if one of them exists and `overwrite` is not set.
    """
    assert labels is None or len(labels) == len(texts)
    if str(target) == "-":
        print(as_lines(texts), end="", file=stdout or sys.stdout)
        return []
    path = Path(target)
    if path.suffix.lower() not in (".txt", ".jsonl"):
        raise UserError(f"{path}: texts are written to .txt or .jsonl; name such a file, or - for the screen")
    beside = path.with_name(path.name + ".json")
    written = {path: as_jsonl(texts, labels) if path.suffix.lower() == ".jsonl" else as_lines(texts)}
    if origin is not None:
        written[beside] = json.dumps(origin, ensure_ascii=False, indent=2) + "\n"
    for file in (path, beside):
        ensure_free(file, overwrite)
    if origin is None:  # an older record would speak of other texts
        beside.unlink(missing_ok=True)
    for file, content in written.items():
        write_bytes(file, content.encode(), overwrite)
    return list(written)


def as_lines(texts: Sequence[str]) -> str:
    """A text a line, or blank lines between texts if any of them has several lines."""
    gap = "\n\n" if any("\n" in text for text in texts) else "\n"
    return gap.join(texts) + ("\n" if texts else "")


def as_jsonl(texts: Sequence[str], labels: Sequence[str] | None = None) -> str:
    """An object a line with `text` and, if given, `label`."""
    records = [{"text": text} for text in texts]
    for record, label in zip(records, labels or [], strict=False):
        record["label"] = label
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)

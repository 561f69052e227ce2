"""Corpora: texts from one path or from the package itself, their labels, and batches to learn from."""

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from creative_gan.core.draws import derive
from creative_gan.core.errors import DataError, UserError
from creative_gan.text import builtin
from creative_gan.text.reading import ENDINGS, LARGEST_SOURCE, Reading, Row, read_file
from creative_gan.text.tokens import END, PAD, UNKNOWN, Tokenizer

UNITS = ("auto", "line", "paragraph", "file")


@dataclass(frozen=True)
class Texts:
    """A corpus in memory, in the order of its files."""

    texts: list[str]
    """Cleaned: composed characters, plain blanks, "\\n" for line breaks, nothing empty."""
    labels: np.ndarray | None
    """int64 [N], indices into `classes`; None without classes."""
    classes: list[str]
    names: list[str]
    """Where each text was found, such as `poems.txt:12`."""
    skipped: list[tuple[str, str]]
    """What could not be used: where it is, and why."""
    cut: int
    """Texts that were longer than 10,000 characters and were cut into several."""
    source: str

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that change when a text, a label or their order does."""
        digest = hashlib.blake2b(digest_size=16)
        for text in [*self.classes, "", *self.texts]:
            digest.update(text.encode() + b"\0")
        if self.labels is not None:
            digest.update(self.labels.astype("<i8").tobytes())
        return digest.hexdigest()

    def split(self, holdout: float, seed: int) -> tuple["Texts", "Texts"]:
        """Texts to learn from, and a share `holdout` in (0, 1) of all different texts to measure on.

        Copies of a text stay on one side. Which side a text falls on depends on (seed, text) alone as far as
        the share allows, so a corpus that grows keeps most of its split.
        """
        if not 0 < holdout < 1:
            raise UserError(f"the share to hold out is {holdout}; it must lie between 0 and 1")
        different = sorted(set(self.texts), key=lambda text: derive(seed, "holdout", text))
        if len(different) < 2:
            raise DataError(self.source, "holds only copies of one text", "nothing can be held out")
        kept_back = set(different[: min(max(round(holdout * len(different)), 1), len(different) - 1)])
        back = np.array([text in kept_back for text in self.texts])
        return self._take(np.flatnonzero(~back)), self._take(np.flatnonzero(back))

    def _take(self, indices: np.ndarray) -> "Texts":
        return replace(
            self,
            texts=[self.texts[i] for i in indices],
            names=[self.names[i] for i in indices],
            labels=None if self.labels is None else self.labels[indices],
        )


@dataclass(frozen=True)
class Sequences:
    """A corpus as token ids: each row the tokens of a text, then `END`, then `PAD`."""

    tokens: np.ndarray
    """uint16 or int32 [N, T]."""
    length: np.ndarray
    """int32 [N]: tokens of a row, `END` included, padding not; at least 1."""
    labels: np.ndarray | None
    """int64 [N]; None without classes."""
    text: np.ndarray
    """int32 [N]: the text that a row comes from."""
    split: int
    """Texts that were longer than T and became several rows."""
    unknown: int
    """Tokens that are not in the vocabulary."""

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def texts(self) -> int:
        """How many texts the rows come from."""
        return len(np.unique(self.text))

    def batch(self, indices: np.ndarray) -> dict[str, Tensor]:
        """Rows as `real: [B, T]`, `length: [B]` and, with classes, `label: [B]`, all int64."""
        batch = {
            "real": torch.from_numpy(self.tokens[indices].astype(np.int64)),
            "length": torch.from_numpy(self.length[indices].astype(np.int64)),
        }
        if self.labels is not None:
            batch["label"] = torch.from_numpy(self.labels[indices])
        return batch


def open_texts(source: str | Path, strict: bool = False, unit: str = "auto") -> Texts:
    """Read a corpus.

    `source` is one of
    - a `.jsonl` with `text` and, if wanted, `label` on each line, or a `.csv` or `.tsv` with these columns;
    - any other file: UTF-8 text with a text a line;
    - a folder of such files, at any depth. There a `.txt` with blank lines gives its paragraphs, any other
      one its lines. If all files lie in subfolders, the name of the uppermost one is their label;
    - `builtin:verses` or `builtin:verses-zh`.

    `unit` (`line`, `paragraph`, `file`) says otherwise what a text of a `.txt` is. With `strict`, whatever
    would be skipped and listed (a broken file of a folder, a broken row of a table) is an error.

    Raises DataError if nothing can be read, or less than two texts.
    """
    if unit not in UNITS:
        raise UserError(f"there is no unit '{unit}'; take one of {', '.join(UNITS)}")
    if str(source).startswith("builtin:"):
        return _builtin(str(source))
    path = Path(source)
    if not path.exists():
        raise DataError(path, "does not exist", "name a .txt, .jsonl, .csv or a folder, or builtin:verses")
    reading = Reading(strict)
    if path.is_dir():
        _read_folder(path, unit, reading)
    else:
        _ensure_small(path, [path])
        read_file(path, "line" if unit == "auto" else unit, None, reading)
    return _collect(str(source), reading)


def encode(texts: Texts, tokenizer: Tokenizer, length: int) -> Sequences:
    """Token ids of a corpus, at most `length` a row, `END` included.

    A text that is longer becomes several rows: it is cut behind the last sentence that ends in the second
    half of a row, and otherwise where the row is full, and then that row has no `END`.
    """
    if length < 2:
        raise UserError(f"a context of {length} tokens is too short; it needs at least 2")
    stops = tokenizer.stops()
    dtype = np.uint16 if len(tokenizer) <= 2**16 else np.int32
    chunks: list[np.ndarray] = []
    lengths: list[int] = []
    text: list[int] = []
    split = unknown = 0
    # By parts, since lists of Python numbers take many times the memory of the arrays.
    for start in range(0, len(texts), 4096):
        rows: list[list[int]] = []
        for i, ids in enumerate(tokenizer.encode(texts.texts[start : start + 4096]), start):
            unknown += ids.count(UNKNOWN)
            pieces = cut(ids, length, stops)
            split += len(pieces) > 1
            rows += pieces
            text += [i] * len(pieces)
        chunk = np.full((len(rows), length), PAD, dtype)
        for row, ids in zip(chunk, rows, strict=True):
            row[: len(ids)] = ids
        chunks.append(chunk)
        lengths += map(len, rows)
    origin = np.array(text, np.int32)
    return Sequences(
        tokens=np.concatenate(chunks),
        length=np.array(lengths, np.int32),
        labels=None if texts.labels is None else texts.labels[origin],
        text=origin,
        split=split,
        unknown=unknown,
    )


def sequences(rows: Sequences, indices: np.ndarray) -> list[list[int]]:
    """Token ids of rows, without end and padding."""
    made = [rows.tokens[i, : rows.length[i]].tolist() for i in indices]
    return [ids[:-1] if ids[-1] == END else ids for ids in made]


def cut(ids: list[int], length: int, stops: frozenset[int]) -> list[list[int]]:
    """The ids in rows of at most `length`, each ended by `END` unless it breaks off in a sentence."""
    rows = []
    while len(ids) >= length:
        ends = [i + 1 for i in range(length // 2, length - 1) if ids[i] in stops]
        rows.append([*ids[: ends[-1]], END] if ends else ids[:length])
        ids = ids[ends[-1] if ends else length :]
    return [*rows, [*ids, END]] if ids else rows


def _read_folder(path: Path, unit: str, reading: Reading) -> None:
    files = sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    usable = [file for file in files if file.suffix.lower() in ENDINGS]
    if not usable:
        raise DataError(
            path,
            f"holds no {', '.join(sorted(ENDINGS))} file",
            "name the texts, or take creative-gan image or creative-gan music for pictures or sounds",
        )
    _ensure_small(path, usable)
    labelled = all(file.parent != path for file in usable)
    for file in files:
        if file not in usable:
            reading.skipped.append((str(file.relative_to(path)), "is no text file by its name"))
            continue
        try:
            read_file(file, unit, file.relative_to(path).parts[0] if labelled else None, reading)
        except DataError as error:
            reading.skip(file, "", error.reason, error.hint)


def _ensure_small(path: Path, files: list[Path]) -> None:
    size = sum(file.stat().st_size for file in files)
    if size > LARGEST_SOURCE:
        raise DataError(
            path,
            f"holds {size / 2**20:,.0f} MB, and at most {LARGEST_SOURCE // 2**20} MB are kept in memory",
            "take a part of it",
        )


def _collect(source: str, reading: Reading) -> Texts:
    rows = reading.rows
    labelled = [row for row in rows if row.label is not None]
    if 2 * len(labelled) > len(rows):
        for row in rows:
            if row.label is None:
                _skip(source, reading, row, "has no label, and most others have")
        rows = labelled
    elif labelled:  # a few would take all the others with them
        _skip(source, reading, labelled[0], "has a label, but most have none, so that no label is used")
        rows = [replace(row, label=None) for row in rows]
    if len(rows) < 2:
        where, why = reading.skipped[0] if reading.skipped else ("", "")
        found = "holds only one text" if rows else "holds no text"
        raise DataError(source, found + (f" ({where} {why})" if where else ""), "put a text on each line")
    counts = Counter(row.label for row in rows)
    classes = sorted(str(label) for label in counts) if len(counts) > 1 else []
    number = {name: n for n, name in enumerate(classes)}
    return Texts(
        texts=[row.text for row in rows],
        labels=np.array([number[str(row.label)] for row in rows], np.int64) if classes else None,
        classes=classes,
        names=[row.name for row in rows],
        skipped=reading.skipped,
        cut=reading.cut,
        source=source,
    )


def _skip(source: str, reading: Reading, row: Row, reason: str) -> None:
    if reading.strict:
        raise DataError(source, f"{row.name} {reason}")
    reading.skipped.append((row.name, reason))


def _builtin(source: str) -> Texts:
    name = source.removeprefix("builtin:")
    if name not in builtin.CORPORA:
        known = ", ".join(f"builtin:{name}" for name in builtin.CORPORA)
        raise UserError(f"there is no {source}; take one of {known}")
    pairs = builtin.compose(name)
    classes = sorted({theme for theme, _ in pairs})
    return Texts(
        texts=[text for _, text in pairs],
        labels=np.array([classes.index(theme) for theme, _ in pairs], np.int64),
        classes=classes,
        names=[f"{source}:{n}" for n in range(1, len(pairs) + 1)],
        skipped=[],
        cut=0,
        source=source,
    )

"""Find the pictures that one path holds, told by content: a folder, a zip of one, or an array file."""

import io
import os
import re
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
from PIL import Image

from creative_gan.core.errors import DataError
from creative_gan.image import arrays, readers
from creative_gan.image.metadata import LABEL, TABLES, Row, normalised, read_metadata

READ = (
    "a folder or zip of pictures (PNG, JPEG, WebP, GIF, BMP, TIFF), idx-ubyte files, CIFAR-10 .bin files "
    "or an .npz of arrays is read"
)
PARTS = ("train", "training", "test", "testing", "val", "valid", "validation", "dev")
"""Folders that divide a set and are no classes."""
MAX_MEMBERS = 1_000_000
MAX_MEMBER_BYTES = 1 << 29
MAX_RATIO = 200
"""Members of more than 16 MiB that unpack to more than this many times their size are refused."""


@dataclass(frozen=True)
class Member:
    """A file in a folder or in a zip."""

    name: str
    size: int
    open: Callable[[], BinaryIO]
    stamp: int = 0
    """When it was changed last, in nanoseconds, for files in a folder."""


@dataclass(frozen=True)
class Source:
    """Pictures that were found and not yet decoded."""

    names: list[str]
    open: Callable[[int], AbstractContextManager[Image.Image]]
    """Opens the picture of that index; DataError where it cannot be read, then or while it is decoded."""
    labels: np.ndarray | None
    """int64 [N]."""
    classes: list[str]
    texts: list[str] | None
    skipped: list[tuple[str, str]]


def find(path: Path, label_column: str = LABEL) -> Source:
    """The pictures at a path that exists. `label_column`: what names their classes in a table beside them.

    Errors: DataError where it holds none, saying what it holds, or where there is no such column.
    """
    if path.is_dir():
        return _from_members(folder_members(path), [], path, label_column)
    kind = file_kind(path)
    if kind == "zip":
        return _from_members(*_zip_members(path), path, label_column)
    members = [_file(file, file.name) for file in files_of(path)]
    return _from_arrays(members, [members[0]], kind, path, label_column)


def file_kind(path: Path) -> str:
    """What a file holds: `zip`, `idx images`, `cifar` or `npz`.

    Errors: DataError where it is of no kind that holds a set of pictures, saying what it is.
    """
    with _opened(path) as file:
        head = file.read(16)
        file.seek(0)
        kind = arrays.array_kind(file, path.stat().st_size)
    if kind == "idx labels":
        raise DataError(path, "holds labels, not pictures", "name the images file or the folder of both")
    if readers.is_picture(head):
        raise DataError(path, "is one picture, not a set", "name the folder it lies in")
    if not kind:
        raise DataError(path, "is of a kind that is not known" if head else "is empty", READ)
    return kind


def folder_members(path: Path) -> list[Member]:
    """All regular files under a folder, sorted by name; hidden files and what macOS leaves are left out.

    Links are followed, each folder once.
    """

    def refuse(error: OSError) -> None:
        raise DataError(error.filename or path, f"cannot be opened ({error.strerror})")

    members, visited = [], set()
    for folder, folders, files in os.walk(path, onerror=refuse, followlinks=True):
        real = os.path.realpath(folder)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        folders[:] = [name for name in folders if not _is_junk(name)]
        for name in files:
            full = Path(folder, name)
            if not _is_junk(name) and full.is_file():
                members.append(_file(full, full.relative_to(path).as_posix()))
    return sorted(members, key=lambda member: member.name)


def files_of(path: Path) -> list[Path]:
    """A source that is one file, and what may lie beside it: its labels, the list of its classes."""
    beside = [path, path.with_name(_labels_name(path.name)), path.with_name("batches.meta.txt")]
    return [file for file in dict.fromkeys(beside) if file.is_file()]


def _zip_members(path: Path) -> tuple[list[Member], list[tuple[str, str]]]:
    """The files of a zip, to be read in memory, and those refused; one outer folder is taken off."""
    members, refused = [], []
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # zipfile raises nearly anything on damaged files
        raise DataError(path, f"is a damaged zip ({error})", "make it again") from error
    listing = archive.infolist()
    if len(listing) > MAX_MEMBERS:
        raise DataError(path, f"has {len(listing)} members, at most {MAX_MEMBERS} are read", "split it")
    for info in listing:
        parts = PurePosixPath(info.filename.replace("\\", "/")).parts
        if info.filename.endswith("/") or any(_is_junk(part) for part in parts if part != ".."):
            continue
        if not parts or ".." in parts or parts[0].startswith("/") or re.match("[A-Za-z]:", parts[0]):
            refused.append((info.filename, "has a name that leaves the zip"))
        elif info.flag_bits & 1:
            refused.append((info.filename, "is encrypted"))
        elif info.file_size > MAX_MEMBER_BYTES:
            refused.append((info.filename, f"unpacks to more than {MAX_MEMBER_BYTES >> 20} MiB"))
        elif info.file_size > max(1 << 24, MAX_RATIO * info.compress_size):
            refused.append((info.filename, f"unpacks to more than {MAX_RATIO} times its size"))
        else:
            members.append(Member("/".join(parts), info.file_size, partial(_unpacked, archive, info)))
    members.sort(key=lambda member: member.name)
    return _without_outer_folder(members), refused


def _without_outer_folder(members: list[Member]) -> list[Member]:
    """The same files by the names they have inside the one folder, if there is one, that holds them all."""
    while all("/" in member.name for member in members):
        if len({member.name.split("/")[0] for member in members}) != 1:
            break
        members = [Member(member.name.partition("/")[2], member.size, member.open) for member in members]
    return members


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    # The announced size was checked; unasked for it, zipfile unpacks more before it looks. The checksum is verified.
    try:
        with archive.open(info) as member:
            return io.BytesIO(member.read(max(info.file_size, 1)))
    except Exception as error:  # every kind of compression has its own
        raise DataError(info.filename, f"cannot be unpacked ({error})") from error


def _from_members(
    members: list[Member], refused: list[tuple[str, str]], path: Path, label_column: str
) -> Source:
    """Pictures among the files of a folder or zip; array files count where there are no pictures."""
    pictures = [member for member in members if _names_picture(member) or _holds_picture(member)]
    if pictures:
        return _labelled(pictures, members, refused, path, label_column)
    kinds = {member.name: _kind(member) for member in members}
    for kind in ("idx images", "cifar", "npz"):
        if chosen := [member for member in members if kinds[member.name] == kind]:
            return _from_arrays(members, _training_part(chosen, kind, path), kind, path, label_column)
    if refused:
        raise DataError(path, f"holds no picture that can be read: {refused[0][0]} {refused[0][1]}", READ)
    endings = Counter(PurePosixPath(member.name).suffix.lower() or "no ending" for member in members)
    found = ", ".join(f"{count} {ending}" for ending, count in endings.most_common(5))
    reason = f"holds no pictures (found {len(members)} files: {found})" if members else "is empty"
    raise DataError(path, reason, READ)


def _labelled(
    pictures: list[Member],
    members: list[Member],
    refused: list[tuple[str, str]],
    path: Path,
    label_column: str,
) -> Source:
    """Picture files with the labels and texts that a table or the subfolders give them."""
    table = next((member for name in TABLES for member in members if member.name == name), None)
    rows: dict[str, Row] = {}
    skipped = list(refused)
    if table is not None:
        with table.open() as file:
            rows = read_metadata(file.read(), f"{path}/{table.name}", label_column)
        there = {normalised(member.name) for member in pictures}
        absent = f"is named in {table.name}, but is not there"
        skipped += [(name, absent) for name in rows if name not in there]
        skipped += [
            (member.name, f"is not named in {table.name}")
            for member in pictures
            if normalised(member.name) not in rows
        ]
        pictures = [member for member in pictures if normalised(member.name) in rows]
        if not pictures:
            reason = f"has a {table.name} that names none of its pictures"
            raise DataError(path, reason, "mend its file_name column")
    else:
        refuse_column(path, label_column)
    told = [rows.get(normalised(member.name), Row(None, None)) for member in pictures]
    if any(row.label for row in told):
        skipped += [(m.name, "has no label") for m, row in zip(pictures, told, strict=True) if not row.label]
        pictures = [m for m, row in zip(pictures, told, strict=True) if row.label]
        told = [row for row in told if row.label]
        words = [row.label or "" for row in told]
    else:
        words = _of_folders([PurePosixPath(member.name).parts[:-1] for member in pictures])
        if 2 * words.count("") < len(words):  # a few beside the classes would take them from all
            loose = [m for m, word in zip(pictures, words, strict=True) if not word]
            skipped += [(member.name, "lies in no folder of a class, as most others do") for member in loose]
            pictures = [m for m, word in zip(pictures, words, strict=True) if word]
            told = [row for row, word in zip(told, words, strict=True) if word]
            words = [word for word in words if word]
    labels, classes = _numbered(words)
    texts = [row.text or "" for row in told] if any(row.text for row in told) else None
    return Source(
        [member.name for member in pictures],
        lambda index: readers.opened(pictures[index].open, pictures[index].name),
        labels,
        classes,
        texts,
        skipped,
    )


def refuse_column(source: str | Path, label_column: str) -> None:
    """Raises DataError if another column than the usual one is asked of what has no table."""
    if label_column != LABEL:
        raise DataError(
            source,
            f"has no {' or '.join(TABLES)} with a column {label_column!r}",
            "leave data.label_column out",
        )


def _of_folders(folders: list[tuple[str, ...]]) -> list[str]:
    """The class of each picture: the uppermost of its folders, or the second where those are parts of a set."""
    if all(parts and parts[0].lower() in PARTS for parts in folders):
        return [parts[1] if len(parts) > 1 else "" for parts in folders]
    return [parts[0] if parts else "" for parts in folders]


def _numbered(words: list[str]) -> tuple[np.ndarray | None, list[str]]:
    """Labels and sorted class names; none unless every picture has one and there are two or more."""
    classes = sorted(set(words))
    if len(classes) < 2 or "" in classes:
        return None, []
    if all(word.isdecimal() for word in classes):
        classes.sort(key=int)
    numbers = {word: number for number, word in enumerate(classes)}
    return np.array([numbers[word] for word in words], np.int64), classes


def _from_arrays(
    members: list[Member], chosen: list[Member], kind: str, path: Path, label_column: str
) -> Source:
    refuse_column(path, label_column)
    by_name = {member.name: member for member in members}
    first = chosen[0]
    if kind == "idx images":
        beside = by_name.get(_labels_name(first.name)) if _labels_name(first.name) != first.name else None
        stack = arrays.read_idx(first.open(), beside.open() if beside else None, str(path))
    elif kind == "cifar":
        listed = by_name.get(str(PurePosixPath(first.name).with_name("batches.meta.txt")))
        classes = arrays.CIFAR_CLASSES
        if listed is not None:
            with listed.open() as file:
                classes = file.read(4096).decode("utf-8", "replace").split() or classes
        stack = arrays.read_cifar([member.open() for member in chosen], classes, str(path))
    else:
        with first.open() as file:
            stack = arrays.read_npz(file, str(path))
    names = [f"{first.name}#{index}" for index in range(len(stack.pictures))]
    return Source(
        names, lambda index: nullcontext(_image(stack.pictures[index])), stack.labels, stack.classes, None, []
    )


def _training_part(chosen: list[Member], kind: str, path: Path) -> list[Member]:
    """Of several array files those to train on: CIFAR's batches together, else the one called train."""
    if kind == "cifar":
        return [member for member in chosen if "test" not in member.name.lower()] or chosen
    named = [member for member in chosen if "train" in member.name.lower()] if len(chosen) > 1 else chosen
    if len(named) != 1:
        some = ", ".join(member.name for member in chosen[:5])
        raise DataError(path, f"holds several sets ({some})", "name the one file to train on")
    return named


def _image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))


def _labels_name(name: str) -> str:
    """What the labels of an idx images file are called: train-labels-idx1-... for train-images-idx3-..."""
    return name.replace("images", "labels").replace("idx3", "idx1")


def _names_picture(member: Member) -> bool:
    return member.name.lower().endswith(readers.SUFFIXES)


def _holds_picture(member: Member) -> bool:
    return readers.is_picture(_head(member))


def _head(member: Member) -> bytes:
    try:
        with member.open() as file:
            return file.read(16)
    except (OSError, DataError):
        return b""


def _kind(member: Member) -> str:
    try:
        with member.open() as file:
            return arrays.array_kind(file, member.size)
    except (OSError, DataError):
        return ""


def _is_junk(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _file(path: Path, name: str) -> Member:
    status = path.stat()
    return Member(name, status.st_size, lambda: _opened(path), status.st_mtime_ns)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(path, f"cannot be opened ({error.strerror})") from error

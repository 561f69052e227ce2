"""Writes files and folders whole or not at all, and says in one sentence why when it cannot.

Everything is made under a temporary name in the folder that it goes to, brought to the disk, and renamed.
"""

import errno
import hashlib
import os
import platform
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from creative_gan.core.errors import DataError, UserError

_HOST = hashlib.blake2b(platform.node().encode(), digest_size=4).hexdigest()
# The machine is part of the name because a process id means nothing on another one that shares the folder.
_TEMPORARY = re.compile(rf"\.creative-gan-{_HOST}-(\d+)-[0-9a-f]+\.tmp")
_JUNK = re.compile(r"\.DS_Store|\._.*|Thumbs\.db|desktop\.ini")  # file managers leave these everywhere
_SET_ASIDE = re.compile(rf"\.(.+)\.creative-gan-{_HOST}-(\d+)-[0-9a-f]+\.old")


def write_bytes(path: str | Path, data: bytes, overwrite: bool = False) -> None:
    """Write a file whole or not at all; makes the folders above it.

    A link is followed, and what is neither file nor folder (a pipe, `/dev/null`) is written to directly.

    Raises UserError if the file exists and `overwrite` is not set, or if it cannot be written.
    """
    path = Path(path)
    ensure_free(path, overwrite)
    target = Path(os.path.realpath(path))
    with _explained(path, lambda: len(data)):
        if target.exists() and not target.is_file() and not target.is_dir():
            target.write_bytes(data)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with _temporary(target.parent) as temporary:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            ensure_free(path, overwrite)
            os.replace(temporary, target)
        _sync_folder(target.parent)


def write_folder(
    path: str | Path, build: Callable[[Path], None], overwrite: bool = False, size: int = 0
) -> None:
    """Write a folder whole or not at all: `build` fills a new folder, which then takes the name.

    With `overwrite` an older folder gives way only if everything in it is written anew: files that somebody
    keeps there are never lost. An empty folder always gives way. `size` is how many bytes it will take, as far
    as that is known, for the message that the disk is full.

    Raises UserError if the folder holds something and `overwrite` is not set, if it holds more than what
    is written, or if it cannot be written. What `build` raises passes through; nothing is left behind.
    """
    path = Path(path)
    ensure_free(path, overwrite)
    target = Path(os.path.realpath(path))
    written = 0

    def needed() -> int:
        return max(written, size)

    with _explained(path, needed):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _temporary(target.parent) as temporary:
            temporary.mkdir()
            try:
                build(temporary)
                _sync_tree(temporary)
            finally:
                written = sum(file.stat().st_size for file in _files(temporary))
            ensure_free(path, overwrite)
            _keep_others(path, target, temporary)
            _swap(temporary, target)
        _sync_folder(target.parent)


def ensure_free(path: str | Path, overwrite: bool = False) -> None:
    """Refuse a name that is taken, for a command to call before it starts to work.

    Raises UserError if `path` is a file or a folder that is not empty, unless `overwrite` is set.
    """
    path = Path(path)
    if overwrite:
        return
    try:
        taken = any(path.iterdir()) if path.is_dir() else path.is_file()
    except OSError as error:
        raise DataError(path, _reason(error), "name another file") from error
    if taken:
        other = "folder" if path.is_dir() else "file"
        raise UserError(f"{path} exists already; name another {other} or add --overwrite")


def sweep(folder: str | Path) -> list[Path]:
    """Clear away what processes of this machine left in `folder` when they died in the middle of writing.

    An older folder that was set aside and never replaced gets its name back.

    Returns the temporary paths that are gone.
    """
    swept = []
    for entry in sorted(Path(folder).glob(".*creative-gan-*")):
        half_made, set_aside = _TEMPORARY.fullmatch(entry.name), _SET_ASIDE.fullmatch(entry.name)
        if half_made and not _alive(int(half_made[1])):
            _remove(entry)
        elif set_aside and not _alive(int(set_aside[2])):
            original = entry.with_name(set_aside[1])
            _remove(entry) if original.exists() else os.replace(entry, original)
        else:
            continue
        swept.append(entry)
    return swept


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """A free name in `folder`; whatever bears it afterwards is removed."""
    path = folder / f".creative-gan-{_tag()}.tmp"
    try:
        yield path
    finally:
        _remove(path)


def _tag() -> str:
    return f"{_HOST}-{os.getpid()}-{secrets.token_hex(4)}"


def _swap(new: Path, target: Path) -> None:
    """Give `new` the name of `target`; what was there before goes last, so that one of them always exists."""
    if not target.exists():
        os.replace(new, target)
        return
    if not target.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(target))
    aside = target.with_name(f".{target.name}.creative-gan-{_tag()}.old")
    os.replace(target, aside)
    try:
        os.replace(new, target)
    except BaseException:
        os.replace(aside, target)
        raise
    _remove(aside)


def _keep_others(path: Path, target: Path, new: Path) -> None:
    ours = {file.relative_to(new) for file in _files(new)}
    there = [file.relative_to(target) for file in _files(target) if not _JUNK.fullmatch(file.name)]
    others = [file for file in there if file not in ours]
    if others:
        raise UserError(
            f"{path} holds {others[0]} too, which would be lost; name another folder or move it away"
        )


def _files(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.rglob("*") if entry.is_symlink() or not entry.is_dir())


def _remove(path: Path) -> None:
    """Remove a file or a folder if it is there; failing to is no reason to lose what was written."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        path.unlink(missing_ok=True)
    except OSError:
        pass


def _sync_tree(folder: Path) -> None:
    for file in _files(folder):
        with file.open("rb+") as opened:
            os.fsync(opened.fileno())
    for inner in [entry for entry in folder.rglob("*") if entry.is_dir()]:
        _sync_folder(inner)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can do that for folders."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders; a folder may be writable and not readable
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def _alive(pid: int) -> bool:
    if os.name == "nt":  # os.kill(pid, 0) is no question there, it is a signal
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _explained(path: Path, needed: Callable[[], int]) -> Iterator[None]:
    """Turn an OSError into one sentence; `needed` gives the bytes to write, as far as known."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = _no_space(path, needed()) if full else _reason(error)
        hint = "make room or name a place on another disk" if full else "name another place to write to"
        raise DataError(path, reason, hint) from error


def _no_space(path: Path, needed: int) -> str:
    there = next(folder for folder in Path(os.path.realpath(path)).parents if folder.exists())
    free = shutil.disk_usage(there).free
    return f"no space left on the disk, {needed / 1e6:.1f} MB or more needed and {free / 1e6:.1f} MB free"


def _reason(error: OSError) -> str:
    reasons = {
        errno.EACCES: "no permission to write there",
        errno.EPERM: "no permission to write there",
        errno.EROFS: "the disk is read-only",
        errno.EISDIR: "a folder has that name",
        errno.ENOTDIR: "a file stands where a folder would have to be",
        errno.EEXIST: "a file stands where a folder would have to be",
        errno.ENAMETOOLONG: "the name is too long",
    }
    return reasons.get(error.errno or 0, f"cannot be written ({error.strerror or error})")

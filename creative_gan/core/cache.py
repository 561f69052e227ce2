"""Keep what is slow to make in a cache folder: made elsewhere and renamed, so it is never half there."""

import os
import shutil
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

STALE = 24 * 3600.0
"""Seconds after which an unfinished temporary folder is taken for one that a killed process left."""


def cache_folder(kind: str, override: Path | None = None) -> Path:
    """Where entries of one kind live; the folder need not exist yet.

    Args:
        kind: name of the subfolder, such as `pictures`.
        override: a cache folder to use instead of the user's (CREATIVE_GAN_CACHE, else
            XDG_CACHE_HOME/creative-gan, else ~/.cache/creative-gan).
    """
    if override is not None:
        return Path(override) / kind
    if own := os.environ.get("CREATIVE_GAN_CACHE"):
        return Path(own).expanduser() / kind
    # The XDG specification has relative paths ignored.
    shared = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(shared) if os.path.isabs(shared) else Path(os.path.expanduser("~/.cache"))
    return base / "creative-gan" / kind


def publish(root: Path, key: str, write: Callable[[Path], None]) -> Path | None:
    """Make the entry `root/key` with `write(folder)`; an entry of that name that is there is replaced.

    Args:
        root: what `cache_folder` returned.
        key: name of the entry.
        write: fills an empty folder. What it raises, other than OSError, passes through.

    Returns:
        The finished folder, or None where the cache cannot be written (no permission, disk full).
    """
    entry, temporary = root / key, root / f"{key}.{uuid.uuid4().hex}.tmp"
    try:
        root.mkdir(parents=True, exist_ok=True)
        sweep(root)
        temporary.mkdir()
        before = _identity(entry)
        write(temporary)
        # What another process finished meanwhile, and may be reading, is as good and stays.
        if _identity(entry) == before:
            discard(entry)
            with suppress(OSError):
                os.replace(temporary, entry)
        return entry if entry.is_dir() else None
    except OSError:
        return None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _identity(entry: Path) -> int | None:
    return entry.stat().st_ino if entry.exists() else None


def discard(entry: Path) -> None:
    """Remove an entry, renamed first so that nobody opens it while it is half gone."""
    if entry.exists():
        doomed = entry.with_name(f"{entry.name}.{uuid.uuid4().hex}.tmp")
        os.replace(entry, doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def sweep(root: Path) -> None:
    """Remove the temporary folders in which nothing was written for a day."""
    for folder in root.glob("*.tmp"):
        try:
            newest = max(item.stat().st_mtime for item in (folder, *folder.iterdir()))
        except OSError:
            continue
        if time.time() - newest > STALE:
            shutil.rmtree(folder, ignore_errors=True)

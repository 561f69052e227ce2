"""Every call that reads or writes a file, one after the other, so that a test can fail one of them or die at it."""

import builtins
import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

Act = Callable[[str, str], None]
"""Called with the name of the call and the path, before the call; what it raises is what the call raises."""

_CALLS = ("mkdir", "replace", "rename", "unlink", "remove", "rmdir", "open")


@contextmanager
def watched(folder: Path, act: Act) -> Iterator[None]:
    """Calls `act` before every call that opens, writes, renames or removes something in `folder`."""
    root = str(folder.resolve())
    busy = False  # so that a call made of others counts once

    def report(call: str, path: Any) -> None:
        nonlocal busy
        if busy or not isinstance(path, str | os.PathLike):
            return
        name = os.fspath(path)
        if isinstance(name, str) and (name + os.sep).startswith(root + os.sep):
            act(call, name[len(root) + 1 :])

    def wrapped(call: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def instead(path: Any, *rest: Any, **named: Any) -> Any:
            report(call, path)
            return real(path, *rest, **named)

        return instead

    def rmtree(path: Any, *rest: Any, **named: Any) -> None:
        nonlocal busy
        try:
            report("rmtree", path)
        except OSError:
            if named.get("ignore_errors"):
                return
            raise
        outer, busy = busy, True
        try:
            real_rmtree(path, *rest, **named)
        finally:
            busy = outer

    def opened(path: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
        report("open", path)
        file = real_open(path, mode, *rest, **named)
        if set(mode) & set("wxa+") and isinstance(path, str | os.PathLike):
            return _Writing(file, lambda: report("write", path))
        return file

    def fsync(descriptor: int) -> None:
        if not busy:
            act("fsync", "")
        real_fsync(descriptor)

    real_open, real_rmtree, real_fsync = io.open, shutil.rmtree, os.fsync
    with (
        mock.patch.object(io, "open", opened),
        mock.patch.object(builtins, "open", opened),
        mock.patch.object(shutil, "rmtree", rmtree),
        mock.patch.object(os, "fsync", fsync),
        mock.patch.multiple(os, **{call: wrapped(call, getattr(os, call)) for call in _CALLS}),
    ):
        yield


class _Writing:
    """A file whose every write is done by halves, with the fault in between."""

    def __init__(self, file: Any, fault: Callable[[], None]) -> None:
        self._file, self._fault = file, fault

    def write(self, data: Any) -> int:
        middle = len(data) // 2
        self._file.write(data[:middle])
        self._file.flush()
        self._fault()
        return middle + self._file.write(data[middle:])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> "_Writing":
        return self

    def __exit__(self, *exception: Any) -> None:
        self._file.close()

"""Runs the command line in processes forked from one that has everything imported, each in no time."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.reliability.faults import watched

FOREVER = 600.0
"""Seconds after which a child is said to hang."""

_open = ExitStack()  # what a child has patched, until it ends
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["tests.reliability.warm"])


def start(command: tuple[str, ...], log: Path, prepare: Callable[[], Any] | None = None) -> BaseProcess:
    """Starts a command of creative-gan; what it says goes to `log`, what `prepare` patches stays in it."""
    child = context.Process(target=_command, args=(command, log, prepare))
    child.start()
    return child


def finish(child: BaseProcess) -> int:
    """Waits for a child. Returns its exit code, the negative number of the signal that ended it."""
    child.join(FOREVER)
    assert child.exitcode is not None, f"process {child.pid} hangs"
    return child.exitcode


def call(command: tuple[str, ...], log: Path, prepare: Callable[[], Any] | None = None) -> int:
    """Runs a command to its end and returns its exit code."""
    return finish(start(command, log, prepare))


def _command(command: tuple[str, ...], log: Path, prepare: Callable[[], Any] | None) -> None:
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    from creative_gan.cli import main

    sys.argv = ["creative-gan", *command]
    if prepare is not None:
        prepare()
    main()


def dying(folder: Path, note: Path, number: int) -> Callable[[], None]:
    """For `start`: dies by SIGKILL at the `number`-th file call in `folder`; 0 only counts them.

    `note` gets a byte for every call, and the name of the last one at the death.
    """
    return partial(_die, folder, note, number)


def _die(folder: Path, note: Path, number: int) -> None:
    counted = 0
    descriptor = os.open(note, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)

    def act(call: str, path: str) -> None:
        nonlocal counted
        counted += 1
        os.write(descriptor, b".")
        if counted == number:
            os.write(descriptor, f" {call} {path}".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    _open.enter_context(watched(folder, act))


def calls_of(note: Path) -> int:
    """How many file calls `dying` counted."""
    return note.read_bytes().partition(b" ")[0].count(b".")


def counting(steps: Any) -> Callable[[], None]:
    """For `start`: counts the steps of the training in a shared number."""
    return partial(_count, steps)


def _count(steps: Any) -> None:
    from creative_gan.core import loop

    real = loop.Draws

    def draws(*arguments: Any) -> Any:  # the loop makes one for every step
        steps.value += 1
        return real(*arguments)

    loop.Draws = draws  # type: ignore[assignment, misc]


def until(true: Callable[[], bool], child: BaseProcess, seconds: float = 120.0) -> bool:
    """Waits until something is so; False if the child ends before."""
    end = time.monotonic() + seconds
    while not true():
        if child.exitcode is not None:
            return true()  # perhaps at the last moment
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)
    return True

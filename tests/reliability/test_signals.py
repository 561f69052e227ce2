"""Ctrl-C and SIGTERM: saved within a step, the right exit code, a command that goes on; twice ends at once."""

import os
import random
import shlex
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from creative_gan.core import checkpoint
from tests.reliability import children
from tests.reliability.subjects import EACH, SUBJECTS, Subject, settings
from tests.reliability.test_kill import tree

SELDOM = settings("watch.save_seconds=3600")  # so that only the signal saves


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
@pytest.mark.parametrize("subject", EACH)
def test_a_signal_saves_within_a_step_and_says_how_to_go_on(
    subject: Subject, number: signal.Signals, finished: Callable[[str], Path], tmp_path: Path, many, tally
):
    rng, log = random.Random(f"{subject.name} {number}"), tmp_path / "log"
    wanted, late, stopped, straight = many(1, 50), 0, 0, made(finished(subject.name))
    while stopped < wanted:
        folder = tmp_path / f"{stopped} {late}" / "run"  # a name with a blank, for the command
        steps = children.context.Value("i", 0)
        command = (*subject.training(folder), *SELDOM)
        child = children.start(command, log, children.counting(steps))
        first = rng.randint(1, 9)
        if not children.until(lambda n=steps, k=first: n.value >= k, child):
            late += 1
            continue
        before = steps.value
        os.kill(child.pid, number)
        code = children.finish(child)
        if code == 0:  # the last step was over
            late += 1
            continue
        assert code == 128 + number, log.read_text()
        assert steps.value <= before + 1
        found = checkpoint.load_newest(folder / "checkpoint")
        assert found and found[0] == steps.value * subject.batch
        said = log.read_text().splitlines()
        assert said[-2] == "stopped and saved; go on with:", said
        program, *resume = shlex.split(said[-1])
        assert program == "creative-gan" and tuple(resume) == command
        assert children.call(tuple(resume), log) == 0, log.read_text()
        assert made(folder) == straight
        stopped += 1
    tally(
        f"{stopped} signals, {stopped} resumed by the printed command to the same bytes; {late} came too late"
    )


def made(folder: Path) -> dict[str, bytes]:
    """What a run leaves, but for its checkpoints, which were made elsewhere on the way."""
    return {name: data for name, data in tree(folder).items() if not name.startswith("checkpoint")}


def _slow() -> None:
    from creative_gan.core import loop

    real = loop.Draws
    loop.Draws = lambda *a: (time.sleep(30), real(*a))[1]  # type: ignore[assignment, misc]


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path, many, tally):
    wanted = many(1, 50)
    for i in range(wanted):
        folder = tmp_path / str(i)
        child = children.start(SUBJECTS[0].training(folder), tmp_path / "log", _slow)
        children.until(lambda f=folder: any((f / "checkpoint").glob("0*")), child)
        time.sleep(0.3)
        os.kill(child.pid, signal.SIGINT)
        time.sleep(0.2)
        began = time.monotonic()
        os.kill(child.pid, signal.SIGINT)
        assert children.finish(child) == 130
        assert time.monotonic() - began < 1
    tally(f"{wanted} ended within a second")

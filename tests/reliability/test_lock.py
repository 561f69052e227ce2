"""Two trainings in one run folder: the second is told who holds it; the lock of a dead one is taken over."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reliability import children
from tests.reliability.subjects import EACH, Subject
from tests.reliability.test_kill import tree


@pytest.mark.parametrize("subject", EACH)
def test_the_second_training_is_told_who_holds_the_folder(
    subject: Subject, finished: Callable[[str], Path], tmp_path: Path
):
    folder, straight = tmp_path / "run", tree(finished(subject.name))
    first = children.start(subject.training(folder), tmp_path / "first")
    assert children.until(lambda: any((folder / "checkpoint").glob("0*")), first)
    os.kill(first.pid, 19)  # SIGSTOP: it stays in the middle of its work
    assert children.call(subject.training(folder), tmp_path / "second") == 1
    said = (tmp_path / "second").read_text()
    assert f"in use by another training (process {first.pid})" in said and "--out" in said
    os.kill(first.pid, 18)
    assert children.finish(first) == 0, (tmp_path / "first").read_text()
    assert tree(folder) == straight


@pytest.mark.parametrize("subject", EACH[:1])
def test_a_stale_lock_is_taken_over(subject: Subject, tmp_path: Path):
    folder = tmp_path / "run"
    first = children.start(subject.training(folder), tmp_path / "log")
    assert children.until(lambda: any((folder / "checkpoint").glob("0*")), first)
    first.kill()
    children.finish(first)
    assert (folder / "lock").read_text() == str(first.pid)
    assert children.call(subject.training(folder), tmp_path / "log") == 0

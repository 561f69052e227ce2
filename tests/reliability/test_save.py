"""Every file call of a save fails once: the earlier checkpoint loads, and the message says what is missing."""

import errno
import os
import random
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from creative_gan.core import checkpoint
from creative_gan.core.errors import UserError
from creative_gan.core.files import write_bytes, write_folder
from tests.core import toy
from tests.reliability.faults import watched

FAULTS = (errno.ENOSPC, errno.EIO, errno.EACCES)
STATE = {"weights": [torch.zeros(250_000), torch.ones(3, dtype=torch.bfloat16)], "rate": 0.1}
MEGABYTES = 1.0


def failing(number: int, code: int) -> Callable[[str, str], None]:
    """For `watched`: the `number`-th call fails, and only that one."""
    left = number

    def act(call: str, path: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise OSError(code, os.strerror(code), path)

    return act


def calls(folder: Path, work: Callable[[], object]) -> int:
    """How many file calls some work takes."""
    found: list[str] = []
    with watched(folder, lambda call, path: found.append(call)):
        work()
    return len(found)


@pytest.mark.parametrize("code", FAULTS, ids=errno.errorcode.get)
def test_every_call_of_a_save_fails_once(tmp_path: Path, code: int, tally):
    folder = tmp_path / "checkpoint"
    checkpoint.save(folder, 1, STATE)
    checkpoint.save(folder, 2, STATE)
    count = calls(tmp_path, lambda: checkpoint.save(folder, 3, STATE))  # and takes away the first
    said: list[str] = []
    for number in range(1, count + 1):
        seen = 10 * number
        checkpoint.save(folder, seen, STATE)
        try:
            with watched(tmp_path, failing(number, code)):
                checkpoint.save(folder, seen + 1, STATE)
        except UserError as error:
            said.append(str(error))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found, state = checkpoint.load_newest(folder)
        assert found in (seen, seen + 1) and torch.equal(state["weights"][0], STATE["weights"][0])
        assert not list(folder.glob(".*")), "left behind"
    assert len(said) > count // 2
    for sentence in said if code == errno.ENOSPC else []:
        sizes = re.search(r"([\d.]+) MB or more needed and ([\d.]+) MB free", sentence)
        assert sizes and float(sizes[1]) >= MEGABYTES, sentence
    tally(f"{count} calls failed, {len(said)} of them ended the save, the checkpoint before loads after each")


@pytest.mark.parametrize("code", FAULTS, ids=errno.errorcode.get)
def test_every_call_of_a_file_and_of_a_folder_fails_once(tmp_path: Path, code: int, tally):
    def build(text: str) -> Callable[[Path], None]:
        return lambda folder: [(folder / name).write_text(text) for name in "ab"] and None

    works: dict[str, Callable[[str], object]] = {
        "file": lambda text: write_bytes(tmp_path / "in/file", text.encode(), overwrite=True),
        "folder": lambda text: write_folder(tmp_path / "in/folder", build(text), overwrite=True),
    }
    total = 0
    for name, work in works.items():
        work("old")
        count = calls(tmp_path, lambda w=work: w("old"))
        for number in range(1, count + 1):
            work("old")
            try:
                with watched(tmp_path, failing(number, code)):
                    work("new")
            except UserError:
                pass
            files = [f for f in sorted((tmp_path / "in").rglob("*")) if f.is_file() and f.name[0] != "."]
            mine = [f.read_text() for f in files if name in (f.name, f.parent.name)]
            assert mine in (["old"], ["new"], ["old", "old"], ["new", "new"]), (number, mine)
        total += count
    tally(f"{total} calls failed, what was there stayed or was whole anew after each")


def test_a_training_whose_disk_fails_says_so_and_goes_on_later(tmp_path: Path, many, tally):
    straight = toy.train(tmp_path / "straight", save_seconds=0.0)
    count = calls(tmp_path / "dry", lambda: toy.train(tmp_path / "dry", save_seconds=0.0))
    rng = random.Random(2)
    tried, said = many(2, 150), list[str]()
    for i in range(tried):
        folder = tmp_path / f"run{i}"
        try:
            with watched(folder, failing(rng.randint(2, count), rng.choice(FAULTS))):
                toy.train(folder, save_seconds=0.0)
        except UserError as error:
            said.append(str(error))
        resumed = toy.train(folder, save_seconds=0.0)
        assert torch.equal(toy.weights(straight), toy.weights(resumed))
        metrics = [(f / "metrics.jsonl").read_bytes() for f in (tmp_path / "straight", folder)]
        assert metrics[0] == metrics[1]
    assert all(len(sentence.splitlines()) == 1 for sentence in said)
    tally(
        f"{tried} faults in trainings, {len(said)} ended them with a sentence, all resumed to the same weights"
    )

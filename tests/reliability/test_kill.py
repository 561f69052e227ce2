"""kill -9 anywhere: what is resumed ends as if nothing had happened, and no checkpoint is ever half there."""

import random
import signal
import time
import warnings
from pathlib import Path

import pytest

from creative_gan.core import checkpoint
from tests.reliability import children
from tests.reliability.subjects import EACH, Subject

SAME = ("metrics.jsonl", "model/model.safetensors", "model/config.json", "samples", "checkpoint")


@pytest.mark.parametrize("subject", EACH)
def test_killed_anywhere_ends_as_if_not_killed(subject: Subject, tmp_path: Path, many, tally):
    log, note = tmp_path / "log", tmp_path / "note"
    straight = tmp_path / "straight" / "run"
    began = time.monotonic()
    assert children.call(subject.training(straight), log, children.dying(straight, note, 0)) == 0
    seconds, calls = time.monotonic() - began, children.calls_of(note)
    wanted = many(2, 100)
    rng = random.Random(subject.name)
    kills = in_save = runs = 0
    while kills < wanted:
        folder = tmp_path / str(runs) / "run"  # the model is called as its folder
        while True:
            at = rng.randint(1, calls // 3) if kills % 2 == 0 and kills < wanted else 0
            child = children.start(subject.training(folder), log, children.dying(folder, note, at))
            if not at and kills < wanted:
                children.until((folder / "lock").exists, child)
                child.join(rng.uniform(0, seconds / 3))
                child.kill()
            code = children.finish(child)
            if code == 0:
                break
            assert code == -signal.SIGKILL, log.read_text()
            kills += 1
            in_save += at > 0
            every_checkpoint_loads(folder)
        assert tree(folder) == tree(straight)
        assert not list(folder.rglob(".*creative-gan-*")), "left behind"
        runs += 1
    tally(f"{kills} kills, {in_save} of them inside a write, {runs} runs resumed to the same bytes")


def every_checkpoint_loads(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checkpoint.load_newest(folder / "checkpoint")
        for path in checkpoint._all(folder / "checkpoint"):
            checkpoint._load(path)


def tree(folder: Path) -> dict[str, bytes]:
    """What two equal runs have equal."""
    files = [folder / name for name in SAME]
    files = [file for entry in files for file in ([entry] if entry.is_file() else sorted(entry.rglob("*")))]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files if file.is_file()}

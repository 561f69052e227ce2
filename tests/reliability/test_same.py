"""Same seed, same bytes, from one process to the next; and every file is made again from what it says of itself."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reliability import children
from tests.reliability.subjects import EACH, Subject


@pytest.mark.parametrize("subject", EACH)
def test_same_seed_same_bytes_and_again(
    subject: Subject, finished: Callable[[str], Path], tmp_path: Path, many, tally
):
    seeds, run, log = range(many(2, 20)), finished(subject.name), tmp_path / "log"
    made = set()
    for seed in seeds:
        first, second, again = (tmp_path / f"{name}{seed}{subject.ending}" for name in ("a", "b", "again"))
        for out in (first, second):
            assert children.call(subject.sampling(run, seed, out), log) == 0, log.read_text()
        assert children.call(("inspect", str(first), "--again", str(again)), log) == 0, log.read_text()
        assert first.read_bytes() == second.read_bytes() == again.read_bytes()
        made.add(first.read_bytes())
    assert len(made) == len(seeds)
    tally(
        f"{len(seeds)} seeds, each three times the same bytes in three processes, {len(made)} different works"
    )

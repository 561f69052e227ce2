"""Memory stays flat over a long training."""

import json
import time
from functools import partial
from pathlib import Path

import pytest

from tests.reliability import children
from tests.reliability.subjects import EACH, Subject, settings

GROWTH = 1.05


def _watch(note: Path) -> None:
    """Notes the memory of this process at every row of the log."""
    from creative_gan.core import loop

    real, began = loop._Run._write, time.monotonic()

    def write(run, row):
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6
        with note.open("a") as file:
            file.write(
                json.dumps({"seconds": time.monotonic() - began, "seen": run.seen, "mb": resident}) + "\n"
            )
        return real(run, row)

    loop._Run._write = write


@pytest.mark.slow
@pytest.mark.parametrize("subject", EACH)
def test_memory_is_flat(subject: Subject, tmp_path: Path, many, tally):
    if subject.name != "image" and not many(0, 1):
        pytest.skip("some seconds of one modality is enough for the short form")
    seconds, note, log = many(10, 3600), tmp_path / "note", tmp_path / "log"
    budget = f"[{10**9}]" if subject.name in ("text", "midi") else str(10**9)
    often = settings(
        f"budget.samples={budget}", "watch.save_seconds=2", "watch.rows=2000000", "watch.looks=20000"
    )
    child = children.start((*subject.training(tmp_path / "run"), *often), log, partial(_watch, note))
    assert children.until(lambda: note.exists() and note.stat().st_size > 0, child), log.read_text()
    child.join(seconds)
    assert child.exitcode is None, log.read_text()
    child.kill()
    children.finish(child)
    rows = [json.loads(line) for line in note.read_text().splitlines()]
    assert len(rows) >= 8
    warm = max(r["mb"] for r in rows[: len(rows) // 4])
    last = max(r["mb"] for r in rows[-len(rows) // 4 :])
    tally(
        f"{rows[-1]['seconds']:.0f} s, {rows[-1]['seen']:,} samples: {warm:.0f} MB after warm-up, {last:.0f} at the end"
    )
    assert last < GROWTH * warm

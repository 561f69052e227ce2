"""Damaged files by the thousand: no crash, no hang, little memory, and only errors that a person can read."""

import json
import random
import resource
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from creative_gan.core.errors import UserError
from tests.reliability.children import context
from tests.reliability.families import FAMILIES, MODELLED, lay_out
from tests.reliability.mutate import mutated

SECONDS = 2.0
"""Of processor time for one file."""
MEGABYTES = 256
"""More than at the start, at most."""
ROUND = 1000
"""Files that one process reads; another one goes on after a crash."""


@pytest.mark.parametrize("name", FAMILIES)
def test_damaged_files_are_refused_or_read(
    name: str, finished: Callable[[str], Path], tmp_path: Path, many, tally
):
    wanted, found = many(80, 20_000), Counter[str]()
    runs = tmp_path / "runs"
    runs.mkdir()
    for modality in MODELLED:
        (runs / modality).symlink_to(finished(modality))
    faults: list[dict] = []
    first, slowest, memory = 0, 0.0, 0.0
    while first < wanted:
        report, scratch = tmp_path / "report", tmp_path / "scratch"
        at = context.Value("i", first)
        last = min(first + ROUND, wanted)
        child = context.Process(target=_read, args=(name, runs, scratch, first, last, at, report))
        child.start()
        child.join(60 + 10 * SECONDS * (last - first))
        if child.exitcode != 0:
            end = "hangs" if child.exitcode is None else f"ended with {child.exitcode}"
            faults.append({"number": at.value, "fault": f"the process {end}"})
            child.kill()
            first = at.value + 1
        else:
            told = json.loads(report.read_text())
            found.update(told["found"])
            faults += told["faults"]
            slowest, memory = max(slowest, told["slowest"]), max(memory, told["memory"])
            first = last
        shutil.rmtree(scratch, ignore_errors=True)
    tally(
        f"{wanted} {name}: {found['refused']} refused, {found['read']} read, {len(faults)} faults; the slowest "
        f"took {slowest:.2f} s, {memory:.0f} MB more memory than at the start"
    )
    assert not faults, "\n".join(map(str, faults[:20]))


def damaged(name: str, files: dict[str, bytes], number: int) -> tuple[str, bytes]:
    """The `number`-th damaged file of a family, by its name: the same one every time."""
    rng = random.Random(f"{name} {number}")
    chosen = rng.choice(sorted(files))
    return chosen, mutated(files[chosen], rng)


def _read(name: str, runs: Path, scratch: Path, first: int, last: int, at: Any, report: Path) -> None:
    family = FAMILIES[name]
    files = family.seeds(runs)
    if name == "models":
        lay_out(runs, scratch)
    for file, data in sorted(files.items()):  # whole ones first, which may be read
        _one(family, file, data, scratch)
    start = _peak()
    found, faults, slowest = Counter[str](), [], 0.0
    for number in range(first, last):
        at.value = number
        file, data = damaged(name, files, number)
        before, peak = time.process_time(), _peak()
        outcome = _one(family, file, data, scratch)
        seconds, more = time.process_time() - before, _peak() - peak
        slowest = max(slowest, seconds)
        found[outcome if outcome in ("read", "refused") else "fault"] += 1
        if outcome not in ("read", "refused") or seconds > SECONDS or more > MEGABYTES:
            fault = {"number": number, "file": file, "fault": outcome, "seconds": seconds, "MB": more}
            faults.append(fault)
    memory = _peak() - start
    if memory > MEGABYTES:
        faults.append({"fault": f"{memory:.0f} MB more than at the start"})
    told = {"found": found, "faults": faults, "slowest": slowest, "memory": memory}
    report.write_text(json.dumps(told))


def _one(family: Any, file: str, data: bytes, scratch: Path) -> str:
    folder = scratch / "in"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    try:
        family.use(path, scratch)
        return "read"
    except UserError as error:
        return "refused" if len(str(error)) < 2000 else f"a sentence of {len(str(error))} characters"
    except BaseException as error:  # a panic of a library in Rust is no Exception
        return f"{type(error).__name__}: {error}"[:300]
    finally:
        path.unlink()
        for cache in ("pictures", "sounds", "songs"):
            shutil.rmtree(scratch / cache, ignore_errors=True)


def _peak() -> float:
    """Megabytes that this process has held at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

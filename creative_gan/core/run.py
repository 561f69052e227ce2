"""A run's folder: who holds it, what it was started with, and how many samples its minutes are worth."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from creative_gan.core import dist, recipe as recipes
from creative_gan.core.draws import Draws
from creative_gan.core.errors import UserError
from creative_gan.core.files import write_bytes
from creative_gan.core.loop import Batch, Game
from creative_gan.core.recipe import setting

R = TypeVar("R")
_BESIDE = ("lock", "tensorboard", "wandb")  # may be there before the run


@dataclass(frozen=True)
class BudgetRecipe:
    """How long a run is: samples, or minutes that are turned into samples by measuring the speed."""

    samples: int = setting(0, low=0)
    minutes: float = setting(0.0, low=0)

    def __post_init__(self) -> None:
        if not self.samples and not self.minutes:
            raise ValueError("'budget' is empty; set budget.samples or budget.minutes, or give --samples or --minutes")


@dataclass(frozen=True)
class WatchRecipe:
    """What happens once in a while."""

    rows: int = setting(400, low=1)
    """Rows of metrics.jsonl over the run."""
    looks: int = setting(16, low=1)
    """Previews over the run, besides the one before the first step."""
    save_seconds: float = setting(60.0, low=0)
    """Seconds between checkpoints."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Holds the run folder for this process alone; the lock falls with the process.

    Raises:
        UserError: another training holds it, or it cannot be written.
    """
    if not dist.is_main():
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("a+")
    except OSError as error:
        raise UserError(f"run folder {folder} cannot be written ({error.strerror}); choose another with --out") from None
    with file:
        if not _lock(file.fileno()):
            file.seek(0)
            raise UserError(
                f"run folder {folder} is in use by another training (process {file.read().strip() or '?'}); "
                "wait for it or choose another with --out"
            )
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
        file.truncate(0)


def settle(folder: Path, mine: R, data: dict[str, Any]) -> R | None:
    """The recipe that the run in `folder` was started with, if it is this one; None for a new run.

    Args:
        mine: the recipe as it is asked for now, whose budget may still be in minutes.
        data: what identifies the data set: `fingerprint` and `source`.

    Raises:
        UserError: the folder holds a run of another recipe or data set, or something that is no run.
    """
    path = folder / "recipe.toml"
    if not path.exists():
        others = [p.name for p in folder.iterdir() if p.name not in _BESIDE] if folder.exists() else []
        if others:
            raise UserError(f"{folder} is not a run folder but holds {others[0]}; choose another with --out")
        return None
    theirs: Any = recipes.load(type(mine), path)
    asked: Any = mine
    if not asked.budget.samples and asked.budget.minutes == theirs.budget.minutes:
        asked = replace(asked, budget=theirs.budget)
    other = recipes.differences(asked, theirs)
    if other:
        raise UserError(
            f"{folder} holds a run with another {', '.join(other[:4])}; choose another folder with --out, "
            "or --new to start over"
        )
    known = json.loads((folder / "data.json").read_text())
    if known["fingerprint"] != data["fingerprint"]:
        raise UserError(
            f"{folder} holds a run on other data ({known['source']}, or it has changed since); choose another "
            "folder with --out, or --new to start over"
        )
    return theirs


def begin(folder: Path, recipe: Any, data: dict[str, Any]) -> None:
    """Writes down what a new run is started with."""
    if dist.is_main():
        write_bytes(folder / "data.json", json.dumps(data, indent=1, ensure_ascii=False).encode(), overwrite=True)
        write_bytes(folder / "recipe.toml", recipes.to_toml(recipe).encode(), overwrite=True)
    dist.barrier()


def set_aside(folder: Path) -> Path | None:
    """Moves an older run out of the way, for `--new`: nothing is deleted. Returns where it is now."""
    if not (folder / "recipe.toml").exists():
        return None
    number = 1
    while (aside := folder.with_name(f"{folder.name}.old{number}")).exists():
        number += 1
    folder.rename(aside)
    return aside


def samples_in(
    minutes: float,
    game: Game,
    batches: Callable[[int, int, slice], Batch],
    batch: int,
    steps: int,
    seed: int,
    device: torch.device,
) -> int:
    """How many samples the minutes are worth, measured on `steps` steps of a game that is thrown away.

    `steps` covers a whole round of whatever does not happen on every step (lazy penalties, critic turns).
    A fiftieth is kept back for previews and checkpoints.
    """
    rows = dist.rows(batch)
    rates = []
    for attempt in range(4):  # the first round warms up; the median of the others is not fooled by a hiccup
        begun = time.perf_counter()
        for step in range(attempt * steps, (attempt + 1) * steps):
            game.step(batches(step * batch, batch, rows), Draws(seed, step * batch, batch, rows, device))
        if device.type == "cuda":
            torch.cuda.synchronize()
        rates.append(steps * batch / (time.perf_counter() - begun))
    rate = dist.mean(torch.tensor(sorted(rates[1:])[1], dtype=torch.float64, device=device)).item()
    return max(int(0.98 * rate * minutes * 60) // batch, 1) * batch


def _lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # not on Windows, where two trainings in one folder are not noticed
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

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

from creative_gan.core import dist, memory
from creative_gan.core import recipe as recipes
from creative_gan.core.device import Compute
from creative_gan.core.draws import Draws
from creative_gan.core.errors import UserError
from creative_gan.core.files import sweep, write_bytes
from creative_gan.core.loop import Batch, Game, Watch
from creative_gan.core.recipe import setting

R = TypeVar("R")
_BESIDE = ("lock", "tensorboard", "wandb")  # may be there before the run


@dataclass(frozen=True)
class BudgetRecipe:
    """How long a run is: samples, or minutes that are turned into samples by measuring the speed."""

    samples: int = setting(0, low=0, high=10**12)
    minutes: float = setting(0.0, low=0, high=1e6)

    def __post_init__(self) -> None:
        if not self.samples and not self.minutes:
            raise ValueError(
                "'budget' is empty; set budget.samples or budget.minutes, or give --samples or --minutes"
            )


@dataclass(frozen=True)
class WatchRecipe:
    """What happens once in a while."""

    rows: int = setting(400, low=1)
    """Rows of metrics.jsonl over the run."""
    looks: int = setting(16, low=1)
    """Previews over the run, besides the one before the first step."""
    save_seconds: float = setting(60.0, low=0)
    """Seconds between checkpoints."""
    report: bool = setting(True)
    """A report.html in the run's folder at the end."""


def watching(
    asked: WatchRecipe,
    total: int,
    batch: int,
    look: Callable[[Any, int], dict[str, Any]],
    report: Callable[[dict], None],
) -> Watch:
    """What is asked for, over a run of `total` samples in batches."""
    return Watch(
        log_every=max(total // asked.rows, batch),
        look_every=max(total // asked.looks, batch),
        look=look,
        report=report,
        save_seconds=asked.save_seconds,
    )


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
        raise UserError(
            f"run folder {folder} cannot be written ({error.strerror}); choose another with --out"
        ) from None
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
        # what a training that was killed had begun to write
        for place in (folder, folder / "samples", folder / "checkpoint"):
            sweep(place)
        yield
        file.truncate(0)


@contextmanager
def session(folder: Path, device: torch.device, new: bool, report: Callable[[dict], None]) -> Iterator[None]:
    """What a training runs in: processes that know each other, and the folder held by this training alone.

    Args:
        new: an older run in the folder is set aside first.
        report: takes `say`, a sentence for a person.

    Raises:
        UserError: see `held`.
    """
    memory.keep()  # for whoever trains from Python; a command has done so already
    dist.start(device.type)
    try:
        with held(folder):
            if new and dist.is_main() and (aside := set_aside(folder)):
                report({"say": f"the older run is kept in {aside}"})
            dist.barrier()
            yield
    finally:
        dist.stop()


def settle(folder: Path, mine: R, data: dict[str, Any]) -> R | None:
    """The recipe that the run in `folder` was started with, if it is this one; None for a new run.

    Args:
        mine: the recipe as it is asked for now, whose budget may still be in minutes.
        data: what identifies the data set: `fingerprint` and `source`.

    Raises:
        UserError: the folder holds a run of another recipe or data set, or something that is no run.
    """
    path = folder / "recipe.toml"
    if (
        path.exists()
        and not any((folder / "checkpoint").glob("[0-9]*"))
        and not _size(folder / "metrics.jsonl")
    ):
        return None  # it failed before its first step
    if not path.exists():
        others = [p.name for p in folder.iterdir() if p.name not in _BESIDE] if folder.exists() else []
        if others and not (others == ["data.json"] and _begun(folder / "data.json")):
            raise UserError(f"{folder} is not a run folder but holds {others[0]}; choose another with --out")
        return None
    try:
        theirs: Any = recipes.load(type(mine), path)
    except UserError as error:
        raise UserError(
            f"{folder} holds a run of another kind, or its recipe.toml is damaged ({error}); choose another "
            "folder with --out, or --new to start over"
        ) from None
    asked: Any = mine
    if not asked.budget.samples and asked.budget.minutes == theirs.budget.minutes:
        asked = replace(asked, budget=theirs.budget)
    # what a recipe says about itself sets nothing, and may be put in other words by a newer version
    other = [key for key in recipes.differences(asked, theirs) if key != "about"]
    if other:
        raise UserError(
            f"{folder} holds a run with another {', '.join(other[:4])}; choose another folder with --out, "
            "or --new to start over"
        )
    try:
        known = json.loads((folder / "data.json").read_text())
        same, source = known["fingerprint"] == data["fingerprint"], known["source"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            f"{folder / 'data.json'} is damaged; choose another folder with --out, or --new"
        ) from None
    if not same:
        raise UserError(
            f"{folder} holds a run on other data ({source}, or it has changed since); choose another "
            "folder with --out, or --new to start over"
        )
    return theirs


def _begun(note: Path) -> bool:
    """Whether this is the note of the data that `begin` writes first, and then was killed."""
    try:
        found = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and {"fingerprint", "source"} <= set(found)


def begin(folder: Path, recipe: Any, data: dict[str, Any]) -> None:
    """Writes down what a new run is started with."""
    if dist.is_main():
        write_bytes(
            folder / "data.json", json.dumps(data, indent=1, ensure_ascii=False).encode(), overwrite=True
        )
        write_bytes(folder / "recipe.toml", recipes.to_toml(recipe).encode(), overwrite=True)
    dist.barrier()


def set_aside(folder: Path) -> Path | None:
    """Moves an older run out of the way, for `--new`: nothing is deleted. Returns where it is now.

    The folder itself, which the caller holds, stays, and so does its lock.
    """
    if not (folder / "recipe.toml").exists():
        return None
    number = 1
    while (aside := folder.with_name(f"{folder.name}.old{number}")).exists():
        number += 1
    aside.mkdir()
    for entry in folder.iterdir():
        if entry.name != "lock":
            entry.rename(aside / entry.name)
    return aside


def budgeted(
    recipe: R,
    make: Callable[[], Game],
    batches: Callable[[int, int, slice], Batch],
    compute: Compute,
    unit: str,
    report: Callable[[dict], None],
) -> R:
    """The recipe with its budget in samples, for resuming must not depend on the clock.

    Args:
        recipe: of a single adversarial game, with `budget`, `game` and `seed`.
        make: makes the game, which is played for a moment and thrown away.
        batches: as `loop.train` takes them.
        unit: what samples are called: `pictures`, `sounds`.
    """
    asked: Any = recipe
    if asked.budget.samples:
        return recipe
    report({"say": f"measuring the speed on {compute.why}"})
    steps = max(asked.game.penalty_every, asked.game.n_critic, 8)
    minutes = asked.budget.minutes
    samples = samples_in(minutes, make(), batches, asked.game.batch, steps, asked.seed, compute.device)
    report({"say": f"{minutes:g} minutes are worth {samples:,} {unit} here"})
    counted: R = replace(asked, budget=replace(asked.budget, samples=samples))
    return counted


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
    A twelfth is kept back for previews, checkpoints and the log; measuring takes a twentieth at most, but one round.
    """
    rows = dist.rows(batch)
    seen = 0

    def play(count: int) -> float:
        """Samples a second over `count` steps."""
        nonlocal seen
        begun = time.perf_counter()
        for _ in range(count):
            game.step(batches(seen, batch, rows), Draws(seed, seen, batch, rows, device))
            seen += batch
        if device.type == "cuda":
            torch.cuda.synchronize()
        return count * batch / (time.perf_counter() - begun)

    play(2)  # warms up
    begun, rates = time.perf_counter(), [play(steps)]
    while not dist.anyone(len(rates) == 3 or time.perf_counter() - begun > minutes * 60 / 20):
        rates.append(play(steps))
    middle = sorted(rates)[len(rates) // 2]  # is not fooled by a hiccup
    rate = dist.mean(torch.tensor(middle, dtype=torch.float64)).item()
    return max(int(11 / 12 * rate * minutes * 60) // batch, 1) * batch


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


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

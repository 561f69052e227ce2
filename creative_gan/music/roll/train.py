"""Trains a GAN of piano rolls: from one path of songs and a recipe to a run folder with a model in it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from creative_gan.core import dist
from creative_gan.core import run as runs
from creative_gan.core.data import order
from creative_gan.core.device import Compute, choose
from creative_gan.core.draws import Draws
from creative_gan.core.errors import DataError
from creative_gan.core.game import AdversarialGame
from creative_gan.core.play import play
from creative_gan.core.start import Start, begin, start_of
from creative_gan.music.roll import model
from creative_gan.music.roll.data import Found, Rolls, metre_name, open_rolls
from creative_gan.music.roll.look import looking
from creative_gan.music.roll.networks import build
from creative_gan.music.roll.recipe import RollRecipe


@dataclass(frozen=True)
class Plan:
    """Everything that a run needs, decided but not started."""

    recipe: RollRecipe
    recipe_name: str
    source: str
    found: Found
    compute: Compute
    start: Start | None

    @property
    def train(self) -> Rolls:
        """Windows to train on."""
        return self.found.train

    @property
    def heldout(self) -> Rolls:
        """Windows of songs kept back."""
        return self.found.heldout

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """Names of files that could not be used, and why."""
        return self.found.skipped

    @property
    def classes(self) -> list[str]:
        """Piano rolls have none."""
        return []

    def facts(self) -> dict[str, Any]:
        """What a run says of its data."""
        return {
            "fingerprint": self.train.fingerprint,
            "source": self.source,
            "count": len(self.train),
            "holdout": self.recipe.data.holdout,
        }

    def game(self, total: int) -> AdversarialGame:
        """A game at its beginning, the same one for the same recipe and data."""
        torch.manual_seed(self.recipe.seed)
        generator, critics = build(self.recipe.network, self.train.grid, self.train.habits())
        game = AdversarialGame(generator, critics, generator.latents, self.recipe.game, total, self.compute)
        return begin(game, self.start, self.classes)

    def batch(self, seen: int, batch: int, rows: slice) -> dict[str, Tensor]:
        """Our rows of the batch that starts at sample `seen`."""
        indices = order(len(self.train), self.recipe.seed, seen, seen + batch)[rows]
        most = self.recipe.data.transpose
        shift = Draws(self.recipe.seed, seen, batch, rows).integers("transpose", -most, most + 1)
        made = self.train.batch(indices, shift)
        return {key: value.to(self.compute.device, non_blocking=True) for key, value in made.items()}


def plan(
    source: str, recipe: RollRecipe, recipe_name: str, device: str = "auto", strict: bool = False
) -> Plan:
    """Opens the data and chooses the device.

    Raises:
        UserError, DataError: data that cannot be used (with `strict`, one of them), nor a model to begin with;
            a device that is not there.
    """
    compute = choose(device, recipe.precision, dist.local_rank())
    start = grid = None
    if recipe.start:
        begun = model.load(recipe.start)
        start, grid = start_of(begun, "music"), begun.grid
    found = open_rolls(source, recipe.data, grid)
    if strict and found.skipped:
        name, reason = found.skipped[0]
        raise DataError(name, reason, "take it out, or train without --strict")
    return Plan(recipe, recipe_name, source, found, compute, start)


def remarks(plan: Plan) -> list[str]:
    """What a person should know of the songs before they are trained on."""
    lines, grid = [], plan.train.grid
    if plan.skipped:
        lines.append(
            f"skipped {len(plan.skipped):,} that cannot be used, such as {' '.join(plan.skipped[0])}"
        )
    if plan.found.unused:
        lines.append(
            f"{plan.found.unused:,} songs are left out, for they have no {grid.bars} bars of "
            f"{metre_name(grid.metre)} in a row"
        )
    return lines


def train(plan: Plan, folder: Path, report: Callable[[dict], None], new: bool = False) -> Path:
    """Trains, going on with what is in `folder` unless `new`. Returns the model folder.

    Args:
        report: called with every row of the log; rows with `say` are sentences for a person.

    Raises:
        loop.Stopped: interrupted and saved.
        UserError, DataError: see `runs.settle`, `runs.held` and `loop.train`.
    """
    with runs.session(folder, plan.compute.device, new, report):
        return play(plan, folder, plan.facts(), "rolls", lambda settled: looking(settled, folder), report)

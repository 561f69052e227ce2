"""A run of one adversarial game, from its plan to its model: what pictures, sounds and piano rolls share."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from torch import Tensor

from creative_gan.core import dist, loop
from creative_gan.core import run as runs
from creative_gan.core.device import Compute
from creative_gan.core.game import AdversarialGame

Look = Callable[[AdversarialGame, int], dict[str, Any]]


class Plan(Protocol):
    """A dataclass with what a run needs, decided but not started."""

    @property
    def recipe(self) -> Any:
        """With `seed`, `game`, `budget` and `watch`."""

    @property
    def compute(self) -> Compute:
        """Where it is played."""

    def game(self, total: int) -> AdversarialGame:
        """A game at its beginning, the same one for the same recipe and data."""

    def batch(self, seen: int, batch: int, rows: slice) -> dict[str, Tensor]:
        """Our rows of the batch that starts at sample `seen`."""


P = TypeVar("P", bound=Plan)


def play(
    plan: P,
    folder: Path,
    data: dict[str, Any],
    unit: str,
    looking: Callable[[P], Look],
    report: Callable[[dict], None],
) -> Path:
    """Trains within `runs.session`, going on with what is in `folder`. Returns the model folder.

    Args:
        data: what identifies the data set, as `runs.settle` takes it; written down beside the recipe.
        unit: what samples are called: `pictures`, `sounds`.
        looking: makes, of the plan with the run's own recipe, what is done now and then (see `loop.Watch`);
            it writes the model.

    Raises:
        loop.Stopped: interrupted and saved.
        UserError: see `runs.settle` and `loop.train`.
    """
    settled = runs.settle(folder, plan.recipe, data)
    dist.barrier()
    if settled is None:
        settled = runs.budgeted(plan.recipe, lambda: plan.game(10**9), plan.batch, plan.compute, unit, report)
        runs.begin(folder, settled, data)
    recipe = settled
    plan = replace(plan, recipe=recipe)  # type: ignore[type-var]
    batch = recipe.game.batch
    total = -(-recipe.budget.samples // batch) * batch
    look = looking(plan)
    report({"say": f"training on {plan.compute.why}", "total": total})
    watch = runs.watching(recipe.watch, total, batch, look, report)
    phases = [loop.Phase("game", total, lambda before: plan.game(total))]
    game = loop.train(folder, phases, plan.batch, batch, recipe.seed, watch, plan.compute.device)
    if dist.is_main() and not (folder / "model" / "config.json").exists():
        look(game, total)  # somebody deleted it
    return folder / "model"

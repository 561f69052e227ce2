"""A run of token sequences: its games, each of which begins with the generator of the one before."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import torch
from torch import Tensor, nn

from creative_gan.core import dist, loop
from creative_gan.core import run as runs
from creative_gan.core.device import Compute
from creative_gan.core.draws import derive
from creative_gan.core.loop import Batch, Game
from creative_gan.sequence.cot import CotGame
from creative_gan.sequence.dense import DenseGame, DenseRecipe
from creative_gan.sequence.keeper import Keeper, learned
from creative_gan.sequence.mle import MleGame
from creative_gan.sequence.networks import CnnCritic, Generator, PrefixCritic
from creative_gan.sequence.recipe import SequenceRecipe, without_pretraining
from creative_gan.sequence.relgan import RelganGame
from creative_gan.sequence.seqgan import SeqganGame, SeqganRecipe

CRITICS = {"seqgan": "cnn", "dense": "prefix", "cot": "mediator", "relgan": "cnn"}
"""The critic that comes with each game; maximum likelihood has none."""
MEASURED = {"seqgan": 1}
"""Steps of a game that are measured at a time; 4 of any other."""
ALONE = 1 / 3
"""The part of a phase in which its critic may learn alone."""
Settings = TypeVar("Settings", SeqganRecipe, DenseRecipe)


@dataclass(frozen=True)
class Builder:
    """Makes the game of a phase at its beginning, the same one for the same recipe, data and weights."""

    recipe: SequenceRecipe
    make_generator: Callable[[], Generator]
    make_critic: Callable[[str], nn.Module]
    """Of a kind of `CRITICS`."""
    compute: Compute

    def first(self) -> Generator:
        """The generator that a run begins with."""
        torch.manual_seed(self.recipe.seed)
        return cast(Generator, self.make_generator().to(self.compute.device))

    def game(self, phase: int, weights: dict[str, Tensor] | None) -> Game:
        """The game of a phase, its generator with the weights of the phase before (None: none)."""
        recipe, name, generator = self.recipe, self.recipe.phase[phase].game, self.first()
        if weights is not None:
            generator.load_state_dict(weights)
        if name == "mle":
            return MleGame(generator, recipe.mle, self.compute)
        torch.manual_seed(derive(recipe.seed, phase, "critic"))
        critic = self.make_critic(CRITICS[name]).to(self.compute.device)
        if name == "seqgan":
            settings = self._fitted(recipe.seqgan, phase)
            return SeqganGame(generator, cast(CnnCritic, critic), settings, self.compute)
        if name == "dense":
            return DenseGame(generator, cast(PrefixCritic, critic), self._fitted(recipe.dense, phase))
        if name == "relgan":
            return RelganGame(generator, cast(CnnCritic, critic), recipe.relgan)
        # a mediator that knows nothing would lead a trained generator astray
        critic.load_state_dict(generator.state_dict())
        return CotGame(generator, cast(Generator, critic), recipe.cot)

    def _fitted(self, settings: Settings, phase: int) -> Settings:
        """With a critic that learns alone for at most `ALONE` of its phase, or the generator would never learn."""
        samples = self.recipe.budget.samples  # none while their speed is measured, without pretraining
        most = int(ALONE * samples[phase]) if samples else 0
        return replace(settings, critic_pretrain=min(settings.critic_pretrain, most))


class Plan(Protocol):
    """What a run needs of a modality's plan."""

    @property
    def recipe(self) -> SequenceRecipe:
        """Whose budget may still be in minutes."""

    @property
    def compute(self) -> Compute:
        """Where networks run."""

    def builder(self, recipe: SequenceRecipe) -> Builder:
        """What makes the games."""

    def batch(self, seen: int, batch: int, rows: slice) -> Batch:
        """Our rows of the batch that starts at sample `seen`."""


def settled(
    plan: Plan, folder: Path, data: dict[str, Any], unit: str, report: Callable[[dict], None]
) -> SequenceRecipe:
    """The recipe of the run in `folder`, its budget in samples: that of an older run, or a new one written down.

    `data`: see `core.run.settle`. `unit`: what a sample is called. Raises as `core.run.settle`.
    """
    found = runs.settle(folder, plan.recipe, data)
    dist.barrier()
    if found is not None:
        return found
    recipe = _budgeted(plan, unit, report)
    runs.begin(folder, recipe, data)
    return recipe


def play(
    plan: Plan,
    folder: Path,
    keeper: Keeper,
    look: Callable[[Any, int], dict[str, float]],
    report: Callable[[dict], None],
) -> None:
    """Trains through all phases of a plan whose recipe is settled. Raises as `loop.train`."""
    recipe, batch = plan.recipe, plan.recipe.game.batch
    total = sum(recipe.budget.samples)
    report({"say": f"training on {plan.compute.why}", "total": total})
    watch = runs.watching(recipe.watch, total, batch, look, report)
    loop.train(folder, phases(plan, keeper), plan.batch, batch, recipe.seed, watch, plan.compute.device)


def phases(plan: Plan, keeper: Keeper) -> list[loop.Phase]:
    """The phases of a run whose budget is known."""
    recipe, builder = plan.recipe, plan.builder(plan.recipe)

    def make(index: int) -> Callable[[Any], loop.Game]:
        def made(before: Any) -> loop.Game:
            if before is None:
                return builder.game(index, None)
            likeliest = recipe.phase[index - 1].game == "mle"
            return builder.game(index, keeper.best(before) if likeliest else learned(before))

        return made

    parts = zip(recipe.phase, recipe.budget.samples, strict=True)
    return [loop.Phase(phase.game, samples, make(index)) for index, (phase, samples) in enumerate(parts)]


def playing(recipe: SequenceRecipe, seen: int) -> str:
    """The game that is played, or was last, when `seen` samples were seen."""
    ends = accumulate(recipe.budget.samples)
    return next(
        (phase.game for phase, end in zip(recipe.phase, ends, strict=True) if seen < end),
        recipe.phase[-1].game,
    )


def _budgeted(plan: Plan, unit: str, report: Callable[[dict], None]) -> SequenceRecipe:
    """The recipe with its budget in samples, for resuming must not depend on the clock."""
    recipe, budget, batch = plan.recipe, plan.recipe.budget, plan.recipe.game.batch
    if budget.samples:
        return recipe
    report({"say": f"measuring the speed on {plan.compute.why}"})
    builder = plan.builder(without_pretraining(recipe))
    whole = sum(phase.share for phase in recipe.phase)
    samples, weights = [], None
    for index, phase in enumerate(recipe.phase):
        game, minutes = builder.game(index, weights), budget.minutes * phase.share / whole
        steps = MEASURED.get(phase.game, 4)
        samples.append(
            runs.samples_in(minutes, game, plan.batch, batch, steps, recipe.seed, plan.compute.device)
        )
        weights = learned(game)
    said = " and ".join(
        f"{n:,} {unit} of {phase.game}" for n, phase in zip(samples, recipe.phase, strict=True)
    )
    report({"say": f"{budget.minutes:g} minutes are worth {said} here"})
    return replace(recipe, budget=replace(budget, samples=tuple(samples)))

"""What the recipes of all token sequences have in common: the games, the phases of a run and its budget."""

from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from math import ceil
from typing import Any

from creative_gan.core.recipe import setting

GAMES = ("mle", "seqgan", "dense", "cot", "relgan")


@dataclass(frozen=True)
class GameRecipe:
    """What all phases have in common."""

    batch: int = setting(64, low=1)
    """Sequences of a step."""


@dataclass(frozen=True)
class PhaseRecipe:
    """A stretch of the run, which goes on from the generator of the one before."""

    game: str = setting(choices=GAMES)
    """Its settings stand in the table of the same name."""
    share: float = setting(1.0, low=0)
    """Its part of the budget, in proportion to the other phases'."""


@dataclass(frozen=True)
class BudgetRecipe:
    """How long a run is: samples of each phase, or minutes that are turned into samples."""

    samples: tuple[int, ...] = setting((), low=0)
    """Of each phase, or one number that is shared out."""
    minutes: float = setting(0.0, low=0)

    def __post_init__(self) -> None:
        if not sum(self.samples) and not self.minutes:
            raise ValueError(
                "'budget' is empty; set budget.samples or budget.minutes, or give --samples or --minutes"
            )


@dataclass(frozen=True)
class CriticRecipe:
    """The critic, whose kind goes with the game."""

    embedding: int = setting(64, low=1, high=8192)
    width: int = setting(128, low=1, high=8192)
    """Of the recurrent layer, for dense rewards."""
    scale: float = setting(1.0, low=0.01, high=100)
    """Filters of the convolutional critic, in multiples of the paper's."""
    dropout: float = setting(0.25, low=0, high=0.9)


SequenceRecipe = Any
"""A modality's recipe with `game`, `critic`, a table for each of `GAMES`, `phase`, `budget`, `watch` and `seed`."""


def check_phases(phases: tuple[PhaseRecipe, ...], budget: BudgetRecipe) -> None:
    """Raises ValueError where phases and budget make no run."""
    if not phases:
        raise ValueError('there is no [[phase]]; add one with game = "mle"')
    if not sum(phase.share for phase in phases):
        raise ValueError("'phase.share' is 0 in every phase; give one of them a part of the budget")
    if any(phase.game == "mle" for phase in phases[1:]):
        raise ValueError("'phase.game' is mle in a later phase; maximum likelihood can only be the first")
    if len(budget.samples) not in (0, 1, len(phases)):
        raise ValueError(f"'budget.samples' must be one number, or one for each of the {len(phases)} phases")


def shared_out(recipe: SequenceRecipe) -> Any:
    """The budget with samples for each phase where there are any, in whole batches, every fraction rounded up.

    Of one number it is where each phase ends that is rounded, so that all together see less than a batch more;
    only a phase that would have no batch at all is given one.
    """
    budget, batch, shares = recipe.budget, recipe.game.batch, [phase.share for phase in recipe.phase]
    if not sum(budget.samples):
        return replace(budget, samples=())
    if len(budget.samples) == len(shares):
        steps = [ceil(part / batch) for part in budget.samples]
    else:
        *_, whole = reached = list(accumulate(shares))
        ends = [ceil(budget.samples[0] / batch * (share / whole)) for share in reached]
        steps = [
            max(end - begin, 1 if share else 0)
            for share, (begin, end) in zip(shares, pairwise([0, *ends]), strict=True)
        ]
    return replace(budget, samples=tuple(n * batch for n in steps))


def without_pretraining(recipe: SequenceRecipe) -> SequenceRecipe:
    """The recipe with every game in full swing from its first step, to measure its speed."""
    seqgan, dense = replace(recipe.seqgan, critic_pretrain=0), replace(recipe.dense, critic_pretrain=0)
    return replace(recipe, seqgan=seqgan, dense=dense)

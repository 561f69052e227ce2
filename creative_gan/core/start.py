"""What a run begins with instead of chance: the weights of a model or of an earlier run, its recipe's `start`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from creative_gan.core import checkpoint
from creative_gan.core.errors import UserError
from creative_gan.core.game import AdversarialGame
from creative_gan.core.models import find


@dataclass(frozen=True)
class Rows:
    """What the rows of some tensors stand for, such as classes, when they were learnt and now."""

    tensors: tuple[str, ...]
    """How their names end."""
    then: Sequence[str]
    now: Sequence[str]

    def fitted(self, tensor: Tensor) -> Tensor:
        """The rows of `now`, told by their names; one that is new is the mean of all that were known."""
        known, mean = {name: row for row, name in enumerate(self.then)}, tensor.mean(0)
        return torch.stack([tensor[known[name]] if name in known else mean for name in self.now])


@dataclass(frozen=True)
class Start:
    """Weights to begin with."""

    source: str
    """As the user named it."""
    classes: list[str]
    """What its labels mean."""
    networks: dict[str, dict[str, Tensor]]
    """By their names in `Game.networks`; of a model without its run there is no critic."""
    optimizers: dict[str, dict]
    """Moments by side; none without a run."""
    strength: float = 0.0
    """Of the augmentation at the run's end."""


def start_of(model: Any, modality: str) -> Start:
    """The weights of a model, or all networks of its run's newest checkpoint where it lies in a run.

    Args:
        model: as a modality's `load` gives it, with `path`, `classes` and `generator`.

    Raises:
        DataError: the run's checkpoints are damaged.
    """
    folder = find(model.path, modality)
    # a model that was shared lies in no run
    found = checkpoint.load_newest(folder.parent / "checkpoint") if folder.name == "model" else None
    if found is None:
        weights = model.generator.state_dict()
        return Start(model.path, model.classes, {"generator": weights, "ema": weights}, {})
    game = found[1]["game"]
    return Start(model.path, model.classes, game["networks"], game["optimizers"], game["strength"])


def begin(game: AdversarialGame, start: Start | None, classes: list[str]) -> AdversarialGame:
    """Gives a game at its beginning the weights of `start`, and Adam's moments and the strength of an adaptive
    augmentation where it has them.

    Args:
        classes: names of the classes that the game's networks are told.

    Raises:
        UserError: see `fill`.
    """
    if start is None:
        return game
    labels = class_rows(start.classes, classes)
    for name, network in game.networks().items():
        if name in start.networks:
            fill(network, start.networks[name], start.source, [labels])
    if game.augment_recipe.mode == "adaptive":  # the critic would remember the data while it rises anew
        game.strength = min(start.strength, game.augment_recipe.strength)
    for side, optimizer in game.optimizers.items():
        shapes = [parameter.shape for parameter in optimizer.parameters]
        # their numbers are others where there are classes now and were none, or the other way round
        kept = start.optimizers if bool(start.classes) == bool(classes) else {}
        moments = kept.get(side, {"state": {}})["state"].items()
        optimizer.load_state_dict(
            {"state": {number: row for number, row in moments if row["exp_avg"].shape == shapes[number]}}
        )
    return game


def class_rows(then: Sequence[str], now: Sequence[str]) -> Rows:
    """The embeddings of classes, in every network that has some."""
    return Rows(("label.weight", "classes.weight"), then, now)


def fill(network: nn.Module, weights: dict[str, Tensor], source: str, rows: Iterable[Rows] = ()) -> None:
    """Loads weights into a network whose rows may stand for other things than they did when they were learnt.

    A network without classes can begin with one that had some, and the other way round: their vectors, and the
    last columns of a layer that reads them behind z, are left out or stay as they are.

    Raises:
        UserError: the network is of another kind or size.
    """
    mine = network.state_dict()
    for part in rows:
        vectors = {name: t for name, t in (mine | weights).items() if name.endswith(part.tensors)}
        if not part.now:
            weights = {name: tensor for name, tensor in weights.items() if not name.endswith(part.tensors)}
        elif not part.then:
            weights = weights | {name: own for name, own in mine.items() if name.endswith(part.tensors)}
        else:
            weights = {
                name: part.fitted(tensor) if name.endswith(part.tensors) else tensor
                for name, tensor in weights.items()
            }
        if bool(part.now) != bool(part.then):
            widths = {tensor.shape[1] for tensor in vectors.values()}
            weights = {
                name: _columns(tensor, mine[name], widths) if name in mine else tensor
                for name, tensor in weights.items()
            }
    odd = {(name, tuple(t.shape)) for name, t in weights.items()} ^ {
        (name, tuple(t.shape)) for name, t in mine.items()
    }
    if odd:
        raise UserError(
            f"a run cannot begin with {source}: its networks are of another kind or size than these "
            f"({min(odd)[0]} does not fit); leave away what changes them, or begin without it"
        )
    network.load_state_dict(weights)


def _columns(tensor: Tensor, own: Tensor, widths: set[int]) -> Tensor:
    """A matrix with as many columns as `own`: without its last ones, or with those of `own` behind it.

    `widths`: of the vectors that the columns in question read; any other difference is left as it is.
    """
    if tensor.ndim != 2 or own.ndim != 2 or abs(tensor.shape[1] - own.shape[1]) not in widths:
        return tensor
    return torch.cat([tensor[:, : own.shape[1]].to(own.device), own[:, tensor.shape[1] :]], 1)


def within(weights: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    """The weights whose names begin with `part`, without it."""
    return {name.removeprefix(part): tensor for name, tensor in weights.items() if name.startswith(part)}

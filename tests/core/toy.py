"""A game small enough for tests: points on a ring, dense networks, float32 on one CPU."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from creative_gan.core import loop
from creative_gan.core.device import choose
from creative_gan.core.draws import Draws
from creative_gan.core.game import AdversarialGame, AugmentRecipe, GameRecipe
from creative_gan.core.networks import Head

LATENT = 4
TOTAL = 16 * 40


class Dense(nn.Module):
    """A small dense network that ignores labels and draws, with as many outputs as asked for."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(inputs, 16), nn.Tanh(), nn.Linear(16, outputs))

    def forward(self, x: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        made = self.body(x)
        return made.squeeze(1) if made.shape[1] == 1 else made


class Conditional(nn.Module):
    """A small dense critic of points that knows classes."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 16), nn.Tanh())
        self.head = Head(16, classes)

    def forward(self, x: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        return self.head(self.body(x), label)


def shift(x: Tensor, draws: Draws, strength: float) -> Tensor:
    """An augmentation of points: moves a share of them."""
    return x + 0.1 * draws.normal("shift", 1) * (draws.uniform("shift?", 1) < strength)


def game(
    augment: AugmentRecipe | None = None, critics: int = 1, total: int = TOTAL, **settings
) -> AdversarialGame:
    torch.manual_seed(0)
    recipe = GameRecipe(**{"batch": 16, "ema": 64.0, **settings})
    heads = {f"critic{i}": Dense(2, 1) for i in range(critics)}
    compute = choose("cpu", "float32")
    return AdversarialGame(
        Dense(LATENT, 2), heads, LATENT, recipe, total, compute, shift if augment else None, augment
    )


def batches(seen: int, batch: int, rows: slice) -> dict[str, Tensor]:
    """Points on a ring, different ones at every place of the run."""
    angle = 6.2832 * Draws(9, seen, batch, rows).uniform("angle")
    return {"real": torch.stack([angle.cos(), angle.sin()], 1)}


def watch(**settings) -> loop.Watch:
    def look(game: AdversarialGame, seen: int) -> dict[str, float]:
        return {"weight": float(game.ema.average.body[0].weight.sum())}

    return loop.Watch(
        **{"log_every": 48, "look_every": 160, "look": look, "report": lambda row: None, **settings}
    )


def train(folder: Path, make: Callable[[], loop.Game] = game, batches=batches, **settings) -> loop.Game:
    folder.mkdir(parents=True, exist_ok=True)
    phases = [loop.Phase("game", TOTAL, lambda before: make())]
    return loop.train(folder, phases, batches, 16, 0, watch(**settings), torch.device("cpu"))


def weights(game: loop.Game) -> Tensor:
    return torch.cat([p.detach().flatten() for n in game.networks().values() for p in n.parameters()])

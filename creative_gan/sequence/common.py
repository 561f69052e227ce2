"""What the sequence games share: a network that learns, the parts of a batch, the state of a game."""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor, nn

from creative_gan.core import dist
from creative_gan.core.adam import Adam
from creative_gan.core.draws import Draws
from creative_gan.core.health import check_finite

Batch = dict[str, Tensor]


class Learner:
    """A network, its optimiser (Adam) and its learning rate."""

    def __init__(self, name: str, network: nn.Module, lr: float, clip: float) -> None:
        dist.broadcast(network)
        self.name, self.network, self.lr, self.clip = name, network, lr, clip
        self.optimizer = Adam(network.parameters(), lr)

    def descend(self, loss: Tensor, lr_scale: float = 1.0) -> Tensor:
        """One step down the gradient of `loss`, its norm cut to `clip`. Returns the norm before.

        Raises NotFinite before the weights are touched.
        """
        self.optimizer.zero_grad()
        loss.backward()
        dist.average_grads(self.network)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
        check_finite(**{f"{self.name}'s gradient": norm})
        self.optimizer.lr = self.lr * lr_scale
        self.optimizer.step()
        return norm


class SequenceGame(Protocol):
    """What a game's state is made of."""

    learners: dict[str, Learner]
    seen: int
    """Samples of this game, which is not the first phase of a run."""
    lr_scale: float

    def networks(self) -> dict[str, nn.Module]:
        """What is trained, averaged or kept, by name."""


def state(game: SequenceGame) -> dict:
    """Everything that the game's next step depends on."""
    return {
        "networks": {name: network.state_dict() for name, network in game.networks().items()},
        "optimizers": {name: learner.optimizer.state_dict() for name, learner in game.learners.items()},
        "seen": game.seen,
        "lr_scale": game.lr_scale,
    }


def load_state(game: SequenceGame, state: dict) -> None:
    """The inverse of `state`."""
    for name, network in game.networks().items():
        network.load_state_dict(state["networks"][name])
    for name, learner in game.learners.items():
        learner.optimizer.load_state_dict(state["optimizers"][name])
    game.seen, game.lr_scale = state["seen"], state["lr_scale"]


def parts(batch: Batch, draws: Draws, count: int) -> Iterator[tuple[Batch, Draws]]:
    """Cuts a batch and its draws in at most `count` parts of equal size, the last one perhaps smaller."""
    size = -(-len(batch["real"]) // count)
    for start in range(0, len(batch["real"]), size):
        rows = slice(start, min(start + size, len(batch["real"])))
        yield {name: values[rows] for name, values in batch.items()}, draws.chunk(rows)


@torch.no_grad()
def follow(follower: nn.Module, leader: nn.Module, rate: float) -> None:
    """Moves every parameter of `follower` towards `leader`'s: 1 copies it."""
    torch._foreach_lerp_(list(follower.parameters()), list(leader.parameters()), rate)

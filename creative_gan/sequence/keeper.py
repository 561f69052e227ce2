"""Keeps the best weights of maximum likelihood: what later games begin with and are measured against."""

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from creative_gan.core import dist
from creative_gan.core.files import write_bytes
from creative_gan.core.loop import Batch
from creative_gan.sequence.likelihood import nll

HELDOUT = 1000
"""Held-out rows that a look measures at most."""


class Keeper:
    """Keeps in a file the weights of the maximum-likelihood phase that find held-out sequences likeliest.

    They are what later phases begin with and are measured against, so a phase that is too long for the
    data does no harm. Whatever is kept is a function of the run, not of when it was stopped.
    """

    def __init__(self, path: Path, heldout: Batch, device: torch.device) -> None:
        self.path = path
        self.rows = {name: values.to(device) for name, values in heldout.items()}

    def nll(self, game: Any) -> float:
        """Of the held-out sequences, in nats a token, with the generator's average."""
        return nll(game.ema.average, self.rows["real"], self.rows["length"], self.rows.get("label"))

    def consider(self, game: Any, value: float) -> None:
        """Keeps the weights of a maximum-likelihood game if they are the best so far."""
        if value < self._known():
            tensors = {name: t.detach().cpu().contiguous() for name, t in learned(game).items()}
            write_bytes(self.path, save(tensors, {"nll": repr(value)}), overwrite=True)

    def best(self, game: Any) -> dict[str, Tensor]:
        """The best weights, those of a game at its end among them."""
        if dist.is_main():
            self.consider(game, self.nll(game))
        dist.barrier()
        return load_file(self.path)

    def _known(self) -> float:
        if not self.path.exists():
            return float("inf")
        with safe_open(self.path, "pt") as file:
            return float(file.metadata()["nll"])


def learned(game: Any) -> dict[str, Tensor]:
    """The weights of a game's generator as the next phase, the model and the samples take them."""
    return game.ema.average.state_dict()


def judge(game: Any) -> nn.Module | None:
    """What tells generated from real in a game: its critic, its mediator, or nothing."""
    networks = game.networks()
    return networks.get("critic", networks.get("mediator"))

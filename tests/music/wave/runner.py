"""Trains on built-in drums in a process of its own: python -m tests.music.wave.runner FOLDER RECIPE [KEY=VALUE...]."""

import os
import sys
from pathlib import Path

import torch
from torch import Tensor

from creative_gan.cli.recipes import folder
from creative_gan.core.recipe import load
from creative_gan.music.wave.recipe import WaveRecipe
from creative_gan.music.wave.train import Plan, plan, train


def main(out: str, name: str, *overrides: str) -> None:
    if os.environ.get("DOUBLE"):
        in_double_precision()
    recipe = load(WaveRecipe, folder() / f"music/{name}.toml", overrides, test=True)
    train(plan("builtin:drums", recipe, f"music/{name}", "cpu"), Path(out), lambda row: None)


def in_double_precision() -> None:
    """Everything that would be float32 from now on: Adam divides what is next to nothing by itself, and so makes
    float32's rounding as large as a step."""
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign, assignment]
    batch = Plan.batch

    def doubled(self: Plan, seen: int, size: int, rows: slice) -> dict[str, Tensor]:
        made = batch(self, seen, size, rows)
        return {key: value.double() if value.is_floating_point() else value for key, value in made.items()}

    Plan.batch = doubled  # type: ignore[method-assign]


if __name__ == "__main__":
    main(*sys.argv[1:])

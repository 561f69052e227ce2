"""Trains on built-in drums in a process of its own: python -m tests.music.wave.runner FOLDER RECIPE [KEY=VALUE...]."""

import os
import sys
from pathlib import Path

from torch import Tensor

from creative_gan.cli.recipes import folder
from creative_gan.core.recipe import load
from creative_gan.music.wave.recipe import WaveRecipe
from creative_gan.music.wave.train import Plan, plan, train
from tests import ranks


def main(out: str, name: str, *overrides: str) -> None:
    if os.environ.get("DOUBLE"):
        in_double_precision()
    recipe = load(WaveRecipe, folder() / f"music/{name}.toml", overrides, test=True)
    train(plan("builtin:drums", recipe, f"music/{name}", "cpu"), Path(out), lambda row: None)


def in_double_precision() -> None:
    """All of the training, and the data, which are float32 on the disk."""
    ranks.double_precision()
    batch = Plan.batch

    def doubled(self: Plan, seen: int, size: int, rows: slice) -> dict[str, Tensor]:
        made = batch(self, seen, size, rows)
        return {key: value.double() if value.is_floating_point() else value for key, value in made.items()}

    Plan.batch = doubled  # type: ignore[method-assign]


if __name__ == "__main__":
    main(*sys.argv[1:])

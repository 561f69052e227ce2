"""Trains on built-in drums in a process of its own: python -m tests.music.wave.runner FOLDER RECIPE [KEY=VALUE...]."""

import sys
from pathlib import Path

from creative_gan.cli.recipes import folder
from creative_gan.core.recipe import load
from creative_gan.music.wave.recipe import WaveRecipe
from creative_gan.music.wave.train import plan, train


def main(out: str, name: str, *overrides: str) -> None:
    recipe = load(WaveRecipe, folder() / f"music/{name}.toml", overrides, test=True)
    train(plan("builtin:drums", recipe, f"music/{name}", "cpu"), Path(out), lambda row: None)


if __name__ == "__main__":
    main(*sys.argv[1:])

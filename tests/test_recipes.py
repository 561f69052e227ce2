"""Every shipped recipe parses, runs a few steps with its [test] table, and leaves a model that samples."""

from pathlib import Path

import numpy as np
import pytest
import torch

from creative_gan.cli.recipes import folder, names
from creative_gan.core.recipe import load, to_toml
from creative_gan.image.model import load as load_model
from creative_gan.image.recipe import ImageRecipe
from creative_gan.image.train import plan, train

IMAGE = [name for name in names() if name.startswith("image/")]


def test_there_are_recipes_for_what_is_promised():
    promised = {"digits", "art", "few", "classic-mlp", "dcgan", "wgan-gp", "lsgan", "large"}
    assert promised <= {name.removeprefix("image/") for name in IMAGE}


@pytest.mark.parametrize("name", IMAGE)
def test_recipe_reads_the_same_after_writing(name: str, tmp_path: Path):
    recipe = load(ImageRecipe, folder() / f"{name}.toml")
    (tmp_path / "again.toml").write_text(to_toml(recipe), "utf-8")
    assert load(ImageRecipe, tmp_path / "again.toml") == recipe


@pytest.mark.parametrize("name", IMAGE)
def test_recipe_trains_and_samples(name: str, tmp_path: Path):
    recipe = load(ImageRecipe, folder() / f"{name}.toml", test=True)
    model = load_model(train(plan("builtin:digits", recipe, name, "cpu"), tmp_path / "run", lambda row: None))
    made = model.pictures(3, seed=1)
    assert made.shape == (3, *model.config["shape"]) and made.dtype == np.uint8
    with torch.no_grad():  # after so few steps pictures may look alike, but not be the same
        raw = model.generator(model.latents(range(2), seed=1), model.labels(range(2)))
    assert raw.isfinite().all() and (raw[0] - raw[1]).abs().max() > 1e-6

"""Every shipped recipe parses, runs a few steps with its [test] table, and leaves a model that samples."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from creative_gan.cli.recipes import folder, names
from creative_gan.core.recipe import load, to_toml
from creative_gan.image.model import load as load_model
from creative_gan.image.recipe import ImageRecipe
from creative_gan.image.train import plan, train
from creative_gan.music.wave import builtin
from creative_gan.music.wave import model as wave_model
from creative_gan.music.wave import train as wave_train
from creative_gan.music.wave.recipe import WaveRecipe
from creative_gan.text import model as text_model
from creative_gan.text import train as text_train
from creative_gan.text.recipe import TextRecipe
from tests.text.test_pretrained import language_model

IMAGE = [name for name in names() if name.startswith("image/")]
TEXT = [name for name in names() if name.startswith("text/")]
KINDS = {
    name: tomllib.loads((folder() / f"{name}.toml").read_text("utf-8"))["kind"]
    for name in names()
    if name.startswith("music/")
}
WAVE = [name for name, kind in KINDS.items() if kind == "wave"]


def test_there_are_recipes_for_what_is_promised():
    promised = {"digits", "art", "few", "classic-mlp", "dcgan", "wgan-gp", "lsgan", "large"}
    assert promised <= {name.removeprefix("image/") for name in IMAGE}
    promised = {"captions", "tang", "builtin", "seqgan-paper", "cot", "relgan", "pretrained"}
    assert promised <= {name.removeprefix("text/") for name in TEXT}
    promised = {"wave-8k", "drums", "wave-16k", "long", "wavegan-paper", "spec"}
    assert promised <= {name.removeprefix("music/") for name in WAVE}


@pytest.mark.parametrize("name", IMAGE + TEXT + WAVE)
def test_recipe_reads_the_same_after_writing(name: str, tmp_path: Path):
    kind = {"image": ImageRecipe, "music": WaveRecipe, "text": TextRecipe}[name.split("/")[0]]
    recipe = load(kind, folder() / f"{name}.toml")
    (tmp_path / "again.toml").write_text(to_toml(recipe), "utf-8")
    assert load(kind, tmp_path / "again.toml") == recipe


@pytest.mark.parametrize("name", IMAGE)
def test_recipe_trains_and_samples(name: str, tmp_path: Path):
    recipe = load(ImageRecipe, folder() / f"{name}.toml", test=True)
    model = load_model(train(plan("builtin:digits", recipe, name, "cpu"), tmp_path / "run", lambda row: None))
    made = model.pictures(3, seed=1)
    assert made.shape == (3, *model.config["shape"]) and made.dtype == np.uint8
    with torch.no_grad():  # after so few steps pictures may look alike, but not be the same
        raw = model.generator(model.latents(range(2), seed=1), model.labels(range(2)))
    assert raw.isfinite().all() and (raw[0] - raw[1]).abs().max() > 1e-6


@pytest.mark.parametrize("name", TEXT)
def test_text_recipe_trains_and_samples(name: str, tmp_path: Path):
    given = {"watch.looks": 2}
    if name == "text/pretrained":  # no network in tests
        given |= {"network.backbone": f"hf:{language_model(tmp_path / 'lm')}", "data.length": 12}
    recipe = load(TextRecipe, folder() / f"{name}.toml", test=True, given=given)
    corpus = "builtin:verses-zh" if name == "text/tang" else "builtin:verses"
    made = text_train.plan(corpus, recipe, name, "cpu")
    model = text_model.load(text_train.train(made, tmp_path / "run", lambda row: None))
    texts = model.sample(3, seed=1)
    assert len(set(texts)) == 3 and model.config["weights"] == ["adversarial", "mle"]
    assert len(model.sample(2, best_of=2)) == 2  # every game leaves something to choose by


@pytest.mark.parametrize("name", WAVE)
def test_wave_recipe_trains_and_samples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # all of them at 44,100 samples a second take longer to make than everything that is tried here
    monkeypatch.setenv("CREATIVE_GAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(builtin.SETS, "drums", lambda rate: builtin.drums(rate, count=10))
    recipe = load(WaveRecipe, folder() / f"{name}.toml", test=True, given={"watch.looks": 1})
    made = wave_train.plan("builtin:drums", recipe, name, "cpu")
    model = wave_model.load(wave_train.train(made, tmp_path / "run", lambda row: None))
    waves = model.waves(3, seed=1)
    assert waves.shape == (3, recipe.data.length) and np.isfinite(waves).all()
    assert len({wave.tobytes() for wave in waves}) == 3
    assert bool(model.classes) == recipe.data.labels

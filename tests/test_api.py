"""The package from Python: any model by its name, and the training that the command line calls."""

import dataclasses
import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import creative_gan
from creative_gan import api
from creative_gan.core.errors import DataError, UserError

SMALL = {"network.width": 8, "game.batch": 16, "data.size": [16], "watch.looks": 1, "watch.report": False}


def test_load_tells_the_kind_by_the_model(shelf: Path, trained: Path, written: Path):
    picture = creative_gan.load("digits").sample(2, seed=1)
    assert [type(made) for made in picture] == [Image.Image] * 2
    assert creative_gan.load(trained / "model").sample(2, seed=1) == picture
    assert creative_gan.load("text/verses").sample(3, seed=1) == creative_gan.load(written).sample(3, seed=1)
    assert creative_gan.load("verses").name == "verses"


def test_what_cannot_be_loaded_is_said(shelf: Path, tmp_path: Path, trained: Path):
    with pytest.raises(UserError, match=r"no model 'nobody'.*digits, chorales, verses"):
        creative_gan.load("nobody")
    shutil.copytree(trained / "model", tmp_path / "strange")
    config = tmp_path / "strange/config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"modality": "smell"}))
    with pytest.raises(UserError, match=r"strange.*'smell'; there is image"):
        creative_gan.load(tmp_path / "strange")
    config.write_text("{")
    with pytest.raises(DataError, match=r"config\.json"):
        creative_gan.load(tmp_path / "strange")


@pytest.mark.parametrize("n", [0, -1, 2.5])
def test_less_than_one_sample_is_a_mistake(
    n: float, trained: Path, written: Path, sounding: Path, composed: Path
):
    for run in (trained, written, sounding, composed):
        with pytest.raises(UserError, match=rf"n must be a whole number of at least 1, not {n}"):
            creative_gan.load(run).sample(n)


def test_training_is_that_of_the_command_line(run, tmp_path: Path):
    rows: list[dict] = []
    made = creative_gan.train(
        "image/digits", "builtin:digits", tmp_path / "python", samples=160, seed=3, settings=SMALL,
        device="cpu", report=rows.append,
    )  # fmt: skip
    assert made == tmp_path / "python/model" and [row for row in rows if "seen" in row][-1]["seen"] == 160
    words = ["image", "train", "builtin:digits", "--recipe", "digits", "--quiet"]
    words += ["--samples", "160", "--seed", "3"]
    words += [word for key, value in SMALL.items() for word in ("--set", f"{key}={json.dumps(value)}")]
    assert run(*words, "--device", "cpu", "--out", tmp_path / "shell")[0] == 0
    for name in ("model/model.safetensors", "metrics.jsonl", "recipe.toml"):
        assert (tmp_path / "shell" / name).read_bytes() == (tmp_path / "python" / name).read_bytes(), name


def test_only_a_modality_takes_the_recipe_that_suits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    said: list[dict] = []
    settings = {
        "budget.samples": 8,
        "game.batch": 8,
        "network.width": 8,
        "watch.looks": 1,
        "watch.report": False,
    }
    made = creative_gan.train("text", "builtin:verses", settings=settings, report=said.append)
    assert made == Path("runs/builtin-verses/model") and made.is_dir()
    assert said[0] == {"say": "recipe text/builtin suits this data (another with --recipe)"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"recipe": "image/digitz"}, "did you mean 'image/digits'"),
        ({"recipe": "smell"}, "no recipe 'smell'"),
        ({"recipe": "none.toml"}, "no recipe file"),
        ({"recipe": "strange.toml"}, "strange.toml is of the kind 'smell'"),
        ({"recipe": "digits", "samples": 5, "minutes": 5}, "not both"),
        ({"recipe": "digits", "samples": 0, "minutes": 5}, "not both"),
        ({"recipe": "digits", "minutes": 0}, "minutes must be a number above 0 .*, not 0"),
        ({"recipe": "digits", "minutes": float("nan")}, "minutes must be"),
        ({"recipe": "digits", "samples": 0}, "samples must be a whole number of at least 1, not 0"),
        ({"recipe": "digits", "settings": {"game.lr": "fast"}}, "'game.lr' must be a number"),
        ({"recipe": "digits", "data": "nowhere"}, "nowhere"),
        ({"recipe": "music", "data": "builtin:nothing"}, "builtin:tunes"),
    ],
)
def test_mistakes_are_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict, words: str):
    monkeypatch.chdir(tmp_path)
    Path("strange.toml").write_text('modality = "smell"')
    with pytest.raises(UserError, match=words):
        creative_gan.train(**({"data": "builtin:digits"} | arguments))
    assert not Path("runs").exists()


def test_an_own_recipe_says_its_modality(tmp_path: Path):
    own = tmp_path / "mine.toml"
    own.write_text('modality = "text"')
    assert api.kind_of_recipe(own) == "text"
    own.write_text('modality = "music"\nkind = "wave"')
    assert api.kind_of_recipe(own) == "music/wave"
    own.write_text("modality = ")
    with pytest.raises(UserError, match="is not TOML"):
        api.kind_of_recipe(own)
    with pytest.raises(UserError, match="cannot be read"):
        api.kind_of_recipe(tmp_path / "none.toml")


@pytest.mark.parametrize("kind", api.PACKAGES)
def test_every_kind_has_what_is_called_by_name(kind: str):
    files = {"model": ["load", "settings"], "train": ["plan", "remarks", "train"], "choose": ["recipe_for"]}
    for file, functions in (files | {"estimate": ["estimate"]}).items():
        module = importlib.import_module(f"{api.PACKAGES[kind][0]}.{file}")
        assert all(callable(vars(module).get(name)) for name in functions), module
    assert dataclasses.is_dataclass(api.recipe_class(kind))


def test_import_is_light():
    heavy = "torch numpy PIL transformers librosa soundfile pretty_midi safetensors rich click"
    code = f"import sys, creative_gan; print([m for m in '{heavy}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""A trained model: the same sound however many are asked for, its files made again, and no harm from bad folders."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from creative_gan.cli.recipes import folder
from creative_gan.core import provenance
from creative_gan.core.errors import DataError, UserError
from creative_gan.core.recipe import load as load_recipe
from creative_gan.music.share import write_shared
from creative_gan.music.wave import export
from creative_gan.music.wave.again import again
from creative_gan.music.wave.evaluate import evaluate, table
from creative_gan.music.wave.model import CHUNK, Model, load
from creative_gan.music.wave.recipe import WaveRecipe
from creative_gan.music.wave.train import plan, train
from creative_gan.music.wave.walk import walk


@pytest.fixture(scope="module", params=["wave-8k", "wave-16k"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of each family, trained for a moment."""
    out = tmp_path_factory.mktemp("model") / "run"
    settings = ["data.rate=8000", "data.length=8192", "watch.looks=1"]
    recipe = load_recipe(WaveRecipe, folder() / f"music/{request.param}.toml", settings, test=True)
    train(plan("builtin:drums", recipe, f"music/{request.param}", "cpu"), out, lambda row: None)
    return out


@pytest.fixture(scope="module")
def model(run: Path) -> Model:
    return load(run)


def test_a_sound_is_the_same_however_many_are_asked_for(model: Model) -> None:
    many = model.waves(CHUNK + 3, seed=5)
    assert many.shape == (CHUNK + 3, 8192) and many.dtype == np.float32
    assert np.abs(many).max() <= 1
    assert np.array_equal(model.waves(2, seed=5), many[:2])
    assert np.array_equal(model.waves(1, seed=5, first=CHUNK + 1), many[CHUNK + 1 : CHUNK + 2])
    assert not np.array_equal(model.waves(1, seed=6), many[:1])
    sounds = model.sample(2, seed=5)
    assert sounds[1].rate == 8000 and np.array_equal(sounds[1].wave, many[1])
    assert model.waves(0).shape == (0, 8192)


@pytest.mark.parametrize("name", ["wave-8k", "spec"])
def test_a_uniform_prior_is_kept_with_the_model_and_older_models_have_a_normal_one(
    name: str, tmp_path: Path
) -> None:
    settings = ["network.prior=uniform", "watch.looks=1"]
    recipe = load_recipe(WaveRecipe, folder() / f"music/{name}.toml", settings, test=True)
    made = load(
        train(plan("builtin:drums", recipe, f"music/{name}", "cpu"), tmp_path / "run", lambda row: None)
    )
    path = tmp_path / "run/model/config.json"
    described = json.loads(path.read_text("utf-8"))
    assert described["network"].pop("prior") == "uniform"
    path.write_text(json.dumps(described), "utf-8")
    older = load(tmp_path / "run")  # the same weights, and no word of a prior

    z, label = made.latents(range(2), seed=1, truncation=0.5), made.labels(range(2))
    entering = torch.special.ndtr(z.double()) * 2 - 1
    assert entering.abs().max() <= 0.383  # what 0.5 deviations hold of a normal distribution
    assert np.abs(made.play(z, label) - older.play(entering.float(), label)).max() < 1e-4
    assert not np.allclose(made.play(z, label), older.play(z, label), atol=1e-4)


def test_classes_are_taken_in_turn_or_as_asked(model: Model) -> None:
    assert {"kick", "snare", "clap"} <= set(model.classes)
    asked = model.waves(3, seed=1, label=model.classes[2])
    in_turn = model.waves(3, seed=1)
    assert np.array_equal(asked[2], in_turn[2]) and not np.array_equal(asked[1], in_turn[1])
    with pytest.raises(UserError, match=r"gong.*kick"):
        model.waves(1, label="gong")


@pytest.mark.parametrize("name", ["one.wav", "one.flac", "one.ogg", "many.wav", "folder"])
def test_files_are_made_again(model: Model, tmp_path: Path, name: str) -> None:
    count = 1 if name.startswith("one") else 3
    waves, origins = model.waves(count, 4, "snare", 1.5), model.origins(count, 4, "snare", 1.5)
    paths = export.write_sounds(waves, model.rate, tmp_path / name, origins)
    path = paths[-1]
    record = provenance.read(path)
    assert record is not None and record["model"]["kind"] == "wave"
    assert record["arguments"]["index"] == {"many.wav": [0, 1, 2], "folder": 2}.get(name, 0)
    again(record, tmp_path / f"again{path.suffix}", None, False)
    assert (tmp_path / f"again{path.suffix}").read_bytes() == path.read_bytes()
    with pytest.raises(UserError):
        again(record, tmp_path / f"again{path.suffix}", None, False)


def test_a_walk_is_one_sound_that_changes_and_is_made_again(model: Model, tmp_path: Path) -> None:
    wave, origin = walk(model, seconds=5, stops=3, seed=2, label="tom")
    assert wave.dtype == np.float32 and 5 <= len(wave) / 8000 < 6.1 and 0 < np.abs(wave).max() <= 1
    apart = 8192 * 3 // 4
    first, second = wave[100 : apart - 100], wave[apart + 100 : 2 * apart - 100]
    assert not np.allclose(first, second)
    steps = np.abs(np.diff(wave))
    assert steps[:2].max() <= steps.max(), "it does not begin with a click"
    export.write_sound(tmp_path / "walk.wav", wave, model.rate, origin)
    record = provenance.read(tmp_path / "walk.wav")
    assert record is not None
    again(record, tmp_path / "again.wav", None, False)
    assert (tmp_path / "again.wav").read_bytes() == (tmp_path / "walk.wav").read_bytes()
    with pytest.raises(UserError, match="three"):
        walk(model, stops=2)


def test_a_moved_or_changed_model_is_told(model: Model, run: Path, tmp_path: Path) -> None:
    record = model.origins(1, 0, None, None)[0]
    moved = tmp_path / "moved"
    shutil.copytree(run / "model", moved)
    gone = {**record, "model": record["model"] | {"path": str(tmp_path / "nowhere")}}
    with pytest.raises(UserError, match="--model"):
        again(gone, tmp_path / "x.wav", None, False)
    again(gone, tmp_path / "x.wav", str(moved), False)
    other = {**record, "model": record["model"] | {"weights": "0" * 64}}
    with pytest.raises(UserError, match="other weights"):
        again(other, tmp_path / "y.wav", None, False)
    for damage in ({"arguments": {}}, {"arguments": {"index": [], "seed": 0, "class": None}}, {"model": 3}):
        with pytest.raises(UserError, match="damaged"):
            again({**record, **damage}, tmp_path / "z.wav", None, False)


@pytest.mark.parametrize(
    "damage",
    [
        {"kind": "midi"},
        {"rate": 10**9},
        {"length": 2**40},
        {"length": "long"},
        {"classes": None},
        {"network": {"name": "wave", "width": 10**6}},
        {"network": {"bands": 500}},
        {"modality": "image"},
    ],
)
def test_descriptions_that_lie_are_refused(model: Model, tmp_path: Path, damage: dict) -> None:
    shutil.copytree(Path(model.path) / "model", tmp_path / "model")
    path = tmp_path / "model/config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    with pytest.raises(DataError):
        load(tmp_path / "model")


def test_the_folder_is_handed_on_and_works(model: Model, tmp_path: Path) -> None:
    write_shared(model.path, tmp_path / "shared", False)
    assert np.array_equal(load(tmp_path / "shared").waves(1), model.waves(1))
    with pytest.raises(UserError, match="folder"):
        write_shared(model.path, tmp_path / "a.onnx", False)


@pytest.mark.slow
def test_evaluation_stands_beside_real_sounds(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("creative_gan.music.wave.judge.SEEN", (8_000, 8_000))
    found = evaluate(str(run), count=60)
    assert found["judge"] > 0.9
    assert found["inception score"]["floor"] > 4 > found["inception score"]["value"] > 0.99
    assert found["Fréchet distance"]["value"] > 5 * found["Fréchet distance"]["floor"]
    assert found["sizes"]["fake"] == 60 and "note" not in found
    assert {"log-mel Fréchet", "silent share", "duplicates", "recall", "right class"} <= set(found)
    lines = table(found)
    assert len(lines) == len(found) - 2 + 3 and any(line.startswith("inception score ") for line in lines)

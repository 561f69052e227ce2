"""Runs that begin with a model or an earlier run: what is taken over, what is not, and what is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import creative_gan
from creative_gan.core import checkpoint
from creative_gan.core.errors import UserError
from creative_gan.core.recipe import load
from creative_gan.core.start import Rows
from creative_gan.image.recipe import ImageRecipe
from creative_gan.image.train import plan

STILL = {"game.lr": 0.0, "watch.looks": 1, "watch.report": False}
"""Nothing is learnt, so whatever is at the end was there at the beginning."""


def networks(run: Path) -> dict:
    return checkpoint.load_newest(run / "checkpoint")[1]["game"]["networks"]


def same(one: dict, two: dict, but: tuple[str, ...] = ("running", "tracked")) -> bool:
    names = [name for name in one if not any(word in name for word in but)]
    return bool(names) and all(torch.equal(one[name], two[name]) for name in names)


def begun(start: Path | str, out: Path, data: str = "builtin:digits", samples: int = 64, **settings) -> Path:
    creative_gan.train(
        "image", data, out, start=start, samples=samples, settings=STILL | settings, device="cpu"
    )
    return out


def test_a_run_is_gone_on_with_whole(trained: Path, tmp_path: Path):
    out = begun(trained, tmp_path / "more")
    old, new = networks(trained), networks(out)
    assert same(old["generator"], new["generator"]) and same(old["critics"], new["critics"])
    said = (out / "recipe.toml").read_text()
    assert (
        f'start = "{trained}"' in said and "width = 8" in said
    )  # the run's own recipe, not that of the data


def test_moments_are_taken_over(trained: Path, tmp_path: Path):
    out = begun(trained, tmp_path / "more", samples=32)
    game = plan("builtin:digits", load(ImageRecipe, out / "recipe.toml"), "digits", "cpu").game(32)
    old = checkpoint.load_newest(trained / "checkpoint")[1]["game"]["optimizers"]
    for side, optimizer in game.optimizers.items():
        state = optimizer.state_dict()["state"]
        assert len(state) == len(old[side]["state"]) > 5
        assert all(
            torch.equal(row["exp_avg_sq"], state[n]["exp_avg_sq"]) for n, row in old[side]["state"].items()
        )


def test_an_adaptive_augmentation_stays_as_strong(trained: Path, tmp_path: Path):
    adaptive = {"augment.policy": ["translation"], "augment.mode": "adaptive", "augment.adapt": 100.0}
    learning = {
        "game.lr": 1e-3,
        "augment.target": 0.0,
    }  # it rises as soon as the critic is right more often than not
    first = begun(trained, tmp_path / "first", samples=64, **adaptive | learning)
    _, state = checkpoint.load_newest(first / "checkpoint")
    assert state["game"]["strength"] > 0.3
    recipe = load(ImageRecipe, first / "recipe.toml", [f"start='{first}'"])
    assert plan("builtin:digits", recipe, "x", "cpu").game(64).strength == state["game"]["strength"]
    still = load(ImageRecipe, first / "recipe.toml", [f"start='{first}'", "augment.mode='fixed'"])
    assert plan("builtin:digits", still, "x", "cpu").game(64).strength == still.augment.strength


def test_a_model_alone_brings_its_generator(trained: Path, tmp_path: Path):
    shutil.copytree(trained / "model", tmp_path / "shared")
    out = begun(tmp_path / "shared", tmp_path / "out", **{"network.width": 8})
    model, new = load_file(tmp_path / "shared/model.safetensors"), networks(out)
    assert same(model, new["generator"]) and same(model, new["ema"])
    assert not same(networks(trained)["critics"], new["critics"])


def test_classes_are_told_by_their_names(trained: Path, tmp_path: Path):
    for name in ("7", "3", "new"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for n in range(6):
            pixels = np.random.default_rng(n).integers(0, 256, (16, 16), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{n}.png")
    out = begun(trained, tmp_path / "others", str(tmp_path / "data"), **{"game.batch": 4})
    old, new = networks(trained)["generator"]["input.label.weight"], networks(out)["generator"]
    assert creative_gan.load(out).classes == ["3", "7", "new"]
    assert torch.equal(new["input.label.weight"], torch.stack([old[3], old[7], old.mean(0)]))
    critic = networks(out)["critics"]["critic.head.projection.label.weight"]
    assert critic.shape[0] == 3


def test_a_training_that_was_stopped_goes_on(trained: Path, tmp_path: Path):
    shutil.copytree(trained / "model", tmp_path / "shared")
    settings = {"game.lr": 1e-3, "watch.save_seconds": 0.0}
    straight = begun(tmp_path / "shared", tmp_path / "straight", samples=192, **settings)
    begun(tmp_path / "shared", tmp_path / "stopped", samples=192, **settings)
    newest = sorted((tmp_path / "stopped/checkpoint").glob("[0-9]*"))[-1]
    shutil.rmtree(newest)  # as if it had been killed before its last save
    shutil.rmtree(tmp_path / "stopped/model")
    begun(tmp_path / "shared", tmp_path / "stopped", samples=192, **settings)
    for name in ("metrics.jsonl", "model/model.safetensors"):
        assert (straight / name).read_bytes() == (tmp_path / "stopped" / name).read_bytes(), name
    with pytest.raises(UserError, match="another start"):
        begun(straight, tmp_path / "stopped", samples=192, **settings)


@pytest.mark.parametrize(
    ("kind", "run", "data", "settings"),
    [
        ("music", "sounding", "builtin:drums", {"game.lr": 0.0, "game.batch": 8}),
        ("music", "composed", "builtin:tunes", {"mle.lr": 0.0, "dense.lr": 0.0, "game.batch": 8}),
        ("text", "written", "builtin:verses", {"mle.lr": 0.0, "dense.lr": 0.0, "game.batch": 8}),
    ],
)
def test_every_kind_can_begin_so(
    kind: str, run: str, data: str, settings: dict, tmp_path: Path, request: pytest.FixtureRequest
):
    source = request.getfixturevalue(run)
    made = creative_gan.train(
        kind, data, tmp_path / "more", start=source, samples=16, device="cpu",
        settings=settings | {"watch.looks": 1, "watch.report": False},
    )  # fmt: skip
    old, new = (load_file(folder / "model.safetensors") for folder in (source / "model", made))
    part = "" if run == "sounding" else "adversarial."
    mine = {name: tensor for name, tensor in new.items() if name.startswith(part)}
    if run == "sounding":  # the sample's average begins with the run's, and moves to where its weights are
        old, mine = networks(source)["generator"], networks(tmp_path / "more")["generator"]
    assert same(mine, old)


@pytest.mark.parametrize(
    ("kind", "data", "settings"),
    [
        ("text", "builtin:verses", {"data.tokenizer": "bpe", "data.vocabulary": 320}),
        ("text", "builtin:verses", {"network.name": "transformer", "network.heads": 2}),
        ("music/midi", "builtin:tunes", {"network.name": "transformer", "network.heads": 2, "data.bars": 2}),
    ],
)
def test_sequences_of_other_networks_and_tokens(kind: str, data: str, settings: dict, tmp_path: Path):
    small = {"network.width": 16, "network.layers": 1, "game.batch": 8, "dense.critic_pretrain": 8}
    small |= {"watch.looks": 1, "watch.report": False}
    first = creative_gan.train(kind, data, tmp_path / "first", samples=32, settings=small | settings)
    still = {"mle.lr": 0.0, "dense.lr": 0.0} | {key: small[key] for key in small if "network" not in key}
    then = creative_gan.train(kind, data, tmp_path / "then", start=first, samples=32, settings=still)
    old, new = (load_file(folder / "model.safetensors") for folder in (first, then))
    mine = [name for name in old if name.startswith("adversarial.")]
    assert mine and all(torch.equal(old[name], new[name]) for name in mine)


def test_a_mediator_begins_as_its_generator(written: Path, tmp_path: Path):
    still = {"phase": [{"game": "cot"}], "cot.lr": 0.0, "cot.mediator_lr": 0.0, "game.batch": 8}
    still |= {"watch.looks": 1, "watch.report": False}
    made = creative_gan.train(
        "text", "builtin:verses", tmp_path / "more", start=written, samples=16, settings=still
    )
    old, new = (load_file(folder / "model.safetensors") for folder in (written / "model", made))
    mine = [name.removeprefix("adversarial.") for name in old if name.startswith("adversarial.")]
    assert mine and all(torch.equal(old[f"adversarial.{name}"], new[f"critic.{name}"]) for name in mine)


def test_words_are_told_by_themselves(written: Path, tmp_path: Path):
    old = creative_gan.load(written)
    corpus = tmp_path / "poems.jsonl"
    words = "the moon sees a zebra", "a zebra is under the moon"
    lines = [{"text": text, "label": name} for name in old.classes for text in words]
    corpus.write_text("\n".join(json.dumps(line) for line in lines * 10))
    still = {"mle.lr": 0.0, "dense.lr": 0.0, "game.batch": 8, "watch.report": False}
    made = creative_gan.train("text", corpus, tmp_path / "more", start=written, samples=16, settings=still)
    new = creative_gan.load(made)
    before, now = (model.tokenizer.tokens() for model in (old, new))
    assert "▁moon" in before and "▁moon" in now and "▁zebra" in now and "▁zebra" not in before
    theirs, mine = (model.generator().state_dict() for model in (old, new))
    for name in ("embedding.weight", "output.weight", "output.bias"):
        moon = theirs[name][before.index("▁moon")], mine[name][now.index("▁moon")]
        assert torch.equal(*moon)
        assert torch.allclose(mine[name][now.index("▁zebra")], theirs[name].mean(0))
    assert torch.equal(mine["layers.0.weight_hh_l0"], theirs["layers.0.weight_hh_l0"])


def test_rows_are_told_by_their_names():
    table = torch.arange(6.0).view(3, 2)
    rows = Rows(("label.weight",), ["a", "b", "c"], ["c", "new", "a", "b"])
    assert torch.equal(rows.fitted(table), torch.stack([table[2], table.mean(0), table[0], table[1]]))
    assert torch.equal(rows.fitted(table[:, 0]), torch.tensor([4.0, 2.0, 0.0, 2.0]))


@pytest.mark.parametrize(
    ("start", "settings", "words"),
    [
        ("nobody", {}, "no model 'nobody'"),
        ("{trained}", {"network.width": 16}, "another kind or size"),
        ("{written}", {}, "is a model for text|of the kind text"),
    ],
)
def test_what_cannot_be_begun_with_is_said(
    start: str, settings: dict, words: str, tmp_path: Path, trained: Path, written: Path
):
    with pytest.raises(UserError, match=words):
        begun(start.format(trained=trained, written=written), tmp_path / "out", **settings)
    assert not (tmp_path / "out/checkpoint").exists()


def test_classes_can_be_left_and_learnt(trained: Path, tmp_path: Path):
    without = begun(trained, tmp_path / "without", **{"data.labels": False})
    old, new = networks(trained), networks(without)
    assert creative_gan.load(without).classes == [] and "input.label.weight" not in new["generator"]
    latent = new["generator"]["first.weight"].shape[1]
    assert torch.equal(new["generator"]["first.weight"], old["generator"]["first.weight"][:, :latent])
    assert same(new["critics"], old["critics"])
    again = begun(without, tmp_path / "again", **{"data.labels": True})
    back = networks(again)
    assert creative_gan.load(again).classes == [str(n) for n in range(10)]
    assert torch.equal(back["generator"]["first.weight"][:, :latent], new["generator"]["first.weight"])
    assert same(new["critics"], back["critics"])


def test_the_command_names_the_run_after_both(
    run, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    words = ["image", "train", "builtin:digits", "--samples", "32", "--quiet", "--set", "watch.report=false"]
    assert run(*words, "--from", trained)[0] == 0
    assert (tmp_path / "runs/builtin-digits-from-trained/model/config.json").is_file()
    assert run(*words, "--from", "")[0] == 2
    code, _, err = run(*words, "--from", tmp_path / "runs")
    assert code == 1 and "no model folder" in err and "Traceback" not in err

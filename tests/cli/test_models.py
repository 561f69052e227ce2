"""The models that come with the package: listed, shown, and taken where none is named."""

import json
from pathlib import Path

import pytest

from creative_gan.core import models


def test_list_says_what_each_is(run, shelf: Path):
    code, out, _ = run("models", "list")
    assert code == 0
    assert "image/digits *" in out and "stands in for text/verses" in out and "none at all" in out
    code, out, _ = run("models", "list", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert code == 0 and set(rows) == {"digits", "chorales", "verses"} and rows["digits"]["default"]
    folder = shelf / "image/digits"
    assert rows["digits"]["bytes"] == sum(file.stat().st_size for file in folder.iterdir())
    assert rows["digits"]["modality"] == "image" and rows["digits"]["path"] == str(folder)


def test_none_shipped_is_said(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(models, "SHIPPED", tmp_path)
    code, out, err = run("models", "list")
    assert code == 0 and out == "" and "no models come" in err
    code, _, err = run("image", "sample", "--out", tmp_path / "x.png")
    assert code == 1 and "no image model comes with this installation" in err and "--model" in err
    assert not (tmp_path / "x.png").exists()


def test_show_prints_facts_and_card_of_any_model(run, shelf: Path, trained: Path):
    code, out, _ = run("models", "show", "verses")
    assert code == 0 and "licence   none at all" in out and "text-generation" in out
    code, out, _ = run("models", "show", trained, "--json")
    shown = json.loads(out)
    assert code == 0 and shown["recipe"] == "image/digits" and shown["licence"] == "not stated"
    assert shown["classes"] == shown["config"]["classes"] == [str(n) for n in range(10)]
    code, _, err = run("models", "show", "nobody")
    assert code == 1 and "digits, chorales, verses" in err


def test_with_none_named_the_default_is_used(run, shelf: Path, tmp_path: Path):
    code, _, err = run("image", "sample", "-n", 4, "--out", tmp_path / "a.png")
    assert code == 0 and "the model is digits" in err
    assert run("image", "sample", "-n", 4, "--out", tmp_path / "b.png", "--model", "digits")[0] == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert run("image", "walk", "--seconds", 0.3, "--out", tmp_path / "w.gif")[0] == 0
    assert run("image", "export", "--out", tmp_path / "folder")[0] == 0
    code, out, err = run("text", "generate", "-n", 2)
    assert code == 0 and len(out.splitlines()) == 2 and "the model is verses" in err
    assert run("text", "generate", "-n", 2, "--model", "verses")[1] == out


def test_the_default_is_the_first_of_the_preferred_that_is_there(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(models, "SHIPPED", tmp_path)
    for name, best in {
        "zebra": "zebra",
        "digits": "digits",
        "art": "art",
        "b": "art",
        "emoji": "emoji",
    }.items():
        (tmp_path / "image" / name).mkdir(parents=True)
        (tmp_path / "image" / name / "config.json").write_text("{}")
        assert models.default("image") == best


def test_defaults_are_of_every_modality():
    assert set(models.DEFAULTS) == {"image", "music", "text"}

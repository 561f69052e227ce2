"""Trainings of piano rolls: resuming is exact, what a run leaves can be played, judged and made again."""

import hashlib
import io
import json
import math
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
import torch

import creative_gan
from creative_gan.cli.recipes import folder as recipes
from creative_gan.core import checkpoint, provenance
from creative_gan.core.errors import DataError, UserError
from creative_gan.core.recipe import load
from creative_gan.music.midi.again import write_song
from creative_gan.music.midi.builtin import tunes
from creative_gan.music.midi.export import to_bytes
from creative_gan.music.midi.reader import read_midi
from creative_gan.music.midi.song import KEYS, estimate_key, transposed
from creative_gan.music.roll import model as models
from creative_gan.music.roll.again import again, origin
from creative_gan.music.roll.estimate import estimate
from creative_gan.music.roll.evaluate import evaluate, table
from creative_gan.music.roll.model import Manner, Model
from creative_gan.music.roll.recipe import RollRecipe
from creative_gan.music.roll.train import Plan, plan, remarks, train

SETTINGS = ("budget.samples=48", "watch.looks=2", "watch.rows=6", "data.bars=2")


@pytest.fixture(scope="module")
def run(songs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder, trained for a moment."""
    out = tmp_path_factory.mktemp("roll") / "run"
    train(prepared(songs), out, lambda row: None)
    return out


@pytest.fixture(scope="module")
def model(run: Path) -> Model:
    return models.load(run)


def prepared(songs: Path, *overrides: str) -> Plan:
    recipe = load(RollRecipe, recipes() / "music/roll.toml", [*SETTINGS, *overrides], test=True)
    return plan(str(songs), recipe, "music/roll", "cpu")


def digest(run: Path) -> list[str]:
    names = ("metrics.jsonl", "model/model.safetensors")
    return [hashlib.sha256((run / name).read_bytes()).hexdigest() for name in names]


def test_batches_depend_on_seed_and_place_alone(songs: Path) -> None:
    first, second = (prepared(songs, "data.transpose=3") for _ in range(2))
    whole = first.batch(640, 8, slice(0, 8))["real"]
    assert whole.shape == (8, *first.train.grid.roll) and set(whole.unique().tolist()) == {0.0, 1.0}
    parts = torch.cat([second.batch(640, 8, slice(a, a + 4))["real"] for a in (0, 4)])
    assert torch.equal(whole, parts)
    assert not torch.equal(whole, first.batch(648, 8, slice(0, 8))["real"])
    still = prepared(songs, "data.transpose=0").batch(640, 8, slice(0, 8))["real"]
    assert still.sum() == whole.sum() or still.shape != whole.shape
    assert not torch.equal(still, whole), "transposed"


def test_stopped_anywhere_and_called_again_is_a_straight_run(songs: Path, run: Path, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    rows = 0

    def stopping(row: dict) -> None:
        nonlocal rows
        rows += "critic_loss" in row
        if rows in (2, 4) and "critic_loss" in row:
            raise Stop

    stops = 0
    while not (tmp_path / "run/model/config.json").exists() or stops < 2:
        try:
            train(prepared(songs, "watch.save_seconds=0"), tmp_path / "run", stopping)
            break
        except Stop:
            stops += 1
    train(prepared(songs, "watch.save_seconds=0"), tmp_path / "run", lambda row: None)
    assert stops == 2 and digest(tmp_path / "run") == digest(run)


def test_a_run_leaves_what_is_promised(run: Path, songs: Path) -> None:
    names = ["README.md", "config.json", "model.safetensors", "preview.mid", "preview.png"]
    assert sorted(p.name for p in (run / "model").iterdir()) == names
    preview = run / "model/preview.mid"
    record = provenance.read(preview)
    assert record is not None and record["arguments"]["seen"] == 48
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    looks = [row for row in rows if "diversity" in row]
    assert len(looks) >= 3 and all(0 <= row["silence"] <= 1 for row in looks)
    assert any("r1" in row and "r2" in row for row in rows)
    assert "parameters: generator" in " ".join(estimate(prepared(songs)))
    assert any("4/4" in line for line in remarks(prepared(songs))), "tunes in other metres are left out"


def test_samples_are_midi_files_that_others_read(model: Model, tmp_path: Path) -> None:
    made = model.sample(3, seed=4, bars=5, tempo=90, instrument=19)
    again_ = model.sample(20, seed=4, bars=5, tempo=90, instrument=19)
    for index, one in enumerate(made):
        assert isinstance(one, pretty_midi.PrettyMIDI) and one.instruments
        buffer = io.BytesIO()
        one.write(buffer)
        other = io.BytesIO()
        again_[index].write(other)
        assert buffer.getvalue() == other.getvalue(), "however many are asked for"
        path = tmp_path / f"{index}.mid"
        path.write_bytes(buffer.getvalue())
        read = pretty_midi.PrettyMIDI(str(path))
        assert sum(len(i.notes) for i in read.instruments) == sum(len(i.notes) for i in one.instruments)
        assert mido.MidiFile(path).length == pytest.approx(one.get_end_time(), abs=0.01)
        assert {i.program for i in read.instruments} == {19}
        song = read_midi(path)
        assert len(song.bars()) <= 5 and song.tempo == pytest.approx(90, abs=0.01)
    assert len(model.write(range(1), Manner())[0].bars()) <= model.grid.bars


def test_keys_are_kept_to(model: Model) -> None:
    for name in ("D major", "F# minor", "Bb"):
        for plain, song in zip(
            model.write(range(4), Manner()), model.write(range(4), Manner(key=name)), strict=True
        ):
            moved = np.unique(song.notes[:, 2] - plain.notes[:, 2])
            assert len(moved) == 1 and abs(moved[0]) <= 6
            key = estimate_key(song.notes)
            wanted = {"D major": {2, 23}, "F# minor": {18, 9}, "Bb": {10, 19}}[name]
            assert key in wanted, KEYS[key]
            assert song.signature == {"D major": 2, "F# minor": 3, "Bb": -2}[name]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"bars": -1}, "bars must be a whole number from 0 to 1,000, not -1"),
        ({"bars": 10_000}, "bars must be"),
        ({"tempo": 5}, "tempo must be a number from 20 to 300, not 5"),
        ({"tempo": math.nan}, "tempo must be"),
        ({"key": "H"}, "no key 'H'"),
        ({"temperature": -1}, "temperature must be a number from 0 to 10, not -1"),
        ({"temperature": math.nan}, "temperature must be"),
        ({"instrument": 128}, "instrument must be a whole number from 0 to 127, not 128"),
        ({"n": 0}, "n must be a whole number of at least 1, not 0"),
    ],
)
def test_wishes_that_cannot_be_are_said(model: Model, asked: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        model.sample(**asked)


def test_a_song_is_made_again_from_its_record(model: Model, tmp_path: Path) -> None:
    manner = Manner(seed=9, bars=4, key="A minor")
    write_song(
        model.write(range(17, 18), manner)[0], tmp_path / "a.mid", origin(model, 17, manner, (24,)), (24,)
    )
    record = provenance.read(tmp_path / "a.mid")
    assert record is not None
    again(record, tmp_path / "b.mid", None, False)
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()
    with pytest.raises(UserError, match="damaged"):
        again(record | {"arguments": {"index": "x"}}, tmp_path / "c.mid", None, False)


def test_a_temperature_is_of_songs_records_and_figures(model: Model, run: Path) -> None:
    usual, cold = Manner(), Manner(temperature=0)
    assert not np.array_equal(model.rolls(range(8), 0), model.rolls(range(8), 0, heat=model.heat(cold)))
    assert origin(model, 0, usual)["arguments"]["temperature"] == model.config["temperature"]
    assert 0 < origin(model, 0, cold)["arguments"]["temperature"] < 0.01
    found = [evaluate(str(run), count=20, manner=manner) for manner in (usual, cold)]
    assert found[0]["diversity"]["value"] != found[1]["diversity"]["value"]
    assert found[0]["diversity"]["floor"] == found[1]["diversity"]["floor"]


def test_evaluation_sets_real_songs_beside(run: Path, songs: Path) -> None:
    found = evaluate(str(run), count=40)
    real = found["harmonic interval KL"]
    assert real["floor"] < real["control"], "shuffled pitches are told from real ones"
    assert found["clashes"]["floor"] < found["clashes"]["control"]
    assert found["sizes"]["samples"] == 40 and found["sizes"]["heldout"] > 3
    assert found["diversity"]["value"] >= 0 and len(table(found)) > 15
    with pytest.raises(UserError, match="--data"):
        evaluate(str(run), data=str(songs / "nowhere"), count=4)


def test_damaged_descriptions_are_refused(run: Path, tmp_path: Path) -> None:
    config = json.loads((run / "model/config.json").read_text())
    (tmp_path / "model.safetensors").write_bytes((run / "model/model.safetensors").read_bytes())
    for change in (
        {"kind": "wave"},
        {"grid": config["grid"] | {"octaves": 10**9}},
        {"grid": {"shape": "lead"}},
        {"tempo": 0},
        {"network": config["network"] | {"width": 8}},
    ):
        (tmp_path / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(DataError):
            models.load(tmp_path)


def test_a_run_can_begin_with_rolls(run: Path, songs: Path, tmp_path: Path) -> None:
    still = {"game.lr": 0.0, "watch.looks": 1, "watch.report": False}
    creative_gan.train("music/roll", songs, tmp_path / "more", start=run, samples=16, settings=still)
    old, new = (
        checkpoint.load_newest(folder / "checkpoint")[1]["game"] for folder in (run, tmp_path / "more")
    )
    weights = [
        name for name in old["networks"]["generator"] if "running" not in name and "tracked" not in name
    ]
    assert all(torch.equal(old["networks"]["generator"][n], new["networks"]["generator"][n]) for n in weights)
    assert all(torch.equal(t, new["networks"]["critics"][n]) for n, t in old["networks"]["critics"].items())
    assert models.load(tmp_path / "more").grid == models.load(run).grid
    few = tmp_path / "few"
    few.mkdir()
    for file in sorted(songs.iterdir())[:4]:  # their own grid would be a smaller one
        (few / file.name).write_bytes(file.read_bytes())
    narrow = creative_gan.train("music/roll", few, tmp_path / "narrow", start=run, samples=16, settings=still)
    assert models.load(narrow).grid == models.load(run).grid
    low = creative_gan.train(
        "music/roll", few, tmp_path / "low", samples=16, settings=still | {"data.bars": 2, "network.width": 4}
    )
    for number, (_, song) in enumerate(tunes(8)):
        (few / f"high{number}.mid").write_bytes(to_bytes(transposed(song, 24)))
    with pytest.raises(DataError, match=r"has pitches from .* lower data\.transpose"):
        creative_gan.train("music/roll", few, tmp_path / "high", start=low, samples=16, settings=still)

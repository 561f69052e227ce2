"""Trainings of sounds: phases are shuffled, resuming is exact, two processes make the weights of one."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file
from torch import Tensor

from creative_gan.cli.recipes import folder
from creative_gan.core import loop, provenance
from creative_gan.core.draws import Draws
from creative_gan.core.errors import DataError, UserError
from creative_gan.core.recipe import load
from creative_gan.music.wave import networks
from creative_gan.music.wave.recipe import WaveRecipe
from creative_gan.music.wave.train import Plan, plan, train

ROOT = Path(__file__).parents[3]
FAMILIES = {"wave": "wave-16k", "spectrum": "wave-8k"}
SMALL = ["data.length=8192", "data.rate=8000", "watch.looks=2"]


def prepared(name: str, *overrides: str) -> Plan:
    recipe = load(WaveRecipe, folder() / f"music/{name}.toml", [*SMALL, *overrides], test=True)
    return plan("builtin:drums", recipe, f"music/{name}", "cpu")


def start(
    out: Path, name: str, *overrides: str, torchrun: bool = False, double: bool = False
) -> subprocess.Popen:
    runner = ["-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone"] if torchrun else []
    command = [sys.executable, *runner, "-m", "tests.music.wave.runner", str(out), name, *SMALL, *overrides]
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | ({"DOUBLE": "1"} if double else {})
    return subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen) -> None:
    _, err = process.communicate(timeout=900)
    assert process.returncode == 0, err


def test_training_shuffles_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real, generated and penalised sounds, each with shifts of their own, new at every step."""
    seen: list[Tensor] = []
    shuffled = networks.phase_shuffle

    def listening(x: Tensor, shift: Tensor) -> Tensor:
        moved = shuffled(x, shift)
        assert torch.equal(moved == x, x == x) == (not shift.any())
        seen.append(shift)
        return moved

    monkeypatch.setattr(networks, "phase_shuffle", listening)
    prepared_ = prepared("wave-16k", "game.penalty_every=2")
    game = prepared_.game(64)
    for step in range(2):
        game.step(prepared_.batch(4 * step, 4, slice(0, 4)), Draws(0, 4 * step, 4, slice(0, 4)))
    layers = len(networks.STAGES[8192][1]) - 1
    # real, fake and the generator's turn; R1 and R2 on the first step
    assert len(seen) == layers * (3 + 2 + 3)
    first, again = seen[: 3 * layers], seen[-3 * layers :]
    assert {int(shift) for row in seen for shift in row} <= {-2, -1, 0, 1, 2}
    assert len({tuple(row.tolist()) for row in first + again}) > len(first), "drawn anew"
    assert any(row.unique().numel() > 1 for row in seen), "each sound on its own"
    before = len(seen)
    still = prepared("wave-16k", "network.shuffle=0")
    still.game(64).step(still.batch(0, 4, slice(0, 4)), Draws(0, 0, 4, slice(0, 4)))
    assert len(seen) == before


class Dying(Plan):
    """A plan whose training is told to stop at one place, or dies there with nothing saved."""

    stop = 8
    death = 16

    def batch(self, seen: int, batch: int, rows: slice) -> dict[str, Tensor]:
        if seen == self.stop:
            os.kill(os.getpid(), signal.SIGTERM)
        if seen == self.death:
            raise KeyboardInterrupt
        return super().batch(seen, batch, rows)


def test_stopped_and_dead_and_called_again_is_a_straight_run(tmp_path: Path) -> None:
    """The family of waves; that of spectrograms is killed in tests/reliability."""
    ready = prepared("wave-16k", "budget.samples=24", "game.batch=4")
    straight, stopped = (tmp_path / kind / "run" for kind in ("straight", "stopped"))
    train(ready, straight, lambda row: None)
    for ending in (loop.Stopped, KeyboardInterrupt):
        with pytest.raises(ending):
            train(Dying(**vars(ready)), stopped, lambda row: None)
    logged = [json.loads(line) for line in (stopped / "metrics.jsonl").read_text().splitlines()]
    assert max(row["seen"] for row in logged) == 16, "rows of steps that no checkpoint holds"
    train(ready, stopped, lambda row: None)
    for name in ("metrics.jsonl", "model/model.safetensors"):
        assert (straight / name).read_bytes() == (stopped / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.parametrize("family", ["wave", pytest.param("spectrum", marks=pytest.mark.long)])
def test_torchrun_makes_the_weights_of_one_process(tmp_path: Path, family: str) -> None:
    settings = (
        "precision=float32",
        "game.lr=1e-4",
        "budget.samples=32",
        "game.batch=4",
        "watch.rows=8",
        "watch.looks=1",
    )
    finished(start(tmp_path / "one", FAMILIES[family], *settings, double=True))
    finished(start(tmp_path / "two", FAMILIES[family], *settings, torchrun=True, double=True))
    one, two = (load_file(tmp_path / name / "model/model.safetensors") for name in ("one", "two"))
    apart = torch.cat([(one[key] - two[key]).abs().flatten() for key in one])
    assert apart.dtype == torch.float64 and apart.max() < 1e-8, (apart.mean(), apart.max())
    assert all(torch.equal(one[key], two[key]) for key in one if key.startswith("spectra."))
    logs = [(tmp_path / name / "metrics.jsonl").read_text().splitlines() for name in ("one", "two")]
    rows = [[row for row in map(json.loads, log) if "critic_loss" in row] for log in logs]
    assert len(rows[0]) == len(rows[1]) == 8
    for a, b in zip(*rows, strict=True):
        assert abs(a["critic_loss"] - b["critic_loss"]) < 1e-5
        assert abs(a["generator_loss"] - b["generator_loss"]) < 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_batches_depend_on_seed_and_place_alone(family: str) -> None:
    first, second = (prepared(FAMILIES[family], "data.slices=random") for _ in range(2))
    whole = first.batch(640, 8, slice(0, 8))
    assert torch.equal(whole["real"], second.batch(640, 8, slice(0, 8))["real"])
    parts = torch.cat([second.batch(640, 8, slice(a, a + 4))["real"] for a in (0, 4)])
    assert torch.allclose(whole["real"], parts, atol=1e-5)
    assert not torch.equal(whole["real"], first.batch(648, 8, slice(0, 8))["real"])
    assert whole["label"].max() < len(first.classes)
    assert not set(first.train.names) & set(first.heldout.names)


def test_a_run_leaves_what_is_promised(tmp_path: Path) -> None:
    rows: list[dict] = []
    ready = prepared("wave-8k")
    folder = train(ready, tmp_path / "run", rows.append)
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        ["config.json", "model.safetensors", "README.md", "preview.png", "preview.wav"]
    )
    config = json.loads((folder / "config.json").read_text())
    assert (config["modality"], config["kind"], config["seen"]) == ("music", "wave", 32)
    assert (tmp_path / "run/samples/0000000032.wav").read_bytes() == (folder / "preview.wav").read_bytes()
    wave, rate = soundfile.read(folder / "preview.wav")
    assert rate == 8000 and len(wave) == 20 * 8192 + 19 * 800
    record = provenance.read(folder / "preview.wav")
    assert record is not None and record["command"] == "music train"
    looked = [row for row in rows if "diversity" in row]
    assert len(looked) == 3 and all(np.isfinite(row["diversity"]) for row in looked)
    again: list[dict] = []
    train(ready, tmp_path / "run", again.append)  # a finished run does nothing more
    assert not [row for row in again if "seen" in row]
    with pytest.raises(UserError, match=r"network\.width"):
        train(prepared("wave-8k", "network.width=16"), tmp_path / "run", again.append)


def test_silence_is_noticed_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[dict] = []
    monkeypatch.setattr(networks.WaveGenerator, "sound", lambda self, made: 0 * made)
    train(prepared("wave-16k", "budget.samples=32"), tmp_path / "run", rows.append)
    warnings = [row["warning"] for row in rows if "warning" in row]
    assert sum("100% of the sounds are silent" in text for text in warnings) == 1, "once, not at every look"
    logged = (tmp_path / "run/metrics.jsonl").read_text()
    assert "100% of the sounds are silent" in logged


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["network.name=wave", "data.length=8000"], "data.length"),
        (["data.length=8200"], "network.hop"),
        (["network.bands=300", "network.window=512"], "network.bands"),
        (["network.bands=48"], None),
        (["network.bands=50"], "network.bands"),
        (["network.window=500"], "network.window"),
        (["augment.policy=['gain']"], "augment.policy"),
        (["game.accumulate=2"], "accumulate"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(overrides: list[str], words: str | None) -> None:
    path = folder() / "music/wave-8k.toml"
    if words is None:
        assert load(WaveRecipe, path, overrides)
        return
    with pytest.raises(UserError, match=words):
        load(WaveRecipe, path, overrides)


def test_too_few_sounds_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "one.wav", 0.5 * np.sin(np.arange(4000) / 7), 8000)
    recipe = load(WaveRecipe, folder() / "music/wave-8k.toml")
    with pytest.raises(DataError, match="too few"):
        plan(str(tmp_path), recipe, "x", "cpu")

"""The loop: resuming is exact, what is not finite rolls back, signals save."""

import json
import os
import signal
from pathlib import Path

import pytest
import torch

from creative_gan.core import loop
from creative_gan.core.errors import UserError
from tests.core import toy


def stopping_at(seen_to_stop: int, number: int = signal.SIGTERM):
    """Batches that send this process a signal at one place."""

    def batches(seen: int, batch: int, rows: slice):
        if seen == seen_to_stop:
            os.kill(os.getpid(), number)
        return toy.batches(seen, batch, rows)

    return batches


SETTINGS = {"r1": 0.1, "penalty_every": 4, "n_critic": 2, "lr_end": 0.0, "warmup": 100}


@pytest.mark.parametrize("stop", [0, 16, 160, 336, toy.TOTAL - 16])
def test_stopped_anywhere_and_called_again_is_a_straight_run(tmp_path: Path, stop: int):
    straight = toy.train(tmp_path / "straight", lambda: toy.game(**SETTINGS))
    with pytest.raises(loop.Stopped) as stopped:
        toy.train(tmp_path / "stopped", lambda: toy.game(**SETTINGS), stopping_at(stop))
    assert stopped.value.signal == signal.SIGTERM
    resumed = toy.train(tmp_path / "stopped", lambda: toy.game(**SETTINGS))
    assert torch.equal(toy.weights(straight), toy.weights(resumed))
    assert (tmp_path / "straight/metrics.jsonl").read_bytes() == (
        tmp_path / "stopped/metrics.jsonl"
    ).read_bytes()


def test_saving_often_changes_nothing(tmp_path: Path):
    a = toy.train(tmp_path / "a", lambda: toy.game(**SETTINGS))
    b = toy.train(tmp_path / "b", lambda: toy.game(**SETTINGS), save_seconds=0.0)
    assert torch.equal(toy.weights(a), toy.weights(b))
    assert len(list((tmp_path / "b/checkpoint").iterdir())) == 2


def test_a_finished_run_called_again_does_nothing(tmp_path: Path):
    first = toy.train(tmp_path)
    log = (tmp_path / "metrics.jsonl").read_bytes()
    assert torch.equal(toy.weights(first), toy.weights(toy.train(tmp_path)))
    assert (tmp_path / "metrics.jsonl").read_bytes() == log


def test_a_checkpoint_damaged_after_the_fact_falls_back(tmp_path: Path):
    straight = toy.train(tmp_path / "straight", save_seconds=0.0)
    with pytest.raises(loop.Stopped):
        toy.train(tmp_path / "run", batches=stopping_at(320), save_seconds=0.0)
    newest = sorted((tmp_path / "run/checkpoint").iterdir())[-1]
    body = bytearray((newest / "tensors.safetensors").read_bytes())
    body[-3] ^= 1
    (newest / "tensors.safetensors").write_bytes(bytes(body))
    with pytest.warns(UserWarning, match="is damaged"):
        resumed = toy.train(tmp_path / "run", save_seconds=0.0)
    assert torch.equal(toy.weights(straight), toy.weights(resumed))


def test_not_finite_once_rolls_back_with_half_the_learning_rate(tmp_path: Path):
    poisoned = []

    def batches(seen: int, batch: int, rows: slice):
        made = toy.batches(seen, batch, rows)
        if seen == 320 and not poisoned:
            poisoned.append(seen)
            made["real"][0, 0] = float("nan")
        return made

    game = toy.train(tmp_path, batches=batches)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    warned = [r["warning"] for r in rows if "warning" in r]
    assert (
        len(warned) == 1
        and "learning rate halved" in warned[0]
        and "NaN or infinity in the real" in warned[0]
    )
    assert game.lr_scale == 0.5 and toy.weights(game).isfinite().all()
    seen = [r["seen"] for r in rows if "critic_loss" in r]
    assert seen == sorted(set(seen))  # nothing is logged twice


def test_not_finite_for_ever_stops_with_advice_and_a_finite_checkpoint(tmp_path: Path):
    def batches(seen: int, batch: int, rows: slice):
        made = toy.batches(seen, batch, rows)
        made["real"][0, 0] = float("inf") if seen >= 320 else 0.0
        return made

    with pytest.raises(UserError, match="halved each time; check the data"):
        toy.train(tmp_path, batches=batches, save_seconds=0.0)
    from creative_gan.core.checkpoint import load_newest

    _, state = load_newest(tmp_path / "checkpoint")
    assert all(t.isfinite().all() for t in state["game"]["networks"]["generator"].values())


def test_weights_that_are_not_finite_are_never_saved(tmp_path: Path):
    made, poisoned = toy.game(), []

    def batches(seen: int, batch: int, rows: slice):
        if seen == 320 and not poisoned:  # as a faulty optimiser would leave them
            poisoned.append(seen)
            made.ema.average.body[0].weight.data[0, 0] = float("nan")
        return toy.batches(seen, batch, rows)

    toy.train(tmp_path, lambda: made, batches, save_seconds=0.0)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert any("weights of the ema" in r.get("warning", "") for r in rows)


def test_phases_follow_each_other_and_resume(tmp_path: Path):
    def phases():
        return [
            loop.Phase("first", 320, lambda before: toy.game(lr=1e-3)),
            loop.Phase("second", 320, lambda before: carry(before)),
        ]

    def carry(before):
        after = toy.game(lr=1e-4, loss="hinge")
        if before is not None:
            after.generator.load_state_dict(before.generator.state_dict())
        return after

    def run(folder: Path, batches=toy.batches):
        folder.mkdir(exist_ok=True)
        return loop.train(folder, phases(), batches, 16, 0, toy.watch(), torch.device("cpu"))

    straight = run(tmp_path / "a")
    for stop in (160, 480):
        with pytest.raises(loop.Stopped):
            run(tmp_path / "b", stopping_at(stop))
    resumed = run(tmp_path / "b")
    assert torch.equal(toy.weights(straight), toy.weights(resumed))
    names = [
        json.loads(line).get("phase") for line in (tmp_path / "b/metrics.jsonl").read_text().splitlines()
    ]
    assert names.count("first") > 3 and names.count("second") > 3


def test_saturated_critic_and_collapse_are_said_in_plain_words():
    from creative_gan.core.health import warnings

    memory: dict[str, float] = {}
    said = [text for _ in range(12) for text in warnings({"sign": 1.0}, memory)]
    assert len(said) == 1 and "raise game.r1" in said[0]
    assert warnings({"diversity": 0.3, "real_diversity": 0.3, "progress": 0.5}, memory) == []
    (collapse,) = warnings({"diversity": 0.1, "real_diversity": 0.3, "progress": 0.6}, memory)
    assert "mode collapse" in collapse
    assert warnings({"diversity": 0.1, "real_diversity": 0.3, "progress": 0.7}, memory) == []


def test_samples_that_never_became_varied_are_said_towards_the_end():
    from creative_gan.core.health import warnings

    memory: dict[str, float] = {}
    looks = [(0.01, 0.2), (0.08, 0.5), (0.1, 0.7), (0.12, 0.8), (0.13, 0.95)]
    rows = [{"diversity": value, "real_diversity": 0.3, "progress": at} for value, at in looks]
    said = [warnings(row, memory) for row in rows]
    assert [len(texts) for texts in said] == [0, 0, 0, 1, 0] and "far more alike than the data" in said[3][0]


def test_a_wasserstein_critic_may_tell_all_samples_apart():
    from creative_gan.core.health import warnings

    for loss, count in ((-8.0, 0), (0.002, 1)):
        memory: dict[str, float] = {}
        rows = [{"sign": 1.0, "critic_loss": loss}] * 12
        assert len([text for row in rows for text in warnings(row, memory)]) == count


def test_what_looks_wrong_is_said_once_also_over_a_stop(tmp_path: Path):
    def look(game, seen: int) -> dict:
        return {"value": 1.0} | ({"warning": "all is silent"} if seen >= 160 else {})

    said: list[dict] = []
    settings = {"look": look, "report": said.append}
    with pytest.raises(loop.Stopped):
        toy.train(tmp_path / "run", toy.game, stopping_at(336), **settings)
    toy.train(tmp_path / "run", toy.game, **settings)
    assert [row["seen"] for row in said if "warning" in row] == [160]
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert sum(row.get("warning") == "all is silent" for row in rows) == 1
    assert sum("value" in row for row in rows) == 5 and not any(
        {"value", "warning"} <= set(row) for row in rows
    )


def test_rollbacks_are_remembered_over_a_stop(tmp_path: Path):
    poisoned: list[int] = []

    def batches(seen: int, batch: int, rows: slice):
        made = toy.batches(seen, batch, rows)
        if seen in (160, 320) and seen not in poisoned:
            poisoned.append(seen)
            made["real"][0, 0] = float("nan")
        if seen == 240 and signal.SIGTERM not in poisoned:
            poisoned.append(signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
        return made

    with pytest.raises(loop.Stopped):
        toy.train(tmp_path, batches=batches, save_seconds=0.0)
    assert toy.train(tmp_path, batches=batches, save_seconds=0.0).lr_scale == 0.25


def test_a_manifest_that_names_nothing_verifies_nothing(tmp_path: Path):
    toy.train(tmp_path)
    for path in (tmp_path / "checkpoint").iterdir():
        (path / "manifest.json").write_text("{}")
    with (
        pytest.warns(UserWarning, match="is damaged"),
        pytest.raises(UserError, match="no checkpoint that can be read"),
    ):
        toy.train(tmp_path)

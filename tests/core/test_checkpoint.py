"""Checkpoints: what comes back is what was saved, whatever happens to the files."""

import errno
import os
from pathlib import Path

import pytest
import torch

from creative_gan.core import checkpoint, files
from creative_gan.core.errors import DataError

STATE = {
    "game": {"weight": torch.arange(6.0).view(2, 3), "half": torch.ones(2, dtype=torch.bfloat16)},
    "optimizer": {
        "state": {0: {"step": torch.tensor(3.0)}, 7: {}},
        "param_groups": [{"lr": 0.1, "betas": (0.0, 0.99)}],
    },
    "seen": 12,
    "none": None,
    "rate": 0.1 + 0.2,
    "flag": True,
    "text": "ω",
}


def test_round_trip_is_exact(tmp_path: Path):
    checkpoint.save(tmp_path, 12, STATE)
    seen, back = checkpoint.load_newest(tmp_path)
    assert seen == 12 and back["rate"] == STATE["rate"] and back["flag"] is True and back["text"] == "ω"
    assert torch.equal(back["game"]["weight"], STATE["game"]["weight"])
    assert back["game"]["half"].dtype == torch.bfloat16
    assert list(back["optimizer"]["state"]) == [0, 7]  # numbers stay numbers
    assert back["optimizer"]["param_groups"][0]["betas"] == [0.0, 0.99]


def test_newest_wins_and_two_are_kept(tmp_path: Path):
    for seen in (1, 20, 300):
        checkpoint.save(tmp_path, seen, STATE | {"seen": seen})
    assert checkpoint.load_newest(tmp_path)[1]["seen"] == 300
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", ["tensors.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["truncate", "empty", "flip", "delete"])
def test_any_damage_falls_back_to_the_one_before(tmp_path: Path, name: str, damage: str):
    checkpoint.save(tmp_path, 1, STATE)
    path = checkpoint.save(tmp_path, 2, STATE) / name
    data = bytearray(path.read_bytes())
    if damage == "delete":
        path.unlink()
    elif damage == "flip":
        data[len(data) // 2] ^= 0x10
        path.write_bytes(bytes(data))
    else:
        path.write_bytes(bytes(data[: len(data) // 2 if damage == "truncate" else 0]))
    with pytest.warns(UserWarning, match="going on from the one before"):
        assert checkpoint.load_newest(tmp_path)[0] == 1


def test_nothing_readable_is_said_and_nothing_at_all_is_none(tmp_path: Path):
    assert checkpoint.load_newest(tmp_path / "none") is None
    path = checkpoint.save(tmp_path, 1, STATE)
    (path / "state.json").unlink()
    with (
        pytest.warns(UserWarning, match="is damaged"),
        pytest.raises(DataError, match="start again with --new"),
    ):
        checkpoint.load_newest(tmp_path)


def test_a_full_disk_leaves_the_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    checkpoint.save(tmp_path, 1, STATE)

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(DataError, match="MB free"):
        checkpoint.save(tmp_path, 2, STATE)
    assert checkpoint.load_newest(tmp_path)[0] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["000000000001"]

"""What measures is learnt once for the same data, and again when its entry is gone, damaged or of other data."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from creative_gan.core import judges


@pytest.fixture
def lessons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[nn.Module]:
    """The networks that were taught, each to answer with the number of the lesson."""
    monkeypatch.setenv("CREATIVE_GAN_CACHE", str(tmp_path / "cache"))
    return []


def asked(lessons: list[nn.Module], name: str, outputs: int = 1) -> float:
    def teach(network: nn.Module) -> None:
        lessons.append(network)
        nn.init.constant_(network.bias, float(len(lessons)))

    network = nn.Linear(2, outputs)
    judges.learnt(name, network, teach)
    return network.bias[0].item()


def test_one_lesson_is_enough(lessons: list[nn.Module]) -> None:
    assert [asked(lessons, "a"), asked(lessons, "a"), asked(lessons, "b"), asked(lessons, "a")] == [
        1,
        1,
        2,
        1,
    ]


def test_a_damaged_entry_or_one_of_another_network_is_made_again(lessons: list[nn.Module], tmp_path: Path):
    asked(lessons, "a")
    (file,) = (tmp_path / "cache").rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-3])
    assert [asked(lessons, "a"), asked(lessons, "a")] == [2, 2]
    assert [asked(lessons, "a", outputs=3), asked(lessons, "a", outputs=3)] == [3, 3]


def test_an_entry_that_fits_in_part_leaves_no_trace(lessons: list[nn.Module], tmp_path: Path) -> None:
    asked(lessons, "a")
    (file,) = (tmp_path / "cache").rglob("*.safetensors")
    save_file({"weight": torch.full((1, 2), 7.0)}, file)
    asked(lessons, "a")
    assert len(lessons) == 2 and not (lessons[1].weight == 7).any()


def test_without_a_cache_it_is_learnt_every_time(lessons: list[nn.Module], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert [asked(lessons, "a"), asked(lessons, "a")] == [1, 2]


def test_keys_tell_data_apart(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("one")
    before = judges.key(tmp_path / "code.py")
    (tmp_path / "code.py").write_text("other")
    assert judges.key(tmp_path / "code.py") != before
    labels = np.arange(6)
    keys = [
        judges.key(labels, 2, 0),
        judges.key(labels[::-1], 2, 0),
        judges.key(labels.reshape(2, 3), 2, 0),
        judges.key(labels.astype(np.int32), 2, 0),
        judges.key(labels, 3, 0),
    ]
    assert len(set(keys)) == len(keys) and judges.key(labels.copy(), 2, 0) == keys[0]
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    assert judges.key(labels, 2, 0) not in keys
    torch.set_num_threads(threads)

"""Trainings on a device that is not there: no tensor is left behind where a GPU would miss it."""

from importlib import import_module
from pathlib import Path

import pytest
import torch

from creative_gan.core.device import Compute
from creative_gan.music.midi.model import Manner, load
from tests import far
from tests.test_gpu import trained

KINDS = {"pictures": "image", "relgan": "text"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_behind(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    training = import_module(f"creative_gan.{KINDS[kind]}.train")
    monkeypatch.setattr(training, "choose", lambda *asked: Compute(far.FAR, False, "far away"))
    with far.device():
        model = trained(kind, tmp_path / "run", "auto", steps=2)
    assert (model / "model.safetensors").is_file()


def test_songs_are_the_same_there(composed: Path):
    model, manner = load(composed), Manner(bars=1)
    near = model.ids(range(2), manner, 2)
    generator = model.generators[model.config["sampler"]]
    with far.device() as there:
        generator.to(there)
        assert model.ids(range(2), manner, 2) == near


def test_what_is_left_behind_is_noticed():
    with far.device() as there:
        away, here = torch.ones(3, device=there), torch.ones(3)
        assert (away * torch.tensor(2.0))[torch.tensor([0, 1])].sum().item() == 4, "as on a GPU"
        for wrong in (
            lambda: away + here,
            lambda: torch.stack([away.sum(), here.sum()]),
            lambda: here[away.long()],
            lambda: away.numpy(),
        ):
            with pytest.raises(RuntimeError):
                wrong()

"""The recipe suits the data and the device, and an estimate says what a run takes."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from creative_gan.cli.recipes import folder
from creative_gan.core.device import Compute
from creative_gan.core.errors import DataError
from creative_gan.core.recipe import load
from creative_gan.music.wave import choose
from creative_gan.music.wave.estimate import estimate
from creative_gan.music.wave.recipe import WaveRecipe
from creative_gan.music.wave.train import plan


def sounds(root: Path, rate: int, seconds: float) -> str:
    root.mkdir()
    for i in range(3):
        soundfile.write(root / f"{i}.wav", 0.5 * np.sin(np.arange(int(rate * seconds)) / (7 + i)), rate)
    (root / "broken.wav").write_bytes(b"RIFF")
    return str(root)


def test_the_recipe_suits_the_sounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short, long = sounds(tmp_path / "short", 44100, 0.5), sounds(tmp_path / "long", 44100, 5)
    low = sounds(tmp_path / "low", 8000, 0.5)
    assert choose.recipe_for("builtin:drums") == "drums"
    assert choose.recipe_for(long, "cpu") == "wave-8k"
    gpu = Compute(torch.device("cuda"), True, "")
    monkeypatch.setattr(choose, "choose", lambda device: gpu)
    assert [choose.recipe_for(one) for one in (short, long, low)] == ["wave-16k", "long", "wave-8k"]
    (tmp_path / "none").mkdir()
    (tmp_path / "none/broken.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match="no sound that can be read"):
        choose.recipe_for(str(tmp_path / "none"))


def test_an_estimate_names_sounds_parameters_and_minutes() -> None:
    recipe = load(WaveRecipe, folder() / "music/wave-8k.toml", ["game.penalty_every=1"], test=True)
    lines = estimate(plan("builtin:drums", recipe, "music/wave-8k", "cpu"))
    assert "sounds of 1.02 s at 8,000 Hz" in lines[0] and "8 classes" in lines[0]
    assert any(line.startswith("parameters: generator") for line in lines)
    assert "sounds/s" in lines[-1] and "minutes" in lines[-1]

"""The drums are many, labelled, deterministic, different from each other, and the same at any rate."""

import numpy as np
import torch

from creative_gan.core.recipe import load, locate
from creative_gan.music.signal import resample
from creative_gan.music.wave import builtin, check, data
from creative_gan.music.wave.recipe import WaveRecipe


def brightness(wave: np.ndarray, rate: int) -> float:
    """Mean frequency of the power spectrum in Hz."""
    power = np.abs(np.fft.rfft(wave)) ** 2
    return float((power * np.fft.rfftfreq(len(wave), 1 / rate)).sum() / power.sum())


def test_drums_are_what_their_names_say() -> None:
    made = list(builtin.drums(22050, count=3))
    assert len(made) == 3 * 8 and builtin.SOUNDS_OF_A_KIND * 8 == 1520
    assert all(wave.dtype == np.float32 and np.abs(wave).max() <= 1.0001 for wave, _ in made)
    assert all(np.abs(wave[:20]).max() > 0 and np.abs(wave[-1]) < 0.01 for wave, _ in made), (
        "no click at the end"
    )
    kinds = {kind: [wave for wave, other in made if other == kind] for kind in builtin.DRUMS}
    bright = {kind: np.mean([brightness(wave, 22050) for wave in waves]) for kind, waves in kinds.items()}
    long = {kind: np.mean([len(wave) / 22050 for wave in waves]) for kind, waves in kinds.items()}
    assert bright["kick"] < 150 < bright["snare"] < bright["closed_hat"] and bright["tom"] < 400
    assert bright["open_hat"] > 4000 and long["open_hat"] > 3 * long["closed_hat"]
    for waves in kinds.values():
        assert len({wave.tobytes() for wave in waves}) == len(waves)


def test_the_same_drum_at_any_rate_and_time() -> None:
    high, low = (next(iter(builtin.drums(rate, count=1)))[0] for rate in (48000, 8000))
    assert np.array_equal(low, next(iter(builtin.drums(8000, count=1)))[0])
    down = resample(torch.from_numpy(high), 48000, 8000).numpy()
    assert np.abs(down / np.abs(down).max() - low).max() < 1e-3


def test_check_advises_what_their_recipe_has(monkeypatch) -> None:
    monkeypatch.setitem(builtin.SETS, "drums", lambda rate: builtin.drums(rate, count=1))
    report = check.check("builtin:drums")
    recipe = load(WaveRecipe, locate("drums", "music")).data
    assert (report.rate, report.length) == (recipe.rate, recipe.length) == (16_000, 8_192)


def test_drums_open_as_a_set(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(builtin.SETS, "drums", lambda rate: builtin.drums(rate, count=1))
    sounds = data.open_sounds("builtin:drums", 16000, 16384, cache=tmp_path)
    assert (len(sounds), sounds.classes) == (8, list(builtin.DRUMS))
    assert sounds.batch(np.arange(8))["real"].abs().amax(2).min() > 0.99
    again = data.open_sounds("builtin:drums", 16000, 16384, cache=tmp_path)
    assert again.fingerprint == sounds.fingerprint

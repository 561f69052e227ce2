"""The figures tell good sounds from bad ones, and what has gone wrong is noticed and said."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from creative_gan.core.errors import UserError
from creative_gan.music.wave import metrics
from creative_gan.music.wave.data import Sounds, open_sounds
from creative_gan.music.wave.judge import Judge, log_mel, train_judge

RATE, LENGTH, CLASSES = 8000, 2048, ("hum", "bell", "hiss")
REAL = Path(os.environ.get("CREATIVE_GAN_DATA", Path(__file__).parents[4] / "shared" / "data"))


def sound(kind: str, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(LENGTH) / RATE
    decay = np.exp(-time * rng.uniform(3, 12))
    if kind == "hiss":
        return rng.standard_normal(LENGTH) * decay
    hz = rng.uniform(100, 250) if kind == "hum" else rng.uniform(900, 1800)
    return (np.sin(2 * np.pi * hz * time) + 0.3 * np.sin(2 * np.pi * 2 * hz * time)) * decay


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> Sounds:
    folder, rng = tmp_path_factory.mktemp("sounds"), np.random.default_rng(0)
    for i in range(240):
        kind = CLASSES[i % 3]
        wave = sound(kind, rng)
        soundfile.write(folder / f"{kind}_{i}.wav", 0.9 * wave / np.abs(wave).max(), RATE)
    cache = tmp_path_factory.mktemp("cache")
    return open_sounds(folder, RATE, LENGTH, trim=False, label_pattern="{label}_{}.wav", cache=cache)


@pytest.fixture(scope="module")
def judge(sounds: Sounds) -> Judge:
    return train_judge(sounds.split(0.4)[0], seen=2500)


def everything(sounds: Sounds) -> Tensor:
    return sounds.batch(np.arange(len(sounds)))["real"]


def test_the_judge_learns_and_is_repeatable(
    sounds: Sounds, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, held = sounds.split(0.4)
    assert judge.accuracy(held) > 0.95
    features, odds = judge.look(everything(held))
    assert features.shape == (96, 96) and odds.shape == (96, 3)
    assert np.allclose(odds.sum(1), 1)
    before = torch.get_rng_state()
    short = []
    for cache in ("one", "one", "other"):
        monkeypatch.setenv("CREATIVE_GAN_CACHE", str(tmp_path / cache))
        short.append(train_judge(train, seen=128).look(everything(held))[0])
    assert np.array_equal(short[0], short[1]) and np.array_equal(short[0], short[2])
    assert torch.equal(before, torch.get_rng_state()), "nobody else's random numbers are touched"


def test_a_judge_needs_classes(sounds: Sounds) -> None:
    only = sounds.subset(np.arange(0, 60, 3))
    with pytest.raises(UserError, match="no classes"):
        train_judge(Sounds(**{**vars(only), "labels": None, "classes": []}))


def test_good_sounds_reach_the_real_figures_and_bad_ones_do_not(sounds: Sounds, judge: Judge) -> None:
    train, held = sounds.split(0.4)
    rng = np.random.default_rng(1)
    label = torch.tensor([i % 3 for i in range(96)])
    good = torch.stack([torch.from_numpy(sound(CLASSES[i % 3], rng)).float() for i in range(96)])[:, None]
    good = good / good.abs().amax(2, keepdim=True)
    order = sounds.classes.index("hum"), sounds.classes.index("bell"), sounds.classes.index("hiss")
    asked = torch.tensor(order)[label]
    noise = 0.3 * torch.randn(good.shape, generator=torch.Generator().manual_seed(0))
    results = {
        name: {m.name: m for m in metrics.evaluate(train, held, fake, judge, asked)}
        for name, fake in (("good", good), ("noise", noise), ("same", good[:1].repeat(96, 1, 1)))
    }
    good_row, noise_row, same_row = results.values()
    assert good_row["inception score"].value > 2.7 and good_row["inception score"].real > 2.7
    assert noise_row["inception score"].value < 1.3 and same_row["inception score"].value < 1.1
    assert good_row["right class"].value > 0.9 and noise_row["right class"].value < 0.5
    assert good_row["rarest class"].value > 0.8 and noise_row["rarest class"].value == 0
    for name in ("Fréchet distance", "log-mel Fréchet"):
        assert good_row[name].value < 3 * good_row[name].real < 0.3 * noise_row[name].value
    assert good_row["recall"].value > 0.6 and same_row["recall"].value < 0.1
    assert same_row["duplicates"].value == 1 and good_row["duplicates"].value < 0.1
    assert good_row["copies of training sounds"].value < 0.1
    copied = {m.name: m for m in metrics.evaluate(train, held, everything(train)[:96])}
    assert copied["copies of training sounds"].value == 1
    assert "inception score" not in copied
    silent = {m.name: m for m in metrics.evaluate(train, held, 0 * good)}
    assert silent["silent share"].value == 1 and silent["loudness (LUFS)"].value == -70


def test_too_few_sounds(sounds: Sounds) -> None:
    train, held = sounds.split(0.4)
    with pytest.raises(UserError, match="too few"):
        metrics.evaluate(train, held, torch.zeros(10, 1, LENGTH))


def test_inception_score_of_known_odds() -> None:
    assert metrics.inception_score(np.eye(4).repeat(3, 0)) == pytest.approx(4)
    assert metrics.inception_score(np.full((5, 4), 0.25)) == pytest.approx(1)
    assert metrics.inception_score(np.eye(4)[[0, 0]]) == pytest.approx(1)


def test_troubles_are_said(sounds: Sounds) -> None:
    real = everything(sounds)
    assert metrics.troubles(real[:100], real[100:], RATE) == []
    click = torch.zeros(32, 1, LENGTH)
    click[torch.arange(32), 0, torch.arange(32) * 50] = 0.9
    time = torch.arange(LENGTH) / RATE
    tones = torch.stack([torch.sin(2 * torch.pi * 440 * time + i) for i in range(32)])[:, None]
    for fake, word in (
        (click * 0, "silent"),
        (click, "click"),
        (tones, "single tone"),
        (real[:1] + 1e-4 * torch.randn(32, 1, LENGTH), "all nearly the same"),
    ):
        assert any(word in sentence for sentence in metrics.troubles(fake, real, RATE)), word


def test_log_mel_has_few_frames_for_any_length_and_rate() -> None:
    for rate, length in ((8000, 8192), (16000, 16384), (48000, 65536), (8000, 65536)):
        assert log_mel(torch.zeros(1, 1, length), rate).shape[2:][0] == 40
        assert log_mel(torch.zeros(1, 1, length), rate).shape[3] <= 130


@pytest.mark.long
@pytest.mark.realdata
def test_spoken_digits_are_told_apart(tmp_path) -> None:
    if not (REAL / "fsdd").is_dir():
        pytest.skip("the folder of real data is not there")
    digits = open_sounds(REAL / "fsdd", 8000, 8192, label_pattern="{label}_{}_{}.wav", cache=tmp_path)
    train, held = digits.split(0.15)
    judge = train_judge(train)
    assert judge.accuracy(held) >= 0.97
    assert metrics.inception_score(judge.look(everything(held))[1]) > 9


def test_sounds_of_a_class_that_are_all_alike_are_not_diverse(sounds: Sounds) -> None:
    wave = sounds.batch(np.arange(4))["real"].repeat(8, 1, 1)
    labels = torch.arange(32) % 4
    assert metrics.diversity(wave, sounds.rate) > 0.1
    assert metrics.diversity(wave, sounds.rate, labels) == pytest.approx(0, abs=1e-3)
    assert metrics.diversity(wave[labels == 0], sounds.rate) == pytest.approx(0, abs=1e-3)

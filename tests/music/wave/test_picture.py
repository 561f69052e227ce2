"""Pictures of sounds show the right thing in the right place."""

import numpy as np
import pytest

from creative_gan.music.wave.picture import BACKGROUND, sound_picture, sound_sheet, spectrogram_picture


def tone(hz: float, rate: int = 16000, seconds: float = 1.0) -> np.ndarray:
    return (0.8 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def brightest_row(wave: np.ndarray, rate: int = 16000) -> int:
    pixels = np.asarray(spectrogram_picture(wave, rate, 200, 100)).astype(int).sum(2)
    return int(pixels[:, 50:150].sum(1).argmax())


def test_high_tones_are_above_low_ones_and_octaves_are_apart() -> None:
    rows = [brightest_row(tone(hz)) for hz in (200, 1000, 4000, 7000)]
    assert rows == sorted(rows, reverse=True)
    assert rows[0] > 80 and rows[-1] < 15


def test_time_runs_to_the_right() -> None:
    wave = np.concatenate([np.zeros(8000, np.float32), tone(1000, seconds=0.5)])
    pixels = np.asarray(spectrogram_picture(wave, 16000, 200, 100)).astype(int)
    assert np.all(pixels[:, :80] == BACKGROUND)
    assert pixels[:, 150].sum(1).max() > 500


@pytest.mark.parametrize("wave", [np.zeros(8000, np.float32), np.ones(1, np.float32), tone(300, 48000, 3)])
@pytest.mark.parametrize("rate", [8000, 48000])
def test_any_sound_has_a_picture(wave: np.ndarray, rate: int) -> None:
    assert sound_picture(wave, rate, "a title").size == (960, 540)
    assert sound_picture(wave, rate, width=240, height=200).size == (240, 200)


def test_a_sheet_holds_all() -> None:
    sheet = sound_sheet([tone(400)] * 5, 16000, ["a"] * 5, columns=3, side=64)
    assert sheet.size == (3 * 72 + 8, 2 * (64 + 16 + 16 + 8) + 8)

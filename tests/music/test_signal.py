"""The spectra agree with librosa, and with torchaudio where there is one."""

import math

import librosa
import numpy as np
import pytest
import torch

from creative_gan.music import signal


def chirp(rate: int, seconds: float = 1.0) -> torch.Tensor:
    """A sweep from 100 Hz up to 0.4 of the rate, plus a little noise. [N]"""
    time = torch.arange(int(rate * seconds)) / rate
    sweep = torch.sin(2 * math.pi * (100 * time + (0.4 * rate - 100) / (2 * seconds) * time**2))
    return 0.5 * sweep + 0.01 * torch.randn(len(time), generator=torch.Generator().manual_seed(0))


def sine(hz: float, rate: int) -> torch.Tensor:
    """One second. [rate]"""
    return torch.sin(2 * math.pi * hz * torch.arange(rate, dtype=torch.float64) / rate).float()


def test_spectrogram_is_that_of_librosa() -> None:
    wave = chirp(16000)
    ours = signal.mel_spectrogram(wave, 16000, 512, 128, 64)
    theirs = librosa.feature.melspectrogram(
        y=wave.numpy(), sr=16000, n_fft=512, hop_length=128, n_mels=64, pad_mode="constant"
    )
    assert np.abs(ours.numpy() - theirs).max() < 1e-5 * theirs.max()


@pytest.mark.parametrize(
    ("rate", "n_fft", "n_mels"), [(8000, 256, 40), (22050, 1024, 80), (48000, 2048, 128)]
)
def test_mel_filters_are_those_of_librosa(rate: int, n_fft: int, n_mels: int) -> None:
    ours = signal.mel_filters(rate, n_fft, n_mels).numpy()
    assert np.abs(ours - librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels)).max() < 1e-5


def test_inverse_spectrum_gives_the_wave_back() -> None:
    wave = chirp(8000)[None].repeat(2, 1)
    back = signal.istft(signal.stft(wave, 256, 64), 64, wave.shape[-1])
    assert (back - wave).abs().max() < 1e-5


def test_griffin_lim_is_that_of_librosa_and_gets_close() -> None:
    wave = chirp(8000)
    magnitude = signal.stft(wave, 512, 128).abs()
    ours = signal.griffin_lim(magnitude, 128, len(wave), rounds=4)
    theirs = librosa.griffinlim(
        magnitude.double().numpy(), n_iter=4, hop_length=128, init=None, length=len(wave), pad_mode="constant"
    )
    assert np.abs(ours.numpy() - theirs).max() < 1e-3
    ours = signal.griffin_lim(magnitude, 128, len(wave), rounds=60)
    error = (signal.stft(ours, 512, 128).abs() - magnitude).norm() / magnitude.norm()
    assert error < 0.1


@pytest.mark.parametrize(("rate", "to_rate"), [(44100, 8000), (48000, 16000), (8000, 44100), (22050, 16000)])
def test_resampling_keeps_the_band_and_damps_what_does_not_fit(rate: int, to_rate: int) -> None:
    low = 0.8 * min(rate, to_rate) / 2
    out = signal.resample(sine(low, rate), rate, to_rate)
    assert len(out) == to_rate
    inner = slice(to_rate // 10, -to_rate // 10)
    assert (out - sine(low, to_rate))[inner].abs().max() < 1e-4
    if to_rate < rate:
        alias = signal.resample(sine(0.55 * to_rate, rate), rate, to_rate)
        assert alias[inner].abs().max() < 1e-4


def test_resampling_is_that_of_torchaudio() -> None:
    if signal.TORCHAUDIO is None:
        pytest.skip("torchaudio is not installed or does not load")
    wave, theirs = chirp(44100), signal.resample(chirp(44100), 44100, 16000)
    filters = signal.mel_filters(22050, 1024, 80)
    try:
        working, signal.TORCHAUDIO = signal.TORCHAUDIO, None
        assert (signal.resample(wave, 44100, 16000) - theirs).abs().max() < 1e-5
        assert (signal.mel_filters(22050, 1024, 80) - filters).abs().max() < 1e-5
    finally:
        signal.TORCHAUDIO = working


def test_loudness_of_a_full_scale_sine() -> None:
    """BS.1770: a 997 Hz sine at 0 dBFS in one channel reads -3.01 LUFS."""
    for rate in (16000, 48000):
        sine = torch.sin(2 * math.pi * 997 * torch.arange(rate * 2) / rate)
        assert abs(float(signal.loudness(sine, rate)) + 3.01) < 0.05
        assert abs(float(signal.loudness(sine[: rate // 10] / 10, rate)) + 23.01) < 0.4
    assert float(signal.loudness(torch.zeros(16000), 16000)) == -70

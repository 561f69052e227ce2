"""Signal processing for sounds in torch: resampling, spectra, mel filters, loudness, Griffin-Lim.

The only file that uses torchaudio, where it loads (`core/audio_guard.py`); elsewhere the functions below compute
the same numbers (to 1e-5).
"""

import math
from fractions import Fraction
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from creative_gan.core.audio_guard import torchaudio

TORCHAUDIO = torchaudio().module
"""None where it is absent or broken: the functions below then compute the same numbers."""

# A Kaiser-windowed sinc that passes 95 % of the band and damps aliases by more than 100 dB.
ZEROS, ROLLOFF, BETA = 64, 0.9475937167399596, 14.769656459379492


def resample(wave: Tensor, rate: int, to_rate: int) -> Tensor:
    """Band-limited resampling by a windowed sinc (https://ccrma.stanford.edu/~jos/resample/).

    wave: [..., N] at `rate` Hz. Returns [..., ceil(N * to_rate / rate)].
    """
    step, phases = reduced(rate, to_rate)
    if step == phases:
        return wave
    if TORCHAUDIO is not None:
        resampled: Tensor = TORCHAUDIO.functional.resample(
            wave, step, phases, ZEROS, ROLLOFF, "sinc_interp_kaiser", BETA
        )
        return resampled
    # The same ratio in larger numbers: with one output or two to a stride, a convolution is slow.
    times = math.ceil(64 / phases)
    step, phases = step * times, phases * times
    kernel, margin = _sinc_kernel(step, phases)
    length = math.ceil(wave.shape[-1] * phases / step)
    padded = F.pad(wave.reshape(-1, 1, wave.shape[-1]), (margin, margin + step))
    # One filter per output phase, all of them `step` input samples apart: a polyphase filter bank.
    bank = F.conv1d(padded, kernel.to(wave), stride=step)
    return bank.transpose(1, 2).reshape(*wave.shape[:-1], -1)[..., :length]


def reduced(rate: int, to_rate: int) -> tuple[int, int]:
    """The ratio of two rates in small numbers, 0.02 cents off at worst.

    Rates without a large common divisor would need a filter for each of thousands of phases.
    """
    ratio = Fraction(to_rate, rate).limit_denominator(1000)
    return ratio.denominator, ratio.numerator


def resample_margin(step: int, phases: int) -> int:
    """Input samples on either side that an output sample depends on; the ratio as `reduced` gives it."""
    return math.ceil(ZEROS * step / (min(step, phases) * ROLLOFF))


@cache
def _sinc_kernel(step: int, phases: int) -> tuple[Tensor, int]:
    """Filters [phases, 1, 2 * margin + step], and the margin in input samples."""
    margin = resample_margin(step, phases)
    cutoff = min(step, phases) * ROLLOFF
    taps = torch.arange(-margin, margin + step, dtype=torch.float64) / step
    offsets = torch.arange(phases, dtype=torch.float64) / phases
    time = ((taps - offsets[:, None]) * cutoff).clamp(-ZEROS, ZEROS)
    window = torch.special.i0(BETA * torch.sqrt(1 - (time / ZEROS) ** 2)) / torch.special.i0(
        torch.tensor(BETA, dtype=torch.float64)
    )
    kernel = torch.sinc(time) * window * cutoff / step
    return kernel.float()[:, None], margin


def stft(wave: Tensor, n_fft: int, hop: int) -> Tensor:
    """Short-time Fourier transform with a Hann window, the ends padded with zeros.

    wave: [..., N] float. Returns complex [..., n_fft // 2 + 1, N // hop + 1].
    """
    flat = wave.reshape(-1, wave.shape[-1])
    window = torch.hann_window(n_fft, dtype=wave.dtype, device=wave.device)
    spectrum = torch.stft(flat, n_fft, hop, window=window, pad_mode="constant", return_complex=True)
    return spectrum.reshape(*wave.shape[:-1], *spectrum.shape[1:])


def istft(spectrum: Tensor, hop: int, length: int) -> Tensor:
    """The wave [..., length] whose short-time spectrum is nearest to complex [..., bins, frames]."""
    n_fft = 2 * (spectrum.shape[-2] - 1)
    flat = spectrum.reshape(-1, *spectrum.shape[-2:])
    window = torch.hann_window(n_fft, dtype=spectrum.real.dtype, device=spectrum.device)
    wave = torch.istft(flat, n_fft, hop, window=window, length=length)
    return wave.reshape(*spectrum.shape[:-2], length)


def mel_filters(rate: int, n_fft: int, n_mels: int) -> Tensor:
    """Triangular filters of equal area on Slaney's mel scale, from 0 Hz to half the rate.

    Returns [n_mels, n_fft // 2 + 1] float32.
    """
    if TORCHAUDIO is not None:
        filters: Tensor = TORCHAUDIO.functional.melscale_fbanks(
            n_fft // 2 + 1, 0.0, rate / 2, n_mels, rate, norm="slaney", mel_scale="slaney"
        )
        return filters.T.contiguous()
    top = float(hz_to_mel(torch.tensor(rate / 2, dtype=torch.float64)))
    edges = mel_to_hz(torch.linspace(0, top, n_mels + 2, dtype=torch.float64))
    bins = torch.linspace(0, rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    triangles = torch.minimum(rising, falling).clamp_min(0)
    return (triangles * 2 / (edges[2:] - edges[:-2])[:, None]).float()


def hz_to_mel(hz: Tensor) -> Tensor:
    """Slaney's mel scale: linear below 1000 Hz, 27 mels to a factor of 6.4 above."""
    return torch.where(
        hz < 1000, hz * 3 / 200, 15 + 27 * torch.log(hz.clamp_min(1000) / 1000) / math.log(6.4)
    )


def mel_to_hz(mel: Tensor) -> Tensor:
    """The inverse of `hz_to_mel`."""
    return torch.where(
        mel < 15, mel * 200 / 3, 1000 * torch.exp((mel.clamp_min(15) - 15) / 27 * math.log(6.4))
    )


def mel_spectrogram(wave: Tensor, rate: int, n_fft: int, hop: int, n_mels: int) -> Tensor:
    """Power in mel bands. wave: [..., N] at `rate` Hz. Returns [..., n_mels, N // hop + 1]."""
    power = stft(wave, n_fft, hop).abs().square()
    return mel_filters(rate, n_fft, n_mels).to(power) @ power


def decibels(power: Tensor, floor: float = -100.0) -> Tensor:
    """10 log10 of a power, not below `floor` dB."""
    return (10 * torch.log10(power.clamp_min(1e-20))).clamp_min(floor)


def griffin_lim(magnitude: Tensor, hop: int, length: int, rounds: int = 32, momentum: float = 0.99) -> Tensor:
    """A wave with about this magnitude spectrum, phases found by the fast Griffin-Lim algorithm.

    magnitude: [..., n_fft // 2 + 1, frames]. Returns [..., length]. Starts from zero phases, so that the same
    magnitudes give the same wave. Perraudin, Balazs, Søndergaard, "A fast Griffin-Lim algorithm", 2013.
    """
    n_fft = 2 * (magnitude.shape[-2] - 1)
    spectrum = magnitude.to(magnitude.dtype.to_complex())
    before = torch.zeros_like(spectrum)
    for _ in range(rounds):
        rebuilt = stft(istft(spectrum, hop, length), n_fft, hop)
        # Algorithm 2: a step past the projection, in the direction of the last one.
        spectrum = rebuilt.sub(before, alpha=momentum / (1 + momentum))
        # its absolute value by hand, which takes half as long as `abs` of complex numbers does
        power = torch.addcmul(spectrum.real.square(), spectrum.imag, spectrum.imag)
        spectrum *= magnitude / power.sqrt().clamp_min(1e-16)
        before = rebuilt
    return istft(spectrum, hop, length)


def loudness(wave: Tensor, rate: int) -> Tensor:
    """Gated loudness in LUFS of one channel (ITU-R BS.1770-4), -70 for silence.

    wave: [..., N] in [-1, 1] at `rate` Hz. Returns [...].
    """
    spectrum = torch.fft.rfft(wave)
    bins = torch.linspace(0, rate / 2, spectrum.shape[-1], dtype=torch.float64)
    weighted = torch.fft.irfft(spectrum * _k_weighting(bins).to(spectrum.device), n=wave.shape[-1])
    block, hop = round(0.4 * rate), round(0.1 * rate)
    padded = F.pad(weighted, (0, max(0, block - weighted.shape[-1])))
    # A sound shorter than a block is measured over its own length, not over the padding.
    stretch = max(1.0, block / wave.shape[-1])
    power = padded.unfold(-1, block, hop).square().mean(-1) * stretch
    levels = -0.691 + decibels(power)
    absolute = (levels > -70).float()
    mean = (power * absolute).sum(-1) / absolute.sum(-1).clamp_min(1)
    gate = ((levels > (-0.691 + decibels(mean) - 10)[..., None]) & (levels > -70)).float()
    return (-0.691 + decibels((power * gate).sum(-1) / gate.sum(-1).clamp_min(1))).clamp_min(-70)


def _k_weighting(hz: Tensor) -> Tensor:
    """Gain of the two filters of BS.1770-4, tables 1 and 2, at these frequencies. Returns float32 like hz."""
    unit = torch.exp(-2j * math.pi * hz / 48000)
    shelf = (1.53512485958697 - 2.69169618940638 * unit + 1.19839281085285 * unit**2) / (
        1 - 1.69065929318241 * unit + 0.73248077421585 * unit**2
    )
    high_pass = (1 - 2 * unit + unit**2) / (1 - 1.99004745483398 * unit + 0.99007225036621 * unit**2)
    return (shelf * high_pass).abs().float()

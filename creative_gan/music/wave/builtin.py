"""`builtin:drums`: about 1,500 drum sounds of eight kinds, synthesised with random parameters, labelled.

Made at 48 kHz the way drum machines do it: falling sines for skins, filtered noise for wires and hands,
clusters of inharmonic square waves for metal, each with its own envelope; then resampled.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch

from creative_gan.core.draws import derive
from creative_gan.music.signal import resample

RATE = 48_000
SOUNDS_OF_A_KIND = 190

Drum = Callable[[np.random.Generator], np.ndarray]


def drums(rate: int, count: int = SOUNDS_OF_A_KIND, seed: int = 0) -> Iterator[tuple[np.ndarray, str]]:
    """Sounds and their kinds, `count` of each kind; each depends on (seed, kind, number) alone.

    Yields: float32 [n] at `rate` Hz with a peak of 1, and the kind.
    """
    for kind, make in DRUMS.items():
        for number in range(count):
            sound = make(np.random.default_rng(derive(seed, kind, number)))
            yield _finished(sound, rate), kind


def kick(rng: np.random.Generator) -> np.ndarray:
    """A sine that falls fast to its ground tone, driven into saturation, with the click of the beater."""
    seconds = _between(rng, 0.25, 0.6)
    ground, fall = _between(rng, 42, 68), _between(rng, 2.5, 6)
    pitch = ground * (1 + (fall - 1) * _decay(seconds, _between(rng, 0.012, 0.04)))
    body = _sine(pitch) * _decay(seconds, seconds / 4) * _attack(seconds, 0.001)
    drive = _between(rng, 0.8, 3)
    click = _noise(rng, seconds, 1500, _between(rng, 5000, 9000)) * _decay(
        seconds, _between(rng, 0.002, 0.005)
    )
    return np.tanh(drive * body) / math.tanh(drive) + _between(rng, 0.05, 0.35) * click


def snare(rng: np.random.Generator) -> np.ndarray:
    """Two modes of the skin and the rattle of the wires, which outlasts them."""
    seconds = _between(rng, 0.2, 0.45)
    tone = _between(rng, 160, 240)
    bend = 1 + _between(rng, 0.1, 0.5) * _decay(seconds, 0.012)
    skin = _sine(tone * bend) + _between(rng, 0.3, 0.7) * _sine(tone * _between(rng, 1.5, 1.85) * bend)
    wires = _noise(rng, seconds, _between(rng, 900, 2200), _between(rng, 8000, 14000))
    tail = _decay(seconds, seconds / _between(rng, 4, 6))
    crack = _noise(rng, seconds, 2500, 12000) * _decay(seconds, 0.006)
    mix = _between(rng, 0.35, 0.8)
    return (
        skin * _decay(seconds, _between(rng, 0.03, 0.07)) * (1 - mix) * 0.8 + wires * tail * mix + 0.5 * crack
    )


def closed_hat(rng: np.random.Generator) -> np.ndarray:
    """Metal, damped at once."""
    seconds = _between(rng, 0.08, 0.14)
    return _metal(rng, seconds) * _decay(seconds, _between(rng, 0.012, 0.03)) * _attack(seconds, 0.0005)


def open_hat(rng: np.random.Generator) -> np.ndarray:
    """Metal that rings on."""
    seconds = _between(rng, 0.45, 0.9)
    ring = 0.75 * _decay(seconds, seconds / _between(rng, 3.5, 5)) + 0.25 * _decay(seconds, 0.02)
    return _metal(rng, seconds) * ring * _attack(seconds, 0.0005)


def tom(rng: np.random.Generator) -> np.ndarray:
    """The modes of a round skin, sinking a little, and the stick."""
    seconds = _between(rng, 0.35, 0.7)
    tone = math.exp(_between(rng, math.log(75), math.log(230)))
    bend = 1 + _between(rng, 0.15, 0.6) * _decay(seconds, _between(rng, 0.03, 0.08))
    # Zeros of the Bessel functions: the overtones of an ideal drum skin (Fletcher & Rossing, section 3.4).
    modes = zip((1, 1.594, 2.136, 2.296), (1, 0.45, 0.2, 0.15), (4, 8, 12, 14), strict=True)
    skin = sum(
        gain * _sine(tone * ratio * bend) * _decay(seconds, seconds / fast) for ratio, gain, fast in modes
    )
    stick = _noise(rng, seconds, 600, 5000) * _decay(seconds, 0.008)
    return skin * _attack(seconds, 0.002) + _between(rng, 0.1, 0.4) * stick


def clap(rng: np.random.Generator) -> np.ndarray:
    """Several hands, a hundredth of a second apart, and the room."""
    seconds = _between(rng, 0.2, 0.4)
    centre = _between(rng, 900, 1700)
    noise = _noise(rng, seconds, centre * 0.6, centre * _between(rng, 2, 4))
    envelope = np.zeros(len(noise))
    start = 0.0
    for _ in range(int(rng.integers(3, 6))):
        at = round(start * RATE)
        envelope[at:] += (_decay(seconds, 0.004) * _between(rng, 0.7, 1))[: len(envelope) - at]
        start += _between(rng, 0.008, 0.014)
    at = round(start * RATE)
    envelope[at:] += (0.8 * _decay(seconds, seconds / _between(rng, 5, 8)))[: len(envelope) - at]
    return noise * envelope


def rim(rng: np.random.Generator) -> np.ndarray:
    """A hard knock of wood: three short high modes."""
    seconds = _between(rng, 0.06, 0.12)
    tone = _between(rng, 420, 800)
    ratios = (1, _between(rng, 2.1, 2.5), _between(rng, 3.7, 4.4))
    wood = sum(
        gain * _sine(tone * ratio * np.ones(_frames(seconds))) * _decay(seconds, _between(rng, 0.006, 0.014))
        for ratio, gain in zip(ratios, (0.7, 1, 0.5), strict=True)
    )
    return wood + 0.4 * _noise(rng, seconds, 2000, 9000) * _decay(seconds, 0.002)


def cowbell(rng: np.random.Generator) -> np.ndarray:
    """Two square waves a rough fifth apart, rounded off."""
    seconds = _between(rng, 0.2, 0.45)
    tone, ratio = _between(rng, 500, 680), _between(rng, 1.46, 1.54)
    both = _square(tone, seconds) + _square(tone * ratio, seconds)
    ring = 0.6 * _decay(seconds, 0.015) + 0.4 * _decay(seconds, seconds / 4)
    return _band(both, tone * 0.8, 6000) * ring


DRUMS: dict[str, Drum] = {
    "kick": kick,
    "snare": snare,
    "closed_hat": closed_hat,
    "open_hat": open_hat,
    "tom": tom,
    "clap": clap,
    "rim": rim,
    "cowbell": cowbell,
}
SETS = {"drums": drums}


def _finished(sound: np.ndarray, rate: int) -> np.ndarray:
    fade = len(sound) // 3
    faded = np.concatenate([sound[:-fade], sound[-fade:] * np.linspace(1, 0, fade) ** 2])
    wave = resample(torch.from_numpy(faded.astype(np.float32)), RATE, rate).numpy()
    return wave / np.abs(wave).max()


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _frames(seconds: float) -> int:
    return round(seconds * RATE)


def _decay(seconds: float, time: float) -> np.ndarray:
    """Falls to 1/e in `time` seconds."""
    return np.exp(-np.arange(_frames(seconds)) / (time * RATE))


def _attack(seconds: float, time: float) -> np.ndarray:
    """Rises to 1 in `time` seconds."""
    return np.minimum(np.arange(_frames(seconds)) / (time * RATE), 1)


def _sine(hz: np.ndarray) -> np.ndarray:
    return np.sin(2 * math.pi * np.cumsum(hz) / RATE)


def _square(hz: float, seconds: float) -> np.ndarray:
    """The mean over four points of each sample keeps what folds back from above half of the rate low."""
    phase = np.arange(4 * _frames(seconds)) * (hz / (4 * RATE))
    return np.where(phase - np.floor(phase) < 0.5, 1.0, -1.0).reshape(-1, 4) @ np.full(4, 0.25)


def _band(wave: np.ndarray, low: float, high: float) -> np.ndarray:
    """What lies between two frequencies, falling by 12 dB an octave outside them."""
    size = 2 ** math.ceil(math.log2(len(wave)))  # any other takes several times as long
    return np.fft.irfft(np.fft.rfft(wave, size) * _gain(size, low, high), size)[: len(wave)]


def _gain(size: int, low: float, high: float) -> np.ndarray:
    hz = np.fft.rfftfreq(size, 1 / RATE)[1:]
    return np.concatenate([[0], 1 / np.sqrt((1 + (low / hz) ** 4) * (1 + (hz / high) ** 4))])


def _noise(rng: np.random.Generator, seconds: float, low: float, high: float) -> np.ndarray:
    """White noise within a band, with a peak of about 1."""
    wave = _band(rng.standard_normal(_frames(seconds)), low, high)
    return wave / (3 * wave.std())


def _metal(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Six square waves in inharmonic ratios, ring-modulated by noise, with their low end cut off."""
    tone = _between(rng, 320, 520)
    ratios = (1, 1.342, 1.2312, 1.6532, 1.9523, 2.1523)
    squares = sum(_square(tone * ratio * _between(rng, 0.98, 1.02), seconds) for ratio in ratios)
    hiss = rng.standard_normal(_frames(seconds))
    mixed = squares / np.std(squares) + _between(rng, 0.4, 1.2) * hiss
    low = _between(rng, 4500, 7500)
    wave = _band(_band(mixed, low, 16000), low, 16000)
    return wave / (3 * wave.std())

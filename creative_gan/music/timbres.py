"""How instruments sound: sums of partials with their envelopes, and percussion of tones and noise."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from creative_gan.core.draws import derive


@dataclass(frozen=True)
class Timbre:
    """What a note is made of; times in seconds."""

    partials: tuple[float, ...]
    """Loudness of each partial."""
    ratios: tuple[float, ...] = ()
    """Frequency of each over that of the note; whole numbers if left out."""
    attack: float = 0.005
    release: float = 0.15
    decay: float = 0.0
    """How fast a note on C4 dies away, in nepers a second; 0 where it goes on."""
    damping: float = 0.0
    """How much faster higher partials die away, by their number."""
    voices: int = 1
    """Players of one part, a little out of tune with each other."""
    detune: float = 0.0
    """Cents between the outermost players."""
    vibrato: float = 0.0
    """Cents up and down, five to six times a second."""
    breath: float = 0.0
    """Noise about the note."""
    formants: tuple[tuple[float, float], ...] = ()
    """(Hz, loudness) of resonances that stay when the note moves."""
    stiffness: float = 0.0
    """How much the partials of a string are stretched: f_k = k f sqrt(1 + stiffness k^2)."""
    gain: float = 1.0


_TABLE = 8192
"""Samples of a table; between them the twentieth partial is true to -88 dB of the note."""
_BLOCK = 8192
"""Samples that are worked on at once: few enough to stay in the processor's cache."""


def _falling(count: int, power: float) -> tuple[float, ...]:
    return tuple(float(k**-power) for k in range(1, count + 1))


_HAMMER = tuple(abs(np.sin(k * np.pi / 7.3)) * k**-1.35 for k in range(1, 17))
_PLUCK = tuple(abs(np.sin(k * np.pi / 4.6)) * k**-1.5 for k in range(1, 15))
TIMBRES: dict[str, Timbre] = {
    "piano": Timbre(
        _HAMMER,
        attack=0.003,
        release=0.12,
        decay=1.1,
        damping=0.35,
        stiffness=4e-4,
        voices=2,
        detune=1.5,
        gain=1.5,
    ),
    "bells": Timbre(
        (0.5, 1.0, 0.7, 0.45, 0.5, 0.25, 0.2),
        (0.5, 1.0, 1.19, 1.5, 2.0, 2.74, 3.76),
        attack=0.002,
        release=0.6,
        decay=1.0,
        damping=0.25,
        gain=0.9,
    ),
    "organ": Timbre(
        (0.6, 1.0, 0.35, 0.7, 0.3, 0.4, 0.15, 0.22),
        (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0),
        attack=0.02,
        release=0.08,
        voices=2,
        detune=3.0,
        gain=0.6,
    ),
    "guitar": Timbre(_PLUCK, attack=0.002, release=0.1, decay=1.9, damping=0.5, stiffness=1e-4, gain=1.5),
    "bass": Timbre(_falling(10, 1.3), attack=0.006, release=0.08, decay=1.0, damping=0.7, gain=1.0),
    "strings": Timbre(
        _falling(18, 1.25),
        attack=0.09,
        release=0.25,
        voices=4,
        detune=14.0,
        vibrato=7.0,
        formants=((450.0, 0.5), (1100.0, 0.5), (2600.0, 0.4)),
        gain=0.75,
    ),
    "choir": Timbre(
        _falling(20, 1.0),
        attack=0.08,
        release=0.22,
        voices=4,
        detune=16.0,
        vibrato=12.0,
        breath=0.008,
        formants=((620.0, 2.2), (1080.0, 1.4), (2700.0, 0.45)),
        gain=0.75,
    ),
    "brass": Timbre(
        _falling(14, 0.9),
        attack=0.05,
        release=0.1,
        voices=2,
        detune=5.0,
        vibrato=4.0,
        formants=((900.0, 0.8),),
        gain=0.6,
    ),
    "reed": Timbre(
        (1.0, 0.12, 0.6, 0.1, 0.4, 0.08, 0.25, 0.05, 0.15),
        attack=0.035,
        release=0.09,
        vibrato=5.0,
        breath=0.008,
        gain=0.55,
    ),
    "flute": Timbre(
        (1.0, 0.35, 0.14, 0.05, 0.02), attack=0.05, release=0.1, vibrato=9.0, breath=0.03, gain=0.65
    ),
    "lead": Timbre(_falling(16, 1.1), attack=0.01, release=0.1, voices=2, detune=10.0, vibrato=5.0, gain=0.6),
    "pad": Timbre(_falling(12, 1.6), attack=0.25, release=0.5, voices=4, detune=18.0, gain=0.75),
}
# The timbre of each family of eight General MIDI programs.
_FAMILIES = (
    *("piano", "bells", "organ", "guitar", "bass", "strings", "strings", "brass"),
    *("reed", "flute", "lead", "pad", "pad", "guitar", "bells", "pad"),
)
_CHOIRS = (52, 53, 54, 85, 91)


def timbre_of(program: int) -> str:
    """The name of the timbre for a General MIDI program, 0 to 127."""
    return "choir" if program in _CHOIRS else _FAMILIES[program // 8]


@lru_cache(maxsize=2048)
def tone(name: str, pitch: int, samples: int, rate: int) -> np.ndarray:
    """A note as it sounds while it is held, at its own loudness.

    Returns float32 [samples]; the release is left to the caller, so that notes of all lengths share this.
    """
    timbre, frequency = TIMBRES[name], 440.0 * 2.0 ** ((pitch - 69) / 12)
    rng = np.random.default_rng(derive("tone", name, pitch))
    wave = np.zeros(samples, np.float32)
    spread = np.linspace(-0.5, 0.5, timbre.voices) if timbre.voices > 1 else np.zeros(1)
    for voice in spread:
        hertz = frequency * 2 ** (voice * timbre.detune / 1200)
        speed, begin = (rng.uniform(5.0, 6.0), rng.random()) if timbre.vibrato else (1.0, 0.0)
        # The swing of the phase that a swing of the frequency by so many cents makes; it sets in slowly.
        depth = frequency * (2 ** (timbre.vibrato / 1200) - 1) / (2 * np.pi * speed)
        partials = _partials(timbre, frequency, rate, rng)
        table = None if timbre.decay else _table(partials)
        for start in range(0, samples, _BLOCK):
            time = np.arange(start, min(start + _BLOCK, samples)) / rate
            turns = hertz * time
            if timbre.vibrato:
                turns += depth * _sine(speed * time + begin) * np.clip(time * 3 - 0.3, 0, 1)
            wave[start : start + _BLOCK] += (
                _dying(timbre, frequency, partials, turns, time)
                if table is None
                else _looked_up(table, turns)
            )
    wave *= timbre.gain / timbre.voices
    if timbre.breath:
        wave += timbre.breath * _noise_about(frequency, samples, rate, rng)
    rise = min(samples, max(1, int(timbre.attack * rate)))
    wave[:rise] *= np.sin(np.linspace(0, np.pi / 2, rise, dtype=np.float32)) ** 2
    wave.setflags(write=False)
    return wave


class _Partial(NamedTuple):
    times: float
    """Its frequency over that of the note."""
    level: float
    start: float
    """In turns."""
    damping: float
    """How much faster than the first it dies away."""


def _partials(timbre: Timbre, frequency: float, rate: int, rng: np.random.Generator) -> list[_Partial]:
    """Those that are heard at that rate; together they have a level of 1."""
    ratios = timbre.ratios or tuple(range(1, len(timbre.partials) + 1))
    levels = np.array(timbre.partials) * [_resonance(timbre, ratio * frequency) for ratio in ratios]
    levels /= np.sqrt((levels**2).sum())
    partials = []
    for k, (ratio, level) in enumerate(zip(ratios, levels, strict=True)):
        times = ratio * np.sqrt(1 + timbre.stiffness * ratio**2)
        if times * frequency <= 0.45 * rate and level >= 1e-3:
            partials.append(_Partial(times, level, rng.random(), 1 + timbre.damping * k))
    return partials


def _sine(turns: np.ndarray) -> np.ndarray:
    # Whole turns are dropped before float32, whose sine is several times faster and as good for this.
    return np.sin((2 * np.pi * (turns - np.floor(turns))).astype(np.float32))


def _dying(
    timbre: Timbre, frequency: float, partials: list[_Partial], turns: np.ndarray, time: np.ndarray
) -> np.ndarray:
    wave = np.zeros(len(time), np.float32)
    # High strings die away sooner than low ones.
    fading = (-timbre.decay * (frequency / 261.6) ** 0.6 * time).astype(np.float32)
    for partial in partials:
        fade = np.exp(fading * np.float32(partial.damping)) * np.float32(partial.level)
        wave += _sine(turns * partial.times + partial.start) * fade
    return wave


def _table(partials: list[_Partial]) -> np.ndarray:
    """Two turns of what repeats: the partials of a sound that goes on are multiples of a half."""
    turns = np.arange(_TABLE + 1) * (2 / _TABLE)
    wave = np.zeros(_TABLE + 1, np.float32)
    for partial in partials:
        wave += _sine(turns * partial.times + partial.start) * np.float32(partial.level)
    return wave


def _looked_up(table: np.ndarray, turns: np.ndarray) -> np.ndarray:
    place = (turns - 2 * np.floor(turns / 2)) * (_TABLE / 2)
    step = place.astype(np.int32)
    before, after = table[step], table[step + 1]
    return before + (place - step).astype(np.float32) * (after - before)


def _resonance(timbre: Timbre, hertz: float) -> float:
    if not timbre.formants:
        return 1.0
    return 0.12 + sum(
        level * np.exp(-(((hertz - centre) / (0.28 * centre)) ** 2)) for centre, level in timbre.formants
    )


def _noise_about(frequency: float, samples: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """A band of noise around a frequency, louder where the note begins."""
    width = max(2, int(rate / frequency * 2))
    slow = []
    for _ in "sc":  # a moving mean by running sums, which take as long for a wide one
        sums = np.concatenate([[0.0], np.cumsum(rng.standard_normal(samples + width))])
        slow.append((sums[width:] - sums[:-width]) / np.sqrt(width))
    turns = frequency * np.arange(samples) / rate
    band = slow[0][:samples] * _sine(turns) + slow[1][:samples] * _sine(turns + 0.25)
    return (band * (1 + 2 * np.exp(-np.arange(samples) / (0.04 * rate)))).astype(np.float32)


@lru_cache(maxsize=512)
def drum(pitch: int, rate: int) -> np.ndarray:
    """A stroke on the General MIDI percussion instrument of that pitch. Returns float32 [samples]."""
    rng = np.random.default_rng(derive("drum", pitch))
    low, high, sweep, tone_level, noise_level, seconds, bright = _DRUMS.get(
        pitch, (400.0 + 12 * pitch, 0.0, 0.0, 0.6, 0.1, 0.12, 0.3)
    )
    time = np.arange(int(seconds * 4 * rate)) / rate
    fade = np.exp(-time / (seconds * 0.6))
    hertz = low + (high - low if high else 0.0) * np.exp(-time / max(sweep, 1e-3))
    body = np.sin(2 * np.pi * np.cumsum(hertz) / rate) * fade
    noise = rng.standard_normal(len(time))
    # A difference takes the low frequencies out of noise, a mean the high ones.
    sharp, dull = np.diff(noise, prepend=0.0), (noise + np.roll(noise, 1) + np.roll(noise, 2)) / 2
    hiss = (bright * sharp + (1 - bright) * dull) * np.exp(-time / (seconds * 0.45))
    if pitch == 39:  # hands do not clap at once
        hiss *= 0.35 + sum(np.exp(-((time - at) ** 2) / 2e-5) for at in (0.0, 0.012, 0.024))
    wave = (tone_level * body + noise_level * hiss).astype(np.float32)
    wave *= np.minimum(1.0, np.arange(len(wave), dtype=np.float32) / (0.001 * rate))
    wave.setflags(write=False)
    return wave


# Frequency at the end and at the beginning (0: the same), seconds of the sweep, levels of tone and noise,
# seconds, share of high frequencies in the noise.
_KICK, _SNARE = (50.0, 160.0, 0.03, 1.5, 0.06, 0.25, 0.3), (185.0, 260.0, 0.02, 0.5, 0.45, 0.14, 0.6)
_CLOSED, _OPEN = (8000.0, 0.0, 0.0, 0.02, 0.22, 0.035, 1.0), (8000.0, 0.0, 0.0, 0.02, 0.22, 0.28, 1.0)
_CRASH, _RIDE = (5200.0, 0.0, 0.0, 0.03, 0.28, 0.8, 0.95), (5600.0, 0.0, 0.0, 0.08, 0.14, 0.5, 1.0)
_TOMS = {
    pitch: (80.0 + 16 * i, 130.0 + 26 * i, 0.05, 1.0, 0.05, 0.3, 0.3)
    for i, pitch in enumerate((41, 43, 45, 47, 48, 50))
}
_DRUMS = _TOMS | {
    35: _KICK,
    36: _KICK,
    37: (1700.0, 0.0, 0.0, 0.5, 0.2, 0.03, 0.6),
    38: _SNARE,
    40: _SNARE,
    39: (1000.0, 0.0, 0.0, 0.0, 0.55, 0.12, 0.5),
    42: _CLOSED,
    44: _CLOSED,
    46: _OPEN,
    49: _CRASH,
    57: _CRASH,
    51: _RIDE,
    59: _RIDE,
    53: (5600.0, 0.0, 0.0, 0.25, 0.08, 0.4, 1.0),
    54: _CLOSED,
    56: (560.0, 0.0, 0.0, 0.6, 0.05, 0.12, 0.5),
    69: _CLOSED,
    70: _CLOSED,
}

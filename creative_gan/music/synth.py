"""Makes sound of MIDI: with fluidsynth where the system has it, else with a small synthesiser of its own."""

import warnings
from importlib import import_module

import numpy as np
import pretty_midi

from creative_gan.core.errors import UserError
from creative_gan.music.timbres import TIMBRES, drum, timbre_of, tone

ENGINES = ("auto", "own", "fluidsynth")
MAX_MINUTES = 30
LONGEST_NOTE = 20.0
"""Seconds after which a held note is let go."""
TAIL = 1.5
"""Seconds that the last note and the room have to die away."""
FLUIDSYNTH_RATE = 96_000
"""Samples a second at most; asked for more, it says so on the side and plays at 44,100."""
LOUDNESS, CEILING = 0.12, 0.95
"""Root mean square that a whole song is brought to, and the peak it never reaches."""

# Where parts sit between left (-1) and right (1), in their order; bass and drums stay in the middle.
_SEATS = (0.0, -0.35, 0.35, -0.6, 0.6, -0.2, 0.2, -0.5, 0.5)
# Delays in seconds and feedback of the room's echoes, another set for each ear. Schroeder, 1962.
_ECHOES = ((0.0297, 0.0371, 0.0411, 0.0437), (0.0309, 0.0353, 0.0397, 0.0453))
_FEEDBACK, _DIFFUSERS, _WET = 0.74, (0.0050, 0.0017), 0.16


def render(midi: pretty_midi.PrettyMIDI, rate: int = 44100, engine: str = "auto") -> np.ndarray:
    """The sound of a song.

    Args:
        midi: what to play.
        rate: samples a second, 8,000 to 192,000.
        engine: `own` for the synthesiser here, which gives the same samples everywhere; `fluidsynth` with
            the sound font that comes with pretty_midi, both ears alike; `auto` for fluidsynth where it can be
            loaded and plays at that rate.

    Returns:
        float32 [samples, 2] in (-1, 1), left and right.

    Raises:
        UserError: the song is longer than half an hour, or fluidsynth is asked for and is not there or does not
            play at that rate.
    """
    assert engine in ENGINES and 8_000 <= rate <= 192_000
    end = midi.get_end_time()
    if end > MAX_MINUTES * 60:
        raise UserError(f"the song lasts {end / 60:.0f} minutes; at most {MAX_MINUTES} are rendered")
    if engine == "fluidsynth" and not has_fluidsynth():
        raise UserError(
            "fluidsynth cannot be loaded; install the system's libfluidsynth and `pip install pyfluidsynth`, "
            "or leave the engine to `auto`"
        )
    if engine == "fluidsynth" and rate > FLUIDSYNTH_RATE:
        raise UserError(
            f"fluidsynth plays at {FLUIDSYNTH_RATE:,} samples a second at most; ask for a lower rate or for the "
            "engine `own`"
        )
    if engine != "own" and rate <= FLUIDSYNTH_RATE and has_fluidsynth():
        with np.errstate(invalid="ignore"):  # of a song that is all silence, it makes 0 / 0
            sound = np.nan_to_num(np.asarray(midi.fluidsynth(fs=rate), np.float32))
        return _levelled(np.stack([sound, sound], 1))
    return _levelled(_played(midi, rate, end))


def has_fluidsynth() -> bool:
    """Whether pyfluidsynth and the library that it needs can both be loaded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import_module("fluidsynth")
    except Exception:  # without the library, its import fails in ways that differ by version and system
        return False
    return True


def _played(midi: pretty_midi.PrettyMIDI, rate: int, end: float) -> np.ndarray:
    """All parts in their seats, and the room. Returns float32 [samples, 2]."""
    dry = np.zeros((2, int((end + TAIL) * rate) + 1), np.float32)
    seat = 0
    for part in midi.instruments:
        if not part.notes:
            continue
        bus = _drum_bus(part, rate, dry.shape[1]) if part.is_drum else _part_bus(part, rate, dry.shape[1])
        place = 0.0
        if not part.is_drum and timbre_of(part.program) != "bass":
            place, seat = _SEATS[seat % len(_SEATS)], seat + 1
        # Equal power wherever the part sits.
        angle = (place + 1) * np.pi / 4
        dry[0] += np.float32(np.cos(angle)) * bus
        dry[1] += np.float32(np.sin(angle)) * bus
    wet = np.stack([_room(side, rate, delays) for side, delays in zip(dry, _ECHOES, strict=True)])
    return (dry + np.float32(_WET) * wet).T


def _part_bus(part: pretty_midi.Instrument, rate: int, samples: int) -> np.ndarray:
    bus = np.zeros(samples, np.float32)
    name = timbre_of(part.program)
    release = int(TIMBRES[name].release * rate)
    fade = np.cos(np.linspace(0, np.pi / 2, release, dtype=np.float32)) ** 2
    held = [int(min(note.end - note.start, LONGEST_NOTE) * rate) + release for note in part.notes]
    longest: dict[int, int] = {}
    for note, length in zip(part.notes, held, strict=True):
        # Whole seconds, so that songs share the waveforms that are kept.
        longest[note.pitch] = max(longest.get(note.pitch, 0), -(-length // rate) * rate)
    for note, length in zip(part.notes, held, strict=True):
        wave = tone(name, note.pitch, longest[note.pitch], rate)[:length].copy()
        wave[-release:] *= fade
        _add(bus, wave, int(note.start * rate), note.velocity)
    return bus


def _drum_bus(part: pretty_midi.Instrument, rate: int, samples: int) -> np.ndarray:
    bus = np.zeros(samples, np.float32)
    for note in part.notes:
        _add(bus, drum(note.pitch, rate), int(note.start * rate), note.velocity)
    return bus


def _add(bus: np.ndarray, wave: np.ndarray, start: int, velocity: int) -> None:
    wave = wave[: len(bus) - start]
    bus[start : start + len(wave)] += wave * np.float32((velocity / 100) ** 1.5)


def _room(dry: np.ndarray, rate: int, delays: tuple[float, ...]) -> np.ndarray:
    """Four echoes side by side, their highs damped, then two all-pass filters that blur them."""
    wet = np.zeros_like(dry)
    for delay in delays:
        wet += _echo(dry, int(delay * rate), _FEEDBACK) / len(delays)
    for delay in _DIFFUSERS:
        wet = _all_pass(wet, int(delay * rate), 0.6)
    return wet


def _echo(dry: np.ndarray, delay: int, feedback: float) -> np.ndarray:
    """y[n] = x[n - D] + g (y[n - D] + y[n - D - 1]) / 2, a block of D samples at a time."""
    out = np.zeros(len(dry) + delay + 1, np.float32)
    for start in range(0, len(dry), delay):
        stop = min(start + delay, len(dry))
        # out is one sample ahead, so that y[n - D - 1] exists at the beginning.
        before = out[start + 1 : stop + 1] + out[start:stop]
        out[start + delay + 1 : stop + delay + 1] = dry[start:stop] + np.float32(feedback / 2) * before
    return out[1 : len(dry) + 1]


def _all_pass(dry: np.ndarray, delay: int, gain: float) -> np.ndarray:
    """y[n] = -g x[n] + x[n - D] + g y[n - D], all samples at a time.

    1 / (1 - g z^-D) is the product of (1 + g^m z^-mD) over the powers of two, m = 1, 2, 4 and so on.
    """
    out = np.float32(-gain) * dry
    out[delay:] += dry[: max(0, len(dry) - delay)]
    power, shift = gain, delay
    while power > 1e-9 and shift < len(out):
        out[shift:] += np.float32(power) * out[:-shift]
        power, shift = power**2, 2 * shift
    return out


def _levelled(sound: np.ndarray) -> np.ndarray:
    """Bring a song to one loudness; what would go beyond the ceiling is bent, never clipped."""
    if not sound.any():
        return np.ascontiguousarray(sound, np.float32)
    loud = np.sqrt((sound.astype(np.float64) ** 2).mean())
    sound = sound * np.float32(LOUDNESS / loud)
    return np.ascontiguousarray(np.tanh(sound / np.float32(CEILING)) * np.float32(CEILING))

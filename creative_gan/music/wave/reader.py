"""Read one sound file of any kind, rate and number of channels, in parts that fit in memory.

Damaged files are refused with a sentence; what a header claims is never believed and never allocated.
"""

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from creative_gan.core.errors import DataError
from creative_gan.music.kinds import KINDS
from creative_gan.music.signal import reduced, resample, resample_margin

SUFFIXES = KINDS["wave"]
FOREIGN = (".m4a", ".aac", ".wma")
"""What soundfile does not know; audioread reads them where the system has a decoder, such as ffmpeg."""
RATES = (1_000, 768_000)
PART = 1 << 23
"""Frames in a part: 34 MB, 3 minutes at 48 kHz."""
LONGEST = 1 << 30
"""Frames in a file: 6 hours at 48 kHz."""

LOUDEST = 1e9
"""Full scale is 1; whatever is beyond this is taken for infinite, as its square soon is."""

_BLOCK = 1 << 18
_CHUNKS = 1000


@dataclass(frozen=True)
class Header:
    """What a file says of itself."""

    rate: int
    channels: int
    frames: int
    kind: str
    """Such as `WAV PCM_16`, or `M4A`."""


def read_header(path: Path) -> Header:
    """The header, checked against the length of the file.

    Raises DataError if it is no sound file, cut off, empty, or of an impossible rate or length.
    """
    if path.suffix.lower() in FOREIGN:
        with _decoded(path) as sound:
            return Header(sound.samplerate, sound.channels, sound.frames, path.suffix[1:].upper())
    with _opened(path) as sound:
        header = Header(sound.samplerate, sound.channels, sound.frames, f"{sound.format} {sound.subtype}")
    _check_riff(path)
    if header.frames == 0:
        raise DataError(path, "holds no samples")
    _check_rate(path, header.rate)
    if header.frames > LONGEST:
        hours = header.frames / header.rate / 3600
        raise DataError(
            path, f"lasts {hours:,.0f} hours, which is too long for one file", "cut it into pieces"
        )
    return header


def read_parts(path: Path, rate: int) -> Iterator[np.ndarray]:
    """The sound in parts of a few minutes, channels mixed to one, at `rate` Hz.

    Yields: float32 [n], in about [-1, 1].

    Raises DataError if the file is damaged; parts may have been given out before that.
    """
    header, foreign = read_header(path), path.suffix.lower() in FOREIGN
    step, phases = reduced(header.rate, rate)
    margin = -(-resample_margin(step, phases) // step) * step
    whole = -(-PART // step) * step
    before = np.zeros(0, np.float32)
    done = 0
    with _decoded(path) if foreign else _opened(path) as sound:
        ahead = _mono(sound, whole, path)
        while len(ahead):
            part, ahead = ahead, _mono(sound, whole, path)
            # context on both sides, so that the parts join without a seam
            joined = np.concatenate([before, part, ahead[:margin]])
            skip = len(before) * phases // step
            wanted = -(-len(part) * phases // step)
            yield resample(torch.from_numpy(joined), header.rate, rate).numpy()[skip : skip + wanted]
            before = part[len(part) - margin :] if len(part) == whole else part[:0]
            done += len(part)
            if done > LONGEST:
                raise DataError(path, "is too long for one file", "cut it into pieces")
    if not foreign and done < 0.98 * header.frames:
        raise DataError(path, f"is cut off: {done:,} of {header.frames:,} samples are there", "copy it again")
    if not done:
        raise DataError(path, "holds no samples")


def read_sound(path: Path) -> tuple[np.ndarray, int]:
    """The first minutes of a sound at its own rate, channels mixed to one: float32 [n], and the rate in Hz.

    Raises DataError if there is nothing in it, or it is damaged.
    """
    rate = read_header(path).rate
    wave = next(iter(read_parts(path, rate)), np.zeros(0, np.float32))
    if not len(wave):
        raise DataError(path, "holds no sound")
    return wave, rate


def _mono(sound: "soundfile.SoundFile | _Decoded", frames: int, path: Path) -> np.ndarray:
    """The next frames, channels averaged. Returns float32 [up to frames]."""
    block = max(1, _BLOCK // sound.channels)
    pieces = []
    while frames > 0:
        piece = sound.read(min(block, frames), dtype="float32", always_2d=True)
        if not len(piece):
            break
        if not (np.abs(piece) < LOUDEST).all():
            raise DataError(path, "holds samples that are not numbers (NaN or infinite)", "export it again")
        pieces.append(piece.mean(1))
        frames -= len(piece)
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


@contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    try:
        if path.stat().st_size == 0:
            raise DataError(path, "is empty")
        with soundfile.SoundFile(path) as sound:
            yield sound
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: a file of raw samples, by its ending
        raise DataError(path, "is not a sound file that can be read", "convert it to WAV or FLAC") from error
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})") from error


def _check_rate(path: Path, rate: int) -> None:
    if not RATES[0] <= rate <= RATES[1]:
        raise DataError(path, f"has a rate of {rate} Hz, which no sound has; the file is damaged")


def _check_riff(path: Path) -> None:
    """A WAV file must be as long as its header says; libsndfile reads what is there without a word."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return
        for _ in range(_CHUNKS):
            chunk = file.read(8)
            if len(chunk) < 8:
                return
            kind, length = struct.unpack("<4sI", chunk)
            if kind == b"data":
                there = size - file.tell()
                if length > there + 1:
                    sizes = f"promises {_bytes(length)} of samples, {_bytes(there)} are there"
                    raise DataError(path, f"is cut off: its header {sizes}", "copy or convert it again")
                return
            file.seek(length + length % 2, 1)


def _bytes(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


class _Decoded:
    """What audioread decodes, to be read as soundfile's files are."""

    def __init__(self, file: Any, path: Path) -> None:
        self.samplerate, self.channels = int(file.samplerate), int(file.channels)
        self.frames = round((file.duration or 0) * self.samplerate)
        """As its header has it: a guess for some kinds, 0 where it does not say."""
        self._blocks = _blocks(file, path)
        self._left = np.zeros((0, self.channels), np.float32)

    def read(self, frames: int, dtype: str = "float32", always_2d: bool = True) -> np.ndarray:
        """The next samples, float32 [up to `frames`, channels]; none at the end."""
        pieces = [self._left]
        have = len(self._left)
        while have < frames and (block := next(self._blocks, None)) is not None:
            whole = len(block) - len(block) % (2 * self.channels)
            samples = np.frombuffer(block[:whole], "<i2").astype(np.float32) / np.float32(32768)
            pieces.append(samples.reshape(-1, self.channels))
            have += len(pieces[-1])
        joined = np.concatenate(pieces)
        self._left = joined[frames:]
        return joined[:frames]


@contextmanager
def _decoded(path: Path) -> Iterator[_Decoded]:
    """A file that soundfile does not know. Raises DataError if nothing on this system decodes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it loads modules that Python has given up
        import audioread

        try:
            file = audioread.audio_open(path)
        except Exception as error:
            raise _undecoded(path) from error
    with file:
        sound = _Decoded(file, path)
        _check_rate(path, sound.samplerate)
        if sound.channels < 1:
            raise _undecoded(path)
        yield sound


def _blocks(file: Any, path: Path) -> Iterator[bytes]:
    try:
        yield from file
    except Exception as error:
        raise _undecoded(path) from error


def _undecoded(path: Path) -> DataError:
    """Whatever a decoder raises: those that audioread tries have no common exception."""
    return DataError(path, "cannot be read on this system", "convert it to WAV or FLAC")

"""Sounds into files: WAV, FLAC and OGG, each with its origin; the same sound makes the same bytes."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from creative_gan.core.errors import UserError
from creative_gan.core.files import write_bytes, write_folder
from creative_gan.core.provenance import SOFTWARE, Record, text, together, wav_bytes_with_origin

FORMATS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}

PAUSE = 0.1
"""Seconds of silence between sounds that one file plays in turn."""

_PAGE = b"OggS"


def write_sound(
    path: str | Path, wave: np.ndarray, rate: int, origin: Record | None = None, overwrite: bool = False
) -> None:
    """Write a sound; the ending says how.

    Args and errors: those of `sound_bytes`; UserError also if the file exists and `overwrite` is not set.
    """
    write_bytes(path, sound_bytes(wave, rate, sound_ending(path), origin), overwrite)


def write_sounds(
    waves: np.ndarray,
    rate: int,
    out: str | Path,
    origins: Sequence[Record] | None,
    overwrite: bool = False,
    ending: str = ".wav",
) -> list[Path]:
    """Write sounds as the name of `out` says.

    `.wav`, `.flac`, `.ogg`: the sound, or several in turn with short pauses; a folder or a name without an
    ending: a folder of 00000.wav, 00001.wav... (or of the `ending` named).

    waves: [N, L] at `rate` Hz. origins: one record per sound, or None to leave no trace. Returns the paths
    written. Raises UserError for another ending, or if `out` exists and `overwrite` is not set.
    """
    out = Path(out)
    assert origins is None or len(origins) == len(waves), "one origin per sound"
    if out.suffix and not out.is_dir():
        one = together(origins) if origins else None
        write_sound(out, in_turn(list(waves), rate), rate, one, overwrite)
        return [out]
    names = [f"{i:05d}{ending}" for i in range(len(waves))]

    def build(folder: Path) -> None:
        for i, name in enumerate(names):
            data = sound_bytes(waves[i], rate, ending, origins[i] if origins else None)
            (folder / name).write_bytes(data)

    write_folder(out, build, overwrite)
    return [out / name for name in names]


def in_turn(waves: Sequence[np.ndarray], rate: int) -> np.ndarray:
    """Sounds [L] one after the other, with a short pause between them. Returns [samples]."""
    pause = np.zeros(round(PAUSE * rate), np.float32)
    return np.concatenate([part for wave in waves for part in (pause, wave)][1:])


def sound_ending(path: str | Path) -> str:
    """The ending of a path, in small letters.

    Raises UserError if sounds are not written in that format.
    """
    ending = Path(path).suffix.lower()
    if ending not in FORMATS:
        known = ", ".join(FORMATS)
        if ending in (".mid", ".midi"):
            raise UserError(f"{path}: this model makes sounds, not notes; name a file with one of {known}")
        raise UserError(f"{path}: sounds are written as {known}, told by the ending")
    return ending


def sound_bytes(wave: np.ndarray, rate: int, ending: str = ".wav", origin: Record | None = None) -> bytes:
    """A sound as the bytes of a file, 16 bits a sample (OGG: Vorbis).

    Args:
        wave: [N] or [channels, N] float; beyond [-1, 1] it is clipped.
        rate: samples a second.
        ending: `.wav`, `.flac` or `.ogg`.
        origin: what `provenance.origin` gives; WAV has it in its LIST/INFO and XMP chunks, the others in the
            tag `COMMENT`.

    Raises UserError if the sound is empty or holds values that are not numbers.
    """
    frames = np.atleast_2d(np.asarray(wave, np.float64)).T
    if not frames.size:
        raise UserError("the sound is empty; nothing was written")
    if not np.isfinite(frames).all():
        raise UserError(
            "the sound holds values that are not numbers; nothing was written; try another checkpoint"
        )
    samples = np.rint(frames.clip(-1, 1) * 32767).astype(np.int16)
    kind, coding = FORMATS[ending]
    out = io.BytesIO()
    with soundfile.SoundFile(out, "w", rate, frames.shape[1], coding, format=kind) as file:
        if origin is not None and kind != "WAV":
            file.software, file.comment = SOFTWARE, text(origin)
        file.write(samples)
    written = out.getvalue()
    if kind == "WAV":
        return wav_bytes_with_origin(written, origin) if origin is not None else written
    return _same_serial(written) if kind == "OGG" else written


def _same_serial(ogg: bytes) -> bytes:
    """Give the stream the serial number 1, which libsndfile draws by chance. RFC 3533, section 6."""
    data, at = bytearray(ogg), 0
    while at < len(data):
        assert data[at : at + 4] == _PAGE
        segments = data[at + 26]
        end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
        data[at + 14 : at + 18] = (1).to_bytes(4, "little")
        data[at + 22 : at + 26] = bytes(4)
        data[at + 22 : at + 26] = _crc(data[at:end]).to_bytes(4, "little")
        at = end
    return bytes(data)


def _crc(page: bytes | bytearray) -> int:
    register = 0
    for byte in page:
        register = (register << 8 & 0xFFFFFFFF) ^ _CRC_TABLE[(register >> 24) ^ byte]
    return register


def _crc_entry(byte: int) -> int:
    register = byte << 24
    for _ in range(8):
        register = (register << 1) ^ (0x04C11DB7 if register & 0x80000000 else 0)
    return register & 0xFFFFFFFF


_CRC_TABLE = [_crc_entry(byte) for byte in range(256)]

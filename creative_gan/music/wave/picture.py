"""Pictures of sounds: waveform above mel spectrogram with labelled axes, and sheets of many small ones."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from creative_gan.music.signal import decibels, hz_to_mel, mel_filters, mel_spectrogram, mel_to_hz

RANGE_DB = 70.0
"""From the loudest point of the spectrogram down to black."""

BACKGROUND, INK, FAINT, WAVE = (17, 18, 27), (214, 216, 228), (52, 55, 74), (255, 159, 92)
# Night, indigo, plum, coral, amber, cream: lightness rises evenly, so that loudness reads without a key.
COLOURS = np.array(
    [
        (17, 18, 27),
        (38, 28, 84),
        (96, 32, 122),
        (168, 44, 118),
        (227, 80, 90),
        (252, 146, 76),
        (254, 206, 120),
        (255, 250, 224),
    ]
)


def sound_picture(
    wave: np.ndarray, rate: int, title: str = "", width: int = 960, height: int = 540
) -> Image.Image:
    """A sound as a picture: waveform and mel spectrogram over the same time axis.

    wave: [N] float in about [-1, 1] at `rate` Hz. width, height: in pixels, at least 240 x 200.
    """
    assert wave.ndim == 1 and len(wave) > 0 and width >= 240 and height >= 200
    picture = Image.new("RGB", (width, height), BACKGROUND)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    left, right, top, foot = 64, width - 20, 34 if title else 16, height - 40
    middle = top + (foot - top) * 3 // 10
    seconds = len(wave) / rate
    if title:
        draw.text((left, 9), title, INK, ImageFont.load_default(15))
    _draw_wave(draw, font, wave, (left, top, right, middle - 8))
    spectrogram = spectrogram_picture(wave, rate, right - left, foot - middle - 8)
    picture.paste(spectrogram, (left, middle + 8))
    _draw_hertz(draw, font, rate, (left, middle + 8, right, foot))
    _draw_time(draw, font, seconds, (left, middle + 8, right, foot))
    return picture


def spectrogram_picture(wave: np.ndarray, rate: int, width: int, height: int) -> Image.Image:
    """The mel spectrogram alone, low tones at the bottom. wave: [N]. Returns an RGB picture of that size."""
    n_fft, n_mels = _resolution(rate)
    # as many columns as the picture has, but at least four to a window
    hop = min(max(1, len(wave) // width), n_fft // 4)
    power = mel_spectrogram(
        torch.from_numpy(np.ascontiguousarray(wave, np.float32)), rate, n_fft, hop, n_mels
    )
    level = decibels(power).numpy()
    brightness = ((level - level.max()) / RANGE_DB + 1).clip(0, 1) if power.max() > 1e-9 else 0 * level
    scaled = Image.fromarray((brightness[::-1] * 255).astype(np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    return Image.fromarray(_table()[np.asarray(scaled)])


def sound_sheet(
    waves: Sequence[np.ndarray], rate: int, captions: Sequence[str] = (), columns: int = 8, side: int = 128
) -> Image.Image:
    """Many sounds in rows: the spectrogram of each with its waveform below, and a caption.

    waves: [N] each. captions: as many, or none. side: width of one in pixels.
    """
    assert len(waves) > 0 and len(captions) in (0, len(waves))
    font = ImageFont.load_default(11)
    gap, strip, line = 8, side // 4, 16 if captions else 0
    cell = side + strip + line + gap
    rows = math.ceil(len(waves) / columns)
    sheet = Image.new("RGB", (columns * (side + gap) + gap, rows * cell + gap), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for i, wave in enumerate(waves):
        x, y = gap + i % columns * (side + gap), gap + i // columns * cell
        sheet.paste(spectrogram_picture(wave, rate, side, side), (x, y))
        _draw_envelope(draw, wave, (x, y + side + 2, x + side - 1, y + side + strip - 2))
        if captions:
            draw.text((x, y + side + strip), captions[i], INK, font)
    return sheet


def _resolution(rate: int) -> tuple[int, int]:
    """Window length of about 40 ms and as many mel bands as it can tell apart, 128 at most."""
    n_fft = 2 ** round(math.log2(0.04 * rate))
    n_mels = 128
    while n_mels > 16 and (mel_filters(rate, n_fft, n_mels).sum(1) == 0).any():
        n_mels -= 8
    return n_fft, n_mels


def _table() -> np.ndarray:
    """The colours of 256 levels. Returns uint8 [256, 3]."""
    place = np.linspace(0, len(COLOURS) - 1, 256)
    channels = [np.interp(place, np.arange(len(COLOURS)), channel) for channel in COLOURS.T]
    return np.stack(channels, 1).round().astype(np.uint8)


Box = tuple[int, int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def _draw_wave(draw: ImageDraw.ImageDraw, font: Font, wave: np.ndarray, box: Box) -> None:
    left, top, right, bottom = box
    for level, name in ((1.0, "1"), (0.0, "0"), (-1.0, "-1")):
        y = round((top + bottom) / 2 - level * (bottom - top) / 2)
        draw.line((left, y, right, y), FAINT)
        draw.text((left - 8, y), name, INK, font, anchor="rm")
    _draw_envelope(draw, wave, box)


def _draw_envelope(draw: ImageDraw.ImageDraw, wave: np.ndarray, box: Box) -> None:
    """The lowest and highest sample of each column, joined to the next column's."""
    left, top, right, bottom = box
    columns = right - left + 1
    edges = np.linspace(0, len(wave), columns + 1).astype(int)
    middle, half = (top + bottom) / 2, (bottom - top) / 2
    for column in range(columns):
        piece = wave[edges[column] : max(edges[column + 1], edges[column]) + 1].clip(-1, 1)
        if len(piece):
            low, high = middle - piece.min() * half, middle - piece.max() * half
            draw.line((left + column, round(high), left + column, round(low)), WAVE)


def _draw_hertz(draw: ImageDraw.ImageDraw, font: Font, rate: int, box: Box) -> None:
    left, top, _, bottom = box
    _, n_mels = _resolution(rate)
    top_mel = float(hz_to_mel(torch.tensor(rate / 2, dtype=torch.float64)))
    mels = torch.linspace(0, top_mel, n_mels + 2, dtype=torch.float64)[1:-1]
    centres = mel_to_hz(mels).numpy()
    last = math.inf
    for hz in (100, 200, 500, 1000, 2000, 4000, 8000, 16000, 32000):
        y = bottom - (np.interp(hz, centres, np.arange(n_mels)) + 0.5) / n_mels * (bottom - top)
        if centres[0] <= hz <= centres[-1] and last - y > 15 and y > top + 6:
            name = f"{hz // 1000} kHz" if hz >= 1000 else f"{hz} Hz"
            draw.line((left - 5, y, left - 1, y), INK)
            draw.text((left - 8, y), name, INK, font, anchor="rm")
            last = y


def _draw_time(draw: ImageDraw.ImageDraw, font: Font, seconds: float, box: Box) -> None:
    left, _, right, bottom = box
    step = _round_step(seconds * 90 / (right - left))
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    for i in range(int(seconds / step + 1e-9) + 1):
        x = left + i * step / seconds * (right - left)
        draw.line((x, bottom, x, bottom + 4), INK)
        name = f"{i * step:.{places}f}" + (" s" if i == 0 else "")
        draw.text((x, bottom + 8), name, INK, font, anchor="mt" if x < right - 12 else "rt")


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below `least`."""
    power = 10 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))

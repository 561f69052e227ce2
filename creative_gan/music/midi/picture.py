"""Draws a song as a piano roll: time to the right, pitch upwards, a colour for each part."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from creative_gan.music.midi.song import METRES, QUARTER, Song

COLOURS = ("#e4572e", "#2f6fbb", "#3a9d5d", "#8d5bb5", "#e0a30c", "#1aa6a6", "#c44d8a", "#7a7f87")
"""Of the parts, in their order."""
_PAPER, _BLACK_KEYS, _INK, _FAINT, _BAR, _BEAT = (
    "#ffffff",
    "#f3f3f0",
    "#2b2b2b",
    "#6f6f6f",
    "#a8a8a4",
    "#e4e4df",
)
_MARGIN, _TOP, _LEGEND, _GAP = 46, 26, 30, 34
_BLACK = (1, 3, 6, 8, 10)


def piano_roll(song: Song, width: int = 1200, bars_a_row: int = 8, max_bars: int = 32) -> Image.Image:
    """A picture of a song with bar lines, beats, pitch names and a legend of the parts.

    Args:
        song: what to draw.
        width: of the picture in pixels, at least 400.
        bars_a_row: bars side by side; the picture grows downwards with further rows.
        max_bars: what is beyond is left out, and said so.

    Returns:
        An RGB picture. A song without notes gives an empty staff.
    """
    bars = song.bars()
    shown = bars[:max_bars]
    pitched = song.notes[~song.drums(), 2]
    low, high = (int(pitched.min()) - 2, int(pitched.max()) + 2) if len(pitched) else (58, 74)
    high = max(high, low + 14)
    drums = sorted(set(song.notes[song.drums(), 2].tolist()))
    key_height = max(3, min(9, 330 // (high - low + 1 + len(drums))))
    row_height = (high - low + 1 + len(drums)) * key_height
    rows = [shown[i : i + bars_a_row] for i in range(0, len(shown), bars_a_row)] or [shown]
    height = _TOP + len(rows) * (row_height + _GAP) + _LEGEND
    image = Image.new("RGB", (max(width, 400), height), _PAPER)
    draw = ImageDraw.Draw(image)
    # All rows at one scale, so that a last short row is not stretched.
    ticks = max((int(row[:, 1].sum()) for row in rows if len(row)), default=4 * QUARTER)
    scale = (image.width - _MARGIN - 16) / ticks
    for index, row in enumerate(rows):
        top = _TOP + index * (row_height + _GAP)
        frame = _Frame(draw, song, top, low, high, drums, key_height, scale)
        frame.draw_row(row, index * bars_a_row)
    _draw_title(draw, song, image.width, len(bars), len(shown))
    _draw_legend(draw, song, height - _LEGEND + 4)
    return image


def sheet(songs: Sequence[Song], width: int = 1200) -> Image.Image:
    """The beginnings of some songs, eight bars each, below one another. Returns an RGB picture."""
    rolls = [piano_roll(song, width, max_bars=8) for song in songs]
    made = Image.new("RGB", (rolls[0].width, sum(roll.height for roll in rolls)), _PAPER)
    top = 0
    for roll in rolls:
        made.paste(roll, (0, top))
        top += roll.height
    return made


class _Frame:
    """One row of bars: where ticks and pitches lie in it."""

    def __init__(
        self,
        draw: ImageDraw.ImageDraw,
        song: Song,
        top: int,
        low: int,
        high: int,
        drums: list[int],
        key_height: int,
        scale: float,
    ) -> None:
        self.draw, self.song, self.top, self.scale, self.key_height = draw, song, top, scale, key_height
        self.low, self.high, self.drums = low, high, drums
        self.bottom = top + (high - low + 1 + len(drums)) * key_height
        self.first = 0

    def x(self, tick: float) -> float:
        return _MARGIN + (tick - self.first) * self.scale

    def y(self, pitch: int, drum: bool = False) -> int:
        """The upper edge of a pitch; drums lie below all pitches."""
        row = self.high - self.low + 1 + self.drums.index(pitch) if drum else self.high - pitch
        return self.top + row * self.key_height

    def draw_row(self, bars: np.ndarray, number: int) -> None:
        """Draw bars int [n, 4] of `Song.bars`, of which the first has index `number`."""
        self.first = int(bars[0, 0]) if len(bars) else 0
        end = int(bars[-1, 0] + bars[-1, 1]) if len(bars) else 4 * QUARTER
        self._keys(end)
        for index, (start, _, metre, _) in enumerate(bars.tolist()):
            count, unit = METRES[metre]
            for beat in range(1, count):
                at = self.x(start + beat * 4 * QUARTER // unit)
                self.draw.line([(at, self.top), (at, self.bottom)], fill=_BEAT)
            self.draw.line([(self.x(start), self.top), (self.x(start), self.bottom)], fill=_BAR)
            self.draw.text(
                (self.x(start) + 3, self.bottom + 3), str(number + index + 1), fill=_FAINT, font=_font(11)
            )
        self.draw.line([(self.x(end), self.top), (self.x(end), self.bottom)], fill=_BAR, width=2)
        self._notes(end)

    def _keys(self, end: int) -> None:
        right = self.x(end)
        for pitch in range(self.low, self.high + 1):
            y = self.y(pitch)
            if pitch % 12 in _BLACK:
                self.draw.rectangle([_MARGIN, y, right, y + self.key_height - 1], fill=_BLACK_KEYS)
            if pitch % 12 in (0, 7):
                name = f"{'CG'[pitch % 12 // 7]}{pitch // 12 - 1}"
                middle = (_MARGIN - 8, y + self.key_height / 2)
                self.draw.text(
                    middle, name, fill=_INK if pitch % 12 == 0 else _FAINT, anchor="rm", font=_font(11)
                )
            if pitch % 12 == 0:
                self.draw.line([(_MARGIN, y + self.key_height), (right, y + self.key_height)], fill=_BEAT)
        if self.drums:
            y = self.y(self.drums[0], drum=True)
            self.draw.line([(_MARGIN, y), (right, y)], fill=_BAR)
            self.draw.text(
                (_MARGIN - 8, (y + self.bottom) / 2), "drums", fill=_FAINT, anchor="rm", font=_font(11)
            )
        self.draw.rectangle([_MARGIN, self.top, right, self.bottom], outline=_BAR)

    def _notes(self, end: int) -> None:
        notes = self.song.notes
        # Longer notes first, so that none hides a shorter one.
        for onset, length, pitch, part in notes[np.argsort(-notes[:, 1], kind="stable")].tolist():
            left, right = max(onset, self.first), min(onset + length, end)
            if left >= right:
                continue
            y = self.y(pitch, self.song.parts[part].drum)
            colour = COLOURS[part % len(COLOURS)]
            x = round(self.x(left)) + 1
            box = (x, y, max(round(self.x(right)) - 1, x + 2), y + self.key_height - 1)
            # What sounds on from the row above has no edge where it begins.
            corners = (onset >= self.first, onset + length <= end, onset + length <= end, onset >= self.first)
            # Two corners have to fit into the height and into the width.
            radius = min(3, (box[3] - box[1]) // 2 - 1, (box[2] - box[0]) // 2 - 1)
            self.draw.rounded_rectangle(box, radius=max(radius, 0), fill=colour, corners=corners)


def _draw_title(draw: ImageDraw.ImageDraw, song: Song, width: int, bars: int, shown: int) -> None:
    metres = [f"{METRES[metre][0]}/{METRES[metre][1]}" for _, metre in song.metres]
    # Neighbours that are alike are named once.
    named = [metres[0], *(b for a, b in pairwise(metres) if a != b)][:4]
    left = f"{', '.join(named)}    {song.tempo:.0f} quarters a minute"
    draw.text((_MARGIN, 6), left, fill=_INK, font=_font(13))
    right = f"{bars} bar{'s' * (bars != 1)}" if shown == bars else f"bars 1 to {shown} of {bars}"
    draw.text((width - 16, 6), right, fill=_FAINT, anchor="ra", font=_font(13))


def _draw_legend(draw: ImageDraw.ImageDraw, song: Song, top: int) -> None:
    x = float(_MARGIN)
    for index in np.unique(song.notes[:, 3]):
        draw.rounded_rectangle([x, top + 3, x + 16, top + 13], radius=3, fill=COLOURS[index % len(COLOURS)])
        name = song.parts[index].name or f"part {index + 1}"
        draw.text((x + 22, top), name, fill=_INK, font=_font(13))
        x += 22 + draw.textlength(name, font=_font(13)) + 20


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)

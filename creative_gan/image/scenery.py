"""Landscapes, seas and nights of the procedural artist."""

from collections.abc import Sequence

import numpy as np

from creative_gan.image.paint import (
    NUMBERS,
    Colour,
    Painting,
    Palette,
    Sheet,
    box,
    colour,
    contrasting,
    cover,
    disc,
    fill,
    is_warm,
    lay,
    mix,
    one,
    soft,
)

MIDNIGHT, LAMPLIGHT = colour("#0a0f2e"), colour("#ffcc73")


def landscape(sheet: Sheet, palette: Palette, rng: np.random.Generator) -> Painting:
    """A sun over ridges that darken towards us, with mist between them."""
    picture = fill(sheet, palette.sky, (sheet.y / (0.75 * sheet.h)).clip(0, 1))
    haze = mix(palette.sky[-1], palette.paper, 0.35)
    warm = [name for name in contrasting(rng, palette, palette.sky[1], 5) if is_warm(palette.colours[name])]
    sun = warm[0]
    side = rng.choice([1 / 3, 2 / 3])
    cx, cy = float(side + rng.uniform(-0.06, 0.06)) * sheet.w, rng.uniform(0.22, 0.48) * sheet.h
    radius = rng.uniform(0.08, 0.15)
    away = disc(sheet, cx, cy, radius)
    lay(picture, mix(palette.colours[sun], palette.paper, 0.5), 0.45 * np.exp(-away.clip(0) / 0.1))
    lay(picture, palette.colours[sun], cover(sheet, away))
    count = int(rng.integers(3, 6))
    peaks = rng.random() < 0.4
    near = mix(palette.ink, palette.colours[contrasting(rng, palette, haze, 1)[0]], rng.uniform(0.15, 0.4))
    far = mix(haze, near, 0.3)
    horizon = rng.uniform(0.48, 0.58)
    for k in range(count):
        depth = k / (count - 1)
        foot = (horizon + (0.9 - horizon) * depth**1.1) * sheet.h
        below = sheet.y - foot + _ridge(sheet, rng, peaks, 1 - 0.45 * depth)
        tone = mix(far, near, depth)
        lay(picture, mix(tone, haze, 0.55 * soft(0.2 - below, 0.4) * (1 - depth)), cover(sheet, -below))
    kind = "peaks" if peaks else "hills"
    return picture, f"{one(sun)} sun over {NUMBERS[count]} {palette.name} {kind}"


def waves(sheet: Sheet, palette: Palette, rng: np.random.Generator) -> Painting:
    """Rows of swell with bright crests, or of the concentric scales of a woodblock sea."""
    picture = fill(sheet, palette.sky, sheet.y / sheet.h)
    name, crest = contrasting(rng, palette, palette.sky[0], 2)
    light = mix(palette.colours[name], palette.paper, 0.6)
    tones = (light, palette.colours[name], mix(palette.colours[name], palette.ink, 0.55))
    foam = mix(palette.colours[crest], palette.paper, 0.65)
    if rng.random() < 0.5:
        count = _swell(sheet, picture, tones, foam, rng)
        return picture, f"{NUMBERS[count]} {name} waves with {crest} crests under {one(palette.name)} sky"
    _scales(sheet, picture, tones, foam, rng)
    return picture, f"a sea of {name} scales with {crest} foam under {one(palette.name)} sky"


def night(sheet: Sheet, palette: Palette, rng: np.random.Generator) -> Painting:
    """A moon and stars over hills, pines, roofs or still water."""
    deep = mix(palette.ink, MIDNIGHT, 0.7)
    low = mix(deep, palette.sky[1], 0.65)
    picture = fill(sheet, (deep, mix(deep, low, 0.4), low), (sheet.y / (0.85 * sheet.h)).clip(0, 1))
    count = int(rng.integers(25, 55))
    at = rng.uniform((0, 0, 0.25), (sheet.w, 0.75 * sheet.h, 1), (count, 3)).astype(np.float32)
    spread = np.float32(np.hypot(0.006, 0.4 * sheet.pitch))
    along_x = np.exp(-(((sheet.x - at[:, :1]) / spread) ** 2) / 2)
    along_y = np.exp(-(((sheet.y - at[:, 1]) / spread) ** 2) / 2)
    stars = (along_y * at[:, 2] ** 2) @ along_x
    lay(picture, palette.paper, stars.clip(0, 1))
    name = "cream" if rng.random() < 0.5 else contrasting(rng, palette, deep, 1)[0]
    moon = mix(palette.colours.get(name, palette.paper), palette.paper, 0.5)
    side = float(rng.choice([1 / 3, 2 / 3])) + rng.uniform(-0.07, 0.07)
    cx, cy, radius = side * sheet.w, rng.uniform(0.2, 0.38) * sheet.h, rng.uniform(0.09, 0.16)
    away = disc(sheet, cx, cy, radius)
    phase = ("full", "crescent", "half")[rng.integers(3)]
    lay(picture, moon, (0.4 if phase == "full" else 0.25) * np.exp(-away.clip(0) / 0.09))
    shine = cover(sheet, away)
    lean = float(rng.choice([-1, 1]))
    lay(picture, mix(moon, deep, 0.82), 0.7 * shine * (phase != "full"))
    if phase == "crescent":
        bite = disc(sheet, cx + lean * 0.5 * radius, cy - 0.15 * radius, 0.95 * radius)
        shine = shine * cover(sheet, -bite)
    elif phase == "half":
        shine = shine * cover(sheet, lean * (0.9 * (sheet.x - cx) - 0.43 * (sheet.y - cy)))
    lay(picture, moon, shine)
    below = ("hills", "pines", "roofs", "still water")[rng.integers(4)]
    _foreground(sheet, picture, below, mix(deep, palette.ink, 0.5) * 0.6, low, moon, cx, rng)
    return picture, f"{one(phase)} {name} moon over {below} on {one(palette.name)} night"


def _ridge(sheet: Sheet, rng: np.random.Generator, peaks: bool, size: float) -> np.ndarray:
    """[1, W]: heights of a chain of hills or peaks above its foot."""
    length, phase = rng.uniform(0.7, 1.3), rng.uniform(0, 2 * np.pi, 3).tolist()
    turn = sheet.x * (2 * np.pi / length)
    if not peaks:
        return size * 0.05 * (np.sin(turn + phase[0]) + 0.5 * np.sin(1.9 * turn + phase[1]))
    saw = [
        np.abs((speed * sheet.x / length + p) % 1 - 0.5)
        for speed, p in zip((1.3, 2.9, 7.1), phase, strict=True)
    ]
    return size * (0.3 * saw[0] + 0.13 * saw[1] + 0.03 * saw[2] - 0.12)


def _swell(
    sheet: Sheet, picture: np.ndarray, tones: Sequence[Colour], foam: Colour, rng: np.random.Generator
) -> int:
    count = int(rng.integers(5, 9))
    top, length = rng.uniform(0.22, 0.36), rng.uniform(0.5, 1.0)
    height, shift, phase = rng.uniform(0.025, 0.055), rng.uniform(0.8, 2.6), rng.uniform(0, 2 * np.pi)
    for k in range(count):
        depth = k / (count - 1)
        turn = sheet.x * (np.pi / length * (1.5 - 0.5 * depth)) + (phase + shift * k)
        # Peaked crests and round troughs, smaller far away.
        rise = height * (0.6 + 0.6 * depth) * (1 - 2.2 * np.sqrt(np.sin(turn) ** 2 + 0.02))
        below = sheet.y - (top + (0.93 - top) * depth**1.15) * sheet.h + rise
        tone = fill(sheet, tones, np.full((1, 1), depth))
        line = 0.011 + 0.012 * depth
        lay(picture, mix(tone, tones[0], 0.5 * soft(below - 0.03, 0.12)), cover(sheet, -below))
        for start, strength in ((0.0, 0.95), (2.2 * line, 0.5)):
            half = line / (4 if start else 2)
            lay(picture, foam, strength * cover(sheet, np.abs(below - start - line / 2) - half))
    return count


def _scales(
    sheet: Sheet, picture: np.ndarray, tones: Sequence[Colour], foam: Colour, rng: np.random.Generator
) -> None:
    radius = 0.5 / int(rng.integers(2, 4)) * rng.uniform(0.85, 1.15)
    slide, top = rng.uniform(0, 2 * radius), rng.uniform(0.3, 0.6) * sheet.h
    rings = (1.0, 0.82, 0.62, 0.44, 0.24)
    rows = int(np.ceil((sheet.h - top + radius) / (radius / 2))) + 1
    for k in range(rows):
        middle = top + k * radius / 2
        # Only the band of the sheet where this row can show.
        first, last = int((middle - radius) / sheet.pitch), int((middle + radius) / sheet.pitch)
        band = slice(max(0, first - 1), last + 2)
        dx = (sheet.x + slide + radius * (k % 2)) % (2 * radius) - radius
        away = np.hypot(dx, np.minimum(sheet.y[band] - middle, 0))
        tone = fill(sheet, tones, np.full((1, 1), k / (rows - 1)))[:, :1, :1]
        for ring, share in enumerate(rings):
            lay(picture[:, band], foam if ring % 2 == 0 else tone, cover(sheet, away - share * radius))


def _foreground(
    sheet: Sheet,
    picture: np.ndarray,
    kind: str,
    dark: Colour,
    low: Colour,
    moon: Colour,
    cx: float,
    rng: np.random.Generator,
) -> None:
    foot = rng.uniform(0.74, 0.82) * sheet.h
    if kind == "still water":
        water = fill(sheet, (low, dark), (sheet.y - foot) / (sheet.h - foot))
        lay(picture, water, cover(sheet, foot - sheet.y))
        far = foot - 0.5 * (_ridge(sheet, rng, False, 1.0) + 0.07)
        lay(picture, mix(dark, low, 0.3), cover(sheet, far - sheet.y) * cover(sheet, sheet.y - foot))
        depth = (sheet.y - foot).clip(0)
        ripple = 0.5 + 0.5 * np.sin(depth**0.7 * 110)
        track = soft(np.abs(sheet.x - cx) - 0.05 - 0.25 * depth * ripple, 0.06)
        lay(picture, moon, 0.6 * track * ripple * (sheet.y > foot))
        return
    back = foot - 0.06 - _ridge(sheet, rng, False, 1.0)
    lay(picture, mix(low, dark, 0.5), cover(sheet, back - sheet.y))
    top = foot + 0.06 - _ridge(sheet, rng, False, 0.7)
    if kind == "pines":
        spots = rng.uniform((-0.05, 0.1, 0.2), (1.05, 0.28, 0.34), (14, 3)).astype(np.float32)
        for at, tall, lean in spots.tolist():
            away = np.abs(sheet.x - at * sheet.w)
            rise = (1 - away / (lean * tall)).clip(0)
            top = np.minimum(top, np.where(rise > 0, foot + 0.05 - tall * rise, top))
    elif kind == "roofs":
        spots = rng.uniform((-0.05, 0.03, 0.04), (1.05, 0.16, 0.09), (12, 3)).astype(np.float32)
        for at, tall, half in spots.tolist():
            away = np.abs(sheet.x - at * sheet.w)
            top = np.minimum(top, np.where(away < half, foot - tall + 0.7 * away, top))
    lay(picture, dark, cover(sheet, top - sheet.y))
    if kind == "roofs":
        for at, tall, _ in spots[::2].tolist():
            x, y = at * sheet.w, foot - tall + 0.09
            lay(picture, LAMPLIGHT, 0.9 * box(sheet, x - 0.012, y, x + 0.012, y + 0.035))

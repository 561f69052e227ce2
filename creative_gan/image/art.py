"""The procedural artist behind `builtin:art`: pictures that are functions of a seeded generator."""

import math
from collections.abc import Callable

import numpy as np

from creative_gan.image.paint import (
    NUMBERS,
    PALETTES,
    Painting,
    Palette,
    Sheet,
    box,
    contrasting,
    cover,
    disc,
    fill,
    grain,
    lay,
    listed,
    mix,
    one,
    sheet,
    soft,
)
from creative_gan.image.scenery import landscape, night, waves
from creative_gan.image.still_life import still_life

SEED = 20
"""Another seed is another collection."""


def art(count: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """The first `count` pictures of the collection; picture i is the same at every size and count.

    Returns uint8 [count, 3, height, width], int64 labels [count] (i modulo the number of kinds), the names of
    the kinds, and a caption for each picture.
    """
    # Edges are analytic already; at least 2 x 2 samples a pixel, and 128 across, keep thin lines even.
    fine = max(2, -(-128 // min(height, width)))
    canvas = sheet(height * fine, width * fine)
    paper = 1 + 0.008 * grain(canvas, SEED)
    kinds = list(KINDS)
    pictures = np.empty((count, 3, height, width), np.uint8)
    captions = []
    for i in range(count):
        rng = np.random.default_rng((SEED, i))
        palette = PALETTES[rng.integers(len(PALETTES))]
        picture, caption = KINDS[kinds[i % len(kinds)]](canvas, palette, rng)
        picture = (picture * paper).reshape(3, height, fine, width, fine).mean((2, 4))
        pictures[i] = np.rint(picture.clip(0, 1) * 255)
        captions.append(caption)
    return pictures, np.arange(count, dtype=np.int64) % len(kinds), kinds, captions


def circles(sheet: Sheet, palette: Palette, rng: np.random.Generator) -> Painting:
    """One to five discs, shaded from one colour into another, floating over a gradient."""
    lean = rng.uniform(-0.5, 0.5)
    stops = palette.sky if rng.random() < 0.7 else (palette.paper, mix(palette.paper, palette.sky[-1], 0.5))
    picture = fill(sheet, stops, (sheet.y / sheet.h + lean * (sheet.x / sheet.w - 0.5)).clip(0, 1))
    first, second = contrasting(rng, palette, stops[len(stops) // 2], 2)
    count = int(rng.integers(1, 6))
    size = rng.uniform(0.8, 1.1) * (0.0, 0.28, 0.25, 0.2, 0.17, 0.15)[count]
    angle = rng.uniform(0, 2 * np.pi)
    placed: list[tuple[float, float, float]] = []
    for k in range(count):
        radius = size * (1.25, 0.8, 0.55, 0.9, 0.4)[k]
        tries = rng.uniform((0.0, 0.0), (1.0, 1.0), (32, 2)) * (1 - 2 * radius - 0.1) + radius + 0.05
        # The emptiest of many places, but the first circle keeps near a third.
        room = -np.abs(np.abs(tries - 0.5) - 0.13).sum(1)
        if placed:
            others = np.array(placed)
            gaps = np.hypot(tries[:, :1] - others[:, 0], tries[:, 1:] - others[:, 1]) - others[:, 2] - radius
            room = -np.abs(gaps.min(1) - 0.02)
        x, y = tries[room.argmax()].tolist()
        placed.append((x, y, radius))
    for k, (x, y, radius) in enumerate(placed):
        cx, cy = x * sheet.w, y * sheet.h
        base, other = (palette.colours[name] for name in ((first, second), (second, first))[k % 2])
        lay(picture, palette.ink, 0.35 * soft(disc(sheet, cx + 0.03, cy + 0.05, radius), 0.16))
        across = (sheet.x - cx) * math.cos(angle) + (sheet.y - cy) * math.sin(angle)
        shade = mix(base, mix(base, other, 0.7), soft(across, 2.2 * radius))
        lay(picture, shade, cover(sheet, disc(sheet, cx, cy, radius)))
    colours = first if count == 1 else f"{first} and {second}"
    noun = "circle" if count == 1 else "circles"
    return picture, f"{NUMBERS[count]} {colours} {noun} over {one(palette.name)} gradient"


def grid(sheet: Sheet, palette: Palette, rng: np.random.Generator) -> Painting:
    """Rectangles of uneven size between dark bars, a few of them coloured."""
    picture = np.broadcast_to(palette.ink, (3, sheet.y.size, sheet.x.size)).copy()
    bar = rng.uniform(0.011, 0.02)
    cells = [(0.0, 0.0, 1.0, 1.0)]
    for _ in range(int(rng.integers(5, 9))):
        left, top, right, bottom = cells.pop(max(range(len(cells)), key=lambda k: _extent(cells[k])))
        cut = float(rng.choice([0.32, 0.38, 0.62, 0.68])) + rng.uniform(-0.03, 0.03)
        if (right - left) * rng.uniform(0.75, 1.33) > bottom - top:
            middle = left + cut * (right - left)
            cells += [(left, top, middle, bottom), (middle, top, right, bottom)]
        else:
            middle = top + cut * (bottom - top)
            cells += [(left, top, right, middle), (left, middle, right, bottom)]
    count = int(rng.integers(2, 5))
    names = contrasting(rng, palette, palette.paper, 3)
    chosen = rng.permutation(len(cells))[:count].tolist()
    for k, (left, top, right, bottom) in enumerate(cells):
        if k in chosen:
            tone = palette.colours[names[chosen.index(k) % 3]]
        else:
            tone = mix(palette.paper, palette.sky[-1], float(rng.choice([0.0, 0.0, 0.18])))
        # The bars are what the cells leave uncovered; there is none along the margin.
        x0, x1 = left * sheet.w + bar * (left > 0), right * sheet.w - bar * (right < 1)
        y0, y1 = top * sheet.h + bar * (top > 0), bottom * sheet.h - bar * (bottom < 1)
        lay(picture, tone, box(sheet, x0, y0, x1, y1))
    return picture, f"a grid of {listed(names[:count])} fields between {palette.name} bars"


def mandala(sheet: Sheet, palette: Palette, rng: np.random.Generator) -> Painting:
    """Rings of petals around a centre."""
    if rng.random() < 0.5:
        ground, rim = mix(palette.ink, palette.sky[1], 0.25), palette.ink
    else:
        ground, rim = palette.paper, mix(palette.paper, palette.sky[-1], 0.45)
    dx, dy = sheet.x - sheet.w / 2, sheet.y - sheet.h / 2
    radius, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    picture = fill(sheet, (ground, rim), radius / 0.75)
    names = contrasting(rng, palette, ground, 4)
    folds = int(rng.choice([6, 8, 10, 12]))
    turn = float(rng.choice([0.0, 0.5])) + folds / 4
    outer = rng.uniform(0.38, 0.47)
    rings = int(rng.integers(2, 5))
    plump = rng.uniform(0.75, 1.1)
    for k in range(rings):
        reach = outer * (1 - k / (rings + 0.7))
        sector = ((angle * (folds / (2 * np.pi)) + (turn + 0.5 * k)) % 1 - 0.5) * (2 * np.pi / folds)
        along, across = radius * np.cos(sector), np.abs(radius * np.sin(sector))
        width = plump * reach * np.pi / folds * 0.62
        tone, inner = palette.colours[names[k % 4]], palette.colours[names[(k + 1) % 4]]
        for colour, scale in ((tone, 1.0), (mix(tone, inner, 0.8), 0.55)):
            start, end = reach * (0.3 + 0.25 * (1 - scale)), reach * (1 - 0.28 * (1 - scale))
            t = ((along - start) / (end - start)).clip(0, 1)
            petal = across - width * scale * np.sin(np.pi * t * (0.75 + 0.25 * t)) * 1.1 + 0.004
            lay(picture, colour, cover(sheet, petal) * (along > start))
    bead = outer * 0.055
    sector = ((angle * (folds / (2 * np.pi)) + turn + 0.5) % 1 - 0.5) * (2 * np.pi / folds)
    at = np.hypot(radius * np.cos(sector) - outer * 0.97, radius * np.sin(sector)) - bead
    lay(picture, palette.colours[names[1]], cover(sheet, at))
    heart = outer * rng.uniform(0.13, 0.19)
    lay(picture, palette.colours[names[2]], cover(sheet, radius - heart))
    lay(picture, ground, cover(sheet, np.abs(radius - heart * 0.62) - heart * 0.1))
    petals = f"{names[0]} and {names[1]} petals"
    return picture, f"{one(NUMBERS[folds])}fold mandala of {petals} on {one(palette.name)} ground"


def tiles(sheet: Sheet, palette: Palette, rng: np.random.Generator) -> Painting:
    """Truchet tiles: quarter circles, turned at random, that join into loops and ribbons."""
    across = int(rng.integers(3, 7))
    turned = rng.random((64, 64)) < 0.5
    column, row = (sheet.x * across).astype(int), (sheet.y * across).astype(int)
    flip = turned[row % 64, column % 64]
    u, v = sheet.x * across - column, sheet.y * across - row
    u = np.where(flip, 1 - u, u)
    corner = np.minimum(np.hypot(u, v), np.hypot(1 - u, 1 - v)).astype(np.float32)
    dark = rng.random() < 0.4
    ground = palette.ink if dark else palette.paper
    first, second = contrasting(rng, palette, ground, 2)
    slope = ((sheet.x / sheet.w + sheet.y / sheet.h) / 2).astype(np.float32)
    if rng.random() < 0.5:
        width = rng.uniform(0.13, 0.2)
        picture = fill(sheet, (ground, mix(ground, palette.sky[1], 0.35)), slope)
        away = np.abs(corner - 0.5)
        ribbon = fill(sheet, (palette.colours[first], palette.colours[second]), slope)
        lay(picture, palette.ink, 0.25 * soft((away - width) / across, 0.05))
        lay(picture, ribbon, cover(sheet, (away - width) / across))
        lay(picture, ground, 0.85 * cover(sheet, (away - width * 0.18) / across))
        return picture, f"{first} ribbons turning {second} over {palette.name} tiles"
    # Corners and middles swap colours from tile to tile, so that areas run on over the edges.
    swap = ((row + column) % 2 == 1) ^ flip
    inside = cover(sheet, (corner - 0.5) / across)
    picture = fill(sheet, (palette.colours[first], mix(palette.colours[first], palette.sky[1], 0.4)), slope)
    lay(picture, ground, np.where(swap, 1 - inside, inside))
    lay(picture, palette.colours[second], cover(sheet, (np.abs(corner - 0.5) - 0.07) / across))
    return picture, f"{first} islands with {second} shores on {palette.name} tiles"


def _extent(cell: tuple[float, float, float, float]) -> float:
    return (cell[2] - cell[0]) * (cell[3] - cell[1])


KINDS: dict[str, Callable[[Sheet, Palette, np.random.Generator], Painting]] = {
    "circles": circles,
    "landscape": landscape,
    "grid": grid,
    "waves": waves,
    "mandala": mandala,
    "tiles": tiles,
    "night": night,
    "still life": still_life,
}
"""The order is that of the labels."""

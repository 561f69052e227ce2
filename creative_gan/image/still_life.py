"""Vessels and fruits on a table, by the procedural artist: bodies of revolution, lit from the left."""

import functools

import numpy as np

from creative_gan.image.paint import (
    Colour,
    Painting,
    Palette,
    Sheet,
    box,
    contrasting,
    cover,
    disc,
    fill,
    is_warm,
    lay,
    listed,
    mix,
    one,
    soft,
)


def still_life(sheet: Sheet, palette: Palette, rng: np.random.Generator) -> Painting:
    """One to four vessels and fruits on a table, lit from the left."""
    wall = mix(palette.paper, palette.sky[int(rng.integers(3))], rng.uniform(0.35, 0.8))
    picture = fill(
        sheet,
        (mix(wall, palette.paper, 0.35), mix(wall, palette.ink, 0.22)),
        ((sheet.x / sheet.w + sheet.y / sheet.h) / 2),
    )
    edge = rng.uniform(0.6, 0.68) * sheet.h
    names = contrasting(rng, palette, wall, 5)
    table = mix(mix(palette.colours[names[-1]], wall, 0.3), palette.paper, 0.15)
    lay(
        picture,
        fill(sheet, (mix(table, palette.ink, 0.18), table), ((sheet.y - edge) / (sheet.h - edge)).clip(0, 1)),
        cover(sheet, edge - sheet.y),
    )
    count = int(rng.integers(1, 5))
    kinds = [list(VESSELS)[k] for k in rng.permutation(len(VESSELS))[:count]]
    # As large as lets the group keep its margins.
    widest, tallest = sum(VESSELS[kind][1] for kind in kinds) * 2, max(VESSELS[kind][0] for kind in kinds)
    scale = min(0.84 / widest, 0.6 / tallest, 1.75) * rng.uniform(0.88, 1.0)
    widths = [VESSELS[kind][1] * scale for kind in kinds]
    gap = rng.uniform(-0.03, 0.02)
    start = sheet.w / 2 - (sum(widths) * 2 + gap * (count - 1)) / 2 + rng.uniform(-0.03, 0.03)
    warm = [name for name in names if is_warm(palette.colours[name])]
    tones = [warm[k % len(warm)] if kind in FRUITS else names[k % 4] for k, kind in enumerate(kinds)]
    places = []
    for k, kind in enumerate(kinds):
        cx = start + sum(widths[:k]) * 2 + gap * k + widths[k]
        places.append((edge + rng.uniform(0.07, 0.18) * sheet.h, cx, kind, palette.colours[tones[k]]))
    fruits = [palette.colours[name] for name in warm[:2]]
    for foot, cx, kind, tone in sorted(places, key=lambda place: place[0]):
        _vessel(sheet, picture, kind, cx, foot, scale, tone, fruits, palette)
    things = [f"{one(tone)} {kind}" for tone, kind in zip(tones, kinds, strict=True)]
    return picture, f"{listed(things)} on a table in {palette.name} light"


VESSELS: dict[str, tuple[float, float, tuple[tuple[float, float], ...]]] = {
    "bowl": (0.19, 0.18, ((0, 1), (0.3, 0.96), (0.6, 0.78), (0.85, 0.46), (0.92, 0.4), (1, 0.43))),
    "fruit bowl": (0.2, 0.2, ((0, 1), (0.3, 0.95), (0.6, 0.8), (0.85, 0.5), (0.92, 0.42), (1, 0.46))),
    "vase": (
        0.4,
        0.125,
        ((0, 0.5), (0.07, 0.4), (0.2, 0.38), (0.42, 0.85), (0.6, 1), (0.8, 0.86), (1, 0.55)),
    ),
    "bottle": (
        0.48,
        0.075,
        ((0, 0.36), (0.05, 0.36), (0.07, 0.3), (0.34, 0.3), (0.5, 0.85), (0.58, 1), (1, 0.95)),
    ),
    "cup": (0.15, 0.09, ((0, 1), (0.6, 0.95), (0.9, 0.82), (1, 0.7))),
    "jug": (0.31, 0.115, ((0, 0.66), (0.12, 0.54), (0.28, 0.58), (0.62, 1), (0.85, 0.92), (1, 0.68))),
    "pear": (
        0.21,
        0.085,
        ((0, 0.0), (0.04, 0.28), (0.2, 0.42), (0.4, 0.64), (0.68, 1), (0.88, 0.84), (1, 0.3)),
    ),
    "apple": (
        0.15,
        0.078,
        ((0, 0.0), (0.07, 0.5), (0.25, 0.87), (0.5, 1), (0.75, 0.87), (0.93, 0.5), (1, 0.2)),
    ),
}
"""Height, half width, and the outline as (depth below the top, share of the half width)."""


FRUITS = ("pear", "apple")


@functools.cache
def _outline(kind: str) -> np.ndarray:
    depth, share = np.array(VESSELS[kind][2]).T
    line = np.interp(np.linspace(0, 1, 257), depth, share)
    padded = np.concatenate([np.full(12, line[0]), line, np.full(12, line[-1])])
    return np.convolve(padded, np.full(25, 1 / 25), "valid")


def _vessel(
    sheet: Sheet,
    picture: np.ndarray,
    kind: str,
    cx: float,
    foot: float,
    scale: float,
    tone: Colour,
    fruits: list[Colour],
    palette: Palette,
) -> None:
    """A body of revolution, lit from the left, with a rim if it is open and a shadow on the table."""
    tall, half = VESSELS[kind][0] * scale, VESSELS[kind][1] * scale
    top, flat = foot - tall, 0.17
    share = _outline(kind)
    t = (sheet.y - top) / tall
    width = (half * np.interp(t, np.linspace(0, 1, share.size), share)).astype(np.float32)
    dx = sheet.x - cx
    lay(picture, palette.ink, 0.4 * soft(disc(sheet, cx + 0.6 * half, foot, 1.25 * half, 0.3), 0.14))
    slope = np.gradient(width[:, 0])[:, None] / sheet.pitch
    body = cover(sheet, (np.abs(dx) - width) / np.sqrt(1 + slope**2))
    body = body * cover(sheet, np.maximum(top - sheet.y, sheet.y - foot))
    base = cover(sheet, disc(sheet, cx, foot, half * float(share[-1]), flat) * 0.5)
    side = (dx / width.clip(1e-3)).clip(-1, 1)
    light = 1 - ((side + 0.4) / 1.4) ** 2
    shade = mix(mix(tone, palette.ink, 0.5), mix(tone, palette.paper, 0.28), light)
    shape = np.maximum(body, base)
    if share[0] > 0.15:
        rim = half * float(share[0])
        mouth = cover(sheet, disc(sheet, cx, top, rim, flat) * 0.5)
        lay(picture, mix(tone, palette.paper, 0.35), mouth)
        lay(
            picture,
            mix(tone, palette.ink, 0.62),
            cover(sheet, disc(sheet, cx, top + 0.004, rim * 0.88, flat * 0.86) * 0.5),
        )
        if kind == "fruit bowl":
            for k, place in enumerate((-0.42, 0.44, 0.0)):
                fruit = disc(sheet, cx + place * rim, top - 0.08 * rim, 0.32 * rim)
                peel = fruits[k % len(fruits)]
                glow = soft(disc(sheet, cx + (place - 0.12) * rim, top - 0.22 * rim, 0.1 * rim), 0.4 * rim)
                lay(
                    picture,
                    mix(mix(peel, palette.ink, 0.35), mix(peel, palette.paper, 0.3), glow),
                    cover(sheet, fruit),
                )
        shape = shape * (1 - mouth * (sheet.y < top + flat * rim))
    lay(picture, shade, shape)
    if kind in FRUITS:
        lay(picture, palette.ink, box(sheet, cx - 0.006, top - 0.03, cx + 0.006, top + 0.02))

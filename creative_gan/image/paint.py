"""Brushes and colours of the procedural artist: antialiased coverage, gradients, glow, palettes.

A sheet measures 1 along its short side, x to the right, y down. Shapes are signed distances in that unit
(negative inside), so that a picture is the same composition at every size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Colour = np.ndarray
"""[3, 1, 1] float32 in [0, 1], or [3, H, W] where it varies."""


Painting = tuple[np.ndarray, str]
"""Picture [3, H, W] float32 of about 0 to 1, and its caption."""

NUMBERS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


@dataclass(frozen=True)
class Sheet:
    """Where the samples of a picture lie; the same for all pictures of a size."""

    x: np.ndarray
    """[1, W] float32 in [0, w]."""
    y: np.ndarray
    """[H, 1] float32 in [0, h]."""
    w: float
    h: float
    pitch: float
    """Distance between two samples."""


@dataclass(frozen=True)
class Palette:
    """Colours that go well together, with the names that captions use."""

    name: str
    sky: tuple[Colour, ...]
    """From top to horizon."""
    paper: Colour
    ink: Colour
    colours: dict[str, Colour]


def sheet(height: int, width: int) -> Sheet:
    """A sheet of height x width samples."""
    pitch = 1 / min(height, width)
    x = (np.arange(width, dtype=np.float32)[None, :] + 0.5) * pitch
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) * pitch
    return Sheet(x, y, width * pitch, height * pitch, pitch)


def colour(code: str) -> Colour:
    """[3, 1, 1] float32 in [0, 1] from "#rrggbb"."""
    return (np.frombuffer(bytes.fromhex(code[1:]), np.uint8).astype(np.float32) / 255)[:, None, None]


def mix(a: Colour, b: Colour, t: float | np.ndarray) -> Colour:
    """From a at t = 0 to b at t = 1."""
    return a + (b - a) * t


def fill(sheet: Sheet, stops: Sequence[Colour], t: np.ndarray) -> np.ndarray:
    """[3, H, W]: a ramp through the stops, of which t (broadcastable to [H, W], 0 to 1) is the place."""
    place = np.asarray(t, np.float32) * (len(stops) - 1)
    ramp = stops[0] + sum((stops[k + 1] - stops[k]) * np.clip(place - k, 0, 1) for k in range(len(stops) - 1))
    return np.broadcast_to(ramp, (3, sheet.y.size, sheet.x.size)).copy()


def cover(sheet: Sheet, distance: np.ndarray) -> np.ndarray:
    """How much of each sample a shape covers, 0 to 1, from its signed distance."""
    return np.clip(0.5 - distance / sheet.pitch, 0, 1)


def soft(distance: np.ndarray, width: float) -> np.ndarray:
    """1 well inside, 0 well outside, an S-shaped passage of this width around the edge."""
    t = np.clip(0.5 - distance / width, 0, 1)
    return t * t * (3 - 2 * t)


def disc(sheet: Sheet, cx: float, cy: float, radius: float, flat: float = 1.0) -> np.ndarray:
    """[H, W] signed distance from a disc, or nearly that from an ellipse flattened to `flat`."""
    return np.hypot(sheet.x - cx, (sheet.y - cy) / flat) - radius


def lay(picture: np.ndarray, colour: Colour, mask: np.ndarray | float) -> None:
    """Lays a colour over picture [3, H, W], in place, as opaque as mask (0 to 1) says."""
    picture += (colour - picture) * mask


def grain(sheet: Sheet, seed: int) -> np.ndarray:
    """[H, W] float32 of deviation about 1: mottled paper, the same sheet for every picture of a size."""
    rng = np.random.default_rng(seed)
    total = np.zeros((sheet.y.size, sheet.x.size), np.float32)
    for cells, share in ((12, 0.6), (44, 1.0)):
        rows, columns = int(sheet.h * cells) + 2, int(sheet.w * cells) + 2
        along_y = np.clip(1 - np.abs(sheet.y * cells - np.arange(rows)), 0, 1)
        along_x = np.clip(1 - np.abs(sheet.x * cells - np.arange(columns)[:, None]), 0, 1)
        total += share * (along_y @ rng.standard_normal((rows, columns)) @ along_x).astype(np.float32)
    return total


def contrasting(rng: np.random.Generator, palette: Palette, ground: Colour, count: int) -> list[str]:
    """Names of `count` colours of the palette in random order, those that stand out from the ground first."""
    names = [list(palette.colours)[k] for k in rng.permutation(len(palette.colours))]
    names.sort(key=lambda name: float(np.abs(palette.colours[name] - ground).sum()) < 0.45)
    return names[:count]


def box(sheet: Sheet, left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """[H, W]: how much of each sample a rectangle covers, 0 to 1."""
    along_x = cover(sheet, np.maximum(left - sheet.x, sheet.x - right))
    return along_x * cover(sheet, np.maximum(top - sheet.y, sheet.y - bottom))


def one(word: str) -> str:
    """The word after its article."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def listed(things: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return f"{', '.join(things[:-1])} and {things[-1]}" if len(things) > 1 else things[0]


def is_warm(colour: Colour) -> bool:
    """True of what a sun or a fruit may look like: red before green, and far before blue."""
    red, green, blue = colour.ravel().tolist()
    return red > green and red > blue + 0.2


def _palette(name: str, sky: str, paper: str, ink: str, **colours: str) -> Palette:
    named = {key.replace("_", " "): colour(code) for key, code in colours.items()}
    return Palette(name, tuple(colour(code) for code in sky.split()), colour(paper), colour(ink), named)


PALETTES = (
    _palette("dusk", "#3b3f73 #b8698c #f4b993", "#f8ead8", "#24264a",
             terracotta="#cf5f40", rose="#d98594", apricot="#f4b67f", indigo="#3d4383", cream="#fbeed5"),
    _palette("dawn", "#9fc3d8 #f1dccf #f7bd9b", "#fbf3ea", "#3f4a66",
             coral="#ec7a69", peach="#f9c3a0", mauve="#92749c", blue="#6f9cc2", white="#fffaf2"),
    _palette("sea", "#d8ece6 #8cc7c4 #3f8793", "#f6f2e4", "#14344a",
             teal="#1f7f80", aqua="#86cbc5", sand="#ecd9a3", coral="#ee7254", navy="#1f4468"),
    _palette("meadow", "#dfe8d2 #eeeac8 #f3d99b", "#f7f3e3", "#26382f",
             moss="#6f935c", olive="#97963f", ochre="#dba53f", clay="#bb6b4b", pine="#335946"),
    _palette("desert", "#f7e6cf #f2c79b #de9162", "#faf0e1", "#4a2520",
             terracotta="#c5593a", ochre="#e0a848", brick="#8f3c30", sage="#98ae8a", cream="#fcefd8"),
    _palette("plum", "#2f2145 #85436f #ea9a8c", "#f6e8e4", "#231631",
             magenta="#bb3f70", lilac="#bba0d0", gold="#ecb750", plum="#5c2f62", rose="#eda6a0"),
    _palette("frost", "#eef3f6 #c5d8e4 #93b2c8", "#f7f8f6", "#243447",
             slate="#587a96", ice="#d6e6ee", mustard="#e2aa3e", rust="#b8563c", navy="#2c4a6b"),
    _palette("ember", "#2a1f2d #86332f #ef8443", "#f9ead3", "#211820",
             scarlet="#d63f31", amber="#f4a32b", gold="#f9cf72", maroon="#6e2430", cream="#fdeacb"),
    _palette("citrus", "#fdf5dc #fbe6a2 #f8c560", "#fdf8e8", "#274046",
             tangerine="#f18d35", lemon="#f6d04d", lime="#a7b840", teal="#2c8c83", vermilion="#dc4f36"),
    _palette("ink", "#f1ebdf #e2d9c8 #cbbfab", "#f4efe4", "#22242a",
             charcoal="#35383f", grey="#8b8a86", vermilion="#d04a32", stone="#b9ab93", blue="#3c5a78"),
)  # fmt: skip

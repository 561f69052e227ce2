"""Curves and distributions as inline SVG, drawn by ourselves: colours come from the page's style."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from creative_gan.core.page import Html, escaped

WIDTH, HEIGHT = 400, 210
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 34
POINTS = 200
"""A curve of more points is drawn through means of them."""
BINS = 32
OUTLIERS = 0.01
"""Share of the values at either end that may fall outside the picture, so that a few do not flatten the rest."""


@dataclass(frozen=True)
class Curve:
    """Points to draw a line through, by rising `x`; values that are not finite are left out."""

    name: str
    x: list[float]
    y: list[float]
    dashed: bool = False
    """For what the others are to be compared with."""


def chart(title: str, curves: Sequence[Curve], across: str, caption: str = "") -> Html:
    """Curves over one axis, with a key where there are several. `across` says what the axis counts."""
    drawn = [_finite(curve) for curve in curves]
    if not any(len(curve.x) for curve in drawn):
        return Html("")
    ends = [x for curve in drawn for x in curve.x[:1] + curve.x[-1:]]
    first, last = min(ends), max(ends)
    if 0 < first < 0.1 * last:
        first = 0
    drawn = [_thinned(curve) for curve in drawn]
    values = np.concatenate([curve.y for curve in drawn])
    low, high = _range(values)
    cut = int(((values < low) | (values > high)).sum())
    body = _axes((first, last), (low, high), across)
    for number, curve in enumerate(drawn):
        if not curve.x:
            continue
        x, y = _across(np.asarray(curve.x), first, last), _up(np.asarray(curve.y), low, high)
        body += _path(list(zip(x, y, strict=True)), number, curve.dashed)
    words = caption + (f" {cut} of {len(values)} points lie outside the picture." if cut else "")
    return _figure(title, [(curve.name, curve.dashed) for curve in curves], body, words.strip())


def distribution(
    title: str, parts: Sequence[tuple[str, np.ndarray]], across: str, guide: tuple[str, float], caption: str
) -> Html:
    """How often values occur, a line for each part, with an upright line at `guide` (name, value).

    parts: (name, values [N]), each with at least one finite value; shares of each part, whatever its size.
    """
    values = np.concatenate([part for _, part in parts])
    last = float(max(np.quantile(values, 1 - OUTLIERS), guide[1])) or 1.0
    first = float(min(values.min(), guide[1]))
    edges = np.linspace(first, last if last > first else first + 1, BINS + 1)
    heights = [np.histogram(part.clip(max=edges[-1]), edges)[0] / len(part) for _, part in parts]
    high = float(max(height.max() for height in heights)) * 1.05
    body = _axes((edges[0], edges[-1]), (0.0, high), across, percent=True)
    for number, height in enumerate(heights):
        x = np.repeat(_across(edges, edges[0], edges[-1]), 2)[1:-1]
        y = np.repeat(_up(height, 0.0, high), 2)
        body += _path(list(zip(x, y, strict=True)), number, number > 0)
    at = _across(np.array([guide[1]]), edges[0], edges[-1])[0]
    body += f'<line class="guide" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
    body += f'<text x="{at + 4:.1f}" y="{TOP + 9}">{escaped(guide[0])}</text>'
    keys = [(name, number > 0) for number, (name, _) in enumerate(parts)]
    return _figure(title, keys, body, caption)


def number(value: float) -> str:
    """A measured number as people write it: three digits that count, thousands apart."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}".replace("-", "−")
    if abs(value) < 0.001:
        return f"{value:.1e}".replace("-", "−")
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}".replace("-", "−")


def _finite(curve: Curve) -> Curve:
    kept = [(x, y) for x, y in zip(curve.x, curve.y, strict=True) if math.isfinite(x) and math.isfinite(y)]
    return replace(curve, x=[x for x, _ in kept], y=[y for _, y in kept])


def _thinned(curve: Curve) -> Curve:
    if len(curve.x) <= POINTS:
        return curve
    parts = np.array_split(np.arange(len(curve.x)), POINTS)
    x, y = ([float(np.asarray(values)[part].mean()) for part in parts] for values in (curve.x, curve.y))
    return replace(curve, x=x, y=y)


def _range(values: np.ndarray) -> tuple[float, float]:
    """The values to show; outliers only where they are few and far."""
    low, high = (float(v) for v in np.quantile(values, [OUTLIERS, 1 - OUTLIERS]))
    room = (high - low) or abs(high) or 1.0
    if values.min() >= low - room:
        low = float(values.min())
    if values.max() <= high + room:
        high = float(values.max())
    room = 0.05 * ((high - low) or abs(high) or 1.0)
    return (0.0 if 0 <= low < 0.3 * high else low - room), high + room


def _ticks(low: float, high: float, wanted: int) -> list[float]:
    """Round numbers between low and high."""
    rough = (high - low) / wanted
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * 0.999)
    return [step * i for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _axes(x: tuple[float, float], y: tuple[float, float], across: str, percent: bool = False) -> str:
    body = ""
    for value in _ticks(*y, 4):
        at = _up(np.array([value]), *y)[0]
        words = f"{100 * value:.3g}%" if percent else _short(value)
        body += f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        body += f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{words}</text>'
    for value in _ticks(x[0], x[1] if x[1] > x[0] else x[0] + 1, 4):
        at = _across(np.array([value]), *x)[0]
        body += f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{_short(value)}</text>'
    return body + f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{escaped(across)}</text>'


def _short(value: float) -> str:
    """A round number on an axis."""
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):g}{letter}".replace("-", "−")
    return f"{value:.6g}".replace("-", "−")


def _across(x: np.ndarray, first: float, last: float) -> np.ndarray:
    return LEFT + (x - first) / ((last - first) or 1.0) * (WIDTH - LEFT - RIGHT)


def _up(y: np.ndarray, low: float, high: float) -> np.ndarray:
    return HEIGHT - BOTTOM - (y.clip(low, high) - low) / ((high - low) or 1.0) * (HEIGHT - TOP - BOTTOM)


def _path(points: Sequence[tuple[float, float]], number: int, dashed: bool) -> str:
    if len(points) == 1:  # a single point is seen as a short line
        points = [(points[0][0] - 2, points[0][1]), (points[0][0] + 2, points[0][1])]
    way = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path class="line {_colour(number, dashed)}" d="{way}"/>'


def _colour(number: int, dashed: bool) -> str:
    return f"c{number % 4}" + (" dashed" if dashed else "")


def _figure(title: str, keys: Sequence[tuple[str, bool]], body: str, caption: str) -> Html:
    key = ""
    if len(keys) > 1:
        items = "".join(
            f'<li><svg viewBox="0 0 22 8" aria-hidden="true"><path class="line {_colour(i, dashed)}" '
            f'd="M0 4H22"/></svg>{escaped(name)}</li>'
            for i, (name, dashed) in enumerate(keys)
        )
        key = f'<ul class="key">{items}</ul>'
    below = f"<figcaption>{escaped(caption)}</figcaption>" if caption else ""
    return Html(
        f'<figure class="chart"><h4>{escaped(title)}</h4>{key}<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escaped(title)}">{body}</svg>{below}</figure>\n'
    )

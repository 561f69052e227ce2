"""What the reports of all modalities have in common: the run's own files, read, and the page of its parts.

A modality gathers its samples, figures and copies; `page.py` has the parts that a page is set of.
"""

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from creative_gan import __version__
from creative_gan.core import page
from creative_gan.core.chart import Curve, chart, number
from creative_gan.core.copying import Copying, notice
from creative_gan.core.errors import DataError, UserError
from creative_gan.core.files import write_bytes
from creative_gan.core.models import find, read_config
from creative_gan.core.page import Html

J = TypeVar("J")

NAME = "report.html"
"""In the run's folder: made anew whenever the run is reported on."""
STEPS = 7
"""Previews that are shown."""


@dataclass(frozen=True)
class Run:
    """What a run left behind besides its model's weights."""

    folder: Path
    config: dict[str, Any]
    """The model's `config.json`."""
    recipe: str
    """Of TOML."""
    rows: list[dict[str, Any]]
    """Of `metrics.jsonl`, without the warnings."""
    warnings: list[tuple[int, str]]
    """(samples seen, sentence)."""
    seconds: float
    """Spent on it in all sessions."""
    sessions: int
    usage: dict[str, Any]
    """`device` and `megabytes` of its last session, where they were written down."""

    @property
    def total(self) -> int:
        """Samples that the recipe asks for."""
        samples = tomllib.loads(self.recipe).get("budget", {}).get("samples", 0)
        return sum(samples) if isinstance(samples, list) else samples

    @property
    def source(self) -> str:
        """The last part of the name of the data: where else on the disk it lies is nobody's business."""
        return Path(self.config["data"]["source"]).name

    def previews(self, ending: str) -> list[tuple[int, Path]]:
        """(samples seen, file) of at most `STEPS` previews, the first and the last among them."""
        found = sorted(path for path in (self.folder / "samples").glob(f"*{ending}") if path.stem.isdigit())
        if len(found) > STEPS:
            # Close together at first, when much happens.
            last = len(found) - 1
            found = [found[i] for i in sorted({round((i / (STEPS - 1)) ** 1.5 * last) for i in range(STEPS)})]
        return [(int(path.stem), path) for path in found]


@dataclass(frozen=True)
class Chart:
    """What of the log stands in one picture."""

    title: str
    keys: Mapping[str, str]
    """Key of the log -> name on the page."""
    caption: str = ""
    dashed: Sequence[str] = field(default=())
    """Keys of what the others are to be compared with."""


_PLAYERS = "Two players against each other: these need not fall, but should not run away."
GAME = [
    Chart("Losses", {"critic_loss": "critic", "generator_loss": "generator"}, _PLAYERS),
    Chart(
        "Diversity of samples",
        {"diversity": "samples", "real_diversity": "data"},
        "How unlike each other samples are. Far below the data means collapse.",
        dashed=["real_diversity"],
    ),
    Chart(
        "How often the critic is right",
        {"sign": "mean sign"},
        "1: always, and the generator learns little. 0: the critic is guessing.",
    ),
    Chart(
        "Gradients",
        {"critic_gradient": "critic", "generator_gradient": "generator"},
        "Size of a step's gradient. Spikes mean that the training is near its limits.",
    ),
]
"""Of a run that is a game from beginning to end."""
ADVERSARIAL = Chart(
    "Adversarial phase",
    {"critic_loss": "critic", "generator_loss": "generator", "loss": "generator"},
    _PLAYERS,
)


@dataclass(frozen=True)
class Findings:
    """What samples have shown beside real items, as parts of the page."""

    notes: Sequence[str]
    """What to know before believing it; empty ones are left out."""
    headline: tuple[dict[str, Any], str] | None
    """The main figure, {"value", "floor"}, and the words between the two."""
    figures: Html
    """See `figures`; empty where there are none."""
    copying: Copying
    copies: Html
    """See `copying.section`."""


@dataclass(frozen=True)
class Parts:
    """What a modality gives to the page of its run."""

    items: str
    """What the samples are, such as `pictures`."""
    shown: str
    """What was done with items in the training, such as `seen`."""
    what: str
    """What the model is or does: how the page begins."""
    weights: int
    """Of the generator."""
    samples: Html
    how: str
    """How random numbers became the previews, such as `played`."""
    previews: Sequence[tuple[int, Html]]
    """(items shown, part); may be empty."""
    charts: Sequence[Chart]
    data: Html
    """See `data`."""
    judged: Findings | None
    trouble: str
    """Why it was not judged."""


def read(run: str | Path, modality: str) -> Run:
    """What is known of a run.

    Raises:
        UserError, DataError: it is no run folder of this modality, or it has made no model yet.
    """
    folder = Path(run)
    config = read_config(find(run, modality), modality)
    try:
        recipe = (folder / "recipe.toml").read_text("utf-8")
        tomllib.loads(recipe)
    except FileNotFoundError:
        raise DataError(
            folder,
            "holds no run, so there is nothing to report on",
            "name the folder of a training, runs/...",
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            folder, f"is no run folder: its recipe.toml cannot be read ({error})", "name one that holds a run"
        ) from None
    rows = _lines(folder / "metrics.jsonl")
    speed = [row for row in _lines(folder / "speed.jsonl") if isinstance(row.get("seconds"), int | float)]
    # The clock begins at 0 with every session.
    ends = [a for a, b in pairwise([*speed, {"seconds": -1}]) if b["seconds"] < a["seconds"]]
    return Run(
        folder,
        config,
        recipe,
        [row for row in rows if "warning" not in row],
        [(int(row.get("seen", 0)), str(row["warning"])) for row in rows if "warning" in row],
        sum(row["seconds"] for row in ends),
        len(ends),
        {key: speed[-1][key] for key in ("device", "megabytes") if speed and key in speed[-1]},
    )


def tried(compare: Callable[[], J]) -> tuple[J | None, str]:
    """What a comparison with real data found, or None and why it cannot be made, such as data that are gone."""
    try:
        return compare(), ""
    except UserError as error:
        return None, str(error)


def write(run: Run, parts: Parts, out: Path | None, overwrite: bool) -> Path:
    """Writes the page to `out`, or into the run's folder, where an older one gives way. Returns where it is.

    Raises:
        UserError, DataError: `out` exists and `overwrite` is not set; it cannot be written.
    """
    path = out or run.folder / NAME
    write_bytes(path, _page(run, parts).encode(), overwrite or out is None)
    return path


def figures(
    result: Mapping[str, Any],
    meanings: Mapping[str, tuple[str, str]],
    others: Mapping[str, str],
    beside: str,
    sizes: str,
) -> Html:
    """The figures of a modality's `evaluate` that have a meaning, beside what real data score.

    Args:
        result: {name: {"value", "floor", ...}}.
        meanings: {name: (title, sentence)}.
        others: {key of a figure: column}, such as `{"weak": "a weak baseline"}`.
        beside: what stands beside each figure, as the end of a sentence.
        sizes: of what they are figures, in small print.
    """
    shown = [(name, result[name]) for name in meanings if name in result]
    others = {key: column for key, column in others.items() if any(key in figure for _, figure in shown)}
    rows = [
        [
            "\n".join(meanings[name]),
            *(number(figure[key]) if key in figure else "" for key in ("value", "floor", *others)),
        ]
        for name, figure in shown
    ]
    head = ["", "this model", "real data", *others.values()]
    return page.joined(
        page.text(f"No figure means anything by itself. Beside each stands what {beside}"),
        page.table(head, rows, range(1, 3 + len(others))),
        page.note(sizes),
    )


def data(
    run: Run,
    pairs: Sequence[tuple[str, str]],
    parts: Mapping[str, Any],
    others: Mapping[str, Mapping[str, str]] | None = None,
) -> Html:
    """What the run was trained on.

    Args:
        pairs: (name, what it is).
        parts: {column: data with `classes` and `labels`}, whose classes are counted where they are those of the model.
        others: {column: {class: what stands there}}, beside the counts.
    """
    pairs = [*pairs, ("fingerprint", run.config["data"]["fingerprint"])]
    classes = run.config.get("classes")
    if not classes:
        return page.facts(pairs)
    if not parts or any(list(part.classes) != classes for part in parts.values()):
        return page.facts([*pairs, ("classes", ", ".join(classes))])
    counts = [np.bincount(np.asarray(part.labels), minlength=len(classes)) for part in parts.values()]
    others = others or {}
    rows = [
        [name, *(f"{count[i]:,}" for count in counts), *(other.get(name, "") for other in others.values())]
        for i, name in enumerate(classes)
    ]
    head = ["class", *parts, *others]
    table = page.table(head, rows, range(1, len(head)))
    return page.joined(page.facts(pairs), page.folded(f"The {len(classes)} classes", table))


def changed(config: dict[str, Any], fingerprint: str, items: str) -> str:
    """A note where the data that a model is judged by are not those of its training; else empty."""
    if fingerprint == config["data"]["fingerprint"]:
        return ""
    return f"These are not the {items} of the training: what is measured here is measured by others."


def weights(generator: Any) -> int:
    """How many weights a network has."""
    return sum(p.numel() for p in generator.parameters())


def _page(run: Run, parts: Parts) -> str:
    config, judged, history = run.config, parts.judged, Html("")
    if parts.previews:
        steps = page.steps((f"{seen:,} {parts.shown}", part) for seen, part in parts.previews)
        history = page.joined(page.text(f"The same random numbers, {parts.how} as it learned:"), steps)
    curves = _charts(run, parts.charts, f"{parts.items} {parts.shown}")
    sections = [
        ("In short", _short(run, parts)),
        ("Samples", parts.samples),
        ("How it learned", page.joined(history, curves)),
        ("How good it is", judged.figures if judged else Html("")),
        ("Does it copy?", judged.copies if judged else Html("")),
        ("Warnings", _health(run)),
        ("What it was trained on", parts.data),
        ("Time, memory, settings", _cost(run)),
    ]
    classes = config.get("classes")
    lead = (
        parts.what
        + (f" in {len(classes)} classes" if classes else "")
        + f", trained with the recipe {config['recipe']} on {config['data']['count']:,} {parts.items} of "
        f"{run.source}."
    )
    foot = (
        f"Made by creative-gan {__version__}: creative-gan {config['modality']} report {run.folder.name}. Whatever "
        "is called a sample on this page was made by a machine."
    )
    return page.page(str(config["name"]), lead, [section for section in sections if section[1]], foot)


def _short(run: Run, parts: Parts) -> Html:
    items, judged, seen, sampler = parts.items, parts.judged, run.config["seen"], run.config.get("sampler")
    whole = "" if seen >= run.total else f" of {run.total:,}: the run is not at its end"
    tiles = [
        (_duration(run.seconds), f"{seen:,} {items} shown in all{whole}"),
        (f"{parts.weights / 1e6:.2g} M", "weights of the generator" + (f" ({sampler})" if sampler else "")),
    ]
    notices = []
    if judged:
        copying = judged.copying
        if judged.headline:
            figure, words = judged.headline
            tiles.append((number(figure["value"]), f"{words} {number(figure['floor'])}"))
        tiles.append((f"{copying.share:.1%}", f"near duplicates; of real {items} {copying.floor:.1%}"))
        notices = [*map(page.notice, filter(None, judged.notes)), notice(copying, items)]
    else:
        notices.append(page.notice(f"Nothing could be measured: {parts.trouble}."))
    count = len(run.warnings)
    if count:
        words = "a warning; it stands" if count == 1 else f"{count} warnings; they stand"
        notices.append(page.notice(f"The training gave {words} below."))
    return page.joined(page.tiles(tiles), *notices)


def _health(run: Run) -> Html:
    """What went wrong on the way."""
    if not run.warnings:
        return page.notice("The training gave no warnings.", good=True)
    return page.joined(*(page.notice(f"At {seen:,} seen: {words}") for seen, words in run.warnings))


def _cost(run: Run) -> Html:
    """Time, memory and machine, as far as they were written down."""
    megabytes, device = run.usage.get("megabytes"), run.usage.get("device")
    size = sum(path.stat().st_size for path in (run.folder / "model").glob("*.safetensors"))
    sessions = f" in {run.sessions} sessions" if run.sessions > 1 else ""
    pairs = [
        ("time", _duration(run.seconds) + sessions),
        ("memory", f"{megabytes:,} MB at the most" if megabytes else "not written down"),
        ("device", str(device) if device else "not written down"),
        ("model file", f"{size / 1e6:.1f} MB"),
    ]
    return page.joined(page.facts(pairs), page.folded("The whole recipe", page.code(run.recipe)))


def _duration(seconds: float) -> str:
    """A length of time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"


def _charts(run: Run, wanted: Sequence[Chart], across: str) -> Html:
    """The charts that are wanted, as far as the log has their keys, and folded away all else that it has."""
    drawn = [_chart(run, one, across) for one in wanted]
    named = {key for one in wanted for key in one.keys} | {"seen", "phase"}
    numbers = {
        key: None for row in run.rows for key, value in row.items() if isinstance(value, int | float)
    }  # a dict keeps the order
    rest = [
        _chart(run, Chart(key.replace("_", " "), {key: key}), across) for key in numbers if key not in named
    ]
    others = page.folded("All else that was logged", page.gallery(rest, 300)) if rest else Html("")
    return page.joined(page.gallery(filter(None, drawn), 300), others)


def _chart(run: Run, wanted: Chart, across: str) -> Html:
    curves = []
    for key, name in wanted.keys.items():
        rows = [row for row in run.rows if isinstance(row.get(key), int | float)]
        if rows:
            x, y = [row["seen"] for row in rows], [row[key] for row in rows]
            curves.append(Curve(name, x, y, key in wanted.dashed))
    return chart(wanted.title, curves, across, wanted.caption)


def _lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines, without such as are half written."""
    rows = []
    with suppress(OSError):
        for line in path.read_text("utf-8", "replace").splitlines():
            with suppress(ValueError):
                rows.append(json.loads(line))
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("seen"), int)]

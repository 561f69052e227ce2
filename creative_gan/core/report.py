"""What the reports of all modalities have in common: the run's own files, read and set as parts of a page.

A modality gathers its samples, figures and copies and lays the parts out; `page.py` has the parts themselves.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from creative_gan import __version__
from creative_gan.core import page
from creative_gan.core.chart import Curve, chart, distribution, number
from creative_gan.core.copying import Copying, verdict
from creative_gan.core.errors import DataError
from creative_gan.core.files import write_bytes
from creative_gan.core.models import find, read_config
from creative_gan.core.page import Html

NAME = "report.html"
"""In the run's folder: made anew whenever the run is reported on."""


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

    def previews(self, ending: str, most: int) -> list[tuple[int, Path]]:
        """(samples seen, file) of at most `most` previews, the first and the last among them; `most` is 2 at least."""
        found = sorted(path for path in (self.folder / "samples").glob(f"*{ending}") if path.stem.isdigit())
        if len(found) > most:
            # Close together at first, when much happens.
            last = len(found) - 1
            found = [found[i] for i in sorted({round((i / (most - 1)) ** 1.5 * last) for i in range(most)})]
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
    except (OSError, ValueError) as error:
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


def save(html: str, run: Run, out: Path | None, overwrite: bool) -> Path:
    """Writes the page to `out`, or into the run's folder, where an older one gives way. Returns where it is.

    Raises:
        UserError, DataError: `out` exists and `overwrite` is not set; it cannot be written.
    """
    path = out or run.folder / NAME
    write_bytes(path, html.encode(), overwrite or out is None)
    return path


def foot(run: Run, command: str) -> str:
    """The last line of the page. `command`: what makes it, as `image report`."""
    return (
        f"Made by creative-gan {__version__}: creative-gan {command} {run.folder.name}. Whatever is called a "
        "sample on this page was made by a machine."
    )


def progress(run: Run, items: str) -> str:
    """How far the run came, in words. `items`: what it was shown."""
    seen = run.config["seen"]
    whole = "" if seen >= run.total else f" of {run.total:,}: the run is not at its end"
    return f"{seen:,} {items} shown in all{whole}"


def charts(run: Run, wanted: Sequence[Chart], across: str) -> Html:
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


def warned(run: Run) -> Html:
    """That something went wrong on the way, if it did."""
    count = len(run.warnings)
    if not count:
        return Html("")
    return page.notice(
        "The training gave a warning; it stands below."
        if count == 1
        else f"The training gave {count} warnings; they stand below."
    )


def health(run: Run) -> Html:
    """What went wrong on the way."""
    if not run.warnings:
        return page.notice("The training gave no warnings.", good=True)
    return page.joined(*(page.notice(f"At {seen:,} seen: {words}") for seen, words in run.warnings))


def cost(run: Run) -> Html:
    """Time, memory and machine, as far as they were written down."""
    megabytes, device = run.usage.get("megabytes"), run.usage.get("device")
    size = sum(path.stat().st_size for path in (run.folder / "model").glob("*.safetensors"))
    sessions = f" in {run.sessions} sessions" if run.sessions > 1 else ""
    pairs = [
        ("time", duration(run.seconds) + sessions),
        ("memory", f"{megabytes:,} MB at the most" if megabytes else "not written down"),
        ("device", str(device) if device else "not written down"),
        ("model file", f"{size / 1e6:.1f} MB"),
    ]
    return page.joined(page.facts(pairs), page.folded("The whole recipe", page.code(run.recipe)))


def figures(
    result: Mapping[str, Any], meanings: Mapping[str, tuple[str, str]], others: Mapping[str, str]
) -> Html:
    """The figures of a modality's `evaluate` that have a meaning, beside what real data score.

    Args:
        result: {name: {"value", "floor", ...}}.
        meanings: {name: (title, sentence)}.
        others: {key of a figure: column}, such as `{"weak": "a weak baseline"}`.
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
    return page.table(head, rows, range(1, 3 + len(others)))


def copies(found: Copying, items: str, unit: str, pairs: Html) -> Html:
    """The part on memorisation.

    Args:
        items: what the samples are, such as `pictures`.
        unit: of the distance, for the axis.
        pairs: the closest samples beside their nearest training items.
    """
    words = verdict(found, items)
    celled = [("the same, by region", number(found.celled))] if found.celled is not None else []
    rows = [
        ("near duplicates", f"{found.share:.1%} of {len(found.distance)} samples"),
        ("the same of real data", f"{found.floor:.1%}"),
        ("three-sample test", f"z = {number(found.z)}"),
        *((name, f"z = {value}") for name, value in celled),
    ]
    curve = distribution(
        "Distance to the nearest training item",
        [("samples", found.distance), (f"unseen real {items}", found.heldout)],
        unit,
        ("threshold", found.threshold),
        f"Copies pile up at the left end. {number(found.threshold)} is the distance that one in a hundred of "
        f"{len(found.heldout)} unseen real {items} comes within; what comes as near is counted as a near duplicate.",
    )
    told = page.note(
        "The three-sample test (Meehan 2020, arXiv:2004.05675) asks whether samples are nearer to the training "
        f"set than real {items} that were kept from it: about 0 for good, below −3 where they copy, far above 0 "
        "where samples look like nothing in the data."
    )
    return page.joined(
        page.notice(words, good=words.startswith("No sign")),
        page.beside(page.joined(page.facts(rows), told), curve),
        pairs,
    )


def duration(seconds: float) -> str:
    """A length of time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"


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
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("seen"), int):
            rows.append(row)
    return rows

"""The report of a picture run: samples, how it learned, how good it is, and whether it copies, on one page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from creative_gan.core import page
from creative_gan.core import report as reports
from creative_gan.core.chart import number
from creative_gan.core.copying import Copying, verdict
from creative_gan.core.errors import UserError
from creative_gan.core.page import Html
from creative_gan.core.report import Chart
from creative_gan.image import export
from creative_gan.image.evaluate import Comparison, compare
from creative_gan.image.model import Model, load

SAMPLES = 512
PIXELS = 1 << 21
"""Of all samples that are judged: of large pictures fewer are, down to `FEWEST`."""
FEWEST = 128
LOOKED_AT = 20_000
"""Training pictures among which copies are looked for."""
SHOWN = 1 << 19
"""Pixels of a sheet, about."""
PAIRS = 10
STEPS = 7
SMOOTH = 96
"""Pictures of this side and more are shown smoothed, smaller ones pixel by pixel."""

MEANINGS = {
    "frechet": ("Fréchet distance", "how far the samples as a whole are from real pictures; low is good"),
    "kernel": (
        "kernel distance (KID)",
        "the same, judged in another way; low is good, and chance may take it below 0",
    ),
    "precision": ("precision", "share of samples that look like something in the data; high is good"),
    "recall": ("recall", "share of the data that the samples reach; low means that kinds are missing"),
    "density": ("density", "precision that outliers do not flatter; about 1 is good"),
    "coverage": ("coverage", "recall that outliers do not flatter; high is good"),
    "swd": ("patch distance (SWD × 1000)", "how far texture and detail are from real ones; low is good"),
    "class_balance": ("class imbalance", "share of samples that are too many of their class; low is good"),
    "agreement": ("class agreement", "share of samples that show the class that was asked for; high is good"),
}
CHARTS = [
    Chart(
        "Losses",
        {"critic_loss": "critic", "generator_loss": "generator"},
        "Two players against each other: these need not fall, but should not run away.",
    ),
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


def report(
    run: str | Path, out: Path | None = None, overwrite: bool = False, data: str | None = None
) -> Path:
    """Writes the report of a run to `out`, or to `report.html` in its folder, and returns where it is.

    Args:
        data: the pictures to judge by; None for those of the training. Where they cannot be had, the page says so.

    Raises:
        UserError, DataError: there is no such run, its model is damaged, or the page cannot be written.
    """
    found = reports.read(run, "image")
    return reports.save(build(found, data), found, out, overwrite)


def build(run: reports.Run, data: str | None = None) -> str:
    """The page of a run."""
    model = load(run.folder)
    config, (channels, height, width) = run.config, model.config["shape"]
    count = min(SAMPLES, max(FEWEST, PIXELS // (height * width)))
    judged: Comparison | None = None
    try:
        judged = compare(model, data, count, seed=0, most=LOOKED_AT, weak=True)
        notes = [judged.note, _changed(run, judged), _partly(judged)]
    except UserError as error:
        notes = [f"Nothing could be measured: {error}."]
    copying = copies(judged) if judged else None
    kind = {1: "grey", 3: "colour", 4: "colour, with transparency"}[channels]
    lead = (
        f"A generator of {kind} pictures of {width} × {height} pixels"
        + (f" in {len(model.classes)} classes" if model.classes else "")
        + f", trained with the recipe {config['recipe']} on {config['data']['count']:,} pictures of {run.source}."
    )
    sections = [
        ("In short", _short(run, model, judged, copying, [note for note in notes if note])),
        ("Samples", _samples(model, judged)),
        ("How it learned", page.joined(_history(run), reports.charts(run, CHARTS, "pictures seen"))),
    ]
    if judged and copying:
        sections += [("How good it is", _figures(judged)), ("Does it copy?", _copies(judged, copying))]
    sections += [
        ("Warnings", reports.health(run)),
        ("What it was trained on", _data(run, judged)),
        ("Time, memory, settings", reports.cost(run)),
    ]
    return page.page(str(config["name"]), lead, sections, reports.foot(run, "image report"))


def copies(judged: Comparison) -> Copying:
    """What the comparison knows of copying, by the features of `metrics.fixed_features`."""
    near, figures = judged.figures["near_duplicates"], judged.figures
    return Copying(
        nearest=np.array(near["nearest"]),
        distance=np.array(near["distance"]),
        heldout=np.array(near["heldout_distance"]),
        threshold=near["threshold"],
        floor=near["floor"],
        z=figures["copying_z"]["value"],
        celled=figures["copying_celled"]["value"],
    )


def _short(
    run: reports.Run, model: Model, judged: Comparison | None, copying: Copying | None, notes: list[str]
) -> Html:
    weights = sum(p.numel() for p in model.generator.parameters())
    tiles = [
        (reports.duration(run.seconds), reports.progress(run, "pictures")),
        (f"{weights / 1e6:.2g} M", "weights of the generator"),
    ]
    if judged and copying:
        figure = judged.figures["frechet"]
        floor = f"Fréchet distance; real pictures score {number(figure['floor'])}"
        tiles += [
            (number(figure["value"]), floor),
            (f"{copying.share:.1%}", f"near duplicates; of real pictures {copying.floor:.1%}"),
        ]
    parts = [page.tiles(tiles), *(page.notice(note) for note in notes)]
    if copying:
        words = verdict(copying, "pictures")
        parts.append(page.notice(words, good=words.startswith("No sign")))
    parts.append(reports.warned(run))
    return page.joined(*parts)


def _samples(model: Model, judged: Comparison | None) -> Html:
    _, height, width = model.config["shape"]
    classes = len(model.classes)
    columns = min(classes, 12) if classes > 1 else 8
    count = min(columns * (80 // columns), max(columns, SHOWN // (height * width) // columns * columns))
    origin = model.origins(1, 0, None, None)[0]
    made = page.figure(
        _picture(export.grid(model.pictures(count), columns), f"{count} samples", min(height, width), origin),
        f"{count} samples of seed 0, as they came: none was chosen or left out.",
    )
    if not judged:
        return made
    rows = _spread(judged, classes, columns, count)
    real = export.grid(_shown(judged.train.pixels[judged.train.rows[rows]]), columns)
    return page.beside(
        made,
        page.figure(
            _picture(real, f"{len(rows)} real pictures", min(height, width)),
            f"{len(rows)} real pictures of the training, for comparison.",
        ),
    )


def _spread(judged: Comparison, classes: int, columns: int, count: int) -> np.ndarray:
    """Training pictures to show: one class below the other as in the samples, at even distances."""
    labels, size = judged.train.labels, len(judged.train)
    if labels is None or classes < 2:
        return np.linspace(0, size - 1, min(count, size)).astype(int)
    members = [np.flatnonzero(labels == index % classes) for index in range(count)]
    found = [m[index // classes * 37 % len(m)] for index, m in enumerate(members) if len(m)]
    return np.array(found)


def _history(run: reports.Run) -> Html:
    _, height, width = run.config["shape"]
    rows = []
    for seen, path in run.previews(".png", STEPS):
        try:
            with Image.open(path, formats=["PNG"]) as opened:
                array = np.asarray(opened)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue  # a picture that somebody else put there
        sheet = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
        first = cells(sheet, height, width)[:10]
        if len(first):
            strip = np.concatenate(list(first), axis=2)
            rows.append(
                (f"{seen:,} seen", _picture(strip, f"the same latents after {seen:,}", min(height, width)))
            )
    if not rows:
        return Html("")
    return page.joined(
        page.text("The same random numbers, painted by the generator as it learned:"), page.steps(rows)
    )


def cells(sheet: np.ndarray, height: int, width: int) -> np.ndarray:
    """The pictures of the first row of a sheet [C, ...] of `export.grid`, in their own size: [N, C, height, width].

    None where the sheet is of another kind.
    """
    gap = 2
    for factor in range(1, 64):
        columns, rest = divmod(sheet.shape[2] + gap, width * factor + gap)
        rows, other = divmod(sheet.shape[1] + gap, height * factor + gap)
        if not rest and not other and columns and rows:
            step = width * factor + gap
            top = sheet[:, : height * factor : factor]
            return np.stack(
                [top[:, :, i * step : i * step + width * factor : factor] for i in range(columns)]
            )
    return np.empty((0, len(sheet), height, width), np.uint8)


def _figures(judged: Comparison) -> Html:
    about, sizes = judged.figures["features"], judged.figures["sizes"]
    features = (
        f"features of a small network that was trained on the labels and is right about {about['accuracy']:.0%} "
        "of unseen pictures"
        if about["kind"] == "classifier"
        else "fixed features of layout and texture, for there are no labels to train any on"
    )
    return page.joined(
        page.text(
            "No figure means anything by itself. Beside each stands what real pictures score that the measure "
            "had not seen, which is as good as it gets, and what a weak method scores: pictures of a normal "
            "distribution with the mean and covariance of the data."
        ),
        reports.figures(judged.figures, MEANINGS, {"weak": "weak method"}),
        page.note(
            f"{sizes['compared']:,} samples and as many training pictures against {sizes['compared']:,} held-out "
            f"ones, by {features}. Figures of other sizes or data cannot be compared with these."
        ),
    )


def _copies(judged: Comparison, copying: Copying) -> Html:
    near = judged.figures["near_duplicates"]
    train, fake = judged.train, judged.fake
    closest = copying.closest[:PAIRS]
    held = np.argsort(near["heldout_distance"], kind="stable")[: PAIRS // 2]
    nearest = np.array(near["heldout_nearest"])

    def pairs(left: np.ndarray, items: np.ndarray, distance: Sequence[float]) -> Html:
        return page.gallery(
            _pair(one, train.pixels[train.rows[item]], train.names[item], far / (copying.threshold or 1.0))
            for one, item, far in zip(left, items, distance, strict=True)
        )

    real = judged.heldout.pixels[judged.heldout.rows[held]]
    return page.joined(
        reports.copies(copying, "pictures", "distance", Html("")),
        page.heading("The samples that come closest, each beside its nearest training picture"),
        pairs(fake[closest], copying.nearest[closest], copying.distance[closest].tolist()),
        page.heading("For scale: unseen real pictures that come closest, beside theirs"),
        pairs(real, nearest[held], [near["heldout_distance"][i] for i in held]),
        page.note("Left of each pair what came close, right the training picture; 1 is the threshold."),
    )


def _pair(left: np.ndarray, right: np.ndarray, name: str, far: float) -> Html:
    space = np.full((len(left), left.shape[1], max(1, left.shape[2] // 14)), 255, np.uint8)
    space[3:] = 0
    both = np.concatenate([*_shown(left[None]), space, *_shown(right[None])], axis=2)
    return page.figure(_picture(both, f"a sample beside {name}", left.shape[1]), f"{number(far)} · {name}")


def _data(run: reports.Run, judged: Comparison | None) -> Html:
    about = run.config["data"]
    pairs = [
        ("pictures", f"{about['count']:,} to train on, of {run.source}"),
        ("held out", f"{about.get('holdout', 0.0):.0%} of the set, which the training never saw"),
        (
            "prepared",
            f"{' × '.join(map(str, run.config['shape'][:0:-1]))} pixels, {about.get('fit', 'crop')}",
        ),
        ("fingerprint", about["fingerprint"]),
    ]
    classes = run.config["classes"]
    table = Html("")
    if classes and judged and list(judged.train.classes) == classes:
        counts = [
            np.bincount(np.asarray(part.labels), minlength=len(classes))
            for part in (judged.train, judged.heldout)
        ]
        balance = judged.figures.get("class_balance", {}).get("shares", {})
        rows = [
            [name, f"{seen:,}", f"{kept:,}", f"{balance[name]:.1%}" if name in balance else ""]
            for name, seen, kept in zip(classes, *counts, strict=True)
        ]
        head = ["class", "looked at", "held out", "share of samples taken for it"]
        table = page.folded(f"The {len(classes)} classes", page.table(head, rows, range(1, 4)))
    elif classes:
        pairs.append(("classes", ", ".join(classes)))
    return page.joined(page.facts(pairs), table)


def _changed(run: reports.Run, judged: Comparison) -> str:
    same = judged.fingerprint == run.config["data"]["fingerprint"]
    return (
        ""
        if same
        else "These are not the pictures of the training: what is measured here is measured by others."
    )


def _partly(judged: Comparison) -> str:
    if len(judged.train) < LOOKED_AT:
        return ""
    return f"Copies were looked for among {LOOKED_AT:,} of the training pictures, at even distances."


def _shown(pictures: np.ndarray) -> np.ndarray:
    return export.straight(pictures) if pictures.shape[1] == 4 else pictures


def _picture(picture: np.ndarray, alt: str, side: int, origin: Any = None) -> Html:
    return page.picture(export.png(picture, origin), alt, smooth=side >= SMOOTH)

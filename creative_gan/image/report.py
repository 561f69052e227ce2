"""The report of a picture run: samples, how it learned, how good it is, and whether it copies, on one page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from creative_gan.core import page
from creative_gan.core import report as reports
from creative_gan.core.chart import number
from creative_gan.core.copying import Copying, memorised, section
from creative_gan.core.data import evenly
from creative_gan.core.page import Html
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


def report(
    run: str | Path, out: Path | None = None, overwrite: bool = False, data: str | None = None
) -> Path:
    """Writes the report of a run to `out`, or to `report.html` in its folder, and returns where it is.

    `data`: the pictures to judge by, else those of the training; where they cannot be had, the page says so. Raises
    UserError and DataError: there is no such run, its model is damaged, or the page cannot be written.
    """
    found = reports.read(run, "image")
    model = load(found.folder)
    judged, trouble = reports.tried(
        lambda: compare(model, data, _count(model), seed=0, most=LOOKED_AT, weak=True)
    )
    channels, height, width = model.config["shape"]
    kind = {1: "grey", 3: "colour", 4: "colour, with transparency"}[channels]
    parts = reports.Parts(
        items="pictures",
        shown="seen",
        what=f"A generator of {kind} pictures of {width} × {height} pixels",
        weights=reports.weights(model.generator),
        samples=_samples(model, judged),
        how="painted by the generator",
        previews=_previews(found),
        charts=reports.GAME,
        data=_data(found, judged),
        judged=_findings(found, judged) if judged else None,
        trouble=trouble,
    )
    return reports.write(found, parts, out, overwrite)


def memorisation(run: str | Path, data: str | None = None) -> dict[str, str]:
    """What a model card says of copying: name -> figure. Raises UserError where nothing can be measured."""
    model = load(run)
    judged = compare(model, data, _count(model), seed=0, most=LOOKED_AT)
    return memorised(copies(judged), "distance of features")


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


def _findings(run: reports.Run, judged: Comparison) -> reports.Findings:
    copying = copies(judged)
    return reports.Findings(
        notes=[judged.note, reports.changed(run.config, judged.fingerprint, "pictures"), _partly(judged)],
        headline=(judged.figures["frechet"], "Fréchet distance; real pictures score"),
        figures=_figures(judged),
        copying=copying,
        copies=_copies(judged, copying),
    )


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
        return evenly(size, count)
    members = [np.flatnonzero(labels == index % classes) for index in range(count)]
    found = [m[index // classes * 37 % len(m)] for index, m in enumerate(members) if len(m)]
    return np.array(found)


def _previews(run: reports.Run) -> list[tuple[int, Html]]:
    _, height, width = run.config["shape"]
    rows = []
    for seen, path in run.previews(".png"):
        try:
            with Image.open(path, formats=["PNG"]) as opened:
                array = np.asarray(opened)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue  # a picture that somebody else put there
        sheet = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
        first = cells(sheet, height, width)[:10]
        if len(first):
            strip = np.concatenate(list(first), axis=2)
            rows.append((seen, _picture(strip, f"the same latents after {seen:,}", min(height, width))))
    return rows


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
    return reports.figures(
        judged.figures,
        MEANINGS,
        {"weak": "weak method"},
        "real pictures score that the measure had not seen, which is as good as it gets, and what a weak method "
        "scores: pictures of a normal distribution with the mean and covariance of the data.",
        f"{sizes['compared']:,} samples and as many training pictures against {sizes['compared']:,} held-out "
        f"ones, by {features}. Figures of other sizes or data cannot be compared with these.",
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
    made = pairs(fake[closest], copying.nearest[closest], copying.distance[closest].tolist())
    scale = pairs(real, nearest[held], [near["heldout_distance"][i] for i in held])
    return page.joined(
        section(copying, "pictures", "distance", made, scale),
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
    ]
    if not judged:
        return reports.data(run, pairs, {})
    balance = judged.figures.get("class_balance", {}).get("shares", {})
    taken = {name: f"{share:.1%}" for name, share in balance.items()}
    parts = {"looked at": judged.train, "held out": judged.heldout}
    return reports.data(run, pairs, parts, {"share of samples taken for it": taken})


def _count(model: Model) -> int:
    """Samples that are judged."""
    _, height, width = model.config["shape"]
    return min(SAMPLES, max(FEWEST, PIXELS // (height * width)))


def _partly(judged: Comparison) -> str:
    if len(judged.train) < LOOKED_AT:
        return ""
    return f"Copies were looked for among {LOOKED_AT:,} of the training pictures, at even distances."


def _shown(pictures: np.ndarray) -> np.ndarray:
    return export.straight(pictures) if pictures.shape[1] == 4 else pictures


def _picture(picture: np.ndarray, alt: str, side: int, origin: Any = None) -> Html:
    return page.picture(export.png(picture, origin), alt, smooth=side >= SMOOTH)

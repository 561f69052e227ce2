"""Judges a picture model against held-out pictures of its data set."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from creative_gan.core.data import evenly
from creative_gan.core.draws import derive
from creative_gan.core.errors import UserError
from creative_gan.image import metrics
from creative_gan.image.data import Pictures, open_pictures
from creative_gan.image.metadata import LABEL
from creative_gan.image.model import Model, load


@dataclass(frozen=True)
class Comparison:
    """Samples, the real pictures that they were judged by, and the figures."""

    train: Pictures
    heldout: Pictures
    fake: np.ndarray
    """uint8 [N, C, H, W] as the generator makes them."""
    figures: dict[str, Any]
    """Of `metrics.evaluate`."""
    note: str
    """What to know before believing them; empty where there is nothing."""
    fingerprint: str
    """Of all the training pictures, also where only a part of them was looked at."""


def evaluate(
    model_name: str, data: str | None = None, count: int = 2000, seed: int = 0, inception: bool = False
) -> dict[str, Any]:
    """All figures of `metrics.evaluate` on `count` samples.

    Args:
        data: the pictures to judge by; None for those that the model was trained on, of which the held-out
            part is the same as in training.

    Raises:
        UserError, DataError: the model or the data cannot be found, or do not fit each other.
    """
    judged = compare(load(model_name), data, count, seed)
    result = judged.figures
    if judged.note:
        result["note"] = judged.note
    if inception:
        sets = np.asarray(judged.heldout.pictures), judged.fake, np.asarray(judged.train.pictures)
        count = min(map(len, sets))  # the distance depends on it
        real, fake, other = (pictures[evenly(len(pictures), count)] for pictures in sets)
        fid, floor = metrics.inception_fid(real, fake), metrics.inception_fid(real, other)
        result["inception_fid"] = {"value": fid, "floor": floor, "better": "lower"}
    return result


def compare(
    model: Model, data: str | None, count: int, seed: int, most: int | None = None, weak: bool = False
) -> Comparison:
    """Compares `count` samples of a seed with real pictures. Raises as `evaluate`.

    Args:
        most: training pictures to look at, at even distances; None for all.
        weak: also judge `mixtures` of the training pictures, as the work of a poor method.
    """
    train, heldout, note = _real(model, data)
    fingerprint = train.fingerprint
    if most is not None and len(train) > most:
        train = train.subset(evenly(len(train), most))
    label = model.labels_like(train.labels, train.classes, count)
    fake = model.paint(model.latents(range(count), seed), label)
    pictures = np.asarray(train.pictures)
    figures: dict[str, Any] = metrics.evaluate(
        fake,
        pictures,
        np.asarray(heldout.pictures),
        train.labels,
        heldout.labels,
        train.classes,
        _in_classes_of(train, model, label) if train.labels is not None else None,
        weak=mixtures(pictures, len(heldout), seed) if weak else None,
    )
    return Comparison(train, heldout, fake, figures, note, fingerprint)


def mixtures(pictures: np.ndarray, count: int, seed: int) -> np.ndarray:
    """New pictures of the normal distribution that has the mean and the covariance of these: a blur of all.

    pictures: uint8 [N, C, H, W], of which a thousand at most are mixed. Returns uint8 [count, C, H, W].
    """
    draw = np.random.default_rng(derive(seed, "mixtures"))
    some = pictures[np.sort(draw.permutation(len(pictures))[:1000])].astype(np.float32)
    mean = some.mean(0)
    weights = draw.standard_normal((count, len(some)), dtype=np.float32) / len(some) ** 0.5
    made = mean + np.tensordot(weights, some - mean, 1)
    return made.round().clip(0, 255).astype(np.uint8)


def _real(model: Model, data: str | None) -> tuple[Pictures, Pictures, str]:
    """Training and held-out pictures, prepared as in the model's training, and what to know about them."""
    about = model.config["data"]
    source = data or about["source"]
    column = about.get("label_column", LABEL)
    try:
        pictures = _opened(model, source, column)
    except UserError as error:
        if data is None or column == LABEL:
            raise UserError(f"{error}; name the pictures to judge by with --data") from None
        pictures = _opened(model, source, LABEL)  # other pictures need not have that column
    share = about.get("holdout", 0.0)
    train, heldout = pictures.split(share or 0.2)
    if data is not None and train.fingerprint != about["fingerprint"]:
        train, heldout = pictures.split(0.5)
        return (
            train,
            heldout,
            "these are not the pictures of its training: half of them stand in its place, so that the figures of "
            "copying say nothing of what it learnt from",
        )
    if not share and data is None:
        return (
            train,
            heldout,
            "no picture was held out from this training: a model that copies looks good here",
        )
    return train, heldout, ""


def _opened(model: Model, source: str, label_column: str) -> Pictures:
    """Pictures of a source as the model's training would have prepared them."""
    height, width = model.config["shape"][1:]
    channels = {1: "grey", 3: "rgb", 4: "rgba"}[model.config["shape"][0]]
    fit = model.config["data"].get("fit", "crop")
    return open_pictures(source, (height, width), channels, fit, label_column=label_column)


def _in_classes_of(train: Pictures, model: Model, label: Any) -> np.ndarray | None:
    """The labels that were asked for, numbered as the pictures' classes are; None where they differ."""
    if label is None or list(train.classes) != model.classes:
        return None
    return label.numpy()

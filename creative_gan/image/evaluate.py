"""Judges a picture model against held-out pictures of its data set."""

from typing import Any

import numpy as np
import torch

from creative_gan.core.errors import UserError
from creative_gan.image import metrics
from creative_gan.image.data import Pictures, open_pictures
from creative_gan.image.model import Model, load


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
    model = load(model_name)
    train, heldout, note = _real(model, data)
    labelled = train.labels is not None
    label = _labels(model, train, count)
    fake = model.paint(model.latents(range(count), seed), label)
    result: dict[str, Any] = metrics.evaluate(
        fake,
        np.asarray(train.pictures),
        np.asarray(heldout.pictures),
        train.labels,
        heldout.labels,
        train.classes,
        _in_classes_of(train, model, label) if labelled else None,
    )
    if note:
        result["note"] = note
    if inception:
        real, other = np.asarray(heldout.pictures), np.asarray(train.pictures)[: len(heldout)]
        fid, floor = metrics.inception_fid(real, fake), metrics.inception_fid(real, other)
        result["inception_fid"] = {"value": fid, "floor": floor, "better": "lower"}
    return result


def _labels(model: Model, train: Pictures, count: int) -> torch.Tensor | None:
    """Labels to ask for: as often as among the training pictures, where the classes are the same."""
    if not model.classes or train.labels is None or list(train.classes) != model.classes:
        return model.labels(range(count))
    spread = np.linspace(0, len(train) - 1, count).round().astype(int)
    return torch.from_numpy(np.sort(train.labels)[spread])


def _real(model: Model, data: str | None) -> tuple[Pictures, Pictures, str]:
    """Training and held-out pictures, prepared as in the model's training, and what to know about them."""
    about = model.config["data"]
    source = data or about["source"]
    height, width = model.config["shape"][1:]
    channels = {1: "grey", 3: "rgb", 4: "rgba"}[model.config["shape"][0]]
    try:
        pictures = open_pictures(source, (height, width), channels, about.get("fit", "crop"))
    except UserError as error:
        raise UserError(f"{error}; name the pictures to judge by with --data") from None
    share = about.get("holdout", 0.0)
    train, heldout = pictures.split(share or 0.2)
    if not share and data is None:
        return (
            train,
            heldout,
            "no picture was held out from this training: a model that copies looks good here",
        )
    return train, heldout, ""


def _in_classes_of(train: Pictures, model: Model, label: Any) -> np.ndarray | None:
    """The labels that were asked for, numbered as the pictures' classes are; None where they differ."""
    if label is None or list(train.classes) != model.classes:
        return None
    return label.numpy()

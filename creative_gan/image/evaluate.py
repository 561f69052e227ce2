"""Judges a picture model against held-out pictures of its data set."""

from pathlib import Path
from typing import Any

import numpy as np

from creative_gan.core import recipe as recipes
from creative_gan.core.errors import UserError
from creative_gan.image import metrics
from creative_gan.image.data import Pictures, open_pictures
from creative_gan.image.model import Model, load
from creative_gan.image.recipe import ImageRecipe


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
    train, heldout = _real(model, data)
    indices = range(count)
    label = model.labels(indices)
    fake = model.paint(model.latents(indices, seed), label)
    labelled = train.labels is not None
    result = metrics.evaluate(
        fake,
        np.asarray(train.pictures),
        np.asarray(heldout.pictures),
        train.labels,
        heldout.labels,
        train.classes,
        _in_classes_of(train, model, label) if labelled else None,
    )
    if inception:
        real, other = np.asarray(heldout.pictures), np.asarray(train.pictures)[: len(heldout)]
        fid, floor = metrics.inception_fid(real, fake), metrics.inception_fid(real, other)
        result["inception_fid"] = {"value": fid, "floor": floor, "better": "lower"}
    return result


def _real(model: Model, data: str | None) -> tuple[Pictures, Pictures]:
    """Training and held-out pictures, prepared as in the model's training."""
    recipe = _recipe(model)
    source = data or model.config["data"]["source"]
    height, width = model.config["shape"][1:]
    channels = {1: "grey", 3: "rgb", 4: "rgba"}[model.config["shape"][0]]
    try:
        pictures = open_pictures(source, (height, width), channels, recipe.data.fit if recipe else "crop")
    except UserError as error:
        raise UserError(f"{error}; name the pictures to judge by with --data") from None
    share = recipe.data.holdout if recipe else 0.0
    train, heldout = pictures.split(share or 0.2)
    return train, heldout


def _recipe(model: Model) -> ImageRecipe | None:
    path = Path(model.path) / "recipe.toml"
    return recipes.load(ImageRecipe, path) if path.is_file() else None


def _in_classes_of(train: Pictures, model: Model, label: Any) -> np.ndarray | None:
    """The labels that were asked for, numbered as the pictures' classes are; None where they differ."""
    if label is None or list(train.classes) != model.classes:
        return None
    return label.numpy()

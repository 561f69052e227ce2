"""Judges a sound model against held-out sounds of its data set."""

from typing import Any

import numpy as np
import torch

from creative_gan.core.errors import UserError
from creative_gan.music.wave import metrics
from creative_gan.music.wave.data import Sounds, open_sounds
from creative_gan.music.wave.judge import train_judge
from creative_gan.music.wave.model import Model, load


def evaluate(model_name: str, data: str | None = None, count: int = 1000, seed: int = 0) -> dict[str, Any]:
    """All figures of `metrics.evaluate` on `count` samples, or as many as sounds are held out.

    Args:
        data: the sounds to judge by; None for those that the model was trained on, of which the held-out part
            is the same as in training.

    Returns:
        By name `{"value", "floor", "better"}`, the floor being the figure of real sounds held out; `sizes`;
        `judge`, the share of held-out sounds that the classifier names, where there are classes; `note` where
        there is something to know.

    Raises:
        UserError, DataError: the model or the data cannot be found, or are too few.
    """
    model = load(model_name)
    train, heldout, note = real_sounds(model, data)
    count = min(count, len(heldout))
    label = model.labels_like(train.labels, train.classes, count)
    fake = model.play(model.latents(range(count), seed), label)
    result = figures(model, train, heldout, fake, label)
    return result | ({"note": note} if note else {})


def figures(
    model: Model,
    train: Sounds,
    heldout: Sounds,
    fake: np.ndarray,
    label: torch.Tensor | None,
    seen: int | None = None,
) -> dict[str, Any]:
    """The figures of `evaluate` for samples that were made before.

    Args:
        fake: [N, L] in [-1, 1], no more than sounds are held out.
        label: int64 [N], the classes that were asked for.
        seen: sounds that the training of the classifier looks at; None for what suits the set.

    Raises:
        UserError: fewer than 50 sounds of a kind.
    """
    judge = train_judge(train, seen=seen) if len(train.classes) > 1 else None
    told = label if list(train.classes) == model.classes else None
    measures = metrics.evaluate(train, heldout, torch.from_numpy(fake)[:, None], judge, told)
    result: dict[str, Any] = {
        m.name: {"value": m.value, "floor": m.real, "better": m.better} for m in measures
    }
    result["sizes"] = {"fake": len(fake), "real": len(heldout), "train": len(train)}
    if judge is not None:
        result["judge"] = judge.accuracy(heldout)
    return result


def table(result: dict[str, Any]) -> list[str]:
    """The result of `evaluate` as lines of plain text for a terminal."""
    figures = {
        name: figure for name, figure in result.items() if isinstance(figure, dict) and "value" in figure
    }
    width = max(map(len, figures))
    lines = [f"{'':{width}}  {'samples':>10}  {'held out':>10}  best"]
    words = {"higher": "high", "lower": "low", "near": "near held out"}
    for name, figure in figures.items():
        best = words[figure["better"]]
        lines.append(f"{name:{width}}  {figure['value']:10.4g}  {figure['floor']:10.4g}  {best}")
    sizes = result["sizes"]
    lines.append(
        f"{sizes['fake']:,} samples and {sizes['real']:,} held-out sounds; distances from, and copies of, "
        f"{sizes['train']:,} training sounds"
    )
    if "judge" in result:
        lines.append(f"a classifier trained on those names {result['judge']:.1%} of the held-out sounds")
    return [*lines, result["note"]] if "note" in result else lines


def real_sounds(model: Model, data: str | None) -> tuple[Sounds, Sounds, str]:
    """Training and held-out sounds, prepared as in the model's training, and what to know about them."""
    about = model.config["data"]
    try:
        sounds = open_sounds(
            data or about["source"],
            model.rate,
            model.length,
            about.get("slices", "first"),
            about.get("trim", True),
            about.get("normalise", "peak"),
            about.get("label_pattern") or None,
        )
    except UserError as error:
        raise UserError(f"{error}; name the sounds to judge by with --data") from None
    share = about.get("holdout", 0.0)
    train, heldout = sounds.split(share or 0.2)
    if not share and data is None:
        return train, heldout, "no sound was held out from this training: a model that copies looks good here"
    return train, heldout, ""

"""The honest verdict: is the adversarial model better than maximum likelihood at another temperature?

A generator that is sharper writes better and less varied sequences, and temperature alone does that too (Caccia
2020, arXiv:1811.02549). So quality is compared at equal diversity: the adversarial model at several
temperatures against the curve that maximum likelihood makes when it is swept over many. That of the model itself,
with whose weights its game began, or that of another model, tuned as well as one can.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from creative_gan.core.errors import UserError
from creative_gan.sequence.metrics import bleu, self_bleu
from creative_gan.sequence.ngrams import NgramIndex, Sequences

SWEPT = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3)
"""Temperatures of maximum likelihood."""
TRIED = (0.8, 0.9, 1.0, 1.1)
"""Temperatures of the adversarial model."""
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
"""Standard errors by which two equals differ once in twenty times, of 2, 3... seeds: Student's t, two-sided.

With three seeds two of them, the rule for many, would find a winner among equals every sixth time.
"""
ORDER = 4
"""Quality is BLEU-4 against held-out sequences, diversity self-BLEU-4 (low is diverse)."""
Make = Callable[[str, float, int], Sequences]
"""Weights, temperature, seed -> samples."""


@dataclass(frozen=True)
class Point:
    """Samples at one temperature: the mean of several seeds."""

    temperature: float
    bleu: float
    self_bleu: float


class Writer(Protocol):
    """What is known here of a modality's model."""

    @property
    def name(self) -> str:
        """Its own."""

    @property
    def path(self) -> str:
        """As the user named it."""

    @property
    def config(self) -> dict[str, Any]:
        """Its description."""

    @property
    def generators(self) -> dict[str, Any]:
        """By their name in `sequence.models.WEIGHTS`."""


Model = TypeVar("Model", bound=Writer)


def contestants(
    model: Model, baseline: Model | None, terms: Callable[[Model], dict[str, Any]], recipe: str
) -> dict[str, Model]:
    """Whose weights are compared, by their name: the model's, and those of the baseline if it is another model.

    Args:
        terms: by name, what two models must have in common.
        recipe: one that makes a model with both weights.

    Raises:
        UserError: the weights are not there, or the two cannot be compared.
    """
    if "adversarial" not in model.generators or not (baseline or "mle" in model.generators):
        raise UserError(
            f"model {model.name} has only {model.config['sampler']!r} weights and nothing to compare; "
            f"train with a recipe of two phases, such as {recipe}"
        )
    if baseline is None:
        return {"adversarial": model, "mle": model}
    if "mle" not in baseline.generators:
        raise UserError(
            f"baseline {baseline.path} has no 'mle' weights; name a model whose first phase was mle"
        )
    ours, theirs = terms(model), terms(baseline)
    for name, value in ours.items():
        if theirs[name] != value:
            raise UserError(
                f"baseline {baseline.path} differs from model {model.path} in its {name} and cannot be compared; "
                "train it on the same data, with the same seed and the same settings of the data"
            )
    return {"adversarial": model, "mle": baseline}


def compare(make: Make, heldout: Sequences, seeds: int) -> dict[str, Any]:
    """Compares the generator of a game with that of maximum likelihood.

    Every point is the mean of what `make` gives for `seeds` seeds; `spread` is how much a difference varies
    with the seed, as a standard error.

    Returns:
        `adversarial` and `mle`: their curves; `differences`: of BLEU-4 at equal self-BLEU-4, one for each
        temperature of the adversarial model inside the curve of maximum likelihood; `difference`: their mean,
        0 where there is none; `spread`; `winner`: adversarial, mle or none.
    """
    index = NgramIndex(heldout, ORDER)
    curves = {
        weights: [[_point(make, weights, t, seed, index) for t in temperatures] for seed in range(seeds)]
        for weights, temperatures in (("adversarial", TRIED), ("mle", SWEPT))
    }
    by_seed = [
        matched(ours, theirs) for ours, theirs in zip(curves["adversarial"], curves["mle"], strict=True)
    ]
    mean = {weights: _mean(points) for weights, points in curves.items()}
    differences = matched(mean["adversarial"], mean["mle"])
    inside = [np.mean(list(found.values())) for found in by_seed if found]
    difference, error, winner = 0.0, 0.0, "none"
    if differences and len(inside) > 1:
        difference = float(np.mean(list(differences.values())))
        error = float(np.std(inside, ddof=1) / len(inside) ** 0.5)
        if abs(difference) > STUDENT[min(len(inside) - 2, len(STUDENT) - 1)] * error:
            winner = "adversarial" if difference > 0 else "mle"
    return {
        **{weights: [vars(point) for point in points] for weights, points in mean.items()},
        "differences": [{"temperature": t, "difference": d} for t, d in differences.items()],
        "difference": difference,
        "spread": error,
        "winner": winner,
    }


def matched(ours: list[Point], theirs: list[Point]) -> dict[float, float]:
    """By temperature, how much better our BLEU is than theirs at the same self-BLEU.

    Their curve is followed in straight lines; points of ours beyond its ends are left out.
    """
    curve = sorted((point.self_bleu, point.bleu) for point in theirs)
    across, up = np.array(curve).T
    return {
        point.temperature: float(point.bleu - np.interp(point.self_bleu, across, up))
        for point in ours
        if across[0] <= point.self_bleu <= across[-1]
    }


def sentences(result: dict[str, Any], unit: str) -> list[str]:
    """The verdict in words.

    `result`: of `compare`, with `sizes`, `heldout_nll` and `baseline` (see `preferred`). `unit`: what a sample is
    called.
    """
    sizes, likely, other = result["sizes"], result["heldout_nll"], result["baseline"]
    of = f" of {other}" if other else ""
    lines = [
        f"{'':>14}  {'temperature':>11}  {'BLEU-4':>8}  {'self-BLEU-4':>11}",
        *(
            f"{weights:>14}  {point['temperature']:11g}  {point['bleu']:8.4f}  {point['self_bleu']:11.4f}"
            for weights in ("adversarial", "mle")
            for point in result[weights]
        ),
        f"each point: {sizes['seeds']} x {sizes['samples']:,} samples against {sizes['references']:,} {unit}",
        f"held-out NLL: adversarial {likely['adversarial']:.4f}, mle{of} {likely['mle']:.4f} nats a token",
    ]
    if other:
        lines.append("what the model samples from stays as it is, for its own mle weights were not looked at")
    if not result["differences"]:
        return [
            *lines,
            f"the adversarial model is outside everything that maximum likelihood{of} reaches at any temperature "
            f"between {SWEPT[0]:g} and {SWEPT[-1]:g}, a sign of collapse; nothing can be compared",
        ]
    by = f"{abs(result['difference']):.4f} BLEU-4"
    noise = (
        f"(standard error {result['spread']:.4f}, {len(result['differences'])} points of equal self-BLEU-4)"
    )
    words = {
        "adversarial": f"the adversarial model is better than maximum likelihood{of}, by {by} {noise}",
        "mle": f"maximum likelihood{of} is better than the adversarial model, by {by} {noise}",
        "none": f"no difference{f' from maximum likelihood{of}' if of else ''} that can be told from chance: "
        f"{result['difference']:+.4f} BLEU-4 {noise}",
    }
    return [*lines, words[result["winner"]]]


def preferred(result: dict[str, Any], sampler: str) -> str | None:
    """The weights that a model should sample from instead of `sampler`; None: it should go on as it does.

    `result`: of `compare`, with `baseline`: the path of another model whose maximum likelihood it was, which says
    nothing of the model's own; None: it was its own.
    """
    same = result["baseline"] or result["winner"] in ("none", sampler)
    return None if same else result["winner"]


def kept(weights: str) -> str:
    """The sentence that a model has changed what it samples from."""
    other = {"mle": "adversarial", "adversarial": "mle"}[weights]
    return f"the model now samples from its {weights} weights; --weights {other} takes the others"


def _point(make: Make, weights: str, temperature: float, seed: int, index: NgramIndex) -> Point:
    made = make(weights, temperature, seed)
    return Point(temperature, bleu(made, index).by_order[ORDER], self_bleu(made, ORDER).by_order[ORDER])


def _mean(points: list[list[Point]]) -> list[Point]:
    return [
        Point(
            same[0].temperature,
            float(np.mean([point.bleu for point in same])),
            float(np.mean([point.self_bleu for point in same])),
        )
        for same in zip(*points, strict=True)
    ]

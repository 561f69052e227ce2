"""The honest verdict: is the adversarial model better than its own maximum likelihood at another temperature?

A generator that is sharper writes better and less varied texts, and temperature alone does that too (Caccia
2020, arXiv:1811.02549). So quality is compared at equal diversity: the adversarial model at several
temperatures against the curve that maximum likelihood makes when it is swept over many.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from creative_gan.core.errors import UserError
from creative_gan.sequence.metrics import bleu, self_bleu
from creative_gan.sequence.ngrams import NgramIndex
from creative_gan.text.evaluate import CHUNK, REFERENCES, Corpus, again, likelihood, open_corpus, spread
from creative_gan.text.model import Manner, Model, load, prefer

SWEPT = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3)
"""Temperatures of maximum likelihood."""
TRIED = (0.8, 0.9, 1.0, 1.1)
"""Temperatures of the adversarial model."""
ORDER = 4
"""Quality is BLEU-4 against held-out texts, diversity self-BLEU-4 (low is diverse)."""


@dataclass(frozen=True)
class Point:
    """Samples at one temperature: the mean of several seeds."""

    temperature: float
    bleu: float
    self_bleu: float


def verdict(model_name: str, data: str | None = None, count: int = 1000, seeds: int = 3) -> dict[str, Any]:
    """Compares the two generators of a model, and says which to sample from.

    Every point is the mean of `seeds` times `count` samples; `spread` is how much a difference varies with
    the seed, as a standard error.

    Returns:
        `adversarial` and `mle`: their curves; `differences`: of BLEU-4 at equal self-BLEU-4, one for each
        temperature of the adversarial model inside the curve of maximum likelihood; `difference`: their mean,
        0 where there is none; `spread`; `winner`: adversarial, mle or none; `says`: sentences; `sizes`.

    Raises:
        UserError, DataError: the model was trained in one way only, or the data cannot be found.
    """
    model = load(model_name)
    if len(model.generators) < 2:
        raise UserError(
            f"model {model.name} has only {model.config['sampler']!r} weights and nothing to compare; "
            "train with a recipe of two phases, such as text/captions"
        )
    corpus = open_corpus(model, data)
    heldout = spread(corpus.ids(model, corpus.heldout), REFERENCES)
    index = NgramIndex(heldout, ORDER)
    curves = {
        weights: [
            [_point(model, weights, t, seed, count, index) for t in temperatures] for seed in range(seeds)
        ]
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
        if abs(difference) > 2 * error:
            winner = "adversarial" if difference > 0 else "mle"
    result = {
        **{weights: [vars(point) for point in points] for weights, points in mean.items()},
        "differences": [{"temperature": t, "difference": d} for t, d in differences.items()],
        "difference": difference,
        "spread": error,
        "winner": winner,
        "heldout_nll": _likelihoods(model, corpus),
        "sizes": {
            "samples": count,
            "seeds": seeds,
            "references": len(heldout),
            "tokens": model.tokenizer.kind,
        },
    }
    return result | {"says": sentences(result)}


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


def keep(model_name: str, result: dict[str, Any]) -> str | None:
    """Makes the winner the model's sampling weights. Returns a sentence if that changes anything."""
    model = load(model_name)
    if result["winner"] == "none" or result["winner"] == model.config["sampler"]:
        return None
    prefer(model, result["winner"])
    other = {"mle": "adversarial", "adversarial": "mle"}[result["winner"]]
    return f"the model now samples from its {result['winner']} weights; --weights {other} takes the others"


def sentences(result: dict[str, Any]) -> list[str]:
    """The verdict in words."""
    sizes, likely = result["sizes"], result["heldout_nll"]
    lines = [
        f"{'':>14}  {'temperature':>11}  {'BLEU-4':>8}  {'self-BLEU-4':>11}",
        *(
            f"{weights:>14}  {point['temperature']:11g}  {point['bleu']:8.4f}  {point['self_bleu']:11.4f}"
            for weights in ("adversarial", "mle")
            for point in result[weights]
        ),
        f"each point: {sizes['seeds']} x {sizes['samples']:,} samples against {sizes['references']:,} texts",
        f"held-out NLL: adversarial {likely['adversarial']:.4f}, mle {likely['mle']:.4f} nats a token",
    ]
    if not result["differences"]:
        return [
            *lines,
            "the adversarial model is outside everything that maximum likelihood reaches at any temperature "
            f"between {SWEPT[0]:g} and {SWEPT[-1]:g}, a sign of collapse; nothing can be compared",
        ]
    by = f"{abs(result['difference']):.4f} BLEU-4"
    noise = (
        f"(standard error {result['spread']:.4f}, {len(result['differences'])} points of equal self-BLEU-4)"
    )
    words = {
        "adversarial": f"the adversarial model is better than maximum likelihood, by {by} {noise}",
        "mle": f"maximum likelihood is better than the adversarial model, by {by} {noise}",
        "none": f"no difference that can be told from chance: {result['difference']:+.4f} BLEU-4 {noise}",
    }
    return [*lines, words[result["winner"]]]


def _point(model: Model, weights: str, temperature: float, seed: int, count: int, index: NgramIndex) -> Point:
    manner = Manner(seed=seed, temperature=temperature, weights=weights)
    made = again(model, model.ids(range(count), manner, CHUNK))
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


def _likelihoods(model: Model, corpus: Corpus) -> dict[str, float]:
    return {
        weights: likelihood(model, corpus, Manner(weights=weights))["heldout_nll"]["value"]
        for weights in model.generators
    }

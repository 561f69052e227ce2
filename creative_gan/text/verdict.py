"""The honest verdict on a text model (see `sequence.verdict`), and keeping the winner."""

from typing import Any

from creative_gan.core.errors import UserError
from creative_gan.sequence.verdict import compare, sentences
from creative_gan.text.evaluate import CHUNK, REFERENCES, Corpus, again, likelihood, open_corpus, spread
from creative_gan.text.model import Manner, Model, load, prefer


def verdict(model_name: str, data: str | None = None, count: int = 1000, seeds: int = 3) -> dict[str, Any]:
    """Compares the two generators of a model, and says which to sample from.

    Returns:
        See `sequence.verdict.compare`, of `count` samples for each seed; `says`: sentences; `sizes`.

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

    def make(weights: str, temperature: float, seed: int) -> list[list[int]]:
        manner = Manner(seed=seed, temperature=temperature, weights=weights)
        return again(model, model.ids(range(count), manner, CHUNK))

    result = compare(make, heldout, seeds) | {
        "heldout_nll": _likelihoods(model, corpus),
        "sizes": {
            "samples": count,
            "seeds": seeds,
            "references": len(heldout),
            "tokens": model.tokenizer.kind,
        },
    }
    return result | {"says": sentences(result, "texts")}


def keep(model_name: str, result: dict[str, Any]) -> str | None:
    """Makes the winner the model's sampling weights. Returns a sentence if that changes anything."""
    model = load(model_name)
    if result["winner"] == "none" or result["winner"] == model.config["sampler"]:
        return None
    prefer(model, result["winner"])
    other = {"mle": "adversarial", "adversarial": "mle"}[result["winner"]]
    return f"the model now samples from its {result['winner']} weights; --weights {other} takes the others"


def _likelihoods(model: Model, corpus: Corpus) -> dict[str, float]:
    return {
        weights: likelihood(model, corpus, Manner(temperature=1.0, weights=weights))["heldout_nll"]["value"]
        for weights in model.generators
    }

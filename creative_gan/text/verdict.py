"""The honest verdict on a text model (see `sequence.verdict`), and keeping the winner."""

from typing import Any

from creative_gan.sequence.verdict import compare, contestants, kept, preferred, sentences
from creative_gan.text.evaluate import CHUNK, REFERENCES, again, likelihood, open_corpus, spread
from creative_gan.text.model import Manner, Model, load


def verdict(
    model_name: str,
    data: str | None = None,
    count: int = 500,
    seeds: int = 6,
    baseline: str | None = None,
) -> dict[str, Any]:
    """Compares the two generators of a model, and says which to sample from.

    `baseline`: another model, whose maximum likelihood takes the place of the model's own.

    Returns:
        See `sequence.verdict.compare`, of `count` samples for each seed; `says`: sentences; `sizes`; `baseline`.

    Raises:
        UserError, DataError: the model was trained in one way only, the baseline is not like it, or the data
            cannot be found.
    """
    model = load(model_name)
    models = contestants(model, load(baseline) if baseline else None, _terms, "text/captions")
    corpus = open_corpus(model, data)
    heldout = spread(corpus.rows(model, corpus.heldout), REFERENCES)

    def make(weights: str, temperature: float, seed: int) -> list[list[int]]:
        manner = Manner(seed=seed, temperature=temperature, weights=weights)
        return again(model, models[weights].ids(range(count), manner, CHUNK))

    result = compare(make, heldout, seeds) | {
        "baseline": baseline,
        "heldout_nll": {
            weights: likelihood(one, corpus, Manner(temperature=1.0, weights=weights))["heldout_nll"]["value"]
            for weights, one in models.items()
        },
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
    winner = preferred(result, model.config["sampler"])
    if winner is None:
        return None
    model.prefer(winner)
    return kept(winner)


def _terms(model: Model) -> dict[str, Any]:
    config = model.config
    return {
        "tokens": model.tokenizer.to_json(),
        "length": config["length"],
        "held-out texts": config["split"],  # what judges must not have been learnt
    }

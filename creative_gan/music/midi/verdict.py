"""The honest verdict on a MIDI model (see `sequence.verdict`), and keeping the winner."""

from typing import Any

from creative_gan.music.midi.evaluate import CHUNK, likelihood, open_corpus
from creative_gan.music.midi.model import Manner, Model, load
from creative_gan.music.midi.tables import relative
from creative_gan.music.midi.vocabulary import END
from creative_gan.sequence.verdict import compare, contestants, kept, preferred, sentences


def verdict(
    model_name: str,
    data: str | None = None,
    count: int = 32,
    seeds: int = 6,
    baseline: str | None = None,
) -> dict[str, Any]:
    """Compares the two generators of a model, and says which to sample from.

    N-grams are those of tokens whose pitches are steps from the tonic, so that the key does not matter.
    `baseline`: another model, whose maximum likelihood takes the place of the model's own.

    Returns:
        See `sequence.verdict.compare`, of `count` songs for each seed; `says`: sentences; `sizes`; `baseline`.

    Raises:
        UserError, DataError: the model was trained in one way only, the baseline is not like it, or the data
            cannot be found.
    """
    model = load(model_name)
    models = contestants(model, load(baseline) if baseline else None, _terms, "music/chorales")
    corpus = open_corpus(model, data)
    heldout = [in_steps(model, corpus.heldout.ids(i)) for i in range(len(corpus.heldout))]

    def make(weights: str, temperature: float, seed: int) -> list[list[int]]:
        manner = Manner(seed=seed, temperature=temperature, weights=weights)
        return [in_steps(model, ids) for ids in models[weights].ids(range(count), manner, CHUNK)]

    result = compare(make, heldout, seeds) | {
        "baseline": baseline,
        "heldout_nll": {
            weights: likelihood(one, corpus, weights)["value"] for weights, one in models.items()
        },
        "sizes": {"samples": count, "seeds": seeds, "references": len(heldout)},
    }
    return result | {"says": sentences(result, "songs")}


def keep(model_name: str, result: dict[str, Any]) -> str | None:
    """Makes the winner the model's sampling weights. Returns a sentence if that changes anything."""
    model = load(model_name)
    winner = preferred(result, model.config["sampler"])
    if winner is None:
        return None
    model.prefer(winner)
    return kept(winner)


def in_steps(model: Model, ids: list[int]) -> list[int]:
    """Tokens of a song without metre, key, tempo and end, pitches as steps from the tonic of its first key."""
    tonic = model.words.tokens[ids[1]][2] % 12
    steps = relative(model.words)[1][tonic].tolist()
    return [steps[id] for id in ids[3:] if id != END]


def _terms(model: Model) -> dict[str, Any]:
    config = model.config
    return {
        "tokens": model.words.tokens,
        "length": config["length"],
        "bars": config["split"]["bars"],
        "held-out songs": config["split"]["holdout"],  # what judges must not have been learnt
    }

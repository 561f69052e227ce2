"""Judges a text model against held-out texts of its corpus, with what real texts score beside each figure."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from creative_gan.core.data import evenly
from creative_gan.core.errors import UserError
from creative_gan.sequence.likelihood import nll
from creative_gan.sequence.metrics import Copies, bleu, distinct, longest_copies, repetition, self_bleu
from creative_gan.sequence.ngrams import NgramIndex
from creative_gan.text.data import Sequences, Texts, encode, open_texts, sequences
from creative_gan.text.model import Manner, Model, load

REFERENCES = 5_000
"""Held-out texts that samples are compared with at most."""
CHUNK = 128
"""Samples made at a time, where nobody asks for single ones again."""
ROWS = 2_000
"""Rows whose likelihood is measured at most."""

Ids = list[list[int]]
Figure = dict[str, Any]


@dataclass(frozen=True)
class Corpus:
    """The texts that a model is judged by, as in its training."""

    train: Texts
    heldout: Texts
    fingerprint: str
    """Of both together."""

    def rows(self, model: Model, part: Texts) -> Sequences:
        """A part in rows as long as the model writes at most, as it is trained on."""
        return encode(part, model.tokenizer, model.config["length"])


def evaluate(
    model_name: str,
    data: str | None = None,
    count: int = 1000,
    manner: Manner | None = None,
) -> dict[str, Any]:
    """All figures on `count` samples: `{name: {"value", "floor", "better"}}`, `sizes` and `copies`.

    The floor is what real texts score: training texts in place of samples, held-out texts for copies.

    Args:
        data: the texts to judge by; None for those that the model was trained on, of which the held-out
            part is the same as in training.
        manner: how to sample; None for seed 0 at temperature 1, as it was learnt.

    Raises:
        UserError, DataError: the model or the data cannot be found.
    """
    model, manner = load(model_name), manner or Manner(temperature=1.0)
    corpus = open_corpus(model, data)
    fake = again(model, model.ids(range(count), manner, CHUNK))
    train, heldout = corpus.rows(model, corpus.train), corpus.rows(model, corpus.heldout)
    real, references = spread(train, count), spread(heldout, REFERENCES)
    result: dict[str, Any] = likelihood(model, corpus, manner)
    result |= figures(fake, real, references)
    held = spread(heldout, count)
    whole = joined(train, len(corpus.train))  # a copy may go on from row to row
    ours, theirs = longest_copies(fake, whole), longest_copies(held, whole)
    known = by_tokens(train)
    result["longest_copy"] = _figure(ours.length.mean(), theirs.length.mean(), "floor")
    result["verbatim"] = _figure(_verbatim(fake, known), _verbatim(held, known), "low")
    result["sizes"] = {
        "samples": len(fake),
        "real": len(real),
        "references": len(references),
        "heldout": len(held),
        "training": len(whole),
        "tokens": model.tokenizer.kind,
    }
    result["copies"] = copies(model, fake, ours, corpus.train, known)
    return result


def figures(fake: Ids, real: Ids, references: Ids) -> dict[str, Figure]:
    """BLEU, self-BLEU, distinct n-grams, repetition and length, of samples and of real texts."""
    index = NgramIndex(references)
    result = {}
    for name, ours, theirs in (
        ("bleu", bleu(fake, index), bleu(real, index)),
        ("self_bleu", self_bleu(fake), self_bleu(real)),
    ):
        for n, value in ours.by_order.items():
            result[f"{name}_{n}"] = _figure(value, theirs.by_order[n], "high" if name == "bleu" else "floor")
    for n in (1, 2, 3):
        result[f"distinct_{n}"] = _figure(distinct(fake, n), distinct(real, n), "floor")
    result["repetition"] = _figure(repetition(fake), repetition(real), "floor")
    result["length"] = _figure(_length(fake), _length(real), "floor")
    return result


def likelihood(model: Model, corpus: Corpus, manner: Manner) -> dict[str, Figure]:
    """The NLL of held-out texts in nats a token; its floor is that of the training texts."""
    values = []
    for part in (corpus.heldout, corpus.train):
        rows = corpus.rows(model, part)
        picked = rows.batch(evenly(len(rows), ROWS))
        label = picked.get("label") if model.classes == part.classes else None
        generator = model.generator(manner.weights)
        values.append(nll(generator, picked["real"], picked["length"], label, manner.temperature or 1.0))
    return {"heldout_nll": _figure(values[0], values[1], "low")}


def joined(rows: Sequences, texts: int) -> Ids:
    """The token ids of each of the `texts` that the rows come from."""
    whole: Ids = [[] for _ in range(texts)]
    for ids, text in zip(sequences(rows, np.arange(len(rows))), rows.text.tolist(), strict=True):
        whole[text] += ids
    return whole


def by_tokens(rows: Sequences) -> dict[tuple[int, ...], int]:
    """Which text each row comes from, by its tokens."""
    everything = zip(sequences(rows, np.arange(len(rows))), rows.text.tolist(), strict=True)
    return {tuple(ids): text for ids, text in reversed(list(everything))}


def copies(
    model: Model, fake: Ids, found: Copies, train: Texts, known: dict[tuple[int, ...], int]
) -> dict[str, Any]:
    """Samples that are training texts word for word, and the longest run that another shares with one."""
    whole = {known[tuple(ids)] for ids in fake if tuple(ids) in known}
    partial = [int(n) if tuple(ids) not in known else 0 for n, ids in zip(found.length, fake, strict=True)]
    longest = int(np.argmax(partial))
    return {
        "verbatim": [{"text": train.texts[i], "where": train.names[i]} for i in sorted(whole)],
        "longest": {
            "tokens": partial[longest],
            "text": model.tokenizer.decode(fake[longest]),
            "training": train.texts[found.source[longest]] if found.source[longest] >= 0 else "",
        },
    }


def table(result: dict[str, Any]) -> list[str]:
    """The result of `evaluate` as lines of plain text for a terminal."""
    measured = {name: figure for name, figure in result.items() if "value" in figure}
    width = max(map(len, measured))
    lines = [f"{'':{width}}  {'samples':>10}  {'real data':>10}  best"]
    words = {"low": "low", "high": "high", "floor": "near real data"}
    for name, figure in measured.items():
        lines.append(
            f"{name:{width}}  {figure['value']:10.4g}  {figure['floor']:10.4g}  {words[figure['better']]}"
        )
    sizes = result["sizes"]
    lines.append(
        f"{sizes['samples']:,} samples and {sizes['real']:,} training texts in their place, against "
        f"{sizes['references']:,} held-out texts; tokens: {sizes['tokens']}; copies of {sizes['training']:,} "
        f"training texts, also in {sizes['heldout']:,} held-out texts"
    )
    found = result["copies"]
    if found["verbatim"]:
        lines.append(f"{len(found['verbatim'])} training texts came out word for word:")
        lines += [f"  {_line(copy['text'])}  ({copy['where']})" for copy in found["verbatim"][:20]]
        more = len(found["verbatim"]) - 20
        lines += [f"  and {more} more"] if more > 0 else []
    else:
        lines.append("no sample is a training text word for word")
    lines.append(
        f"longest run shared with one: {found['longest']['tokens']} tokens, "
        f"{_line(found['longest']['text'])!r} and {_line(found['longest']['training'])!r}"
    )
    return lines


def open_corpus(model: Model, data: str | None) -> Corpus:
    """Training and held-out texts as in the model's training.

    Raises:
        UserError: they cannot be found.
    """
    split = model.config["split"]
    try:
        texts = open_texts(data or model.config["data"]["source"], unit=split["unit"])
    except UserError as error:
        raise UserError(f"{error}; name the texts to judge by with --data") from None
    return Corpus(*texts.split(split["holdout"], split["seed"]), texts.fingerprint)


def again(model: Model, ids: Ids) -> Ids:
    """Samples as the tokeniser reads what they say, so that they are compared with real texts as texts."""
    return model.tokenizer.encode([model.tokenizer.decode(one) for one in ids])


def spread(rows: Sequences, count: int) -> Ids:
    """Token ids of `count` of the rows, at even distances."""
    return sequences(rows, evenly(len(rows), count))


def _figure(value: float, floor: float, better: str) -> Figure:
    return {"value": float(value), "floor": float(floor), "better": better}


def _length(samples: Ids) -> float:
    return sum(map(len, samples)) / len(samples)


def _verbatim(samples: Ids, known: dict[tuple[int, ...], int]) -> float:
    """The share of samples that are training texts, or rows of them."""
    return sum(tuple(ids) in known for ids in samples) / len(samples)


def _line(text: str) -> str:
    return text.replace("\n", " / ")

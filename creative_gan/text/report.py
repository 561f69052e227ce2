"""The report of a text run: samples, how it learned, how good it is, and whether it copies, on one page."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np

from creative_gan.core import page
from creative_gan.core import report as reports
from creative_gan.core.copying import Copying, judge, memorised, section
from creative_gan.core.data import evenly
from creative_gan.core.errors import UserError
from creative_gan.core.page import Html
from creative_gan.core.report import Chart
from creative_gan.sequence.chains import chains
from creative_gan.sequence.metrics import Copies, longest_copies
from creative_gan.sequence.nearest import nearest
from creative_gan.text.data import Sequences, sequences
from creative_gan.text.evaluate import (
    CHUNK,
    REFERENCES,
    Corpus,
    Ids,
    again,
    figures,
    likelihood,
    open_corpus,
)
from creative_gan.text.model import Manner, Model, load

SAMPLES = 512
FEWER = 128
"""Samples of a model of more than `LARGE` weights."""
LARGE = 20_000_000
LOOKED_AT = 50_000
"""Rows of the training texts among which copies are looked for."""
PAIRS = 6
SPANS = 5
SHOWN = 10
READ = 2
"""Texts of each preview."""

MEANINGS = {
    "heldout_nll": (
        "surprise at unseen texts",
        "nats a token: how improbable it finds real texts that it never saw, beside those of its training; low is good",
    ),
    "bleu_2": ("BLEU-2", "how far pairs of words are those of real texts; high is good"),
    "bleu_4": ("BLEU-4", "the same of four words in a row; high is good"),
    "self_bleu_4": ("self-BLEU-4", "how alike samples are among each other; near real data is good"),
    "distinct_2": ("distinct pairs", "share of word pairs that occur only once; near real data is good"),
    "repetition": ("repetition", "share of four-word runs that a text says twice; near real data is good"),
    "length": ("length", "tokens a text; near real data is good"),
}
CHARTS = [
    Chart(
        "Surprise at unseen texts",
        {"heldout_nll": "held-out texts"},
        "Nats a token. Rising while the training goes on means learning by heart.",
    ),
    Chart("Likelihood phase", {"nll": "training texts"}, "Nats a token; this falls."),
    Chart(
        "Variety of samples",
        {"distinct_2": "distinct pairs of words", "self_bleu_4": "self-BLEU-4"},
        "Distinct pairs falling and self-BLEU rising together mean collapse.",
    ),
    reports.ADVERSARIAL,
]


@dataclass(frozen=True)
class Judged:
    """Samples and the real texts that they were judged by."""

    corpus: Corpus
    fake: Ids
    training: Ids
    """Rows of the training texts as the model saw them, `LOOKED_AT` at most."""
    owner: list[int]
    """Which text of `corpus.train` each of them is of."""
    heldout: Ids
    figures: dict[str, Any]
    """As `evaluate.figures`, each with `weak` and, where the model has them, `mle` besides."""
    spans: Copies
    """The longest verbatim run of each sample."""
    heldout_spans: Copies
    copying: Copying


def report(
    run: str | Path, out: Path | None = None, overwrite: bool = False, data: str | None = None
) -> Path:
    """Writes the report of a run to `out`, or to `report.html` in its folder, and returns where it is.

    `data`: the texts to judge by, else those of the training; where they cannot be had, the page says so. Raises
    UserError and DataError: there is no such run, its model is damaged, or the page cannot be written.
    """
    found = reports.read(run, "text")
    model = load(found.folder)
    judged, trouble = reports.tried(lambda: compare(model, data))
    parts = reports.Parts(
        items="texts",
        shown="seen",
        what=f"Writes texts of up to {found.config['length']} tokens",
        weights=reports.weights(model.generator()),
        samples=_samples(model, judged),
        how="put into words",
        previews=_previews(found),
        charts=CHARTS,
        data=_data(found, judged),
        judged=_findings(found, model, judged) if judged else None,
        trouble=trouble,
    )
    return reports.write(found, parts, out, overwrite)


def memorisation(run: str | Path, data: str | None = None) -> dict[str, str]:
    """What a model card says of copying: name -> figure. Raises UserError where nothing can be measured."""
    judged = compare(load(run), data)
    made, unseen = judged.spans.length, judged.heldout_spans.length
    return memorised(judged.copying, "edits a token") | {
        "longest verbatim span": f"{made.mean():.1f} tokens on average, {made.max()} at the most",
        "the same of unseen real texts": f"{unseen.mean():.1f} tokens on average, {unseen.max()} at the most",
    }


def compare(model: Model, data: str | None) -> Judged:
    """Judges samples of seed 0. Raises UserError where there are no texts to judge by, or too few."""
    corpus = open_corpus(model, data)
    if len(corpus.heldout) < 2:
        raise UserError(
            f"{corpus.heldout.source} leaves fewer than two held-out texts; more texts are needed"
        )
    count = FEWER if reports.weights(model.generator()) > LARGE else SAMPLES
    fake = again(model, model.ids(range(count), Manner(temperature=1.0), CHUNK))
    training, owner = _rows(corpus.rows(model, corpus.train), LOOKED_AT)
    heldout, _ = _rows(corpus.rows(model, corpus.heldout), 2 * count)
    real = [training[i] for i in evenly(len(training), count)]
    unseen = [heldout[i] for i in evenly(len(heldout), count)]
    references = [heldout[i] for i in evenly(len(heldout), REFERENCES)]
    found = likelihood(model, corpus, Manner(temperature=1.0)) | figures(fake, real, references)
    weak = chains(training, count, model.config["length"], 0)
    _beside(found, "weak", figures(weak, real, references))
    other = "mle" if "mle" in model.generators and model.config["sampler"] != "mle" else None
    if other:
        manner = Manner(temperature=1.0, weights=other)
        made = again(model, model.ids(range(count), manner, CHUNK))
        _beside(found, "mle", likelihood(model, corpus, manner) | figures(made, real, references))
    near, kept = nearest(fake, training), nearest(heldout, training)
    copying = judge(near.index, near.distance, kept.distance)
    spans = longest_copies(fake, training), longest_copies(unseen, training)
    return Judged(corpus, fake, training, owner, heldout, found, *spans, copying)


def shared(left: str, right: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """The longest run that two texts share: where it begins and ends in each of them, without blanks around it.

    Of whole words and signs, or of characters where a text has no blanks, as Chinese.
    """
    of_left, of_right = _pieces(left), _pieces(right)
    match = SequenceMatcher(None, of_left, of_right, autojunk=False).find_longest_match()
    run = "".join(of_left[match.a : match.a + match.size])
    skipped, size = len(run) - len(run.lstrip()), len(run.strip())
    in_left, in_right = (
        len("".join(pieces[:at])) + skipped for pieces, at in ((of_left, match.a), (of_right, match.b))
    )
    return (in_left, in_left + size), (in_right, in_right + size)


def _pieces(text: str) -> list[str]:
    return re.findall(r"\w+|\W", text) if " " in text else list(text)


def _findings(run: reports.Run, model: Model, judged: Judged) -> reports.Findings:
    return reports.Findings(
        notes=[reports.changed(run.config, judged.corpus.fingerprint, "texts"), _partly(judged)],
        headline=(judged.figures["heldout_nll"], "nats a token on unseen texts; on its training"),
        figures=_figures(model, judged),
        copying=judged.copying,
        copies=_copies(model, judged),
    )


def _samples(model: Model, judged: Judged | None) -> Html:
    labels = model.labels(range(SHOWN))
    names = [""] * SHOWN if labels is None else [model.classes[i] for i in labels.tolist()]

    def listed(title: str, texts: list[str], captions: list[str]) -> Html:
        parts = [
            page.figure(page.passage(text), caption) if caption else page.passage(text)
            for text, caption in zip(texts, captions, strict=True)
        ]
        return page.joined(page.heading(title), *parts)

    made = listed("Samples of seed 0, as they came", model.sample(SHOWN), names)
    if not judged:
        return made
    train = judged.corpus.train
    rows = evenly(len(train), SHOWN)
    captions = [train.classes[train.labels[i]] if train.labels is not None else "" for i in rows]
    real = listed("Real texts of the training", [train.texts[i] for i in rows], captions)
    return page.beside(made, real)


def _previews(run: reports.Run) -> list[tuple[int, Html]]:
    rows = []
    for seen, path in run.previews(".txt"):
        try:
            words = path.read_text("utf-8", "replace").strip("\n")
        except OSError:
            continue
        texts = words.split("\n\n") if "\n\n" in words else words.splitlines()
        rows.append((seen, page.joined(*map(page.passage, texts[:READ]))))
    return rows


def _figures(model: Model, judged: Judged) -> Html:
    weak = "random chains in which each word is drawn by the one before it"
    own = (
        " Before the adversarial phase the same generator had learned by plain likelihood; a game is worth its "
        "time only where it is better than that (creative-gan text evaluate --verdict compares them at equal variety)."
        if any("mle" in figure for figure in judged.figures.values())
        else ""
    )
    return reports.figures(
        judged.figures,
        MEANINGS,
        {"mle": "before the game", "weak": "weak method"},
        f"real texts score, and what a weak method scores: {weak}.{own}",
        f"{len(judged.fake):,} samples and as many training texts against {min(len(judged.heldout), REFERENCES):,} "
        f"held-out ones; tokens: {model.tokenizer.kind}. Figures of other sizes or tokens cannot be compared with "
        "these.",
    )


def _copies(model: Model, judged: Judged) -> Html:
    copying, spans = judged.copying, judged.spans
    closest = [
        _pair(model, judged, i, int(copying.nearest[i]), f"{share:.0%} edited" if share else "word for word")
        for i in copying.closest[:PAIRS].tolist()
        for share in [copying.distance[i]]
    ]
    longest = [i for i in np.argsort(-spans.length, kind="stable").tolist() if spans.source[i] >= 0][:SPANS]
    usual = np.percentile(judged.heldout_spans.length, 99)
    more = float((spans.length > usual).mean())
    return page.joined(
        section(copying, "texts", "edits a token", page.joined(*closest)),
        page.heading("The longest verbatim spans"),
        page.text(
            f"The longest run of words that a sample shares with one training text has {spans.length.mean():.1f} "
            f"tokens on average; with unseen real texts it is {judged.heldout_spans.length.mean():.1f}. Only one "
            f"in a hundred of those goes beyond {usual:.0f}; of the samples {more:.1%} do."
        ),
        *(_pair(model, judged, i, int(spans.source[i]), f"{spans.length[i]} tokens") for i in longest),
    )


def _pair(model: Model, judged: Judged, sample: int, row: int, words: str) -> Html:
    left = model.tokenizer.decode(judged.fake[sample])
    right = model.tokenizer.decode(judged.training[row])
    in_left, in_right = shared(left, right)
    name = judged.corpus.train.names[judged.owner[row]]
    return page.beside(
        page.figure(page.passage(left, [in_left]), f"sample {sample} · {words}"),
        page.figure(page.passage(right, [in_right]), name),
    )


def _data(run: reports.Run, judged: Judged | None) -> Html:
    about, split = run.config["data"], run.config["split"]
    pairs = [
        ("texts", f"{about['count']:,} to train on, of {run.source}"),
        ("held out", f"{split['holdout']:.0%} of the different ones, which the training never saw"),
        ("tokens", f"{run.config['tokenizer']}, {run.config['vocabulary']:,} of them"),
    ]
    parts = {"trained on": judged.corpus.train, "held out": judged.corpus.heldout} if judged else {}
    return reports.data(run, pairs, parts)


def _partly(judged: Judged) -> str:
    if len(judged.training) < LOOKED_AT:
        return ""
    return f"Copies were looked for among {LOOKED_AT:,} rows of the training texts only, at even distances."


def _rows(rows: Sequences, most: int) -> tuple[Ids, list[int]]:
    """Rows as lists of tokens, `most` of them at most, at even distances, and the texts that they are of."""
    picked = evenly(len(rows), most)
    return sequences(rows, picked), rows.text[picked].tolist()


def _beside(found: dict[str, Any], column: str, others: dict[str, Any]) -> None:
    for name, figure in others.items():
        if name in found:
            found[name][column] = figure["value"]

"""Says what is in a corpus before anything is trained on it: what `creative-gan text check` prints."""

from dataclasses import dataclass

import numpy as np

from creative_gan.core.wording import listed, many
from creative_gan.text.data import Texts
from creative_gan.text.tokens import KINDS, UNKNOWN, choose, train_tokenizer

ENOUGH = 5_000
"""Texts from which a small generator learns to write rather than to repeat."""
FEW = 500
"""Texts under which it learns them by heart."""
LONGEST_ROW = 256


@dataclass(frozen=True)
class Vocabulary:
    """What a kind of tokeniser makes of the corpus."""

    size: int
    """Ids, the four special ones included."""
    median: int
    """Tokens of a text."""
    longest: int
    unseen: float
    """Share of the tokens in texts held out that the other texts do not contain."""


@dataclass(frozen=True)
class Check:
    """What is in a corpus."""

    texts: int
    different: int
    classes: dict[str, int]
    """Texts of each class, empty without classes."""
    characters: dict[str, int]
    """Length of the texts in characters: `shortest`, `p50`, `p95`, `longest`, `all`."""
    vocabularies: dict[str, Vocabulary]
    """By the kind of tokeniser."""
    cut: int
    skipped: list[tuple[str, str]]
    tokenizer: str
    """The kind that `auto` takes."""
    length: int
    """A context, in tokens, that holds 98 of 100 texts."""
    verdict: str


def check_texts(corpus: Texts, look_at: int = 100_000) -> Check:
    """Count everything; vocabularies on `look_at` texts at most, spread evenly over the corpus.

    A vocabulary is trained on nine tenths of them and `unseen` measured on the last tenth.
    """
    step = -(-len(corpus) // look_at)
    part = corpus.texts[::step]
    sizes = np.array([len(text) for text in corpus.texts])
    different = len(set(corpus.texts))
    vocabularies, lengths = {}, {}
    for kind in KINDS:
        lengths[kind], vocabularies[kind] = _vocabulary(part, kind)
    chosen = choose(part)
    counts = (
        [] if corpus.labels is None else np.bincount(corpus.labels, minlength=len(corpus.classes)).tolist()
    )
    middle, high = np.percentile(sizes, [50, 95]).astype(int).tolist()
    return Check(
        texts=len(corpus),
        different=different,
        classes=dict(zip(corpus.classes, counts, strict=True)),
        characters={
            "shortest": int(sizes.min()),
            "p50": middle,
            "p95": high,
            "longest": int(sizes.max()),
            "all": int(sizes.sum()),
        },
        vocabularies=vocabularies,
        cut=corpus.cut,
        skipped=corpus.skipped,
        tokenizer=chosen,
        length=fitting_length(lengths[chosen]),
        verdict=_verdict(different),
    )


def fitting_length(lengths: np.ndarray) -> int:
    """Tokens of a row that hold 98 of 100 texts and their end: a multiple of 8, at most 256."""
    needed = int(np.percentile(lengths, 98, method="inverted_cdf")) + 1
    return min(-(-needed // 8) * 8, LONGEST_ROW)


def sentences(check: Check) -> list[str]:
    """The check as lines to print."""
    size = check.characters
    copies = check.texts - check.different
    lines = [
        f"{many(check.texts, 'text')}, {many(size['all'], 'character')}; "
        + (many(copies, "is a copy of another", "are copies of others") if copies else "no copies"),
        f"length in characters: {size['shortest']} to {size['longest']:,}, "
        f"half have at most {size['p50']:,}, 95 of 100 at most {size['p95']:,}",
    ]
    if check.classes:
        shown = ", ".join(f"{name} {count:,}" for name, count in list(check.classes.items())[:20])
        more = f" and {len(check.classes) - 20} more" if len(check.classes) > 20 else ""
        lines.append(f"{many(len(check.classes), 'class', 'classes')}: {shown}{more}")
    if check.cut:
        lines.append(f"{check.cut:,} texts of more than 10,000 characters were cut into pieces")
    lines += listed("skipped", [f"{where}: {why}" for where, why in check.skipped])
    for kind, found in check.vocabularies.items():
        mark = "  <- taken" if kind == check.tokenizer else ""
        lines.append(
            f"{kind:>4}: {found.size:,} tokens, {found.median} a text (at most {found.longest:,}), "
            f"{found.unseen:.1%} unknown in texts held out{mark}"
        )
    return [*lines, f"context: {check.length} tokens hold 98 of 100 texts", check.verdict]


def _vocabulary(texts: list[str], kind: str) -> tuple[np.ndarray, Vocabulary]:
    unseen = 0.0
    if kind != "bpe":  # bytes are never unknown
        partial = train_tokenizer([text for n, text in enumerate(texts) if n % 10], kind)
        ids = np.array([id for text in partial.encode(texts[::10]) for id in text])
        unseen = float((ids == UNKNOWN).mean())
    whole = train_tokenizer(texts, kind)
    lengths = np.array([len(text) for text in whole.encode(texts)])
    return lengths, Vocabulary(
        size=len(whole),
        median=int(np.median(lengths)),
        longest=int(lengths.max()),
        unseen=unseen,
    )


def _verdict(different: int) -> str:
    if different < FEW:
        return (
            f"{many(different, 'different text is', 'different texts are')} too few: a generator will learn them by "
            f"heart; gather at least {FEW:,}, better {ENOUGH:,}, or start from a pretrained generator"
        )
    if different < ENOUGH:
        return f"{different:,} different texts are enough to begin; with {ENOUGH:,} it repeats them less"
    return f"{different:,} different texts are enough"

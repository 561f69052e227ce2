"""Metrics of token sequences: BLEU, self-BLEU, distinct n-grams, repetition, longest verbatim copy.

Sequences are lists of token ids without padding, start and end. Likelihood is in `likelihood.nll`.
"""

from dataclasses import dataclass

import numpy as np

from creative_gan.sequence.ngrams import Array, NgramIndex, Sequences, counts, flat, place

SMOOTHING = 0.1
"""Added to a count of no matches. Chen & Cherry 2014, aclanthology.org/W14-3346, method 1."""


@dataclass(frozen=True)
class Bleu:
    """BLEU by its highest n, in [0, 1], and what it was measured on: it depends on both sizes."""

    by_order: dict[int, float]
    samples: int
    references: int


def bleu(samples: Sequences, references: NgramIndex) -> Bleu:
    """The mean over samples of sentence BLEU-2 .. BLEU-n against all references at once. High is like them.

    Papineni 2002, aclanthology.org/P02-1040: clipped n-gram precisions, equal weights, closest reference
    length. Build the index of the references once, with as many orders as are wanted.
    """
    return _bleu(samples, references, others=False)


def self_bleu(samples: Sequences, orders: int = 5) -> Bleu:
    """The mean BLEU of each sample against all other samples; high means that they are alike.

    Zhu 2018, arXiv:1802.01886, with a sample never among its own references.
    """
    return _bleu(samples, NgramIndex(samples, orders), others=True)


def _bleu(samples: Sequences, references: NgramIndex, others: bool) -> Bleu:
    lengths = np.array([len(sequence) for sequence in samples])
    logs, result = np.zeros(len(samples)), {}
    none = np.zeros(len(samples), bool)
    for n, (numbers, owner) in enumerate(references.find(samples), start=1):
        number, sample, count = counts(numbers, owner)
        order = references.orders[n - 1]
        limit = order.most[number]
        if others:
            limit = np.where(order.holder[number] == sample, order.most_elsewhere[number], limit)
        matches = np.bincount(sample, np.minimum(count, limit), len(samples))
        if n == 1:
            none = matches == 0  # without one common word a sample is worth nothing, smoothing or not
        logs += np.log(np.where(matches == 0, SMOOTHING, matches) / np.maximum(1, lengths - n + 1))
        if n > 1:
            result[n] = np.where(none, 0.0, np.exp(logs / n))
    penalty = _brevity(samples, lengths, references, others)
    scores = {n: float((penalty * score).mean()) if len(samples) else 0.0 for n, score in result.items()}
    return Bleu(scores, len(samples), references.size - others)


def _brevity(samples: Sequences, lengths: Array, references: NgramIndex, others: bool) -> Array:
    """The penalty of samples shorter than the closest reference (of two as close, the shorter)."""
    closest = np.zeros(len(samples))
    known = references.lengths
    alone = np.array([], np.int64)
    if others:
        values, times = np.unique(lengths, return_counts=True)
        alone = values[times == 1]
    for length in np.unique(lengths):
        rest = known[known != length] if length in alone else known
        if len(rest):
            closest[lengths == length] = rest[np.argmin(np.abs(rest - length))]
    with np.errstate(divide="ignore", over="ignore"):
        short = np.exp(1 - closest / np.maximum(lengths, 1e-300))
    return np.where(lengths > closest, 1.0, short)


def distinct(sequences: Sequences, n: int) -> float:
    """The share of all n-grams that are different from all others, in [0, 1]. Li 2016, arXiv:1510.03055."""
    total = sum(max(0, len(sequence) - n + 1) for sequence in sequences)
    return len(NgramIndex(sequences, n).orders[-1].pairs) / total if total else 0.0


def repetition(sequences: Sequences, n: int = 4) -> float:
    """The share of n-grams that repeat one earlier in their own sequence. Welleck 2020, arXiv:1908.04319."""
    total = sum(max(0, len(sequence) - n + 1) for sequence in sequences)
    index = NgramIndex(sequences, n)
    different = len(counts(*index.find(sequences)[-1])[0])
    return 1 - different / total if total else 0.0


@dataclass(frozen=True)
class Copies:
    """The longest run of tokens that each sample has in common with one training sequence; `N` samples."""

    length: Array
    """[N] tokens."""
    source: Array
    """[N]: the training sequence that has it, -1 where nothing is in common."""


def longest_copies(samples: Sequences, training: Sequences) -> Copies:
    """The longest verbatim copy in each sample of anything in the training set, and where it is from.

    All suffixes are sorted at once by doubling (Manber & Myers 1993); a sample's longest match is with the
    nearest training suffix before or after one of its own. Takes O(N log² N) for N tokens.
    """
    tokens, owner = flat([*training, *samples])
    ranks = _ranks(tokens, owner, max((len(sequence) for sequence in samples), default=0))
    order = np.argsort(ranks[-1], kind="stable")
    rest = np.searchsorted(owner, owner, side="right") - np.arange(len(owner))  # tokens to the end
    ours = owner[order] >= len(training)
    index = np.arange(len(order))
    before = np.maximum.accumulate(np.where(ours, -1, index))
    after = np.minimum.accumulate(np.where(ours, len(order), index)[::-1])[::-1]
    length, source = np.zeros(len(samples), np.int64), np.full(len(samples), -1)
    for near in (before, after):
        rows = np.flatnonzero(ours & (near >= 0) & (near < len(order)))
        left, right = order[rows], order[near[rows]]
        common = np.minimum(_common(ranks, left, right), np.minimum(rest[left], rest[right]))
        sample = owner[order[rows]] - len(training)
        rising = np.lexsort((common, sample))
        best = rising[np.searchsorted(sample[rising], np.unique(sample), side="right") - 1]
        best = best[common[best] > length[sample[best]]]
        length[sample[best]] = common[best]
        source[sample[best]] = owner[order[near[rows[best]]]]
    return Copies(length, source)


def _ranks(tokens: Array, owner: Array, longest: int) -> list[Array]:
    """Ranks of the runs of 1, 2, 4, ... tokens at each place, until they are longer than `longest`.

    A run that goes past the end of its sequence is unlike every other, by a rank of its own.
    """
    words = place(np.unique(tokens), tokens)
    ranks, size = [words], 1
    while size <= longest:
        rank, count = ranks[-1], len(tokens)
        later = np.full(count, -1)
        later[: count - size] = rank[size:]
        ends = np.ones(count, bool)
        ends[: count - size] = owner[size:] != owner[: count - size]
        # Past the end: sorted by what there is, and apart from all others.
        later[ends] = -1 - np.arange(count)[ends]
        codes = np.stack([rank, later])
        ordering = np.lexsort((codes[1], codes[0]))
        moved = np.ones(count, np.int64)
        moved[1:] = (np.diff(codes[:, ordering]) != 0).any(0)
        new = np.empty(count, np.int64)
        new[ordering] = moved.cumsum() - 1
        ranks.append(new)
        size *= 2
    return ranks


def _common(ranks: list[Array], left: Array, right: Array) -> Array:
    """How many tokens follow `left` and `right` in common, perhaps on beyond the end of a sequence: [N]."""
    left, right, common = left.copy(), right.copy(), np.zeros(len(left), np.int64)
    last = len(ranks[0]) - 1
    for level in reversed(range(len(ranks))):
        inside = (left <= last) & (right <= last)
        same = inside & (ranks[level][left.clip(max=last)] == ranks[level][right.clip(max=last)])
        step = np.where(same, 1 << level, 0)
        left, right, common = left + step, right + step, common + step
    return common

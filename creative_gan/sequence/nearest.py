"""Which training sequence is a sample most like, and how like: by the edits that lead from one to the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from creative_gan.sequence.ngrams import Array, Sequences, flat

CANDIDATES = 8
"""Training sequences that are compared with a sample: those that share its rarest words and pairs of words."""
POSTINGS = 20_000
"""Places in the training set that are looked up for a sample; the commonest pairs come last."""
_ROWS = 1 << 22
"""Entries of a table of edit distances held at once."""


@dataclass(frozen=True)
class Nearest:
    """The nearest training sequence of each of `N` samples."""

    index: Array
    """int64 [N]."""
    distance: Array
    """float64 [N] in [0, 1]: token edits (Levenshtein 1966) over the length of the longer one; 0 is a copy."""


def nearest(samples: Sequences, training: Sequences) -> Nearest:
    """The nearest training sequence of each sample, found among `CANDIDATES` of them.

    A copy, whole or with a few tokens changed, shares what is rare in it with its source, and is always found;
    the nearest of sequences that are all far away may be missed for one almost as near.
    """
    assert len(training), "something to be near to"
    postings = _postings(training)
    picked = [_candidates(sample, postings) for sample in samples]
    left = [i for i, found in enumerate(picked) for _ in found]
    right = [int(j) for found in picked for j in found]
    edits = edit_distances([samples[i] for i in left], [training[j] for j in right])
    longer = np.array(
        [max(len(samples[i]), len(training[j]), 1) for i, j in zip(left, right, strict=True)], np.float64
    )
    shares = edits / longer
    index, distance = np.zeros(len(samples), np.int64), np.ones(len(samples))
    for row in np.lexsort((shares, left))[::-1]:  # the last one that is written is the nearest
        index[left[row]], distance[left[row]] = right[row], shares[row]
    return Nearest(index, distance)


def edit_distances(left: Sequences, right: Sequences) -> Array:
    """Fewest insertions, deletions and replacements that make each `right` out of its `left`. int64 [P]."""
    size = max(1, _ROWS // (1 + max(map(len, right), default=0)))
    parts = [_edits(left[at : at + size], right[at : at + size]) for at in range(0, len(left), size)]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _edits(left: Sequences, right: Sequences) -> Array:
    a, b = _padded(left, -1), _padded(right, -2)
    ends, lengths = np.array([len(one) for one in right]), np.array([len(one) for one in left])
    places = np.arange(b.shape[1] + 1)
    row = np.tile(places, (len(left), 1))
    result = ends.copy()  # of an empty left side
    for i in range(1, a.shape[1] + 1):
        made = np.empty_like(row)
        made[:, 0] = i
        np.minimum(row[:, :-1] + (b != a[:, i - 1 : i]), row[:, 1:] + 1, out=made[:, 1:])
        # an insertion costs one more for each place it moves on
        row = np.minimum.accumulate(made - places, axis=1) + places
        done = lengths == i
        result[done] = row[done, ends[done]]
    return result


def _padded(sequences: Sequences, filler: int) -> Array:
    table = np.full((len(sequences), max(map(len, sequences), default=0)), filler, np.int64)
    for row, sequence in zip(table, sequences, strict=True):
        row[: len(sequence)] = sequence
    return table


def _postings(training: Sequences) -> dict[tuple[int, ...], Array]:
    """In which sequences each token and each pair of tokens stands."""
    tokens, owner = flat(training)
    found: dict[tuple[int, ...], Array] = {}
    inside = owner[1:] == owner[:-1]
    for keys, owners in (
        (tokens[:, None], owner),
        (np.stack([tokens[:-1], tokens[1:]], 1)[inside], owner[1:][inside]),
    ):
        if not len(keys):
            continue
        rows = np.unique(np.column_stack([keys, owners]), axis=0)
        starts = np.flatnonzero(np.r_[True, (rows[1:, :-1] != rows[:-1, :-1]).any(1)])
        for key, part in zip(rows[starts, :-1].tolist(), np.split(rows[:, -1], starts[1:]), strict=True):
            found[tuple(key)] = part
    return found


def _candidates(sample: Sequence[int], postings: dict[tuple[int, ...], Array]) -> Array:
    """The training sequences that share most with a sample, what is rare counting more."""
    keys = dict.fromkeys([*((token,) for token in sample), *pairwise(sample)])
    lists = sorted((postings[key] for key in keys if key in postings), key=len)
    if not lists:
        return np.zeros(1, np.int64)
    sizes = np.array([len(members) for members in lists])
    lists = lists[: max(1, int((sizes.cumsum() <= POSTINGS).sum()))]
    weights = np.repeat(1 / sizes[: len(lists)], sizes[: len(lists)])
    scores = np.bincount(np.concatenate(lists), weights)
    least = np.partition(scores, -CANDIDATES)[-CANDIDATES] if len(scores) > CANDIDATES else 0.0
    best = np.flatnonzero((scores >= least) & (scores > 0))
    return best[np.argsort(-scores[best], kind="stable")][:CANDIDATES]

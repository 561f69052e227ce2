"""Which training sequence is a sample most like, and how like: by the edits that lead from one to the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from creative_gan.sequence.ngrams import Array, Sequences, flat

CANDIDATES = 16
"""Training sequences that are compared with a sample edit by edit: those with most tokens and pairs in common."""
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

    A copy has all its tokens and pairs of tokens in common with its source, and one that was changed a little
    nearly all, so copies are always found; of sequences that are all far away, the nearest may be missed for
    one almost as near.
    """
    picked = _candidates(samples, training)
    left = [i for i, found in enumerate(picked) for _ in found]
    right = [int(j) for found in picked for j in found]
    edits = edit_distances([samples[i] for i in left], [training[j] for j in right])
    longer = np.array(
        [max(len(samples[i]), len(training[j]), 1) for i, j in zip(left, right, strict=True)], np.float64
    )
    shares = edits / longer
    index, distance = np.zeros(len(samples), np.int64), np.ones(len(samples))
    for row in np.lexsort((shares, np.array(left)))[::-1]:  # the last one that is written is the nearest
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


def _candidates(samples: Sequences, training: Sequences) -> list[Array]:
    """The training sequences that may be nearest to each sample."""
    lengths = np.array([len(sequence) for sequence in training])
    most = min(CANDIDATES, len(training))
    picked = []
    for sample, tokens, pairs in zip(
        samples, _common(samples, training, 1), _common(samples, training, 2), strict=True
    ):
        longer = np.maximum(lengths, max(len(sample), 1))
        # Each edit takes away one token and two pairs at most: Ukkonen 1992, theorem 5.1.
        least = (longer - tokens + (longer - 1 - pairs) / 2) / longer
        best = np.flatnonzero(least <= np.partition(least, most - 1)[most - 1])
        picked.append(best[np.argsort(least[best], kind="stable")][:most])
    return picked


def _common(samples: Sequences, training: Sequences, n: int) -> Iterator[Array]:
    """For each sample how many n-grams it has in common with each training sequence, repeated ones counted: [N]."""
    tokens, owner = flat([*training, *samples])
    grams = tokens
    if n == 2:
        inside = owner[1:] == owner[:-1]
        pairs = np.column_stack([tokens[:-1], tokens[1:]])[inside]
        grams, owner = np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1), owner[1:][inside]
    order = np.lexsort((grams, owner))
    grams, owner = grams[order], owner[order]
    first = np.ones(len(grams), bool)
    first[1:] = (grams[1:] != grams[:-1]) | (owner[1:] != owner[:-1])
    # the second of the same n-gram is another one than the first
    again = np.arange(len(grams)) - np.flatnonzero(first)[first.cumsum() - 1]
    codes = grams * (again.max(initial=0) + 1) + again
    known = owner < len(training)
    by_code = np.argsort(codes[known], kind="stable")
    table, holders = codes[known][by_code], owner[known][by_code]
    begins, ends = (np.searchsorted(table, codes[~known], side) for side in ("left", "right"))
    bounds = np.searchsorted(owner[~known], len(training) + np.arange(len(samples) + 1))
    for start, stop in pairwise(bounds):
        lists = [holders[a:b] for a, b in zip(begins[start:stop], ends[start:stop], strict=True)]
        yield np.bincount(np.concatenate([np.zeros(0, np.int64), *lists]), minlength=len(training))

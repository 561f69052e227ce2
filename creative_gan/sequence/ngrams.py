"""An exact index of the n-grams of a corpus, built once, on which all n-gram metrics stand.

A sequence is a list of token ids, without padding or special tokens. An n-gram's number is the place of
the pair (number of its first n - 1 tokens, last token) among all such pairs of the corpus: exact, without
hashing, for any vocabulary and any n, and found by binary search.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
Sequences = Sequence[Sequence[int]]
UNKNOWN = -1


@dataclass(frozen=True)
class Order:
    """The n-grams of one n; `G` of them."""

    pairs: Array
    """[G] sorted codes of (number of the first n - 1 tokens, last token)."""
    most: Array
    """[G]: the largest count in one sequence."""
    holder: Array
    """[G]: a sequence that has that count."""
    most_elsewhere: Array
    """[G]: the largest count in one of the other sequences."""


class NgramIndex:
    """The n-grams of `sequences` for n = 1 .. `orders`, with the largest counts that BLEU clips to."""

    def __init__(self, sequences: Sequences, orders: int = 5) -> None:
        tokens, owner = flat(sequences)
        self.size = len(sequences)
        self.lengths = np.unique([len(sequence) for sequence in sequences])
        self.words = np.unique(tokens)
        self.orders: list[Order] = []
        numbers = np.zeros(len(tokens) + 1, np.int64)
        for n in range(1, orders + 1):
            codes = self._codes(numbers, tokens, owner, n)
            pairs = np.unique(codes[codes != UNKNOWN])
            numbers = place(pairs, codes)
            self.orders.append(Order(pairs, *_largest(numbers, owner, len(pairs))))

    def find(self, sequences: Sequences) -> list[tuple[Array, Array]]:
        """For each n the numbers of all n-grams of other sequences, UNKNOWN where the corpus has none.

        Returns for each n (numbers, sequence that each stands in), without those that run over an end.
        """
        tokens, owner = flat(sequences)
        numbers, found = np.zeros(len(tokens) + 1, np.int64), []
        for n, order in enumerate(self.orders, start=1):
            numbers = place(order.pairs, self._codes(numbers, tokens, owner, n))
            whole = owner[n - 1 :] == owner[: len(numbers)]
            found.append((numbers[whole], owner[: len(numbers)][whole]))
        return found

    def _codes(self, shorter: Array, tokens: Array, owner: Array, n: int) -> Array:
        """The pair at each position: `shorter` are the numbers of the (n - 1)-grams that begin there."""
        last, first = tokens[n - 1 :], shorter[: max(0, len(tokens) - n + 1)]
        words = place(self.words, last)
        known = (first != UNKNOWN) & (words != UNKNOWN) & (owner[n - 1 :] == owner[: len(last)])
        return np.where(known, first * (len(self.words) + 1) + words, UNKNOWN)


def flat(sequences: Sequences) -> tuple[Array, Array]:
    """All tokens in a row [N] and the sequence that each stands in [N], int64."""
    lengths = [len(sequence) for sequence in sequences]
    tokens = np.fromiter((token for sequence in sequences for token in sequence), np.int64, sum(lengths))
    return tokens, np.repeat(np.arange(len(sequences)), lengths)


def place(table: Array, values: Array) -> Array:
    """Where each of `values` is in the sorted `table`, UNKNOWN where it is not."""
    if not len(table):
        return np.full(len(values), UNKNOWN)
    at = np.searchsorted(table, values).clip(max=len(table) - 1)
    return np.where(table[at] == values, at, UNKNOWN)


def counts(numbers: Array, owner: Array) -> tuple[Array, Array, Array]:
    """How often each known n-gram stands in each sequence: number, sequence, count, all [M], by number."""
    numbers, owner = numbers[numbers != UNKNOWN], owner[numbers != UNKNOWN]
    order = np.lexsort((owner, numbers))
    numbers, owner = numbers[order], owner[order]
    first = np.ones(len(numbers), bool)
    first[1:] = (numbers[1:] != numbers[:-1]) | (owner[1:] != owner[:-1])
    starts = np.flatnonzero(first)
    return numbers[starts], owner[starts], np.diff(starts, append=len(numbers))


def _largest(numbers: Array, owner: Array, size: int) -> tuple[Array, Array, Array]:
    """For each n-gram its largest count in one sequence, that sequence, and the largest in any other."""
    number, sequence, count = counts(numbers, owner[: len(numbers)])
    order = np.lexsort((-count, number))
    number, sequence, count = number[order], sequence[order], count[order]
    first = np.searchsorted(number, np.arange(size))
    second = np.minimum(first + 1, max(0, len(number) - 1))
    elsewhere = np.where(number[second] == np.arange(size), count[second], 0) if size else first
    elsewhere = np.where(second > first, elsewhere, 0)
    return count[first], sequence[first], elsewhere

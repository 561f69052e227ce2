"""Which samples are taken: an endless order, shuffled anew each round, or a few at even distances."""

from functools import lru_cache

import numpy as np

from creative_gan.core.draws import derive


def order(count: int, seed: int, start: int, stop: int) -> np.ndarray:
    """Indices of the samples at positions start <= i < stop of the endless order.

    Round r is a permutation of all `count` samples that depends on (seed, r) alone.

    Returns:
        int64 [stop - start], each in [0, count).
    """
    assert count > 0 and 0 <= start <= stop
    positions = np.arange(start, stop)
    rounds = positions // count
    picked = np.empty(len(positions), np.int64)
    for r in np.unique(rounds):
        here = rounds == r
        picked[here] = _permutation(count, seed, int(r))[positions[here] % count]
    return picked


def evenly(count: int, most: int) -> np.ndarray:
    """At most `most` of the numbers below `count`, at even distances, the first and the last among them.

    Returns:
        int64 [min(count, most)], ascending.
    """
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


@lru_cache(maxsize=4)
def _permutation(count: int, seed: int, round_: int) -> np.ndarray:
    return np.random.default_rng(derive(seed, "order", round_)).permutation(count)

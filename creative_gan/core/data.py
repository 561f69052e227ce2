"""The order in which samples are seen: endless, shuffled anew each round, starting anywhere."""

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


@lru_cache(maxsize=4)
def _permutation(count: int, seed: int, round_: int) -> np.ndarray:
    return np.random.default_rng(derive(seed, "order", round_)).permutation(count)

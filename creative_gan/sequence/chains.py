"""The weakest model of sequences that deserves the name: each token drawn by the one before it."""

from collections import defaultdict

import numpy as np

from creative_gan.core.draws import derive
from creative_gan.sequence.ngrams import Sequences

_END = -1


def chains(training: Sequences, count: int, longest: int, seed: int) -> list[list[int]]:
    """`count` new sequences of at most `longest` tokens from the pairs of tokens in `training` (Shannon 1948).

    It is what a figure of a trained model should be better than; none of its sequences is empty.
    """
    after: dict[int, list[int]] = defaultdict(list)
    for sequence in filter(len, training):
        for token, following in zip([_END, *sequence], [*sequence, _END], strict=True):
            after[token].append(following)
    draw = np.random.default_rng(derive(seed, "chains"))
    made = []
    for _ in range(count):
        one: list[int] = []
        token = _END
        while len(one) < longest:
            choices = after[token]
            token = choices[int(draw.integers(len(choices)))]
            if token == _END:
                break
            one.append(token)
        made.append(one)
    return made

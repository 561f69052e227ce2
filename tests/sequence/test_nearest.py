"""The nearest training sequence, against brute force; and the chains that any model should be better than."""

import numpy as np
import pytest

from creative_gan.sequence.chains import chains
from creative_gan.sequence.nearest import edit_distances, nearest


def corpus(seed: int, count: int, words: int = 60, longest: int = 14) -> list[list[int]]:
    draw = np.random.default_rng(seed)
    # rare and common words, as in a language
    return [(draw.zipf(1.4, draw.integers(3, longest)) % words).tolist() for _ in range(count)]


def edits(a: list[int], b: list[int]) -> int:
    """Wagner and Fischer 1974, as written."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(last + (x != y), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def test_edit_distances_agree_with_the_plain_algorithm():
    left, right = corpus(0, 80, 9), corpus(1, 80, 9)
    left[0], right[1], left[2] = [], [], []
    right[2] = []
    want = [edits(a, b) for a, b in zip(left, right, strict=True)]
    assert edit_distances(left, right).tolist() == want
    assert edit_distances([], []).tolist() == []


def test_many_pairs_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch):
    from creative_gan.sequence import nearest as module

    left, right = corpus(0, 50), corpus(1, 50)
    whole = edit_distances(left, right)
    monkeypatch.setattr(module, "_ROWS", 64)
    assert (edit_distances(left, right) == whole).all()


def test_copies_are_found_whole_and_with_words_changed():
    training, samples = corpus(0, 400), corpus(1, 100)
    draw, places, changed = np.random.default_rng(2), [], []
    for i in range(100):
        source = int(draw.integers(len(training)))
        copy = list(training[source])
        if len(copy) > 5 and i % 2:
            copy[int(draw.integers(len(copy)))] = 999  # a word that nobody knows
            changed.append(i)
        samples[i] = copy
        places.append(source)
    found = nearest(samples, training)
    for i in range(100):
        assert found.distance[i] <= (i in changed) / len(samples[i]) + 1e-12
        best = min(edits(samples[i], one) / max(len(samples[i]), len(one)) for one in training)
        assert found.distance[i] == pytest.approx(best)
    assert len(changed) > 20


def test_the_distance_is_never_less_than_the_true_one_and_mostly_it():
    training, samples = corpus(0, 300), corpus(3, 80)
    samples[5], samples[6] = [999], []
    found = nearest(samples, training)
    best = [min(edits(s, t) / max(len(s), len(t), 1) for t in training) for s in samples]
    assert (found.distance >= np.array(best) - 1e-12).all() and (found.distance <= 1).all()
    assert np.mean(found.distance <= np.array(best) + 1e-12) > 0.8
    assert all(
        found.distance[i] == edits(samples[i], training[j]) / max(len(samples[i]), len(training[j]), 1)
        for i, j in enumerate(found.index)
    )


def test_chains_know_pairs_and_nothing_more():
    training = [*corpus(0, 200), []]
    made = chains(training, 300, 20, seed=1)
    pairs = {pair for one in training for pair in zip([-1, *one], [*one, -2], strict=True)}
    assert all(0 < len(one) <= 20 for one in made)
    for one in made:
        ends = [*one, -2] if len(one) < 20 else one
        assert set(zip([-1, *one], ends, strict=False)) <= pairs
    assert made == chains(training, 300, 20, seed=1) != chains(training, 300, 20, seed=2)
    starts = np.bincount([one[0] for one in training if one], minlength=60) / 200
    ours = np.bincount([one[0] for one in made], minlength=60) / 300
    assert abs(starts - ours).max() < 0.12

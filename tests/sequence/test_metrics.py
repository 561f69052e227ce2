"""Metrics agree with nltk and with slow, plain definitions."""

import numpy as np
import pytest
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from creative_gan.sequence.metrics import bleu, distinct, longest_copies, repetition, self_bleu
from creative_gan.sequence.ngrams import NgramIndex

RNG = np.random.default_rng(0)


def corpus(count: int, words: int, low: int = 1, high: int = 12) -> list[list[int]]:
    return [RNG.integers(0, words, RNG.integers(low, high)).tolist() for _ in range(count)]


def nltk_bleu(samples: list[list[int]], references: list[list[list[int]]], order: int) -> float:
    weights, smoothing = [1 / order] * order, SmoothingFunction().method1
    scores = [
        sentence_bleu(rest, sample, weights, smoothing)
        for sample, rest in zip(samples, references, strict=True)
    ]
    return float(np.mean(scores))


@pytest.mark.parametrize("words", [3, 12, 60])
def test_bleu_is_that_of_nltk(words: int) -> None:
    samples, references = corpus(40, words), corpus(50, words)
    got = bleu(samples, NgramIndex(references))
    assert (got.samples, got.references) == (40, 50)
    for order in range(2, 6):
        assert got.by_order[order] == pytest.approx(nltk_bleu(samples, [references] * 40, order), abs=1e-9)


@pytest.mark.parametrize("words", [3, 12, 60])
def test_self_bleu_is_that_of_nltk_without_the_sample_itself(words: int) -> None:
    samples = corpus(30, words)
    samples[3] = list(samples[7])  # twins are references of each other
    rests = [samples[:i] + samples[i + 1 :] for i in range(30)]
    got = self_bleu(samples)
    assert got.references == 29
    for order in range(2, 6):
        assert got.by_order[order] == pytest.approx(nltk_bleu(samples, rests, order), abs=1e-9)


def test_bleu_of_unknown_words_and_empty_samples_is_zero() -> None:
    references = NgramIndex([[1, 2, 3]])
    assert bleu([[7, 8, 9], []], references).by_order == {2: 0.0, 3: 0.0, 4: 0.0, 5: 0.0}
    assert bleu([[1, 2, 3]], NgramIndex([])).by_order[2] == 0.0


def test_distinct_and_repetition_count_what_they_say() -> None:
    assert distinct([[1, 2, 3], [1, 2, 4]], 2) == pytest.approx(3 / 4)
    assert distinct([[1], []], 2) == 0.0
    assert repetition([[1, 2, 1, 2, 1], [1, 2, 3]], 2) == pytest.approx(2 / 6)
    assert repetition([[5, 6, 7, 8]], 4) == 0.0


def longest_common(sample: list[int], text: list[int]) -> int:
    pieces = {tuple(text[i:j]) for i in range(len(text)) for j in range(i, len(text) + 1)}
    spans = [(i, j) for i in range(len(sample)) for j in range(i, len(sample) + 1)]
    return max((j - i for i, j in spans if tuple(sample[i:j]) in pieces), default=0)


@pytest.mark.parametrize("words", [2, 6, 40])
def test_longest_copy_is_found_with_its_source(words: int) -> None:
    training, samples = corpus(12, words), [*corpus(12, words, high=16), []]
    training.append(samples[5][:])
    got = longest_copies(samples, training)
    for sample, length, source in zip(samples, got.length, got.source, strict=True):
        assert length == max(longest_common(sample, text) for text in training)
        if length:
            assert longest_common(sample, training[source]) == length
    assert got.length[5] == len(samples[5])


def test_a_copy_never_runs_over_the_end_of_a_text() -> None:
    assert longest_copies([[1, 2, 3, 4]], [[1, 2], [3, 4]]).length.tolist() == [2]
    assert longest_copies([[9]], [[1, 2]]).source.tolist() == [-1]
    assert longest_copies([[1, 2]], []).length.tolist() == [0]

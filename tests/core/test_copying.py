"""Copies are told from what is merely like the data, by distances alone."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm

from creative_gan.core.copying import Copying, judge, mann_whitney, verdict


def found(distance: np.ndarray, heldout: np.ndarray) -> Copying:
    return judge(np.arange(len(distance)), distance, heldout)


def distances(seed: int, n: int, mean: float = 5.0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(mean, 1.0, n)


@pytest.mark.parametrize("digits", [6, 1, 0])  # with few digits there are many ties
def test_mann_whitney_agrees_with_scipy(digits: int):
    heldout, fake = distances(0, 80).round(digits), distances(1, 120, 5.5).round(digits)
    test = mannwhitneyu(fake, heldout, use_continuity=False, method="asymptotic")
    z = mann_whitney(heldout, fake)
    assert 2 * norm.sf(abs(z)) == pytest.approx(test.pvalue, rel=1e-9)
    assert (z > 0) == (test.statistic > 80 * 120 / 2)
    assert mann_whitney(np.ones(5), np.ones(9)) == 0


def test_samples_like_the_data_are_no_copies():
    for seed in range(20):
        judged = found(distances(seed, 400), distances(1000 + seed, 400))
        assert abs(judged.z) < 4 and judged.share < 0.05
        assert judged.floor < 0.05
    judged = [found(distances(s, 400), distances(1000 + s, 400)) for s in range(200)]
    said = sum(not verdict(one, "items").startswith("No sign") for one in judged)
    assert said <= 4  # two in a hundred


@pytest.mark.parametrize("trial", range(100))
def test_one_planted_copy_is_found_and_said(trial: int):
    fake, heldout = distances(trial, 300), distances(2000 + trial, 200)
    fake[trial] = 0.0
    judged = found(fake, heldout)
    assert judged.copies[trial] and judged.alike[trial] and judged.closest[0] == trial
    assert verdict(judged, "items").startswith("Copies: ")


def test_what_real_data_do_too_is_no_copying():
    # The data hold many things twice: a tenth of the unseen items is the same as a training item.
    fake, heldout = distances(0, 300), distances(1, 200)
    fake[:24], heldout[:20] = 0, 0
    judged = found(fake, heldout)
    assert judged.floor == pytest.approx(0.1, abs=0.1) and judged.copies[:24].all()
    assert verdict(judged, "items").startswith("No sign") == (judged.share <= judged.floor)
    fake[:150] = 0
    assert verdict(found(fake, heldout), "items").startswith("Copies: 150 of 300")


def test_twins_in_the_data_do_not_hide_near_copies():
    fake, heldout = distances(0, 300), distances(1, 200)
    heldout[:20] = 0
    fake[:40] = 0.02  # as a copy that was saved anew, or is a little brighter
    judged = found(fake, heldout)
    assert judged.threshold > 0.02 and judged.copies[:40].all() and judged.alike[:40].all()
    assert verdict(judged, "items").startswith("Copies: 40 of 300")
    assert found(fake, np.zeros(20)).threshold == 0


def test_a_memory_of_everything_and_samples_off_the_data():
    near = found(distances(0, 300, 2.0), distances(1, 300))
    assert near.z < -10 and near.near and not verdict(near, "items").startswith("No sign")
    far = found(distances(0, 300, 12.0), distances(1, 300))
    assert far.z > 10 and "farther" in verdict(far, "items") and far.share == 0


def test_copying_in_one_region_is_not_hidden_by_the_rest():
    judged = found(distances(0, 300), distances(1, 300))
    assert not judged.near
    hidden = Copying(**(vars(judged) | {"celled": -6.0}))
    assert hidden.near and "nearer to training items" in verdict(hidden, "items")

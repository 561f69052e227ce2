"""Distances between sets, against closed forms, brute-force loops and SciPy."""

from itertools import product

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.stats import mannwhitneyu, norm, wasserstein_distance

from creative_gan.core.distances import (
    data_copying,
    density_coverage,
    frechet,
    kernel,
    near_duplicates,
    precision_recall,
    sliced_wasserstein,
)

PAIRWISE = [frechet, kernel, precision_recall, density_coverage, sliced_wasserstein]


def normal(seed: int, n: int, d: int = 8, shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    return shift + scale * np.random.default_rng(seed).standard_normal((n, d))


def with_moments(seed: int, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Rows whose sample mean and covariance are exactly those asked for."""
    rows = normal(seed, 400, len(mean))
    rows -= rows.mean(0)
    rows = rows @ np.linalg.inv(np.linalg.cholesky(np.cov(rows, rowvar=False))).T
    return mean + rows @ np.linalg.cholesky(covariance).T


def test_frechet_of_gaussians_has_its_closed_form() -> None:
    # With diagonal covariances: |m1 - m2|² + sum (s1 - s2)².
    real = with_moments(0, np.array([1.0, -2.0, 0.0]), np.diag([1.0, 4.0, 9.0]))
    fake = with_moments(1, np.array([0.0, 0.0, 2.0]), np.diag([4.0, 4.0, 1.0]))
    assert frechet(real, fake) == pytest.approx(1 + 4 + 4 + 1 + 0 + 4, rel=1e-9)


def test_frechet_agrees_with_the_matrix_square_root() -> None:
    mixing = normal(5, 12, 12)
    real, fake = normal(0, 300, 12) @ mixing, normal(1, 200, 12, 0.3) ** 3
    a, b = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    want = np.square(real.mean(0) - fake.mean(0)).sum() + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert frechet(real, fake) == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("rows", [3, 50])
def test_frechet_bears_singular_covariances(rows: int) -> None:
    # Fewer rows than columns, a constant column, a repeated one.
    real = normal(0, rows, 64)
    real[:, 3], real[:, 5] = 7.0, real[:, 6]
    assert frechet(real, real) == pytest.approx(0, abs=1e-9)
    assert frechet(real, real + 2.0) == pytest.approx(4 * 64, rel=1e-9)


def test_kernel_agrees_with_loops() -> None:
    real, fake = normal(0, 9, 4), normal(1, 7, 4, 0.5)[:7]

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return float((x @ y / 4 + 1) ** 3)

    def within(rows: np.ndarray) -> float:
        n = len(rows)
        return sum(k(rows[i], rows[j]) for i, j in product(range(n), repeat=2) if i != j) / (n * (n - 1))

    between = np.mean([k(x, y) for x, y in product(real, fake)])
    # Sets of different sizes are subsampled to the smaller one, so the reference takes equal ones.
    want = within(real[:7]) + within(fake) - 2 * np.mean([k(x, y) for x, y in product(real[:7], fake)])
    assert kernel(real[:7], fake) == pytest.approx(want, rel=1e-12)
    whole = within(real) + within(fake) - 2 * between
    assert kernel(real, fake, subsets=4000) == pytest.approx(whole, abs=0.05)


def test_kernel_is_unbiased_and_repeatable() -> None:
    same = [kernel(normal(2 * s, 60), normal(2 * s + 1, 60)) for s in range(300)]
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(300)
    assert min(same) < 0
    real, fake = normal(0, 1500), normal(1, 1200, shift=0.2)
    assert kernel(real, fake, subsets=5) == kernel(real, fake, subsets=5)
    assert kernel(real, fake, subsets=5) > 5 * abs(kernel(real, normal(2, 1200), subsets=5))


def brute_radii(rows: np.ndarray, k: int) -> list[float]:
    return [sorted(np.linalg.norm(rows - row, axis=1))[k] for row in rows]


@pytest.mark.parametrize(("n", "m", "k"), [(60, 45, 3), (31, 80, 5)])
def test_precision_recall_density_coverage_agree_with_loops(n: int, m: int, k: int) -> None:
    real, fake = normal(0, n, 3), normal(1, m, 3, 1.2, 0.8)
    ours, theirs = brute_radii(real, k), brute_radii(fake, k)
    distance = [[float(np.linalg.norm(x - y)) for y in fake] for x in real]
    inside = [[distance[i][j] <= ours[i] for j in range(m)] for i in range(n)]
    precision = sum(any(inside[i][j] for i in range(n)) for j in range(m)) / m
    recall = sum(any(distance[i][j] <= theirs[j] for j in range(m)) for i in range(n)) / n
    assert precision_recall(real, fake, k) == pytest.approx({"precision": precision, "recall": recall})
    assert 0 < precision < 1
    assert 0 < recall < 1
    density = sum(map(sum, inside)) / (k * m)
    coverage = sum(map(any, inside)) / n
    assert density_coverage(real, fake, k) == pytest.approx({"density": density, "coverage": coverage})


def test_identical_sets_are_at_the_best_value() -> None:
    # Far from the origin, where a careless distance drowns in rounding, and with repeated rows.
    rows = normal(0, 200, 16, shift=1e4)
    rows[:20] = rows[20:40]
    shuffled = rows[np.random.default_rng(1).permutation(200)]
    assert frechet(rows, shuffled) == pytest.approx(0, abs=1e-6)
    assert precision_recall(rows, shuffled) == {"precision": 1.0, "recall": 1.0}
    found = density_coverage(rows, shuffled)
    assert found["coverage"] == 1.0
    assert found["density"] == pytest.approx(6 / 5, rel=0.05)  # the k neighbours and the row itself
    assert sliced_wasserstein(rows, shuffled) == pytest.approx(0, abs=1e-9)
    assert near_duplicates(rows, normal(2, 200, 16, 1e4), shuffled)["share"] == 1.0


def test_disjoint_sets_share_nothing() -> None:
    real, fake = normal(0, 100), normal(1, 100, shift=50)
    assert precision_recall(real, fake) == {"precision": 0.0, "recall": 0.0}
    assert density_coverage(real, fake) == {"density": 0.0, "coverage": 0.0}
    assert frechet(real, fake) == pytest.approx(8 * 50**2, rel=0.05)


def test_collapse_costs_recall_and_bad_samples_cost_precision() -> None:
    real, collapsed, wild = normal(0, 500), normal(1, 500, scale=0.05), normal(2, 500, scale=4)
    assert precision_recall(real, collapsed)["precision"] > 0.95
    assert precision_recall(real, collapsed)["recall"] < 0.05
    assert precision_recall(real, wild)["precision"] < 0.2
    assert precision_recall(real, wild)["recall"] > 0.9
    assert density_coverage(real, collapsed)["coverage"] < 0.2


def test_one_constant_fake_is_no_error() -> None:
    real, fake = normal(0, 100), np.zeros((100, 8))
    assert precision_recall(real, fake)["recall"] == 0.0
    assert density_coverage(real, fake)["coverage"] < 0.5
    assert frechet(real, fake) == pytest.approx(8, rel=0.3)


@pytest.mark.parametrize(("n", "m"), [(64, 64), (50, 81), (7, 1)])
def test_sliced_wasserstein_agrees_with_scipy(n: int, m: int) -> None:
    real, fake = normal(0, n, 5), normal(1, m, 5, 0.4, 2)
    directions = np.random.default_rng(3).standard_normal((20, 5))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    want = np.mean([wasserstein_distance(real @ d, fake @ d) for d in directions])
    assert sliced_wasserstein(real, fake, projections=20, seed=3) == pytest.approx(want, rel=1e-9)


def test_data_copying_z_is_the_mann_whitney_one() -> None:
    # A grid gives ties, and a training set with mean 0 keeps them.
    train, heldout, fake = (np.round(4 * normal(s, n, 2)) for s, n in ((0, 40), (1, 70), (2, 90)))
    train = np.concatenate([train, -train])
    ours = [min(np.linalg.norm(train - row, axis=1)) for row in heldout]
    theirs = [min(np.linalg.norm(train - row, axis=1)) for row in fake]
    p = mannwhitneyu(theirs, ours, alternative="less", method="asymptotic", use_continuity=False).pvalue
    assert data_copying(train, heldout, fake)["z"] == pytest.approx(norm.ppf(p), abs=1e-6)


def test_data_copying_tells_copies_from_samples_from_misses() -> None:
    train, heldout = normal(0, 1000), normal(1, 500)
    copies = train[:500] + normal(2, 500, scale=0.01)
    for key in ("z", "celled"):
        assert data_copying(train, heldout, copies)[key] < -6
        assert abs(data_copying(train, heldout, normal(3, 500))[key]) < 3
        assert data_copying(train, heldout, normal(3, 500, scale=2))[key] > 3


def test_the_celled_form_sees_copying_behind_an_uneven_share_of_regions() -> None:
    # One region is tight and one wide. Copies that favour the wide one are farther from the training set
    # than held-out rows on the whole, though nearer within each region.
    train = np.concatenate([normal(0, 600, 4, 0, 0.1), normal(1, 600, 4, 50, 5)])
    heldout = np.concatenate([normal(2, 500, 4, 0, 0.1), normal(3, 100, 4, 50, 5)])
    fake = np.concatenate(
        [train[:100] + normal(4, 100, 4, 0, 0.005), train[700:1200] + normal(5, 500, 4, 0, 0.3)]
    )
    found = data_copying(train, heldout, fake)
    assert found["z"] > 3
    assert found["celled"] < -3


def test_planted_copies_are_found() -> None:
    train, heldout = normal(0, 3000, 16), normal(1, 1000, 16)
    fake = normal(2, 1000, 16)
    planted, sources = np.arange(0, 1000, 10), np.arange(100) * 7
    fake[planted] = train[sources] + normal(3, 100, 16, scale=0.05)
    found = near_duplicates(train, heldout, fake)
    hit = (found["distance"][planted] <= found["threshold"]) & (found["nearest"][planted] == sources)
    assert hit.sum() >= 99
    others = np.delete(found["distance"], planted) <= found["threshold"]
    assert others.mean() < 0.03
    assert found["share"] == pytest.approx((hit.sum() + others.sum()) / 1000)


def test_copies_are_found_where_the_heldout_rows_repeat_training_rows() -> None:
    train = normal(0, 300)
    heldout = np.concatenate([train[:10], normal(1, 90)])
    altered = train[60:70] + normal(3, 10, scale=0.02)
    found = near_duplicates(train, heldout, np.concatenate([train[50:60], altered, normal(2, 80)]))
    assert found["threshold"] > 0.2  # the ten twins do not make it nothing
    within = found["distance"] <= found["threshold"]
    assert within[:20].all() and within[20:].mean() < 0.05
    assert found["share"] == pytest.approx(within.mean())
    assert found["nearest"][:20].tolist() == list(range(50, 70))
    twins = near_duplicates(train, train[:10], train[50:60])
    assert twins["threshold"] == 0.0 and twins["share"] == 1.0  # where every one has a twin


@pytest.mark.parametrize("distance", [precision_recall, density_coverage])
def test_blocks_do_not_change_the_result(distance, monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = normal(0, 150), normal(1, 130, shift=0.5)
    whole = distance(real, fake)
    monkeypatch.setattr("creative_gan.core.distances.BLOCK", 700)
    assert distance(real, fake) == whole


@pytest.mark.parametrize("distance", PAIRWISE)
def test_unusable_arrays_are_refused_with_a_sentence(distance) -> None:
    good = normal(0, 50)
    with pytest.raises(ValueError, match="real has 0 rows"):
        distance(good[:0], good)
    with pytest.raises(ValueError, match="equally many columns"):
        distance(good, good[:, :3])
    with pytest.raises(ValueError, match="not finite"):
        distance(good, np.where(good > 1, np.nan, good))
    with pytest.raises(ValueError, match="shape"):
        distance(good, good[0])


def test_too_few_rows_are_refused_with_a_sentence() -> None:
    good = normal(0, 50)
    with pytest.raises(ValueError, match="fake has 3 rows, and this distance needs at least 4"):
        precision_recall(good, good[:3])
    with pytest.raises(ValueError, match="real has 5 rows, and this distance needs at least 6"):
        density_coverage(good[:5], good)
    with pytest.raises(ValueError, match="at least 2"):
        frechet(good, good[:1])
    with pytest.raises(ValueError, match="heldout has 0 rows"):
        near_duplicates(good, good[:0], good)

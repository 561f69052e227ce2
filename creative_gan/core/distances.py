"""Distances between a set of real and a set of fake feature vectors: how good, how varied, how copied.

All of them take `[N, D]` arrays, real first, compute in float64 and are deterministic. Pairwise distances
are made in blocks, so that 10,000 against 10,000 vectors need some tens of megabytes.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from creative_gan.core.copying import mann_whitney, threshold

Floats = NDArray[np.float64]

BLOCK = 1 << 22
"""Pairwise distances held at once: 32 MiB of float64."""


def frechet(real: np.ndarray, fake: np.ndarray) -> float:
    """Squared Fréchet distance between the Gaussians fitted to both sets; 0 is best, the unit is features².

    real: [N, D], fake: [M, D], at least 2 rows each; covariances may be singular. Its bias falls with the
    number of rows, so compare figures of equal N and M only. Source: arXiv:1706.08500, eq. 6.
    """
    real, fake = _pair(real, fake, 2)
    roots = [_covariance_root(real), _covariance_root(fake)]
    # Tr sqrt(A Aᵀ B Bᵀ) is the sum of the singular values of Aᵀ B: nothing to go wrong when it is singular.
    cross = np.linalg.svd(roots[0].T @ roots[1], compute_uv=False).sum()
    spread = sum(float(np.square(root).sum()) for root in roots)
    means = np.square(real.mean(0) - fake.mean(0)).sum()
    return max(float(means + spread - 2 * cross), 0.0)


def kernel(real: np.ndarray, fake: np.ndarray, subsets: int = 100, size: int = 1000, seed: int = 0) -> float:
    """Kernel distance (KID): unbiased MMD² with a cubic kernel, the mean over random subsets; 0 is best.

    real: [N, D], fake: [M, D], at least 2 rows each. Being unbiased, it can be slightly negative. Subsets
    hold `size` rows, or all there are. Source: arXiv:1801.01401, eq. 4 and section 4.
    """
    # The kernel depends on the origin, so here the sets must not be centred.
    real, fake = _pair(real, fake, 2, centred=False)
    size = min(size, len(real), len(fake))
    draw = np.random.default_rng(seed)
    whole = size == len(real) == len(fake)
    return float(
        np.mean(
            [_mmd(_rows(real, size, draw), _rows(fake, size, draw)) for _ in range(1 if whole else subsets)]
        )
    )


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> dict[str, float]:
    """Share of fakes that lie among the reals (precision) and of reals that lie among the fakes (recall).

    real: [N, D], fake: [M, D], more than k rows each. Returns both in [0, 1], 1 is best. A point lies among
    a set if it is within the distance of one of its points to that point's k-th neighbour; k = 3 is the
    paper's. Source: arXiv:1904.06991, eq. 1 and 2.
    """
    real, fake = _pair(real, fake, k + 1)
    real_radii, fake_radii = _radii(real, k), _radii(fake, k)
    precise, recalled = np.zeros(len(fake), bool), np.zeros(len(real), bool)
    for rows, squares in _blocks(fake, real):
        precise[rows] = (squares <= real_radii).any(1)
        recalled |= (squares <= fake_radii[rows, None]).any(0)
    return {"precision": float(precise.mean()), "recall": float(recalled.mean())}


def density_coverage(real: np.ndarray, fake: np.ndarray, k: int = 5) -> dict[str, float]:
    """Precision and recall that no outlier inflates: density and coverage.

    real: [N, D] with more than k rows, fake: [M, D]. Density is about 1 for good fakes and may exceed it;
    coverage is the share in [0, 1] of the reals that have a fake within the distance to their k-th neighbour.
    k = 5 is the paper's. Source: arXiv:2002.09797, eq. 3 and 4.
    """
    real, fake = _pair(real, fake, 1)
    _need("real", real, k + 1)
    radii = _radii(real, k)
    inside, covered = 0, np.zeros(len(real), bool)
    for _, squares in _blocks(fake, real):
        within = squares <= radii
        inside += int(within.sum())
        covered |= within.any(0)
    return {"density": inside / (k * len(fake)), "coverage": float(covered.mean())}


def sliced_wasserstein(real: np.ndarray, fake: np.ndarray, projections: int = 512, seed: int = 0) -> float:
    """Mean over random directions of the exact Wasserstein-1 distance between the projected sets; 0 is best.

    real: [N, D], fake: [M, D], N and M may differ; the unit is features. Source: arXiv:1710.10196, section 5.
    """
    real, fake = _pair(real, fake, 1)
    directions = np.random.default_rng(seed).standard_normal((projections, real.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    # Between two neighbouring edges both quantile functions are constant.
    edges = np.union1d(np.arange(1, len(real) + 1) / len(real), np.arange(1, len(fake) + 1) / len(fake))
    widths = np.diff(edges, prepend=0.0)
    middles = edges - widths / 2
    take = [np.minimum((middles * len(rows)).astype(int), len(rows) - 1) for rows in (real, fake)]
    total = 0.0
    step = max(1, BLOCK // (len(real) + len(fake)))
    for start in range(0, projections, step):
        some = directions[start : start + step]
        ours, theirs = np.sort(some @ real.T, axis=1), np.sort(some @ fake.T, axis=1)
        if len(real) != len(fake):
            ours, theirs = ours[:, take[0]], theirs[:, take[1]]
        total += float((np.abs(ours - theirs) @ widths).sum())
    return total / projections


def data_copying(train: np.ndarray, heldout: np.ndarray, fake: np.ndarray, seed: int = 0) -> dict[str, float]:
    """Are the fakes nearer to the training set than unseen real samples are?

    train: [T, D], heldout: [N, D], fake: [M, D]. Returns z-scores of Mann-Whitney tests on the distances to
    the nearest training row: about 0 for good, far below (-3 and less) when fakes copy, far above when they
    miss the data. `z` compares all rows at once; `celled` is the C_T statistic, the mean of the z-scores
    within `cells` k-means cells of the training set, which copying in one region cannot hide from; cells
    with fewer than 20 fakes are left out. Source: arXiv:2004.05675, sections 3.1 and 3.2.
    """
    train, heldout, fake = _triple(train, heldout, fake)
    z = _copying_z(train, heldout, fake)
    cells = min(10, 1 + min(len(heldout), len(fake), len(train)) // 100)
    centres = _centres(train, cells, np.random.default_rng(seed))
    of_train, of_heldout, of_fake = (_nearest(rows, centres)[0] for rows in (train, heldout, fake))
    scores, weights = [], []
    for cell in range(cells):
        parts = train[of_train == cell], heldout[of_heldout == cell], fake[of_fake == cell]
        if len(parts[0]) and len(parts[1]) and len(parts[2]) >= 20:
            scores.append(_copying_z(*parts))
            weights.append(len(parts[1]))
    celled = float(np.average(scores, weights=weights)) if scores else z
    return {"z": z, "celled": celled, "cells": max(len(scores), 1)}


def near_duplicates(train: np.ndarray, heldout: np.ndarray, fake: np.ndarray) -> dict[str, Any]:
    """Which fakes are as near to a training row as only one in a hundred unseen real samples is?

    train: [T, D], heldout: [N, D], fake: [M, D]. Returns `share` of such fakes in [0, 1] (0.01 is what real
    samples give), the `threshold` (1st percentile of the held-out rows' distances to the training set, twins
    left out), for each fake its `nearest` training row [M] int64 and the `distance` [M] to it, and for each
    held-out row the same as `heldout_nearest` and `heldout_distance` [N].
    """
    train, heldout, fake = _triple(train, heldout, fake)
    heldout_nearest, heldout_distance = _nearest(heldout, train)
    limit = threshold(heldout_distance)
    nearest, distance = _nearest(fake, train)
    # "<=", so that copies are found even where all held-out rows repeat training rows and the threshold is 0.
    return {
        "share": float((distance <= limit).mean()),
        "threshold": limit,
        "nearest": nearest,
        "distance": distance,
        "heldout_nearest": heldout_nearest,
        "heldout_distance": heldout_distance,
    }


def _pair(real: np.ndarray, fake: np.ndarray, rows: int, centred: bool = True) -> tuple[Floats, Floats]:
    real, fake = _array("real", real, rows), _array("fake", fake, rows)
    return _alike({"real": real, "fake": fake}, centred)  # type: ignore[return-value]


def _triple(train: np.ndarray, heldout: np.ndarray, fake: np.ndarray) -> tuple[Floats, Floats, Floats]:
    named = {"train": train, "heldout": heldout, "fake": fake}
    return _alike({name: _array(name, rows, 1) for name, rows in named.items()})  # type: ignore[return-value]


def _alike(arrays: dict[str, Floats], centred: bool = True) -> tuple[Floats, ...]:
    widths = {name: array.shape[1] for name, array in arrays.items()}
    if len(set(widths.values())) > 1:
        raise ValueError(f"feature arrays must have equally many columns, not {widths}")
    # Distances do not change, but their rounding errors shrink with the distance from the origin.
    centre = next(iter(arrays.values())).mean(0) if centred else 0.0
    return tuple(array - centre for array in arrays.values())


def _array(name: str, rows: np.ndarray, least: int) -> Floats:
    array = np.asarray(rows, np.float64)
    if array.ndim != 2:
        raise ValueError(f"{name} must be an array [N, D], not one of shape {array.shape}")
    _need(name, array, least)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not finite")
    return array


def _need(name: str, array: np.ndarray, least: int) -> None:
    if len(array) < least:
        raise ValueError(f"{name} has {len(array)} rows, and this distance needs at least {least}")


def _rows(array: Floats, size: int, draw: np.random.Generator) -> Floats:
    return array if size == len(array) else array[draw.choice(len(array), size, replace=False)]


def _covariance_root(rows: Floats) -> Floats:
    """A [D, D] with A Aᵀ = cov(rows)."""
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(rows, rowvar=False)))
    return vectors * np.sqrt(np.maximum(values, 0.0))


def _mmd(real: Floats, fake: Floats) -> float:
    # Eq. 4, arXiv:1801.01401
    n, m, width = len(real), len(fake), real.shape[1]
    cubics = []
    for a, b in ((real, real), (fake, fake), (real, fake)):
        base = a @ b.T / width + 1
        base *= base * base  # far faster than a power
        cubics.append(base)
    within_real, within_fake, between = cubics
    return float(
        (within_real.sum() - np.trace(within_real)) / (n * (n - 1))
        + (within_fake.sum() - np.trace(within_fake)) / (m * (m - 1))
        - 2 * between.mean()
    )


def _blocks(a: Floats, b: Floats) -> Iterator[tuple[slice, Floats]]:
    """Squared distances between some rows of a and all of b. Yields (rows, [rows, len(b)])."""
    # What is left of |a|² + |b|² - 2ab for equal rows is rounding: a hair less makes it 0.
    a_squares, b_squares = (np.square(rows).sum(1) * (1 - 1e-12) for rows in (a, b))
    b_twice = -2 * b.T
    step = max(1, BLOCK // len(b))
    for start in range(0, len(a), step):
        rows = slice(start, min(start + step, len(a)))
        squares = a[rows] @ b_twice
        squares += a_squares[rows, None]
        squares += b_squares
        yield rows, np.maximum(squares, 0.0, out=squares)


def _radii(rows: Floats, k: int) -> Floats:
    """Squared distance of every row to its k-th neighbour, itself not counted. Returns [N]."""
    radii = np.empty(len(rows))
    for block, squares in _blocks(rows, rows):
        own = np.arange(block.start, block.stop)
        squares[own - block.start, own] = np.inf
        squares.partition(k - 1, axis=1)
        radii[block] = squares[:, k - 1]
    # Balls are closed: rounding must not push the neighbour itself out.
    return radii * (1 + 1e-9)


def _nearest(rows: Floats, items: Floats) -> tuple[np.ndarray, Floats]:
    """For every row the index of the nearest item and the distance to it. Returns [N] int64, [N]."""
    index = np.empty(len(rows), np.int64)
    for block, squares in _blocks(rows, items):
        index[block] = squares.argmin(1)
    return index, np.linalg.norm(rows - items[index], axis=1)


def _copying_z(train: Floats, heldout: Floats, fake: Floats) -> float:
    """Mann-Whitney z of the fakes' distances to the training set against the held-out rows'."""
    return mann_whitney(_nearest(heldout, train)[1], _nearest(fake, train)[1])


def _centres(rows: Floats, count: int, draw: np.random.Generator) -> Floats:
    """K-means by Lloyd's rule, from random rows. Returns [count, D]."""
    centres = rows[draw.choice(len(rows), count, replace=False)]
    for _ in range(20):
        cell, _ = _nearest(rows, centres)
        sums = np.zeros_like(centres)
        np.add.at(sums, cell, rows)
        counts = np.bincount(cell, minlength=count)[:, None]
        centres = np.where(counts > 0, sums / np.maximum(counts, 1), centres)
    return centres


def within_classes(rows: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    """The unbiased variance of every column within classes: 0 where all of a class are the same.

    rows: [N, D]. labels: [N], of which some are the same; None: all are of one class. Returns [D].
    """
    labels = np.zeros(len(rows), np.int64) if labels is None else labels
    _, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), rows.shape[1]), np.float64)
    np.add.at(sums, places, rows)
    off = rows - (sums / counts[:, None])[places]
    return np.square(off).sum(0) / (len(rows) - len(counts))

"""Does a model hand out what it was trained on? From distances to the nearest training item alone.

Whatever measures the distance (features of pictures, edits between texts), samples are judged beside real
items that the model never saw: how near those come to the training set says what is no copy.
"""

from dataclasses import dataclass

import numpy as np

from creative_gan.core import page
from creative_gan.core.chart import distribution, number
from creative_gan.core.page import Html

SHARE = 0.01
"""Share of unseen real items that lie within the threshold, which is set on them."""
SURE = 3.0
"""Standard errors from which on a difference is spoken of."""
ALIKE = 4
"""So many times nearer than any unseen real item is a copy even when it is the only one."""


@dataclass(frozen=True)
class Copying:
    """What is known of the copying of `M` samples, beside `N` held-out real items."""

    nearest: np.ndarray
    """[M] the nearest training item of each sample."""
    distance: np.ndarray
    """[M] to it; 0 is the same."""
    heldout: np.ndarray
    """[N] distances of the held-out items to their nearest training items."""
    threshold: float
    """A sample within it is a near duplicate."""
    floor: float
    """Share in [0, 1] of real items that did not set the threshold and are within it."""
    z: float
    """Of the three-sample test: about 0 for good, far below for copies, far above for samples off the data."""
    celled: float | None = None
    """The same within cells of the data (C_T), where that was measured."""

    @property
    def copies(self) -> np.ndarray:
        """bool [M]: which samples are near duplicates of training items."""
        return self.distance <= self.threshold

    @property
    def alike(self) -> np.ndarray:
        """bool [M]: which samples are the same as a training item, or `ALIKE` times as near as any unseen real item."""
        return self.distance <= self.hardly

    @property
    def hardly(self) -> float:
        """So small a distance is as good as none: what `alike` goes by."""
        return float(_apart(self.heldout).min()) / ALIKE

    @property
    def share(self) -> float:
        """Share in [0, 1] of the samples that are near duplicates."""
        return float(self.copies.mean())

    @property
    def closest(self) -> np.ndarray:
        """[M] samples, the nearest to a training item first."""
        return np.argsort(self.distance, kind="stable")

    @property
    def many(self) -> bool:
        """Whether near duplicates are more than chance makes of real items."""
        usual = max(self.floor, SHARE)
        # The threshold is known as well only as half of the held-out items can say.
        count = 1 / (1 / len(self.distance) + 2 / len(self.heldout))
        return self.share > usual + SURE * (usual * (1 - usual) / count) ** 0.5

    @property
    def near(self) -> bool:
        """Whether the three-sample test finds the samples nearer to the training set than unseen items are."""
        return min(self.z, self.z if self.celled is None else self.celled) < -SURE


def threshold(heldout: np.ndarray) -> float:
    """The distance that only one in a hundred unseen real items is within, of their distances [N].

    Twins of training items, at a distance of 0, are left out: where the data hold many things twice the threshold
    would be 0, and nothing but twins within it.
    """
    return float(np.percentile(_apart(heldout), 100 * SHARE))


def _apart(heldout: np.ndarray) -> np.ndarray:
    """The distances of those items that have no twin, or all of them where every one has."""
    apart = heldout[heldout > 0]
    return apart if len(apart) else heldout


def judge(nearest: np.ndarray, distance: np.ndarray, heldout: np.ndarray) -> Copying:
    """Judges samples by their distances [M] to their `nearest` [M] training items and the held-out items' [N].

    The threshold is set on every other held-out item, and the others say what real items score by it.
    Needs two held-out items at least.
    """
    limit = threshold(heldout[::2])
    floor = float((heldout[1::2] <= limit).mean())
    return Copying(nearest, distance, heldout, limit, floor, mann_whitney(heldout, distance))


def mann_whitney(heldout: np.ndarray, fake: np.ndarray) -> float:
    """z of the Mann-Whitney test: how much larger the fakes' distances [M] are than the held-out items' [N].

    Ties share their ranks. This is the statistic of the three-sample data-copying test of Meehan 2020,
    arXiv:2004.05675, section 3.1, when both are distances to the nearest training item.
    """
    n, m = len(heldout), len(fake)
    _, place, ties = np.unique(np.concatenate([heldout, fake]), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[place]
    u = ranks[n:].sum() - m * (m + 1) / 2
    total = n + m
    variance = n * m / 12 * (total + 1 - (ties**3.0 - ties).sum() / (total * (total - 1)))
    return float((u - n * m / 2) / np.sqrt(variance)) if variance > 0 else 0.0


def verdict(found: Copying, items: str) -> str:
    """What the figures say, in a sentence. `items`: what the samples are, such as `pictures`."""
    count, copies, alike = len(found.distance), int(found.copies.sum()), int(found.alike.sum())
    # Where the data hold things twice, unseen items are the same as training items, too.
    if alike / count > (found.heldout <= found.hardly).mean():
        return (
            f"Copies: {alike} of {count} samples are the same as a training item, or all but the same: {ALIKE} "
            f"times as near as the nearest of {len(found.heldout)} unseen real {items}. They are shown below."
        )
    if found.many:
        return (
            f"Copies: {copies} of {count} samples are near duplicates of training {items}, more than chance makes "
            "of real ones. Look at the closest ones below before you publish any."
        )
    if found.near:
        return (
            f"Samples lie nearer to training {items} than unseen real {items} do. That is a sign of copying, or "
            f"of samples that keep to where the {items} are most alike; look at the closest ones below."
        )
    farther = found.z > SURE
    return (
        f"No sign of copying: {copies} of {count} samples are near duplicates of training {items} ({found.share:.1%}; "
        f"of real ones {found.floor:.1%}), and on the whole samples are "
        + (
            "farther from the training set than unseen real ones are: they do not look quite like the data yet."
            if farther
            else "no nearer to the training set than unseen real ones are."
        )
    )


def memorised(found: Copying, unit: str = "") -> dict[str, str]:
    """The figures by name. `unit`: of the distance; with it the threshold, too, which on a page is in the picture."""
    rows = {
        "near duplicates": f"{found.share:.1%} of {len(found.distance)} samples",
        "the same of real data": f"{found.floor:.1%}",
        "three-sample test": f"z = {number(found.z)}",
    }
    if found.celled is not None:
        rows["the same, by region"] = f"z = {number(found.celled)}"
    if unit:
        rows["threshold of near duplicates"] = f"{number(found.threshold)} ({unit})"
    return rows


def notice(found: Copying, items: str) -> Html:
    """The verdict in a box. `items`: what the samples are, such as `pictures`."""
    words = verdict(found, items)
    return page.notice(words, good=words.startswith("No sign"))


def section(found: Copying, items: str, unit: str, closest: Html, scale: Html | None = None) -> Html:
    """What a report has on memorisation.

    Args:
        items: what the samples are, such as `pictures`.
        unit: of the distance, for the axis.
        closest: the closest samples beside their nearest training items.
        scale: the closest unseen real items beside theirs.
    """
    curve = distribution(
        "Distance to the nearest training item",
        [("samples", found.distance), (f"unseen real {items}", found.heldout)],
        unit,
        ("threshold", found.threshold),
        f"Copies pile up at the left end. {number(found.threshold)} is the distance that one in a hundred of "
        f"{len(found.heldout)} unseen real {items} comes within; what comes as near is counted as a near duplicate.",
    )
    told = page.note(
        "The three-sample test (Meehan 2020, arXiv:2004.05675) asks whether samples are nearer to the training "
        f"set than real {items} that were kept from it: about 0 for good, below −3 where they copy, far above 0 "
        "where samples look like nothing in the data."
    )
    parts = [
        notice(found, items),
        page.beside(page.joined(page.facts([*memorised(found).items()]), told), curve),
        page.heading(
            f"The samples that come closest, each beside its nearest training {items.removesuffix('s')}"
        ),
        closest,
    ]
    if scale:
        parts += [page.heading(f"For scale: unseen real {items} that come closest, beside theirs"), scale]
    return page.joined(*parts)

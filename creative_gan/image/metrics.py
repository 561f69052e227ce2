"""How good, varied and new generated pictures are, beside what real pictures score on the same measures."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset

from creative_gan.core.distances import (
    data_copying,
    density_coverage,
    frechet,
    kernel,
    near_duplicates,
    precision_recall,
    sliced_wasserstein,
    within_classes,
)
from creative_gan.core.errors import UserError
from creative_gan.image.classifier import classify, shrink, train_classifier

Figure = dict[str, Any]

LEAST = 10
"""Fewest fake and held-out pictures that an evaluation takes; of training pictures four times as many."""
PATCH = 7
PATCHES = 128
"""Patches from every picture and pyramid level, fewer if that would be more than PATCH_BUDGET in all."""
PATCH_BUDGET = 1 << 14
SMALLEST = 14
"""Least side of a pyramid level: powers of two end at 16, and pictures of 28 pixels have two levels."""
CHUNK = 256


def evaluate(
    fake: np.ndarray,
    train: np.ndarray,
    heldout: np.ndarray,
    train_labels: np.ndarray | None = None,
    heldout_labels: np.ndarray | None = None,
    classes: Sequence[str] = (),
    fake_labels: np.ndarray | None = None,
    seed: int = 0,
    weak: np.ndarray | None = None,
) -> dict[str, Figure]:
    """Compare fakes with held-out pictures, and as many training pictures with the same ones as the floor.

    fake, train, heldout: [N, C, H, W] uint8 of one size; labels: [N] whole numbers, `fake_labels` those that
    the fakes were asked for. Returns {name: {"value", "floor", "better": "lower" | "higher" | "zero"}}, plus
    "features" (what measured) and "sizes", all of it plain numbers, texts and lists. With `weak`, pictures
    [N, C, H, W] that a poor method makes, the figures that compare sets have a "weak" as well.

    With labels of two classes or more, features are those of a classifier trained on the training pictures
    but for the floor's, so that it has seen neither side of any comparison; else `fixed_features`. Copying is
    always looked for in the latter: a classifier is made to forget what tells two pictures of a class apart.
    Fakes that all fall where pictures lie close together look copied, too: read it beside recall and class
    balance. Raises UserError for pictures that do not fit.
    """
    _check(fake, train, heldout)
    draw = np.random.default_rng(seed)
    n = min(len(fake), len(heldout), len(train) // 4)
    order = draw.permutation(len(train))
    floor, rest = np.sort(order[:n]), np.sort(order[n:])
    fakes, reals = (np.sort(draw.permutation(len(rows))[:n]) for rows in (fake, heldout))

    plain = {"fake": fixed_features(fake), "train": fixed_features(train), "heldout": fixed_features(heldout)}
    if weak is not None:
        plain["weak"] = fixed_features(weak[:n])
    centre, scale = plain["train"].mean(0), plain["train"].std(0) + 1e-6
    plain = {name: (features - centre) / scale for name, features in plain.items()}
    learned, by_class = plain, {}
    about: Figure = {"kind": "fixed"}
    # of a rare class all pictures may be among the floor's
    if train_labels is not None and len(np.unique(np.asarray(train_labels)[rest])) > 1:
        train_labels = np.asarray(train_labels)
        network = train_classifier(train[rest], train_labels[rest], classes, seed)
        looks = {"fake": classify(network, fake), "heldout": classify(network, heldout)}
        looks["train"] = classify(network, train)
        if weak is not None:
            looks["weak"] = classify(network, weak[:n])
        learned = {name: look[0] for name, look in looks.items()}
        calls = {name: look[1].argmax(1) for name, look in looks.items()}
        right = [calls["train"][floor] == train_labels[floor]]
        if heldout_labels is not None:
            right.append(calls["heldout"] == np.asarray(heldout_labels))
        accuracy = float(np.concatenate(right).mean())
        about = {"kind": "classifier", "accuracy": accuracy}
        by_class = _class_figures(calls, train_labels, fake_labels, classes, accuracy)

    real = learned["heldout"][reals]
    result = _beside(_distances(real, learned["fake"][fakes]), _distances(real, learned["train"][floor]))
    result |= _beside(
        pyramid_distance(heldout[reals], fake[fakes], seed),
        pyramid_distance(heldout[reals], train[floor], seed),
    )
    if weak is not None:
        poor = _distances(real, learned["weak"]) | pyramid_distance(heldout[reals], weak[:n], seed)
        for name, figure in poor.items():
            result[name]["weak"] = figure
    result |= by_class
    result |= _copying_figures(plain, fakes, reals, floor, rest)
    result["features"] = about
    result["sizes"] = {"fake": len(fake), "train": len(train), "heldout": len(heldout), "compared": n}
    return result


PER_SAMPLE = ("nearest", "distance", "heldout_nearest", "heldout_distance")
"""Of `near_duplicates`: thousands of numbers that a report's pairs are found with."""


def summary(result: dict[str, Any]) -> dict[str, Any]:
    """A result without what is said of each sample, for people and programs to read."""
    short = {key: value for key, value in result["near_duplicates"].items() if key not in PER_SAMPLE}
    return result | {"near_duplicates": short}


def table(result: dict[str, Figure]) -> list[str]:
    """The result of `evaluate` as lines of plain text for a terminal."""
    figures = {
        name: figure for name, figure in result.items() if isinstance(figure, dict) and "value" in figure
    }
    width = max(map(len, figures))
    lines = [f"{'':{width}}  {'fakes':>10}  {'real data':>10}  best"]
    words = {"lower": "low", "higher": "high", "zero": "near 0"}
    for name, figure in figures.items():
        value, floor = figure["value"], figure["floor"]
        lines.append(f"{name:{width}}  {value:10.4g}  {floor:10.4g}  {words[figure['better']]}")
    about, sizes = result["features"], result["sizes"]
    kind = about["kind"] + (f", {about['accuracy']:.1%} right" if "accuracy" in about else "")
    lines.append(f"{sizes['compared']} fakes against {sizes['compared']} held-out pictures; features: {kind}")
    return lines


def diversity(pictures: np.ndarray, labels: np.ndarray | None = None) -> float:
    """How different pictures (of a class, where labels [N] are told) are: 0 when all are the same, 1 at most; cheap.

    pictures: [N, C, H, W] uint8, two at least. The root mean square distance of all pairs of thumbnails, per
    pixel, in units of the whole range from black to white. To be compared with that of the real pictures.
    """
    if len(pictures) < 2:
        raise UserError("diversity needs two pictures at least")
    small = shrink(pictures, 16).reshape(len(pictures), -1) / 255
    # The mean of (a - b)² over all pairs is twice the unbiased variance.
    return float(np.sqrt(2 * within_classes(small, labels).mean()))


def pyramid_distance(real: np.ndarray, fake: np.ndarray, seed: int = 0) -> dict[str, float]:
    """Sliced Wasserstein distances of 7x7 patches at every size of a Laplacian pyramid, times 1000.

    real, fake: [N, C, H, W] uint8 of one size, at least 7 pixels a side. Returns {"swd_64": ..., "swd_32":
    ..., "swd_16": ..., "swd": their mean}: swd_64 compares fine texture, swd_16 layout. Each set's patches
    are normalised per channel, so it is blind to brightness and contrast. Source: arXiv:1710.10196, section
    5.
    """
    ours, theirs = (_patches(pictures, seed + i) for i, pictures in enumerate((real, fake)))
    found = {
        f"swd_{side}": 1e3 * sliced_wasserstein(ours[side], theirs[side], seed=seed)
        for side in sorted(ours)[::-1]
    }
    return found | {"swd": sum(found.values()) / len(found)}


@torch.no_grad()
def fixed_features(pictures: np.ndarray) -> np.ndarray:
    """Features that need no training and no download: texture at every scale, and layout.

    pictures: [N, C, H, W] uint8, which are shrunk to 64 pixels. Returns [N, D] float32: 32 random mixtures of
    8x8 thumbnails, and the mean strength of 16 random 5x5 filters in each quarter of each Laplacian level.
    """
    draw = np.random.default_rng(0)
    channels = pictures.shape[1]
    filters: list[Tensor] = []
    mixing = torch.from_numpy(draw.standard_normal((64 * channels, 32)) / 8).float()
    rows = []
    for start in range(0, len(pictures), CHUNK):
        real = _scaled(shrink(pictures[start : start + CHUNK], 64))
        parts = [F.adaptive_avg_pool2d(real, 8).flatten(1) @ mixing]
        for i, level in enumerate(_pyramid(real, PATCH)):
            if i == len(filters):
                filters.append(_random_filters(draw, channels))
            strength = F.conv2d(level, filters[i], padding=2).abs()
            parts.append(F.adaptive_avg_pool2d(strength, 2).flatten(1))
        rows.append(torch.cat(parts, 1))
    return torch.cat(rows).numpy()


def inception_fid(real: np.ndarray, fake: np.ndarray) -> float:
    """Fréchet distance in the features of Inception v3 (FID), as papers report it; by torch-fidelity.

    real, fake: [N, C, H, W] uint8, one or three channels. The package fetches the network's weights on first
    use. Raises UserError when it is not installed. Little can be read from it for pictures without natural
    texture or colour. Source: arXiv:1706.08500.
    """
    try:
        from torch_fidelity import calculate_metrics
    except ImportError as error:
        raise UserError(
            "the Inception distance needs torch-fidelity: pip install 'creative-gan[metrics]'"
        ) from error
    found = calculate_metrics(
        input1=_Colour(fake), input2=_Colour(real), cuda=torch.cuda.is_available(), fid=True, verbose=False
    )
    return float(found["frechet_inception_distance"])


class _Colour(Dataset):
    """Pictures as torch-fidelity takes them: [3, H, W] uint8."""

    def __init__(self, pictures: np.ndarray) -> None:
        if pictures.ndim != 4 or pictures.shape[1] not in (1, 3):
            raise UserError(
                f"the Inception distance takes grey or RGB pictures, not an array {pictures.shape}"
            )
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, row: int) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(self.pictures[row])).expand(3, -1, -1)


def _check(fake: np.ndarray, train: np.ndarray, heldout: np.ndarray) -> None:
    for name, pictures in {"generated": fake, "training": train, "held-out": heldout}.items():
        if pictures.ndim != 4 or pictures.dtype != np.uint8:
            raise UserError(
                f"the {name} pictures must be [N, C, H, W] uint8, not {pictures.shape} {pictures.dtype}"
            )
        if pictures.shape[1:] != train.shape[1:]:
            raise UserError(
                f"the {name} pictures are {_size(pictures)} and the training pictures {_size(train)}; "
                "make them alike"
            )
        least = 4 * LEAST if name == "training" else LEAST
        if len(pictures) < least:
            raise UserError(
                f"an evaluation needs {least} {name} pictures at least, not {len(pictures)}: give it more of them"
            )
    if min(train.shape[2:]) < PATCH:
        raise UserError(
            f"pictures of {_size(train)} are too small to measure: {PATCH} pixels a side at least"
        )


def _size(pictures: np.ndarray) -> str:
    channels, height, width = pictures.shape[1:]
    return f"{width}x{height} with {channels} channels"


def _distances(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    found = {"frechet": frechet(real, fake), "kernel": kernel(real, fake)}
    return found | precision_recall(real, fake) | density_coverage(real, fake)


def _beside(values: dict[str, float], floors: dict[str, float]) -> dict[str, Figure]:
    higher = {"precision", "recall", "density", "coverage"}
    return {
        name: {
            "value": values[name],
            "floor": floors[name],
            "better": "higher" if name in higher else "lower",
        }
        for name in values
    }


def _class_figures(
    calls: dict[str, np.ndarray],
    labels: np.ndarray,
    asked: np.ndarray | None,
    classes: Sequence[str],
    accuracy: float,
) -> dict[str, Figure]:
    shares = {
        name: np.bincount(called, minlength=len(classes)) / len(called) for name, called in calls.items()
    }
    wanted = np.bincount(labels, minlength=len(classes)) / len(labels)
    # Total variation: the share of fakes that would have to change class.
    found: dict[str, Figure] = {
        "class_balance": {
            "value": float(np.abs(shares["fake"] - wanted).sum() / 2),
            "floor": float(np.abs(shares["heldout"] - wanted).sum() / 2),
            "better": "lower",
            "shares": dict(zip(classes, shares["fake"].tolist(), strict=True)),
            "wanted": dict(zip(classes, wanted.tolist(), strict=True)),
        }
    }
    if asked is not None:
        agreement = float((calls["fake"] == np.asarray(asked)).mean())
        found["agreement"] = {"value": agreement, "floor": accuracy, "better": "higher"}
    return found


def _copying_figures(
    features: dict[str, np.ndarray], fakes: np.ndarray, reals: np.ndarray, floor: np.ndarray, rest: np.ndarray
) -> dict[str, Figure]:
    fake, train, heldout = features["fake"], features["train"], features["heldout"]
    values = data_copying(train, heldout[reals], fake[fakes])
    floors = data_copying(train[rest], heldout[reals], train[floor])
    copies = near_duplicates(train, heldout, fake)
    real_copies = near_duplicates(train[rest], heldout, train[floor])
    return {
        "copying_z": {"value": values["z"], "floor": floors["z"], "better": "zero"},
        "copying_celled": {"value": values["celled"], "floor": floors["celled"], "better": "zero"},
        "near_duplicates": {
            "value": copies["share"],
            "floor": real_copies["share"],
            "better": "lower",
            "threshold": copies["threshold"],
            "nearest": copies["nearest"].tolist(),
            "distance": copies["distance"].tolist(),
            "heldout_nearest": copies["heldout_nearest"].tolist(),
            "heldout_distance": copies["heldout_distance"].tolist(),
        },
    }


def _scaled(pictures: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures)).float() / 127.5 - 1


def _random_filters(draw: np.random.Generator, channels: int) -> Tensor:
    """Filters [16, C, 5, 5] of mean 0 and length 1."""
    filters = draw.standard_normal((16, channels, 5, 5))
    filters -= filters.mean((1, 2, 3), keepdims=True)
    filters /= np.sqrt(np.square(filters).sum((1, 2, 3), keepdims=True))
    return torch.from_numpy(filters).float()


def _pyramid(pictures: Tensor, smallest: int) -> list[Tensor]:
    """Laplacian levels, the finest first; the last is what is left, at least `smallest` pixels a side."""
    channels = pictures.shape[1]
    line = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    blur = (line[:, None] * line).expand(channels, 1, 5, 5)
    levels = []
    while min(pictures.shape[2:]) // 2 >= smallest:
        coarse = F.conv2d(F.pad(pictures, (2, 2, 2, 2), mode="reflect"), blur, stride=2, groups=channels)
        levels.append(pictures - F.interpolate(coarse, pictures.shape[2:], mode="bilinear"))
        pictures = coarse
    return [*levels, pictures]


def _patches(pictures: np.ndarray, seed: int) -> dict[int, np.ndarray]:
    """Patches of every level, by its longer side. Returns {side: [N * patches, C * 49] float32}."""
    draw = np.random.default_rng(seed)
    count = max(1, min(PATCHES, PATCH_BUDGET // len(pictures)))
    found: dict[int, list[Tensor]] = {}
    for start in range(0, len(pictures), CHUNK):
        for level in _pyramid(_scaled(pictures[start : start + CHUNK]), SMALLEST):
            n, _, height, width = level.shape
            down = torch.from_numpy(draw.integers(0, height - PATCH + 1, (n, count)))
            right = torch.from_numpy(draw.integers(0, width - PATCH + 1, (n, count)))
            windows = level.unfold(2, PATCH, 1).unfold(3, PATCH, 1)
            some = windows[torch.arange(n)[:, None], :, down, right]
            found.setdefault(max(height, width), []).append(some.flatten(0, 1))
    return {side: _normalised(torch.cat(some)) for side, some in found.items()}


def _normalised(patches: Tensor) -> np.ndarray:
    """Mean 0 and deviation 1 in every channel. patches: [N, C, 7, 7]. Returns [N, C * 49]."""
    deviation, mean = torch.std_mean(patches, (0, 2, 3), keepdim=True)
    return ((patches - mean) / deviation.clamp(min=1e-6)).flatten(1).numpy()

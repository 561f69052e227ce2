"""Picture metrics: what is better must score better, on drawn pictures and on real ones."""

import csv
import gzip
import os
import sys
import types
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from creative_gan.core.distances import density_coverage, frechet, precision_recall
from creative_gan.core.errors import UserError
from creative_gan.image.classifier import classify, shrink, train_classifier
from creative_gan.image.metrics import (
    diversity,
    evaluate,
    fixed_features,
    inception_fid,
    pyramid_distance,
    table,
)

DATA = Path(os.environ.get("CREATIVE_GAN_DATA", Path(__file__).parents[2].parent / "shared/data"))


def shapes(seed: int, n: int, side: int = 28, channels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Discs (0), bars (1) and rings (2) of random place and size, with a little noise."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 3, n)
    y, x = np.mgrid[:side, :side] / side
    cy, cx, r = (
        draw.uniform(low, high, (n, 1, 1)) for low, high in ((0.35, 0.65), (0.35, 0.65), (0.15, 0.3))
    )
    far = np.hypot(y - cy, x - cx)
    kinds = np.stack([far < r, np.abs(x - cx) < r / 2, np.abs(far - r) < 0.06])
    grey = 200 * kinds[labels, np.arange(n)] + draw.normal(20, 8, (n, side, side))
    tint = draw.uniform(0.6, 1, (n, channels, 1, 1))
    return np.clip(grey[:, None] * tint, 0, 255).astype(np.uint8), labels


def noisy(pictures: np.ndarray, sigma: float) -> np.ndarray:
    drawn = np.random.default_rng(0).normal(0, 255 * sigma, pictures.shape)
    return np.clip(pictures + drawn, 0, 255).round().astype(np.uint8)


def blurred(pictures: np.ndarray, sigma: float) -> np.ndarray:
    reach = int(3 * sigma + 1)
    line = torch.exp(-(torch.arange(-reach, reach + 1.0) ** 2) / (2 * sigma**2))
    line /= line.sum()
    channels = pictures.shape[1]
    square = (line[:, None] * line).expand(channels, 1, -1, -1)
    padded = F.pad(torch.from_numpy(pictures).float(), (reach,) * 4, mode="replicate")
    return F.conv2d(padded, square, groups=channels).round().clamp(0, 255).byte().numpy()


def shuffled(pictures: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(0).permutation(len(pictures))
    return pictures[order], labels[order]


def mnist() -> tuple[np.ndarray, np.ndarray]:
    if not (DATA / "mnist").is_dir():
        pytest.skip("no MNIST here")
    images = gzip.decompress((DATA / "mnist/train-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((DATA / "mnist/train-labels-idx1-ubyte.gz").read_bytes())
    pictures = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 1, 28, 28)
    return shuffled(pictures, np.frombuffer(labels, np.uint8, offset=8).astype(np.int64))


def emoji() -> tuple[np.ndarray, np.ndarray]:
    if not (DATA / "emoji").is_dir():
        pytest.skip("no emoji here")
    pictures, kinds = [], []
    with (DATA / "emoji/metadata.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            drawing = Image.open(DATA / "emoji" / row["file_name"]).convert("RGBA")
            page = Image.new("RGBA", drawing.size, "white")
            page.alpha_composite(drawing)
            pictures.append(np.asarray(page.convert("RGB")).transpose(2, 0, 1))
            kinds.append(row["label"])
    return shuffled(np.stack(pictures), np.unique(kinds, return_inverse=True)[1])


def rises(values: list[float]) -> bool:
    return all(a < b for a, b in pairwise(values))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A classifier that sees a tenth of the pictures, and fewer patches: enough for shapes."""
    monkeypatch.setattr("creative_gan.image.metrics.PATCH_BUDGET", 2_000)
    monkeypatch.setattr("creative_gan.image.classifier.SEEN", (6_000, 6_000))


@pytest.mark.usefixtures("quick")
def test_the_classifier_learns_and_is_the_same_for_the_same_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, labels = shapes(0, 400, side=20)
    before = torch.get_rng_state()
    monkeypatch.setenv("CREATIVE_GAN_CACHE", str(tmp_path / "one"))
    network = train_classifier(pictures, labels, ["disc", "bar", "ring"], seed=3)
    found = train_classifier(pictures, labels, ["disc", "bar", "ring"], seed=3)
    monkeypatch.setenv("CREATIVE_GAN_CACHE", str(tmp_path / "other"))
    again = train_classifier(pictures, labels, ["disc", "bar", "ring"], seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    unseen, truth = shapes(1, 300, side=20)
    features, logits = classify(network, unseen)
    assert features.shape == (300, 64)
    assert logits.shape == (300, 3)
    assert (logits.argmax(1) == truth).mean() > 0.9
    assert all(np.array_equal(classify(other, unseen)[1], logits) for other in (found, again))


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("shape", [(3, 100, 60), (4, 7, 9)])
def test_the_classifier_takes_any_size(shape: tuple[int, int, int]) -> None:
    draw = np.random.default_rng(0)
    labels = np.arange(24) % 2
    pictures = (draw.integers(0, 60, (24, *shape)) + 150 * labels[:, None, None, None]).astype(np.uint8)
    network = train_classifier(pictures, labels, ["dark", "bright"])
    assert (classify(network, pictures)[1].argmax(1) == labels).all()


def test_the_classifier_refuses_labels_that_teach_nothing() -> None:
    pictures, labels = shapes(0, 20)
    with pytest.raises(UserError, match="two classes"):
        train_classifier(pictures, np.zeros(20, int), ["a", "b"])
    with pytest.raises(UserError, match=r"0 \.\.\. 1"):
        train_classifier(pictures, labels, ["a", "b"])


def test_shrink_keeps_the_mean_and_the_proportions() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 2, 128, 96), dtype=np.uint8)
    small = shrink(pictures, 64)
    assert small.shape == (3, 2, 64, 48)
    assert np.abs(small.astype(float) - pictures.reshape(3, 2, 64, 2, 48, 2).mean((3, 5))).max() <= 0.5
    assert shrink(small, 64) is small


@pytest.mark.usefixtures("quick")
def test_pyramid_distance_has_a_level_for_every_size_down_to_16() -> None:
    real, fake = shapes(0, 40, 64, 3)[0], shapes(1, 40, 64, 3)[0]
    found = pyramid_distance(real, fake)
    assert list(found) == ["swd_64", "swd_32", "swd_16", "swd"]
    assert found["swd"] == pytest.approx(np.mean([found[f"swd_{side}"] for side in (64, 32, 16)]))
    assert found == pyramid_distance(real, fake)


@pytest.mark.usefixtures("quick")
def test_pyramid_distance_says_at_which_scale_pictures_differ() -> None:
    real, fake = shapes(0, 100, 64)[0], shapes(1, 100, 64)[0]
    floor, grainy = pyramid_distance(real, fake), pyramid_distance(real, noisy(fake, 0.1))
    assert grainy["swd_64"] > 3 * floor["swd_64"]
    assert grainy["swd_64"] - floor["swd_64"] > 3 * (grainy["swd_16"] - floor["swd_16"])


def test_fixed_features_do_not_depend_on_the_company() -> None:
    pictures = shapes(0, 300, 40, 3)[0]
    features = fixed_features(pictures)
    assert np.isfinite(features).all()
    assert np.allclose(features[290:], fixed_features(pictures[290:]), atol=1e-5)


def test_diversity_falls_with_collapse() -> None:
    pictures = shapes(0, 200)[0]
    black_and_white = np.zeros((2, 1, 28, 28), np.uint8)
    black_and_white[1] = 255
    assert diversity(black_and_white) == pytest.approx(1.0)
    assert diversity(np.repeat(pictures[:1], 50, 0)) == pytest.approx(0, abs=1e-9)
    assert rises([diversity(pictures[np.arange(200) % count]) for count in (1, 2, 8, 200)])
    classes = np.arange(200) % 10  # one picture of each class, again and again
    assert diversity(pictures[classes]) > 0.5 * diversity(pictures)
    assert diversity(pictures[classes], classes) == pytest.approx(0, abs=1e-9)
    assert diversity(pictures, np.zeros(200)) == diversity(pictures)
    with pytest.raises(UserError, match="two pictures"):
        diversity(pictures[:1])


@pytest.mark.usefixtures("quick")
def test_evaluate_finds_good_fakes_good_and_planted_faults() -> None:
    (train, labels), (heldout, kinds), (good, asked) = shapes(0, 600), shapes(1, 150), shapes(2, 150)
    names = ["disc", "bar", "ring"]
    fine = evaluate(good, train, heldout, labels, kinds, names, asked)
    assert fine["sizes"] == {"fake": 150, "train": 600, "heldout": 150, "compared": 150}
    assert fine["features"]["accuracy"] > 0.9
    assert fine["recall"]["value"] > 0.7
    assert fine["agreement"]["value"] > 0.9
    assert abs(fine["copying_z"]["value"]) < 3.5
    assert abs(fine["copying_z"]["floor"]) < 3.5

    discs = good[asked == 0]
    bad = evaluate(discs, train, heldout, labels, kinds, names, 1 + 0 * asked[asked == 0])
    assert bad["frechet"]["value"] > 5 * bad["frechet"]["floor"]
    assert bad["recall"]["value"] < 0.6 * bad["recall"]["floor"]
    assert bad["class_balance"]["value"] > 0.5
    assert bad["class_balance"]["shares"]["disc"] > 0.9
    assert bad["agreement"]["value"] < 0.1


@pytest.mark.usefixtures("quick")
def test_evaluate_without_labels_finds_copies() -> None:
    train, heldout, fake = shapes(0, 600)[0], shapes(1, 150)[0], shapes(2, 150)[0]
    fake[:100] = noisy(train[100:200], 0.01)
    found = evaluate(fake, train, heldout)
    copies = found["near_duplicates"]
    hits = np.array(copies["distance"][:100]) <= copies["threshold"]
    assert (hits & (np.array(copies["nearest"][:100]) == np.arange(100, 200))).sum() >= 99
    assert 0.66 <= copies["value"] < 0.72
    assert copies["floor"] < 0.05
    assert found["copying_z"]["value"] < -6
    assert found["features"] == {"kind": "fixed"}
    assert "class_balance" not in found
    lines = table(found)
    assert all(any(line.startswith(name) for line in lines) for name in ("frechet", "recall", "swd_28"))
    assert len({len(line.rstrip().rsplit("  ", 1)[0]) for line in lines[1:-1]}) == 1


def test_evaluate_refuses_pictures_that_do_not_fit() -> None:
    good = shapes(0, 60)[0]
    with pytest.raises(UserError, match="10 held-out pictures"):
        evaluate(good, good, good[:9])
    with pytest.raises(UserError, match="28x28 with 3 channels and the training pictures 28x28 with 1"):
        evaluate(shapes(0, 60, channels=3)[0], good, good)
    with pytest.raises(UserError, match="uint8"):
        evaluate(good / 255, good, good)


def test_inception_distance_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    good = shapes(0, 5)[0]
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(UserError, match="pip install"):
        inception_fid(good, good)


def test_inception_distance_hands_over_colour_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def calculate_metrics(**options: object) -> dict[str, float]:
        asked.update(options)
        return {"frechet_inception_distance": 12.5}

    stub = types.SimpleNamespace(calculate_metrics=calculate_metrics)
    monkeypatch.setitem(sys.modules, "torch_fidelity", stub)
    real, fake = shapes(0, 5)[0], shapes(1, 6)[0]
    assert inception_fid(real, fake) == 12.5
    assert (len(asked["input1"]), len(asked["input2"])) == (6, 5)
    assert asked["input1"][2].shape == (3, 28, 28)
    assert asked["input1"][2].dtype == torch.uint8


@pytest.mark.slow
@pytest.mark.realdata
def test_mnist_digits_are_told_apart(record_property) -> None:
    pictures, labels = mnist()
    network = train_classifier(pictures[:7000], labels[:7000], "0123456789")
    accuracy = (classify(network, pictures[7000:])[1].argmax(1) == labels[7000:]).mean()
    record_property("accuracy", float(accuracy))
    assert accuracy >= 0.98


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.parametrize("source", [mnist, emoji])
def test_fixed_features_order_faults_of_real_pictures(source, record_property) -> None:
    pictures, labels = source()
    n = min(1000, len(pictures) // 4)
    real, other, rest, kinds = pictures[:n], pictures[n : 2 * n], pictures[2 * n :], labels[2 * n :]
    train = fixed_features(rest)

    def scaled(some: np.ndarray) -> np.ndarray:
        return (fixed_features(some) - train.mean(0)) / train.std(0)

    target = scaled(real)
    frequent = np.argsort(-np.bincount(kinds))
    few = [rest[np.isin(kinds, frequent[:count])][:n] for count in (3, 1)]
    ladders = {
        "noise": [other, *(noisy(other, s) for s in (0.06, 0.12, 0.25))],
        "blur": [other, *(blurred(other, s) for s in (0.7, 1, 2))],
        "modes": [other, *few],
        "repeats": [other, *(other[np.arange(n) % count] for count in (100, 20, 5))],
    }
    for name, ladder in ladders.items():
        looks = [scaled(step) for step in ladder]
        distances = [frechet(target, look) for look in looks]
        recalls = [precision_recall(target, look)["recall"] for look in looks]
        coverages = [density_coverage(target, look)["coverage"] for look in looks]
        record_property(name, f"{distances}, {recalls}, {coverages}")
        assert rises(distances)
        assert recalls[0] > recalls[1] >= recalls[-1]
        assert rises([-coverage for coverage in coverages]) or coverages[-1] == 0


@pytest.mark.long
@pytest.mark.realdata
def test_mnist_faults_are_ranked(record_property) -> None:
    pictures, labels = mnist()
    # the later ones are of other writers, so that the floor between parts in order would not be the floor
    mixed = np.random.default_rng(0).permutation(len(pictures))
    pictures, labels = pictures[mixed], labels[mixed]
    train, heldout, fresh = pictures[:5000], pictures[5000:6500], pictures[6500:]
    digits = labels[6500:]
    ones = pictures[6500:][digits == 1]
    copies = noisy(train[:1500], 0.02)
    fakes = {"real": fresh, "noisy": noisy(fresh, 0.2), "blurred": blurred(fresh, 1), "copies": copies}
    found = {
        name: evaluate(fake, train, heldout, labels[:5000], labels[5000:6500], "0123456789")
        for name, fake in {**fakes, "ones": ones}.items()
    }
    for name, result in found.items():
        record_property(name, "\n".join(table(result)))
    real = found["real"]
    assert real["frechet"]["value"] < 2 * real["frechet"]["floor"]
    assert real["recall"]["value"] > real["recall"]["floor"] - 0.05
    assert abs(real["copying_z"]["value"]) < 4
    for name in ("noisy", "blurred", "ones"):
        assert found[name]["frechet"]["value"] > 5 * found[name]["frechet"]["floor"]
        assert found[name]["swd"]["value"] > 2 * found[name]["swd"]["floor"]
    assert found["ones"]["recall"]["value"] < 0.3
    assert found["ones"]["class_balance"]["value"] > 0.8
    assert found["copies"]["copying_z"]["value"] < -10
    assert found["copies"]["near_duplicates"]["value"] > 0.95
    assert found["real"]["near_duplicates"]["value"] < 0.03

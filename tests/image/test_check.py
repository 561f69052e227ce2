"""The look over a set before training: counts, duplicates, warnings, verdict."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from creative_gan.core.errors import DataError
from creative_gan.image.check import Report, check, lines
from creative_gan.image.duplicates import exact_duplicates, near_duplicates

REAL = Path(os.environ.get("CREATIVE_GAN_DATA", Path(__file__).parents[3] / "shared" / "data"))


def scene(seed: int, side: int = 64) -> Image.Image:
    """A smooth picture in colour, each seed another."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CREATIVE_GAN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


def test_report_of_a_mixed_folder(folder: Path) -> None:
    for number in range(12):
        path = folder / ("cat" if number < 11 else "dog") / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        scene(number, 64 if number < 9 else 128).save(path)
    Image.open(folder / "cat/00.png").save(folder / "cat/copy.bmp")
    scene(1).save(folder / "cat/again.jpg", quality=85)
    scene(50).convert("L").resize((40, 200)).save(folder / "cat/tall.png")
    (folder / "cat/broken.png").write_text("no picture")
    report = check(folder, 64)
    assert report.count == 15 and report.different == 14 and report.shape == (3, 64, 64)
    assert report.classes == {"cat": 14, "dog": 1} and report.imbalance == 14
    assert report.smallest == (64, 64) and report.median == (64, 64) and report.largest == (128, 128)
    assert report.common_sizes == [(64, 64, 11), (128, 128, 3), (200, 40, 1)]
    assert report.modes == {"RGB": 14, "L": 1}
    assert report.duplicates == [["cat/00.png", "cat/copy.bmp"]]
    assert report.near_duplicates == [["cat/01.png", "cat/again.jpg"]]
    assert [name for name, _ in report.skipped] == ["cat/broken.png"]
    assert report.recipe == "image/few" and report.size == (64, 64)
    assert json.loads(json.dumps(report.as_dict()))["count"] == 15
    text = "\n".join(lines(report))
    for words in (
        "15 pictures",
        "cat/broken.png: holds text",
        "14 times as many",
        "copies",
        "--recipe few --size 64",
        "40 x 200",
    ):
        assert words in text


def test_near_duplicates_are_found_and_different_pictures_are_not() -> None:
    pictures = [np.asarray(scene(seed)) for seed in range(60)]
    changed = [
        scene(3).filter(ImageFilter.GaussianBlur(1)),
        scene(4).resize((48, 48)).resize((64, 64)),
        scene(5).point(lambda value: min(255, value + 6)),
    ]
    flipped = [np.asarray(scene(6))[:, ::-1], np.asarray(scene(7))[::-1]]
    stack = np.stack([*pictures, *map(np.asarray, changed), *flipped]).transpose(0, 3, 1, 2)
    assert near_duplicates(stack) == [[3, 60], [4, 61], [5, 62]]
    assert exact_duplicates(stack) == []
    assert exact_duplicates(stack[[0, 1, 0, 2, 1, 0]]) == [[0, 2, 5], [1, 4]]


def test_flat_pictures_are_told_apart_by_colour() -> None:
    flat = np.repeat(np.arange(0, 250, 10, dtype=np.uint8), 3 * 16 * 16).reshape(-1, 3, 16, 16)
    assert near_duplicates(flat) == []
    assert near_duplicates(np.concatenate([flat, flat[:1] + 1])) == [[0, 25]]


@pytest.mark.parametrize(
    ("count", "words", "recipe"),
    [
        (99, "copies", "few"),
        (100, "every", "few"),
        (1000, "light", ""),
        pytest.param(20_000, "no augmentation", "", marks=pytest.mark.slow),
    ],
)
def test_verdict_follows_the_count(folder: Path, count: int, words: str, recipe: str) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (count, 16, 16), np.uint8)
    np.savez(folder / "set.npz", images=pictures)
    report = check(folder / "set.npz")
    assert report.different == count and words in report.verdict and recipe in report.recipe
    assert report.size == (16, 16) and report.modes == {"L": count}
    assert report.imbalance is None and not report.classes


def test_suited_size_never_enlarges_the_median(folder: Path) -> None:
    for number, side in enumerate((40, 100, 120, 500)):
        scene(number, side).save(folder / f"{number}.png")
    assert check(folder).size == (64, 64)
    (folder / "0.png").unlink()
    (folder / "1.png").unlink()
    scene(9, 300).save(folder / "9.png")
    assert check(folder).size == (128, 128)


def test_check_explains_an_empty_folder(folder: Path) -> None:
    with pytest.raises(DataError, match="is empty"):
        check(folder)


@pytest.mark.realdata
@pytest.mark.skipif(not (REAL / "emoji").is_dir(), reason="no real data")
def test_emoji_report(folder: Path) -> None:
    report = check(REAL / "emoji")
    assert isinstance(report, Report)
    assert report.count == 1706 and report.texts == 1706 and report.modes == {"RGBA": 1540, "P": 166}
    # The flags of France, Clipperton Island and Saint Martin are one picture.
    assert ["1f1e8-1f1f5.png", "1f1eb-1f1f7.png", "1f1f2-1f1eb.png"] in report.duplicates
    assert report.imbalance > 5 and "warning" in "\n".join(lines(report))


def test_what_is_recommended_is_what_train_takes(folder: Path) -> None:
    for number in range(4):
        Image.new("RGB", (53, 37), (number * 60, 0, 0)).save(folder / f"{number}.png")
    assert "--recipe few --size 37x53" in "\n".join(lines(check(folder)))
    for number in range(2, 4):
        (folder / f"{number}.png").unlink()
    assert "too few to train on" in check(folder).verdict

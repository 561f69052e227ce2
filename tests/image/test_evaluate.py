"""What a picture model is judged by: its own held-out pictures, or others, which were not its training."""

from pathlib import Path

import numpy as np
import pytest

from creative_gan.image import metrics
from creative_gan.image.evaluate import evaluate


def test_other_pictures_are_judged_by_the_half_and_are_not_called_its_training(
    trained: Path, tmp_path: Path, quick_judges: None
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 8, 8), np.uint8)
    np.savez(tmp_path / "other.npz", images=noise.repeat(2, 1).repeat(2, 2))
    found = evaluate(str(trained), str(tmp_path / "other.npz"), 40)
    assert found["sizes"]["heldout"] == found["sizes"]["train"] == 40
    assert "not the pictures of its training" in found["note"]
    assert "note" not in evaluate(str(trained), "builtin:digits", 40)


def test_inception_distances_are_of_as_many_pictures_of_all_classes(
    trained: Path, quick_judges: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[np.ndarray, np.ndarray]] = []
    monkeypatch.setattr(metrics, "inception_fid", lambda *sets: float(bool(asked.append(sets))))
    found = evaluate(str(trained), None, 60, inception=True)
    assert found["inception_fid"]["better"] == "lower"
    assert [(len(real), len(other)) for real, other in asked] == [(60, 60), (60, 60)]


def test_a_class_that_only_the_floor_has_leaves_the_features_that_need_none() -> None:
    draw = np.random.default_rng(0)
    train, held, fake = (draw.integers(0, 256, (count, 1, 16, 16), np.uint8) for count in (100, 24, 24))
    for rare in range(100):  # wherever the one picture falls
        labels = (np.arange(100) == rare).astype(np.int64)
        if rare in np.random.default_rng(0).permutation(100)[:24]:
            break
    found = metrics.evaluate(fake, train, held, labels, None, ["a", "b"])
    assert found["features"] == {"kind": "fixed"}

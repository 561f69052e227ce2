"""The report of a run on sounds: whole, self-contained, and quick to point at copies."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from creative_gan.core.copying import verdict
from creative_gan.music.wave import report
from creative_gan.music.wave.data import open_sounds
from tests.core.test_page import checked

PLANTED = 100


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(report, "JUDGE", 640)  # a poorer judge will do here
    monkeypatch.setattr(report, "MADE", 1 << 19)
    monkeypatch.setattr(report, "FEWEST", 64)


def test_the_page_tells_what_the_run_was(sounding: Path, tmp_path: Path):
    run = Path(shutil.copytree(sounding, tmp_path / "run"))
    path = report.report(run)
    text = path.read_text("utf-8")
    found = checked(text)
    for words in (
        "sounds of builtin:drums",
        "32 sounds shown in all",
        "three-sample test",
        "log-mel Fréchet distance",
        "The same random numbers, played as it learned",
    ):
        assert words in found.words, words
    card = report.memorisation(run)
    assert all(card[name] in found.words for name in ("near duplicates", "three-sample test"))
    assert f"{card['threshold of near duplicates'].removesuffix(' (bels)')} is the distance" in found.words
    assert path == run / "report.html" and str(tmp_path) not in text
    assert found.tags.count("audio") >= 2 * report.SHOWN + 2 * report.PAIRS
    gone = report.report(run, tmp_path / "gone.html", data=str(tmp_path / "gone")).read_text("utf-8")
    assert "Nothing could be measured" in checked(gone).words


def test_planted_copies_are_found():
    train, heldout = open_sounds("builtin:drums", 16_000, 8_192).split(0.3)
    unseen, fake = heldout.subset(range(0, len(heldout), 2)), heldout.subset(range(1, len(heldout), 2))
    rows = np.random.default_rng(0).permutation(len(train))[:PLANTED]
    made = np.concatenate([train.batch(rows)["real"], fake.batch(np.arange(len(fake)))["real"]])[:, 0]
    copying, _ = report.copies(train, unseen, made)
    assert copying.copies[:PLANTED].all() and copying.alike[:PLANTED].all()
    assert set(copying.closest[:PLANTED]) == set(range(PLANTED))
    assert (copying.nearest[:PLANTED] == rows).all()
    assert verdict(copying, "sounds").startswith(f"Copies: {PLANTED} of {len(made)}")
    assert copying.copies[PLANTED:].mean() < 0.06

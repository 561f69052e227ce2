"""The report of a run on MIDI: whole, self-contained, and quick to point at copies in any key."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from creative_gan.core.copying import verdict
from creative_gan.music.midi import metrics, report
from creative_gan.music.midi.data import load_pieces
from creative_gan.music.midi.song import transposed
from tests.core.test_page import checked

PLANTED = 20


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(report, "SAMPLES", 16)
    monkeypatch.setattr(report, "LOOKED_AT", 60)
    monkeypatch.setattr(report, "SECONDS", 4.0)


def test_the_page_tells_what_the_run_was(composed: Path, tmp_path: Path):
    run = Path(shutil.copytree(composed, tmp_path / "run"))
    path = report.report(run)
    text = path.read_text("utf-8")
    found = checked(text)
    for words in (
        "songs of builtin:tunes",
        "three-sample test",
        "shuffled pitches",
        "The longest copied runs of notes",
        "The same random numbers, written down as it learned",
        "among 60 of the",
    ):
        assert words in found.words, words
    card = report.memorisation(run)
    names = ("near duplicates", "three-sample test", f"copied runs of {metrics.RUN} notes")
    assert all(card[name] in found.words for name in names)
    assert card["longest copied run"].replace(",", " and") in found.words
    assert "These are not the songs" not in found.words
    assert path == run / "report.html" and str(tmp_path) not in text
    assert "audio" in found.tags
    gone = report.report(run, tmp_path / "gone.html", data=str(tmp_path / "gone")).read_text("utf-8")
    assert "Nothing could be measured" in checked(gone).words


def test_planted_copies_are_found_in_any_key():
    train, heldout = (part.songs() for part in load_pieces("builtin:tunes").split(0.3))
    unseen, others = heldout[::2], heldout[1::2]
    rows = np.random.default_rng(0).permutation(len(train))[:PLANTED].tolist()
    fake = [transposed(train[row], i % 7 - 3) for i, row in enumerate(rows)] + others
    found = report.copies(train, unseen, fake)
    assert (found.copying.distance[:PLANTED] == 0).all() and found.copying.copies[:PLANTED].all()
    assert set(found.copying.closest[:PLANTED]) == set(range(PLANTED))
    assert [report.moves(train[i]) for i in found.copying.nearest[:PLANTED]] == [
        report.moves(train[row]) for row in rows
    ]
    assert verdict(found.copying, "songs").startswith("Copies")
    lengths = [len(report.moves(song)) for song in fake[:PLANTED]]
    assert found.spans.length[:PLANTED].tolist() == lengths
    left, right, notes = report.shared(fake[0], train[rows[0]])
    assert notes == lengths[0] + 1 and report.moves(left) == report.moves(right)

"""The report of a run on MIDI: whole and self-contained."""

import shutil
from pathlib import Path

import pytest

from creative_gan.music import song_page
from creative_gan.music.midi import metrics, report
from tests.core.test_page import checked


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(report, "SAMPLES", 16)
    monkeypatch.setattr(report, "LOOKED_AT", 60)
    monkeypatch.setattr(song_page, "SECONDS", 4.0)


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

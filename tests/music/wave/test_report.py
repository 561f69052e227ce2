"""The report of a run on sounds: whole, self-contained, and quick to point at copies."""

import io
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from creative_gan.core.copying import Copying, verdict
from creative_gan.music.wave import report
from creative_gan.music.wave.data import Sounds, open_sounds
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


def softer(waves: np.ndarray) -> np.ndarray:
    return waves * 10 ** (-3 / 20)


def noisy(waves: np.ndarray, level: float = -50) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 10 ** (level / 20), waves.shape)
    return (waves + noise).astype(np.float32)


def compressed(waves: np.ndarray) -> np.ndarray:
    """Through Ogg Vorbis and back."""
    heard = []
    for wave in waves:
        file = io.BytesIO()
        soundfile.write(file, wave, 8_000, format="OGG", subtype="VORBIS")
        file.seek(0)
        heard.append(np.resize(soundfile.read(file, dtype="float32")[0], wave.shape))
    return np.stack(heard)


def planted(sounds: Sounds, change: Callable) -> tuple[Copying, np.ndarray, np.ndarray]:
    """Judges 100 changed training sounds and unseen ones after them; also the rows of the former, and all sounds."""
    train, heldout = sounds.split(0.3)
    unseen, fake = heldout.subset(range(0, len(heldout), 2)), heldout.subset(range(1, len(heldout), 2))
    rows = np.random.default_rng(0).permutation(len(train))[:PLANTED]
    copied, others = train.batch(rows)["real"][:, 0].numpy(), fake.batch(np.arange(len(fake)))["real"][:, 0]
    made = np.concatenate([change(copied), others])
    copying, _ = report.copies(train, unseen, made)
    assert copying.copies[PLANTED:].mean() < 0.06
    return copying, rows, made


def test_planted_copies_are_found():
    copying, rows, made = planted(open_sounds("builtin:drums", 16_000, 8_192), lambda waves: waves)
    assert copying.copies[:PLANTED].all() and copying.alike[:PLANTED].all()
    assert set(copying.closest[:PLANTED]) == set(range(PLANTED))
    assert (copying.nearest[:PLANTED] == rows).all()
    assert verdict(copying, "sounds").startswith(f"Copies: {PLANTED} of {len(made)}")


@pytest.mark.parametrize("change", [softer, noisy])
def test_planted_copies_of_drums_are_found_in_99_of_100(change):
    copying, rows, _ = planted(open_sounds("builtin:drums", 16_000, 8_192), change)
    assert (copying.copies[:PLANTED] & (copying.nearest[:PLANTED] == rows)).sum() >= 99


@pytest.mark.realdata
@pytest.mark.parametrize(
    "change", [softer, partial(noisy, level=-40), compressed], ids=["soft", "noise", "ogg"]
)
def test_planted_copies_of_speech_are_found_in_99_of_100(change, real_data: Path):
    copying, rows, _ = planted(open_sounds(str(real_data / "fsdd"), 8_000, 8_192), change)
    assert (copying.copies[:PLANTED] & (copying.nearest[:PLANTED] == rows)).sum() >= 99

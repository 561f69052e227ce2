"""The report of a run on piano rolls: whole, self-contained, and quick to point at copies in any key."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import creative_gan
from creative_gan.core.chart import number
from creative_gan.core.errors import UserError
from creative_gan.music import song_page
from creative_gan.music.melodies import moves
from creative_gan.music.midi import metrics
from creative_gan.music.midi.export import to_bytes
from creative_gan.music.midi.song import Song
from creative_gan.music.roll import report
from creative_gan.music.roll.data import Rolls
from creative_gan.music.roll.evaluate import evaluate, open_corpus
from creative_gan.music.roll.export import stretch
from creative_gan.music.roll.model import Model, load
from tests.core.test_page import Checked, checked

SMALL = {"data.bars": 2, "game.batch": 8, "network.width": 4, "watch.looks": 2}


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "SAMPLES", 24)
        patch.setattr(song_page, "SECONDS", 2.0)
        yield


@pytest.fixture(scope="module")
def rolled(songs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder, trained for a moment, with the report that comes at the end."""
    out = tmp_path_factory.mktemp("rolled") / "run"
    creative_gan.train("music/roll", songs, out, samples=48, settings=SMALL, device="cpu")
    return out


def page(path: Path) -> Checked:
    return checked(path.read_text("utf-8"))


def melody(rolls: Rolls, row: int) -> list[int]:
    """The moves of a window's melody."""
    return moves(stretch(rolls, row))


def silent(self: Model, indices: range, seed: int, each: int = 1, heat: float | None = None) -> np.ndarray:
    """In the place of `Model.rolls`."""
    return np.zeros((len(indices), each, *self.grid.roll), bool)


def test_a_training_ends_with_a_page_of_the_figures_of_evaluate(rolled: Path, songs: Path) -> None:
    found = page(rolled / "report.html")
    for words in (
        "Makes piano rolls of 2 bars of 4/4 for a melody with chords",
        "48 rolls shown in all",
        "three-sample test",
        "shuffled pitches",
        "The longest copied runs of notes",
        "The same random numbers, written down as it learned",
        "Silence, fragments and clashes",
        f"every 2 bars of 4/4 in a row in the songs of {songs.name}",
    ):
        assert words in found.words, words
    assert "These are not the songs" not in found.words and "Copies were looked for among" not in found.words
    assert found.tags.count("audio") == report.HEARD + report.REAL
    assert str(rolled.parent) not in (rolled / "report.html").read_text("utf-8")
    figures = evaluate(str(rolled), count=report.SAMPLES)
    left_out = {"note length", "qualified notes", "sizes"}
    assert set(report.MEANINGS) == set(figures) - left_out, "each has its meaning"
    for name, (title, told) in report.MEANINGS.items():
        row = "".join(number(figures[name][key]) for key in ("value", "floor", "control"))
        assert f"{title}{told}{row}" in found.words, name
    sizes = figures["sizes"]
    assert f"{sizes['heldout']:,} held-out stretches" in found.words
    assert f"against {sizes['training']:,} of the training songs" in found.words


def test_cards_say_what_the_page_says(rolled: Path) -> None:
    card, found = report.memorisation(rolled), page(rolled / "report.html")
    for name in ("near duplicates", "three-sample test", f"copied runs of {metrics.RUN} notes"):
        assert card[name] in found.words, name
    assert card["longest copied run"].replace(",", " and") in found.words


def test_planted_copies_are_found_in_any_key(
    rolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = open_corpus(load(rolled), None)
    long = [i for i in range(len(corpus.train)) if len(metrics.melody(stretch(corpus.train, i))) > 8]
    rows = np.random.default_rng(0).permutation(long)[: report.SAMPLES]
    shift = np.resize([-3, 2, 3], len(rows))
    planted = corpus.train.rolls(rows, shift)
    moved = (planted != corpus.train.rolls(rows)).any((1, 2, 3))
    assert moved.sum() > len(rows) / 2, "most are in another key"

    def copying(self: Model, indices: range, *_: object) -> np.ndarray:
        return planted[indices.start : indices.stop, None]

    monkeypatch.setattr(Model, "rolls", copying)
    judged = report.compare(load(rolled), None)
    copied = judged.copied.copying
    assert (copied.distance == 0).all() and copied.copies.all()
    known = [melody(corpus.train, row) for row in rows]
    assert [melody(corpus.train, row) for row in copied.nearest] == known
    assert (judged.copied.spans.length + 1).tolist() == [len(one) + 1 for one in known]
    words = " ".join(page(report.report(rolled, tmp_path / "copies.html")).words.split())
    assert f"Copies: {len(rows)} of {len(rows)} samples" in words
    for i in copied.closest[: song_page.PAIRS]:
        assert f"sample {i} · note for note {judged.names[copied.nearest[i]]}" in words
    first = corpus.train.first[copied.nearest[0]] + 1
    assert judged.names[copied.nearest[0]].endswith(f", bars {first} to {first + 1}")


def test_without_data_or_without_notes_there_is_a_page_all_the_same(
    rolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = page(report.report(rolled, tmp_path / "gone.html", data=str(tmp_path / "gone")))
    assert "Nothing could be measured" in found.words and "Does it copy?" not in found.words
    assert found.tags.count("audio") == report.HEARD, "samples are there, and no real songs"
    with pytest.raises(UserError, match="--data"):
        report.memorisation(rolled, str(tmp_path / "gone"))
    monkeypatch.setattr(Model, "rolls", silent)
    found = page(report.report(rolled, tmp_path / "silent.html"))
    assert "makes nothing but silence" in found.words and "sample 0: a song without notes" in found.words


def test_other_songs_and_few_of_many_are_said(
    rolled: Path, songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "some").mkdir()
    for path in sorted(songs.iterdir())[:20]:
        shutil.copy(path, tmp_path / "some")
    monkeypatch.setattr(report, "LOOKED_AT", 30)
    found = page(report.report(rolled, tmp_path / "page.html", data=str(tmp_path / "some")))
    assert "These are not the songs of the training" in found.words
    assert "Copies were looked for among 30 of the" in found.words and "against 15 of the" in found.words


def test_previews_keep_their_tracks(rolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = Path(shutil.copytree(rolled, tmp_path / "run"))
    grid = load(copy).grid
    song = Song(np.array([[0, 96, 48, 1]]), tuple(line.part for line in grid.lines))
    for path in sorted((copy / "samples").glob("*.mid"))[1:]:
        path.write_bytes(to_bytes(song))
    drawn = []
    monkeypatch.setattr(report, "drawn", lambda song, *_: drawn.append(song) or report.page.text(""))
    report.report(copy)
    later = drawn[1:]
    assert later and all(song.notes[:, 3].tolist() == [1] for song in later), "chords are no melody"


def test_the_command_line_reports_on_rolls(run, rolled: Path, tmp_path: Path) -> None:
    code, _, err = run("music", "report", rolled, "--out", tmp_path / "page.html")
    assert code == 0 and err == f"wrote {tmp_path / 'page.html'}\n"
    page(tmp_path / "page.html")

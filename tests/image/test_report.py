"""The report of a picture run: whole, self-contained, true to the run, and quick to point at copies."""

import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from creative_gan import api
from creative_gan.core import report as reports
from creative_gan.core.errors import UserError
from creative_gan.image import classifier, evaluate, export, report
from creative_gan.image.data import open_pictures
from creative_gan.image.metrics import evaluate as measure
from creative_gan.image.model import Model
from tests.core.test_page import checked


@pytest.fixture(autouse=True)
def _quick(quick_judges: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(classifier, "SEEN", (1_280, 1_280))  # a poorer judge will do here
    monkeypatch.setattr(report, "SAMPLES", 160)


@pytest.fixture
def run_folder(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_the_page_tells_what_the_run_was(run_folder: Path):
    with (run_folder / "metrics.jsonl").open("a") as log:
        log.write(json.dumps({"seen": 320, "warning": "samples look <b>alike</b>"}) + '\n{"seen": 640, "half')
    path = report.report(run_folder)
    assert path == run_folder / "report.html"
    text = path.read_text("utf-8")
    found = checked(text)
    for words in (
        "28 × 28 pixels in 10 classes",
        "1,618 pictures of builtin:digits",
        "640 pictures shown in all",
        "At 320 seen: samples look <b>alike</b>",
        "At 520 seen: samples are still far more alike than the data",  # so short a run is
        "The training gave 2 warnings; they stand below",
        "three-sample test",
        "near duplicates",
        "class agreement",
        "samples = 640",
    ):
        assert words in found.words, words
    assert "not written down" not in found.words and re.search(r"CPU, \d+ thread", found.words)
    assert found.tags.count("img") == 2 + reports.STEPS + 3 * report.PAIRS // 2
    rows = re.findall(r'<th scope="row">Fréchet distance<small>(.*?)</tr>', text)
    assert (
        len(re.findall(r'<td class="number">[\d.,−e]+</td>', rows[0])) == 3
    )  # model, real data, weak method
    card = report.memorisation(run_folder)
    assert list(card)[-1] == "threshold of near duplicates" and "the same, by region" in card
    assert all(value in found.words for value in list(card.values())[:-1])
    again = report.report(run_folder, run_folder.parent / "again.html").read_bytes()
    assert again == path.read_bytes()


def test_without_its_data_the_page_is_made_and_says_so(run_folder: Path):
    config = json.loads((run_folder / "model/config.json").read_text())
    config["data"]["source"], config["seen"] = "/gone/<away>", 320
    (run_folder / "model/config.json").write_text(json.dumps(config))
    for folder in ("samples", "metrics.jsonl", "speed.jsonl"):
        shutil.rmtree(run_folder / folder, ignore_errors=True)
        (run_folder / folder).unlink(missing_ok=True)
    (run_folder / "samples").mkdir()
    (run_folder / "samples/0000000000.png").write_text("no picture")
    found = checked(report.report(run_folder).read_text("utf-8"))
    assert "Nothing could be measured" in found.words and "--data" in found.words
    assert "320 pictures shown in all of 640: the run is not at its end" in found.words
    assert "does it copy" not in found.words.lower() and "<away>" in found.words


def test_data_that_has_changed_is_noticed(run_folder: Path, tmp_path: Path):
    pictures = open_pictures("builtin:digits", 28)
    np.savez(tmp_path / "other.npz", images=pictures.pictures[::3, 0], labels=pictures.labels[::3])
    found = checked(report.report(run_folder, data=str(tmp_path / "other.npz")).read_text("utf-8"))
    assert "These are not the pictures of the training" in found.words


def test_names_that_mean_harm_are_only_names(tmp_path: Path, run):
    data = tmp_path / "<script>alert(1)&quot;"
    draw = np.random.default_rng(0)
    for name in ("<img src=x onerror=alert(1)>", "' onload='alert(1)"):
        (data / name).mkdir(parents=True)
        for i in range(40):
            noise = draw.integers(0, 255, (20, 20), np.uint8)
            Image.fromarray(noise).save(data / name / f'{i}"><svg onload=alert(1)>.png')
    words = ("--set", "network.width=8", "--set", "game.batch=8", "--set", "data.holdout=0.3", "--size", 16)
    out = tmp_path / "<b>run</b>"
    code, _, err = run("image", "train", data, "--recipe", "digits", *words, "--samples", 16, "--out", out)
    assert code == 0, err
    assert f"report: {out / 'report.html'}" in err
    found = checked((out / "report.html").read_text("utf-8"))
    assert found.words.count("' onload='alert(1)") >= 1 and "<svg onload=alert(1)>.png" in found.words
    assert "<script>alert(1)&quot;" in found.words


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training, held-out and other real pictures, which stand for samples of a perfect model."""
    pictures = open_pictures("builtin:digits", 28).pictures
    order = np.random.default_rng(0).permutation(len(pictures))
    return pictures[order[:1200]], pictures[order[1200:1500]], pictures[order[1500:1750]]


def jpeg(picture: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture[0]).save(file, "JPEG", quality=75)
    return np.asarray(Image.open(file))[None]


def brighter(picture: np.ndarray) -> np.ndarray:
    return (picture.astype(int) * 0.95 + 8).clip(0, 255).astype(np.uint8)


def noisy(picture: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(int(picture.sum())).normal(0, 4, picture.shape)
    return (picture + noise).round().clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "change", [lambda p: p, jpeg, brighter, noisy], ids=["same", "jpeg", "bright", "noise"]
)
def test_planted_copies_are_found_in_99_of_100(digits, change):
    train, heldout, others = digits
    sources = np.random.default_rng(1).permutation(len(train))[:100]
    fake = np.concatenate([others[:150], np.stack([change(train[i]) for i in sources])])
    figures = measure(fake, train, heldout)
    judged = report.copies(evaluate.Comparison(None, None, fake, figures, "", ""))  # type: ignore[arg-type]
    found = judged.copies[150:] & (judged.nearest[150:] == sources)
    assert found.sum() >= 99, found.sum()
    assert judged.copies[:150].mean() < 0.06  # and hardly any other
    assert judged.many and judged.z < -3


def test_a_planted_copy_stands_on_the_page(run_folder: Path, monkeypatch: pytest.MonkeyPatch):
    pictures, _ = open_pictures("builtin:digits", 28).split(0.1)
    real = Model.paint

    def paint(self, z, label):
        made = real(self, z, label)
        made[77:78] = pictures.pictures[1234]
        return made

    monkeypatch.setattr(Model, "paint", paint)
    text = report.report(run_folder).read_text("utf-8")
    found = checked(text)
    assert found.words.count("Copies: 1 of 160 samples are the same as a training item") == 2
    first = re.search(r"<figcaption>0 · (.*?)</figcaption>", text)
    assert first and first[1] == pictures.names[1234]


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 16, 48), (4, 64, 40), (3, 256, 256)])
@pytest.mark.parametrize(("count", "columns"), [(64, None), (80, 10), (7, 7), (1, None)])
def test_cells_are_what_a_sheet_was_made_of(shape: tuple, count: int, columns: int | None):
    made = np.random.default_rng(0).integers(0, 255, (count, *shape), np.uint8)
    found = report.cells(export.grid(made, columns), *shape[1:])
    assert len(found) >= min(count, columns or 1) and (found == made[: len(found)]).all()
    assert not len(report.cells(np.zeros((3, 101, 203), np.uint8), 28, 28))


def test_mixtures_have_the_moments_of_the_data(digits):
    grey = digits[0] // 3 + 85  # nothing falls outside what a pixel can be
    made = evaluate.mixtures(grey, 2000, 0)
    assert abs(made.mean(0) - grey.mean(0)).max() < 6
    assert made.var(0).sum() == pytest.approx(grey.var(0).sum(), rel=0.05)
    assert made.shape == (2000, 1, 28, 28) and (made == evaluate.mixtures(grey, 2000, 0)).all()
    assert len(np.unique(made.reshape(2000, -1), axis=0)) == 2000


def test_the_command(run, run_folder: Path, tmp_path: Path):
    code, _, err = run("image", "report", run_folder, "--out", tmp_path / "page.html")
    assert code == 0 and err == f"wrote {tmp_path / 'page.html'}\n"
    code, _, err = run("image", "report", run_folder, "--out", tmp_path / "page.html")
    assert code == 1 and "--overwrite" in err
    code, _, err = run("image", "report", run_folder / "model")
    assert code == 1 and "holds no run" in err and err.count("\n") == 1
    code, _, err = run("image", "report", tmp_path / "nothing")
    assert code == 1 and "nothing" in err and err.count("\n") == 1
    code, _, err = run("text", "report", run_folder)
    assert code == 1 and "is a model for image" in err


def test_a_report_that_fails_does_not_fail_the_training(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(folder: Path) -> Path:
        raise ZeroDivisionError("out of paper")

    monkeypatch.setattr(report, "report", broken)
    words = ("--recipe", "digits", "--set", "network.width=8", "--set", "game.batch=8", "--samples", 16)
    code, _, err = run("image", "train", "builtin:digits", *words, "--out", tmp_path / "my run")
    assert code == 0 and "Warning: there is no report of this run (out of paper)" in err
    assert f"creative-gan image report '{tmp_path / 'my run'}' tries again" in err
    assert (tmp_path / "my run/model/config.json").exists()
    (tmp_path / "my run/report.html").unlink(missing_ok=True)
    for setting in ((), ("--set", "watch.report=false")):
        code, _, err = run(
            "image", "train", "builtin:digits", *words, *setting, "--out", tmp_path / f"run{len(setting)}"
        )
        assert code == 0 and ("no report" in err) == (not setting)


def test_a_finished_run_is_not_reported_on_again_until_its_model_changes(run, tmp_path: Path):
    words = ("--recipe", "digits", "--set", "network.width=8", "--set", "game.batch=8", "--samples", 16)
    train = ("image", "train", "builtin:digits", *words, "--out", tmp_path / "run")
    assert "writing the report" in run(*train)[2]
    page, config = tmp_path / "run/report.html", tmp_path / "run/model/config.json"
    before = page.stat().st_mtime_ns
    assert "writing the report" not in run(*train)[2] and page.stat().st_mtime_ns == before
    config.touch()
    assert "writing the report" in run(*train)[2] and page.stat().st_mtime_ns > before
    page.unlink()
    assert "writing the report" in run(*train)[2] and page.is_file()


def test_only_the_first_process_writes(run_folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RANK", "1")
    said: list[dict] = []
    api._report("image", run_folder, said.append)
    assert not said and not (run_folder / "report.html").exists()


def test_too_few_pictures_are_no_reason_to_fail(run_folder: Path, tmp_path: Path):
    pictures = open_pictures("builtin:digits", 28)
    np.savez(tmp_path / "few.npz", images=pictures.pictures[:30, 0], labels=pictures.labels[:30])
    with pytest.raises(UserError):
        evaluate.evaluate(str(run_folder), str(tmp_path / "few.npz"))
    found = checked(report.report(run_folder, data=str(tmp_path / "few.npz")).read_text("utf-8"))
    assert "Nothing could be measured: an evaluation needs" in found.words

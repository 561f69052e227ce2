"""The report of a text run: whole, self-contained, true to the run, and quick to point at copies."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from creative_gan.core.copying import judge, verdict
from creative_gan.sequence.nearest import nearest
from creative_gan.text import report
from creative_gan.text.data import open_texts
from creative_gan.text.model import load
from tests.core.test_page import HOSTILE, checked
from tests.sequence.test_nearest import corpus


@pytest.fixture
def run_folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "run"))


def test_the_page_tells_what_the_run_was(run_folder: Path):
    path = report.report(run_folder)
    text = path.read_text("utf-8")
    found = checked(text)
    model = load(run_folder)
    for words in (
        "7,200 texts of builtin:verses",
        "3,360 texts shown in all",
        "The training gave no warnings",
        "three-sample test",
        "The longest verbatim spans",
        "before the game",
        "weak method",
        *model.sample(3),
        *(run_folder / "samples").joinpath("0000000000.txt").read_text("utf-8").splitlines()[:2],
    ):
        assert words in found.words, words
    card = report.memorisation(run_folder)
    assert all(card[name] in found.words for name in ("near duplicates", "three-sample test"))
    assert card["longest verbatim span"].partition(",")[0] in found.words
    row = re.findall(r'<th scope="row">BLEU-4<small>(.*?)</tr>', text)[0]
    assert len(re.findall(r'<td class="number">[\d.,−e]+</td>', row)) == 4
    assert report.report(run_folder, run_folder.parent / "again.html").read_bytes() == path.read_bytes()


def test_without_its_texts_the_page_is_made_and_says_so(run_folder: Path):
    config = json.loads((run_folder / "model/config.json").read_text())
    config["data"]["source"] = "/gone/away.txt"
    (run_folder / "model/config.json").write_text(json.dumps(config))
    found = checked(report.report(run_folder).read_text("utf-8"))
    assert "Nothing could be measured" in found.words and "verbatim" not in found.words
    (run_folder.parent / "other.txt").write_text("\n".join(f"the bird {i} sings" for i in range(50)))
    found = checked(report.report(run_folder, data=str(run_folder.parent / "other.txt")).read_text("utf-8"))
    assert "These are not the texts of the training" in found.words


def test_texts_that_mean_harm_are_only_texts(tmp_path: Path, run):
    lines = [{"text": f"{words} number {i}", "label": words[:20]} for words in HOSTILE[:5] for i in range(12)]
    (tmp_path / "<b>.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    words = (
        "--recipe",
        "captions",
        "--set",
        "network.width=8",
        "--set",
        "game.batch=8",
        "--set",
        "watch.looks=1",
    )
    out = tmp_path / "run"
    code, _, err = run("text", "train", tmp_path / "<b>.jsonl", *words, "--samples", 16, "--out", out)
    assert code == 0, err
    found = checked((out / "report.html").read_text("utf-8"))
    assert "<script>alert(1)" in found.words and "<b>.jsonl" in found.words
    assert all(words[:20] in found.words for words in HOSTILE[:3])
    log = (out / "metrics.jsonl").read_bytes()
    assert run("text", "train", tmp_path / "<b>.jsonl", *words, "--samples", 16, "--out", out)[0] == 0
    assert (out / "metrics.jsonl").read_bytes() == log


def verses() -> list[list[int]]:
    """Texts of the package as words: made after patterns, so that unseen ones are much like those of the training."""
    number: dict[str, int] = {}
    texts = [text.split() for text in open_texts("builtin:verses").texts[:2600]]
    return [[number.setdefault(word, len(number)) for word in text] for text in texts]


def one_word_changed(text: list[int], draw: np.random.Generator) -> list[int]:
    changed = list(text)
    changed[int(draw.integers(len(text)))] = 10**6
    return changed


@pytest.mark.parametrize(
    ("texts", "change"),
    [(verses, lambda text, draw: text), (lambda: corpus(0, 2600), one_word_changed)],
    ids=["verses, word for word", "texts after no pattern, one word changed"],
)
def test_a_planted_copy_is_found_in_99_of_100(texts, change):
    everything = [text for text in texts() if len(text) > 5]
    order = np.random.default_rng(0).permutation(len(everything))
    parts = (order[:-600], order[-600:-200], order[-200:])
    train, heldout, others = ([everything[i] for i in part] for part in parts)
    usual, real = nearest(others, train), nearest(heldout, train)
    found = said = 0
    draw = np.random.default_rng(1)
    sources = draw.permutation(len(train))[:100].tolist()
    planted = nearest([change(train[source], draw) for source in sources], train)
    for index, distance in zip(planted.index, planted.distance, strict=True):
        judged = judge(np.append(usual.index, index), np.append(usual.distance, distance), real.distance)
        found += bool(judged.copies[-1]) and 200 in judged.closest[: report.PAIRS]
        said += verdict(judged, "texts").startswith("Copies: 1 of 201")
    assert found >= 99, found
    assert said >= 99 or change is one_word_changed
    assert judged.copies[:-1].mean() < 0.06


def test_a_planted_copy_stands_on_the_page(run_folder: Path, monkeypatch: pytest.MonkeyPatch):
    model = load(run_folder)
    train, _ = open_texts("builtin:verses").split(0.1, model.config["split"]["seed"])
    real = report.again
    whole, span = train.texts[321], " ".join(train.texts[99].split()[:8])

    def again(model, ids):
        made = real(model, ids)
        made[33] = model.tokenizer.encode([whole])[0]
        made[44] = model.tokenizer.encode([span + " " + " ".join(["moon"] * 5)])[0]
        return made

    monkeypatch.setattr(report, "again", again)
    text = report.report(run_folder).read_text("utf-8")
    found = checked(text)
    assert found.words.count("Copies: 1 of 512 samples are the same as a training item") == 2
    assert f"<mark>{whole}</mark></blockquote>" in text and "sample 33 · word for word" in found.words
    tokens = re.findall(r"sample 44 · (\d+) tokens", found.words)
    assert tokens and int(tokens[0]) >= 8 and f"<mark>{span}" in text


def test_shared_runs():
    assert report.shared("the cat sat down", "a cat sat up") == ((4, 11), (2, 9))
    assert report.shared("abc", "xyz") == ((0, 0), (0, 0))
    sample, text = "children agree, where every vine", "as before, where every vein"
    (begin, end), _ = report.shared(sample, text)  # not the e that ends both words before it
    assert sample[begin:end] == ", where every"
    assert report.shared("春眠不覺曉", "不覺夜") == ((2, 4), (0, 2))

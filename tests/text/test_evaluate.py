"""What the evaluation of texts finds: copies, floors, and who is better at equal diversity."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from creative_gan.core.errors import UserError
from creative_gan.sequence import verdict as curves
from creative_gan.sequence.metrics import longest_copies
from creative_gan.sequence.verdict import Point, matched
from creative_gan.text import evaluate, verdict
from creative_gan.text.model import load


def test_figures_stand_beside_what_real_texts_score(written: Path):
    result = evaluate.evaluate(str(written), count=100)
    sizes = result["sizes"]
    assert (
        sizes["samples"] == sizes["real"] == 100 and sizes["references"] == 800 and sizes["training"] == 7200
    )
    for n in (2, 3, 4, 5):  # trained for a moment: far from real
        assert result[f"bleu_{n}"]["value"] < 0.9 * result[f"bleu_{n}"]["floor"]
    assert result["heldout_nll"]["value"] > 2 and result["verbatim"] == {
        "value": 0.0,
        "floor": 0.0,
        "better": "low",
    }
    assert result["longest_copy"]["value"] < result["longest_copy"]["floor"]
    lines = evaluate.table(result)
    assert any("100 samples" in line and "800 held-out" in line for line in lines)
    assert any("word for word" in line for line in lines)


def test_verbatim_copies_are_listed_with_their_place(written: Path):
    model = load(written)
    corpus = evaluate.open_corpus(model, None)
    rows = corpus.rows(model, corpus.train)
    train = evaluate.spread(rows, len(rows))
    fake = [train[7], [*train[9][:-3], 5, 5, 5], train[7]]
    known = evaluate.by_tokens(rows)
    found = evaluate.copies(model, fake, longest_copies(fake, train), corpus.train, known)
    assert found["verbatim"] == [{"text": corpus.train.texts[7], "where": corpus.train.names[7]}]
    assert found["longest"]["tokens"] >= len(train[9]) - 3
    assert found["longest"]["training"] == corpus.train.texts[9]


def test_a_copy_out_of_the_middle_of_a_long_text_is_found(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    known = load(written)
    lines = [text.replace("\n", " ") for text in evaluate.open_corpus(known, None).train.texts[:400]]
    for n in range(8):  # texts many times as long as what the model writes
        (tmp_path / f"{n}.txt").write_text(" ".join(lines[50 * n : 50 * n + 50]))
    split = {"unit": "file", "holdout": 0.2, "seed": 0}
    monkeypatch.setattr(evaluate, "load", lambda name: known)
    monkeypatch.setitem(known.config, "split", split)
    corpus = evaluate.open_corpus(known, str(tmp_path))
    (whole,) = known.tokenizer.encode(corpus.train.texts[3:4])
    assert len(whole) > 3 * known.config["length"]
    assert evaluate.joined(corpus.rows(known, corpus.train), len(corpus.train))[3] == whole
    copied = whole[-20:]
    monkeypatch.setattr(type(known), "ids", lambda self, indices, manner, chunk: [copied] * len(indices))
    found = evaluate.evaluate("known", str(tmp_path), count=10)
    assert found["longest_copy"]["value"] == found["copies"]["longest"]["tokens"] == 20
    assert found["copies"]["longest"]["training"] == corpus.train.texts[3]
    assert found["sizes"]["training"] == len(corpus.train) < found["sizes"]["references"] + 8


def test_equals_are_seldom_told_apart(monkeypatch: pytest.MonkeyPatch):
    chance = np.random.default_rng(0)

    def point(make, weights, temperature, seed, index) -> Point:
        return Point(temperature, 1 - temperature / 2 + chance.normal(0, 0.01), 1 - temperature / 2)

    monkeypatch.setattr(curves, "_point", point)
    winners = [curves.compare(lambda *_: [], [[1, 2, 3, 4, 5]], 3)["winner"] for _ in range(200)]
    assert 200 - winners.count("none") < 20  # 10 by the bound; 36 by two standard errors


def test_real_texts_in_place_of_samples_score_the_floor(written: Path):
    model = load(written)
    corpus = evaluate.open_corpus(model, None)
    rows = [corpus.rows(model, part) for part in (corpus.train, corpus.heldout)]
    train, heldout = (evaluate.spread(part, len(part)) for part in rows)
    assert not set(corpus.train.texts) & set(corpus.heldout.texts)
    other = [train[i] for i in np.random.default_rng(0).permutation(len(train))[:400]]
    for name, figure in evaluate.figures(other, evaluate.spread(rows[0], 400), heldout).items():
        assert figure["value"] == pytest.approx(figure["floor"], rel=0.1, abs=0.01), name


def test_matched_diversity_compares_at_the_same_self_bleu_only():
    mle = [Point(0.8, 0.5, 0.6), Point(1.0, 0.3, 0.4), Point(1.2, 0.1, 0.2)]
    same = [Point(0.9, 0.4, 0.5), Point(1.1, 0.2, 0.3)]  # another temperature of the same thing
    assert matched(same, mle) == pytest.approx({0.9: 0.0, 1.1: 0.0})
    better = [Point(1.0, 0.45, 0.5), Point(0.5, 0.9, 0.95)]  # the second one is beyond the curve
    assert matched(better, mle) == pytest.approx({1.0: 0.05})


def test_the_verdict_is_said_in_words_and_the_winner_is_kept(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(written, tmp_path / "run")
    quality = {"adversarial": 0.3, "mle": 0.35}

    def point(make, weights, temperature, seed, index) -> Point:
        spread = 0.1 * temperature + 0.0001 * seed
        return Point(temperature, quality[weights] - spread, 1 - spread)

    monkeypatch.setattr(curves, "_point", point)
    result = verdict.verdict(str(tmp_path / "run"), count=50)
    assert result["winner"] == "mle" and result["difference"] == pytest.approx(-0.05, abs=1e-3)
    assert "maximum likelihood is better than the adversarial model, by 0.05" in result["says"][-1]
    kept = verdict.keep(str(tmp_path / "run"), result)
    assert kept is not None and "mle" in kept and load(tmp_path / "run").config["sampler"] == "mle"
    quality["adversarial"] = 0.37
    result = verdict.verdict(str(tmp_path / "run"), count=50)
    assert (
        result["winner"] == "adversarial" and "better than maximum likelihood, by 0.02" in result["says"][-1]
    )
    quality["adversarial"] = 0.35
    result = verdict.verdict(str(tmp_path / "run"), count=50)
    assert result["winner"] == "none" and "chance" in result["says"][-1]
    assert verdict.keep(str(tmp_path / "run"), result) is None


def test_the_verdict_measures_both_weights(written: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(curves, "SWEPT", (0.5, 1.5))
    monkeypatch.setattr(curves, "TRIED", (1.0,))
    result = verdict.verdict(str(written), count=30, seeds=2)
    assert [point["temperature"] for point in result["mle"]] == [0.5, 1.5]
    assert result["mle"][0]["bleu"] > result["mle"][1]["bleu"]  # sharper is better, and less varied
    assert result["mle"][0]["self_bleu"] > result["mle"][1]["self_bleu"]
    assert set(result["heldout_nll"]) == {"adversarial", "mle"} and result["sizes"]["seeds"] == 2


def of_one_kind(written: Path, folder: Path, weights: str, strength: float = 1.0, **settings: Any) -> str:
    """A model of these weights alone, each of them multiplied."""
    shutil.copytree(written / "model", folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"weights": [weights], "sampler": weights, "critic": None} | settings
    (folder / "config.json").write_text(json.dumps(config))
    tensors = load_file(folder / "model.safetensors")
    kept = {name: strength * t for name, t in tensors.items() if name.startswith(f"{weights}.")}
    save_file(kept, folder / "model.safetensors")
    return str(folder)


def test_a_model_of_likelihood_alone_has_nothing_to_compare(written: Path, tmp_path: Path):
    one = of_one_kind(written, tmp_path / "m", "mle")
    with pytest.raises(UserError, match="nothing to compare"):
        verdict.verdict(one)
    with pytest.raises(UserError, match="nothing to compare"):
        verdict.verdict(one, baseline=str(written))
    with pytest.raises(UserError, match="no critic"):
        load(one).sample(1, best_of=2)


def test_another_model_can_be_the_baseline(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(curves, "SWEPT", (0.5, 1.5))
    monkeypatch.setattr(curves, "TRIED", (1.0,))
    own = verdict.verdict(str(written), count=20, seeds=1)
    same = of_one_kind(written, tmp_path / "same", "mle")
    assert verdict.verdict(str(written), count=20, seeds=1, baseline=same)["mle"] == own["mle"]
    flat = of_one_kind(written, tmp_path / "flat", "mle", 0.5)
    alone = of_one_kind(written, tmp_path / "alone", "adversarial")  # it needs no such weights of its own
    result = verdict.verdict(alone, count=20, seeds=1, baseline=flat)
    assert result["adversarial"] == own["adversarial"] and result["mle"] != own["mle"]
    assert result["heldout_nll"]["adversarial"] == own["heldout_nll"]["adversarial"]
    assert result["heldout_nll"]["mle"] > own["heldout_nll"]["mle"]
    assert any(line.startswith("held-out NLL") and f"mle of {flat}" in line for line in result["says"])


def test_the_winner_of_another_model_is_named_and_not_kept(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    quality = {"adversarial": 0.3, "mle": 0.35}

    def point(make, weights, temperature, seed, index) -> Point:
        spread = 0.1 * temperature + 0.0001 * seed
        return Point(temperature, quality[weights] - spread, 1 - spread)

    monkeypatch.setattr(curves, "_point", point)
    shutil.copytree(written, tmp_path / "run")
    run, other = str(tmp_path / "run"), of_one_kind(written, tmp_path / "other", "mle")
    before = (tmp_path / "run/model/config.json").read_bytes()
    for adversarial, words in (
        (0.30, f"maximum likelihood of {other} is better than the adversarial model"),
        (0.35, f"no difference from maximum likelihood of {other}"),
        (0.37, f"better than maximum likelihood of {other}, by 0.02"),
    ):
        quality["adversarial"] = adversarial
        result = verdict.verdict(run, count=10, baseline=other)
        assert words in result["says"][-1] and "stays as it is" in result["says"][-2]
        assert verdict.keep(run, result) is None
    assert (tmp_path / "run/model/config.json").read_bytes() == before


def test_a_baseline_that_cannot_be_compared_is_one_sentence(written: Path, tmp_path: Path):
    split = json.loads((written / "model/config.json").read_text())["split"]
    strange = Path(of_one_kind(written, tmp_path / "strange", "mle"))
    words = json.loads((strange / "tokenizer.json").read_text("utf-8"))
    vocabulary = words["model"]["vocab"]
    vocabulary["zyzzyva"] = vocabulary.pop(list(vocabulary)[-1])
    (strange / "tokenizer.json").write_text(json.dumps(words), "utf-8")
    for other, why in (
        (str(strange), "differs from model .* in its tokens"),
        (of_one_kind(written, tmp_path / "a", "mle", split=split | {"seed": 7}), "in its held-out texts"),
        (of_one_kind(written, tmp_path / "b", "mle", length=9), "in its length"),
        (of_one_kind(written, tmp_path / "c", "adversarial"), "has no 'mle' weights"),
        (str(tmp_path / "nowhere"), "there is no model"),
    ):
        with pytest.raises(UserError, match=why) as error:
            verdict.verdict(str(written), count=10, baseline=other)
        assert "\n" not in str(error.value)

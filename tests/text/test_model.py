"""Text models in a folder: equal seeds, prompts, classes, the critic's choice, damaged files."""

import json
import math
import shutil
from pathlib import Path

import pytest
import torch

from creative_gan.core.errors import DataError, UserError
from creative_gan.sequence.tokens import Symbols
from creative_gan.text.model import CHUNK, Manner, load, sensible


def test_a_text_is_the_same_however_many_are_asked_for(written: Path):
    model = load(written)
    many = model.sample(2 * CHUNK + 5, seed=4)
    assert len(many) == 2 * CHUNK + 5 and len(set(many)) > 20 and all(many)
    assert model.sample(3, seed=4) == many[:3]
    assert model.write(range(CHUNK - 2, CHUNK + 7), Manner(seed=4)) == many[CHUNK - 2 : CHUNK + 7]
    assert model.sample(3, seed=5) != many[:3]
    assert model.sample(3, seed=4, temperature=0.5) != many[:3]


def test_prompts_begin_every_text(written: Path):
    model = load(written)
    assert all(text.startswith("the sea") for text in model.sample(5, prompt="the sea"))
    with pytest.raises(UserError, match="'xylophone', 'quark' of the prompt"):
        model.sample(1, prompt="the xylophone quark")
    with pytest.raises(UserError, match="writes at most"):
        model.sample(1, prompt="the " * 500)
    assert model.sample(2, prompt="  ") == model.sample(2)


def test_a_length_that_is_asked_for_is_exact(written: Path):
    model = load(written)
    short = {len(ids) for ids in model.ids(range(20), Manner(temperature=0.5), CHUNK)}
    most = model.config["length"]
    assert len(short) > 1 and max(short) < most  # by themselves they end before
    for length, prompt in ((1, ""), (3, "the sea"), (most, ""), (most, "the sea")):
        manner = Manner(seed=2, prompt=prompt, length=length, best_of=2)
        made = model.ids(range(20), manner, CHUNK)
        assert {len(ids) for ids in made} == {length} and min(map(min, made)) > 3  # and all of them words
        assert all(text.startswith(prompt) for text in model.write(range(20), manner))
    assert model.sample(20, seed=4, length=5)[:3] == model.sample(3, seed=4, length=5)
    with pytest.raises(UserError, match=f"writes texts of 1 to {most} tokens, not of {most + 1}"):
        model.sample(1, length=most + 1)
    with pytest.raises(UserError, match="not of 0;"):
        model.sample(1, length=0)
    with pytest.raises(
        UserError, match=r"has 2 tokens and .* at most 2 in all; shorten it or ask for a greater"
    ):
        model.sample(1, prompt="the sea", length=2)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"temperature": -0.1}, "temperature must be a number from 0 to 10, not -0.1"),
        ({"temperature": math.nan}, "temperature must be .* not nan"),
        ({"temperature": "hot"}, "temperature must be .* not 'hot'"),
        ({"top_k": -1}, "top_k must be a whole number of at least 0, not -1"),
        ({"top_p": 0}, "top_p must be a number above 0 and at most 1, not 0"),
        ({"top_p": 1.5}, "top_p must be"),
        ({"best_of": 0}, "best_of must be a whole number of at least 1, not 0"),
        ({"n": 0}, "n must be a whole number of at least 1, not 0"),
        ({"n": 2.0}, "n must be"),
    ],
)
def test_numbers_out_of_range_are_said(written: Path, asked: dict, words: str):
    with pytest.raises(UserError, match=words):
        load(written).sample(**asked)


def test_classes_by_name_or_in_turn(written: Path):
    model = load(written)
    assert model.labels(range(10)).tolist() == [i % len(model.classes) for i in range(10)]
    assert model.sample(4, label=model.classes[1]) != model.sample(4, label=model.classes[0])
    with pytest.raises(UserError, match="knows no class 'nothing'"):
        model.sample(1, label="nothing")


def test_the_critic_chooses_the_candidate_that_it_finds_most_real(written: Path):
    model = load(written)
    assert model.critic is not None

    def judged(best_of: int) -> float:
        ids = model.ids(range(64), Manner(best_of=best_of), 16)
        length = torch.tensor([len(one) for one in ids])
        tokens = torch.zeros(len(ids), int(length.max()), dtype=torch.int64)
        for row, one in zip(tokens, ids, strict=True):
            row[: len(one)] = torch.tensor(one)
        return float(model.critic.judge(tokens, length, model.labels(range(64))).mean())

    assert judged(8) > judged(1)
    assert model.sample(3, best_of=4) == model.sample(20, best_of=4)[:3]


def test_weights_of_both_kinds_and_the_preferred_ones(written: Path, tmp_path: Path):
    shutil.copytree(written / "model", tmp_path / "model")
    model = load(tmp_path / "model")
    assert model.config["sampler"] == "adversarial"
    both = [model.write(range(16), Manner(weights=w)) for w in ("adversarial", "mle")]
    assert both[0] != both[1] and model.sample(16) == both[0]
    model.prefer("mle")
    assert load(tmp_path / "model").sample(16) == both[1]
    assert load(tmp_path / "model").origin(1, Manner())["arguments"]["weights"] == "mle"


def test_unknown_words_are_never_written_nor_empty_texts():
    allowed = sensible(9, 0)
    first, later = allowed(torch.zeros(2, 0)), allowed(torch.zeros(2, 3))
    assert first.tolist() == [[False] * 4 + [True] * 5] * 2
    assert later[0].tolist() == [i != 3 for i in range(9)]
    assert Symbols(9).end == 2 and later[0, 2]
    assert sensible(9, 2)(torch.zeros(1, 2))[0, 2]  # a prompt may be all there is
    assert not sensible(9, 2, ends=False)(torch.zeros(1, 2))[0, 2]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "model.safetensors").write_bytes(b"\x80\x04pickle..."), "never opened"),
        (lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "is no tokeniser"),
        (lambda f: (f / "config.json").write_text("[]"), "config.json"),
        (lambda f: change(f, modality="image"), "is a model for image"),
        (lambda f: change(f, length="x"), "sizes are no numbers"),
        (lambda f: change(f, weights=["other"]), "does not describe"),
        (lambda f: change(f, vocabulary=17), "does not fit"),
        (lambda f: change(f, split={}), "does not say what it was trained on"),
    ],
)
def test_damaged_folders_are_one_sentence(written: Path, tmp_path: Path, damage, words: str):
    folder = tmp_path / "model"
    shutil.copytree(written / "model", folder)
    damage(folder)
    with pytest.raises(DataError, match=words) as error:
        load(folder).sample(1)
    assert "\n" not in str(error.value)


def change(folder: Path, **values: object) -> None:
    config = json.loads((folder / "config.json").read_text()) | values
    (folder / "config.json").write_text(json.dumps(config))

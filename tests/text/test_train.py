"""Trainings of texts: each phase goes on from the one before, and resuming in any of them is exact."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from creative_gan.cli.recipes import folder
from creative_gan.core import loop
from creative_gan.core.errors import DataError, UserError
from creative_gan.core.recipe import load, parse, to_toml
from creative_gan.sequence.phases import phases
from creative_gan.sequence.recipe import BudgetRecipe, GameRecipe, PhaseRecipe, shared_out
from creative_gan.text.recipe import TextRecipe
from creative_gan.text.train import Plan, plan, remarks, train

COLOURS = ["red", "green", "blue", "black", "white", "grey"]
LINES = [f"the {a} {b} sees a {c} dog ." for a in COLOURS for b in ("cat", "fox", "owl") for c in COLOURS]


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    (tmp_path / "lines.txt").write_text("\n".join(LINES), "utf-8")
    return str(tmp_path / "lines.txt")


def small(name: str, *overrides: str) -> TextRecipe:
    return load(TextRecipe, folder() / f"text/{name}.toml", overrides, test=True)


def prepared(corpus: str, name: str, *overrides: str) -> Plan:
    return plan(corpus, small(name, "watch.looks=4", *overrides), f"text/{name}", "cpu")


class Stopping(Plan):
    """A plan whose batches send this process a signal at one place."""

    stop = 0

    def batch(self, seen: int, batch: int, rows: slice) -> dict[str, torch.Tensor]:
        if seen == self.stop:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().batch(seen, batch, rows)


def stopped_at(made: Plan, stop: int, out: Path) -> None:
    class Once(Stopping):
        pass

    Once.stop = stop
    with pytest.raises(loop.Stopped):
        train(Once(**vars(made)), out, lambda row: None)


@pytest.mark.parametrize(
    ("name", "stops"),
    [
        ("captions", (16, 40)),
        pytest.param("cot", (24, 32), marks=pytest.mark.slow),
        pytest.param("seqgan-paper", (10, 20, 40), marks=pytest.mark.slow),
        pytest.param("relgan", (10, 30), marks=pytest.mark.slow),
    ],
)
def test_stopped_in_each_phase_and_called_again_is_a_straight_run(
    corpus: str, tmp_path: Path, name: str, stops: tuple[int, ...]
):
    made = prepared(corpus, name)
    train(made, tmp_path / "straight", lambda row: None)
    for stop in stops:
        stopped_at(made, stop, tmp_path / "stopped")
    train(made, tmp_path / "stopped", lambda row: None)
    for file in ("metrics.jsonl", "model/model.safetensors", "mle.safetensors"):
        assert (tmp_path / "straight" / file).read_bytes() == (tmp_path / "stopped" / file).read_bytes(), file
    last = sorted((tmp_path / "straight/samples").iterdir())[-1].name
    texts = [(tmp_path / run / "samples" / last).read_text() for run in ("straight", "stopped")]
    assert texts[0] == texts[1] and len(texts[0].splitlines()) >= 32
    rows = [json.loads(line) for line in (tmp_path / "straight/metrics.jsonl").read_text().splitlines()]
    assert {row["phase"] for row in rows if "phase" in row} == {phase.game for phase in made.recipe.phase}


def test_the_game_begins_with_the_best_likelihood_weights_and_the_model_keeps_them(
    corpus: str, tmp_path: Path
):
    # far too large a rate: likelihood gets worse again, and what is kept is not what came last
    made = prepared(
        corpus, "captions", "mle.lr=0.3", "mle.ema=0.0", "network.dropout=0.4", "budget.samples=[256, 16]",
        "watch.looks=17",
    )  # fmt: skip
    train(made, tmp_path / "run", lambda row: None)
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    seen = {row["seen"]: row["heldout_nll"] for row in rows if "heldout_nll" in row and row["seen"] < 256}
    first = next(row["heldout_nll"] for row in rows if "heldout_nll" in row and row["seen"] == 256)
    assert first == pytest.approx(min(seen.values())) and first < list(seen.values())[-1]
    kept, model = (
        load_file(tmp_path / "run/mle.safetensors"),
        load_file(tmp_path / "run/model/model.safetensors"),
    )
    assert all(torch.equal(kept[name], model[f"mle.{name}"]) for name in kept)
    assert not torch.equal(kept["output.weight"], model["adversarial.output.weight"])


def test_minutes_become_samples_of_each_phase(corpus: str, tmp_path: Path):
    made = prepared(corpus, "captions", "budget.samples=[]", "budget.minutes=0.01")
    said: list[str] = []
    train(made, tmp_path / "run", lambda row: said.append(row.get("say", "")))
    recipe = load(TextRecipe, tmp_path / "run/recipe.toml")
    assert len(recipe.budget.samples) == 2 and min(recipe.budget.samples) >= 8
    assert any("texts of mle and" in line for line in said)
    log = (tmp_path / "run/metrics.jsonl").read_bytes()
    train(made, tmp_path / "run", lambda row: None)  # the same call: nothing is measured, nothing left to do
    assert load(TextRecipe, tmp_path / "run/recipe.toml") == recipe
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == log


def test_one_number_of_samples_is_shared_out_in_whole_batches(corpus: str):
    made = prepared(corpus, "captions", "budget.samples=100")
    assert made.recipe.budget.samples == (64, 40)
    assert [phase.samples for phase in phases(made, None)] == [64, 40]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "shares", "settled"),
    [
        ((64,), (0.6, 0.4), (40, 24)),  # rounded up one by one it were 72 in all
        ((64,), (1, 1, 1), (24, 24, 16)),
        ((17,), (0.6, 0.4), (16, 8)),
        ((8,), (0.6, 0.4), (8, 8)),  # every phase has a batch
        ((64,), (1, 0), (64, 0)),
        ((64,), (1,), (64,)),
        ((60, 4), (1, 1), (64, 8)),  # as they were named
    ],
)
def test_no_more_than_a_batch_is_seen_beyond_what_was_asked_for(
    given: tuple[int, ...], shares: tuple[float, ...], settled: tuple[int, ...]
):
    games = ("mle", "dense", "cot")[: len(shares)]
    played = tuple(PhaseRecipe(game, share) for game, share in zip(games, shares, strict=True))
    recipe = replace(
        small("captions"), game=GameRecipe(batch=8), phase=played, budget=BudgetRecipe(samples=given)
    )
    assert shared_out(recipe).samples == settled


def test_control_run_rewards_every_token_alike(corpus: str, tmp_path: Path):
    rows: list[dict] = []
    train(prepared(corpus, "captions", "dense.constant_reward=true"), tmp_path / "run", rows.append)
    assert {row["reward"] for row in rows if "reward" in row} == {1.0}


def test_a_tiny_corpus_and_a_line_of_a_megabyte(tmp_path: Path):
    (tmp_path / "few.txt").write_text("one two three\nfour five six\n" + "word after word. " * 60_000)
    made = plan(str(tmp_path / "few.txt"), small("captions"), "text/captions", "cpu")
    said = " ".join(remarks(made))
    assert "10,000 characters" in said and "tokens in rows" in said
    model = train(made, tmp_path / "run", lambda row: None)
    assert (model / "model.safetensors").exists()
    (tmp_path / "two.txt").write_text("one two three\nfour five six\n")
    two = plan(str(tmp_path / "two.txt"), small("captions"), "text/captions", "cpu")
    assert len(two.train) == 1 and "fewer than a batch" in " ".join(remarks(two))
    train(two, tmp_path / "two", lambda row: None)
    (tmp_path / "one.txt").write_text("a single line")
    with pytest.raises(DataError, match="only one text"):
        plan(str(tmp_path / "one.txt"), small("captions"), "text/captions", "cpu")


def test_collapse_is_said_once_in_plain_words(corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from creative_gan.text import look

    monkeypatch.setattr(look, "distinct", lambda ids, n: 0.9 if ids[0] == real else 0.1)
    made = prepared(corpus, "captions")
    real = look.sequences(made.train, [0])[0]
    rows: list[dict] = []
    train(made, tmp_path / "run", rows.append)
    (warning,) = [row["warning"] for row in rows if "warning" in row]
    assert "mode collapse" in warning and "dense.kl" in warning


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"phase": []}, "no [[phase]]"),
        ({"phase": [{"game": "dense"}, {"game": "mle"}]}, "only be the first"),
        ({"phase": [{"game": "mle", "share": 0.0}]}, "'phase.share' is 0"),
        ({"phase": [{"game": "gan"}]}, "must be one of mle, seqgan"),
        ({"phase": [{"gmae": "mle"}]}, "did you mean"),
        ({"budget": {"samples": [1, 2, 3]}}, "one for each of the 2 phases"),
        ({"budget": {}}, "'budget' is empty"),
        ({"network": {"name": "pretrained"}}, "network.backbone"),
    ],
)
def test_recipes_that_make_no_sense_are_one_sentence(change: dict, words: str):
    table = {
        "about": "x",
        "phase": [{"game": "mle"}, {"game": "dense"}],
        "budget": {"samples": [8, 8]},
    }
    with pytest.raises(UserError) as error:
        parse(TextRecipe, table | change)
    assert words in str(error.value)


def test_recipe_reads_the_same_after_writing(tmp_path: Path):
    recipe = replace(small("captions"), seed=7)
    (tmp_path / "again.toml").write_text(to_toml(recipe))
    assert load(TextRecipe, tmp_path / "again.toml") == recipe


@pytest.mark.parametrize(("name", "game"), [("tang", "dense"), ("seqgan-paper", "seqgan")])
@pytest.mark.parametrize(("alone", "first"), [(10, 10), (10_000, 20)])
def test_a_critic_learns_alone_for_at_most_a_third_of_its_phase(
    corpus: str, tmp_path: Path, name: str, game: str, alone: int, first: int
) -> None:
    """Or a short budget would end before the generator's first step."""
    settings = "game.batch=10", "budget.samples=[20, 60]", f"{game}.critic_pretrain={alone}"
    train(prepared(corpus, name, *settings), tmp_path / "run", lambda row: None)
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    game_rows = [row for row in rows if row.get("phase") == game and "critic_loss" in row]
    taught = [row["seen"] for row in game_rows if "reward" in row]
    assert game_rows and min(taught) == 20 + first + 10

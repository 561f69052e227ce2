"""Trainings on MIDI: every recipe runs, resuming is exact, two processes make the weights of one."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from creative_gan.core import loop, provenance
from creative_gan.core.errors import DataError, UserError
from creative_gan.core.recipe import load, locate, parse, to_toml
from creative_gan.music.midi import model
from creative_gan.music.midi.builtin import tunes
from creative_gan.music.midi.estimate import estimate
from creative_gan.music.midi.export import to_bytes, to_midi
from creative_gan.music.midi.reader import parse_midi
from creative_gan.music.midi.recipe import MidiRecipe
from creative_gan.music.midi.train import Plan, plan, remarks, train

ROOT = Path(__file__).parents[3]
RECIPES = ("chorales", "folk", "tunes", "transformer", "seqgan")


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("songs")
    # the short ones: most of such a training is the songs that it shows
    short = [song for _, song in tunes(120) if len(song.bars()) <= 8]
    for i, song in enumerate(short[:20]):
        (folder / f"{i:02}.mid").write_bytes(to_bytes(song))
    return str(folder)


def small(name: str, *overrides: str) -> MidiRecipe:
    return load(MidiRecipe, locate(name, "music"), overrides, test=True)


def prepared(songs: str, name: str, *overrides: str) -> Plan:
    return plan(songs, small(name, "watch.looks=2", *overrides), f"music/{name}", "cpu")


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_trains_and_samples(songs: str, tmp_path: Path, name: str, run):
    recipe = load(MidiRecipe, locate(name, "music"))
    (tmp_path / "again.toml").write_text(to_toml(recipe), "utf-8")
    assert load(MidiRecipe, tmp_path / "again.toml") == recipe
    made = model.load(train(prepared(songs, name), tmp_path / "run", lambda row: None))
    assert made.config["weights"] == ["adversarial", "mle"] and made.critic is not None
    for midi in made.sample(2, seed=1, bars=1):
        heard = parse_midi(_bytes(midi), "sample")
        assert len(heard.notes) and len(heard.bars()) == 1
    assert len(made.write(range(2), model.Manner(bars=1, best_of=2))) == 2
    looks = sorted((tmp_path / "run/samples").glob("*.png"))
    assert len(looks) >= 3 and len(list((tmp_path / "run/samples").glob("*.mid"))) == 2 * len(looks)
    shown = tmp_path / "run/model/preview.mid"
    assert shown.read_bytes() == looks[-1].with_name(f"{looks[-1].stem}-1.mid").read_bytes()
    assert "preview.png" in (shown.parent / "README.md").read_text("utf-8")
    record = provenance.read(shown)
    assert record is not None and record["arguments"]["seen"] == made.config["seen"]
    code, _, err = run("inspect", shown, "--again", tmp_path / "x.mid")
    assert code == 1 and "is a preview of a model" in err and not (tmp_path / "x.mid").exists()


def _bytes(midi) -> bytes:
    import io

    buffer = io.BytesIO()
    midi.write(buffer)
    return buffer.getvalue()


class Stopping(Plan):
    """A plan whose batches send this process a signal at one place."""

    stop = 0

    def batch(self, seen: int, batch: int, rows: slice) -> dict[str, torch.Tensor]:
        if seen == self.stop:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().batch(seen, batch, rows)


@pytest.mark.parametrize(
    ("name", "settings", "stops"),
    [
        ("chorales", (), (16, 40)),
        pytest.param("seqgan", (), (10, 20), marks=pytest.mark.slow),
        pytest.param("chorales", ('phase=[{game="mle"},{game="cot"}]',), (16, 40), marks=pytest.mark.slow),
    ],
)
def test_stopped_in_each_phase_and_called_again_is_a_straight_run(
    songs: str, tmp_path: Path, name: str, settings: tuple[str, ...], stops: tuple[int, ...]
):
    made = prepared(songs, name, *settings)
    straight, stopped = (
        tmp_path / kind / "run" for kind in ("straight", "stopped")
    )  # files say the model's name
    train(made, straight, lambda row: None)
    for place in stops:

        class Once(Stopping):
            stop = place

        with pytest.raises(loop.Stopped):
            train(Once(**vars(made)), stopped, lambda row: None)
    train(made, stopped, lambda row: None)
    for file in ("metrics.jsonl", "model/model.safetensors", "mle.safetensors"):
        assert (straight / file).read_bytes() == (stopped / file).read_bytes(), file
    last = sorted((straight / "samples").glob("*.mid"))[-1].name
    heard = [(run / "samples" / last).read_bytes() for run in (straight, stopped)]
    assert heard[0] == heard[1]
    rows = [json.loads(line) for line in (straight / "metrics.jsonl").read_text().splitlines()]
    assert {row["phase"] for row in rows if "phase" in row} == {phase.game for phase in made.recipe.phase}
    assert all("melodic_step_kl" in row for row in rows if "heldout_nll" in row)


@pytest.mark.long
def test_torchrun_makes_the_weights_of_one_process(songs: str, tmp_path: Path):
    # songs differ in length, so the processes' batches hold different numbers of tokens
    code = f"""
import sys
from pathlib import Path
from creative_gan.core.recipe import load, locate
from creative_gan.music.midi.recipe import MidiRecipe
from creative_gan.music.midi.train import plan, train
settings = ["precision=float32", "watch.looks=2", "data.bars=8", "mle.lr=1e-4"]
recipe = load(MidiRecipe, locate("chorales", "music"), settings, test=True)
train(plan({songs!r}, recipe, "x", "cpu"), Path(sys.argv[1]), lambda row: None)
"""
    (tmp_path / "run.py").write_text(code)
    for name, runner in (
        ("one", []),
        ("two", ["-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone"]),
    ):
        command = [sys.executable, *runner, str(tmp_path / "run.py"), str(tmp_path / name)]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
    one, two = (
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    )
    played = [row for row in one if "phase" in row]
    assert {row["phase"] for row in played} == {"mle", "dense"} and len(one) == len(two)
    for a, b in zip(played, [row for row in two if "phase" in row], strict=True):
        for name in {"nll", "critic_loss", "reward", "kl", "entropy", "generator_gradient"} & set(a):
            assert a[name] == pytest.approx(b[name], rel=1e-4, abs=1e-6), name
    weights = [load_file(tmp_path / name / "model/model.safetensors") for name in ("one", "two")]
    # Adam takes a whole step for the rounding of a gradient that is nearly zero, so a few may differ
    far = [((weights[0][key] - weights[1][key]).abs() > 1e-5).float().mean() for key in weights[0]]
    assert max(far) < 0.02


def test_batches_depend_on_seed_and_place_alone(songs: str):
    first, second = (prepared(songs, "folk", "data.bars=4") for _ in range(2))
    whole = first.batch(640, 8, slice(0, 8))
    assert whole["real"].shape[1] <= first.length and whole["label"].shape == (8,)
    for key in whole:
        parts = torch.cat([second.batch(640, 8, slice(a, a + 4))[key] for a in (0, 4)])
        assert torch.equal(whole[key], parts)
    assert not torch.equal(
        whole["real"], first.batch(648, 8, slice(0, 8))["real"][:, : whole["real"].shape[1]]
    )
    still = prepared(songs, "folk", "data.bars=4", "data.transpose=0").batch(640, 8, slice(0, 8))
    assert torch.equal(still["length"], whole["length"]) and not torch.equal(still["real"], whole["real"])


def test_minutes_become_samples_and_one_number_is_shared_out(songs: str, tmp_path: Path):
    made = prepared(songs, "chorales", "budget.samples=[]", "budget.minutes=0.01")
    said: list[str] = []
    train(made, tmp_path / "run", lambda row: said.append(row.get("say", "")))
    recipe = load(MidiRecipe, tmp_path / "run/recipe.toml")
    assert len(recipe.budget.samples) == 2 and min(recipe.budget.samples) >= 8
    assert any("songs of mle and" in line for line in said)
    assert sum(prepared(songs, "chorales", "budget.samples=100").recipe.budget.samples) in range(100, 116)


def test_estimate_and_remarks_say_what_there_is(songs: str):
    made = prepared(songs, "folk", "game.batch=64", "data.length=16", "data.bars=8")
    said = " ".join(remarks(made))
    assert "are cut at 16" in said and "fewer than a batch of 64" in said
    lines = estimate(made)
    assert f"{len(made.train)} songs to train on" in lines[0] and "phase dense" in lines[-1]


def test_songs_that_cannot_be_used(songs: str, tmp_path: Path):
    one = tmp_path / "one"
    one.mkdir()
    (one / "a.mid").write_bytes((Path(songs) / "00.mid").read_bytes())
    with pytest.raises(DataError, match="only one song"):
        plan(str(one), small("folk"), "music/folk", "cpu")
    (one / "b.mid").write_bytes((Path(songs) / "01.mid").read_bytes())
    (one / "c.mid").write_bytes(b"MThd nonsense")
    odd = to_midi(tunes(60)[3][1])
    odd.time_signature_changes[0].numerator, odd.time_signature_changes[0].denominator = 11, 8
    odd.write(str(one / "odd.mid"))
    said = " ".join(remarks(plan(str(one), small("folk"), "music/folk", "cpu")))
    assert (
        "skipped 1" in said and "1 song has metres that are not known" in said and "11/8 in odd.mid" in said
    )
    with pytest.raises(DataError, match=r"c\.mid"):
        plan(str(one), small("folk"), "music/folk", "cpu", strict=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"phase": []}, "no [[phase]]"),
        ({"kind": "wave"}, "must be one of midi"),
        ({"data": {"shape": "choir"}}, "must be one of auto, lead"),
        ({"network": {"dropot": 0.1}}, "did you mean"),
    ],
)
def test_recipes_that_make_no_sense_are_one_sentence(change: dict, words: str):
    table = {"about": "x", "phase": [{"game": "mle"}], "budget": {"samples": [8]}}
    with pytest.raises(UserError) as error:
        parse(MidiRecipe, table | change)
    assert words in str(error.value)

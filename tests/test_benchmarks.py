"""The benchmarks run from a clone, on an oracle and data of the tests' own."""

import json
import runpy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SCRIPT = BENCHMARKS / "seqgan_oracle.py"
SMALL = [
    "--count",
    "200",
    "--width",
    "8",
    "--mle-samples",
    "2560",
    "--game-samples",
    "640",
    "--critic-scale",
    "0.02",
]


def oracle(path: Path, size: int = 30, width: int = 4) -> None:
    rng = np.random.default_rng(0)
    shapes = [(size, width), *[(width, width), (width, width), (width,)] * 4, (width, size), (size,)]
    arrays = [2 * rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    np.savez(path, **{f"p{index:02}": array for index, array in enumerate(arrays)})  # type: ignore[arg-type]


Benchmark = Callable[..., tuple[int, str, str]]


@pytest.fixture
def benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Benchmark:
    """Runs the script in this process, in a folder with an oracle: (exit code, stdout, stderr)."""
    oracle(tmp_path / "oracle.npz")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", [str(SCRIPT), "--device", "cpu", *SMALL, *arguments])
        code: int | str | None = 0
        try:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        except SystemExit as done:
            code = done.code
        out, err = capsys.readouterr()
        return (1, out, code) if isinstance(code, str) else (code or 0, out, err)

    return run


def result(benchmark: Benchmark, *arguments: str) -> dict[str, Any]:
    code, out, err = benchmark("--oracle", "oracle.npz", "--json", *arguments)
    assert code == 0, err
    return json.loads(out)


def test_literal_seqgan_beside_its_baseline_and_its_control(benchmark: Benchmark, tmp_path: Path) -> None:
    settings = [
        "--set",
        "critic_pretrain=320",
        "--set",
        "rollouts=2",
        "--samples-out",
        "s.npy",
        "--start",
        "w.st",
    ]
    found = result(benchmark, "--game", "seqgan", *settings)
    samples = np.load(tmp_path / "s.npy")
    assert (
        samples.dtype == np.int32 and samples.shape == (200, 20) and 0 <= samples.min() <= samples.max() < 30
    )
    assert set(found["final"]) == set(found["sweep"]) == {"mle", "seqgan", "control"}
    learnt = [row["nll_test"] for row in found["time"] if row["phase"] == "mle"]
    assert learnt[-1] < learnt[0] - 0.05
    curve = [point["nll_oracle"] for point in found["sweep"]["mle"]]
    assert curve[-1] < curve[0], "lower temperature, likelier samples"
    assert sum(row["phase"] == "control" for row in found["time"]) > 0
    again = result(benchmark, "--game", "mle", "--start", "w.st")
    assert again["final"]["mle"] == found["final"]["mle"] and not again["time"]


@pytest.mark.parametrize("game", ["seqgan-dense", "cot"])
def test_the_other_games(benchmark: Benchmark, game: str) -> None:
    settings = ["--set", "critic_pretrain=64"] if game == "seqgan-dense" else []
    found = result(benchmark, "--game", game, *settings)
    assert set(found["final"]) == {"mle", game, "control"}
    assert all(np.isfinite(point["nll_test"]) for point in found["sweep"][game])


def test_mistakes_are_told_in_a_sentence(benchmark: Benchmark, tmp_path: Path) -> None:
    (tmp_path / "there.npy").touch()
    for arguments, said in (
        (["--oracle", "none.npz"], "none.npz"),
        (["--samples-out", "there.npy"], "there.npy"),
        (["--game", "cot", "--set", "rollouts=2", "--mle-samples", "64", "--count", "100"], "rollouts"),
        (["--set", "rollouts:2"], "--set"),
        (["--oracle", "oracle.npz", "--start", "oracle.npz"], "oracle.npz"),
    ):
        code, _, err = benchmark(*arguments)
        assert code == 1 and err.startswith("error: ") and "\n" not in err and said in err


Script = Callable[..., str]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Script:
    """Runs a benchmark by name in this process: its stdout."""
    monkeypatch.syspath_prepend(BENCHMARKS)

    def run(name: str, *arguments: str) -> str:
        monkeypatch.setattr("sys.argv", [name, *arguments])
        runpy.run_path(str(BENCHMARKS / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_a_training_step_on_sounds_beside_a_plain_loop(script: Script) -> None:
    tiny = ["--part", "step", "--width", "4", "--batch", "2", "--rounds", "1"]
    found = json.loads(script("music_speed.py", *tiny, "--json"))["step"]
    assert (found["length"], found["width"], found["batch"]) == (8192, 4, 2)
    plain, *ours = found["steps"].values()
    assert len(ours) == 2 and plain["times_the_plain_loop"] == plain["times_in_processor_time"] == 1
    for row in ours:
        assert row["times_the_plain_loop"] == pytest.approx(plain["ms_per_step"] / row["ms_per_step"])
        assert row["times_in_processor_time"] == pytest.approx(plain["processor_ms"] / row["processor_ms"])
    lines = script("music_speed.py", *tiny).splitlines()
    assert lines[0].startswith("step: ") and len(lines) == 4


def judged(script: Script, *arguments: str) -> dict[str, Any]:
    """A rival that trains for no time, beside a model of ours."""
    return json.loads(script("rivals.py", *arguments, "--cpu-minutes", "0", "--count", "50", "--json"))


def test_the_rival_of_pictures(
    script: Script, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from creative_gan.image import classifier

    monkeypatch.setattr(classifier, "SEEN", (2560, 2560))
    out = tmp_path / "rival"
    arguments = "dcgan", "builtin:digits", "--out", str(out), "--model", str(trained)
    found = judged(script, *arguments)
    assert found == judged(script, *arguments), "samples that are there are judged again"
    theirs, ours = found["figures"]["dcgan"], found["figures"]["ours"]
    assert theirs["frechet"]["floor"] == ours["frechet"]["floor"], "the same judge and the same real ones"
    assert theirs["sizes"] == ours["sizes"]
    assert found["about"]["frechet_of_resizing"] < ours["frechet"]["floor"] < theirs["frechet"]["value"]
    assert 0 <= found["about"]["sevens_of_500"] <= 500 and "agreement" not in theirs
    assert (out / "dcgan.png").exists() and (out / "ours.png").exists()


def test_the_rival_of_sounds(script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from creative_gan.core.recipe import load, locate
    from creative_gan.music.wave import judge
    from creative_gan.music.wave.recipe import WaveRecipe
    from creative_gan.music.wave.train import plan, train

    monkeypatch.setattr(judge, "train_judge", partial(judge.train_judge, seen=640))
    recipe = load(WaveRecipe, locate("wave-8k", "music"), [], test=True)
    train(plan("builtin:drums", recipe, "music/wave-8k", "cpu"), tmp_path / "run", lambda row: None)
    out = tmp_path / "rival"
    model = str(tmp_path / "run")
    found = judged(script, "wavegan", "builtin:drums", "--out", str(out), "--model", model)
    theirs, ours = found["figures"]["wavegan"], found["figures"]["ours"]
    assert theirs["Fréchet distance"]["floor"] == ours["Fréchet distance"]["floor"]
    assert "right class" in ours and "right class" not in theirs
    assert found["about"]["seen"] == 0 and (out / "wavegan.wav").exists() and (out / "ours.png").exists()

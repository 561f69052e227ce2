"""The text commands as a user calls them: files that other programs open, sentences for every mistake."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

QUICK = ("--set", "network.width=16", "--set", "game.batch=16", "--set", "watch.looks=2", "--quiet")
QUICK += ("--set", "watch.report=false")


def test_train_resume_and_refusals(run, tmp_path: Path):
    (tmp_path / "lines.txt").write_text("\n".join(f"line {i} of the song is sung" for i in range(60)))
    out = tmp_path / "run"
    train = ("text", "train", tmp_path / "lines.txt", *QUICK, "--out", out)
    assert run(*train, "--samples", 64)[0] == 0
    log = (out / "metrics.jsonl").read_bytes()
    assert (out / "model/model.safetensors").exists() and len(list((out / "samples").glob("*.txt"))) >= 2
    assert (out / "recipe.toml").read_text().count("[[phase]]") == 2
    assert run(*train, "--samples", 64)[0] == 0 and (out / "metrics.jsonl").read_bytes() == log
    code, _, err = run(*train, "--samples", 640)
    assert code == 1 and "another budget.samples" in err and "--new" in err
    with (tmp_path / "lines.txt").open("a") as file:
        file.write("\none more line")
    code, _, err = run(*train, "--samples", 64)
    assert code == 1 and "other data" in err
    assert run(*train, "--samples", 32, "--new")[0] == 0
    assert (tmp_path / "run.old1/metrics.jsonl").read_bytes() == log


def test_the_recipe_goes_with_the_data(run, tmp_path: Path):
    (tmp_path / "zh.txt").write_text("\n".join(f"春風{c}柳綠，秋月{c}山空。" for c in "東西南北高遠近深清明"))
    (tmp_path / "en.txt").write_text(
        "\n".join(f"a {w} dog runs" for w in ["red", "old", "big", "small", "wet", "dry"])
    )
    for data, recipe in (
        (tmp_path / "zh.txt", "tang"),
        (tmp_path / "en.txt", "captions"),
        ("builtin:verses-zh", "builtin"),
    ):
        code, out, err = run(
            "text",
            "train",
            data,
            *(word for word in QUICK if word != "--quiet"),
            "--samples",
            16,
            "--dry-run",
        )
        assert code == 0 and f"recipe text/{recipe} suits" in err, err
        assert "phase mle:" in out and "phase dense:" in out and "[[phase]]" in out


def test_generate_to_the_screen_txt_and_jsonl(run, written: Path, tmp_path: Path):
    generate = ("text", "generate", "--model", written, "-n", 5, "--seed", 3)
    code, screen, _ = run(*generate)
    assert code == 0 and len(screen.splitlines()) == 5
    assert run(*generate, "--out", tmp_path / "a.txt")[0] == 0
    assert (tmp_path / "a.txt").read_text("utf-8") == screen
    assert run(*generate, "--out", tmp_path / "a.jsonl")[0] == 0
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text("utf-8").splitlines()]
    assert [row["text"] for row in rows] == screen.splitlines() and all(row["label"] for row in rows)
    code, more, _ = run("text", "sample", "--model", written, "-n", 25, "--seed", 3)
    assert more.splitlines()[:5] == screen.splitlines()
    code, one, _ = run(*generate, "--class", rows[0]["label"], "--prompt", "the", "--temperature", 0.7)
    assert code == 0 and all(line.startswith("the") for line in one.splitlines())


def test_every_file_can_be_made_again(run, written: Path, tmp_path: Path):
    generate = ("text", "generate", "--model", written, "-n", 7, "--seed", 5)
    run(
        *generate,
        "--out",
        tmp_path / "a.txt",
        "--prompt",
        "the",
        "--best-of",
        3,
        "--top-k",
        40,
        "--top-p",
        0.9,
        "--length",
        8,
    )
    assert all(len(line.split()) <= 8 for line in (tmp_path / "a.txt").read_text("utf-8").splitlines())
    run(*generate, "--out", tmp_path / "b.jsonl", "--weights", "mle", "--temperature", 0.5)
    for name in ("a.txt", "b.jsonl"):
        copy = tmp_path / f"copy-{name}"
        assert run("inspect", tmp_path / name, "--again", copy)[0] == 0
        assert copy.read_bytes() == (tmp_path / name).read_bytes()
        beside = [path.with_name(path.name + ".json").read_bytes() for path in (tmp_path / name, copy)]
        assert beside[0] == beside[1]
    record = json.loads(run("inspect", tmp_path / "b.jsonl", "--json")[1])
    assert record["command"] == "text generate" and record["arguments"]["weights"] == "mle"
    assert record["arguments"]["seed"] == 5 and record["arguments"]["count"] == 7
    assert run(*generate, "--no-metadata", "--out", tmp_path / "bare.txt")[0] == 0
    assert not (tmp_path / "bare.txt.json").exists()
    damaged = tmp_path / "a.txt.json"
    damaged.write_text(damaged.read_text().replace('"count": 7', '"count": "many"'))
    code, _, err = run("inspect", tmp_path / "a.txt", "--again", tmp_path / "c.txt")
    assert code == 1 and "damaged" in err


def test_evaluate_and_verdict(run, written: Path, monkeypatch):
    from creative_gan.sequence import verdict as curves
    from creative_gan.text import verdict

    code, out, _ = run("text", "evaluate", "--model", written, "-n", 50, "--json")
    assert code == 0 and {"bleu_4", "self_bleu_4", "heldout_nll", "sizes", "copies"} <= set(json.loads(out))
    assert "real data" in run("text", "evaluate", "--model", written, "-n", 50)[1]
    monkeypatch.setattr(curves, "SWEPT", (0.5, 1.0, 1.5))
    monkeypatch.setattr(curves, "TRIED", (0.9, 1.1))
    monkeypatch.setattr(verdict, "keep", lambda name, result: None)  # the model is other tests' too
    code, out, _ = run("text", "evaluate", "--model", written, "--verdict", "-n", 20)
    assert code == 0 and "self-BLEU-4" in out and "held-out NLL: adversarial" in out
    beside = ("--verdict", "-n", 20, "--baseline", written / "model", "--json")
    code, out, _ = run("text", "evaluate", "--model", written, *beside)
    assert code == 0 and json.loads(out)["baseline"] == str(written / "model")
    assert run("text", "evaluate", "--model", written, "--baseline", written)[0] == 2
    assert run("text", "evaluate", "--model", written, "--verdict", "--baseline", " ")[0] == 2


def test_export_gives_a_folder_that_writes_the_same(run, written: Path, tmp_path: Path):
    assert run("text", "export", "--model", written, "--out", tmp_path / "shared")[0] == 0
    names = {"config.json", "model.safetensors", "tokenizer.json", "README.md"}
    assert {p.name for p in (tmp_path / "shared").iterdir()} == names
    card = (tmp_path / "shared/README.md").read_text("utf-8")
    assert "licence" in card and "```text" in card and "text generate" in card
    one, other = (run("text", "generate", "--model", m, "-n", 3)[1] for m in (written, tmp_path / "shared"))
    assert one == other


def test_check(run, tmp_path: Path):
    (tmp_path / "a.txt").write_text("\ufeffone line\nand another\n", "utf-8")
    code, out, _ = run("text", "check", tmp_path / "a.txt")
    assert code == 0 and "2 texts" in out and "too few" in out
    assert json.loads(run("text", "check", tmp_path / "a.txt", "--json")[1])["texts"] == 2


def test_constant_reward_is_one_flag(run, tmp_path: Path):
    code, out, _ = run(
        "text", "train", "builtin:verses", *QUICK, "--samples", 16, "--constant-reward", "--dry-run"
    )
    assert code == 0 and out.count("constant_reward = true") == 2
    train = (
        "text",
        "train",
        "builtin:verses",
        "--recipe",
        "cot",
        *QUICK,
        "--samples",
        16,
        "--constant-reward",
    )
    code, _, err = run(*train)
    assert code == 1 and "has no rewards" in err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no text"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "zero byte"),
        ("Ärger\nmit Öl".encode("latin-1"), "is not UTF-8"),
        (b"only one line\n", "only one text"),
        (b"the same\nthe same\nthe same\n", "copies of one text"),
        ("zwei\nZeilen".encode("utf-16"), "UTF-16"),
    ],
)
def test_data_that_cannot_be_used_is_one_sentence(run, tmp_path: Path, content: bytes, words: str):
    (tmp_path / "data.txt").write_bytes(content)
    code, _, err = run(
        "text", "train", tmp_path / "data.txt", *QUICK, "--samples", 16, "--out", tmp_path / "run"
    )
    assert code == 1 and err.startswith("Error: ") and err.count("\n") == 1 and words in err
    assert str(tmp_path / "data.txt") in err and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("text", "train", "no-such-file.txt"), 1, "no-such-file.txt"),
        (("text", "train", "builtin:nothing"), 1, "builtin:verses-zh"),
        (("text", "train", "builtin:verses", "--recipe", "tangg"), 1, "did you mean 'text/tang'"),
        (("text", "train", "builtin:verses", "--set", "mle.rate=1"), 1, "known keys: lr, clip, ema"),
        (("text", "train", "builtin:verses", "--samples", "9", "--minutes", "1"), 2, "not both"),
        (("text", "train", "builtin:verses", "--generator", "gpt2"), 1, "named hf:NAME"),
        (("text", "train", "builtin:verses", "--recipe", "image/digits"), 1, "modality"),
        (("text", "generate", "--model", "nobody", "--temperature", "nan"), 2, "nan is not a finite number"),
        (("text", "generate", "--model", "nobody", "--top-p", "nan"), 2, "nan is not a finite number"),
        (("text", "evaluate", "--model", "nobody", "--temperature", "nan"), 2, "nan is not a finite number"),
        (("text", "generate", "--model", "nobody"), 1, "there is no model 'nobody'"),
        (("recipes", "check", "text/cot"), 0, ""),
    ],
)
def test_wrong_calls_are_one_sentence(run, tmp_path: Path, monkeypatch, arguments, code: int, words: str):
    monkeypatch.chdir(tmp_path)
    got, _, err = run(*arguments)
    assert got == code and words in err and "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_wrong_wishes_are_one_sentence(run, written: Path, trained: Path, tmp_path: Path):
    generate = ("text", "generate", "--model", written, "-n", 2)
    for arguments, words in (
        (("--prompt", "zyzzyva"), "has never seen 'zyzzyva'"),
        (("--prompt", "the " * 999), "writes at most"),
        (("--class", "eleven"), "knows no class 'eleven'"),
        (("--length", 9999), "tokens, not of 9,999; ask for"),
        (("--out", tmp_path / "x.docx"), ".txt or .jsonl"),
    ):
        code, _, err = run(*generate, *arguments)
        assert code == 1 and words in err and "Traceback" not in err and err.count("\n") == 1
    code, _, err = run("text", "generate", "--model", trained)
    assert code == 1 and "is a model for image" in err
    (tmp_path / "mine.txt").write_text("mine")
    code, _, err = run(*generate, "--out", tmp_path / "mine.txt")
    assert code == 1 and "--overwrite" in err and (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.slow
def test_a_signal_saves_and_says_how_to_go_on(tmp_path: Path):
    command = [sys.executable, "-m", "creative_gan", "text", "train", "builtin:verses", "--samples", "200000"]
    command += ["--set", "network.width=16", "--set", "network.embedding=8", "--out", str(tmp_path / "run")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    log = tmp_path / "run/metrics.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (log.exists() and log.stat().st_size > 300):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "stopped and saved; go on with:" in err
    assert "text train builtin:verses" in err
    assert len(list((tmp_path / "run/checkpoint").iterdir())) == 2


def test_the_pipe_of_another_program_may_close(written: Path):
    command = [sys.executable, "-m", "creative_gan", "text", "generate", "--model", str(written), "-n", "500"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None and process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None and b"Traceback" not in process.stderr.read()

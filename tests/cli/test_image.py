"""The picture commands as a user calls them: files that other programs open, sentences for every mistake."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

QUICK = ("--recipe", "digits", "--set", "network.width=8", "--set", "game.batch=16", "--quiet")
QUICK += ("--set", "watch.report=false")


def test_train_sample_resume_and_refusals(run, tmp_path: Path):
    out = tmp_path / "run"
    train = ("image", "train", "builtin:digits", *QUICK, "--out", out)
    assert run(*train, "--samples", 160)[0] == 0
    log = (out / "metrics.jsonl").read_bytes()
    assert len(list((out / "samples").glob("*.png"))) > 2 and (out / "model/model.safetensors").exists()
    told = (out / "recipe.toml").read_text().replace('about = "', 'about = "once ', 1)
    (out / "recipe.toml").write_text(told)  # of an earlier version, which said it in other words
    assert run(*train, "--samples", 160)[0] == 0  # the same again: nothing left to do
    assert (out / "metrics.jsonl").read_bytes() == log
    code, _, err = run(*train, "--samples", 320)
    assert code == 1 and "with another budget.samples;" in err and "--new" in err
    (tmp_path / "dots").mkdir()
    for i in range(20):
        Image.new("L", (28, 28), 12 * i).save(tmp_path / f"dots/{i}.png")
    code, _, err = run("image", "train", tmp_path / "dots", *QUICK, "--out", out, "--samples", 160)
    assert code == 1 and "other data" in err
    assert run(*train, "--samples", 320, "--new")[0] == 0
    assert (tmp_path / "run.old1/metrics.jsonl").read_bytes() == log  # nothing is lost


def test_minutes_become_samples_that_resuming_keeps(run, tmp_path: Path):
    out = tmp_path / "run"
    train = ("image", "train", "builtin:digits", *QUICK, "--out", out, "--minutes", "0.02")
    assert run(*train)[0] == 0
    recipe = (out / "recipe.toml").read_text()
    samples = int(recipe.split("samples = ")[1].split()[0])
    assert samples >= 16 and "minutes = 0.02" in recipe
    assert run(*train)[0] == 0 and (out / "recipe.toml").read_text() == recipe


def test_sheet_zip_folder_and_stdout(run, trained: Path, tmp_path: Path):
    model = ("--model", trained)
    assert run("image", "sample", *model, "--out", tmp_path / "grid.png", "-n", 20)[0] == 0
    assert Image.open(tmp_path / "grid.png").width >= 100
    assert run("image", "generate", *model, "--out", tmp_path / "all.zip", "-n", 3)[0] == 0
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert [Image.open(io.BytesIO(archive.read(n))).size for n in archive.namelist()] == [(28, 28)] * 3
    assert run("image", "sample", *model, "--out", tmp_path / "folder", "-n", 18)[0] == 0
    first = [p.read_bytes() for p in sorted((tmp_path / "folder").iterdir())]
    assert len(first) == 18
    assert run("image", "sample", *model, "--out", tmp_path / "again", "-n", 5)[0] == 0
    assert [p.read_bytes() for p in sorted((tmp_path / "again").iterdir())] == first[
        :5
    ]  # same seed, same bytes
    command = [
        sys.executable,
        "-m",
        "creative_gan",
        "image",
        "sample",
        "--model",
        str(trained),
        "-n",
        "1",
        "--out",
        "-",
    ]
    piped = subprocess.run(command, capture_output=True, check=True).stdout
    assert Image.open(io.BytesIO(piped)).size == (28, 28)


def test_every_picture_can_be_made_again(run, trained: Path, tmp_path: Path):
    sample = ("image", "sample", "--model", trained, "-n", 20, "--seed", 5, "--truncation", 1.5)
    run(*sample, "--out", tmp_path / "f")
    run(*sample, "--out", tmp_path / "g.png", "--class", "7")
    run("image", "walk", "--model", trained, "--out", tmp_path / "w.gif", "--seconds", 0.5)
    for name in ("f/00017.png", "g.png", "w.gif"):
        copy = tmp_path / ("copy" + Path(name).suffix)
        assert run("inspect", tmp_path / name, "--again", copy, "--overwrite")[0] == 0
        assert copy.read_bytes() == (tmp_path / name).read_bytes()
    code, out, _ = run("inspect", tmp_path / "g.png", "--json")
    record = json.loads(out)
    assert code == 0 and record["arguments"]["class"] == "7" and record["arguments"]["seed"] == 5
    assert (
        run("image", "sample", "--model", trained, "-n", 1, "--no-metadata", "--out", tmp_path / "bare.png")[
            0
        ]
        == 0
    )
    code, _, err = run("inspect", tmp_path / "bare.png")
    assert code == 1 and "carries no record" in err


def test_walks_loop_and_open_elsewhere(run, trained: Path, tmp_path: Path):
    walk = ("image", "walk", "--model", trained, "--seconds", 1, "--fps", 10)
    for name in ("w.gif", "w.webp"):
        assert run(*walk, "--out", tmp_path / name)[0] == 0
        with Image.open(tmp_path / name) as film:
            assert film.n_frames == 10 and film.info.get("loop") == 0
    assert run(*walk, "--out", tmp_path / "frames")[0] == 0
    frames = [np.asarray(Image.open(p), float) for p in sorted((tmp_path / "frames").iterdir())]
    steps = [np.abs(a - b).mean() for a, b in zip(frames, [*frames[1:], frames[0]], strict=True)]
    assert steps[-1] < 3 * np.median(steps) + 1  # the end joins the beginning


def test_exports_a_model_folder_that_samples_the_same(run, trained: Path, tmp_path: Path):
    assert run("image", "export", "--model", trained, "--out", tmp_path / "shared")[0] == 0
    assert {p.name for p in (tmp_path / "shared").iterdir()} == {
        "config.json",
        "model.safetensors",
        "README.md",
        "preview.png",
    }
    for source in (trained, tmp_path / "shared"):
        run(
            "image",
            "sample",
            "--model",
            source,
            "-n",
            2,
            "--no-metadata",
            "--out",
            tmp_path / f"{source.name}.zip",
        )
    assert (tmp_path / f"{trained.name}.zip").read_bytes() == (tmp_path / "shared.zip").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("shipped", ["", "emoji"])  # with filter and modulation in the second one
def test_onnx_gives_the_same_pixels(run, trained: Path, tmp_path: Path, shipped: str):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    import torch

    from creative_gan.image.model import load

    assert run("image", "export", "--model", shipped or trained, "--out", tmp_path / "m.onnx")[0] == 0
    model = load(shipped or trained)
    session = runtime.InferenceSession(tmp_path / "m.onnx")
    for n in (1, 5):
        z, label = model.latents(range(n), 3), model.labels(range(n))
        (made,) = session.run(None, {"z": z.numpy(), "label": label.numpy()})
        with torch.no_grad():
            expected = ((model.generator(z, label) + 1) / 2).clamp(0, 1).numpy()
        assert np.abs(made - expected).max() < 1e-4


@pytest.mark.slow
def test_evaluate_prints_figures_beside_their_floor(run, trained: Path, quick_judges: None):
    code, out, _ = run("image", "evaluate", "--model", trained, "-n", 200, "--json")
    result = json.loads(out)
    assert code == 0 and {"frechet", "precision", "recall"} <= set(result)
    assert result["frechet"]["value"] > 3 * result["frechet"]["floor"]  # trained for a moment only
    assert len(out.splitlines()) < 150, "figures, not what is said of each sample"
    assert "frechet" in run("image", "evaluate", "--model", trained, "-n", 100)[1].lower()


def test_dry_run_and_log_to_tensorboard(run, tmp_path: Path):
    code, out, _ = run("image", "train", "builtin:digits", *QUICK, "--samples", 64, "--dry-run")
    assert code == 0 and "[network]" in out and "parameters: generator" in out and "memory: about" in out
    out_ = tmp_path / "run"
    assert (
        run(
            "image", "train", "builtin:digits", *QUICK, "--samples", 64, "--log", "tensorboard", "--out", out_
        )[0]
        == 0
    )
    assert list((out_ / "tensorboard").glob("events.out.*"))


def test_check(run, tmp_path: Path):
    for i in range(3):
        Image.new("RGB", (40, 30), (i * 80, 0, 0)).save(tmp_path / f"{i}.png")
    (tmp_path / "bad.jpg").write_text("not a picture")
    code, out, _ = run("image", "check", tmp_path)
    assert code == 0 and "bad.jpg" in out and "3" in out
    code, out, _ = run("image", "check", tmp_path, "--json")
    assert code == 0 and json.loads(out)


def test_the_column_of_the_classes_is_the_users(run, tmp_path: Path, quick_judges: None):
    rows = ["file_name,label,kind"]
    for i in range(240):
        Image.new("L", (16, 16), i).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png,grey,{'dark' if i < 120 else 'light'}")
    (tmp_path / "metadata.csv").write_text("\n".join(rows))
    told = json.loads(run("image", "check", tmp_path, "--label-column", "kind", "--json")[1])
    assert told["classes"] == {"dark": 120, "light": 120}
    out, train = tmp_path / "run", ("image", "train", tmp_path, *QUICK, "--samples", 16, "--label-column")
    assert run(*train, "kind", "--out", out)[0] == 0
    one = ("--class", "light", "-n", 1, "--out", tmp_path / "one.png")
    assert run("image", "sample", "--model", out, *one)[0] == 0
    judge = ("image", "evaluate", "--model", out, "-n", 20, "--json")
    assert set(json.loads(run(*judge)[1])["class_balance"]["shares"]) == {"dark", "light"}
    # pictures of others have no such column
    code, told, _ = run(*judge, "--data", "builtin:digits")
    assert code == 0 and "not the pictures of its training" in json.loads(told)["note"]
    code, _, err = run(*train, "hue", "--out", tmp_path / "other")
    assert code == 1 and "metadata.csv: has no column 'hue'" in err and not (tmp_path / "other").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(tmp_path: Path, number: int, expected: int):
    command = [sys.executable, "-m", "creative_gan", "image", "train", "builtin:digits", "--recipe", "digits"]
    command += ["--set", "network.width=8", "--samples", "200000", "--out", str(tmp_path / "run")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    log = tmp_path / "run/metrics.jsonl"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (log.exists() and log.stat().st_size > 300):
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == expected
    assert "stopped and saved; go on with:" in err and "image train builtin:digits" in err
    assert len(list((tmp_path / "run/checkpoint").iterdir())) == 2


def broken_jpeg(folder: Path) -> Path:
    Image.effect_noise((64, 64), 50).save(folder / "whole.jpg")
    (folder / "cut.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:700])
    (folder / "whole.jpg").unlink()
    return folder


def renamed_text(folder: Path) -> Path:
    (folder / "text.png").write_text("hello")
    return folder


def giant(folder: Path) -> Path:
    import struct
    import zlib

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (folder / "giant.png").write_bytes(
        data + struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    )
    return folder


@pytest.mark.parametrize("make", [broken_jpeg, renamed_text, giant, lambda folder: folder])
def test_data_that_cannot_be_used_is_one_sentence(run, tmp_path: Path, make):
    folder = tmp_path / "data"
    folder.mkdir()
    begun = time.monotonic()
    code, _, err = run("image", "train", make(folder), *QUICK, "--samples", 64, "--out", tmp_path / "run")
    assert code == 1 and err.startswith("Error: ") and err.count("\n") == 1 and "Traceback" not in err
    assert str(folder) in err and time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("image", "train", "no-such-folder"), 1, "no-such-folder"),
        (("image", "train", "builtin:nothing"), 1, "art"),
        (("image", "train", "builtin:digits", "--size", "7"), 2, "16 to 256"),
        (("image", "train", "builtin:digits", "--recipe", "digitz"), 1, "did you mean 'image/digits'"),
        (
            ("image", "train", "builtin:digits", "--recipe", "digits", "--set", "gmae.lr=1"),
            1,
            "did you mean 'game'",
        ),
        (
            ("image", "train", "builtin:digits", "--recipe", "digits", "--set", "game.lr=fast"),
            1,
            "'game.lr' must be a number",
        ),
        (("image", "train", "builtin:digits", "--samples", "9", "--minutes", "1"), 2, "not both"),
        (("image", "train", "builtin:digits", "--device", "tpu"), 2, "tpu"),
        (
            ("image", "train", "builtin:digits", "--recipe", "digits", "--device", "mps"),
            1,
            "try --device auto",
        ),
        (("image", "sample", "--model", "nobody", "--out", "x.png"), 1, "there is no model 'nobody'"),
        (
            ("image", "sample", "--model", "verses", "--out", "x.png"),
            1,
            "verses is a model for text; use creative-gan text",
        ),
        (
            ("text", "generate", "--model", "emoji"),
            1,
            "emoji is a model for image; use creative-gan image",
        ),
        (("image", "train", "builtin:digits", "--recipe", "digits", "--log", "paper"), 2, "tensorboard"),
        (("inspect", "no-such-file.png"), 1, "no-such-file.png"),
        (("recipes", "show", "wgan-pg"), 1, "did you mean"),
        (("image", "export", "--model", "digits", "--out", "x.zip"), 1, "exported as a folder"),
        (("music", "walk", "--model", "chorales", "--out", "x.wav"), 1, "--model drums"),
        (("music", "sample", "--model", "chorales", "--out", "-"), 2, "does not say what to write"),
        (("text", "evaluate", "--model", "verses", "--verdict", "--seed", "3"), 2, "leave --seed away"),
        (
            ("music", "evaluate", "--model", "chorales", "--verdict", "--temperature", "1"),
            2,
            "--temperature away",
        ),
        (
            ("image", "train", "builtin:digits", "--recipe", "digits", "--log", "wandb"),
            1,
            "creative-gan[wandb]",
        ),
        (("nonsense",), 2, "nonsense"),
    ],
)
def test_wrong_calls_are_one_sentence(run, tmp_path: Path, monkeypatch, arguments, code: int, words: str):
    monkeypatch.chdir(tmp_path)
    got, _, err = run(*arguments)
    assert got == code and words in err and "Traceback" not in err
    assert not list(tmp_path.glob("*.*"))


def test_a_file_is_made_again_wherever_one_stands(run, trained: Path, tmp_path: Path, monkeypatch):
    work, other = tmp_path / "work", tmp_path / "other"
    shutil.copytree(trained / "model", work / "runs/d/model")
    (work / "new").mkdir()
    shutil.copytree(trained / "model", other / "runs/d")
    with (other / "runs/d/model.safetensors").open("ab") as file:  # another model of that name is passed by
        file.write(b" ")
    monkeypatch.chdir(work)
    assert run("image", "sample", "--model", "runs/d", "-n", 1, "--out", "new/a.png")[0] == 0
    for place in (work, work / "new", tmp_path, other):
        monkeypatch.chdir(place)
        code, _, err = run("inspect", work / "new/a.png", "--again", tmp_path / "b.png", "--overwrite")
        assert code == 0 and (tmp_path / "b.png").read_bytes() == (work / "new/a.png").read_bytes(), err
    shutil.move(work / "new/a.png", tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    code, _, err = run("inspect", "a.png", "--again", "c.png")
    assert code == 1 and "'runs/d'" in err and "folder where the command ran then" in err and "--model" in err
    assert run("inspect", "a.png", "--again", "c.png", "--model", work / "runs/d")[0] == 0


def test_files_in_the_way_unwritable_places_and_unknown_classes(run, trained: Path, tmp_path: Path):
    (tmp_path / "there.png").write_text("mine")
    sample = ("image", "sample", "--model", trained)
    code, _, err = run(*sample, "--out", tmp_path / "there.png")
    assert code == 1 and "--overwrite" in err and (tmp_path / "there.png").read_text() == "mine"
    assert run(*sample, "-n", 2, "--out", tmp_path / "there.png", "--overwrite")[0] == 0
    (tmp_path / "file").write_text("")
    code, _, err = run(*sample, "--out", tmp_path / "file/grid.png")
    assert code == 1 and "file/grid.png" in err
    code, _, err = run(*sample, "--out", tmp_path / "x.jpeg2")
    assert code == 1 and ".png" in err
    code, _, err = run(*sample, "--class", "eleven", "--out", tmp_path / "x.png")
    assert code == 1 and "knows no class 'eleven'" in err
    code, _, err = run(
        "image", "train", "builtin:digits", *QUICK, "--samples", 64, "--out", tmp_path / "file"
    )
    assert code == 1 and "Traceback" not in err


def test_unreadable_files_are_skipped_and_listed_or_refused(run, tmp_path: Path):
    data = tmp_path / "data"
    data.mkdir()
    for i in range(40):
        Image.effect_noise((32, 32), 80).save(data / f"{i}.png")
    (data / "bad.png").write_text("no picture")
    train = ("image", "train", data, "--recipe", "few", "--set", "network.width=8", "--set", "game.batch=4")
    train += ("--set", "watch.report=false", "--samples", 8, "--out", tmp_path / "run")
    code, _, err = run(*train)
    assert code == 0 and "bad.png" in err and "skipped 1" in err
    code, _, err = run(*train[:-1], tmp_path / "other", "--strict")
    assert code == 1 and "bad.png" in err


def test_a_pickle_is_never_opened(run, tmp_path: Path, trained: Path):
    import pickle
    import shutil

    class Bomb:
        def __reduce__(self):
            return (os.system, (f"touch {tmp_path}/exploded",))

    evil = pickle.dumps(Bomb())
    (tmp_path / "model.pt").write_bytes(evil)
    for name in ("model.pt",):
        code, _, err = run("image", "sample", "--model", tmp_path / name, "--out", tmp_path / "x.png")
        assert code == 1 and "pickle" in err and "never opened" in err
    shutil.copytree(trained / "model", tmp_path / "folder")
    (tmp_path / "folder/model.safetensors").write_bytes(evil)
    code, _, err = run("image", "sample", "--model", tmp_path / "folder", "--out", tmp_path / "x.png")
    assert code == 1 and "pickle" in err and "Traceback" not in err
    assert not (tmp_path / "exploded").exists() and not (tmp_path / "x.png").exists()


def test_two_trainings_in_one_folder(run, tmp_path: Path):
    from creative_gan.core.run import held

    with held(tmp_path / "run"):
        code, _, err = run(
            "image", "train", "builtin:digits", *QUICK, "--samples", 64, "--out", tmp_path / "run"
        )
    assert code == 1 and f"in use by another training (process {os.getpid()})" in err


def test_help_is_quick_and_every_command_has_an_example(run):
    from creative_gan.cli import cli

    def walk(command, path):
        if hasattr(command, "commands"):
            for name, inner in command.commands.items():
                yield from walk(inner, [*path, name])
        else:
            yield path, command

    for path, command in walk(cli, []):
        assert command.help and "creative-gan " in command.help, f"{' '.join(path)} has no example"
        assert run(*path, "--help")[0] == 0

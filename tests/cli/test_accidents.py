"""What happens to a run's folder and to a model's: things deleted, damaged, in the way, or made to do harm."""

import json
import shutil
from pathlib import Path

import pytest

from creative_gan.core.run import held

TRAIN = ("image", "train", "builtin:digits", "--recipe", "digits", "--set", "network.width=8", "--quiet")
TRAIN += ("--set", "watch.report=false")
TRAIN += ("--set", "game.batch=16", "--samples", "160")


@pytest.fixture
def finished(run, tmp_path: Path) -> Path:
    assert run(*TRAIN, "--out", tmp_path / "run")[0] == 0
    return tmp_path / "run"


def test_new_does_not_take_the_folder_from_a_running_training(run, finished: Path):
    before = sorted(p.name for p in finished.iterdir())
    with held(finished):
        code, _, err = run(*TRAIN, "--out", finished, "--new")
    assert code == 1 and "in use" in err
    assert sorted(p.name for p in finished.iterdir()) == before
    assert not finished.with_name("run.old1").exists()


def test_deleted_checkpoints_are_said_and_the_model_stays(run, finished: Path):
    shutil.rmtree(finished / "checkpoint")
    model = (finished / "model/model.safetensors").read_bytes()
    code, _, err = run(*TRAIN, "--out", finished)
    assert code == 1 and "no checkpoint to go on from" in err and "--new" in err
    assert (finished / "model/model.safetensors").read_bytes() == model


def test_a_deleted_log_and_a_deleted_model_come_back_sound(run, finished: Path):
    model = (finished / "model/model.safetensors").read_bytes()
    (finished / "metrics.jsonl").unlink()
    shutil.rmtree(finished / "model")
    assert run(*TRAIN, "--out", finished)[0] == 0
    assert b"\0" not in (finished / "metrics.jsonl").read_bytes()
    assert (finished / "model/model.safetensors").read_bytes() == model


def test_what_a_file_manager_leaves_behind_stops_nothing(run, tmp_path: Path):
    (tmp_path / "run/model").mkdir(parents=True)
    (tmp_path / "run/model/.DS_Store").write_text("x")
    shutil.rmtree(tmp_path / "run")
    assert run(*TRAIN, "--out", tmp_path / "run")[0] == 0
    (tmp_path / "run/model/.DS_Store").write_text("x")
    shutil.rmtree(tmp_path / "run/samples")
    longer = [*TRAIN[:-1], "320", "--out", tmp_path / "run", "--new"]
    assert run(*longer)[0] == 0


def test_a_start_that_failed_is_not_in_the_way(run, tmp_path: Path):
    out = ("--out", tmp_path / "run")
    code, _, err = run(*TRAIN, *out, "--set", 'augment.policy=["nonsense"]')
    assert code == 1 and "nonsense" in err
    assert run(*TRAIN, *out)[0] == 0


def test_killed_between_its_first_two_files_it_begins_anew(run, finished: Path, tmp_path: Path):
    (tmp_path / "killed").mkdir()
    shutil.copy(finished / "data.json", tmp_path / "killed")
    assert run(*TRAIN, "--out", tmp_path / "killed")[0] == 0
    weights = "model/model.safetensors"
    assert (tmp_path / "killed" / weights).read_bytes() == (finished / weights).read_bytes()


@pytest.mark.parametrize("text", ['{"rows": 3}', "[]", "{"])
def test_a_file_of_somebody_elses_is_left_alone(run, tmp_path: Path, text: str):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/data.json").write_text(text)
    code, _, err = run(*TRAIN, "--out", tmp_path / "run")
    assert code == 1 and "not a run folder but holds data.json" in err
    assert (tmp_path / "run/data.json").read_text() == text


@pytest.mark.parametrize("text", ["{", "[]", "{}", None])
def test_a_damaged_note_of_the_data_is_one_sentence(run, finished: Path, text: str | None):
    (finished / "data.json").unlink()
    if text is not None:
        (finished / "data.json").write_text(text)
    code, _, err = run(*TRAIN, "--out", finished)
    assert code == 1 and "data.json is damaged" in err and "fault of creative-gan" not in err


@pytest.mark.parametrize(
    "change",
    [
        {"network": {"latent": 10**30}},
        {"network": {"width": 20_000}},
        {"network": []},
        {"shape": [3, 20_000, 20_000]},
        {"shape": [3, -1, 28]},
        {"shape": "x"},
        {"classes": 7},
        {"data": []},
        {"name": None},
        {"format": 99},
        {"modality": "text"},
    ],
)
def test_a_model_description_made_to_do_harm_costs_nothing(run, trained: Path, tmp_path: Path, change: dict):
    shutil.copytree(trained / "model", tmp_path / "evil")
    config = json.loads((tmp_path / "evil/config.json").read_text())
    for key, value in change.items():
        config[key] = config[key] | value if isinstance(value, dict) else value
    (tmp_path / "evil/config.json").write_text(json.dumps(config))
    code, _, err = run("image", "sample", "--model", tmp_path / "evil", "--out", tmp_path / "x.png")
    assert code == 1 and "evil" in err and "fault of creative-gan" not in err and err.count("\n") == 1


def test_weights_of_other_networks_are_refused(run, trained: Path, tmp_path: Path):
    shutil.copytree(trained / "model", tmp_path / "odd")
    config = json.loads((tmp_path / "odd/config.json").read_text())
    config["network"]["width"] = 16
    (tmp_path / "odd/config.json").write_text(json.dumps(config))
    code, _, err = run("image", "sample", "--model", tmp_path / "odd", "--out", tmp_path / "x.png")
    assert code == 1 and "does not fit the networks" in err
    data = bytearray((trained / "model/model.safetensors").read_bytes())
    (tmp_path / "odd/model.safetensors").write_bytes(bytes(data[: len(data) // 2]))
    code, _, err = run("image", "sample", "--model", tmp_path / "odd", "--out", tmp_path / "x.png")
    assert code == 1 and "fault of creative-gan" not in err


def test_a_frame_of_a_walk_and_a_preview(run, trained: Path, tmp_path: Path):
    walk = ("image", "walk", "--model", trained, "--seconds", 1, "--fps", 8, "--out", tmp_path / "frames")
    assert run(*walk)[0] == 0
    frame = tmp_path / "frames/00005.png"
    assert run("inspect", frame, "--again", tmp_path / "copy.png")[0] == 0
    assert (tmp_path / "copy.png").read_bytes() == frame.read_bytes()
    preview = next((trained / "samples").glob("*.png"))
    assert "image train" in run("inspect", preview)[1]
    code, _, err = run("inspect", preview, "--again", tmp_path / "x.png")
    assert code == 1 and "preview" in err


@pytest.mark.parametrize(
    "wrong",
    [
        ("image", "sample", "--truncation", "inf"),
        ("image", "sample", "--truncation", "nan"),
        ("image", "sample", "--seed", str(2**70)),
        ("image", "walk", "--seconds", "nan"),
    ],
)
def test_numbers_that_are_none(run, trained: Path, tmp_path: Path, wrong: tuple[str, ...]):
    code, _, err = run(*wrong[:2], "--model", trained, "--out", tmp_path / "x.gif", *wrong[2:])
    assert code == 2 and "Traceback" not in err


def test_batch_norm_and_chunks_do_not_go_together(run, tmp_path: Path):
    code, _, err = run(*TRAIN, "--out", tmp_path / "run", "--set", "game.accumulate=2")
    assert code == 1 and "network.norm = none" in err
    assert (
        run(*TRAIN, "--out", tmp_path / "run", "--set", "game.accumulate=2", "--set", "network.norm=none")[0]
        == 0
    )
    code, _, err = run(*TRAIN, "--out", tmp_path / "one", "--set", "game.batch=1")
    assert code == 1 and "game.batch of 2 or more" in err


def test_a_demo_does_not_take_the_page_of_somebody_else(run, tmp_path: Path):
    (tmp_path / "index.html").write_text("my own page")
    code, _, err = run("demo", "--out", tmp_path)
    assert code == 1 and "another folder with --out" in err
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]

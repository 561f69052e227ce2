"""Trainings of pictures: two processes make the weights of one, and a batch is known by its place.

That resuming is exact, tests/reliability shows.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from creative_gan.core.recipe import load
from creative_gan.image.recipe import ImageRecipe

ROOT = Path(__file__).parents[2]
COMMAND = ["image", "train", "builtin:digits", "--recipe", "digits", "--set", "network.width=8", "--quiet"]
COMMAND += ["--set", "watch.report=false"]


def start(*arguments: str, torchrun: bool = False) -> subprocess.Popen:
    runner = ["-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone"] if torchrun else []
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, *runner, "-m", "creative_gan", *COMMAND, *arguments]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen) -> None:
    _, err = process.communicate(timeout=240)
    assert process.returncode == 0, err


@pytest.mark.slow
@pytest.mark.parametrize("norm", [pytest.param("none", marks=pytest.mark.long), "batch"])
def test_torchrun_makes_the_weights_of_one_process(tmp_path: Path, norm: str):
    # bfloat16 rounds sums in another order; what is left is the rounding of float32, in proportion to the rate
    settings = ["precision=float32", "game.lr=1e-4", f"network.norm={norm}"]
    options = ["--samples", "320", *(word for setting in settings for word in ("--set", setting))]
    finished(start(*options, "--out", str(tmp_path / "one")))
    finished(start(*options, "--out", str(tmp_path / "two"), torchrun=True))
    one, two = (load_file(tmp_path / name / "model/model.safetensors") for name in ("one", "two"))
    assert max((one[key] - two[key]).abs().max().item() for key in one) < (1e-6 if norm == "none" else 1e-5)
    rows = [len((tmp_path / name / "metrics.jsonl").read_text().splitlines()) for name in ("one", "two")]
    assert rows[0] == rows[1] > 3


def test_batches_depend_on_seed_and_place_alone(tmp_path: Path):
    from creative_gan.cli.recipes import folder
    from creative_gan.image.train import plan

    recipe = load(ImageRecipe, folder() / "image/digits.toml", ["data.flip=true"], test=True)
    first, second = (plan("builtin:digits", recipe, "x", "cpu") for _ in range(2))
    whole = first.batch(640, 8, slice(0, 8))
    assert torch.equal(whole["real"], second.batch(640, 8, slice(0, 8))["real"])
    parts = torch.cat([second.batch(640, 8, slice(a, a + 4))["real"] for a in (0, 4)])
    assert torch.equal(whole["real"], parts)
    assert not torch.equal(whole["real"], first.batch(648, 8, slice(0, 8))["real"])
    assert len(first.train) + len(first.heldout) == 1797 and len(first.heldout) > 150


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_classes_of_one_picture_each_still_have_a_diversity(tmp_path: Path):
    from creative_gan.image.train import plan, train

    for name in range(10):
        (tmp_path / f"data/{name}").mkdir(parents=True)
        for number in range(2):
            picture = np.random.default_rng(2 * name + number).integers(0, 256, (28, 28), np.uint8)
            Image.fromarray(picture).save(tmp_path / f"data/{name}/{number}.png")
    recipe = load(ImageRecipe, ROOT / "recipes/image/digits.toml", ["data.holdout=0.5"], test=True)
    train(plan(str(tmp_path / "data"), recipe, "image/digits", "cpu"), tmp_path / "run", lambda row: None)
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    looked = [row for row in rows if "diversity" in row]
    assert looked and all(0 < row["real_diversity"] < 1 for row in looked)

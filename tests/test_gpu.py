"""What must hold on a CUDA machine: every kind of training runs there, goes on there, and its model plays anywhere.

`CREATIVE_GAN_TEST_DEVICE=cpu` in front of pytest tries the tests themselves on a machine without.
"""

import json
import math
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import creative_gan
from creative_gan.core.device import choose, usage
from creative_gan.core.loop import Stopped
from creative_gan.music.roll.model import Manner as RollManner
from creative_gan.sequence.networks import LstmGenerator
from creative_gan.sequence.tokens import Symbols

pytestmark = pytest.mark.gpu

RATE = 1e-4
SEQUENCES = {"network.width": 16, "network.embedding": 8, "critic.width": 8, "critic.embedding": 8}
RUNS: dict[str, tuple[str, str, int, dict[str, Any]]] = {
    "pictures": ("image/digits", "builtin:digits", 16, {"network.width": 8, "game.lr": RATE}),
    "residual": (
        "image/few",
        "builtin:digits",
        8,
        {"network.name": "resnet", "network.width": 8, "data.size": [28], "game.lr": RATE},
    ),
    "spectrograms": (
        "music/drums",
        "builtin:drums",
        8,
        {"network.width": 8, "data.length": 2048, "game.lr": RATE},
    ),
    "waves": (
        "music/wave-16k",
        "builtin:drums",
        4,
        {"network.width": 4, "data.length": 8192, "data.rate": 8000, "game.lr": RATE},
    ),
    "rolls": ("music/roll", "builtin:tunes", 8, {"network.width": 4, "game.lr": RATE}),
    "midi": (
        "music/tunes",
        "builtin:tunes",
        8,
        SEQUENCES | {"data.bars": 2, "mle.lr": RATE, "dense.critic_lr": RATE, "dense.value_lr": RATE},
    ),
    "texts": (
        "text/builtin",
        "builtin:verses",
        8,
        SEQUENCES | {"mle.lr": RATE, "dense.critic_lr": RATE, "dense.value_lr": RATE},
    ),
    "relgan": ("text/relgan", "builtin:verses", 10, SEQUENCES | {"mle.lr": RATE, "critic.scale": 0.02}),
}
"""Recipe, data, rows of a batch, settings: a few steps each, at a rate that says how far a step can move a weight."""
STEPS = 8


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Its name, or a skip; kernels are deterministic where they can be."""
    name = os.environ.get("CREATIVE_GAN_TEST_DEVICE", "cuda")
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield name
    torch.use_deterministic_algorithms(False)


def trained(kind: str, out: Path, device: str, stop: bool = False, steps: int = STEPS) -> Path:
    """A model folder after a few steps; with `stop`, the training is told to end half-way."""
    recipe, data, batch, settings = RUNS[kind]
    samples = steps * batch
    phases = {"midi": 2, "texts": 2, "relgan": 2}.get(kind, 1)
    budget = [samples // phases] * phases if phases > 1 else samples
    given = {
        "budget.samples": budget, "budget.minutes": 0.0, "game.batch": batch, "watch.looks": 2, "watch.rows": 4,
        "watch.report": False,
    }  # fmt: skip

    def listen(row: dict) -> None:
        if stop and row.get("seen", 0) >= samples // 2:
            os.kill(os.getpid(), signal.SIGTERM)

    return creative_gan.train(recipe, data, out, settings=given | settings, device=device, report=listen)


def sampled(folder: Path) -> list[bytes]:
    """What a model makes of a seed, on the CPU."""
    model: Any = creative_gan.load(folder)
    if "grid" in model.config:
        return [song.notes.tobytes() for song in model.write(range(2), RollManner(seed=3))]
    if model.config["modality"] == "image":
        return [picture.tobytes() for picture in model.sample(3, seed=3)]
    if model.config.get("kind") == "wave":
        return [sound.wave.tobytes() for sound in model.sample(2, seed=3)]
    if model.config["modality"] == "text":
        return [text.encode() for text in model.sample(3, seed=3)]
    return [np.array([(n.start, n.pitch) for part in song.instruments for n in part.notes]).tobytes()
            for song in model.sample(1, seed=3)]  # fmt: skip


@pytest.mark.parametrize("kind", RUNS)
def test_a_training_goes_on_where_it_stopped_and_its_model_plays_on_the_cpu(
    kind: str, device: str, tmp_path: Path
):
    """Weights of a run that was stopped are its own: by as much as they are off, Adam moves them in a step or two.

    Some kernels have no deterministic form, and Adam turns the sign of next to nothing into a whole step: so no
    weight is off by more than all steps after the stop can move it, and the mean one by a hundredth of a step. On
    a CPU they are the same.
    """
    straight = trained(kind, tmp_path / "straight" / "run", device)
    with pytest.raises(Stopped):
        trained(kind, tmp_path / "stopped" / "run", device, stop=True)
    again = trained(kind, tmp_path / "stopped" / "run", device)
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (straight, again))
    apart = torch.cat([(ours[key].double() - theirs[key].double()).abs().flatten() for key in ours])
    assert apart.max() <= 2 * RATE * STEPS and apart.mean() < RATE / 100, (apart.max(), apart.mean())
    assert device != "cpu" or not apart.any()
    rows = [json.loads(line) for line in (straight.parent / "metrics.jsonl").read_text().splitlines()]
    numbers = [value for row in rows for value in row.values() if isinstance(value, float)]
    assert len(rows) >= 4 and all(map(math.isfinite, numbers))
    assert not [row for row in rows if "NaN" in row.get("warning", "")]
    speed = json.loads((straight.parent / "speed.jsonl").read_text().splitlines()[-1])
    assert speed["device"] == usage(choose(device).device)["device"] and speed["megabytes"] > 0
    assert sampled(straight) == sampled(straight)


def test_the_gpu_is_chosen_by_itself(device: str):
    found, asked = choose(), choose(device, "float32")
    assert found.device.type == asked.device.type == device
    assert not asked.bfloat16
    if device == "cuda":
        assert found.bfloat16 == (torch.cuda.get_device_capability()[0] >= 8)
        assert found.device.index == 0


def test_networks_run_in_bfloat16_and_what_needs_it_in_float32(device: str):
    compute = choose(device, "bfloat16")
    torch.manual_seed(0)
    conv = compute.place(torch.nn.Conv2d(3, 8, 3))
    x = torch.randn(2, 3, 8, 8, device=compute.device)
    with compute.autocast():
        made: Tensor = conv(x)
        with compute.exact():
            exact: Tensor = conv(x)
    assert made.dtype == torch.bfloat16 and exact.dtype == torch.float32
    assert (made - exact).abs().max() < 0.05
    generator = LstmGenerator(Symbols(12), 8, 16).to(compute.device)
    with compute.autocast():
        hidden = generator.hidden(torch.randint(3, 12, (4, 6), device=compute.device))
    assert hidden.dtype != torch.float16, "cuDNN's layers take autocast for float16"
    hidden.float().square().mean().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in generator.parameters())

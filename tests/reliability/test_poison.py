"""NaN and infinity in data, loss, gradients and weights: found within a step, never saved, recovered or explained."""

import json
import math
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.reliability import children
from tests.reliability.subjects import EACH, Subject
from tests.reliability.test_kill import tree

VALUES = (math.nan, math.inf, -math.inf)
PLACES = ("data", "loss", "gradient", "weights", "moments")


def poisoning(place: str, value: float, step: int, always: bool, seed: int, note: Path) -> Callable[[], None]:
    """For `children.start`: puts `value` somewhere at a step, once or from then on; notes when, and when found."""
    return partial(_poison, place, value, step, always, seed, note)


def _poison(place: str, value: float, step: int, always: bool, seed: int, note: Path) -> None:
    from creative_gan.core import dist, health, loop

    rng = random.Random(seed)
    count, due, late, game = 0, False, False, None

    def wrote(what: str, seen: int) -> None:
        with note.open("a") as file:
            file.write(json.dumps({what: seen}) + "\n")

    def spoil(tensor: torch.Tensor) -> None:
        tensor.data[tuple(rng.randrange(size) for size in tensor.shape)] = value

    def wrapped_batches(batches: Callable) -> Callable:
        def made(seen: int, batch: int, rows: slice) -> dict[str, torch.Tensor]:
            nonlocal count, due, late
            found = batches(seen, batch, rows)
            moments = list(health._tensors(game.state_dict()["optimizers"])) if place == "moments" else []
            count += 1
            late = late or count == step or (always and count > step)
            due = late and (place != "moments" or bool(moments))  # a game that has just begun has none yet
            late = late and not due
            if due:
                wrote("put", seen)
            if due and place == "data":
                found["real"] = found["real"].clone(memory_format=torch.contiguous_format)
                spoil(found["real"])
            if due and place == "weights":
                name, network = rng.choice(list(game.networks().items()))
                wrote(f"into {name}", seen)
                tensors = [*network.parameters(), *network.buffers()]
                spoil(rng.choice([t for t in tensors if t.is_floating_point() and t.numel()]))
            if due and place == "moments":
                spoil(rng.choice(moments))
            return found

        return made

    def wrapped_make(make: Callable) -> Callable:
        def made(before: Any) -> Any:
            nonlocal game
            game = make(before)
            return game

        return made

    real_train, real_back = loop.train, loop._Run.roll_back
    real_backward, real_average = torch.Tensor.backward, dist.average_grads

    def train(folder, phases, batches, *rest):
        phases = [loop.Phase(p.name, p.samples, wrapped_make(p.make)) for p in phases]
        return real_train(folder, phases, wrapped_batches(batches), *rest)

    def roll_back(run, trouble):
        wrote("found", run.seen)
        return real_back(run, trouble)

    def backward(self, *arguments, **named):
        nonlocal due
        if due and place == "loss":
            due, self = False, self * value
        return real_backward(self, *arguments, **named)

    def average(network):
        nonlocal due
        if due and place == "gradient":
            due = False
            spoil(rng.choice([p.grad for p in network.parameters() if p.grad is not None]))
        return real_average(network)

    loop.train, loop._Run.roll_back = train, roll_back
    torch.Tensor.backward, dist.average_grads = backward, average


@pytest.mark.parametrize("subject", EACH)
def test_what_is_not_finite_is_found_within_a_step_and_never_saved(
    subject: Subject, finished: Callable[[str], Path], tmp_path: Path, many, tally
):
    rng, log = random.Random(subject.name), tmp_path / "log"
    places = [p for p in PLACES if p != "data" or subject.name not in ("text", "midi")]  # tokens are integers
    wanted, recovered, explained, gone = many(3, 60), 0, 0, 0
    for i in range(wanted):
        place, always = places[i % len(places)], i % 3 == 2
        folder, note = tmp_path / str(i) / "run", tmp_path / f"note{i}"
        value, step = rng.choice(VALUES), rng.randint(3, 11)
        prepare = poisoning(place, value, step, always, i, note)
        code = children.call(subject.training(folder), log, prepare)
        about = (place, value, step, log.read_text())
        events = [json.loads(line) for line in note.read_text().splitlines()]
        put = [e["put"] for e in events if "put" in e]
        found = [e["found"] for e in events if "found" in e]
        # what an average copies, such as buffers, is written over in the same step
        if "into ema" in str(events) and not found:
            assert code == 0 and tree(folder) == tree(finished(subject.name)), about
            gone += 1
            continue
        assert put and found and 0 <= found[0] - put[0] <= subject.batch, (about, events)
        assert all_finite(folder), about
        rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        assert any("NaN or infinity" in row.get("warning", "") for row in rows), about
        assert all(math.isfinite(v) for row in rows for v in row.values() if isinstance(v, float)), about
        if always:
            assert code == 1 and "halved each time; check the data" in log.read_text(), about
            explained += 1
        else:
            assert code == 0, about
            recovered += 1
    tally(f"{wanted} poisoned: {recovered} recovered, {explained} explained, {gone} gone at once, none saved")


def all_finite(folder: Path) -> bool:
    """Whether no checkpoint and no model holds NaN or infinity."""
    files = list(folder.rglob("*.safetensors"))
    assert files
    tensors = [t for file in files for t in load_file(file).values() if t.is_floating_point()]
    return all(t.isfinite().all() for t in tensors)

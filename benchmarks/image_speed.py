"""Speed of one training step: creative-gan against a plain PyTorch loop of the same DCGAN networks.

The plain loop is what tutorials write: float32, default memory format, Adam as it comes, non-saturating loss. Both
train the same networks with the same batch size, each in a process of its own as its user would have it, turn about
in one run, so that whatever else the machine does meets both. A last row has the recipe's own game (relativistic,
lazy R1 and R2) beside them; bfloat16 is there where the processor has it.

    python benchmarks/image_speed.py [--size 64] [--width 64] [--batch 64] [--rounds 7]
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import torch
from plain import step as plain_step

from creative_gan.core import memory
from creative_gan.core.device import choose, cpu_has_bfloat16
from creative_gan.core.draws import Draws
from creative_gan.core.game import AdversarialGame, GameRecipe
from creative_gan.image.networks import NetworkRecipe, build

PER_ROUND = 8
"""Steps: a whole round of lazy penalties."""


def plain(shape: tuple[int, int, int], width: int, batch: int) -> Callable[[torch.Tensor], None]:
    """The loop of the tutorials."""
    torch.manual_seed(0)
    generator, critic = build(NetworkRecipe(width=width, latent=100), shape, 0)
    generator_optimizer = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    critic_optimizer = torch.optim.Adam(critic.parameters(), lr=2e-4, betas=(0.5, 0.999))
    return plain_step(generator, critic, generator_optimizer, critic_optimizer, batch, 100)


def ours(
    shape: tuple[int, int, int], width: int, batch: int, precision: str, **settings
) -> Callable[[torch.Tensor], None]:
    torch.manual_seed(0)
    networks = build(NetworkRecipe(width=width, latent=100), shape, 0)
    recipe = GameRecipe(batch=batch, **settings)
    game = AdversarialGame(networks[0], {"critic": networks[1]}, 100, recipe, 10**9, choose("cpu", precision))
    place = torch.channels_last

    def step(real: torch.Tensor) -> None:
        rows = slice(0, batch)
        game.step({"real": real.contiguous(memory_format=place)}, Draws(0, game.seen, batch, rows))

    return step


def race(told: Connection, shape: tuple, width: int, batch: int, settings: dict[str, Any] | None) -> None:
    """Runs a round whenever it is told to; sends the seconds of a step and the most memory so far in MB.

    settings: of a step of ours; None for the plain loop.
    """
    if settings is None:
        step = plain(shape, width, batch)
    else:
        memory.keep()  # as before every training
        step = ours(shape, width, batch, **settings)
    real = torch.rand(batch, *shape) * 2 - 1
    while told.recv():
        begun = time.perf_counter()
        for _ in range(PER_ROUND):
            step(real)
        seconds = (time.perf_counter() - begun) / PER_ROUND
        told.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--width", type=int, default=64, help="channels at half resolution; the paper has 64")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    shape = (3, options.size, options.size)
    same = {"loss": "nonsaturating", "lr": 2e-4, "beta1": 0.5, "beta2": 0.999}
    recipe = {"loss": "relativistic", "r1": 1.0, "r2": 1.0, "penalty_every": 8, "one_stage": True}
    racers: dict[str, dict[str, Any] | None] = {"plain loop, float32": None}
    for precision in ["float32", "bfloat16"] if cpu_has_bfloat16() else ["float32"]:
        for words, one_stage in ((" in two stages", False), ("", True)):
            racers[f"creative-gan, {precision}{words}"] = same | {
                "precision": precision,
                "one_stage": one_stage,
            }
    racers["creative-gan, relativistic with lazy R1 and R2"] = recipe | {"precision": "auto"}
    alone = multiprocessing.get_context("spawn")
    lines = {}
    for name, settings in racers.items():
        lines[name], other = alone.Pipe()
        facts = (other, shape, options.width, options.batch, settings)
        alone.Process(target=race, args=facts, daemon=True).start()
        other.close()  # so that a racer that falls is noticed, and not waited for
    seconds: dict[str, list[float]] = {name: [] for name in racers}
    peak = {}
    for turn in range(options.rounds + 1):
        for name, line in lines.items():
            line.send(True)
            took, peak[name] = line.recv()
            if turn:  # the first round warms up
                seconds[name].append(took)
    for line in lines.values():
        line.send(False)
    base = statistics.median(seconds["plain loop, float32"])
    result = {
        name: {
            "ms_per_step": round(1000 * statistics.median(s), 1),
            "pictures_per_second": round(options.batch / statistics.median(s), 1),
            "times_the_plain_loop": round(base / statistics.median(s), 2),
            "peak_mb": peak[name],
        }
        for name, s in seconds.items()
    }
    if options.json:
        print(json.dumps({"shape": shape, "batch": options.batch, "steps": result}, indent=1))
        return
    print(
        f"{options.size} px, batch {options.batch}, width {options.width}, {torch.get_num_threads()} threads"
    )
    for name, row in result.items():
        print(f"{name:48} {row['ms_per_step']:8.1f} ms/step {row['pictures_per_second']:8.1f}/s "
              f"{row['times_the_plain_loop']:5.2f}x {row['peak_mb']:6d} MB")  # fmt: skip


if __name__ == "__main__":
    main()

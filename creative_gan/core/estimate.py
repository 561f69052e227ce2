"""What a run of an adversarial game will take: parameters, memory, time, measured on a few real steps."""

import os
import time
from collections.abc import Callable
from typing import Any

from creative_gan.core.device import Compute
from creative_gan.core.draws import Draws
from creative_gan.core.loop import Batch, Game


def lines(
    recipe: Any, game: Game, batches: Callable[[int, int, slice], Batch], compute: Compute, unit: str
) -> list[str]:
    """Lines for a person.

    Args:
        recipe: with `budget` and `game`.
        game: at its beginning; it is played for two rounds.
        batches: as `loop.train` takes them.
        unit: what samples are called: `pictures`, `sounds`.
    """
    batch = recipe.game.batch
    count = max(recipe.game.penalty_every, recipe.game.n_critic)
    rows = slice(0, batch)
    begun = time.perf_counter()
    for step in range(2 * count):
        if step == count:  # the first round warmed up
            begun = time.perf_counter()
        game.step(batches(step * batch, batch, rows), Draws(0, step * batch, batch, rows, compute.device))
    rate = count * batch / (time.perf_counter() - begun)
    minutes = recipe.budget.minutes or recipe.budget.samples / rate / 60
    sizes = {name: sum(p.numel() for p in network.parameters()) for name, network in game.networks().items()}
    return [
        f"device: {compute.why}",
        f"parameters: generator {sizes['generator']:,}, critic {sizes['critics']:,}",
        f"memory: about {_memory_mb():,} MB",
        f"speed: {rate:,.0f} {unit}/s; the budget takes about {minutes:,.1f} minutes",
    ]


def _memory_mb() -> int:
    """Most memory that this process has held so far."""
    try:
        import resource
    except ImportError:  # not on Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1024 if os.uname().sysname != "Darwin" else 1024**2)

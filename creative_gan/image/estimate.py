"""What a training will take: parameters, memory, time."""

import os
import time

from creative_gan.core.draws import Draws
from creative_gan.image.train import Plan


def estimate(plan: Plan) -> list[str]:
    """Lines for a person, measured on a few real steps."""
    recipe, batch = plan.recipe, plan.recipe.game.batch
    game = plan.game(10**9)
    count = max(recipe.game.penalty_every, recipe.game.n_critic)
    begun = time.perf_counter()
    for step in range(2 * count):
        if step == count:
            begun = time.perf_counter()
        rows = slice(0, batch)
        game.step(
            plan.batch(step * batch, batch, rows), Draws(0, step * batch, batch, rows, plan.compute.device)
        )
    rate = count * batch / (time.perf_counter() - begun)
    minutes = recipe.budget.minutes or recipe.budget.samples / rate / 60
    parts = {name: sum(p.numel() for p in network.parameters()) for name, network in game.networks().items()}
    shape = "x".join(map(str, plan.train.shape))
    return [
        f"data: {len(plan.train):,} pictures of {shape} to train on, {len(plan.heldout):,} held out, "
        f"{len(plan.classes) or 'no'} classes",
        f"device: {plan.compute.why}",
        f"parameters: generator {parts['generator']:,}, critic {parts['critics']:,}",
        f"memory: about {_memory_mb():,} MB",
        f"speed: {rate:,.0f} pictures/s; the budget takes about {minutes:,.1f} minutes",
    ]


def _memory_mb() -> int:
    """Most memory that this process has held so far."""
    try:
        import resource
    except ImportError:  # not on Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1024 if os.uname().sysname != "Darwin" else 1024**2)

"""What each phase of a run will take: parameters, time."""

import time

from creative_gan.core.draws import Draws
from creative_gan.sequence.keeper import learned
from creative_gan.sequence.phases import Plan
from creative_gan.sequence.recipe import without_pretraining


def estimate(plan: Plan, unit: str) -> list[str]:
    """A line for each phase, measured on a few real steps of it. `unit`: what a sample is called."""
    recipe, batch = plan.recipe, plan.recipe.game.batch
    builder, weights = plan.builder(without_pretraining(recipe)), None
    rows, lines = slice(0, batch), []
    whole = sum(phase.share for phase in recipe.phase)
    for index, phase in enumerate(recipe.phase):
        game = builder.game(index, weights)
        for step in range(2):  # the first one warms up
            begun = time.perf_counter()
            game.step(
                plan.batch(step * batch, batch, rows),
                Draws(0, step * batch, batch, rows, plan.compute.device),
            )
        rate = batch / (time.perf_counter() - begun)
        sizes = {
            name: sum(p.numel() for p in network.parameters()) for name, network in game.networks().items()
        }
        parameters = ", ".join(f"{name} {size:,}" for name, size in sizes.items() if name != "ema")
        minutes = recipe.budget.minutes * phase.share / whole
        if recipe.budget.samples:
            minutes = recipe.budget.samples[index] / rate / 60
        lines.append(
            f"phase {phase.game}: {rate:,.0f} {unit}/s, about {minutes:,.1f} minutes; parameters: {parameters}"
        )
        weights = learned(game)
    return lines

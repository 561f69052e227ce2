"""What a training will take: parameters, time."""

import time

from creative_gan.core.draws import Draws
from creative_gan.text.phases import learned, without_pretraining
from creative_gan.text.train import Plan


def estimate(plan: Plan) -> list[str]:
    """Lines for a person, measured on a few real steps of each phase."""
    recipe, batch = plan.recipe, plan.recipe.game.batch
    builder, weights = plan.builder(without_pretraining(recipe)), None
    rows = slice(0, batch)
    lines = [
        f"data: {len(plan.train):,} rows of at most {plan.shape.length} tokens to train on, "
        f"{len(plan.heldout):,} held out, {len(plan.classes) or 'no'} classes, "
        f"{plan.shape.vocabulary:,} different tokens ({plan.tokenizer.kind})",
        f"device: {plan.compute.why}",
    ]
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
            f"phase {phase.game}: {rate:,.0f} texts/s, about {minutes:,.1f} minutes; parameters: {parameters}"
        )
        weights = learned(game)
    return lines

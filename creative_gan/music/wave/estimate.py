"""What a training will take: parameters, memory, time."""

from creative_gan.core import estimate as estimates
from creative_gan.music.wave.train import Plan


def estimate(plan: Plan) -> list[str]:
    """Lines for a person, measured on a few real steps."""
    seconds = plan.train.length / plan.train.rate
    return [
        f"data: {len(plan.train):,} sounds of {seconds:.2f} s at {plan.train.rate:,} Hz to train on, "
        f"{len(plan.heldout):,} held out, {len(plan.classes) or 'no'} classes",
        *estimates.lines(plan.recipe, plan.game(10**9), plan.batch, plan.compute, "sounds"),
    ]

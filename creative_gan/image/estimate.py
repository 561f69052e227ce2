"""What a training will take: parameters, memory, time."""

from creative_gan.core import estimate as estimates
from creative_gan.image.train import Plan


def estimate(plan: Plan) -> list[str]:
    """Lines for a person, measured on a few real steps."""
    shape = "x".join(map(str, plan.train.shape))
    return [
        f"data: {len(plan.train):,} pictures of {shape} to train on, {len(plan.heldout):,} held out, "
        f"{len(plan.classes) or 'no'} classes",
        *estimates.lines(plan.recipe, plan.game(10**9), plan.batch, plan.compute, "pictures"),
    ]

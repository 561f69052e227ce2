"""What a training will take: parameters, memory, time."""

from creative_gan.core import estimate as estimates
from creative_gan.music.roll.data import metre_name
from creative_gan.music.roll.train import Plan


def estimate(plan: Plan) -> list[str]:
    """Lines for a person, measured on a few real steps."""
    grid = plan.train.grid
    return [
        f"data: {len(plan.train):,} stretches of {grid.bars} bars of {metre_name(grid.metre)} to train on, "
        f"{len(plan.heldout):,} held out; {len(grid.lines)} tracks, {grid.roll[1]} steps, {grid.pitches} pitches",
        *estimates.lines(plan.recipe, plan.game(10**9), plan.batch, plan.compute, "rolls"),
    ]

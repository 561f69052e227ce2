"""What a training will take: parameters, time."""

from creative_gan.music.midi.train import Plan
from creative_gan.sequence import estimate as sequences


def estimate(plan: Plan) -> list[str]:
    """Lines for a person, measured on a few real steps of each phase."""
    words = plan.pieces.words
    return [
        f"data: {len(plan.train):,} songs to train on, {len(plan.heldout):,} held out, of shape {words.shape} "
        f"({len(words)} different tokens), windows of at most {plan.length:,} tokens",
        f"device: {plan.compute.why}",
        *sequences.estimate(plan, "songs"),
    ]

"""What a training will take: parameters, time."""

from creative_gan.sequence import estimate as sequences
from creative_gan.text.train import Plan


def estimate(plan: Plan) -> list[str]:
    """Lines for a person, measured on a few real steps of each phase."""
    return [
        f"data: {len(plan.train):,} rows of at most {plan.shape.length} tokens to train on, "
        f"{len(plan.heldout):,} held out, {len(plan.classes) or 'no'} classes, "
        f"{plan.shape.vocabulary:,} different tokens ({plan.tokenizer.kind})",
        f"device: {plan.compute.why}",
        *sequences.estimate(plan, "texts"),
    ]

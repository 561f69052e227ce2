"""What the augmentations of pictures and of sounds share: choosing samples, and one after the other."""

from collections.abc import Callable

from torch import Tensor

from creative_gan.core.draws import Draws
from creative_gan.core.errors import UserError

Augmentation = Callable[[Tensor, Draws, float], Tensor]
"""f(x [B, ...], draws, strength) -> x."""


def compose(known: dict[str, Augmentation], policy: tuple[str, ...]) -> Augmentation | None:
    """The augmentations named in `policy`, one after the other; None where there are none.

    Raises:
        UserError: an unknown name.
    """
    for name in policy:
        if name not in known:
            raise UserError(f"'augment.policy' must name some of {', '.join(known)}, not {name!r}")

    def augment(x: Tensor, draws: Draws, strength: float) -> Tensor:
        for name in policy:
            x = known[name](x, draws, strength)
        return x

    return augment if policy else None


def chosen(draws: Draws, name: str, strength: float) -> Tensor:
    """1 for the samples that are changed, 0 for the others: [B, 1]."""
    return (draws.uniform(name, 1) < strength).float()

"""Health of a training: what is not finite is never kept, and what goes wrong is said in plain words."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

ADVICE = (
    "NaN or infinity came back three times although the learning rate was halved each time; check the data, "
    "then try a smaller game.lr, a larger game.r1, or --set precision=float32"
)
ROLLBACKS = 3


class NotFinite(ArithmeticError):
    """NaN or infinity where there must be none; the message says where."""


def check_finite(**values: Tensor) -> None:
    """Raises NotFinite for the first value that holds NaN or infinity."""
    for name, value in values.items():
        # a sum is infinite or NaN as soon as one of its terms is, and is one pass without a mask
        if not value.detach().sum().isfinite().item():
            raise NotFinite(f"NaN or infinity in the {name.replace('_', ' ')}")


def check_state(**states: Any) -> None:
    """Raises NotFinite for the first state (dicts and lists with tensors in them) that holds NaN or infinity."""
    found = {name: list(_tensors(state)) for name, state in states.items()}
    if _surely_finite([tensor for tensors in found.values() for tensor in tensors]):
        return
    for name, tensors in found.items():
        if not all(tensor.isfinite().all() for tensor in tensors):
            raise NotFinite(f"NaN or infinity in the {name.replace('_', ' ')}")


def _tensors(state: Any) -> Iterator[Tensor]:
    if isinstance(state, Tensor):
        if state.is_floating_point() and state.numel():
            yield state.detach()
    elif isinstance(state, dict | list | tuple):
        for part in state.values() if isinstance(state, dict) else state:
            yield from _tensors(part)


def _surely_finite(tensors: list[Tensor]) -> bool:
    """By their norms, in one wait for the GPU; False also where finite numbers are too large for that."""
    if not tensors:
        return True
    norms = [norm.float().to(tensors[0].device) for norm in torch._foreach_norm(tensors)]
    return bool(torch.stack(norms).isfinite().all())


def warnings(row: dict[str, float], memory: dict[str, Any]) -> list[str]:
    """What the newest row of metrics should worry its reader about; each warning is given once.

    Args:
        row: mean metrics since the last row; `sign` (share of pairs that the critic gets right, as a mean
            sign), `critic_loss`, `diversity` and `real_diversity` are looked at where they are there.
        memory: plain values kept from row to row (and in the checkpoint); changed in place.
    """
    said = []
    # a Wasserstein critic tells them apart as long as there is a distance, which its loss is, below zero, and its
    # gradient does not vanish (arXiv:1701.07875, section 3); every other loss is zero or more
    right = row.get("sign", 0.0) > 0.98 and row.get("critic_loss", 0.0) >= 0
    memory["saturated"] = memory.get("saturated", 0) + 1 if right else 0
    if memory["saturated"] >= 10:
        said.append(
            "the critic tells every generated sample from the real ones, so the generator learns little: "
            "raise game.r1 and game.r2, turn on more augmentation ([augment]), or lower game.lr_critic"
        )
    if "diversity" in row:
        best = memory["diversity"] = max(memory.get("diversity", 0.0), row["diversity"])
        real = row.get("real_diversity", best)
        # what has never been varied has not collapsed
        if row["diversity"] < 0.5 * min(best, real) and best > 0.5 * real and row.get("progress", 1) > 0.1:
            said.append(
                f"samples look more and more alike (diversity {row['diversity']:.3f}, data "
                f"{real:.3f}): this is mode collapse; raise game.r1 and game.r2, "
                "use game.loss = relativistic, or a larger game.batch"
            )
        elif row["diversity"] < 0.5 * row.get("real_diversity", 0.0) and row.get("progress", 1) > 0.75:
            said.append(
                f"samples are still far more alike than the data (diversity {row['diversity']:.3f}, data "
                f"{row['real_diversity']:.3f}): a longer run may mend it; else raise game.r1 and game.r2, use "
                "game.loss = relativistic, or a larger game.lr with game.beta1 = 0 and game.lr_end = 0"
            )
    fresh = [text for text in said if not memory.get(f"said {text[:20]}")]
    memory.update({f"said {text[:20]}": 1 for text in fresh})
    return fresh

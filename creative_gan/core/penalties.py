"""Gradient penalties on a critic: `f(critic, real, fake, draws) -> [B]`, one value per sample, float32.

`critic` maps a batch to logits [B] and is differentiated with respect to its input; `real`, `fake`: [B, ...].
The caller turns autocast off, for a gradient of a gradient in bfloat16 is noise.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from creative_gan.core.draws import Draws

Critic = Callable[[Tensor], Tensor]
Penalty = Callable[[Critic, Tensor, Tensor, Draws], Tensor]


def r1(critic: Critic, real: Tensor, fake: Tensor, draws: Draws) -> Tensor:
    """|grad D(x)|^2 at real samples. Mescheder 2018, Eq. 9 (without gamma / 2), arXiv:1801.04406."""
    return _input_gradient(critic, real).square().sum(1)


def r2(critic: Critic, real: Tensor, fake: Tensor, draws: Draws) -> Tensor:
    """|grad D(G(z))|^2 at generated samples. Mescheder 2018, Eq. 10 (without gamma / 2)."""
    return _input_gradient(critic, fake).square().sum(1)


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, draws: Draws) -> Tensor:
    """(|grad D(x')| - 1)^2 between real and generated samples. Gulrajani 2017, Eq. 3, arXiv:1704.00028."""
    mix = draws.uniform("gradient_penalty", *[1] * (real.ndim - 1))
    between = mix * real + (1 - mix) * fake
    # the norm of a vanishing gradient has no derivative: the small term keeps it finite
    norm = (_input_gradient(critic, between).square().sum(1) + 1e-12).sqrt()
    return (norm - 1).square()


PENALTIES: dict[str, Penalty] = {"r1": r1, "r2": r2, "gp": gradient_penalty}


def _input_gradient(critic: Critic, x: Tensor) -> Tensor:
    """d sum(critic(x)) / dx, still differentiable. Returns [B, everything else]."""
    x = x.detach().float().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return gradient.flatten(1)

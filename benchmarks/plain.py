"""The training step that tutorials write: what the benchmarks of speed put beside a step of creative-gan."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import Optimizer

Network = Callable[[Tensor], Tensor]


def step(
    generator: Network,
    critic: Network,
    generator_optimizer: Optimizer,
    critic_optimizer: Optimizer,
    batch: int,
    latent: int,
) -> Callable[[Tensor], None]:
    """A step of the non-saturating game in float32; gradients of all weights are computed in both turns."""

    def once(real: Tensor) -> None:
        ones, zeros = torch.ones(batch), torch.zeros(batch)
        critic_optimizer.zero_grad()
        fake = generator(torch.randn(batch, latent))
        loss = binary_cross_entropy_with_logits(critic(real), ones)
        loss = loss + binary_cross_entropy_with_logits(critic(fake.detach()), zeros)
        loss.backward()
        critic_optimizer.step()
        generator_optimizer.zero_grad()
        binary_cross_entropy_with_logits(critic(fake), ones).backward()
        generator_optimizer.step()

    return once

"""An exponential moving average of a network, with a half-life counted in samples."""

import torch
from torch import nn

from creative_gan.core.device import frozen_copy


class Ema:
    """Keeps `average`, a copy of a network whose weights lag behind it.

    The half-life is `halflife` samples but never more than `ramp` times what was seen, so that a short
    run is not dominated by its first steps (Karras 2020, arXiv:2006.06676, appendix C). Buffers are copied.
    """

    def __init__(self, network: nn.Module, halflife: float, ramp: float = 0.05) -> None:
        self.average = frozen_copy(network).eval()
        self.halflife, self.ramp = halflife, ramp

    @torch.no_grad()
    def update(self, network: nn.Module, seen: int, batch: int) -> None:
        """Moves the average towards `network` after `batch` samples, `seen` in all."""
        halflife = min(self.halflife, self.ramp * seen) if self.ramp else self.halflife
        decay = 0.5 ** (batch / halflife) if halflife > 0 else 0.0
        mine: list[torch.Tensor] = list(self.average.parameters())
        theirs: list[torch.Tensor] = list(network.parameters())
        torch._foreach_lerp_(mine, theirs, 1 - decay)
        for buffer, new in zip(self.average.buffers(), network.buffers(), strict=True):
            buffer.copy_(new)

"""What networks of pictures and of sounds share: the ends that know classes, and batch norm over processes."""

import math

import torch
from torch import Tensor, nn

from creative_gan.core import dist


class Input(nn.Module):
    """z, with an embedding of the label beside it where there are classes. [B, latent] -> [B, features].

    uniform: the standard normal z becomes uniform in [-1, 1] first, each number by itself and in the same order:
    so seeds, truncation and ways through latent space are what they are for any other network.
    """

    def __init__(self, latent: int, classes: int, uniform: bool = False) -> None:
        super().__init__()
        self.uniform = uniform
        self.label = nn.Embedding(classes, min(latent, 64)) if classes else None
        self.features = latent + (min(latent, 64) if classes else 0)

    def forward(self, z: Tensor, label: Tensor | None) -> Tensor:
        """Concatenates; a conditional network must be given labels."""
        if self.uniform:
            z = torch.erf(z / math.sqrt(2))
        if self.label is None:
            return z
        assert label is not None, "a class-conditional generator needs labels"
        return torch.cat([z, self.label(label)], 1)


class Projection(nn.Module):
    """Adds <embedding(label), h> to a logit, for features h. Miyato & Koyama 2018, arXiv:1802.05637, Eq. 3."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.label = nn.Embedding(classes, features) if classes else None
        if self.label is not None:
            nn.init.normal_(self.label.weight, std=1 / math.sqrt(features))

    def forward(self, logit: Tensor, h: Tensor, label: Tensor | None) -> Tensor:
        """[B], [B, D] and labels [B] -> [B]; labels [B, K], to ask for several of each row, -> [B, K]."""
        if self.label is None:
            return logit
        assert label is not None, "a class-conditional critic needs labels"
        if label.ndim == 1:
            return logit + (self.label(label) * h).sum(1)
        return logit[:, None] + (self.label(label) * h[:, None]).sum(2)


class Head(nn.Module):
    """Features [B, D] -> logits: psi(h) + <embedding(label), h>. arXiv:1802.05637, Eq. 3."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.logit = nn.Linear(features, 1)
        self.projection = Projection(features, classes)

    def forward(self, h: Tensor, label: Tensor | None) -> Tensor:
        """One logit for each label; of each row where there are none."""
        return self.projection(self.logit(h).squeeze(1), h, label)


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation over the rows of all processes, so that several make the weights of one.

    Ioffe & Szegedy 2015, arXiv:1502.03167, Algorithm 1. For [B, C] and [B, C, H, W].
    """

    def _check_input_dim(self, input: Tensor) -> None:
        assert input.ndim in (2, 4), input.shape

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        if not self.training or dist.world() == 1:
            return super().forward(x)
        axes = (0, 2, 3)[: x.ndim - 1]
        shape = (1, -1, 1, 1)[: x.ndim]
        wide = x.float()
        mean = dist.mean_with_gradient(wide.mean(axes))
        variance = dist.mean_with_gradient((wide - mean.view(shape)).square().mean(axes))
        rows = x.numel() / x.shape[1] * dist.world()
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)  # type: ignore[union-attr, arg-type]
            unbiased = variance * rows / (rows - 1)
            self.running_var.lerp_(unbiased, self.momentum)  # type: ignore[union-attr, arg-type]
            self.num_batches_tracked.add_(1)  # type: ignore[union-attr]
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return ((wide - mean.view(shape)) * scale.view(shape) + self.bias.view(shape)).to(x.dtype)

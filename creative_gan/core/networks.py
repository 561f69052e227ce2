"""What networks of pictures and of sounds share: ends and stages that know classes, batch norm over processes."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

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
    """<embedding(label), h> for features h: what a critic adds to its logit. arXiv:1802.05637, Eq. 3."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.label = nn.Embedding(classes, features) if classes else None
        if self.label is not None:
            nn.init.normal_(self.label.weight, std=1 / math.sqrt(features))

    def forward(self, h: Tensor, label: Tensor | None) -> Tensor:
        """[B, D] -> [B], zeros without classes."""
        if self.label is None:
            return h.new_zeros(len(h))
        assert label is not None, "a class-conditional critic needs labels"
        return (self.label(label) * h).sum(1)


class Head(nn.Module):
    """Features [B, D] -> logits [B]: psi(h) + <embedding(label), h>. arXiv:1802.05637, Eq. 3."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.logit = nn.Linear(features, 1)
        self.projection = Projection(features, classes)

    def forward(self, h: Tensor, label: Tensor | None) -> Tensor:
        """One logit for each row."""
        return self.logit(h).squeeze(1) + self.projection(h, label)


class Modulation(nn.Module):
    """x * (1 + scale) + shift, both linear in what a generator was given. Brock 2018, arXiv:1809.11096, appendix B."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 2 * width)
        nn.init.normal_(self.linear.weight, std=0.02)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, given: Tensor) -> Tensor:
        """[B, width, H, W] and [B, features] -> the shape of x."""
        scale, shift = self.linear(given)[:, :, None, None].chunk(2, 1)
        return x * (1 + scale) + shift


class Blur(nn.Module):
    """The binomial filter [1, 2, 1] / 4 along both sides: takes away what alternates from pixel to pixel."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> the same shape."""
        row = x.new_tensor([0.25, 0.5, 0.25])
        return conv2d(x, torch.outer(row, row).repeat(x.shape[1], 1, 1, 1), padding=1, groups=x.shape[1])


def painted(body: nn.Sequential, modulation: nn.ModuleDict, x: Tensor, given: Tensor) -> Tensor:
    """The layers of a generator one after the other; behind the one at a place that has a modulation comes that.

    x: [B, C, H, W], what the body begins with. given: [B, features], what the generator was given.
    """
    for place, layer in body.named_children():
        x = layer(x)
        if place in modulation:
            x = modulation[place](x, given)
    return x


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

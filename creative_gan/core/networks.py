"""The two ends of class-conditional networks, the same for pictures and sounds."""

import math

import torch
from torch import Tensor, nn


class Input(nn.Module):
    """z, with an embedding of the label beside it where there are classes. [B, latent] -> [B, features]."""

    def __init__(self, latent: int, classes: int) -> None:
        super().__init__()
        self.label = nn.Embedding(classes, min(latent, 64)) if classes else None
        self.features = latent + (min(latent, 64) if classes else 0)

    def forward(self, z: Tensor, label: Tensor | None) -> Tensor:
        """Concatenates; a conditional network must be given labels."""
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

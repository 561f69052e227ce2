"""Latent space as pictures and sounds share it: the latents of a seed, truncation, closed loops, fixed chunks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from creative_gan.core import provenance
from creative_gan.core.draws import derive
from creative_gan.core.errors import UserError
from creative_gan.core.models import Trained

_PER_ANCHOR = 256
"""Points per anchor on the fine curve along which the frames are spaced evenly."""


@dataclass(frozen=True)
class LatentModel(Trained):
    """A trained generator of latents and, where it knows some, of classes."""

    generator: nn.Module

    def latents(self, indices: range, seed: int, truncation: float | None = None) -> Tensor:
        """The latents of samples `indices` of a seed. Returns [len(indices), latent]. See `latents`."""
        return latents(indices, seed, self.config["network"]["latent"], truncation)

    def labels_like(self, labels: np.ndarray | None, classes: Sequence[str], count: int) -> Tensor | None:
        """Labels of `count` samples, as often each as among these, where they are of the same classes.

        Of other classes, or of none: every class in turn. Returns int64 [count], or None without classes.
        """
        if not self.classes or labels is None or list(classes) != self.classes:
            return self.labels(range(count))
        rows = np.linspace(0, len(labels) - 1, count).round().astype(np.int64)
        return torch.from_numpy(np.sort(labels)[rows])

    def records(
        self, command: str, n: int, seed: int, label: str | None, truncation: float | None, first: int = 0
    ) -> list[provenance.Record]:
        """The record of origin of each of `n` samples that a command makes."""
        arguments = {"seed": seed, "class": label, "truncation": truncation}
        return provenance.origins(command, arguments, self.identity(), range(first, first + n))


def latents(indices: range, seed: int, length: int, truncation: float | None = None) -> Tensor:
    """The latents of samples `indices` of a seed, each a function of seed and index alone.

    truncation: latents are squeezed below this magnitude; less is more typical and less varied.
    Returns [len(indices), length].
    """
    rows = [
        torch.randn(length, generator=torch.Generator().manual_seed(derive(seed, "sample", i)))
        for i in indices
    ]
    z = torch.stack(rows) if rows else torch.empty(0, length)
    return z if truncation is None else truncate(z, truncation)


def in_chunks(
    make: Callable[[Tensor, Tensor | None], Tensor], z: Tensor, label: Tensor | None, chunk: int
) -> list[Tensor]:
    """What `make` makes of latents [N, D] and labels [N] (or None), always `chunk` rows at once.

    The last chunk is filled up, for another batch size may round differently: so a sample has the same bytes
    however many are asked for. Returns one tensor for each chunk, N rows in all.
    """
    made = []
    for start in range(0, len(z), chunk):
        rows = slice(start, start + chunk)
        missing = chunk - len(z[rows])
        full_z = torch.cat([z[rows], z.new_zeros(missing, z.shape[1])])
        full_label = None if label is None else torch.cat([label[rows], label.new_zeros(missing)])
        made.append(make(full_z, full_label)[: chunk - missing])
    return made


def circle(anchors: Tensor, frames: int) -> Tensor:
    """A smooth closed way through the anchors that moves at an even speed and never stops at one.

    Every coordinate is the trigonometric polynomial through the anchors; in a high-dimensional space its
    points are as probable as the anchors themselves, because the squared weights of an odd number of
    anchors add up to one everywhere. Norms are then made to follow those of the anchors, so that no frame
    comes closer to the mean (blander) than its neighbours.

    anchors: [K, D], K >= 3, as the generator takes them.
    Returns [frames, D]; the first frame is the first anchor, and the step from the last frame back to the
    first is as long as every other.

    Raises UserError for fewer than three anchors or less than one frame.
    """
    if len(anchors) < 3 or frames < 1:
        raise UserError(f"a loop needs three points or more and a frame, not {len(anchors)} and {frames}")
    norms = anchors.double().norm(dim=1, keepdim=True)
    curve = _periodic(anchors.double(), _PER_ANCHOR)
    lengths = _periodic(norms, _PER_ANCHOR).clamp(norms.min(), norms.max())
    curve = curve / curve.norm(dim=1, keepdim=True).clamp_min(1e-12) * lengths
    return _evenly(curve, frames).to(anchors.dtype)


def truncate(z: Tensor, limit: float) -> Tensor:
    """Squeeze standard normal latents into a normal distribution cut off at -limit and limit.

    The same distribution as drawing again whatever falls outside (arXiv:1809.11096, section 3.1), but each
    latent moves smoothly with the limit, so that a seed stays recognisable when it changes.

    z: standard normal, any shape. limit: above 0; smaller means more typical and less varied.

    Raises UserError unless limit is above 0.
    """
    if not limit > 0:
        raise UserError(f"truncation must be above 0, not {limit}; 0.5 is typical, 2 hardly changes a thing")
    low = torch.special.ndtr(torch.tensor(-limit, dtype=torch.float64, device=z.device))
    share = torch.special.ndtr(z.double())
    return torch.special.ndtri(low + share * (1 - 2 * low)).clamp(-limit, limit).to(z.dtype)


def _periodic(points: Tensor, finer: int) -> Tensor:
    """The trigonometric polynomial through points [K, D] of a closed curve. Returns [K * finer, D]."""
    count = len(points)
    waves = torch.fft.rfft(points, dim=0)
    if count % 2 == 0:
        waves[-1] /= 2  # the highest wave of an even count stands for two, of which padding keeps both
    return torch.fft.irfft(waves, n=count * finer, dim=0) * finer


def _evenly(curve: Tensor, frames: int) -> Tensor:
    """Points of a closed curve [M, D] that are equally far apart along it. Returns [frames, D]."""
    closed = torch.cat([curve, curve[:1]])
    travelled = torch.cat([curve.new_zeros(1), closed.diff(dim=0).norm(dim=1).cumsum(0)])
    wanted = torch.arange(frames, dtype=curve.dtype, device=curve.device) * (travelled[-1] / frames)
    after = torch.searchsorted(travelled, wanted, right=True).clamp(1, len(curve))
    start, end = travelled[after - 1], travelled[after]
    share = ((wanted - start) / (end - start).clamp_min(1e-12)).unsqueeze(1)
    return closed[after - 1] + share * (closed[after] - closed[after - 1])

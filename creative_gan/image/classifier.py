"""A small picture classifier, trained in seconds on the user's own labels; its features measure."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from creative_gan.core import judges
from creative_gan.core.adam import Adam
from creative_gan.core.device import cpu_has_bfloat16
from creative_gan.core.errors import UserError
from creative_gan.core.schedule import one_cycle

SIDE = 64
"""Larger pictures are downsampled to this longer side, in pixels."""
WIDTH = 16
FEATURES = 64
BATCH = 128
SEEN = (30_000, 120_000)
"""Training goes over the pictures eight times, but sees at least and at most so many."""
SHIFT = 2
"""Augmentation moves a picture by up to this many pixels in each direction."""


class Classifier(nn.Module):
    """Three convolutions and two linear layers.

    Maps [B, C, H, W] in [-1, 1], at most 64 pixels a side, to logits [B, classes].
    """

    def __init__(self, channels: int, side: int, classes: int) -> None:
        super().__init__()
        # Pictures above 32 pixels are halved at once, which makes them about as fast as small ones.
        strides = [2 if side > 32 else 1, 1, 1]
        widths = [channels, WIDTH, 2 * WIDTH, 4 * WIDTH]
        layers: list[nn.Module] = []
        for i, stride in enumerate(strides):
            layers += [
                nn.Conv2d(widths[i], widths[i + 1], 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(widths[i + 1]),
                nn.ReLU(),
                nn.MaxPool2d(2, ceil_mode=True),
            ]
        head = [nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * widths[-1], FEATURES), nn.ReLU()]
        self.trunk = nn.Sequential(*layers, *head)
        self.last = nn.Sequential(nn.Dropout(0.2), nn.Linear(FEATURES, classes))

    def features(self, x: Tensor) -> Tensor:
        """Penultimate activations [B, 64], not negative."""
        return self.trunk(x)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [B, classes]."""
        return self.last(self.features(x))


def train_classifier(
    pictures: np.ndarray, labels: np.ndarray, classes: Sequence[str], seed: int = 0
) -> Classifier:
    """Train a classifier on a CPU, in about ten seconds on two cores; one for the same data is found in the cache.

    pictures: [N, C, H, W] uint8; labels: [N] whole numbers, 0 <= label < len(classes). The same seed on the
    same machine gives the same network. Raises UserError when there is nothing to tell apart.
    """
    labels = np.asarray(labels).astype(np.int64)
    if len(np.unique(labels)) < 2 or len(labels) != len(pictures):
        raise UserError("a classifier needs a label for every picture, and pictures of two classes at least")
    if labels.min() < 0 or labels.max() >= len(classes):
        raise UserError(f"labels must lie in 0 ... {len(classes) - 1}, one for each class name")
    small = np.array(shrink(pictures, SIDE))  # a copy: torch wants to be able to write
    # Initial weights and dropout know only the global generator: lend it our seed, and give it back.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Classifier(small.shape[1], max(small.shape[2:]), len(classes))
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        judges.learnt(
            judges.key(Path(__file__), small, labels, len(classes), seed, SEEN, cpu_has_bfloat16()),
            network,
            lambda fresh: _learn(fresh, torch.from_numpy(small), torch.from_numpy(labels), seed),
        )
    return network.eval()


def _learn(network: nn.Module, small: Tensor, targets: Tensor, seed: int) -> None:
    steps = int(np.clip(8 * len(small), *SEEN)) // BATCH
    order = np.random.default_rng(seed)
    optimizer = Adam(network.parameters(), 0.0, weight_decay=0.05)
    for step in range(steps):
        rows = torch.from_numpy(order.integers(0, len(small), BATCH))
        real = _shifted(_scaled(small[rows]), order)
        with torch.autocast("cpu", torch.bfloat16, enabled=cpu_has_bfloat16()):
            logits = network(real.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits.float(), targets[rows], label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        share, beta1 = one_cycle(step, steps, rise=0.2)
        optimizer.lr, optimizer.betas = 4e-3 * share, (beta1, 0.999)
        optimizer.step()


@torch.no_grad()
def classify(network: Classifier, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features [N, 64] and logits [N, classes], both float32, of pictures [N, C, H, W] uint8."""
    features, logits = [], []
    for start in range(0, len(pictures), 512):
        small = torch.from_numpy(np.array(shrink(pictures[start : start + 512], SIDE)))
        features.append(network.features(_scaled(small)))
        logits.append(network.last(features[-1]))
    return torch.cat(features).numpy(), torch.cat(logits).numpy()


def shrink(pictures: np.ndarray, side: int) -> np.ndarray:
    """Pictures [N, C, H, W] uint8 at most `side` pixels on the longer side, each the mean of its area."""
    height, width = pictures.shape[2:]
    if max(height, width) <= side:
        return np.ascontiguousarray(pictures)
    ratio = side / max(height, width)
    size = max(1, round(height * ratio)), max(1, round(width * ratio))
    small = np.empty((*pictures.shape[:2], *size), np.uint8)
    for start in range(0, len(pictures), 256):
        some = torch.from_numpy(np.array(pictures[start : start + 256])).float()
        small[start : start + 256] = F.interpolate(some, size, mode="area").round().byte().numpy()
    return small


def _scaled(pictures: Tensor) -> Tensor:
    return pictures.float() / 127.5 - 1


def _shifted(real: Tensor, draw: np.random.Generator) -> Tensor:
    """Every picture moved on its own, its border repeated."""
    batch, _, height, width = real.shape
    padded = F.pad(real, (SHIFT,) * 4, mode="replicate")
    down, right = (torch.from_numpy(draw.integers(0, 2 * SHIFT + 1, (batch, 1))) for _ in range(2))
    rows, columns = down + torch.arange(height), right + torch.arange(width)
    pick = torch.arange(batch)[:, None, None]
    # Indices around the slice put the channels last: [B, H, W, C].
    return padded[pick, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)

"""A small classifier of sounds, trained on the user's own labels: metrics are measured in its features."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from creative_gan.core import judges
from creative_gan.core.adam import Adam
from creative_gan.core.device import Compute, choose
from creative_gan.core.draws import derive
from creative_gan.core.errors import UserError
from creative_gan.core.schedule import one_cycle
from creative_gan.music.signal import decibels, mel_filters, stft
from creative_gan.music.wave.data import Sounds

N_MELS = 40
FEATURES = 96
FRAMES = 128
"""At most; longer sounds get longer windows."""
FLOOR = -60.0
"""dB; what is softer differs between microphones, not between words."""
PASSES, SEEN = 21, (8_000, 50_000)
"""Training goes over the sounds so often, but looks at least and at most at so many: half a minute on two cores."""

_BATCH = 64
_CHUNK = 256


@dataclass(frozen=True)
class Judge:
    """A trained classifier."""

    network: nn.Module
    mean: Tensor
    """[mels, 1] of the log-mel spectrograms that it was trained on."""
    deviation: Tensor
    classes: list[str]
    rate: int

    def look(self, wave: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Features and class probabilities. wave: [N, 1, L]. Returns [N, 96] and [N, classes]."""
        features, odds = [], []
        with torch.no_grad():
            for part in wave.cpu().split(_CHUNK):
                h = self.network[:-1]((log_mel(part, self.rate) - self.mean) / self.deviation)  # type: ignore[index]
                features.append(h)
                odds.append(self.network[-1](h).double().softmax(1))  # type: ignore[index]
        return torch.cat(features).numpy(), torch.cat(odds).numpy()

    def accuracy(self, sounds: Sounds) -> float:
        """Share of the sounds whose label it names."""
        assert sounds.labels is not None
        right = 0
        for rows in np.array_split(np.arange(len(sounds)), max(1, len(sounds) // _CHUNK)):
            batch = sounds.batch(rows)
            right += int((self.look(batch["real"])[1].argmax(1) == batch["label"].numpy()).sum())
        return right / len(sounds)


def train_judge(sounds: Sounds, seed: int = 0, seen: int | None = None) -> Judge:
    """Trains a classifier on labelled sounds; the same sounds and seed give the same one on a machine.

    One for the same data is found in the cache. seen: how many sounds it looks at; None for what suits the set.

    Raises UserError if the sounds have no labels, or one class only.
    """
    if sounds.labels is None or len(sounds.classes) < 2:
        raise UserError(f"{sounds.source} has no classes to tell apart; name them by folder or label pattern")
    seen = seen or int(np.clip(PASSES * len(sounds), *SEEN))
    compute = choose("cpu")  # small enough for it, and then figures do not depend on the device
    rng = np.random.default_rng(derive(seed, "judge"))
    rows = rng.permutation(len(sounds))[:seen]
    spectra = torch.cat([log_mel(sounds.batch(part)["real"], sounds.rate) for part in _parts(rows)])
    label = torch.from_numpy(sounds.labels[rows])
    mean = spectra.mean((0, 1, 3), keepdim=True)[0, 0]
    deviation = spectra.std((0, 1, 3), keepdim=True)[0, 0].clamp_min(1e-3)
    spectra = (spectra - mean) / deviation
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "judge"))
        network = compute.place(_network(len(sounds.classes)))
    judges.learnt(
        judges.key(
            Path(__file__), spectra.numpy(), label.numpy(), len(sounds.classes), seed, seen, compute.bfloat16
        ),
        network,
        lambda fresh: _learn(fresh, spectra, label, rng, max(1, seen // _BATCH), compute),
    )
    network.eval().requires_grad_(False)
    return Judge(network, mean, deviation, sounds.classes, sounds.rate)


def _learn(
    network: nn.Module, spectra: Tensor, label: Tensor, rng: np.random.Generator, steps: int, compute: Compute
) -> None:
    optimizer = Adam(network.parameters(), 0.0, weight_decay=0.02)
    for step in range(steps):
        picked = torch.from_numpy(rng.integers(0, len(spectra), _BATCH))
        with compute.autocast():
            logits = network(_varied(spectra[picked], rng))
        loss = nn.functional.cross_entropy(logits.float(), label[picked])
        optimizer.zero_grad()
        loss.backward()
        share, beta1 = one_cycle(step, steps, rise=0.3)
        optimizer.lr, optimizer.betas = 3e-3 * share, (beta1, 0.999)
        optimizer.step()


def log_mel(wave: Tensor, rate: int) -> Tensor:
    """Log-mel spectrogram with about 16 ms from frame to frame, at most 128 frames.

    wave: [N, 1, L] in [-1, 1]. Returns [N, 1, 40, frames] in dB, not below -60.
    """
    hop = max(2 ** round(np.log2(0.016 * rate)), wave.shape[-1] // FRAMES)
    power = stft(wave, 2 * hop, hop).abs().square() / (hop / 2) ** 2
    return decibels(mel_filters(rate, 2 * hop, N_MELS).to(wave.device) @ power * 100, FLOOR)


def _network(classes: int) -> nn.Sequential:
    def block(a: int, b: int, stride: int) -> list[nn.Module]:
        return [nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]

    return nn.Sequential(
        *block(1, 24, 2),
        *block(24, 48, 1),
        *block(48, 64, 2),
        *block(64, FEATURES, 2),
        # a few places in time, for the order of sounds within a word counts
        nn.AdaptiveAvgPool2d((1, 4)),
        nn.Flatten(),
        nn.Linear(4 * FEATURES, FEATURES),
        nn.ReLU(),
        nn.Linear(FEATURES, classes),
    )


def _varied(spectra: Tensor, rng: np.random.Generator) -> Tensor:
    """Another level, a little moved, a band and a stretch of time hidden (arXiv:1904.08779)."""
    rows, _, bands, frames = spectra.shape

    def hidden(size: int, most: int) -> Tensor:
        """A mask [rows, size] that is 1 in a stretch of 0 to `most` places."""
        start = torch.from_numpy(rng.integers(0, size, (rows, 1)))
        place = torch.arange(size) - start
        return (place >= 0) & (place < torch.from_numpy(rng.integers(0, most + 1, (rows, 1))))

    level = torch.from_numpy(rng.normal(0, 0.2, (rows, 1, 1, 1))).float()
    late = torch.from_numpy(rng.integers(-frames // 16, frames // 16 + 1, (rows, 1)))
    place = (torch.arange(frames) - late).clamp(0, frames - 1)
    moved = spectra.gather(3, place[:, None, None].expand_as(spectra)) + level
    mask = hidden(bands, bands // 6)[:, None, :, None] | hidden(frames, frames // 10)[:, None, None]
    return moved.masked_fill(mask, 0)


def _parts(rows: np.ndarray) -> list[np.ndarray]:
    return np.array_split(rows, max(1, len(rows) // _CHUNK))

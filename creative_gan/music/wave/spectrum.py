"""The second family: a GAN on log-magnitude spectrograms, and the way from sounds to them and back.

SpecGAN, arXiv:1802.04208, section 3.1, with time as long as the sound needs instead of a square. The networks
play with pictures [B, 1, 128, T] that `Spectra.encode` makes of sounds; `Spectra.decode` turns what the
generator paints into sounds.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from creative_gan.core.draws import Draws
from creative_gan.core.networks import Input, Projection
from creative_gan.music.signal import griffin_lim, stft

BINS, N_FFT = 128, 256
SPREAD = 3.0
"""Standard deviations that [-1, 1] spans; what lies further out is clipped, as in the paper."""
FLOOR = 1e-4


class Spectra(nn.Module):
    """Sounds to standardised log-magnitude spectrograms and back; its statistics are kept like weights.

    length: samples of a sound, a multiple of hop. hop: samples from one column to the next.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, length: int, hop: int = 128) -> None:
        super().__init__()
        assert length % hop == 0
        self.length, self.hop, self.frames = length, hop, length // hop
        self.register_buffer("mean", torch.zeros(BINS, 1))
        self.register_buffer("deviation", torch.ones(BINS, 1))

    def fit(self, wave: Tensor) -> None:
        """Takes mean and deviation of each bin from sounds [N, 1, L]; a few hundred are enough."""
        logs = self._logs(wave)
        self.mean.copy_(logs.mean((0, 1, 3), keepdim=True)[0, 0])
        self.deviation.copy_(logs.std((0, 1, 3), keepdim=True)[0, 0].clamp_min(1e-3))

    def encode(self, wave: Tensor) -> Tensor:
        """[B, 1, L] -> [B, 1, 128, L // hop] in [-1, 1]."""
        return ((self._logs(wave) - self.mean) / self.deviation / SPREAD).clamp(-1, 1)

    def decode(self, picture: Tensor, rounds: int = 60) -> Tensor:
        """[B, 1, 128, L // hop] in about [-1, 1] -> [B, 1, L] in [-1, 1], phases by Griffin-Lim."""
        logs = picture.float().clamp(-1, 1) * SPREAD * self.deviation + self.mean
        magnitude = (logs.exp() - FLOOR).clamp_min(0) * N_FFT / 4
        # the bin at half the rate and the column at the end were left out by `encode`
        whole = nn.functional.pad(magnitude, (0, 1, 0, 1))
        return griffin_lim(whole, self.hop, self.length, rounds).clamp(-1, 1)

    def _logs(self, wave: Tensor) -> Tensor:
        magnitude = stft(wave, N_FFT, self.hop)[..., :BINS, : self.frames].abs() / (N_FFT / 4)
        return torch.log(magnitude + FLOOR)


class SpectrogramGenerator(nn.Module):
    """Dense layer, then five transposed convolutions that double both sides, ReLU, tanh.

    frames: columns of the picture, a multiple of 32. width: the paper's d, channels at half the resolution.
    """

    def __init__(self, frames: int, width: int = 64, latent: int = 100, classes: int = 0) -> None:
        super().__init__()
        widths = _widths(width)[::-1]
        self.start = (BINS // 32, frames // 32)
        self.input = Input(latent, classes)
        self.first = nn.Linear(self.input.features, widths[0] * math.prod(self.start))
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            conv = nn.ConvTranspose2d(a, b, 4, 2, 1)
            nn.init.normal_(conv.weight, std=math.sqrt((2 if b > 1 else 0.1) * 4 / a / 16))
            layers += [nn.ReLU(), conv]
        self.body = nn.Sequential(*layers, nn.Tanh())

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """[B, latent] -> [B, 1, 128, frames] in [-1, 1]."""
        return self.body(self.first(self.input(z, label)).view(len(z), -1, *self.start))


class SpectrogramPictureCritic(nn.Module):
    """The generator's mirror with LeakyReLU 0.2, on pictures that `Spectra.encode` made."""

    def __init__(self, frames: int, width: int = 64, classes: int = 0) -> None:
        super().__init__()
        widths = _widths(width)
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            conv = nn.Conv2d(a, b, 4, 2, 1)
            nn.init.kaiming_normal_(conv.weight, 0.2)
            layers += [conv, nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers)
        self.logit = nn.Linear(widths[-1] * (BINS // 32) * (frames // 32), 1)
        self.projection = Projection(widths[-1], classes)

    def forward(self, x: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """[B, 1, 128, frames] -> [B]."""
        h = self.body(x)
        return self.logit(h.flatten(1)).squeeze(1) + self.projection(h.mean((2, 3)), label)


def _widths(width: int) -> list[int]:
    return [1, *(width * 2**i for i in range(5))]

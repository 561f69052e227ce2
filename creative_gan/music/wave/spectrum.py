"""The second family: a GAN on log-magnitude spectrograms, and the way from sounds to them and back.

SpecGAN, arXiv:1802.04208, section 3.1, with mel bands instead of all frequencies where the recipe says so (half
the picture, and longer windows) and time as long as the sound needs instead of a square. The networks play with
pictures [B, 1, bands, columns] that `Spectra.encode` makes of sounds; `Spectra.decode` turns what the generator
paints into sounds.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from creative_gan.core.convolution import Conv2d, ConvTranspose2d
from creative_gan.core.draws import Draws
from creative_gan.core.networks import BatchNorm, Head, Input
from creative_gan.music.signal import griffin_lim, mel_filters, stft

SPREAD = 3.0
"""Standard deviations that [-1, 1] spans; what lies further out is clipped, as in the paper."""
FLOOR = 1e-4
ROUNDS = 32
"""Of Griffin-Lim; on spoken digits twice as many bring the spectrogram a tenth nearer."""

_UNMIX = 30


class Spectra(nn.Module):
    """Sounds to standardised log-magnitude spectrograms and back; its statistics are kept like weights.

    Args:
        rate: samples a second.
        length: samples of a sound, a multiple of hop.
        bands: mel bands, or half the window for a band of every frequency.
        hop: samples from one column to the next.
        window: samples that a column looks at.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, rate: int, length: int, bands: int = 128, hop: int = 128, window: int = 256) -> None:
        super().__init__()
        assert length % hop == 0
        self.rate, self.length, self.bands, self.hop, self.window = rate, length, bands, hop, window
        self.columns = length // hop
        self.register_buffer("mean", torch.zeros(bands, 1))
        self.register_buffer("deviation", torch.ones(bands, 1))

    def fit(self, wave: Tensor) -> None:
        """Takes mean and deviation of each band from sounds [N, 1, L]; a few hundred are enough."""
        logs = self._logs(wave)
        self.mean.copy_(logs.mean((0, 1, 3), keepdim=True)[0, 0])
        self.deviation.copy_(logs.std((0, 1, 3), keepdim=True)[0, 0].clamp_min(1e-3))

    def encode(self, wave: Tensor) -> Tensor:
        """[B, 1, L] -> [B, 1, bands, columns] in [-1, 1]."""
        return ((self._logs(wave) - self.mean) / self.deviation / SPREAD).clamp(-1, 1)

    def decode(self, picture: Tensor, rounds: int = ROUNDS) -> Tensor:
        """[B, 1, bands, columns] in about [-1, 1] -> [B, 1, L] in [-1, 1], phases by Griffin-Lim.

        In double precision, for Griffin-Lim turns a last digit that differs into another sound.
        """
        device = "cpu" if picture.device.type == "mps" else picture.device  # has no double precision
        picture, mean, deviation = (x.to(device, torch.float64) for x in (picture, self.mean, self.deviation))
        logs = picture.clamp(-1, 1) * SPREAD * deviation + mean
        magnitude = self._unmixed((logs.exp() - FLOOR).clamp_min(0))
        # the column at the end was left out by `encode`
        whole = nn.functional.pad(magnitude * self.window / 4, (0, 1))
        wave = griffin_lim(whole, self.hop, self.length, rounds)
        wave = wave / wave.abs().amax(-1, keepdim=True).clamp_min(1)  # softer rather than clipped
        return wave.float()

    def _logs(self, wave: Tensor) -> Tensor:
        magnitude = stft(wave, self.window, self.hop)[..., : self.columns].abs() / (self.window / 4)
        return torch.log(self._filters(wave.device) @ magnitude + FLOOR)

    def _filters(self, device: torch.device) -> Tensor:
        """Means over the frequencies of each band. Returns [bands, window // 2 + 1]."""
        if self.bands == self.window // 2:  # of every frequency but half the rate
            return torch.eye(self.bands, self.window // 2 + 1, device=device)
        filters = mel_filters(self.rate, self.window, self.bands).to(device)
        return filters / filters.sum(1, keepdim=True).clamp_min(1e-9)

    def _unmixed(self, bands: Tensor) -> Tensor:
        """Magnitudes, not negative, whose bands are nearest to these. [..., bands, T] -> [..., window // 2 + 1, T].

        Multiplicative updates from the pseudoinverse: Lee & Seung, "Algorithms for non-negative matrix
        factorization", 2001, Theorem 1.
        """
        filters = self._filters(bands.device).to(bands)
        if self.bands == self.window // 2:
            return filters.T @ bands
        mixed = filters.T @ bands
        magnitude = (torch.linalg.pinv(filters) @ bands).clamp_min(1e-6)
        for _ in range(_UNMIX):
            magnitude = magnitude * (mixed / (filters.T @ (filters @ magnitude)).clamp_min(1e-9))
        return magnitude


class SpectrogramGenerator(nn.Module):
    """Dense layer, then transposed convolutions that double both sides, batch norm, ReLU, tanh.

    spectra: what its pictures are pictures of; kept with its weights, so that it can make sounds of them.
    width: channels at half the resolution; they double with every halving, up to eight times.
    uniform: as `Input` has it.
    """

    def __init__(
        self, spectra: Spectra, width: int = 32, latent: int = 64, classes: int = 0, uniform: bool = False
    ) -> None:
        super().__init__()
        self.spectra = spectra
        self.start, widths = _pyramid(spectra, width)
        self.input = Input(latent, classes, uniform)
        self.first = nn.Linear(self.input.features, widths[-1] * math.prod(self.start), bias=False)
        layers: list[nn.Module] = [BatchNorm(widths[-1]), nn.ReLU()]
        for a, b in pairwise(widths[::-1]):
            layers += [ConvTranspose2d(a, b, 4, 2, 1, bias=b == 1)]
            layers += [BatchNorm(b), nn.ReLU()] if b > 1 else [nn.Tanh()]
        self.body = nn.Sequential(*layers)
        for module in self.modules():
            if isinstance(module, nn.ConvTranspose2d | nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
            elif isinstance(module, BatchNorm):
                nn.init.normal_(module.weight, 1.0, 0.02)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """[B, latent] -> [B, 1, bands, columns] in [-1, 1]."""
        # channels come last in memory, as the convolutions like them: no copy in between
        x = self.first(self.input(z, label)).unflatten(1, (*self.start, -1)).permute(0, 3, 1, 2)
        return self.body(x)

    def sound(self, made: Tensor) -> Tensor:
        """What it painted as sounds [B, 1, L]."""
        return self.spectra.decode(made)


class SpectrogramPictureCritic(nn.Module):
    """The generator's mirror with LeakyReLU 0.2 and no normalisation, on pictures that `Spectra.encode` made."""

    def __init__(self, spectra: Spectra, width: int = 32, classes: int = 0) -> None:
        super().__init__()
        start, widths = _pyramid(spectra, width)
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            conv = Conv2d(a, b, 4, 2, 1)
            nn.init.kaiming_normal_(conv.weight, 0.2)
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
            layers += [conv, nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers)
        self.head = Head(widths[-1] * math.prod(start), classes)

    def forward(self, x: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """[B, 1, bands, columns] -> [B]."""
        return self.head(self.body(x).permute(0, 2, 3, 1).flatten(1), label)


def _pyramid(spectra: Spectra, width: int) -> tuple[tuple[int, int], list[int]]:
    """The size to start from, 4 on its shorter side, and the channels from the picture down to it."""
    sides = spectra.bands, spectra.columns
    stages = int(math.log2(min(sides))) - 2
    assert all(side % 2**stages == 0 for side in sides), sides
    start = sides[0] // 2**stages, sides[1] // 2**stages
    return start, [1, *(width * min(2**i, 8) for i in range(stages))]

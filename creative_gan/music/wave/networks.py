"""Generators and critics for waveforms: WaveGAN as its paper has it, and two critics that look differently.

Donahue 2019 (arXiv:1802.04208), Tables 3 and 4. Every generator maps z [B, latent] and label [B] (or None) to
sounds [B, 1, L] in [-1, 1]. Every critic maps sounds, labels and the step's draws to logits [B]; without
draws nothing in it is random. Labels enter a generator as an embedding beside z, a critic by projection
(arXiv:1802.05637, Eq. 3).
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad

from creative_gan.core.draws import Draws
from creative_gan.core.networks import Input, Projection
from creative_gan.music.signal import stft

KERNEL = 25
STAGES = {
    8192: (8, (4, 4, 4, 4, 4)),
    16384: (16, (4, 4, 4, 4, 4)),
    32768: (16, (4, 4, 4, 4, 4, 2)),
    65536: (16, (4, 4, 4, 4, 4, 4)),
}
"""Length in samples: the length to start from, and the strides up to it. The paper has all but 8,192."""


class WaveGenerator(nn.Module):
    """Dense layer, then transposed convolutions of length 25, ReLU, tanh. arXiv:1802.04208, Table 3.

    length: 8192, 16384, 32768 or 65536 samples. width: the paper's d, 64 there. post_filter: taps of a
    learned filter behind it all, 512 in the paper, 0 for none. uniform: as `Input` has it; so is the paper.
    """

    def __init__(
        self,
        length: int,
        width: int = 64,
        latent: int = 100,
        classes: int = 0,
        post_filter: int = 0,
        uniform: bool = False,
    ) -> None:
        super().__init__()
        self.start, strides = STAGES[length]
        widths = _widths(width, len(strides))[::-1]
        self.input = Input(latent, classes, uniform)
        self.first = nn.Linear(self.input.features, self.start * widths[0])
        layers: list[nn.Module] = []
        for a, b, stride in zip(widths, widths[1:], strides, strict=False):
            # padded so that the length is multiplied by the stride exactly
            padding, extra = (KERNEL - stride + 1) // 2, (KERNEL - stride) % 2
            layers += [nn.ReLU(), nn.ConvTranspose1d(a, b, KERNEL, stride, padding, output_padding=extra)]
        self.body = nn.Sequential(*layers, nn.Tanh())
        self.post_filter = nn.Conv1d(1, 1, post_filter, bias=False) if post_filter else None
        for module in self.modules():
            if isinstance(module, nn.ConvTranspose1d):
                # ReLU halves the variance; each output sample sees KERNEL / stride taps of each channel
                nn.init.normal_(
                    module.weight, std=math.sqrt(2 * module.stride[0] / module.in_channels / KERNEL)
                )
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        # the last layer in tanh's linear range, so that training starts without clipping
        nn.init.normal_(layers[-1].weight, std=0.3 * math.sqrt(strides[-1] / widths[-2] / KERNEL))  # type: ignore[arg-type]

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """[B, latent] -> [B, 1, L] in [-1, 1]."""
        wave: Tensor = self.body(self.first(self.input(z, label)).view(len(z), -1, self.start))
        if self.post_filter is not None:
            taps = self.post_filter.kernel_size[0]
            wave = self.post_filter(pad(wave, ((taps - 1) // 2, taps // 2))).clamp(-1, 1)
        return wave

    def sound(self, made: Tensor) -> Tensor:
        """What it made, as sounds [B, 1, L]: it is one already."""
        return made


class WaveCritic(nn.Module):
    """Strided convolutions of length 25 with LeakyReLU 0.2, phase shuffle after all but the last.

    arXiv:1802.04208, Table 4. length and width as in the generator; shuffle: the paper's n, 0 for none.
    """

    def __init__(self, length: int, width: int = 64, classes: int = 0, shuffle: int = 2) -> None:
        super().__init__()
        self.shuffle = shuffle
        start, strides = STAGES[length]
        widths = _widths(width, len(strides))
        # strides mirror the generator's, so the odd one comes first
        self.convs = nn.ModuleList(
            nn.Conv1d(a, b, KERNEL, stride, (KERNEL - stride + 1) // 2)
            for a, b, stride in zip(widths, widths[1:], strides[::-1], strict=False)
        )
        self.logit = nn.Linear(start * widths[-1], 1)
        self.projection = Projection(widths[-1], classes)
        _prepare(self)

    def forward(self, x: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """[B, 1, L] -> [B]; phases are shuffled if there are draws."""
        for i, conv in enumerate(self.convs):
            x = leaky_relu(conv(x), 0.2)
            if draws is not None and self.shuffle and i < len(self.convs) - 1:
                x = phase_shuffle(x, draws.integers(f"shuffle{i}", -self.shuffle, self.shuffle + 1))
        return self.projection(self.logit(x.flatten(1)).squeeze(1), x.mean(2), label)


def phase_shuffle(x: Tensor, shift: Tensor) -> Tensor:
    """Moves each sample's features in time, reflecting at the ends. arXiv:1802.04208, section 3.3.

    x: [B, C, T]; shift: int64 [B], with |shift| < T: row b becomes x[b, :, t + shift[b]]. Returns [B, C, T].
    """
    last = x.shape[2] - 1
    place = torch.arange(last + 1, device=x.device) + shift[:, None]
    place = last - (last - place.abs()).abs()
    return x.gather(2, place[:, None].expand_as(x))


class SpectrogramCritic(nn.Module):
    """Small 2-D critics on log-magnitude spectrograms of several resolutions; logits are averaged.

    After UnivNet (arXiv:2106.07889), on the logarithm. ffts: window lengths; hops are a
    quarter of them. width: channels of the first layer; they double twice.
    """

    def __init__(self, width: int = 16, classes: int = 0, ffts: tuple[int, ...] = (128, 256, 512)) -> None:
        super().__init__()
        self.ffts = ffts
        widths = [1, width, 2 * width, 4 * width, 4 * width]
        self.stacks = nn.ModuleList(
            nn.ModuleList(
                nn.Conv2d(a, b, (5, 5) if i else (7, 5), 2, (2, 2) if i else (3, 2))
                for i, (a, b) in enumerate(pairwise(widths))
            )
            for _ in ffts
        )
        self.logits = nn.ModuleList(nn.Conv2d(widths[-1], 1, 3, 1, 1) for _ in ffts)
        self.projections = nn.ModuleList(Projection(widths[-1], classes) for _ in ffts)
        _prepare(self)

    def forward(self, x: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """[B, 1, L] -> [B]."""
        judged = []
        for n_fft, convs, logit, projection in zip(
            self.ffts, self.stacks, self.logits, self.projections, strict=True
        ):
            h = log_magnitude(x, n_fft, n_fft // 4)
            for conv in convs:  # type: ignore[attr-defined]
                h = leaky_relu(conv(h), 0.2)
            judged.append(projection(logit(h).mean((1, 2, 3)), h.mean((2, 3)), label))
        return torch.stack(judged).mean(0)


def log_magnitude(x: Tensor, n_fft: int, hop: int) -> Tensor:
    """log of the magnitude, 0 at -60 dB of a full sine and about 1 at full scale, smooth everywhere.

    x: [B, 1, L]. Returns float32 [B, 1, n_fft // 2 + 1, frames]. The square root of zero has no derivative;
    so the floor is added to the power.
    """
    with torch.autocast(x.device.type, enabled=False):  # no half-precision transforms
        parts = torch.view_as_real(stft(x.float(), n_fft, hop))
        power = parts.square().sum(-1) / (n_fft / 4) ** 2
        return 1 + torch.log10(power + 1e-6) / 6


class PeriodCritic(nn.Module):
    """Critics on the wave folded at several periods; logits are averaged.

    HiFi-GAN's multi-period discriminator (arXiv:2010.05646, section 2.3), with fewer channels.
    width: channels of the first layer (32 there), 4, 16, 32 times that in the next ones.
    """

    def __init__(
        self, width: int = 8, classes: int = 0, periods: tuple[int, ...] = (2, 3, 5, 7, 11), widest: int = 256
    ) -> None:
        super().__init__()
        self.periods = periods
        widths = [1, *(min(width * factor, widest) for factor in (1, 4, 16, 32, 32))]
        self.stacks = nn.ModuleList(
            nn.ModuleList(
                nn.Conv2d(a, b, (5, 1), (1 if i == 4 else 3, 1), (2, 0))
                for i, (a, b) in enumerate(pairwise(widths))
            )
            for _ in periods
        )
        self.logits = nn.ModuleList(nn.Conv2d(widths[-1], 1, (3, 1), 1, (1, 0)) for _ in periods)
        self.projections = nn.ModuleList(Projection(widths[-1], classes) for _ in periods)
        _prepare(self)

    def forward(self, x: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """[B, 1, L] -> [B]."""
        judged = []
        for period, convs, logit, projection in zip(
            self.periods, self.stacks, self.logits, self.projections, strict=True
        ):
            h = pad(x, (0, -x.shape[2] % period), "reflect").unflatten(2, (-1, period))
            for conv in convs:  # type: ignore[attr-defined]
                h = leaky_relu(conv(h), 0.1)
            judged.append(projection(logit(h).mean((1, 2, 3)), h.mean((2, 3)), label))
        return torch.stack(judged).mean(0)


def _widths(width: int, stages: int) -> list[int]:
    """Channels from the wave down: 1, d, 2d, 4d, ..."""
    return [1, *(width * 2**i for i in range(stages))]


def _prepare(critic: nn.Module) -> None:
    for module in critic.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, 0.2)
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]

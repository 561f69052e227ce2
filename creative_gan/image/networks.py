"""Generators and critics for pictures: `mlp`, `dcgan` and `resnet`, each with or without classes.

Every generator maps z [B, latent] and label [B] (or None) to pictures [B, C, H, W] in about [-1, 1]; every
critic maps pictures, labels and draws (nothing in it is random) to logits [B]. Labels enter a generator as an
embedding beside z, a critic by projection (Miyato & Koyama 2018, arXiv:1802.05637, Eq. 3).
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate, leaky_relu, pad
from torch.nn.utils.parametrizations import spectral_norm

from creative_gan.core.convolution import Conv2d, ConvTranspose2d
from creative_gan.core.draws import Draws
from creative_gan.core.networks import BatchNorm, Head, Input
from creative_gan.core.recipe import setting

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class NetworkRecipe:
    """Which networks, and how large."""

    name: str = setting("dcgan", ("mlp", "dcgan", "resnet"))
    latent: int = setting(64, low=1, high=4096)
    """Length of z."""
    width: int = setting(32, low=4, high=1024)
    """Channels at full resolution (dcgan: at half of it); they double with every halving, up to eight times."""
    blocks: int = setting(1, low=1, high=32)
    """resnet: residual blocks at each resolution."""
    last: str = setting("transposed", ("transposed", "resized"))
    """dcgan: how the generator comes to full resolution: a transposed convolution as in the paper, or doubled pixels
    and a 3x3 convolution, which leaves no grid (Odena 2016, 10.23915/distill.00003)."""
    blur: bool = setting(False)
    """dcgan: the generator's inner transposed convolutions are followed by the filter [1, 2, 1] each way, so that
    they hand on nothing that alternates from pixel to pixel (Karras 2019, arXiv:1812.04948, appendix C)."""
    modulation: bool = setting(False)
    """dcgan: z and class scale and move the channels of every stage, not only the first (Brock 2019, arXiv:1809.11096,
    appendix B)."""
    norm: str = setting("batch", ("batch", "none"))
    """mlp, dcgan: batch normalisation in the generator. The critics have none, for the penalties' sake."""
    spectral_norm: bool = setting(False)
    """Keeps the critic's layers 1-Lipschitz (Miyato 2018, arXiv:1802.05957)."""


def build(recipe: NetworkRecipe, shape: Shape, classes: int) -> tuple[nn.Module, nn.Module]:
    """Generator and critic for pictures of `shape` (C, H, W); `classes` is 0 without labels."""
    built = NETWORKS[recipe.name][1](recipe, shape, classes)
    if recipe.spectral_norm:
        for module in list(built.modules()):
            if isinstance(module, Block):  # a layer of zeros has no norm to divide by
                nn.init.kaiming_normal_(module.reduce.weight)
            if isinstance(module, nn.Conv2d | nn.Linear):
                spectral_norm(module)
    return build_generator(recipe, shape, classes), built


def build_generator(recipe: NetworkRecipe, shape: Shape, classes: int) -> nn.Module:
    """The generator alone, as a shipped model needs it."""
    return NETWORKS[recipe.name][0](recipe, shape, classes)


class MlpGenerator(nn.Module):
    """The dense generator latent-256-512-1024-pixels of the early GANs, LeakyReLU 0.2 and tanh."""

    def __init__(self, recipe: NetworkRecipe, shape: Shape, classes: int) -> None:
        super().__init__()
        self.shape = shape
        self.input = Input(recipe.latent, classes)
        sizes = [self.input.features, 256, 512, 1024]
        layers: list[nn.Module] = []
        for i, (a, b) in enumerate(pairwise(sizes)):
            layers.append(nn.Linear(a, b))
            if recipe.norm == "batch" and i > 0:
                layers.append(BatchNorm(b))
            layers.append(nn.LeakyReLU(0.2))
        self.body = nn.Sequential(*layers, nn.Linear(1024, math.prod(shape)), nn.Tanh())

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """[B, latent] -> [B, C, H, W]."""
        return self.body(self.input(z, label)).unflatten(1, self.shape)


class MlpCritic(nn.Module):
    """The generator's mirror: pixels-1024-512-256-1."""

    def __init__(self, recipe: NetworkRecipe, shape: Shape, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        sizes = [math.prod(shape), 1024, 512, 256]
        for a, b in pairwise(sizes):
            layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers)
        self.head = Head(256, classes)

    def forward(self, x: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """[B, C, H, W] -> [B]."""
        return self.head(self.body(x), label)


class Modulation(nn.Module):
    """x * (1 + scale) + shift, both linear in what a generator was given. Brock 2019, arXiv:1809.11096, appendix B."""

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


class DcganGenerator(nn.Module):
    """Strided transposed convolutions, batch norm, ReLU, tanh. Radford 2016, arXiv:1511.06434, Figure 1."""

    def __init__(self, recipe: NetworkRecipe, shape: Shape, classes: int) -> None:
        super().__init__()
        channels, *self.size = shape
        self.start, stages = _pyramid(self.size)
        widths = [recipe.width * min(2**i, 8) for i in reversed(range(stages))]
        self.input = Input(recipe.latent, classes)
        self.first = nn.Linear(self.input.features, widths[0] * math.prod(self.start), bias=False)
        bias = recipe.norm == "none"
        layers: list[nn.Module] = []
        self.modulation = nn.ModuleDict()  # each by the place in the body of the norm that it follows
        for stage, width in enumerate(widths):
            if stage:
                layers.append(ConvTranspose2d(widths[stage - 1], width, 4, 2, 1, bias=bias))
                layers += [Blur()] if recipe.blur else []
            if recipe.modulation:
                self.modulation[str(len(layers))] = Modulation(self.input.features, width)
            layers += [_norm(recipe.norm, width), nn.ReLU()]
        if recipe.last == "resized":
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(widths[-1], channels, 3, 1, 1)]
        else:
            layers += [ConvTranspose2d(widths[-1], channels, 4, 2, 1)]
        self.body = nn.Sequential(*layers, nn.Tanh())
        for module in (self.first, *self.body):
            if isinstance(module, nn.ConvTranspose2d | nn.Conv2d | nn.Linear):
                if recipe.norm == "batch":  # the paper's N(0, 0.02) needs batch norm behind it
                    nn.init.normal_(module.weight, std=0.02)
                else:
                    nn.init.normal_(module.weight, std=math.sqrt(2 / _inputs(module)))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """[B, latent] -> [B, C, H, W]."""
        given = self.input(z, label)
        # channels come last in memory, as the convolutions like them: no copy in between
        x = self.first(given).unflatten(1, (*self.start, -1)).permute(0, 3, 1, 2)
        for place, layer in self.body.named_children():
            x = layer(x)
            if place in self.modulation:
                x = self.modulation[place](x, given)
        return _crop(x, self.size)


class DcganCritic(nn.Module):
    """Strided convolutions with LeakyReLU 0.2, arXiv:1511.06434, without batch norm for the penalties' sake."""

    def __init__(self, recipe: NetworkRecipe, shape: Shape, classes: int) -> None:
        super().__init__()
        channels, *size = shape
        start, stages = _pyramid(size)
        self.full = [s * 2**stages for s in start]
        widths = [channels, *(recipe.width * min(2**i, 8) for i in range(stages))]
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            layers += [Conv2d(a, b, 4, 2, 1), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers)
        self.head = Head(widths[-1] * math.prod(start), classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, 0.2)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """[B, C, H, W] -> [B]."""
        return self.head(self.body(_enlarge(x, self.full)).permute(0, 2, 3, 1).flatten(1), label)


class Block(nn.Module):
    """x + conv1x1(conv3x3(conv1x1(x))), no normalisation, grouped middle. Huang 2025, arXiv:2501.05441, section 4.

    Weights follow Fixup (Zhang 2019, arXiv:1901.09321): the last layer starts at zero and the others are scaled by
    depth^(-1/4), so that the residual sum starts as the identity and stays tame without normalisation.
    """

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        inner = 2 * width
        groups = max(width // 8, 1)
        self.expand = nn.Conv2d(width, inner, 1, bias=False)
        self.spatial = nn.Conv2d(inner, inner, 3, 1, 1, groups=groups, bias=False)
        self.reduce = nn.Conv2d(inner, width, 1, bias=False)
        self.bias1, self.bias2 = (nn.Parameter(torch.zeros(inner, 1, 1)) for _ in range(2))
        gain = math.sqrt(2 / (1 + 0.2**2)) * depth ** (-1 / 4)
        for conv in (self.expand, self.spatial):
            nn.init.normal_(conv.weight, std=gain / math.sqrt(conv.weight[0].numel()))
        nn.init.zeros_(self.reduce.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[B, width, H, W] -> the same shape."""
        h = leaky_relu(self.expand(x) + self.bias1, 0.2)
        h = leaky_relu(self.spatial(h) + self.bias2, 0.2)
        return x + self.reduce(h)


class ResnetGenerator(nn.Module):
    """A learned basis scaled by z, residual blocks, bilinear doubling. arXiv:2501.05441, section 4."""

    def __init__(self, recipe: NetworkRecipe, shape: Shape, classes: int) -> None:
        super().__init__()
        channels, *self.size = shape
        self.start, stages = _pyramid(self.size)
        widths = [_eights(recipe.width * min(2**i, 8)) for i in reversed(range(stages + 1))]
        self.input = Input(recipe.latent, classes)
        self.scale = _linear(self.input.features, widths[0])
        self.basis = nn.Parameter(torch.randn(widths[0], *self.start))
        depth = recipe.blocks * len(widths)
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(width, depth) for _ in range(recipe.blocks))) for width in widths
        )
        self.change = nn.ModuleList(_conv1x1(a, b) for a, b in pairwise(widths))
        self.out = _conv1x1(widths[-1], channels)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """[B, latent] -> [B, C, H, W]."""
        x = self.basis * self.scale(self.input(z, label))[:, :, None, None]
        x = self.stages[0](x)
        for change, stage in zip(self.change, list(self.stages)[1:], strict=True):
            x = stage(interpolate(change(x), scale_factor=2, mode="bilinear"))
        return _crop(self.out(x), self.size)


class ResnetCritic(nn.Module):
    """The generator's mirror, ending in a depthwise convolution over what is left. arXiv:2501.05441, section 4."""

    def __init__(self, recipe: NetworkRecipe, shape: Shape, classes: int) -> None:
        super().__init__()
        channels, *size = shape
        start, stages = _pyramid(size)
        self.full = [s * 2**stages for s in start]
        widths = [_eights(recipe.width * min(2**i, 8)) for i in range(stages + 1)]
        depth = recipe.blocks * len(widths)
        self.first = _conv1x1(channels, widths[0])
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(width, depth) for _ in range(recipe.blocks))) for width in widths
        )
        self.change = nn.ModuleList(_conv1x1(a, b) for a, b in pairwise(widths))
        self.last = nn.Conv2d(widths[-1], widths[-1], (start[0], start[1]), groups=widths[-1], bias=False)
        nn.init.normal_(self.last.weight, std=1 / math.sqrt(math.prod(start)))
        self.head = Head(widths[-1], classes)

    def forward(self, x: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """[B, C, H, W] -> [B]."""
        x = self.stages[0](self.first(_enlarge(x, self.full)))
        for change, stage in zip(self.change, list(self.stages)[1:], strict=True):
            x = stage(change(avg_pool2d(x, 2)))
        return self.head(self.last(x).flatten(1), label)


NETWORKS: dict[str, tuple[type[nn.Module], type[nn.Module]]] = {
    "mlp": (MlpGenerator, MlpCritic),
    "dcgan": (DcganGenerator, DcganCritic),
    "resnet": (ResnetGenerator, ResnetCritic),
}


def _pyramid(size: list[int]) -> tuple[list[int], int]:
    """The size to start from and how often to double it; the larger side starts at 4 to 7 (28: 7, 64: 4)."""
    stages = max(1, math.floor(math.log2(max(size) / 4)))
    return [math.ceil(s / 2**stages) for s in size], stages


def _crop(x: Tensor, size: list[int]) -> Tensor:
    top, left = (x.shape[2] - size[0]) // 2, (x.shape[3] - size[1]) // 2
    return x[:, :, top : top + size[0], left : left + size[1]]


def _enlarge(x: Tensor, full: list[int]) -> Tensor:
    """Pads to a size that can be halved all the way down, as much on each side as `_crop` takes."""
    down, right = full[0] - x.shape[2], full[1] - x.shape[3]
    if not down and not right:
        return x
    return pad(x, (right // 2, right - right // 2, down // 2, down - down // 2))


def _inputs(module: nn.ConvTranspose2d | nn.Conv2d | nn.Linear) -> int:
    """How many numbers each output is made of; a transposed convolution of stride 2 uses a quarter of its kernel."""
    if isinstance(module, nn.ConvTranspose2d):
        return module.in_channels * 4
    return module.weight[0].numel()


def _norm(name: str, width: int) -> nn.Module:
    if name == "none":
        return nn.Identity()
    norm = BatchNorm(width)
    nn.init.normal_(norm.weight, 1.0, 0.02)
    return norm


def _eights(width: int) -> int:
    """Rounded up to a multiple of 8, the width of a group in `Block`."""
    return 8 * math.ceil(width / 8)


def _conv1x1(a: int, b: int) -> nn.Module:
    if a == b:
        return nn.Identity()
    conv = nn.Conv2d(a, b, 1, bias=False)
    nn.init.normal_(conv.weight, std=1 / math.sqrt(a))
    return conv


def _linear(a: int, b: int) -> nn.Linear:
    linear = nn.Linear(a, b, bias=False)
    nn.init.normal_(linear.weight, std=1 / math.sqrt(a))
    return linear

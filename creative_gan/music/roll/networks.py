"""A generator of piano rolls whose tracks share a beginning, and critics of the roll, its chroma and its onsets.

Dong et al. 2018 (arXiv:1709.06298) give each track a generator of its own; Dong & Yang 2018 (arXiv:1804.09399),
section 3, let them share the first layers, binarise with a straight-through estimator and add streams for
onsets and chroma to the critic, which are critics of their own here. The twelve pitches of an octave are
channels: all layers work on [steps, octaves], a twelfth of the cells, and see whole chords at once.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from creative_gan.core.draws import Draws
from creative_gan.core.networks import BatchNorm, Head
from creative_gan.music.roll.data import Grid
from creative_gan.music.roll.recipe import NetworkRecipe

SLOPE = 0.2
MOST_STAGES = 4


def build(recipe: NetworkRecipe, grid: Grid) -> tuple[nn.Module, dict[str, nn.Module]]:
    """Generator, and critics by name, for rolls of a grid."""
    critics = {"roll": RollCritic, "chroma": ChromaCritic, "onsets": OnsetCritic}
    return Generator(recipe, grid), {name: critic(recipe, grid) for name, critic in critics.items()}


class Generator(nn.Module):
    """z [B, latent] -> rolls [B, 2 * tracks, steps, pitches] of zeros and ones.

    Of a track that is one voice the likeliest pitch sounds, or none; of others every pitch that is likelier
    than not. Gradients pass as if the likelihood itself had been returned.
    """

    def __init__(self, recipe: NetworkRecipe, grid: Grid) -> None:
        super().__init__()
        self.tracks, width = len(grid.lines), recipe.width
        stages = _stages(grid)
        own = min(recipe.private, stages)
        self.start = (grid.bars * grid.bar // 2**stages, grid.octaves)
        shared = [8 * width, *(8 * width for _ in range(stages - own))]
        private = [2 * width * self.tracks for _ in range(own)]
        self.first = nn.Linear(recipe.latent, shared[0] * math.prod(self.start), bias=False)
        layers: list[nn.Module] = [BatchNorm(shared[0]), nn.ReLU()]
        for a, b in pairwise(shared):
            layers += [_grow(a, b, 1), BatchNorm(b), nn.ReLU()]
        layers += [nn.Conv2d(shared[-1], private[0], 1, bias=False), BatchNorm(private[0]), nn.ReLU()]
        for a, b in zip(private, [*private[1:], private[-1]], strict=True):
            layers += [_grow(a, b, self.tracks), BatchNorm(b), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.open = nn.Conv2d(
            private[-1], 24 * self.tracks, (1, 3), 1, (0, 1), groups=self.tracks, bias=False
        )
        self.bias = nn.Parameter(torch.zeros(self.tracks, 2, 1, grid.pitches))
        # a list and no buffer: it is known from the grid, and is no weight
        self.alone = [line.kind == "voice" for line in grid.lines]
        for module in self.modules():
            if isinstance(module, nn.ConvTranspose2d | nn.Conv2d | nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
        # logits of deviation 3 or so: were all pitches about as likely, the soft gradient would not know the hard one
        nn.init.normal_(self.open.weight, std=3 / math.sqrt(self.open.weight[0].numel() / 2))

    def logits(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Of sounding, and of going on where it sounded before: each [B, tracks, steps, pitches], float32."""
        x = self.first(z).unflatten(1, (*self.start, -1)).permute(0, 3, 1, 2)
        x = self.open(self.body(x)).float().unflatten(1, (self.tracks, 2, 12))
        x = x.permute(0, 1, 2, 4, 5, 3).flatten(4) + self.bias
        sounds, stays = x.unbind(2)
        return sounds, stays

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Labels are not known here."""
        sounds, stays = self.logits(z)
        alone = torch.tensor(self.alone, device=z.device)[:, None, None]
        sounding = torch.where(alone, one_of(sounds), each(sounds))
        before = pad(sounding, (0, 0, 1, 0), value=1.0)[:, :, :-1]  # at the beginning a note may be held
        struck = sounding * (1 - before * each(stays))
        return torch.stack([sounding, struck], 2).flatten(1, 2)


def each(logits: Tensor) -> Tensor:
    """1 where the logit is above 0, else 0, with the gradient of the sigmoid. arXiv:1804.09399, section 3.1."""
    soft = logits.sigmoid()
    return (logits > 0).float() + (soft - soft.detach())


def one_of(logits: Tensor) -> Tensor:
    """1 for the largest logit along the last axis if it is above 0, else none; the gradient is the softmax's.

    The logit of silence is 0.
    """
    soft = pad(logits, (0, 1)).softmax(-1)[..., :-1]
    best = logits.argmax(-1, keepdim=True)
    hard = torch.zeros_like(soft).scatter(-1, best, (logits.gather(-1, best) > 0).float())
    return hard + (soft - soft.detach())


class RollCritic(nn.Module):
    """All tracks with all their pitches. [B, 2 * tracks, steps, pitches] -> [B]."""

    def __init__(self, recipe: NetworkRecipe, grid: Grid) -> None:
        super().__init__()
        width, stages, self.octaves = recipe.width, _stages(grid), grid.octaves
        widths = [4 * width, *(8 * width for _ in range(stages))]
        layers: list[nn.Module] = [
            nn.Conv2d(24 * len(grid.lines), widths[0], (1, 3), 1, (0, 1)),
            nn.LeakyReLU(SLOPE),
        ]
        for a, b in pairwise(widths):
            layers += [nn.Conv2d(a, b, (4, 3), (2, 1), 1), nn.LeakyReLU(SLOPE)]
        self.body = nn.Sequential(*layers)
        self.head = Head(widths[-1] * grid.octaves * grid.bars * grid.bar // 2**stages, 0)
        _ready(self)

    def forward(self, x: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """One logit for each roll."""
        octaves = x.unflatten(3, (self.octaves, 12)).permute(0, 1, 4, 2, 3).flatten(1, 2)
        return self.head(self.body(octaves).flatten(1), label)


class ChromaCritic(nn.Module):
    """Which of the twelve pitch classes each track sounds and strikes, whatever the octave: harmony."""

    def __init__(self, recipe: NetworkRecipe, grid: Grid) -> None:
        super().__init__()
        self.octaves = grid.octaves
        self.body, features = _in_time(24 * len(grid.lines), recipe, grid)
        self.head = Head(features, 0)
        _ready(self)

    def forward(self, x: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """[B, 2 * tracks, steps, pitches] -> [B]."""
        chroma = x.unflatten(3, (self.octaves, 12)).sum(3)
        return self.head(self.body(chroma.transpose(2, 3).flatten(1, 2)).flatten(1), label)


class OnsetCritic(nn.Module):
    """How many notes of each track begin and end at each step, whatever their pitch: rhythm."""

    def __init__(self, recipe: NetworkRecipe, grid: Grid) -> None:
        super().__init__()
        self.body, features = _in_time(2 * len(grid.lines), recipe, grid)
        self.head = Head(features, 0)
        _ready(self)

    def forward(self, x: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """[B, 2 * tracks, steps, pitches] -> [B]."""
        sounding, struck = x.unflatten(1, (-1, 2)).unbind(2)
        ended = relu(sounding[:, :, :-1] - sounding[:, :, 1:]).sum(3)
        return self.head(self.body(torch.cat([struck.sum(3), pad(ended, (1, 0))], 1)).flatten(1), label)


def _stages(grid: Grid) -> int:
    """How often the steps of a bar can be halved, four times at most."""
    return max(n for n in range(MOST_STAGES + 1) if grid.bar % 2**n == 0)


def _grow(a: int, b: int, groups: int) -> nn.ConvTranspose2d:
    """Twice as many steps, as many octaves."""
    return nn.ConvTranspose2d(a, b, (4, 3), (2, 1), 1, groups=groups, bias=False)


def _in_time(channels: int, recipe: NetworkRecipe, grid: Grid) -> tuple[nn.Module, int]:
    """Layers over [B, channels, steps], halving time as often as the roll's critic, and the features they leave."""
    width, stages = recipe.width, _stages(grid)
    widths = [8 * width, *(8 * width for _ in range(stages))]
    layers: list[nn.Module] = [nn.Conv1d(channels, widths[0], 3, 1, 1), nn.LeakyReLU(SLOPE)]
    for a, b in pairwise(widths):
        layers += [nn.Conv1d(a, b, 4, 2, 1), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers), widths[-1] * grid.bars * grid.bar // 2**stages


def _ready(critic: nn.Module) -> None:
    for module in critic.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, SLOPE)
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]

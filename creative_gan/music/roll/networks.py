"""A generator of piano rolls whose tracks share a beginning, and critics of the roll, its chroma and its onsets.

Dong et al. 2018 (arXiv:1709.06298) give each track a generator of its own; Dong & Yang 2018 (arXiv:1804.09399),
section 3, let them share the first layers, binarise with a straight-through estimator and add streams for
onsets and chroma to the critic, which are critics of their own here.

Three things are ours. A note that goes on is one decision and not one for each of its steps, so rolls do not
fall into fragments. Tracks choose their pitches on top of a harmony that all of them share. The critic of
chroma is told how far apart pitch classes are that sound together or follow one another, in every key alike.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad, relu

from creative_gan.core.draws import Draws
from creative_gan.core.networks import BatchNorm, Head
from creative_gan.music.roll.data import Grid
from creative_gan.music.roll.recipe import NetworkRecipe

SLOPE = 0.2
MOST_STAGES = 4
RARE = 1e-4
"""Share of steps at which a pitch counts as sounding that never does."""


def build(
    recipe: NetworkRecipe, grid: Grid, often: Tensor | None = None
) -> tuple[nn.Module, dict[str, nn.Module]]:
    """Generator, and critics by name, for rolls of a grid.

    often: [2 * tracks, pitches], rolls averaged over steps, from which the generator starts.
    """
    generator = Generator(recipe, grid)
    if often is not None:
        generator.expect(often)
    critics = {"roll": RollCritic, "chroma": ChromaCritic, "onsets": OnsetCritic}
    return generator, {name: critic(recipe, grid) for name, critic in critics.items()}


class Generator(nn.Module):
    """z [B, latent] -> rolls [B, 2 * tracks, steps, pitches] of zeros and ones.

    A track that is one voice stays on its pitch or moves to the likeliest one, or to silence; of others every
    pitch is struck that is likelier than not, and stays or ends by itself. Gradients pass as if likelihoods
    had been returned where a choice was made.
    """

    def __init__(self, recipe: NetworkRecipe, grid: Grid) -> None:
        super().__init__()
        width, stages = recipe.width, _stages(grid)
        own = min(recipe.private, stages)
        self.tracks, self.octaves, self.coarse = len(grid.lines), grid.octaves, 2**own
        # lists and no buffers: they are known from the grid, and are no weights
        self.alone = [line.kind == "voice" for line in grid.lines]
        self.tuned = [not line.part.drum for line in grid.lines]
        self.start = grid.bars * grid.bar // 2**stages
        common, mine = 8 * width, 4 * width
        self.first = nn.Linear(recipe.latent, common * self.start, bias=False)
        layers: list[nn.Module] = [BatchNorm(common), nn.ReLU()]
        for _ in range(stages - own):
            layers += [_grow(common, common, 1), BatchNorm(common), nn.ReLU()]
        self.shared = nn.Sequential(*layers)
        every = mine * self.tracks
        layers = [nn.Conv2d(common, every, 1, bias=False), BatchNorm(every), nn.ReLU()]
        for _ in range(own):
            layers += [_grow(every, every, self.tracks), BatchNorm(every), nn.ReLU()]
        self.private = nn.Sequential(*layers)
        for module in self.modules():
            if isinstance(module, nn.ConvTranspose2d | nn.Conv2d | nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
        self.harmony = _logits(common, 12, 3.0)
        self.pitches = nn.ModuleList(_logits(mine, grid.pitches, 1.0) for _ in grid.lines)
        # most notes are longer than a step
        self.stays = nn.ModuleList(
            _logits(mine, 1 if alone else grid.pitches, 1.0, 1.0) for alone in self.alone
        )
        self.expected = nn.Parameter(torch.zeros(self.tracks, 1, grid.pitches))

    @torch.no_grad()
    def expect(self, often: Tensor) -> None:
        """Starts from how often each pitch of each track sounds: Adam would take thousands of steps to learn it.

        often: [2 * tracks, pitches], rolls averaged over steps.
        """
        sounding, struck = often.clamp(RARE, 1 - RARE).unflatten(0, (-1, 2)).unbind(1)
        silent = (1 - sounding.sum(1, keepdim=True)).clamp(min=RARE)
        alone = torch.tensor(self.alone)[:, None]
        self.expected[:, 0] = torch.where(alone, (sounding / silent).log(), struck.logit())

    def logits(self, z: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Of pitches, [B, tracks, steps, pitches], and of staying, for each track [B, steps, 1 or pitches]; float32."""
        x = self.shared(self.first(z).unflatten(1, (-1, self.start, 1)))
        tracks = self.private(x).squeeze(3).transpose(1, 2).chunk(self.tracks, 2)
        chord = self.harmony(x.squeeze(3).transpose(1, 2)).float()
        chord = chord.repeat_interleave(self.coarse, 1).repeat(1, 1, self.octaves)
        tuned = torch.tensor(self.tuned, device=z.device)[:, None, None]
        own = torch.stack([head(h) for head, h in zip(self.pitches, tracks, strict=True)], 1).float()
        stays = [head(h).float() for head, h in zip(self.stays, tracks, strict=True)]
        return own + tuned * chord[:, None] + self.expected, stays

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Labels are not known here."""
        pitches, stays = self.logits(z)
        alone = torch.tensor(self.alone, device=z.device)[:, None, None]
        chosen = torch.where(alone, one_of(pitches), each(pitches))
        stay = torch.stack([each(logits).expand(-1, -1, pitches.shape[3]) for logits in stays], 1)
        return torch.stack(played(chosen, stay, alone), 2).flatten(1, 2)


def played(chosen: Tensor, stay: Tensor, alone: Tensor) -> tuple[Tensor, Tensor]:
    """What sounds and what is struck, [B, tracks, steps, pitches] each.

    Args:
        chosen: [B, tracks, steps, pitches]: of a voice what it moves to unless it stays, of others what is struck.
        stay: of the same shape: whether what sounded at the step before goes on. At the first step, what is
            chosen sounds, and has then been struck before the roll began.
        alone: bool [tracks, 1, 1], which tracks are voices.
    """
    moves = chosen * (1 - stay)
    struck = torch.where(alone, moves, chosen)
    kept = torch.where(alone, stay, stay * (1 - chosen))
    sounding = [chosen[:, :, 0]]
    for new, old in zip(struck.unbind(2)[1:], kept.unbind(2)[1:], strict=True):
        sounding.append(new + old * sounding[-1])
    return torch.stack(sounding, 2), torch.cat([moves[:, :, :1], struck[:, :, 1:]], 2)


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
        self.body = _Body(2 * len(grid.lines) * grid.pitches, 8 * recipe.width, grid)

    def forward(self, x: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """One logit for each roll."""
        return self.body(x.transpose(1, 2).flatten(2))


class ChromaCritic(nn.Module):
    """Which pitch classes each track sounds and strikes, and the intervals of those: harmony and melody.

    Intervals are counted between any two tracks, and from what a track sounded a step ago to what it sounds.
    """

    def __init__(self, recipe: NetworkRecipe, grid: Grid) -> None:
        super().__init__()
        self.octaves, tracks = grid.octaves, len(grid.lines)
        self.body = _Body(12 * (2 * tracks + tracks**2 + tracks), 8 * recipe.width, grid)

    def forward(self, x: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """[B, 2 * tracks, steps, pitches] -> [B]."""
        chroma = x.unflatten(3, (self.octaves, 12)).sum(3).transpose(1, 2)
        sounding = chroma[:, :, ::2]  # [B, steps, tracks, 12]
        turned = torch.stack([sounding.roll(-interval, 3) for interval in range(12)], 3)
        together = sounding @ turned.flatten(2, 3).transpose(2, 3)
        before = pad(sounding, (0, 0, 0, 0, 1, 0))[:, :-1]
        moves = (turned * before[..., None, :]).sum(4)
        return self.body(torch.cat([part.flatten(2) for part in (chroma, together, moves)], 2))


class OnsetCritic(nn.Module):
    """How many notes of each track begin and end at each step, whatever their pitch: rhythm."""

    def __init__(self, recipe: NetworkRecipe, grid: Grid) -> None:
        super().__init__()
        self.body = _Body(2 * len(grid.lines), 2 * recipe.width, grid)

    def forward(self, x: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """[B, 2 * tracks, steps, pitches] -> [B]."""
        sounding, struck = x.unflatten(1, (-1, 2)).unbind(2)
        ended = relu(sounding[:, :, :-1] - sounding[:, :, 1:]).sum(3)
        return self.body(torch.cat([struck.sum(3), pad(ended, (1, 0))], 1).transpose(1, 2))


class _Body(nn.Module):
    """Features [B, steps, features] -> logits [B]: steps, then pairs of them, then pairs of pairs, then all.

    Pairs begin where bars begin, so that a layer looks at all bars alike.
    Products of matrices are twice as quick on a CPU as convolutions of this size.
    """

    def __init__(self, features: int, width: int, grid: Grid) -> None:
        super().__init__()
        stages = _stages(grid)
        self.first = nn.Linear(features, width)
        self.pairs = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(stages))
        self.whole = nn.Linear(width * (grid.bars * grid.bar // 2**stages), width)
        for layer in (self.first, *self.pairs, self.whole):
            nn.init.kaiming_normal_(layer.weight, SLOPE)
            nn.init.zeros_(layer.bias)
        self.head = Head(width, 0)

    def forward(self, x: Tensor) -> Tensor:
        h = leaky_relu(self.first(x), SLOPE)
        for layer in self.pairs:
            h = leaky_relu(layer(h.unflatten(1, (-1, 2)).flatten(2)), SLOPE)
        return self.head(leaky_relu(self.whole(h.flatten(1)), SLOPE), None)


def _stages(grid: Grid) -> int:
    """How often the steps of a bar can be halved, four times at most."""
    return max(n for n in range(MOST_STAGES + 1) if grid.bar % 2**n == 0)


def _grow(a: int, b: int, groups: int) -> nn.ConvTranspose2d:
    """Twice as many steps."""
    return nn.ConvTranspose2d(a, b, (4, 1), (2, 1), (1, 0), groups=groups, bias=False)


def _logits(features: int, count: int, deviation: float, mean: float = 0.0) -> nn.Linear:
    """A last layer whose outputs begin with a deviation and a mean, where half of the features are zero.

    Were all choices about as likely, the soft gradient would not know the hard one.
    """
    layer = nn.Linear(features, count)
    nn.init.normal_(layer.weight, std=deviation / math.sqrt(features / 2))
    nn.init.constant_(layer.bias, mean)
    return layer

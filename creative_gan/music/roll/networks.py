"""A generator of piano rolls whose tracks share a beginning, and critics of the roll, its chroma and its onsets.

Dong et al. 2018 (arXiv:1709.06298) give each track a generator of its own; Dong & Yang 2018 (arXiv:1804.09399),
section 3, let them share the first layers, binarise with a straight-through estimator and add streams for
onsets and chroma to the critic, which are critics of their own here.

Five things are ours. A note that goes on is one decision and not one for each of its steps, so rolls do not
fall into fragments. Tracks choose their pitches on top of a harmony that all of them share. A choice is drawn
from its likelihoods, by numbers that are a part of z (Jang et al. 2017, arXiv:1611.01144), and not the likeliest
one, whose gradient says little of what another choice would have done. Where a voice goes depends on where it is
and on what the voices before it sound. The critic of chroma is told how far apart pitch classes are that sound
together or follow one another, in every key alike.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, leaky_relu, pad, relu

from creative_gan.core.draws import Draws
from creative_gan.core.networks import BatchNorm, Head
from creative_gan.music.roll.data import Grid, Habits
from creative_gan.music.roll.recipe import NetworkRecipe

SLOPE = 0.2
MOST_STAGES = 4
RARE = 1e-4
"""Share of steps at which a pitch counts as sounding that never does."""
BEGIN = 0.3
"""Deviation of what the networks add to the habits of the data at the start, in nats."""
MOST_LED = 6.0
"""A step of a voice begins at most so many nats likelier or less likely than chance would have it."""


def build(
    recipe: NetworkRecipe, grid: Grid, habits: Habits | None = None
) -> tuple["Generator", dict[str, nn.Module]]:
    """Generator, and critics by name, for rolls of a grid. habits: of the data, from which the generator starts."""
    generator = Generator(recipe, grid)
    if habits is not None:
        generator.expect(habits)
    critics = {"roll": RollCritic, "chroma": ChromaCritic, "onsets": OnsetCritic}
    return generator, {name: critic(recipe, grid) for name, critic in critics.items()}


class Generator(nn.Module):
    """z [B, latents] -> rolls [B, 2 * tracks, steps, pitches] of zeros and ones.

    The first of z, as many as the recipe says, are what a roll is about; the rest decides each choice. A track that
    is one voice stays on its pitch or moves to another, or to silence; of others each pitch is struck or not, and
    stays or ends by itself. Gradients pass as if likelihoods had been returned where a choice was made.
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
        self.latent = recipe.latent
        self.choices = 2, self.tracks, grid.bars * grid.bar, grid.pitches + 1
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
        self.harmony = _logits(common, 12)
        self.pitches = nn.ModuleList(_logits(mine, grid.pitches) for _ in grid.lines)
        self.stays = nn.ModuleList(_logits(mine, 1 if alone else grid.pitches) for alone in self.alone)
        # of staying, by place in the bar; most notes are longer than a step
        self.held = nn.Parameter(torch.ones(self.tracks, grid.bar, 1))
        self.expected = nn.Parameter(torch.zeros(self.tracks, 1, grid.pitches))
        self.voices = [track for track, alone in enumerate(self.alone) if alone]
        count, intervals = len(self.voices), 2 * grid.pitches - 1
        # of every interval that a voice may move by, and that it may stand above one before it
        self.led = nn.Parameter(torch.zeros(count, intervals)) if count else None
        self.fits = nn.Parameter(torch.zeros(count, count, intervals)) if count > 1 else None

    @property
    def latents(self) -> int:
        """Length of z."""
        return self.latent + math.prod(self.choices)

    @torch.no_grad()
    def expect(self, habits: Habits) -> None:
        """Starts from how often pitches and intervals sound: Adam would take thousands of steps to learn it."""
        sounding, struck = habits.often.clamp(RARE, 1 - RARE).unflatten(0, (-1, 2)).unbind(1)
        silent = (1 - sounding.sum(1, keepdim=True)).clamp(min=RARE)
        alone = torch.tensor(self.alone)[:, None]
        self.expected[:, 0] = torch.where(alone, (sounding / silent).log(), struck.logit())
        self.held[..., 0] = habits.held.clamp(RARE, 1 - RARE).logit()
        share = sounding[self.voices] / sounding[self.voices].sum(1, keepdim=True)
        if self.led is not None:
            for led, mine, moves in zip(self.led, share, habits.moves[self.voices], strict=True):
                led.copy_(_beyond_chance(moves, mine, mine))
        if self.fits is not None:
            for later, voice in enumerate(self.voices):
                for earlier, other in enumerate(self.voices[:later]):
                    together = habits.together[voice, other]
                    self.fits[later, earlier] = _beyond_chance(together, share[earlier], share[later])

    def logits(self, z: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Of pitches, [B, tracks, steps, pitches], and of staying, for each track [B, steps, 1 or pitches]; float32."""
        x = self.shared(self.first(z).unflatten(1, (-1, self.start, 1)))
        tracks = self.private(x).squeeze(3).transpose(1, 2).chunk(self.tracks, 2)
        chord = self.harmony(x.squeeze(3).transpose(1, 2)).float()
        chord = chord.repeat_interleave(self.coarse, 1).repeat(1, 1, self.octaves)
        tuned = torch.tensor(self.tuned, device=z.device)[:, None, None]
        own = torch.stack([head(h) for head, h in zip(self.pitches, tracks, strict=True)], 1).float()
        held = self.held.repeat(1, x.shape[2] * self.coarse // self.held.shape[1], 1)
        stays = [head(h).float() + places for head, h, places in zip(self.stays, tracks, held, strict=True)]
        return own + tuned * chord[:, None] + self.expected, stays

    def forward(self, z: Tensor, label: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        """Labels are not known here. temperature: of the choice of pitches; lower is more typical."""
        z, choices = z.split([self.latent, math.prod(self.choices)], 1)
        where, whether = choices.unflatten(1, self.choices).unbind(1)
        which, struck, whether = gumbel(where), logistic(where[..., :-1]), logistic(whether)
        pitches, stays = self.logits(z)
        stay = torch.stack(
            [
                each(logits, whether[:, track, :, : logits.shape[2]]).expand(-1, -1, pitches.shape[3])
                for track, logits in enumerate(stays)
            ],
            1,
        )
        lead, fits = _by_pitch(self.led, pitches.shape[3]), _by_pitch(self.fits, pitches.shape[3])

        def choose(step: int, before: Tensor, goes_on: Tensor) -> Tensor:
            # what voices sound is taken as it is where the next choice depends on it: no gradient passes there
            before, goes_on = before.detach(), goes_on.detach()
            chosen: list[Tensor] = []
            now: list[Tensor] = []
            for track, alone in enumerate(self.alone):
                logits = pitches[:, track, step]
                if not alone:
                    chosen.append(each(logits / temperature, struck[:, track, step]))
                    continue
                mine, old, stays = len(now), before[:, track], goes_on[:, track]
                led = logits + _from(lead[mine], old)
                led = led + sum(_from(fits[mine, other], sounding) for other, sounding in enumerate(now))
                chosen.append(one_of(led / temperature, which[:, track, step]))
                now.append(chosen[-1].detach() * (1 - stays) + old * stays)
            return torch.stack(chosen, 1)

        alone = torch.tensor(self.alone, device=z.device)[:, None]
        return torch.stack(played(choose, stay, alone), 2).flatten(1, 2)


def _beyond_chance(seen: Tensor, below: Tensor, above: Tensor) -> Tensor:
    """How many nats likelier each interval is than of pitches that know nothing of each other, [2 * pitches - 1].

    Args:
        seen: how often it was seen.
        below, above: [pitches], how often each pitch is where the interval begins and where it ends.
    """
    width = len(below)
    chance = conv1d(above[None, None], below[None, None], padding=width - 1)[0, 0]
    share = (seen + 1 / width) / (seen + 1 / width).sum()
    return (share / chance.clamp(min=RARE / width)).log().clamp(-MOST_LED, MOST_LED)


def _by_pitch(intervals: Tensor | None, pitches: int) -> Tensor:
    """What is known of intervals [..., 2 * pitches - 1], from each pitch to each: [..., pitches, pitches]."""
    if intervals is None:
        return torch.empty(0)
    places = torch.arange(pitches, device=intervals.device)
    return intervals[..., places - places[:, None] + pitches - 1]


def _from(table: Tensor, sounding: Tensor) -> Tensor:
    """The row [B, pitches] of the pitch that sounds, of zeros and a one [B, pitches] or of zeros alone."""
    return table[sounding.argmax(-1)] * sounding.amax(-1, keepdim=True)


def played(
    choose: Callable[[int, Tensor, Tensor], Tensor], stay: Tensor, alone: Tensor
) -> tuple[Tensor, Tensor]:
    """What sounds and what is struck, [B, tracks, steps, pitches] each.

    Args:
        choose: makes of a step, of what sounded before it and of whether that goes on what is chosen there, all
            [B, tracks, pitches]: of a voice what it moves to unless it stays, of others what is struck.
        stay: [B, tracks, steps, pitches]: whether what sounded at the step before goes on. At the first step, what is
            chosen sounds, and has then been struck before the roll began.
        alone: bool [tracks, 1], which tracks are voices.
    """
    first, *later = stay.unbind(2)
    before, sounding, struck = torch.zeros_like(first), [], []
    for step, goes_on in enumerate([torch.zeros_like(first), *later]):
        chosen = choose(step, before, goes_on)
        struck.append(torch.where(alone, chosen * (1 - goes_on), chosen))
        kept = torch.where(alone, goes_on, goes_on * (1 - chosen))
        before = struck[-1] + kept * before
        sounding.append(before)
    struck[0] = struck[0] * (1 - first)
    return torch.stack(sounding, 2), torch.stack(struck, 2)


def each(logits: Tensor, chance: Tensor) -> Tensor:
    """1 where logit and chance together are above 0, else 0, with the gradient of the sigmoid of both.

    chance: logistic numbers, which make of it a draw with the likelihood of the logit. Maddison et al. 2017,
    arXiv:1611.00712.
    """
    soft = (logits + chance).sigmoid()
    return (logits + chance > 0).float() + (soft - soft.detach())


def one_of(logits: Tensor, chance: Tensor) -> Tensor:
    """1 for the largest of logit and chance together along the last axis, with the gradient of the softmax of both.

    It may be none, whose logit is 0 and whose chance the last one. chance: numbers of Gumbel, [..., one more], which
    make of it a draw with the likelihoods of the logits. arXiv:1611.01144, section 2.2.
    """
    soft = (pad(logits, (0, 1)) + chance).softmax(-1)
    hard = torch.zeros_like(soft).scatter(-1, soft.argmax(-1, keepdim=True), 1.0)
    return (hard + (soft - soft.detach()))[..., :-1]


def gumbel(normal: Tensor) -> Tensor:
    """Normal random numbers as those of Gumbel, -log(-log u) of an even u."""
    return -(-torch.special.log_ndtr(normal)).log()


def logistic(normal: Tensor) -> Tensor:
    """Normal random numbers as logistic ones, log(u / (1 - u)) of an even u."""
    return torch.special.log_ndtr(normal) - torch.special.log_ndtr(-normal)


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


def _logits(features: int, count: int) -> nn.Linear:
    """A last layer whose outputs begin small, with half of the features zero, beside what the data's habits say."""
    layer = nn.Linear(features, count)
    nn.init.normal_(layer.weight, std=BEGIN / math.sqrt(features / 2))
    nn.init.zeros_(layer.bias)
    return layer

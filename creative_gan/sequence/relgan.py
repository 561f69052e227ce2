"""RelGAN's training: the critic's gradient flows into the generator through softened samples; with a guard.

Nie 2019, openreview.net/forum?id=rJedV3R5tm: Gumbel-softmax with a rising inverse temperature and the
relativistic loss, here straight through, for a critic tells soft samples from real ones at a glance. It is
fast and brittle; when the variety of what is sampled breaks down against that of the data, the guard goes
back to the last healthy generator and halves the generator's learning rate.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from creative_gan.core import dist
from creative_gan.core.device import frozen_copy
from creative_gan.core.draws import Draws
from creative_gan.core.ema import Ema
from creative_gan.core.losses import relativistic_critic, relativistic_generator
from creative_gan.core.recipe import setting
from creative_gan.sequence import common
from creative_gan.sequence.common import Batch, Learner, follow, parts
from creative_gan.sequence.networks import CnnCritic, Generator
from creative_gan.sequence.sampling import ended, padded
from creative_gan.sequence.tokens import mask


@dataclass(frozen=True)
class RelganRecipe:
    """Settings of the game. Lengths of time are in samples."""

    anneal: int = setting(100_000, low=1)
    """Samples over which the inverse temperature rises from 1 to `sharpest`."""
    sharpest: float = setting(100.0, low=1)
    lr: float = setting(1e-4, low=0)
    critic_lr: float = setting(1e-4, low=0)
    critic_steps: int = setting(5, low=1)
    """Parts that a batch is cut in; each teaches the critic against fresh samples, one the generator."""
    collapsed: float = setting(0.6, low=0, high=1)
    """The guard acts when the samples have less than this share of the data's distinct pairs of tokens."""
    healthy: float = setting(0.8, low=0, high=1)
    """A generator is kept for going back to when they have at least this share."""
    clip: float = setting(5.0, low=0)
    """Largest norm of a gradient."""
    ema: float = setting(5_000.0, low=0)
    """Half-life of the generator's moving average."""


class RelganGame:
    """The critic judges sampled tokens; the generator sees its gradient through mixtures of token vectors."""

    def __init__(self, generator: Generator, critic: CnnCritic, recipe: RelganRecipe) -> None:
        self.generator, self.critic, self.recipe = generator, critic, recipe
        self.learners = {
            "generator": Learner("generator", generator, recipe.lr, recipe.clip),
            "critic": Learner("critic", critic, recipe.critic_lr, recipe.clip),
        }
        self.safe = frozen_copy(generator)
        self.ema = Ema(generator, recipe.ema)
        self.seen, self.lr_scale = 0, 1.0
        self.share, self.trips = 1.0, 0

    def step(self, batch: Batch, draws: Draws) -> dict[str, Tensor]:
        """One update.

        Returns `generator_loss`, `critic_loss`, `distinct` (the smoothed share of the data's distinct pairs)
        and `trips` (how often the guard went back).
        """
        recipe = self.recipe
        sharpness = recipe.sharpest ** min(1.0, self.seen / recipe.anneal)
        losses = [
            self._critic_turn(part, ours.of("critic"))
            for part, ours in parts(batch, draws, recipe.critic_steps)
        ]
        part, ours = next(parts(batch, draws, recipe.critic_steps))
        report = self._generator_turn(part, ours.of("generator"), sharpness)
        self.seen += draws.batch
        self.ema.update(self.generator, self.seen, draws.batch)
        return report | {
            "critic_loss": torch.stack(losses).mean(),
            "distinct": torch.tensor(self.share, device=draws.device),
            "trips": torch.tensor(self.trips, device=draws.device),
        }

    def _sampled(self, draws: Draws, longest: int, label: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Sampled tokens [B, T] with their length [B], and the Gumbel noise [B, T, V] that chose them."""
        noise = gumbel(draws, longest, self.generator.symbols.size)
        tokens = hard_sample(self.generator, noise, label)
        length = ended(tokens, self.generator.symbols)
        return padded(tokens, length, self.generator.symbols), length, noise

    def _critic_turn(self, batch: Batch, draws: Draws) -> Tensor:
        label = batch.get("label")
        tokens, length, _ = self._sampled(draws, batch["real"].shape[1], label)
        real_logits = self.critic(batch["real"], batch["length"], label, draws.of("real"))
        fake_logits = self.critic(tokens, length, label, draws.of("fake"))
        loss = relativistic_critic(real_logits, fake_logits).mean()
        self.learners["critic"].descend(loss, self.lr_scale)
        return loss.detach()

    def _generator_turn(self, batch: Batch, draws: Draws, sharpness: float) -> dict[str, Tensor]:
        label, learner = batch.get("label"), self.learners["generator"]
        tokens, length, noise = self._sampled(draws, batch["real"].shape[1], label)
        if self._collapsed(tokens, length, batch):
            follow(self.generator, self.safe, 1.0)
            learner.optimizer.state.clear()
            return {}
        with torch.no_grad():
            real_logits = self.critic(batch["real"], batch["length"], label)
        # The critic judges the tokens; the gradient goes by the mixtures near them (straight through).
        soft = (sharpness * (self.generator(tokens, label) + noise)).softmax(2) @ self.critic.embedding.weight
        vectors = self.critic.embed(tokens) + (soft - soft.detach())  # no rounding: equal tokens stay equal
        loss = relativistic_generator(self.critic.score(vectors, length, label), real_logits).mean()
        norm = learner.descend(loss, self.lr_scale * 0.5**self.trips)
        return {"generator_loss": loss.detach(), "generator_gradient": norm}

    def _collapsed(self, tokens: Tensor, length: Tensor, batch: Batch) -> bool:
        """Whether it is time to go back; keeps the generator for that while it is healthy."""
        fake, real = distinct_pairs(tokens, length), distinct_pairs(batch["real"], batch["length"])
        share = (fake / real.clamp(min=1e-6)).item()
        self.share += 0.1 * (share - self.share)
        if self.share >= self.recipe.healthy:
            follow(self.safe, self.generator, 1.0)
        if self.share >= self.recipe.collapsed:
            return False
        self.share = 1.0
        self.trips += 1
        return True

    def networks(self) -> dict[str, nn.Module]:
        """What is trained, averaged or kept, by name."""
        return {
            "generator": self.generator,
            "critic": self.critic,
            "safe": self.safe,
            "ema": self.ema.average,
        }

    def state_dict(self) -> dict:
        """Everything that the next step depends on."""
        return common.state(self) | {"share": self.share, "trips": self.trips}

    def load_state_dict(self, state: dict) -> None:
        """Goes on exactly where `state_dict` was taken."""
        common.load_state(self, state)
        self.share, self.trips = state["share"], state["trips"]


def gumbel(draws: Draws, longest: int, size: int) -> Tensor:
    """Gumbel noise for every token of the vocabulary at every position: [B, T, V]."""
    uniform = draws.uniform("gumbel", longest, size).clamp_(min=1e-20)
    return -(-uniform.log()).clamp_(min=1e-20).log()


@torch.no_grad()
def hard_sample(generator: Generator, noise: Tensor, label: Tensor | None = None) -> Tensor:
    """The tokens at which logits and Gumbel noise [B, T, V] are largest, past the end token too: [B, T]."""
    rows, longest, _ = noise.shape
    state = generator.begin(rows, label)
    token = torch.full((rows,), generator.symbols.start, device=noise.device)
    tokens = []
    for t in range(longest):
        hidden, state = generator.advance(generator.embed(token), state)
        token = (generator.head(hidden) + noise[:, t]).argmax(1)
        tokens.append(token)
    return torch.stack(tokens, dim=1)


def distinct_pairs(tokens: Tensor, length: Tensor) -> Tensor:
    """The share of pairs of neighbouring tokens that are different from all others in the whole batch: a scalar."""
    tokens, length = dist.gathered(tokens), dist.gathered(length)
    there = mask(length - 1, tokens.shape[1] - 1)
    pairs = torch.stack([tokens[:, :-1][there], tokens[:, 1:][there]])
    share = torch.unique(pairs, dim=1).shape[1] / max(1, pairs.shape[1])
    return torch.tensor(share, device=tokens.device)

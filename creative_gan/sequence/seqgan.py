"""SeqGAN as in the paper: policy gradient with a critic of whole sequences and Monte-Carlo rollouts.

Yu 2017, arXiv:1609.05473. The generator comes from a phase of maximum likelihood; the critic learns alone for
`critic_pretrain` samples, then the game begins.
"""

from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from creative_gan.core import dist
from creative_gan.core.device import Compute, frozen_copy
from creative_gan.core.draws import Draws
from creative_gan.core.ema import Ema
from creative_gan.core.losses import cross_entropy_critic
from creative_gan.core.recipe import setting
from creative_gan.sequence import common
from creative_gan.sequence.common import Batch, Learner, follow, parts
from creative_gan.sequence.likelihood import log_probabilities
from creative_gan.sequence.networks import CnnCritic, Generator
from creative_gan.sequence.rollouts import rewards
from creative_gan.sequence.sampling import Samples, sample
from creative_gan.sequence.tokens import mask


@dataclass(frozen=True)
class SeqganRecipe:
    """Settings of the game; the learning rates are the paper's. Lengths of time are in samples."""

    critic_pretrain: int = setting(0, low=0)
    """Samples that teach the critic alone, at first; in a run at most a third of its phase."""
    lr: float = setting(1e-2, low=0)
    critic_lr: float = setting(1e-4, low=0)
    critic_steps: int = setting(5, low=1)
    """Parts that a batch is cut in; each teaches the critic against fresh samples, one the generator."""
    rollouts: int = setting(16, low=1)
    policy_rate: float = setting(0.2, low=0, high=1)
    """How far the rollout policy moves towards the generator after each of its steps."""
    baseline: bool = setting(False)
    """Rewards count from their mean at the same position of the batch (Williams 1992); the paper has none."""
    l2: float = setting(0.2, low=0)
    """Weight of the squared weights of the critic's last layer."""
    clip: float = setting(5.0, low=0)
    """Largest norm of a gradient."""
    ema: float = setting(0.0, low=0)
    """Half-life of the generator's moving average; the paper has none."""
    constant_reward: bool = setting(False)
    """Control run: every reward is 1, so whatever improves is no merit of the critic."""


class SeqganGame:
    """Every token is rewarded with the probability that the critic finds real what comes of it.

    `compute` says whether the critic learns and judges in bfloat16; everything else is float32.
    """

    def __init__(
        self, generator: Generator, critic: CnnCritic, recipe: SeqganRecipe, compute: Compute | None = None
    ) -> None:
        self.generator, self.critic, self.recipe, self.compute = generator, critic, recipe, compute
        self.learners = {
            "generator": Learner("generator", generator, recipe.lr, recipe.clip),
            "critic": Learner("critic", critic, recipe.critic_lr, recipe.clip),
        }
        self.policy = frozen_copy(generator)
        self.ema = Ema(generator, recipe.ema)
        self.seen, self.lr_scale = 0, 1.0

    def step(self, batch: Batch, draws: Draws) -> dict[str, Tensor]:
        """One update. Returns `critic_loss` and, once the game has begun, `reward` (mean a token)."""
        report = {}
        if self.seen >= self.recipe.critic_pretrain:
            report = self._generator_turn(*next(parts(batch, draws, self.recipe.critic_steps)))
        losses = [self._critic_turn(*part) for part in parts(batch, draws, self.recipe.critic_steps)]
        self.seen += draws.batch
        self.ema.update(self.generator, self.seen, draws.batch)
        return report | {"critic_loss": torch.stack(losses).mean()}

    def _generator_turn(self, batch: Batch, draws: Draws) -> dict[str, Tensor]:
        draws, label = draws.of("generator"), batch.get("label")
        fake = sample(self.generator, draws, batch["real"].shape[1], label)
        reward = worth = self._worth(fake, label, draws)
        if self.recipe.baseline:
            worth = from_the_mean(worth, mask(fake.length, fake.tokens.shape[1]))
        # Eq. 8, arXiv:1609.05473: the gradient of log-probability, weighted with what came of each token.
        logp = log_probabilities(self.generator(fake.tokens, label), fake.tokens, fake.length)
        # A sum over the whole batch: gradients are averaged over processes, each of which has its rows.
        loss = -(worth * logp).sum() * dist.world()
        norm = self.learners["generator"].descend(loss, self.lr_scale)
        follow(self.policy, self.generator, self.recipe.policy_rate)
        return {"reward": reward.sum() / fake.length.sum(), "generator_gradient": norm}

    def _worth(self, fake: Samples, label: Tensor | None, draws: Draws) -> Tensor:
        """The reward of every token: [B, T]."""
        if self.recipe.constant_reward:
            return mask(fake.length, fake.tokens.shape[1]).float()
        count = self.recipe.rollouts
        return rewards(self.policy, self._real_probability, fake.tokens, fake.length, label, count, draws)

    def _real_probability(self, tokens: Tensor, length: Tensor, label: Tensor | None) -> Tensor:
        # Most of a step is spent here, and three digits of a reward that is a mean of many are enough.
        return self._judged(tokens, length, label).sigmoid()

    def _judged(
        self, tokens: Tensor, length: Tensor, label: Tensor | None, draws: Draws | None = None
    ) -> Tensor:
        with self.compute.autocast() if self.compute else nullcontext():
            logits: Tensor = self.critic(tokens, length, label, draws)
        return logits.float()

    def _critic_turn(self, batch: Batch, draws: Draws) -> Tensor:
        draws, label = draws.of("critic"), batch.get("label")
        fake = sample(self.generator, draws, batch["real"].shape[1], label)
        real_logits = self._judged(batch["real"], batch["length"], label, draws.of("real"))
        fake_logits = self._judged(fake.tokens, fake.length, label, draws.of("fake"))
        loss = cross_entropy_critic(real_logits, fake_logits).mean() / 2
        weights = sum(p.square().sum() for p in self.critic.output.parameters()) / 2
        self.learners["critic"].descend(loss + self.recipe.l2 * weights, self.lr_scale)
        return loss.detach()

    def networks(self) -> dict[str, nn.Module]:
        """What is trained, averaged or kept, by name."""
        return {
            "generator": self.generator,
            "critic": self.critic,
            "policy": self.policy,
            "ema": self.ema.average,
        }

    def state_dict(self) -> dict:
        """Everything that the next step depends on."""
        return common.state(self)

    def load_state_dict(self, state: dict) -> None:
        """Goes on exactly where `state_dict` was taken."""
        common.load_state(self, state)


def from_the_mean(worth: Tensor, there: Tensor) -> Tensor:
    """Rewards less their mean over the whole batch at the same position. worth, there: [B, T]. Returns [B, T]."""
    count = dist.mean(there.float().sum(0)).clamp_min(1e-6)
    return (worth - dist.mean(worth.sum(0)) / count) * there

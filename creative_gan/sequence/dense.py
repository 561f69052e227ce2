"""SeqGAN with dense rewards: a causal critic judges every prefix in one pass, and no rollouts are needed.

With the best critic the logit of a prefix is the log-ratio of real to generated probability, so the step of
that logit at a token is the token's own log-ratio: a reward for each token that sums to that of the sequence.
A learned value is subtracted, and three things hold the generator near the data: the divergence from
the frozen maximum-likelihood model, maximum likelihood in between, and an entropy bonus (Caccia 2020,
arXiv:1811.02549, finds the last two to matter; de Masson d'Autume 2019, arXiv:1905.09922, the dense rewards).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from creative_gan.core import dist
from creative_gan.core.device import frozen_copy
from creative_gan.core.draws import Draws
from creative_gan.core.ema import Ema
from creative_gan.core.recipe import setting
from creative_gan.sequence import common
from creative_gan.sequence.common import Batch, Learner, parts
from creative_gan.sequence.likelihood import imitation_loss
from creative_gan.sequence.networks import Generator, PrefixCritic
from creative_gan.sequence.sampling import Samples, sample
from creative_gan.sequence.tokens import mask, masked_mean


@dataclass(frozen=True)
class DenseRecipe:
    """Settings of the game. Lengths of time are in samples."""

    critic_pretrain: int = setting(0, low=0)
    """Samples that teach the critic alone, at first; in a run at most a third of its phase."""
    lr: float = setting(1e-4, low=0)
    critic_lr: float = setting(1e-3, low=0)
    value_lr: float = setting(1e-2, low=0)
    critic_steps: int = setting(1, low=1)
    """Parts that a batch is cut in; each teaches the critic on fresh samples, the first the generator."""
    smoothing: float = setting(0.1, low=0, high=0.49)
    """The critic's target for real prefixes is 1 - smoothing."""
    discount: float = setting(0.95, low=0, high=1)
    """What a reward counts one token earlier."""
    reward_clip: float = setting(5.0, low=0)
    advantage_clip: float = setting(5.0, low=0)
    """In standard deviations."""
    kl: float = setting(0.1, low=0)
    """Weight of the divergence from the frozen maximum-likelihood model."""
    imitation: float = setting(0.1, low=0)
    """Weight of maximum likelihood on the batch."""
    entropy: float = setting(0.0, low=0)
    """Weight of the entropy bonus."""
    clip: float = setting(5.0, low=0)
    """Largest norm of a gradient."""
    ema: float = setting(5_000.0, low=0)
    """Half-life of the generator's moving average."""
    constant_reward: bool = setting(False)
    """Control run: every reward is 1, so whatever improves is no merit of the critic."""


def returns(reward: Tensor, discount: float) -> Tensor:
    """The discounted sum of the rewards [B, T] from each token on; they are 0 at padding. Returns [B, T]."""
    total, later = torch.empty_like(reward), torch.zeros_like(reward[:, 0])
    for t in reversed(range(reward.shape[1])):
        later = reward[:, t] + discount * later
        total[:, t] = later
    return total


def prefix_rewards(logits: Tensor, length: Tensor, clip: float) -> Tensor:
    """The step of the critic's logits [B, T] at each token, at most `clip` in size. Returns [B, T]."""
    before = torch.cat([torch.zeros_like(logits[:, :1]), logits[:, :-1]], dim=1)
    return torch.where(mask(length, logits.shape[1]), (logits - before).clamp(-clip, clip), 0.0)


class DenseGame:
    """Policy gradient on the critic's dense rewards, one sample of the generator and three passes a step."""

    def __init__(self, generator: Generator, critic: PrefixCritic, recipe: DenseRecipe) -> None:
        self.generator, self.critic, self.recipe = generator, critic, recipe
        self.value = nn.Linear(generator.width, 1).to(next(generator.parameters()).device)
        self.learners = {
            "generator": Learner("generator", generator, recipe.lr, recipe.clip),
            "critic": Learner("critic", critic, recipe.critic_lr, recipe.clip),
            "value": Learner("value", self.value, recipe.value_lr, recipe.clip),
        }
        self.reference = frozen_copy(generator)
        self.ema = Ema(generator, recipe.ema)
        self.seen, self.lr_scale = 0, 1.0

    def step(self, batch: Batch, draws: Draws) -> dict[str, Tensor]:
        """One update.

        Returns `critic_loss` and, once the game has begun, `reward` (mean a token), `kl` and `entropy` (nats
        a token).
        """
        report: dict[str, Tensor] = {}
        losses = []
        for index, (part, ours) in enumerate(parts(batch, draws, self.recipe.critic_steps)):
            fake = sample(self.generator, ours.of("fake"), part["real"].shape[1], part.get("label"))
            # The generator goes first: a critic that has just learnt these samples by heart misjudges them.
            if index == 0 and self.seen >= self.recipe.critic_pretrain:
                report = self._generator_turn(fake, part, ours)
            losses.append(self._critic_turn(fake, part, ours))
        self.seen += draws.batch
        self.ema.update(self.generator, self.seen, draws.batch)
        return report | {"critic_loss": torch.stack(losses).mean()}

    def _generator_turn(self, fake: Samples, batch: Batch, draws: Draws) -> dict[str, Tensor]:
        recipe, label = self.recipe, batch.get("label")
        there = mask(fake.length, fake.tokens.shape[1])
        reward = self._reward(fake, label)
        hidden = self.generator.hidden(fake.tokens, label)
        logp = self.generator.head(hidden).log_softmax(2)
        with torch.no_grad():
            reference = self.reference(fake.tokens, label).log_softmax(2)
        advantage = self._advantage(hidden.detach(), returns(reward, recipe.discount), there)
        chosen = logp.gather(2, fake.tokens[:, :, None])[:, :, 0]
        probability = logp.exp()
        kl = masked_mean((probability * (logp - reference)).sum(2), there)
        entropy = masked_mean(-(probability * logp).sum(2), there)
        loss = masked_mean(-advantage * chosen, there) + recipe.kl * kl - recipe.entropy * entropy
        if recipe.imitation:
            real = batch["real"], batch["length"], label
            loss = loss + recipe.imitation * imitation_loss(self.generator, *real, draws.of("imitate"))
        norm = self.learners["generator"].descend(loss, self.lr_scale)
        return {
            "reward": masked_mean(reward, there),
            "kl": kl.detach(),
            "entropy": entropy.detach(),
            "generator_gradient": norm,
        }

    @torch.no_grad()
    def _reward(self, fake: Samples, label: Tensor | None) -> Tensor:
        """The reward of every token: [B, T]."""
        if self.recipe.constant_reward:
            return mask(fake.length, fake.tokens.shape[1]).float()
        return prefix_rewards(
            self.critic(fake.tokens, fake.length, label), fake.length, self.recipe.reward_clip
        )

    def _advantage(self, hidden: Tensor, target: Tensor, there: Tensor) -> Tensor:
        """How much better than the value each return is, in deviations: [B, T]. Teaches the value."""
        value = self.value(hidden)[:, :, 0]
        self.learners["value"].descend(masked_mean((value - target).square(), there), self.lr_scale)
        surprise = torch.where(there, target - value.detach(), 0.0)
        # over all processes: `masked_mean` alone is this one's part of a mean
        surprise = surprise - dist.mean(masked_mean(surprise, there))
        spread = dist.mean(masked_mean(surprise.square(), there)).sqrt()
        return (surprise / (spread + 1e-6)).clamp(-self.recipe.advantage_clip, self.recipe.advantage_clip)

    def _critic_turn(self, fake: Samples, batch: Batch, draws: Draws) -> Tensor:
        label, smoothing = batch.get("label"), self.recipe.smoothing
        real_logits = self.critic(batch["real"], batch["length"], label, draws.of("critic-real"))
        fake_logits = self.critic(fake.tokens, fake.length, label, draws.of("critic-fake"))
        real_loss = (1 - smoothing) * softplus(-real_logits) + smoothing * softplus(real_logits)
        longest = real_logits.shape[1]
        loss = masked_mean(real_loss, mask(batch["length"], longest))
        loss = (loss + masked_mean(softplus(fake_logits), mask(fake.length, longest))) / 2
        self.learners["critic"].descend(loss, self.lr_scale)
        return loss.detach()

    def networks(self) -> dict[str, nn.Module]:
        """What is trained, averaged or kept, by name."""
        return {
            "generator": self.generator,
            "critic": self.critic,
            "reference": self.reference,
            "value": self.value,
            "ema": self.ema.average,
        }

    def state_dict(self) -> dict:
        """Everything that the next step depends on."""
        return common.state(self)

    def load_state_dict(self, state: dict) -> None:
        """Goes on exactly where `state_dict` was taken."""
        common.load_state(self, state)

"""Cooperative training: a mediator learns the mixture of real and generated, the generator moves towards it.

Lu 2019, arXiv:1804.03782. The generator's gradient is exact over the whole vocabulary at every position of
its own samples, so there are no rewards, no critic and no need to pretrain.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from creative_gan.core.draws import Draws
from creative_gan.core.ema import Ema
from creative_gan.core.recipe import setting
from creative_gan.sequence import common
from creative_gan.sequence.common import Batch, Learner
from creative_gan.sequence.likelihood import imitation_loss
from creative_gan.sequence.networks import Generator
from creative_gan.sequence.sampling import Samples, sample
from creative_gan.sequence.tokens import mask, masked_mean


@dataclass(frozen=True)
class CotRecipe:
    """Settings of the game."""

    lr: float = setting(5e-4, low=0)
    mediator_lr: float = setting(5e-4, low=0)
    clip: float = setting(5.0, low=0)
    """Largest norm of a gradient."""
    ema: float = setting(5_000.0, low=0)
    """Half-life of the generator's moving average, in samples."""


class CotGame:
    """One step of the mediator, a generator network that is best twice as wide, and one of the generator."""

    def __init__(self, generator: Generator, mediator: Generator, recipe: CotRecipe) -> None:
        self.generator, self.mediator, self.recipe = generator, mediator, recipe
        self.learners = {
            "generator": Learner("generator", generator, recipe.lr, recipe.clip),
            "mediator": Learner("mediator", mediator, recipe.mediator_lr, recipe.clip),
        }
        self.ema = Ema(generator, recipe.ema)
        self.seen, self.lr_scale = 0, 1.0

    def step(self, batch: Batch, draws: Draws) -> dict[str, Tensor]:
        """One update of both.

        Returns `mediator_nll` and `divergence`, the generator's from the mediator, both in nats a token.
        """
        label = batch.get("label")
        fake = sample(self.generator, draws.of("fake"), batch["real"].shape[1], label)
        report = self._mediator_turn(batch, fake, draws) | self._generator_turn(fake, label, draws)
        self.seen += draws.batch
        self.ema.update(self.generator, self.seen, draws.batch)
        return report

    def _mediator_turn(self, batch: Batch, fake: Samples, draws: Draws) -> dict[str, Tensor]:
        # Eq. 9, arXiv:1804.03782: likelihood of a mixture that is half real, half generated.
        label = batch.get("label")
        real_loss = imitation_loss(self.mediator, batch["real"], batch["length"], label, draws.of("real"))
        fake_loss = imitation_loss(self.mediator, fake.tokens, fake.length, label, draws.of("made"))
        loss = (real_loss + fake_loss) / 2
        self.learners["mediator"].descend(loss, self.lr_scale)
        return {"mediator_nll": loss.detach()}

    def _generator_turn(self, fake: Samples, label: Tensor | None, draws: Draws) -> dict[str, Tensor]:
        # Eq. 11: sum over the vocabulary of G (log G - log M), at every prefix that the generator made.
        logp = self.generator(fake.tokens, label, draws.of("generator")).log_softmax(2)
        with torch.no_grad():
            target = self.mediator(fake.tokens, label).log_softmax(2)
        divergence = (logp.exp() * (logp - target)).sum(2)
        loss = masked_mean(divergence, mask(fake.length, fake.tokens.shape[1]))
        norm = self.learners["generator"].descend(loss, self.lr_scale)
        return {"divergence": loss.detach(), "generator_gradient": norm}

    def networks(self) -> dict[str, nn.Module]:
        """What is trained, averaged or kept, by name."""
        return {"generator": self.generator, "mediator": self.mediator, "ema": self.ema.average}

    def state_dict(self) -> dict:
        """Everything that the next step depends on."""
        return common.state(self)

    def load_state_dict(self, state: dict) -> None:
        """Goes on exactly where `state_dict` was taken."""
        common.load_state(self, state)

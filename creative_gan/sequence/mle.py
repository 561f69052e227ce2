"""Maximum likelihood: the baseline that every adversarial game is measured against, and their first phase."""

from contextlib import nullcontext
from dataclasses import dataclass

from torch import Tensor, nn

from creative_gan.core.device import Compute
from creative_gan.core.draws import Draws
from creative_gan.core.ema import Ema
from creative_gan.core.recipe import setting
from creative_gan.sequence import common
from creative_gan.sequence.common import Batch, Learner
from creative_gan.sequence.likelihood import imitation_loss
from creative_gan.sequence.networks import Generator


@dataclass(frozen=True)
class MleRecipe:
    """Settings of the game."""

    lr: float = setting(1e-3, low=0)
    clip: float = setting(5.0, low=0)
    """Largest norm of a gradient."""
    ema: float = setting(5_000.0, low=0)
    """Half-life of the generator's moving average, in samples."""


class MleGame:
    """Teaches a generator to predict each token of real sequences from those before it.

    `compute` says whether the generator runs in bfloat16; None for float32.
    """

    def __init__(self, generator: Generator, recipe: MleRecipe, compute: Compute | None = None) -> None:
        self.generator, self.recipe, self.compute = generator, recipe, compute
        self.learners = {"generator": Learner("generator", generator, recipe.lr, recipe.clip)}
        self.ema = Ema(generator, recipe.ema)
        self.seen, self.lr_scale = 0, 1.0

    def step(self, batch: Batch, draws: Draws) -> dict[str, Tensor]:
        """One update. Returns `nll`, in nats a token, and the norm of the gradient."""
        real = batch["real"], batch["length"], batch.get("label")
        with self.compute.autocast() if self.compute else nullcontext():
            loss = imitation_loss(self.generator, *real, draws)
        norm = self.learners["generator"].descend(loss, self.lr_scale)
        self.seen += draws.batch
        self.ema.update(self.generator, self.seen, draws.batch)
        return {"nll": loss.detach(), "generator_gradient": norm}

    def networks(self) -> dict[str, nn.Module]:
        """What is trained, averaged or kept, by name."""
        return {"generator": self.generator, "ema": self.ema.average}

    def state_dict(self) -> dict:
        """Everything that the next step depends on."""
        return common.state(self)

    def load_state_dict(self, state: dict) -> None:
        """Goes on exactly where `state_dict` was taken."""
        common.load_state(self, state)

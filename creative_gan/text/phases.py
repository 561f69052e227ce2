"""The games of a text run: each phase makes its own from the generator of the one before."""

from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from creative_gan.core.device import Compute
from creative_gan.core.draws import derive
from creative_gan.core.loop import Game
from creative_gan.sequence.cot import CotGame
from creative_gan.sequence.dense import DenseGame
from creative_gan.sequence.mle import MleGame
from creative_gan.sequence.networks import CnnCritic, Generator, PrefixCritic
from creative_gan.sequence.relgan import RelganGame
from creative_gan.sequence.seqgan import SeqganGame
from creative_gan.text.networks import CRITICS, Shape, build_critic, build_generator
from creative_gan.text.pretrained import Backbone
from creative_gan.text.recipe import TextRecipe


@dataclass(frozen=True)
class Builder:
    """Makes the game of a phase at its beginning, the same one for the same recipe, data and weights."""

    recipe: TextRecipe
    shape: Shape
    backbone: Backbone | None
    compute: Compute

    def first(self) -> Generator:
        """The generator that a run begins with."""
        torch.manual_seed(self.recipe.seed)
        made = build_generator(self.recipe.network, self.shape, self.backbone)
        return cast(Generator, made.to(self.compute.device))

    def game(self, phase: int, weights: dict[str, Tensor] | None) -> Game:
        """The game of a phase, its generator with the weights of the phase before (None: none)."""
        name, generator = self.recipe.phase[phase].game, self.first()
        if weights is not None:
            generator.load_state_dict(weights)
        if name == "mle":
            return MleGame(generator, self.recipe.mle)
        torch.manual_seed(derive(self.recipe.seed, phase, "critic"))
        critic = self._critic(CRITICS[name])
        if name == "seqgan":
            return SeqganGame(generator, cast(CnnCritic, critic), self.recipe.seqgan)
        if name == "dense":
            return DenseGame(generator, cast(PrefixCritic, critic), self.recipe.dense)
        if name == "relgan":
            return RelganGame(generator, cast(CnnCritic, critic), self.recipe.relgan)
        if weights is not None:  # a mediator that knows nothing would lead a trained generator astray
            critic.load_state_dict(weights)
        return CotGame(generator, cast(Generator, critic), self.recipe.cot)

    def _critic(self, kind: str) -> nn.Module:
        recipe = self.recipe
        made = build_critic(kind, recipe.critic, recipe.network, self.shape, self.backbone)
        return made.to(self.compute.device)


def learned(game: Any) -> dict[str, Tensor]:
    """The weights of a game's generator as the next phase, the model and the samples take them."""
    return game.ema.average.state_dict()


def judge(game: Any) -> nn.Module | None:
    """What tells generated from real in a game: its critic, its mediator, or nothing."""
    networks = game.networks()
    return networks.get("critic", networks.get("mediator"))


def without_pretraining(recipe: TextRecipe) -> TextRecipe:
    """The recipe with every game in full swing from its first step, to measure its speed."""
    seqgan, dense = replace(recipe.seqgan, critic_pretrain=0), replace(recipe.dense, critic_pretrain=0)
    return replace(recipe, seqgan=seqgan, dense=dense)

"""The networks of a text model, from the recipe that describes them."""

from dataclasses import dataclass
from typing import cast

from torch import nn

from creative_gan.core.recipe import setting
from creative_gan.sequence.networks import (
    CnnCritic,
    Generator,
    LstmGenerator,
    PrefixCritic,
    TransformerGenerator,
)
from creative_gan.sequence.recipe import CriticRecipe
from creative_gan.sequence.tokens import Symbols
from creative_gan.text.pretrained import Backbone, PretrainedCritic, PretrainedGenerator
from creative_gan.text.tokens import END, PAD, START


@dataclass(frozen=True)
class NetworkRecipe:
    """The generator. What is for another kind of network is not looked at."""

    name: str = setting("lstm", ("lstm", "transformer", "pretrained"))
    embedding: int = setting(64, low=1, high=8192)
    """Length of a token's vector (lstm)."""
    width: int = setting(128, low=1, high=8192)
    layers: int = setting(1, low=1, high=64)
    heads: int = setting(4, low=1, high=256)
    """Of the transformer's attention."""
    dropout: float = setting(0.3, low=0, high=0.9)
    backbone: str = setting("")
    """A causal language model, `hf:NAME` or `hf:FOLDER` (pretrained)."""
    rank: int = setting(8, low=1, high=1024)
    """Of the adapters' matrices (pretrained)."""

    def __post_init__(self) -> None:
        if self.name == "pretrained" and not self.backbone:
            raise ValueError("'network.backbone' is missing; name a language model with --generator hf:NAME")


@dataclass(frozen=True)
class Shape:
    """What the data decide about the networks."""

    vocabulary: int
    length: int
    classes: int

    @property
    def symbols(self) -> Symbols:
        """The tokens: unknown words may be read but never written, which is the sampler's business."""
        return Symbols(self.vocabulary, START, END, PAD, (PAD, START))


def build_generator(recipe: NetworkRecipe, shape: Shape, backbone: Backbone | None) -> Generator:
    """A generator of texts; `backbone` is the language model that a pretrained one stands on."""
    if recipe.name == "lstm":
        return LstmGenerator(
            shape.symbols, recipe.embedding, recipe.width, recipe.layers, recipe.dropout, shape.classes
        )
    if recipe.name == "transformer":
        return TransformerGenerator(
            shape.symbols,
            shape.length,
            recipe.width,
            recipe.layers,
            recipe.heads,
            recipe.dropout,
            shape.classes,
        )
    assert backbone is not None
    made = PretrainedGenerator(
        shape.symbols, backbone, shape.length, recipe.rank, recipe.dropout, shape.classes
    )
    return cast(Generator, made)


def build_critic(
    kind: str, recipe: CriticRecipe, network: NetworkRecipe, shape: Shape, backbone: Backbone | None
) -> nn.Module:
    """A critic of a kind of `phases.CRITICS`: `cnn`, `prefix` or `mediator`, which is a second generator."""
    if kind == "mediator":
        return build_generator(network, shape, backbone)
    if kind == "cnn":
        return CnnCritic(
            shape.symbols, shape.length, recipe.embedding, recipe.scale, recipe.dropout, shape.classes
        )
    if backbone is not None:
        return PretrainedCritic(backbone, network.rank, recipe.dropout, shape.classes)
    return PrefixCritic(shape.symbols, recipe.embedding, recipe.width, recipe.dropout, shape.classes)

"""Trains a writer of texts: from one path of data and a recipe to a run folder with a model in it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from creative_gan.core import dist
from creative_gan.core import run as runs
from creative_gan.core.data import evenly, order
from creative_gan.core.device import Compute, choose
from creative_gan.core.start import Rows, class_rows, fill
from creative_gan.sequence.keeper import HELDOUT, Keeper
from creative_gan.sequence.networks import TOKEN_VECTORS, Generator
from creative_gan.sequence.phases import Builder, play, settled
from creative_gan.sequence.recipe import shared_out
from creative_gan.text.check import fitting_length
from creative_gan.text.data import Sequences, Texts, encode, open_texts
from creative_gan.text.look import looking
from creative_gan.text.model import Model, load
from creative_gan.text.networks import Shape, build_critic, build_generator
from creative_gan.text.pretrained import Backbone, PretrainedTokenizer, open_backbone
from creative_gan.text.recipe import TextRecipe
from creative_gan.text.tokens import SPECIAL, Tokenizer, train_tokenizer


@dataclass(frozen=True)
class Plan:
    """Everything that a run needs, decided but not started."""

    recipe: TextRecipe
    recipe_name: str
    texts: Texts
    """The whole corpus."""
    tokenizer: Tokenizer
    backbone: Backbone | None
    train: Sequences
    heldout: Sequences
    compute: Compute
    start: Model | None
    """What it begins with instead of chance."""

    @property
    def classes(self) -> list[str]:
        """Names of the classes that the networks are told."""
        return self.texts.classes

    @property
    def shape(self) -> Shape:
        """What the data decide about the networks."""
        size = self.backbone.size + len(SPECIAL) if self.backbone else len(self.tokenizer)
        return Shape(size, self.train.tokens.shape[1], len(self.classes))

    def builder(self, recipe: TextRecipe) -> Builder:
        """What makes the games."""
        network, shape, backbone = recipe.network, self.shape, self.backbone
        return Builder(
            recipe,
            lambda: self.begun(build_generator(network, shape, backbone)),
            lambda kind: build_critic(kind, recipe.critic, network, shape, backbone),
            self.compute,
        )

    def begun(self, generator: Generator) -> Generator:
        """The generator with the weights that the run begins with, if there are any. Raises as `core.start.fill`."""
        if self.start is not None:
            words = Rows(TOKEN_VECTORS, self.start.tokenizer.tokens(), self.tokenizer.tokens())
            rows = [class_rows(self.start.classes, self.classes), words]
            fill(generator, self.start.generator().state_dict(), self.start.path, rows)
        return generator

    def batch(self, seen: int, batch: int, rows: slice) -> dict[str, Tensor]:
        """Our rows of the batch that starts at sample `seen`."""
        made = self.train.batch(order(len(self.train), self.recipe.seed, seen, seen + batch)[rows])
        return {key: value.to(self.compute.device, non_blocking=True) for key, value in made.items()}


def plan(
    source: str, recipe: TextRecipe, recipe_name: str, device: str = "auto", strict: bool = False
) -> Plan:
    """Opens the data, makes the vocabulary and chooses the device.

    Raises:
        UserError, DataError: data or a language model that cannot be used, a device that is not there.
    """
    compute = choose(device, "float32", dist.local_rank())
    texts = open_texts(source, strict, recipe.data.unit)
    if not recipe.data.labels:
        texts = replace(texts, labels=None, classes=[])
    train, heldout = texts.split(recipe.data.holdout, recipe.seed)
    start = load(recipe.start) if recipe.start else None
    backbone, context = None, None
    if recipe.network.name == "pretrained":
        backbone = open_backbone(recipe.network.backbone, compute.device)
        context = backbone.context
        tokenizer: Tokenizer = PretrainedTokenizer(backbone.tokenizer)
    elif start is not None and start.tokenizer.kind == "bpe":
        tokenizer = start.tokenizer  # it can write any text, and its pieces mean nothing by themselves
    else:
        tokenizer = train_tokenizer(train.texts, recipe.data.tokenizer, recipe.data.vocabulary or None)
    length = recipe.data.length or fitting_length(
        np.array([len(ids) for ids in tokenizer.encode(train.texts)])
    )
    length = min(length, context or length)
    recipe = replace(recipe, budget=shared_out(recipe))
    rows = encode(train, tokenizer, length), encode(heldout, tokenizer, length)
    return Plan(recipe, recipe_name, texts, tokenizer, backbone, *rows, compute, start)


def remarks(plan: Plan) -> list[str]:
    """What a person should know of the corpus before it is trained on."""
    lines, skipped = [], plan.texts.skipped
    if skipped:
        lines.append(f"skipped {len(skipped):,} that cannot be used, such as {' '.join(skipped[0])}")
    if plan.texts.cut:
        lines.append(f"cut {plan.texts.cut:,} texts of more than 10,000 characters in pieces")
    split = plan.train.split + plan.heldout.split
    if split:
        lines.append(f"cut {split:,} texts of more than {plan.shape.length} tokens in rows of that length")
    if len(plan.train) < plan.recipe.game.batch:
        lines.append(
            f"{len(plan.train):,} texts are fewer than a batch of {plan.recipe.game.batch}: they come "
            "several times in it, and the model will know them by heart"
        )
    return lines


def train(plan: Plan, folder: Path, report: Callable[[dict], None], new: bool = False) -> Path:
    """Trains, going on with what is in `folder` unless `new`. Returns the model folder.

    Args:
        report: called with every row of the log; rows with `say` are sentences for a person.

    Raises:
        loop.Stopped: interrupted and saved.
        UserError, DataError: see `runs.settle`, `runs.held` and `loop.train`.
    """
    with runs.session(folder, plan.compute.device, new, report):
        return _train(plan, folder, report)


def _train(plan: Plan, folder: Path, report: Callable[[dict], None]) -> Path:
    data = {"fingerprint": plan.texts.fingerprint, "source": plan.texts.source, "count": plan.train.texts}
    plan = replace(plan, recipe=settled(plan, folder, data, "texts", report))
    rows = evenly(len(plan.heldout), HELDOUT)
    keeper = Keeper(folder / "mle.safetensors", plan.heldout.batch(rows), plan.compute.device)
    play(plan, folder, keeper, looking(plan, folder, data, keeper), report)
    return folder / "model"

"""Trains a picture GAN: from one path of data and a recipe to a run folder with a model in it."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from creative_gan.core import dist, models, provenance
from creative_gan.core import run as runs
from creative_gan.core.augment import compose
from creative_gan.core.data import evenly, order
from creative_gan.core.device import Compute, choose
from creative_gan.core.draws import Draws
from creative_gan.core.errors import DataError
from creative_gan.core.files import write_bytes
from creative_gan.core.game import AdversarialGame
from creative_gan.core.models import HOME, card
from creative_gan.core.play import play
from creative_gan.core.start import Start, begin, start_of
from creative_gan.image import export, metrics, model
from creative_gan.image.augment import AUGMENTATIONS
from creative_gan.image.data import Pictures, open_pictures
from creative_gan.image.networks import build
from creative_gan.image.recipe import ImageRecipe


@dataclass(frozen=True)
class Plan:
    """Everything that a run needs, decided but not started."""

    recipe: ImageRecipe
    recipe_name: str
    source: str
    train: Pictures
    heldout: Pictures
    compute: Compute
    skipped: list[tuple[str, str]]
    start: Start | None

    @property
    def classes(self) -> list[str]:
        """Names of the classes that the networks are told."""
        return self.train.classes if self.recipe.data.labels else []

    def game(self, total: int) -> AdversarialGame:
        """A game at its beginning, the same one for the same recipe and data."""
        torch.manual_seed(self.recipe.seed)
        generator, critic = build(self.recipe.network, self.train.shape, len(self.classes))
        game = AdversarialGame(
            generator,
            {"critic": critic},
            self.recipe.network.latent,
            self.recipe.game,
            total,
            self.compute,
            compose(AUGMENTATIONS, self.recipe.augment.policy),
            self.recipe.augment,
            len(self.classes),
        )
        return begin(game, self.start, self.classes)

    def batch(self, seen: int, batch: int, rows: slice) -> dict[str, Tensor]:
        """Our rows of the batch that starts at sample `seen`."""
        indices = order(len(self.train), self.recipe.seed, seen, seen + batch)[rows]
        flip = None
        if self.recipe.data.flip:
            flip = Draws(self.recipe.seed, seen, batch, rows).uniform("mirror") < 0.5
        made = self.train.batch(indices, flip)
        if not self.classes:
            made.pop("label", None)
        made["real"] = made["real"].contiguous(memory_format=torch.channels_last)
        return {key: value.to(self.compute.device, non_blocking=True) for key, value in made.items()}


def plan(
    source: str, recipe: ImageRecipe, recipe_name: str, device: str = "auto", strict: bool = False
) -> Plan:
    """Opens the data and chooses the device.

    Raises:
        UserError, DataError: data or a model to begin with that cannot be used, a device that is not there.
    """
    compute = choose(device, recipe.precision, dist.local_rank())
    size = recipe.data.size
    pictures = open_pictures(
        source,
        size=(size[0], size[-1]) if size else None,
        channels=recipe.data.channels,
        fit=recipe.data.fit,
        strict=strict,
        label_column=recipe.data.label_column,
    )
    train, heldout = pictures.split(recipe.data.holdout)
    if len(train) < 2:
        raise DataError(
            source,
            f"holds too few pictures to train on ({len(pictures)})",
            "a hundred or more are good, and three the least",
        )
    start = start_of(model.load(recipe.start), "image") if recipe.start else None
    return Plan(recipe, recipe_name, source, train, heldout, compute, pictures.skipped, start)


def remarks(plan: Plan) -> list[str]:
    """What a person should know of the pictures before they are trained on."""
    if not plan.skipped:
        return []
    return [f"skipped {len(plan.skipped):,} files that cannot be read, such as {': '.join(plan.skipped[0])}"]


def train(plan: Plan, folder: Path, report: Callable[[dict], None], new: bool = False) -> Path:
    """Trains, going on with what is in `folder` unless `new`. Returns the model folder.

    Args:
        report: called with every row of the log; rows with `say` are sentences for a person.

    Raises:
        loop.Stopped: interrupted and saved.
        UserError, DataError: see `runs.settle`, `runs.held` and `loop.train`.
    """
    with runs.session(folder, plan.compute.device, new, report):
        data = _facts(plan)
        return play(plan, folder, data, "pictures", lambda settled: _look(settled, folder, data), report)


def _facts(plan: Plan) -> dict[str, Any]:
    """What the run's folder and its model say of the data."""
    return {
        "fingerprint": plan.train.fingerprint,
        "source": plan.source,
        "count": len(plan.train),
        "holdout": plan.recipe.data.holdout,
        "fit": plan.recipe.data.fit,
        "label_column": plan.recipe.data.label_column,
    }


def _look(
    plan: Plan, folder: Path, data: dict[str, Any]
) -> Callable[[AdversarialGame, int], dict[str, float]]:
    """What is done now and then: a preview of fixed latents, the model as it is, how varied it is."""
    name, network = folder.resolve().name, plan.recipe.network
    config = model.describe(name, network, plan.train.shape, plan.classes, plan.recipe_name, data, 0)
    classes = len(plan.classes)
    count = max(min(8 * classes, 80), 64) if classes else 64
    z = torch.randn(
        count, plan.recipe.network.latent, generator=torch.Generator().manual_seed(plan.recipe.seed)
    )
    label = torch.arange(count) % classes if classes else None
    indices = evenly(len(plan.train), count)
    # an unconditional collapse shows in all of them, one of each class only within classes
    told = None if label is None or 2 * classes > len(indices) else label.numpy()
    real = plan.train.subset(indices)
    real_diversity = metrics.diversity(real.pictures, None if told is None else real.labels)

    @torch.no_grad()
    def look(game: AdversarialGame, seen: int) -> dict[str, float]:
        device = plan.compute.device
        generator = game.ema.average
        fake = export.to_uint8(generator(z.to(device), None if label is None else label.to(device)))
        shown = export.straight(fake) if fake.shape[1] == 4 else fake
        made_by = {"name": config["name"], "recipe": config["recipe"], "data": config["data"]["fingerprint"]}
        origin = provenance.origin("image train", {"seen": seen, "seed": plan.recipe.seed}, made_by)
        sheet = export.png(export.grid(shown, columns=min(classes, 16) if classes > 1 else None), origin)
        write_bytes(folder / "samples" / f"{seen:010d}.png", sheet, overwrite=True)
        files: dict[str, str | bytes] = {"preview.png": sheet, "README.md": _card(plan, config, seen)}
        models.write(folder / "model", generator.state_dict(), config | {"seen": seen}, files)
        return {"diversity": metrics.diversity(fake, told), "real_diversity": real_diversity}

    return look


def _card(plan: Plan, config: dict, seen: int) -> str:
    """The model card: what this is, what it was trained on and how."""
    height, width = config["shape"][1:]
    classes = f", {len(plan.classes)} classes ({', '.join(plan.classes[:12])})" if plan.classes else ""
    body = f"""
A generator of pictures of {height}x{width} pixels{classes}, trained by [creative-gan]({HOME}) with the recipe
`{config["recipe"]}` on {len(plan.train):,} pictures of `{Path(plan.source).name}`, {seen:,} shown in all.
Whoever uses it should know the licence of those pictures.

![samples](preview.png)

```
creative-gan image sample --model {shlex.quote(config["name"])} --out grid.png
```
"""
    return card(config["name"], "unconditional-image-generation", body, plan.recipe)

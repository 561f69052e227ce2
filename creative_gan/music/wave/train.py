"""Trains a sound GAN: from one path of data and a recipe to a run folder with a model in it."""

import io
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
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
from creative_gan.core.start import Start, begin, fill, start_of, within
from creative_gan.music.wave import export, metrics, model
from creative_gan.music.wave.augment import AUGMENTATIONS
from creative_gan.music.wave.data import Sounds, open_sounds
from creative_gan.music.wave.families import build_critics, build_generator, spectra
from creative_gan.music.wave.picture import sound_sheet
from creative_gan.music.wave.recipe import WaveRecipe
from creative_gan.music.wave.spectrum import Spectra, SpectrogramGenerator

FITTED_ON = 512
"""Sounds that the statistics of spectrograms are taken from."""
PREVIEWED = 20
"""Sounds in the preview that is heard."""


@dataclass(frozen=True)
class Plan:
    """Everything that a run needs, decided but not started."""

    recipe: WaveRecipe
    recipe_name: str
    source: str
    train: Sounds
    heldout: Sounds
    compute: Compute
    spectra: Spectra | None
    """How the `spectrum` family sees sounds; None for waves."""
    start: Start | None

    @property
    def classes(self) -> list[str]:
        """Names of the classes that the networks are told."""
        return self.train.classes if self.recipe.data.labels else []

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """Names of files that could not be used, and why."""
        return self.train.skipped

    def game(self, total: int) -> AdversarialGame:
        """A game at its beginning, the same one for the same recipe and data."""
        torch.manual_seed(self.recipe.seed)
        about = self.recipe.network, self.train.rate, self.train.length, len(self.classes)
        generator = build_generator(*about)
        if self.spectra is not None:
            assert isinstance(generator, SpectrogramGenerator)
            generator.spectra.load_state_dict(self.spectra.state_dict())
        game = AdversarialGame(
            generator,
            build_critics(*about),
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
        """Our rows of the batch that starts at sample `seen`, as the critics take them."""
        indices = order(len(self.train), self.recipe.seed, seen, seen + batch)[rows]
        made = self.train.batch(indices, Draws(self.recipe.seed, seen, batch, rows))
        if not self.classes:
            made.pop("label", None)
        made = {key: value.to(self.compute.device, non_blocking=True) for key, value in made.items()}
        if self.spectra is not None:
            made["real"] = self.spectra.encode(made["real"]).contiguous(memory_format=torch.channels_last)
        return made


def plan(
    source: str, recipe: WaveRecipe, recipe_name: str, device: str = "auto", strict: bool = False
) -> Plan:
    """Opens the data and chooses the device.

    Raises:
        UserError, DataError: data or a model to begin with that cannot be used, a device that is not there.
    """
    compute = choose(device, recipe.precision, dist.local_rank())
    data = recipe.data
    sounds = open_sounds(
        source,
        data.rate,
        data.length,
        data.slices,
        data.trim,
        data.normalise,
        data.label_pattern or None,
        strict,
    )
    train, heldout = sounds.split(data.holdout)
    if len(train) < 2:
        raise DataError(
            source,
            f"holds too few sounds to train on ({len(sounds)})",
            "a hundred or more are needed; data.slices = overlap makes many of a long one",
        )
    start, seen_as = start_of(model.load(recipe.start), "music") if recipe.start else None, None
    if recipe.network.name == "spectrum":
        seen_as = spectra(recipe.network, data.rate, data.length)
        if start is None:
            seen_as.fit(train.batch(evenly(len(train), FITTED_ON))["real"])
        else:  # the generator has learnt to make spectrograms as they were scaled then
            fill(seen_as, within(start.networks["ema"], "spectra."), recipe.start)
        seen_as.to(compute.device)
    return Plan(recipe, recipe_name, source, train, heldout, compute, seen_as, start)


def remarks(plan: Plan) -> list[str]:
    """What a person should know of the sounds before they are trained on."""
    if not plan.skipped:
        return []
    return [f"skipped {len(plan.skipped):,} that cannot be used, such as {' '.join(plan.skipped[0])}"]


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
        return play(plan, folder, data, "sounds", lambda settled: _look(settled, folder, data), report)


def _facts(plan: Plan) -> dict[str, Any]:
    """What the run's folder and its model say of the data."""
    asked = plan.recipe.data
    return {
        "fingerprint": plan.train.fingerprint,
        "source": plan.source,
        "count": len(plan.train),
        "holdout": asked.holdout,
        "slices": asked.slices,
        "trim": asked.trim,
        "normalise": asked.normalise,
        "label_pattern": asked.label_pattern,
    }


def _look(plan: Plan, folder: Path, data: dict[str, Any]) -> Callable[[AdversarialGame, int], dict]:
    """What is done now and then: previews of fixed latents, the model as it is, how the sounds are."""
    name, size = folder.resolve().name, (plan.train.rate, plan.train.length)
    config = model.describe(name, plan.recipe.network, size, plan.classes, plan.recipe_name, data, 0)
    classes, rate = len(plan.classes), plan.train.rate
    count = max(min(4 * classes, 80), 32) if classes else 32
    z = torch.randn(
        count, plan.recipe.network.latent, generator=torch.Generator().manual_seed(plan.recipe.seed)
    )
    label = torch.arange(count) % classes if classes else None
    shown = plan.train.batch(evenly(len(plan.train), count))
    real = shown["real"]
    # an unconditional collapse shows in all of them, one of each class only within classes
    told = None if label is None or 2 * classes > len(real) else label
    real_diversity = metrics.diversity(real, rate, None if told is None else shown["label"])

    @torch.no_grad()
    def look(game: AdversarialGame, seen: int) -> dict:
        device = plan.compute.device
        generator = game.ema.average
        made = generator(z.to(device), None if label is None else label.to(device))
        fake = generator.sound(made).float().cpu()  # type: ignore[operator]
        made_by = {"name": config["name"], "recipe": config["recipe"], "data": config["data"]["fingerprint"]}
        origin = provenance.origin("music train", {"seen": seen, "seed": plan.recipe.seed}, made_by)
        waves = list(fake[:, 0].numpy())
        heard = export.sound_bytes(export.in_turn(waves[:PREVIEWED], rate), rate, ".wav", origin)
        sheet = provenance.png_bytes_with_origin(_sheet(waves, rate, plan.classes), origin)
        write_bytes(folder / "samples" / f"{seen:010d}.wav", heard, overwrite=True)
        write_bytes(folder / "samples" / f"{seen:010d}.png", sheet, overwrite=True)
        files: dict[str, str | bytes] = {
            "preview.wav": heard,
            "preview.png": sheet,
            "README.md": _card(plan, config, seen),
        }
        models.write(folder / "model", generator.state_dict(), config | {"seen": seen}, files)
        row = {"diversity": metrics.diversity(fake, rate, told), "real_diversity": real_diversity}
        troubles = metrics.troubles(fake, real, rate) if seen > 0.1 * plan.recipe.budget.samples else []
        return row | ({"warning": "; ".join(troubles) + _ADVICE} if troubles else {})

    return look


_ADVICE = ": raise game.r1 and game.r2, train longer, or check the data with `creative-gan music check`"


def _sheet(waves: list[np.ndarray], rate: int, classes: list[str]) -> bytes:
    """Spectrograms as a PNG, one class below the other's name."""
    captions = [classes[i % len(classes)][:16] for i in range(len(waves))] if classes else []
    file = io.BytesIO()
    columns = min(len(classes), 16) if len(classes) > 1 else 8
    sound_sheet(waves, rate, captions, columns, side=96).save(file, "PNG")
    return file.getvalue()


def _card(plan: Plan, config: dict, seen: int) -> str:
    """The model card: what this is, what it was trained on and how."""
    seconds = plan.train.length / plan.train.rate
    classes = f", {len(plan.classes)} classes ({', '.join(plan.classes[:12])})" if plan.classes else ""
    body = f"""
A generator of sounds of {seconds:.2f} seconds at {plan.train.rate:,} Hz{classes}, trained by
[creative-gan]({HOME}) with the recipe `{config["recipe"]}` on {len(plan.train):,} sounds of
`{Path(plan.source).name}`, {seen:,} played in all. Whoever uses it should know the licence of those sounds.

![samples](preview.png)

`preview.wav` plays some of them.

```
creative-gan music sample --model {shlex.quote(config["name"])} --out sound.wav
```
"""
    return card(config["name"], "audio", body, plan.recipe)

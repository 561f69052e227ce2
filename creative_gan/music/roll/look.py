"""What is done once in a while during a training of piano rolls: songs to hear and see, the model, measures."""

import io
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from creative_gan.core import models, provenance
from creative_gan.core.data import evenly
from creative_gan.core.files import write_bytes
from creative_gan.core.game import AdversarialGame
from creative_gan.core.latent import in_chunks, latents
from creative_gan.core.models import HOME, card
from creative_gan.music.midi.export import to_bytes
from creative_gan.music.midi.picture import sheet
from creative_gan.music.roll import metrics, model
from creative_gan.music.roll.data import metre_name
from creative_gan.music.roll.export import strung, to_song
from creative_gan.music.roll.networks import Generator

if TYPE_CHECKING:
    from creative_gan.music.roll.train import Plan

SHOWN = 8
"""Rolls of a preview to be heard; every other one is drawn."""
COUNTED = 256
"""Rolls by which a preview is measured."""
CHUNK = 64


def looking(plan: "Plan", folder: Path) -> Callable[[AdversarialGame, int], dict[str, float]]:
    """What is done now and then: a preview of fixed latents, the model as it is, how varied it is."""
    grid, tempo, seed = plan.train.grid, plan.train.tempo, plan.recipe.seed
    config = model.describe(
        folder.resolve().name,
        plan.recipe.network,
        grid,
        tempo,
        plan.recipe.temperature,
        plan.recipe_name,
        plan.facts(),
    )
    heat = plan.recipe.temperature
    indices = evenly(len(plan.train), COUNTED)
    real_diversity = metrics.diversity(plan.train.rolls(indices))

    @torch.no_grad()
    def look(game: AdversarialGame, seen: int) -> dict[str, float]:
        generator, config_now = game.ema.average, config | {"seen": seen}
        z = latents(range(COUNTED), seed, cast(Generator, generator).latents)
        made = in_chunks(
            lambda part, _: generator(part.to(plan.compute.device), None, heat).cpu(), z, None, CHUNK
        )
        rolls = (torch.cat(made) > 0.5).numpy()
        songs = [to_song(roll, grid, tempo) for roll in rolls[:SHOWN]]
        made_by = {"name": config["name"], "recipe": config["recipe"], "data": config["data"]["fingerprint"]}
        origin = provenance.origin("music train", {"seen": seen, "seed": seed}, made_by)
        picture = io.BytesIO()
        sheet(songs[::2]).save(picture, "PNG")
        files = {
            ".png": provenance.png_bytes_with_origin(picture.getvalue(), origin),
            ".mid": to_bytes(strung(songs, grid), provenance.midi_text(origin)),
        }
        for ending, data in files.items():
            write_bytes(folder / "samples" / f"{seen:010d}{ending}", data, overwrite=True)
        beside: dict[str, str | bytes] = {f"preview{ending}": data for ending, data in files.items()}
        beside["README.md"] = _card(plan, config_now)
        models.write(folder / "model", generator.state_dict(), config_now, beside)
        row = {name.replace(" ", "_"): value for name, value in metrics.figures(rolls).items()}
        row["real_diversity"] = real_diversity
        return {name: value for name, value in row.items() if value == value}  # JSON knows no NaN

    return look


def _card(plan: "Plan", config: dict[str, Any]) -> str:
    """The model card: what this is, what it was trained on and how."""
    grid = plan.train.grid
    tracks = ", ".join(line.part.name for line in grid.lines)
    body = f"""
A generator of piano rolls, {grid.bars} bars of {metre_name(grid.metre)} with {grid.steps} steps a quarter, of these
tracks: {tracks}. Trained by [creative-gan]({HOME}) with the recipe `{config["recipe"]}` on {len(plan.train):,}
stretches of the songs of `{Path(plan.source).name}`, {config["seen"]:,} shown in all.
Whoever uses it should know the licence of those songs.

![piano rolls](preview.png)

```
creative-gan music sample --model {shlex.quote(config["name"])} --out song.mid
```
"""
    return card(config["name"], "music-generation", body, plan.recipe)

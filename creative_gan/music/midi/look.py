"""What is done once in a while during a training on MIDI: songs to hear and see, the model as it is, measures."""

import io
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from creative_gan.core import models, provenance
from creative_gan.core.data import evenly
from creative_gan.core.files import write_bytes
from creative_gan.music.midi import model
from creative_gan.music.midi.export import to_bytes
from creative_gan.music.midi.metrics import divergence, harmonic_intervals, melodic_steps, pitch_classes
from creative_gan.music.midi.picture import sheet
from creative_gan.music.midi.song import Song
from creative_gan.music.midi.vocabulary import END
from creative_gan.sequence.keeper import Keeper
from creative_gan.sequence.metrics import distinct
from creative_gan.sequence.models import collapse, parts, state, write
from creative_gan.sequence.phases import playing

if TYPE_CHECKING:
    from creative_gan.music.midi.train import Plan

MEASURED = 32
"""Songs that a look makes and measures."""
REAL = 128
"""Real songs that they are measured beside: enough for 32, and to read thousands would delay every start."""
HEARD = 2
"""Songs that a look writes down."""
SHOWN = 4
"""Songs on the sheet of piano rolls."""
WATCHED = {
    "pitch_class_kl": pitch_classes,
    "harmonic_interval_kl": harmonic_intervals,
    "melodic_step_kl": melodic_steps,
}


def looking(plan: "Plan", folder: Path, keeper: Keeper) -> Callable[[Any, int], dict[str, Any]]:
    """What the loop calls with the game and what was seen; the loop says a warning once and keeps it."""
    recipe, words, data = plan.recipe, plan.pieces.words, plan.facts()
    split = {"shape": recipe.data.shape, "bars": recipe.data.bars, "holdout": recipe.data.holdout}
    config = model.describe(
        folder.resolve().name, recipe.network, plan.shape, plan.train, plan.recipe_name, data, split,
        recipe.temperature,
    )  # fmt: skip
    real = plan.train.songs(evenly(len(plan.train), REAL))
    reference = {name: distribution(real) for name, distribution in WATCHED.items()}
    real_distinct = distinct([plan.train.ids(i) for i in evenly(len(plan.train), MEASURED)], 4)

    def look(game: Any, seen: int) -> dict[str, Any]:
        now_playing, value = playing(recipe, seen), keeper.nll(game)
        name = "mle" if now_playing == "mle" else "adversarial"
        if name == "mle":
            keeper.consider(game, value)
        config_now = config | state(recipe, now_playing, seen)
        now = model.Model(config["name"], str(folder), config_now, "", {name: game.ema.average}, None, words)
        made = now.ids(range(MEASURED), model.Manner(recipe.seed, weights=name), MEASURED)
        songs = [words.decode(ids) for ids in made]
        made_by = {"name": config["name"], "recipe": config["recipe"], "data": data["fingerprint"]}
        origin = provenance.origin("music train", {"seen": seen, "seed": recipe.seed}, made_by)
        heard, rolls = preview(folder / "samples" / f"{seen:010d}", songs, origin)
        files: dict[str, str | bytes] = {"README.md": card(plan, config_now)}
        files |= {"preview.mid": heard, "preview.png": rolls}
        write(folder / "model", parts(game, name, config_now, keeper), config_now, files)
        found = distinct([ids[:-1] if ids[-1] == END else ids for ids in made], 4)
        row: dict[str, Any] = {"heldout_nll": value, "distinct_4": found}
        row |= {key: divergence(distribution(songs), reference[key]) for key, distribution in WATCHED.items()}
        if name == "adversarial" and found < 0.5 * real_distinct:
            row["warning"] = collapse(found, real_distinct, 4)
        return row

    return look


def preview(stem: Path, songs: list[Song], origin: provenance.Record) -> tuple[bytes, bytes]:
    """Writes some songs as `stem-1.mid`, ... and piano rolls of a few as `stem.png`. Returns a song and the rolls.

    origin: what the files say of where they come from.
    """
    heard = [to_bytes(song, provenance.midi_text(origin)) for song in songs[:HEARD]]
    for number, content in enumerate(heard, 1):
        write_bytes(stem.with_name(f"{stem.name}-{number}.mid"), content, overwrite=True)
    picture = io.BytesIO()
    sheet(songs[:SHOWN]).save(picture, "PNG")
    drawn = provenance.png_bytes_with_origin(picture.getvalue(), origin)
    write_bytes(stem.with_suffix(".png"), drawn, overwrite=True)
    return heard[0], drawn


def card(plan: "Plan", config: dict[str, Any]) -> str:
    """The model card: what this is, what it was trained on and how."""
    kinds = {"lead": "a melody with chords", "chorale": "four voices", "band": "a band of eight roles"}
    body = f"""
Writes songs for {kinds[config["shape"]]} as MIDI, trained by [creative-gan]({models.HOME}) with the recipe
`{config["recipe"]}` on {len(plan.train):,} songs of `{Path(plan.source).name}`, {config["seen"]:,} windows
shown in all.
Whoever uses it should know the licence of those songs.

![songs as they came](preview.png)

```
creative-gan music sample --model {shlex.quote(config["name"])} --out song.mid
```
"""
    return models.card(config["name"], "midi", body, plan.recipe)

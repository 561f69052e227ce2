"""What is done once in a while during a training of texts: samples to read, the model as it is, measures."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from creative_gan.core import models
from creative_gan.core.data import evenly
from creative_gan.core.files import write_bytes
from creative_gan.sequence.keeper import Keeper
from creative_gan.sequence.metrics import distinct, self_bleu
from creative_gan.sequence.models import collapse, parts, state, write
from creative_gan.sequence.phases import playing
from creative_gan.text import model
from creative_gan.text.data import sequences
from creative_gan.text.export import as_lines

if TYPE_CHECKING:
    from creative_gan.text.train import Plan

MEASURED = 128
"""Samples that a look measures."""
READ = 32
"""Samples that a look writes down."""


def looking(
    plan: "Plan", folder: Path, data: dict[str, Any], keeper: Keeper
) -> Callable[[Any, int], dict[str, Any]]:
    """What the loop calls with the game and what was seen."""
    tokenizer, recipe = plan.tokenizer, plan.recipe
    split = {"unit": recipe.data.unit, "holdout": recipe.data.holdout, "seed": recipe.seed}
    config = model.describe(
        folder.resolve().name, recipe.network, plan.shape, plan.classes, tokenizer, plan.backbone,
        plan.recipe_name, data, split,
    )  # fmt: skip
    rows = evenly(len(plan.train), MEASURED)
    real = sequences(plan.train, rows)
    real_distinct = distinct(real, 2)

    def look(game: Any, seen: int) -> dict[str, Any]:
        now_playing, value = playing(recipe, seen), keeper.nll(game)
        if now_playing == "mle":
            keeper.consider(game, value)
        name = "mle" if now_playing == "mle" else "adversarial"
        config_now = config | state(recipe, now_playing, seen)
        now = model.Model(
            config["name"], str(folder), config_now, "", {name: game.ema.average}, None, tokenizer
        )
        made = now.ids(range(MEASURED), model.Manner(recipe.seed, temperature=1.0), MEASURED)
        texts = [tokenizer.decode(ids) for ids in made[:READ]]
        write_bytes(folder / "samples" / f"{seen:010d}.txt", as_lines(texts).encode(), overwrite=True)
        files = {"tokenizer.json": tokenizer.to_json(), "README.md": card(plan, config_now, texts)}
        write(folder / "model", parts(game, name, config_now, keeper), config_now, files)
        found = distinct(made, 2)
        row: dict[str, Any] = {
            "heldout_nll": value,
            "distinct_2": found,
            "self_bleu_4": self_bleu(made, 4).by_order[4],
        }
        if name == "adversarial" and found < 0.5 * real_distinct:
            row["warning"] = collapse(found, real_distinct, 2)
        return row

    return look


def card(plan: "Plan", config: dict[str, Any], texts: list[str]) -> str:
    """The model card: what this is, what it was trained on and how, and what it writes."""
    classes = f" in {len(plan.classes)} classes ({', '.join(plan.classes[:12])})" if plan.classes else ""
    shown = "\n\n".join(texts[:8]).replace("```", "'''")
    body = f"""
Writes texts of up to {config["length"]} tokens{classes}, trained by [creative-gan]({models.HOME}) with the recipe
`{config["recipe"]}` on {plan.train.texts:,} texts of `{Path(plan.texts.source).name}`, {config["seen"]:,}
shown in all.
Whoever uses it should know the licence of those texts.

```text
{shown}
```

```
creative-gan text generate --model {shlex.quote(config["name"])} -n 10
```
"""
    return models.card(config["name"], "text-generation", body, plan.recipe)

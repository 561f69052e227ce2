"""What is done once in a while during a training of texts: samples to read, the model as it is, measures."""

import shlex
from collections.abc import Callable
from dataclasses import asdict
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from creative_gan.core import dist, models
from creative_gan.core.files import write_bytes
from creative_gan.sequence.likelihood import nll
from creative_gan.sequence.metrics import distinct, self_bleu
from creative_gan.text import model
from creative_gan.text.data import Sequences
from creative_gan.text.export import as_lines
from creative_gan.text.networks import CRITICS
from creative_gan.text.phases import judge, learned
from creative_gan.text.recipe import TextRecipe
from creative_gan.text.tokens import END

if TYPE_CHECKING:
    from creative_gan.text.train import Plan

MEASURED = 128
"""Samples that a look measures."""
READ = 32
"""Samples that a look writes down."""
HELDOUT = 1000
"""Held-out rows that a look measures at most."""


class Keeper:
    """Keeps in a file the weights of the maximum-likelihood phase that find held-out texts likeliest.

    They are what later phases begin with and are measured against, so a phase that is too long for the
    corpus does no harm. Whatever is kept is a function of the run, not of when it was stopped.
    """

    def __init__(self, path: Path, heldout: Sequences, device: torch.device) -> None:
        rows = np.linspace(0, len(heldout) - 1, min(HELDOUT, len(heldout))).astype(int)
        self.path = path
        self.rows = {name: values.to(device) for name, values in heldout.batch(rows).items()}

    def nll(self, game: Any) -> float:
        """Of the held-out texts, in nats a token, with the generator's average."""
        return nll(game.ema.average, self.rows["real"], self.rows["length"], self.rows.get("label"))

    def consider(self, game: Any, value: float) -> None:
        """Keeps the weights of a maximum-likelihood game if they are the best so far."""
        if value < self._known():
            tensors = {name: t.detach().cpu().contiguous() for name, t in learned(game).items()}
            write_bytes(self.path, save(tensors, {"nll": repr(value)}), overwrite=True)

    def best(self, game: Any) -> dict[str, Tensor]:
        """The best weights, those of a game at its end among them."""
        if dist.is_main():
            self.consider(game, self.nll(game))
        dist.barrier()
        return load_file(self.path)

    def _known(self) -> float:
        if not self.path.exists():
            return float("inf")
        with safe_open(self.path, "pt") as file:
            return float(file.metadata()["nll"])


def looking(
    plan: "Plan", folder: Path, data: dict[str, Any], keeper: Keeper, report: Callable[[dict], None]
) -> Callable[[Any, int], dict[str, float]]:
    """What the loop calls with the game and what was seen; a collapse is reported once."""
    tokenizer, recipe = plan.tokenizer, plan.recipe
    split = {"unit": recipe.data.unit, "holdout": recipe.data.holdout, "seed": recipe.seed}
    config = model.describe(
        folder.resolve().name, recipe.network, plan.shape, plan.classes, tokenizer, plan.backbone,
        plan.recipe_name, data, split,
    )  # fmt: skip
    rows = np.linspace(0, len(plan.train) - 1, min(MEASURED, len(plan.train))).astype(int)
    real = sequences(plan.train, rows)
    real_distinct = distinct(real, 2)
    collapsed: list[int] = []

    def look(game: Any, seen: int) -> dict[str, float]:
        playing, value = _playing(recipe, seen), keeper.nll(game)
        if playing == "mle":
            keeper.consider(game, value)
        name = "mle" if playing == "mle" else "adversarial"
        config_now = config | _state(recipe, playing, seen)
        now = model.Model(
            config["name"], str(folder), config_now, tokenizer, {name: game.ema.average}, None, ""
        )
        made = now.ids(range(MEASURED), model.Manner(recipe.seed), MEASURED)
        texts = [tokenizer.decode(ids) for ids in made[:READ]]
        write_bytes(folder / "samples" / f"{seen:010d}.txt", as_lines(texts).encode(), overwrite=True)
        parts = {name: learned(game)}
        if "mle" in config_now["weights"]:
            parts["mle"] = load_file(keeper.path)
        if critic := judge(game):
            parts["critic"] = critic.state_dict()
        model.write(folder / "model", parts, config_now, tokenizer, card(plan, config_now, texts))
        found = distinct(made, 2)
        if name == "adversarial" and found < 0.5 * real_distinct and not collapsed:
            collapsed.append(seen)
            report({"warning": collapse(found, real_distinct)})
        return {"heldout_nll": value, "distinct_2": found, "self_bleu_4": self_bleu(made, 4).by_order[4]}

    return look


def collapse(found: float, real: float) -> str:
    """The warning that samples are too much alike, and what to do."""
    return (
        f"samples look more and more alike (distinct-2 {found:.3f}, data {real:.3f}): this is mode collapse; "
        "raise dense.kl and dense.imitation, lower the learning rate, or give the mle phase a larger share"
    )


def sequences(rows: Sequences, indices: np.ndarray) -> list[list[int]]:
    """Token ids of rows, without end and padding."""
    made = [rows.tokens[i, : rows.length[i]].tolist() for i in indices]
    return [ids[:-1] if ids[-1] == END else ids for ids in made]


def _state(recipe: TextRecipe, game: str, seen: int) -> dict[str, Any]:
    """What of a model's description changes in the course of a run."""
    if game == "mle":
        return {"weights": ["mle"], "sampler": "mle", "critic": None, "seen": seen}
    weights = ["adversarial", "mle"] if recipe.phase[0].game == "mle" else ["adversarial"]
    critic = asdict(recipe.critic) | {"kind": CRITICS[game]}
    return {"weights": weights, "sampler": "adversarial", "critic": critic, "seen": seen}


def _playing(recipe: TextRecipe, seen: int) -> str:
    """The game that is played, or was last, when `seen` samples were seen."""
    ends = accumulate(recipe.budget.samples)
    return next(
        (phase.game for phase, end in zip(recipe.phase, ends, strict=True) if seen < end),
        recipe.phase[-1].game,
    )


def card(plan: "Plan", config: dict[str, Any], texts: list[str]) -> str:
    """The model card: what this is, what it was trained on and how, and what it writes."""
    classes = f" in {len(plan.classes)} classes ({', '.join(plan.classes[:12])})" if plan.classes else ""
    shown = "\n\n".join(texts[:8]).replace("```", "'''")
    body = f"""
Writes texts of up to {config["length"]} tokens{classes}, trained by [creative-gan]({models.HOME}) with the recipe
`{config["recipe"]}` on {len(plan.texts):,} texts of `{Path(plan.texts.source).name}`, {config["seen"]:,}
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

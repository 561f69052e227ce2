"""Trains a writer of MIDI: from one path of data and a recipe to a run folder with a model in it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from creative_gan.core import dist
from creative_gan.core import run as runs
from creative_gan.core.data import evenly, order
from creative_gan.core.device import Compute, choose
from creative_gan.core.draws import Draws
from creative_gan.core.errors import DataError
from creative_gan.core.start import fill
from creative_gan.core.wording import many
from creative_gan.music.midi.data import ENOUGH_BARS, Pieces, load_pieces
from creative_gan.music.midi.look import looking
from creative_gan.music.midi.model import Model, load
from creative_gan.music.midi.networks import Shape, build_critic, build_generator
from creative_gan.music.midi.recipe import MidiRecipe
from creative_gan.sequence.keeper import HELDOUT, Keeper
from creative_gan.sequence.networks import Generator
from creative_gan.sequence.phases import Builder, play, settled
from creative_gan.sequence.recipe import shared_out


@dataclass(frozen=True)
class Plan:
    """Everything that a run needs, decided but not started."""

    recipe: MidiRecipe
    recipe_name: str
    source: str
    pieces: Pieces
    """All songs."""
    train: Pieces
    heldout: Pieces
    length: int
    """Tokens of the longest window."""
    compute: Compute
    start: Model | None
    """What it begins with instead of chance."""

    @property
    def shape(self) -> Shape:
        """What the data decide about the networks."""
        return Shape(self.pieces.words.shape, self.length)

    def builder(self, recipe: MidiRecipe) -> Builder:
        """What makes the games."""
        network, shape = recipe.network, self.shape
        return Builder(
            recipe,
            lambda: self.begun(build_generator(network, shape)),
            lambda kind: build_critic(kind, recipe.critic, network, shape),
            self.compute,
        )

    def begun(self, generator: Generator) -> Generator:
        """The generator with the weights that the run begins with, if there are any. Raises as `core.start.fill`."""
        if self.start is not None:
            fill(generator, self.start.generator().state_dict(), self.start.path)
        return generator

    def batch(self, seen: int, batch: int, rows: slice) -> dict[str, Tensor]:
        """Our rows of the batch that starts at sample `seen`, each window moved and placed by chance."""
        data = self.recipe.data
        indices = order(len(self.train), self.recipe.seed, seen, seen + batch)
        draws = Draws(self.recipe.seed, seen, batch, slice(0, batch)).of("window")
        low, high = self.train.shifts[indices].clip(-data.transpose, data.transpose).T
        shift = low + (draws.uniform("shift").numpy() * (high - low + 1)).astype(np.int64)
        # the whole batch, because all processes must pad to the same length
        made = self.train.batch(indices, data.bars, draws.uniform("at"), shift, self.length)
        return {name: values[rows].to(self.compute.device) for name, values in made.items()}

    def facts(self) -> dict[str, Any]:
        """What identifies the data of a run."""
        return {"fingerprint": self.pieces.fingerprint, "source": self.source, "count": len(self.train)}


def plan(
    source: str, recipe: MidiRecipe, recipe_name: str, device: str = "auto", strict: bool = False
) -> Plan:
    """Reads the songs and chooses the device.

    Raises:
        UserError, DataError: songs that cannot be used (with `strict`, one of them), a device that is not there.
    """
    compute = choose(device, recipe.precision, dist.local_rank())
    pieces = load_pieces(source, recipe.data.shape)
    if strict and pieces.skipped:
        name, reason = pieces.skipped[0]
        raise DataError(name, reason, "take it out, or train without --strict")
    train, heldout = pieces.split(recipe.data.holdout)
    if not len(train) or not len(heldout):
        raise DataError(
            source,
            f"holds only one song, of fewer than {ENOUGH_BARS} bars, and some have to be held out",
            "add more songs",
        )
    start = load(recipe.start) if recipe.start else None
    length = min(recipe.data.length, longest_window(pieces, recipe.data.bars))
    if start is not None and start.generator().context is not None:
        length = start.config["length"]  # a transformer has learnt so many places
    recipe = replace(recipe, budget=shared_out(recipe))
    return Plan(recipe, recipe_name, source, pieces, train, heldout, length, compute, start)


def longest_window(pieces: Pieces, bars: int) -> int:
    """Tokens that a window of so many bars may have: what the fullest bars of each song add up to."""
    full = np.diff(pieces.inside_at) + np.maximum(np.diff(pieces.opening_at) - np.diff(pieces.inside_at), 0)
    totals = np.concatenate([[0], np.cumsum(full)])
    longest = 0
    for first, stop in zip(pieces.bar_at[:-1], pieces.bar_at[1:], strict=True):
        starts = np.arange(first, max(stop - bars, first) + 1)
        longest = max(longest, int((totals[np.minimum(starts + bars, stop)] - totals[starts]).max()))
    return longest + 4  # metre, key, tempo and end


def remarks(plan: Plan) -> list[str]:
    """What a person should know of the songs before they are trained on."""
    lines, skipped = [], plan.pieces.skipped
    if skipped:
        lines.append(f"skipped {len(skipped):,} that cannot be used, such as {' '.join(skipped[0])}")
    if unknown := plan.pieces.unknown:
        name, metre = unknown[0]
        lines.append(
            f"{many(len({name for name, _ in unknown}), 'song has', 'songs have')} metres that are not known and are "
            f"read as 4/4, with bar lines elsewhere, such as {metre} in {name}"
        )
    whole = longest_window(plan.pieces, plan.recipe.data.bars)
    if whole > plan.length:
        lines.append(
            f"the fullest windows have up to {whole:,} tokens and are cut at {plan.length:,} (data.length)"
        )
    if len(plan.pieces) == 1:
        lines.append(
            f"there is one song: its last {plan.heldout.bars()[0]} bars are held out, and the model will know the "
            f"{plan.train.bars()[0]} before them by heart"
        )
    elif len(plan.train) < plan.recipe.game.batch:
        lines.append(
            f"{many(len(plan.train), 'song')} to train on, fewer than a batch of {plan.recipe.game.batch}: they come "
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
        plan = replace(plan, recipe=settled(plan, folder, plan.facts(), "songs", report))
        device = plan.compute.device
        keeper = Keeper(folder / "mle.safetensors", heldout_rows(plan.heldout, plan), device)
        play(plan, folder, keeper, looking(plan, folder, keeper), report)
    return folder / "model"


def heldout_rows(pieces: Pieces, plan: Plan) -> dict[str, Tensor]:
    """The first window of each of up to `HELDOUT` songs, as they are."""
    indices = evenly(len(pieces), HELDOUT)
    return pieces.batch(indices, plan.recipe.data.bars, length=plan.length)

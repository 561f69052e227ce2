"""Judges a model of piano rolls against held-out songs, and against those with their pitches shuffled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from creative_gan.core.errors import UserError
from creative_gan.music.midi import evaluate as of_midi
from creative_gan.music.midi import metrics as songs
from creative_gan.music.midi.data import load_pieces
from creative_gan.music.midi.song import Song
from creative_gan.music.roll import metrics
from creative_gan.music.roll.data import Rolls, draw, metre_name, windows
from creative_gan.music.roll.export import stretch, to_song
from creative_gan.music.roll.model import Manner, Model, load

Figure = dict[str, Any]


@dataclass(frozen=True)
class Corpus:
    """The stretches of songs that a model is judged by, as in its training."""

    train: Rolls
    heldout: Rolls
    names: list[str]
    """Of the training songs, by their numbers in `train.song`."""


def evaluate(
    model_name: str, data: str | None = None, count: int = 500, manner: Manner | None = None
) -> dict[str, Any]:
    """All figures on `count` new rolls: `{name: {"value", "floor", "control", "better"}}`, and `sizes`.

    The floor is what held-out songs score, the control the same songs with their pitches shuffled. Real songs
    are compared as stretches as long as a roll that do not overlap.

    Args:
        data: the songs to judge by; None for those that the model was trained on.
        manner: of which seed and temperature count; None for seed 0.

    Raises:
        UserError, DataError: the model or the data cannot be found, or do not fit each other.
    """
    model = load(model_name)
    corpus = open_corpus(model, data)
    manner = manner or Manner()
    made = model.rolls(range(count), manner.seed, heat=model.heat(manner))[:, 0]
    train = [stretch(corpus.train, index) for index in corpus.train.apart()]
    return judged(model, made, train, corpus.heldout.rolls(corpus.heldout.apart()))


def judged(model: Model, made: np.ndarray, train: Sequence[Song], heldout: np.ndarray) -> dict[str, Any]:
    """The figures of `evaluate` for rolls that were made before.

    Args:
        made, heldout: bool [N, 2 * tracks, steps, pitches].
        train: stretches of training songs.

    Raises:
        UserError: nothing sounds in any roll.
    """
    fake, held = (_songs(model, rolls) for rolls in (made, heldout))
    if not fake:
        raise UserError(f"model {model.name} makes nothing but silence; train it longer")
    control = [songs.shuffled(song, number) for number, song in enumerate(held)]
    columns = (made, heldout, draw(control, model.grid))
    rows = songs.evaluate(fake, train, held)
    result: dict[str, Any] = {
        name: _figure(
            row["fake"], row["held-out"], row["shuffled"], "low" if name.endswith(" KL") else "floor"
        )
        for name, row in rows.items()
    }
    for name, figure in metrics.FIGURES.items():
        value, floor, shuffled = (figure(rolls) for rolls in columns)
        result[name] = _figure(value, floor, shuffled, "floor")
    result["sizes"] = {"samples": len(made), "heldout": len(held), "training": len(train)}
    return result


def table(result: dict[str, Any]) -> list[str]:
    """The result of `evaluate` as lines of plain text for a terminal."""
    sizes = result["sizes"]
    return [
        *of_midi.table(result)[:-1],
        f"{sizes['samples']:,} samples and {sizes['heldout']:,} stretches of held-out songs; distances from, and "
        f"copies of, {sizes['training']:,} stretches of training songs",
    ]


def open_corpus(model: Model, data: str | None) -> Corpus:
    """Training and held-out windows on the model's grid.

    Raises:
        UserError, DataError: they cannot be found, or there are none.
    """
    about = model.config["data"]
    source = data or about["source"]
    try:
        pieces = load_pieces(source, model.grid.shape)
    except UserError as error:
        raise UserError(f"{error}; name the songs to judge by with --data") from None
    parts = pieces.split(about["holdout"])
    train, heldout = (windows(part, model.grid) for part in parts)
    if not len(train) or not len(heldout):
        metre = metre_name(model.grid.metre)
        raise UserError(
            f"{source} has no stretches of {model.grid.bars} bars of {metre}; name other songs with --data"
        )
    return Corpus(train, heldout, parts[0].names)


def _songs(model: Model, rolls: np.ndarray) -> list[Song]:
    """Those rolls in which anything sounds, as songs."""
    made = [to_song(roll, model.grid, model.config["tempo"]) for roll in rolls]
    return [song for song in made if len(song.notes)]


def _figure(value: float, floor: float, control: float, better: str) -> Figure:
    return {"value": value, "floor": floor, "control": control, "better": better}

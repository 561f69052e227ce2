"""Judges a MIDI model against held-out songs, with what these and shuffled pitches score beside each figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from creative_gan.core.data import evenly
from creative_gan.core.errors import UserError
from creative_gan.music.midi.data import Pieces, load_pieces
from creative_gan.music.midi.metrics import FIGURES
from creative_gan.music.midi.metrics import evaluate as figures
from creative_gan.music.midi.model import Manner, Model, load
from creative_gan.music.midi.song import Song
from creative_gan.sequence.likelihood import nll

CHUNK = 64
"""Songs made at a time, where nobody asks for single ones again."""
ROWS = 500
"""Songs whose likelihood is measured at most."""

Figure = dict[str, Any]


@dataclass(frozen=True)
class Corpus:
    """The songs that a model is judged by, as in its training."""

    train: Pieces
    heldout: Pieces
    fingerprint: str
    """Of all of them."""


def evaluate(
    model_name: str, data: str | None = None, count: int = 200, manner: Manner | None = None
) -> dict[str, Any]:
    """All figures on `count` new songs: `{name: {"value", "floor", "control", "better"}}`, and `sizes`.

    The floor is what held-out songs score, the control the same songs with their pitches shuffled. The floor
    of the likelihood is that of training songs.

    Args:
        data: the songs to judge by; None for those that the model was trained on.
        manner: how to sample; None for plain sampling of seed 0.

    Raises:
        UserError, DataError: the model or the data cannot be found, or the data are of another shape.
    """
    model, manner = load(model_name), manner or Manner()
    corpus = open_corpus(model, data)
    fake = [model.words.decode(ids) for ids in model.ids(range(count), manner, CHUNK)]
    result: dict[str, Any] = {"heldout nll": likelihood(model, corpus, manner.weights)}
    result |= judged(fake, corpus.train.songs(), corpus.heldout.songs())
    result["sizes"] = {"samples": count, "heldout": len(corpus.heldout), "training": len(corpus.train)}
    return result


def judged(fake: Sequence[Song], train: Sequence[Song], heldout: Sequence[Song]) -> dict[str, Figure]:
    """The figures of `evaluate` that need no model, for songs that were made before."""
    result: dict[str, Figure] = {}
    for name, columns in figures(fake, train, heldout).items():
        near = name in FIGURES or name.startswith(("copied", "longest"))
        result[name] = {
            "value": columns["fake"],
            "floor": columns["held-out"],
            "control": columns["shuffled"],
            "better": "floor" if near else "low",
        }
    return result


def likelihood(model: Model, corpus: Corpus, weights: str | None = None) -> Figure:
    """The NLL of held-out songs in nats a token, whose floor is that of training songs; at temperature 1, as learnt."""
    values = []
    for part in (corpus.heldout, corpus.train):
        rows = part.batch(
            evenly(len(part), ROWS),
            model.config["split"]["bars"],
            length=model.config["length"],
        )
        generator = model.generator(weights)
        values.append(nll(generator, rows["real"], rows["length"], rows["label"]))
    return {"value": values[0], "floor": values[1], "control": None, "better": "low"}


def table(result: dict[str, Any]) -> list[str]:
    """The result of `evaluate` as lines of plain text for a terminal."""
    measured = {name: figure for name, figure in result.items() if "value" in figure}
    width = max(map(len, measured))
    lines = [f"{'':{width}}  {'samples':>10}  {'held out':>10}  {'shuffled':>10}  best"]
    words = {"low": "low", "floor": "near held out"}
    for name, figure in measured.items():
        control = "" if figure["control"] is None else f"{figure['control']:.4g}"
        lines.append(
            f"{name:{width}}  {figure['value']:10.4g}  {figure['floor']:10.4g}  {control:>10}  "
            f"{words[figure['better']]}"
        )
    sizes = result["sizes"]
    return [
        *lines,
        f"{sizes['samples']:,} samples and {sizes['heldout']:,} held-out songs; distances from, and copies of, "
        f"{sizes['training']:,} training songs; beside the nll stands that of training songs",
    ]


def open_corpus(model: Model, data: str | None) -> Corpus:
    """Training and held-out songs as in the model's training.

    Raises:
        UserError, DataError: they cannot be found, or are of another shape.
    """
    split = model.config["split"]
    try:
        pieces = load_pieces(data or model.config["data"]["source"], split["shape"])
    except UserError as error:
        raise UserError(f"{error}; name the songs to judge by with --data") from None
    if pieces.words.shape != model.words.shape:
        raise UserError(
            f"model {model.name} makes songs of shape {model.words.shape!r}, and these are of shape "
            f"{pieces.words.shape!r}; name others with --data"
        )
    return Corpus(*pieces.split(split["holdout"]), pieces.fingerprint)

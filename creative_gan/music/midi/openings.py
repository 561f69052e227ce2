"""How songs begin: metre, key, tempo and length of those of the training, and what of them is asked for."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from creative_gan.core.data import evenly
from creative_gan.core.errors import UserError
from creative_gan.music.midi.data import MOST_BARS, Pieces
from creative_gan.music.midi.keys import key_number
from creative_gan.music.midi.song import METRES
from creative_gan.music.midi.vocabulary import Vocabulary

OPENINGS = 1000
"""Training songs at most whose metre, key, tempo and length a model remembers."""


def openings(train: Pieces) -> list[list[int]]:
    """Metre, key, tempo (indices in METRES, KEYS, TEMPI) and bars of training songs, at even distances."""
    picked = evenly(len(train), OPENINGS)
    rows = train.header[train.bar_at[picked]]
    bars = np.minimum(train.bars()[picked], MOST_BARS)
    return [
        [*(train.words.tokens[token][2] for token in header), int(count)]
        for header, count in zip(rows.tolist(), bars, strict=True)
    ]


def check_openings(rows: Any, words: Vocabulary) -> None:
    """Raises KeyError, TypeError or ValueError if they are not what `openings` makes."""
    if not rows or len(rows) > OPENINGS:
        raise ValueError("it does not say how songs begin")
    for metre, key, tempo, bars in rows:
        words.id("metre", metre), words.id("key", key), words.id("tempo", tempo)
        if type(bars) is not int or not 1 <= bars <= MOST_BARS:
            raise ValueError("its songs have strange lengths")


def asked_for(
    name: str,
    words: Vocabulary,
    rows: list[list[int]],
    bars: int,
    key: str | None,
    metre: str | None,
    most: int,
) -> Tensor:
    """Header tokens and bars of songs that begin as is asked for: int64 [N, 4].

    Args:
        name: of the model, for messages.
        rows: of `openings`.
        bars: 0 for those of the songs.
        key, metre: their names; None for those of the songs.
        most: bars that a song may have.

    Raises:
        UserError: a key or metre that there is not, or too many bars.
    """
    if not 0 <= bars <= most:
        raise UserError(f"model {name} makes songs of 1 to {most} bars, not {bars}")
    found = rows
    if metre is not None:
        found = [row for row in rows if row[0] == metre_number(metre)]
        if not found:
            known = ", ".join(sorted({"{}/{}".format(*METRES[row[0]]) for row in rows}))
            raise UserError(f"model {name} has never seen a song in {metre}; it knows {known}")
    if key is not None:
        number = key_number(key)
        # the length and metre of songs in the same mode, where there are any
        same = [row for row in found if row[1] // 12 == number // 12] or found
        found = [[row[0], number, *row[2:]] for row in same]
    tokens = [
        [words.id("metre", m), words.id("key", k), words.id("tempo", t), bars or min(count, most)]
        for m, k, t, count in found
    ]
    return torch.tensor(tokens)


def metre_number(name: str) -> int:
    """The index in METRES of a name such as `3/4`.

    Raises:
        UserError: there is no such metre.
    """
    known = ["{}/{}".format(*metre) for metre in METRES]
    if name.replace(" ", "") not in known:
        raise UserError(f"there is no metre {name!r} here; there are {', '.join(known)}")
    return known.index(name.replace(" ", ""))

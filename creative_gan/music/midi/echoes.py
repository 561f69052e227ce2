"""What stood at the same place of the bar one, two, four and eight bars ago: what a song may say once more.

Half the bars of a folk tune come again, and a recurrent network does not remember them note by note. Here the
song so far is looked up instead: by bar, by time in it, by line, by order. After Waite's Lookback RNN, 2016, where
melodies of even steps were looked up one and two bars back.
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from creative_gan.music.midi.song import QUARTER
from creative_gan.music.midi.vocabulary import BAR, PAD, Vocabulary

LAGS = (1, 2, 4, 8)
"""Bars back: the last one, and phrases of two, four and eight."""
RUNS = 8
"""Lengths of agreement that are told apart: 0, 1, 2 to 3, 4 to 7 tokens and so on; longer ones count as the last."""
ORDER, LINES, TICKS = 256, 32, 2048
"""More than there are tokens of one line at one time, lines, and ticks of a bar."""
BEAT_SLOT, PLACE_SLOT, TRACK_SLOT = 3, 4, 5
"""Of the newest tokens of each kind (`networks.kept`)."""

State = tuple[Tensor, Tensor, Tensor]
"""Keys [R, t] and tokens [R, t] so far, tokens that agreed in a row [R, L]; all int64."""


class Echoes(nn.Module):
    """Finds, for each token of a song, what followed its like some bars ago. Nothing here is learnt.

    A token's key is its place: bar, time in the bar, line, and order among those of one line and time. Keys rise
    along a song, so the last token that is not beyond the same place some bars ago is found by bisection.
    """

    def __init__(self, words: Vocabulary, lags: tuple[int, ...] = LAGS) -> None:
        super().__init__()
        self.table: Tensor
        self.register_buffer("table", torch.tensor(_table(words)), persistent=False)
        self.back: Tensor
        self.register_buffer(
            "back", torch.tensor([lag * TICKS * LINES * ORDER for lag in lags]), persistent=False
        )

    def forward(self, tokens: Tensor, newest: Tensor) -> tuple[Tensor, Tensor]:
        """For every position of songs [B, T] with the newest token of each kind [B, T, S].

        Returns what followed [B, T, L], `PAD` where nothing is known, and for how long it has agreed so far,
        as one of `RUNS` [B, T, L].
        """
        place = self._place(tokens, newest, (tokens == BAR).cumsum(1))
        position = torch.arange(tokens.shape[1], device=tokens.device).expand_as(place)
        moved = torch.ones_like(place, dtype=torch.bool)
        moved[:, 1:] = place[:, 1:] != place[:, :-1]
        order = position - torch.where(moved, position, 0).cummax(1).values
        keys = place * ORDER + order.clamp(max=ORDER - 1)
        there, following = self._find(keys, tokens, keys)
        position = position[..., None]
        parted = torch.where(there == tokens[..., None], -1, position).cummax(1).values
        return following, _told_apart(position - parted)

    def begin(self, rows: int) -> State:
        """Nothing so far."""
        empty = self.back.new_zeros(rows, 0)
        return empty, empty, self.back.new_zeros(rows, len(self.back))

    def advance(self, state: State, token: Tensor, newest: Tensor) -> tuple[Tensor, Tensor, State]:
        """The same as `forward`, one position [R] at a time: what followed [R, L], agreement [R, L], state."""
        keys, tokens, run = state
        before = keys[:, -1] if keys.shape[1] else torch.full_like(token, -1)
        bar = before.clamp(min=0) // (TICKS * LINES * ORDER) + (token == BAR)
        place = self._place(token, newest, bar)
        same = (before // ORDER == place) & (before >= 0)
        key = torch.where(same, torch.minimum(before + 1, place * ORDER + ORDER - 1), place * ORDER)
        keys, tokens = torch.cat([keys, key[:, None]], 1), torch.cat([tokens, token[:, None]], 1)
        there, following = self._find(keys, tokens, key[:, None])
        run = torch.where(there[:, 0] == token[:, None], run + 1, 0)
        return following[:, 0], _told_apart(run), (keys, tokens, run)

    def _place(self, token: Tensor, newest: Tensor, bar: Tensor) -> Tensor:
        beat, place, line, track = self.table
        time = beat[newest[..., BEAT_SLOT]] + place[newest[..., PLACE_SLOT]]
        of_track = track[newest[..., TRACK_SLOT]] if newest.shape[-1] > TRACK_SLOT else 0
        line = torch.where(line[token] < 0, of_track, line[token])
        return (bar * TICKS + time) * LINES + line

    def _find(self, keys: Tensor, tokens: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and tokens [R, t], places to look back from [R, q] -> token there and what followed [R, q, L]."""
        wanted = now[..., None] - self.back
        at = torch.searchsorted(keys, wanted.flatten(1), right=True) - 1
        # bars are counted from 1; what is before the first bar is no place
        known = wanted >= TICKS * LINES * ORDER
        there = tokens.gather(1, at.clamp(min=0)).view_as(wanted)
        following = tokens.gather(1, (at + 1).clamp(max=keys.shape[1] - 1)).view_as(wanted)
        return torch.where(known, there, PAD), torch.where(known, following, PAD)


def _told_apart(run: Tensor) -> Tensor:
    """0, 1, 2 to 3, 4 to 7 and so on as 0, 1, 2, 3 and so on."""
    powers = 2 ** torch.arange(RUNS - 1, device=run.device)
    return torch.searchsorted(powers, run.contiguous(), right=True)


@cache
def _table(words: Vocabulary) -> np.ndarray:
    """Of each token: ticks of its beat, ticks within it, line from 1 (0: none, -1: its track's), track from 1."""
    rows = [
        (
            value * QUARTER if kind == "beat" else 0,
            value if kind == "place" else 0,
            -1 if kind in ("pitch", "length") else 1 + (value if kind == "track" else line),
            1 + value if kind == "track" else 0,
        )
        for kind, line, value in words.tokens
    ]
    table = np.array(rows).T
    # a quality belongs to the chord whose root it stands behind
    chords = next((line for kind, line, _ in words.tokens if kind == "root"), -1)
    table[2, [kind == "quality" for kind, _, _ in words.tokens]] = 1 + chords
    return table

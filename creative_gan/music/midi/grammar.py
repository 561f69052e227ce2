"""Which token may follow, for a whole batch at once: whatever is sampled under this mask is a song.

No sequence fails to decode, no note hangs, no pitch begins in a line that still sounds it, and nothing has
two spellings, so a song comes back from a MIDI file as the same tokens.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from creative_gan.music.midi.arrange import DURATIONS, SHAPES
from creative_gan.music.midi.song import METRES, QUARTER, bar_ticks
from creative_gan.music.midi.vocabulary import BAR, END, KINDS, PAD, Vocabulary

State = dict[str, Tensor]
"""Where each sequence stands; every tensor has the batch first, so rows are picked with `rows`."""

# What was read last, and so what may come: the phases of a sequence.
METRE, KEY, TEMPO, FIRST_BAR, IN_BAR, NEW_METRE, NEW_KEY = range(7)
AT_BEAT, AT_PLACE, ROOT, TRACK, PITCH, LINE, DONE = range(7, 14)
_MAY_MOVE = (IN_BAR, NEW_METRE, NEW_KEY, LINE)
"""Phases after which time may go on, or the song may end."""
_MAY_PLAY = (*_MAY_MOVE, AT_BEAT, AT_PLACE)
_NEXT = {"metre": NEW_METRE, "key": NEW_KEY, "beat": AT_BEAT, "place": AT_PLACE, "root": ROOT, "track": TRACK}
_NEXT |= {"pitch": PITCH, "note": LINE, "silence": LINE, "quality": LINE, "length": LINE, "tempo": FIRST_BAR}


def rows(state: State, index: Tensor) -> State:
    """The states of some rows, in a new order or repeated. index: int64 or bool [N]."""
    return {name: value[index] for name, value in state.items()}


@dataclass(frozen=True, eq=False)
class Grammar:
    """The grammar of a vocabulary.

    With `bars` (of all, or of each: [B] int64), a song has exactly that many and keeps its metre; without, it
    ends when END is sampled.
    """

    words: Vocabulary
    bars: int | Tensor | None = None

    def start(self, batch: int, device: torch.device | str = "cpu") -> State:
        """The state before the first token of `batch` sequences."""
        names = ("phase", "bar", "start", "now", "metre", "key", "line", "latest", "shortest")
        state = {name: torch.zeros(batch, dtype=torch.int64, device=device) for name in names}
        lines = len(SHAPES[self.words.shape])
        state["sounding"] = torch.zeros(batch, lines, dtype=torch.bool, device=device)
        if self.words.shape == "band":
            pitches = len(self.words.tokens[self.words.slice("pitch")])
            state["ends"] = torch.zeros(batch, lines, pitches, dtype=torch.int64, device=device)
            state["group"] = torch.zeros(batch, pitches, dtype=torch.bool, device=device)
        return state

    def allowed(self, state: State) -> Tensor:
        """Which tokens may come next. Returns bool [B, V]; every row allows at least one."""
        phase, bar = state["phase"], state["bar"]
        out = torch.zeros(len(phase), len(self.words), dtype=torch.bool, device=phase.device)
        ticks = self._table("bar_ticks", phase)[state["metre"]]
        at = state["now"] - state["start"]
        moving, playing = (self._table(name, phase)[phase] for name in ("may_move", "may_play"))
        going_on = moving & self._room(state)
        over = state["start"] + ticks

        out[:, PAD] = phase == DONE
        sounds = state["sounding"].any(1) | (state["latest"] > state["start"])
        ends = moving & sounds & (state["latest"] <= over)
        more = moving if self.bars is None else moving & (bar < self.bars)
        ends = ends if self.bars is None else ends & (bar == self.bars)
        # After the end, too: generators that never emit padding must have something that is allowed.
        out[:, END] = ends | (phase == DONE)
        out[:, BAR] = more | (phase == FIRST_BAR)

        change = (phase == IN_BAR) & (bar > 1)
        if self.bars is None:
            self._choose(out, "metre", phase == METRE, change, state["metre"])
        else:
            self._put(out, "metre", (phase == METRE)[:, None])
        self._choose(out, "key", phase == KEY, change | (phase == NEW_METRE), state["key"])
        self._put(out, "tempo", (phase == TEMPO)[:, None])

        beat, place = self._values("beat", phase) * QUARTER, self._values("place", phase)
        self._put(out, "beat", going_on[:, None] & (beat > at[:, None]) & (beat < ticks[:, None]))
        target = (at - at % QUARTER)[:, None] + place
        within = (target > at[:, None]) & (target < ticks[:, None])
        self._put(out, "place", (going_on | (phase == AT_BEAT))[:, None] & within)
        if self.words.shape == "band":
            self._allow_band(out, state, playing, over)
        else:
            self._allow_lines(out, state, playing)
        return out

    def advance(self, state: State, token: Tensor) -> State:
        """The state after one more token in each row, which must be among those allowed. token: int64 [B]."""
        kind, line, value = self._table("tokens", token)[:, token]
        new = dict(state)
        is_kind = {name: kind == number for number, name in enumerate(KINDS)}
        bar, place = token == BAR, is_kind["place"]
        ticks = self._table("bar_ticks", token)[state["metre"]]
        now = torch.where(is_kind["beat"], state["start"] + value * QUARTER, state["now"])
        beat_start = state["now"] - (state["now"] - state["start"]) % QUARTER
        now = torch.where(place, beat_start + value, now)
        # A bar that has not begun yet has no ticks to leave behind.
        now = torch.where(bar & (state["bar"] > 0), state["start"] + ticks, now)
        moved = now > state["now"]
        new["now"] = now
        new["start"] = torch.where(bar, now, state["start"])
        new["bar"] = state["bar"] + bar
        new["metre"] = torch.where(is_kind["metre"], value, state["metre"])
        new["key"] = torch.where(is_kind["key"], value, state["key"])
        heard = moved & state["sounding"].any(1)
        new["latest"] = torch.where(heard, now, state["latest"])
        plays = is_kind["note"] | is_kind["root"] | is_kind["silence"]
        new["line"] = torch.where(moved | bar, -1, torch.where(plays, line, state["line"]))
        index = line.clamp(min=0)[:, None]
        sounding = torch.where(plays, ~is_kind["silence"], state["sounding"].gather(1, index)[:, 0])
        new["sounding"] = state["sounding"].scatter(1, index, sounding[:, None])
        new["phase"] = self._phase(state["phase"], kind, token)
        if self.words.shape == "band":
            self._advance_band(state, new, is_kind, value, now)
        return new

    def follow(self) -> Callable[[Tensor], Tensor]:
        """The grammar for one call of `sequence.sampling.sample`: tokens so far [R, t] -> allowed [R, V].

        What it was given before is remembered, so that a call costs one step.
        """
        state: State = {}
        read = 0

        def allowed(tokens: Tensor) -> Tensor:
            nonlocal state, read
            if not state or tokens.shape[1] < read or len(tokens) != len(state["phase"]):
                state, read = self.start(len(tokens), tokens.device), 0
            state = self.prime(state, tokens[:, read:])
            read = tokens.shape[1]
            return self.allowed(state)

        return allowed

    def prime(self, state: State, tokens: Tensor) -> State:
        """The state after the same number of known tokens in each row. tokens: int64 [B, T]."""
        for column in tokens.T:
            state = self.advance(state, column)
        return state

    def _room(self, state: State) -> Tensor:
        """Whether something can begin later in the bar: always, unless all pitches of all tracks sound."""
        if self.words.shape != "band":
            return torch.ones_like(state["phase"], dtype=torch.bool)
        return (state["ends"] <= state["now"][:, None, None]).flatten(1).any(1)

    def _allow_lines(self, out: Tensor, state: State, playing: Tensor) -> None:
        for kind in ("note", "root", "silence"):
            line = self._lines(kind, playing)
            if len(line):
                mask = playing[:, None] & (line > state["line"][:, None])
                self._put(out, kind, mask & state["sounding"][:, line] if kind == "silence" else mask)
        self._put(out, "quality", (state["phase"] == ROOT)[:, None])

    def _allow_band(self, out: Tensor, state: State, playing: Tensor, over: Tensor) -> None:
        phase, track = state["phase"], state["line"]
        free = state["ends"] <= state["now"][:, None, None]
        later = torch.arange(free.shape[1], device=phase.device) > track[:, None]
        self._put(out, "track", playing[:, None] & later & free.any(2))
        free = free[torch.arange(len(phase), device=phase.device), track.clamp(min=0)] & ~state["group"]
        # A group goes upwards: only what is above its highest pitch.
        above = ~state["group"].flip(1).cummax(1).values.flip(1)
        opens = (
            (phase == TRACK) | (phase == PITCH) | ((phase == LINE) & (state["shortest"] > 0) & (track >= 0))
        )
        self._put(out, "pitch", opens[:, None] & free & above)
        order = torch.arange(len(DURATIONS), device=phase.device)
        fits = (phase == PITCH)[:, None] & (order < state["shortest"][:, None])
        if self.bars is not None:
            left = over + (self.bars - state["bar"]) * (over - state["start"]) - state["now"]
            fits &= self._values("length", phase) <= left[:, None]
        self._put(out, "length", fits)

    def _advance_band(
        self, state: State, new: State, is_kind: dict[str, Tensor], value: Tensor, now: Tensor
    ) -> None:
        row = torch.arange(len(value), device=value.device)
        track = torch.where(is_kind["track"], value, new["line"])
        new["line"] = track
        lowest = SHAPES["band"][0].low
        group = state["group"].clone()
        group[row, (value - lowest).clamp(0, group.shape[1] - 1)] |= is_kind["pitch"]
        length = is_kind["length"]
        ends = state["ends"].clone()
        played = state["group"] & length[:, None]
        of_track = ends[row, track.clamp(min=0)]
        ends[row, track.clamp(min=0)] = torch.where(played, (now + value)[:, None], of_track)
        new["ends"] = ends
        new["group"] = group & ~length[:, None]
        new["latest"] = torch.where(length, torch.maximum(new["latest"], now + value), new["latest"])
        lengths = self._values("length", value)
        shortest = torch.where(is_kind["track"], len(DURATIONS), state["shortest"])
        new["shortest"] = torch.where(length, (lengths < value[:, None]).sum(1), shortest)

    def _phase(self, phase: Tensor, kind: Tensor, token: Tensor) -> Tensor:
        after = self._table("next", token)[kind]
        after = torch.where(phase == METRE, KEY, after)
        after = torch.where(phase == KEY, TEMPO, after)
        after = torch.where(token == BAR, IN_BAR, after)
        return torch.where((token == END) | (token == PAD), DONE, after)

    def _choose(self, out: Tensor, kind: str, first: Tensor, change: Tensor, current: Tensor) -> None:
        """Allow all values of a kind at `first`, and at `change` those that are not in force."""
        other = self._values(kind, current) != current[:, None]
        self._put(out, kind, first[:, None] | (change[:, None] & other))

    def _put(self, out: Tensor, kind: str, mask: Tensor) -> None:
        out[:, self.words.slice(kind)] = mask

    def _values(self, kind: str, like: Tensor) -> Tensor:
        return self._table("tokens", like)[2, self.words.slice(kind)]

    def _lines(self, kind: str, like: Tensor) -> Tensor:
        return self._table("tokens", like)[1, self.words.slice(kind)]

    def _table(self, name: str, like: Tensor) -> Tensor:
        return _tables(self.words, like.device)[name]


@cache
def _tables(words: Vocabulary, device: torch.device) -> dict[str, Tensor]:
    """`tokens` [3, V]: number of the kind, line, value; `next`: phase after each kind; `bar_ticks`; by phase, whether
    time may go on and a line may play."""
    tokens = [(KINDS.index(kind), line, value) for kind, line, value in words.tokens]
    tables = {
        "tokens": torch.tensor(tokens).T.contiguous(),
        "next": torch.tensor([_NEXT.get(kind, DONE) for kind in KINDS]),
        "bar_ticks": torch.tensor([bar_ticks(metre) for metre in range(len(METRES))]),
        "may_move": torch.tensor([phase in _MAY_MOVE for phase in range(DONE + 1)]),
        "may_play": torch.tensor([phase in _MAY_PLAY for phase in range(DONE + 1)]),
    }
    return {name: table.to(device) for name, table in tables.items()}

"""What a song must be besides well-formed: how it begins, how long its bars get, which line is given.

Each mask takes another, `sampling.Allowed`, and rules out more; at least one token is always left.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from creative_gan.music.midi.grammar import DONE, Grammar, State
from creative_gan.music.midi.song import QUARTER, Song, bar_ticks
from creative_gan.music.midi.vocabulary import BAR, END, Vocabulary, bar_tokens

Allowed = Callable[[Tensor], Tensor]
"""Tokens so far [R, t] -> which tokens may follow, [R, V] bool."""


def begun(allowed: Allowed, headers: Tensor) -> Allowed:
    """Every song begins with its own tokens. headers: int64 [R, P]."""

    def mask(tokens: Tensor) -> Tensor:
        legal = allowed(tokens)
        if tokens.shape[1] < headers.shape[1]:
            now = headers[:, tokens.shape[1]]
            return torch.zeros_like(legal).scatter_(1, now[:, None], True)
        return legal

    return mask


def paced(allowed: Allowed, limit: int) -> Allowed:
    """A bar that has `limit` tokens ends as soon as the grammar lets it, so that no song hangs in one."""
    count: Tensor | None = None

    def mask(tokens: Tensor) -> Tensor:
        nonlocal count
        legal = allowed(tokens)
        if count is None or not tokens.shape[1]:
            count = torch.zeros(len(tokens), dtype=torch.int64, device=tokens.device)
        if tokens.shape[1]:
            count = torch.where(tokens[:, -1] == BAR, 0, count + 1)
        leave = torch.zeros_like(legal)
        for token in (BAR, END):
            leave[:, token] = legal[:, token]
        full = (count >= limit) & leave.any(1)
        return torch.where(full[:, None], leave, legal)

    return mask


def ended(allowed: Allowed, words: Vocabulary, lines: Sequence[int], read: int) -> Allowed:
    """What sounds in some lines ends with the first `read` tokens: each begins something else there, or falls silent.

    Without it a voice would sound on into the bar that follows, as it needs no token for that.

    Args:
        lines: those that sound there; not of `band`, whose notes have their lengths.
    """
    if not lines:
        return allowed
    line, due = token_lines(words), torch.tensor([*sorted(lines), len(words)])
    moves = torch.tensor([kind in ("special", "beat", "place") for kind, _, _ in words.tokens])

    def mask(tokens: Tensor) -> Tensor:
        legal = allowed(tokens)
        if tokens.shape[1] < read:
            return legal
        # lines play in their order, so those up to the last that played since have had their turn
        since = line[tokens[:, read:].cpu()]
        latest = since.max(1).values if since.shape[1] else torch.full((len(tokens),), -1)
        following = due[torch.searchsorted(due, latest, right=True).clamp(max=len(due) - 1)][:, None]
        waits = following < len(words)
        return legal & ~(waits & (moves | (line > following))).to(legal.device)

    return mask


def accompanied(words: Vocabulary, song: Song, lines: Sequence[int]) -> Allowed:
    """Some lines of a song are given and sound as they are, for as many bars; the others are free. All rows alike.

    Args:
        song: arranged in the shape of `words`, which is not `band`, and in one metre.
        lines: the given lines. What `song` has in other lines is not looked at.
    """
    rows = len(song.bars())
    grammar, ticks = Grammar(words, rows), bar_ticks(song.metres[0][1])
    events = given_events(words, song, lines)
    when = torch.tensor([tick for tick, _ in events] + [rows * ticks])
    what = torch.tensor([token for _, token in events] + [END])
    line, value = token_lines(words), torch.tensor([value for _, _, value in words.tokens])
    ours = torch.isin(line, torch.tensor(list(lines)))
    beats, places = words.slice("beat"), words.slice("place")
    state: State = {}
    following = torch.zeros(0, dtype=torch.int64)
    """[R]: the next of the events."""
    read = 0

    def mask(tokens: Tensor) -> Tensor:
        nonlocal state, following, read
        if not state or tokens.shape[1] < read or len(tokens) != len(state["phase"]):
            state, read = grammar.start(len(tokens)), 0
            following = torch.zeros(len(tokens), dtype=torch.int64)
        for column in tokens[:, read:].T.cpu():
            following = following + ((column == what[following]) & ours[column])
            state = grammar.advance(state, column)
        read = tokens.shape[1]
        return without_skipping(grammar.allowed(state) & ~ours).to(tokens.device)

    def without_skipping(legal: Tensor) -> Tensor:
        due, token = when[following][:, None], what[following]
        now, start = state["now"], state["start"]
        # A given token that is due comes before those of later lines, and before time moves on.
        here = (state["bar"] > 0) & (due[:, 0] == now) & ours[token]
        earlier = (line >= 0) & (line < line[token][:, None])
        legal = torch.where(here[:, None], legal & earlier, legal)
        row = torch.arange(len(legal))[here]
        legal[row, token[here]] = True
        # Until then time may move, but not past it.
        legal[:, beats] &= start[:, None] + value[beats] * QUARTER <= due
        legal[:, places] &= (now - (now - start) % QUARTER)[:, None] + value[places] <= due
        legal[:, BAR] &= (state["bar"] == 0) | (start + ticks <= due[:, 0])
        legal[:, END] &= (start + ticks <= due[:, 0]) | (state["phase"] == DONE)
        return legal

    return mask


def given_events(words: Vocabulary, song: Song, lines: Sequence[int]) -> list[tuple[int, int]]:
    """Tick and token of all that some lines of an arranged song begin or end, in order."""
    line, events = token_lines(words), []
    for (start, *_), bar in zip(song.bars().tolist(), bar_tokens(words, song)[0], strict=True):
        now = start
        for id in bar:
            kind, _, value = words.tokens[id]
            if kind == "beat":
                now = start + value * QUARTER
            elif kind == "place":
                now += value - (now - start) % QUARTER
            elif int(line[id]) in lines:
                events.append((now, id))
    return events


def token_lines(words: Vocabulary) -> Tensor:
    """The line that each token begins or ends something in, -1 for others. Returns int64 [V]."""
    chords = next((line for kind, line, _ in words.tokens if kind == "root"), -1)
    # a quality says no line, but it stands behind a root
    return torch.tensor([chords if kind == "quality" else line for kind, line, _ in words.tokens])

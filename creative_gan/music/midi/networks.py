"""The networks of a MIDI model: a recurrent generator that knows what sounds, where in the bar and in which key.

A song's tokens say what changes. What stays (a note that another voice holds, the key, the beat) was said
some tokens ago, so the newest token of every kind is shown again at each position, and so are the bars that
were and those to come: what a recurrent network would else have to remember and count. So is what stood
at the same place some bars ago, which a song may say once more (`echoes.py`). Pitches go in and
come out as steps from the tonic, so what is learnt in one key is known in all; they come out once more as
steps from what their own voice sounds, so what is learnt of one melodic step is known of all, and as
intervals to what the other voices sound or to the root of the chord, so what is learnt of one consonance is, and
once more as octaves above or below those, so that a voice can know its place.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from creative_gan.core.draws import Draws
from creative_gan.core.recipe import setting
from creative_gan.music.midi.data import MOST_BARS, MOST_BEFORE
from creative_gan.music.midi.echoes import LAGS, RUNS, Echoes
from creative_gan.music.midi.tables import KEY_SLOT, ROOT_SLOT, kept, pitches, relative, to_root
from creative_gan.music.midi.vocabulary import BAR, END, PAD, START, Vocabulary, vocabulary
from creative_gan.sequence.networks import (
    CnnCritic,
    Generator,
    PrefixCritic,
    State,
    TransformerGenerator,
    ban,
    recurrent,
    variational_dropout,
)
from creative_gan.sequence.recipe import CriticRecipe
from creative_gan.sequence.tokens import Symbols, shifted

BARS = 32
"""Bars before and bars to come that are told apart; more count as so many."""


SPAN = 24
"""Semitones of a melodic step that are told apart; wider ones count as so many."""
OCTAVES = 5
"""Distances of two voices in octaves that are told apart: from -2 to 2."""


@dataclass(frozen=True)
class NetworkRecipe:
    """The generator. What is for another kind of network is not looked at."""

    name: str = setting("lstm", ("lstm", "transformer"))
    embedding: int = setting(192, low=1, high=8192)
    """Length of the vector that tells a position what was, sounds and is to come (lstm)."""
    width: int = setting(256, low=1, high=8192)
    layers: int = setting(2, low=1, high=64)
    heads: int = setting(4, low=1, high=256)
    """Of the transformer's attention."""
    dropout: float = setting(0.3, low=0, high=0.9)
    intervals: bool = setting(False)
    """Whether a note's logit also depends on its step from the note before (lstm)."""
    harmony: bool = setting(False)
    """Whether a note's logit also depends on its intervals to what other voices sound and to the root of the chord,
    and a chord's on its intervals to the melody (lstm)."""
    repeats: bool = setting(False)
    """Whether what stood at the same place 1, 2, 4 and 8 bars ago is shown and may be said again (lstm)."""
    spacing: bool = setting(False)
    """Whether a note's logit also depends on how many octaves it lies above or below what other voices sound, without
    which no voice knows that it crosses another (lstm)."""


@dataclass(frozen=True)
class Shape:
    """What the data decide about the networks."""

    name: str
    """Of the songs: lead, chorale or band."""
    length: int
    """Tokens of a sequence at most."""

    @property
    def words(self) -> Vocabulary:
        """The vocabulary."""
        return vocabulary(self.name)

    @property
    def symbols(self) -> Symbols:
        """The tokens as the machinery sees them."""
        return Symbols(len(self.words), START, END, PAD, (PAD, START))


class SongGenerator(nn.Module):
    """A recurrent generator whose input is the sum of what is newest of each kind, and of two counts of bars.

    A label (see `data.Pieces.batch`) says how many bars come, and how many there were before a window.
    A hidden vector ends with the tonic, one of twelve, the pitch of each voice (by 64, 0 in silence), the tokens
    that may be said again (by 256) and, where chords are to fit, the root (by 16, from 1, 0 in silence), because
    the head needs them to name pitches and to repeat.

    `embedding`, `width`: of the input and of every layer. `dropout`: rate at the input, between layers and
    at the output, the same units at every position.
    """

    context = None

    def __init__(
        self, words: Vocabulary, symbols: Symbols, embedding: int, width: int, layers: int, dropout: float,
        intervals: bool, harmony: bool, repeats: bool, spacing: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        line, pitch = pitches(words)
        lags = LAGS if repeats else ()
        self.voices, self.lags = int(line.max()) + 1, len(lags)
        fitting = to_root(words)
        fits = harmony and bool((fitting[3] >= 0).any())
        self.told = 12 + self.voices + self.lags + fits
        self.symbols, self.width, self.dropout = symbols, width + self.told, dropout
        self.size, steps = relative(words)
        slots = kept(words)
        known = (1 + slots.shape[1]) * self.size + 2 * BARS + 2
        echoes = self.lags * (self.size + RUNS) + 1 if lags else 0  # the last one stands for nothing
        nothing = known + echoes - 1 if lags else None
        self.table = nn.EmbeddingBag(known + echoes, embedding, mode="sum", padding_idx=nothing)
        nn.init.normal_(self.table.weight, std=0.1)
        sizes = [embedding] + [width] * (layers - 1)
        self.layers = nn.ModuleList(nn.LSTM(size, width, batch_first=True) for size in sizes)
        for layer in self.layers:  # remembers at first: Jozefowicz 2015, proceedings.mlr.press/v37
            nn.init.constant_(layer.get_parameter("bias_hh_l0")[width : 2 * width], 1.0)
        self.output = nn.Linear(width, self.size)
        self.ban: Tensor
        self.register_buffer("ban", ban(symbols), persistent=False)
        self.slots: Tensor
        self.register_buffer("slots", torch.tensor(slots), persistent=False)
        self.steps: Tensor
        self.register_buffer("steps", torch.tensor(steps), persistent=False)
        self.tonic: Tensor
        tonics = [value % 12 if kind == "key" else 0 for kind, _, value in words.tokens]
        self.register_buffer("tonic", torch.tensor(tonics), persistent=False)
        self.line: Tensor
        self.register_buffer("line", torch.tensor(line), persistent=False)
        self.pitch: Tensor
        self.register_buffer("pitch", torch.tensor(pitch), persistent=False)
        self.moves = nn.Linear(width, self.voices * STEPS, bias=False) if intervals and self.voices else None
        if self.moves is not None:
            nn.init.zeros_(self.moves.weight)
        pairs = self.voices**2 if self.voices > 1 else 0
        self.chords = nn.Linear(width, pairs * 12, bias=False) if harmony and pairs else None
        self.spaces = nn.Linear(width, pairs * OCTAVES, bias=False) if spacing and pairs else None
        self.fitting: Tensor
        self.register_buffer("fitting", torch.tensor(fitting), persistent=False)
        self.fits = nn.Linear(width, int(fitting[3].max()) + 12, bias=False) if fits else None
        for added in (self.chords, self.spaces, self.fits):
            if added is not None:
                nn.init.zeros_(added.weight)
        self.echoes = Echoes(words, lags) if lags else None
        self.echoed = nn.Linear(width, len(lags)) if lags else None
        if self.echoed is not None:
            # What windows are too short to show is never learnt, and then it changes nothing in longer songs either.
            for weight in (self.echoed.weight, self.echoed.bias, self.table.weight[known:]):
                nn.init.zeros_(weight)

    def begin(self, rows: int, label: Tensor | None = None) -> State:
        """Newest token of each kind, bars before and to come, what echoes need, hidden and cell state of each layer."""
        weight = self.output.weight
        zeros = [weight.new_zeros(rows, weight.shape[1]) for _ in range(2 * len(self.layers))]
        newest = torch.full((rows, self.slots.shape[1]), PAD, device=weight.device)
        echoes = () if self.echoes is None else self.echoes.begin(rows)
        return newest, self._bars(rows, label), *echoes, *zeros

    def embed(self, tokens: Tensor) -> Tensor:
        """The tokens themselves: what they mean depends on what was before."""
        return tokens

    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """One position: `inputs` [R] int64 -> hidden [R, H], state."""
        newest = torch.where(self.slots[inputs], inputs[:, None], state[0])
        bars = state[1] + self._counted(inputs == BAR)
        echo, run, *more = self._echo(state[2:5], inputs, newest)
        values, new = self._vectors(inputs, newest, bars, echo, run), [newest, bars, *more]
        of_layers = state[len(new) :]
        for layer, hidden, cell in zip(self.layers, of_layers[::2], of_layers[1::2], strict=True):
            assert isinstance(layer, nn.LSTM)
            w_ih, w_hh, b_ih, b_hh = layer.all_weights[0]
            values, cell = torch.lstm_cell(values, (hidden, cell), w_ih, w_hh, b_ih, b_hh)
            new += values, cell
        return self._told(values, newest, echo), tuple(new)

    def hidden(self, tokens: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """The hidden vectors that predict each of `tokens` [B, T]. Returns [B, T, H]."""
        inputs = shifted(tokens, self.symbols.start)
        place = torch.arange(inputs.shape[1], device=inputs.device)[:, None]
        latest = torch.where(self.slots[inputs], place, -1).cummax(1).values
        newest = inputs.gather(1, latest.clamp(min=0).flatten(1)).view(latest.shape)
        newest = torch.where(latest >= 0, newest, PAD)
        bars = self._bars(len(tokens), label)[:, None] + self._counted((inputs == BAR).cumsum(1))
        echo, run = (newest[..., :0],) * 2 if self.echoes is None else self.echoes(inputs, newest)
        values = self._vectors(inputs, newest, bars, echo, run)
        for index, layer in enumerate(self.layers):
            values = recurrent(layer, variational_dropout(values, self.dropout, draws, str(index)))
        return self._told(variational_dropout(values, self.dropout, draws, "output"), newest, echo)

    def head(self, hidden: Tensor) -> Tensor:
        """[..., H] -> logits [..., V]."""
        sizes = (hidden.shape[-1] - self.told, 12, self.voices, self.lags, int(self.fits is not None))
        values, tonic, sounding, echo, root = hidden.split(sizes, -1)
        logits = self.output(values).gather(-1, self.steps[tonic.argmax(-1)]) + self.ban
        if self.echoed is not None:
            # where there is no echo, padding becomes likelier, which is banned
            logits = logits.scatter_add(
                -1, (echo * 256).round().long(), (COPY_RATE * self.echoed(values)).to(logits.dtype)
            )
        sounding = (sounding * 64).round().long()
        if self.moves is not None:
            logits = logits + self._stepped(self.moves(values), sounding)
        if self.chords is not None or self.spaces is not None:
            notes = (self.line >= 0).nonzero()[:, 0]
            logits = logits.index_add(-1, notes, self._sounded(values, sounding, notes).to(logits.dtype))
        if self.fits is not None:
            logits = logits + self._fitted(self.fits(values), sounding[..., :1], (root * 16).round().long())
        return logits

    def _stepped(self, moves: Tensor, sounding: Tensor) -> Tensor:
        """What the step from the note before, of the same voice, adds to each token: [..., V]."""
        # a column for every other token, which no step leads to
        moves = functional.pad(moves.unflatten(-1, (-1, STEPS)), (0, 1)).flatten(-2)
        before = sounding[..., self.line.clamp(min=0)]
        step = (self.pitch - before).clamp(-SPAN, SPAN) + SPAN
        step = torch.where(before > 0, step, STEPS - 1)
        step = torch.where(self.line < 0, STEPS, step) + self.line.clamp(min=0) * (STEPS + 1)
        return moves.gather(-1, step)

    def _sounded(self, values: Tensor, sounding: Tensor, notes: Tensor) -> Tensor:
        """What the distances to all other voices add to the note tokens: [..., N].

        Harmony counts a distance in semitones within an octave, spacing in octaves, -1 for the first one below.
        """
        line, pitch = self.line[notes][:, None], self.pitch[notes][:, None]
        other = torch.arange(self.voices, device=notes.device)
        distance = pitch - sounding[..., None, :]
        octave = distance.div(12, rounding_mode="floor").clamp(-OCTAVES // 2 + 1, OCTAVES // 2) + OCTAVES // 2
        added = torch.zeros_like(distance, dtype=values.dtype)
        for table, size, place in ((self.chords, 12, distance % 12), (self.spaces, OCTAVES, octave)):
            if table is not None:
                column = (line * self.voices + other) * size + place
                added = added + table(values).gather(-1, column.flatten(-2)).view_as(column)
        heard = (sounding[..., None, :] > 0) & (other != line)
        return torch.where(heard, added, 0.0).sum(-1)

    def _fitted(self, fits: Tensor, melody: Tensor, root: Tensor) -> Tensor:
        """What the interval between melody and root adds to notes, roots and qualities, one of them new: [..., V]."""
        own, times_melody, times_root, first = self.fitting
        interval = (own + times_melody * melody + times_root * (root - 1)) % 12
        heard = (first >= 0) & ((times_melody == 0) | (melody > 0)) & ((times_root == 0) | (root > 0))
        return torch.where(heard, fits.gather(-1, interval + first.clamp(min=0)), 0.0)

    def forward(self, tokens: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """The logits of each of `tokens` [B, T] given those before it. Returns [B, T, V]."""
        return self.head(self.hidden(tokens, label, draws))

    def _bars(self, rows: int, label: Tensor | None) -> Tensor:
        """Bars before the first and bars to come, [rows, 2]; zeros where nothing is known."""
        if label is None:
            return torch.zeros(rows, 2, dtype=torch.int64, device=self.ban.device)
        return torch.stack([label // (MOST_BARS + 1), label % (MOST_BARS + 1)], 1)

    @staticmethod
    def _counted(bars: Tensor) -> Tensor:
        """What so many bars add to the two counts: [...] -> [..., 2]."""
        return torch.stack([bars.long(), -bars.long()], -1)

    def _tonics(self, newest: Tensor) -> Tensor:
        return self.tonic[newest[..., KEY_SLOT]]

    def _echo(self, state: State, inputs: Tensor, newest: Tensor) -> tuple[Tensor, ...]:
        """What may be said again at one position [R, L], how long it has agreed [R, L], then what echoes need."""
        if self.echoes is None:
            return newest[:, :0], newest[:, :0]
        keys, tokens, run = state
        echo, agreed, new = self.echoes.advance((keys, tokens, run), inputs, newest)
        return echo, agreed, *new

    def _told(self, values: Tensor, newest: Tensor, echo: Tensor) -> Tensor:
        """Hidden vectors with what the head needs to know: [..., H]."""
        tonic = functional.one_hot(self._tonics(newest), 12)
        voices = newest[..., newest.shape[-1] - self.voices :]
        told = [tonic, self.pitch[voices] / 64, echo / 256]  # exact in bfloat16
        if self.fits is not None:
            chord = newest[..., ROOT_SLOT, None]
            told += [torch.where(self.fitting[1, chord] < 0, self.fitting[0, chord] + 1, 0) / 16]
        return torch.cat([values, *(part.to(values.dtype) for part in told)], -1)

    def _vectors(self, inputs: Tensor, newest: Tensor, bars: Tensor, echo: Tensor, run: Tensor) -> Tensor:
        """What the layers are told: inputs [...], newest [..., S], bars [..., 2], echo and run [..., L] -> [..., E]."""
        heard = torch.cat([inputs[..., None], newest, echo], -1)
        rows = self.steps[self._tonics(newest)[..., None], heard]
        rows, echoes = rows.split((heard.shape[-1] - self.lags, self.lags), -1)
        rows = rows + self._sections(rows, self.size)
        counts = rows.shape[-1] * self.size + bars.clamp(0, BARS)
        counts = counts + self._sections(bars, BARS + 1)
        first, nothing = rows.shape[-1] * self.size + 2 * BARS + 2, self.table.num_embeddings - 1
        echoes = torch.where(echo == PAD, nothing, echoes + first + self._sections(echo, self.size))
        runs = run + first + self.lags * self.size + self._sections(run, RUNS)
        rows = torch.cat([rows, counts, echoes, torch.where(run == 0, nothing, runs)], -1)
        return self.table(rows.flatten(0, -2)).unflatten(0, inputs.shape)

    @staticmethod
    def _sections(like: Tensor, size: int) -> Tensor:
        """Where the sections of a table begin, one for each column [..., N] of what is told: [N]."""
        return torch.arange(like.shape[-1], device=like.device) * size


COPY_RATE = 10
"""How much faster than others those weights learn that say when a song repeats itself: what they say counts so many
times (a runtime scale, as in Karras 2018, arXiv:1710.10196, section 4.1). A sure repeat takes logits to which Adam,
which moves a weight by its rate in a step, would be long on the way."""
STEPS = 2 * SPAN + 2
"""Melodic steps that are told apart, the one out of silence last."""


def build_generator(recipe: NetworkRecipe, shape: Shape) -> Generator:
    """A generator of songs, whose label is that of `data.Pieces.batch`."""
    if recipe.name == "transformer":
        return TransformerGenerator(
            shape.symbols,
            shape.length,
            recipe.width,
            recipe.layers,
            recipe.heads,
            recipe.dropout,
            (MOST_BEFORE + 1) * (MOST_BARS + 1),
        )
    made = SongGenerator(
        shape.words, shape.symbols, recipe.embedding, recipe.width, recipe.layers, recipe.dropout,
        recipe.intervals, recipe.harmony, recipe.repeats, recipe.spacing,
    )  # fmt: skip
    return cast(Generator, made)


def build_critic(kind: str, recipe: CriticRecipe, network: NetworkRecipe, shape: Shape) -> nn.Module:
    """A critic of a kind of `phases.CRITICS`: `cnn`, `prefix` or `mediator`, which is a second generator.

    The label is not shown to critics: they are to judge the music.
    """
    if kind == "mediator":
        return build_generator(network, shape)
    if kind == "cnn":
        return CnnCritic(shape.symbols, shape.length, recipe.embedding, recipe.scale, recipe.dropout)
    return PrefixCritic(shape.symbols, recipe.embedding, recipe.width, recipe.dropout)

"""A trained writer of MIDI in a folder: `config.json`, `model.safetensors` and a card."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pretty_midi
import torch
from torch import Tensor, nn

from creative_gan import __version__
from creative_gan.core import provenance
from creative_gan.core.draws import Draws, derive
from creative_gan.core.errors import DataError, UserError, within
from creative_gan.core.models import find, read_config
from creative_gan.core.recipe import dotted, parse
from creative_gan.music.midi.arrange import SHAPES
from creative_gan.music.midi.data import MOST_BARS, Pieces
from creative_gan.music.midi.export import programs, to_midi
from creative_gan.music.midi.given import accompanied_song, continued_song, heard, prompt
from creative_gan.music.midi.grammar import Grammar
from creative_gan.music.midi.keys import signature
from creative_gan.music.midi.masks import Allowed, accompanied, begun, ended, paced
from creative_gan.music.midi.networks import NetworkRecipe, Shape, build_critic, build_generator
from creative_gan.music.midi.openings import asked_for, check_openings, openings
from creative_gan.music.midi.song import PLACES, QUARTER, TEMPO_RANGE, Song, bar_ticks
from creative_gan.music.midi.vocabulary import Vocabulary, pitch_groups
from creative_gan.sequence import models as sequences
from creative_gan.sequence.networks import Generator
from creative_gan.sequence.sampling import Decoding, sample

KIND = "midi"
CHUNK = 32
"""Songs are always made in chunks of this many, so that a song is the same one however many are asked for."""


@dataclass(frozen=True)
class Manner:
    """How songs are written: all that a song depends on besides the model and its number.

    Raises UserError where bars or tempo are out of their range.
    """

    seed: int = 0
    bars: int = 0
    """0: as many as songs of the training had."""
    tempo: float = 0.0
    """Quarters a minute; 0: as songs of the training had."""
    key: str | None = None
    """One of `song.KEYS`, or a tonic, which is then major; None: as songs of the training had."""
    metre: str | None = None
    """Such as `3/4`; None: as songs of the training had."""
    temperature: float | None = None
    """Of pitches and chords, while the rhythm is drawn as it was learnt; 1: these, too; 0: always the likeliest token;
    None: what its recipe found best."""
    top_k: int = 0
    top_p: float = 1.0
    best_of: int = 1
    """Of so many candidates the one that the critic finds most real."""
    weights: str | None = None
    """One of `sequence.models.WEIGHTS`; None: those that the model prefers."""

    def __post_init__(self) -> None:
        within("bars", self.bars, 0, whole=True)  # how many at most depends on the model
        if self.tempo:
            within("tempo", self.tempo, *TEMPO_RANGE)


@dataclass(frozen=True)
class Model(sequences.Writer):
    """A writer of MIDI and what is known about it."""

    words: Vocabulary

    def sample(
        self,
        n: int = 1,
        seed: int = 0,
        bars: int = 0,
        tempo: float = 0.0,
        key: str | None = None,
        metre: str | None = None,
        temperature: float | None = None,
        top_k: int = 0,
        top_p: float = 1.0,
        instrument: int | None = None,
    ) -> list[pretty_midi.PrettyMIDI]:
        """`n` new songs of a seed. See `Manner`; `instrument`: a General MIDI program for all parts but drums.

        Raises:
            UserError: a key, metre or instrument that there is not, more bars than can be counted, or another
                number out of its range.
        """
        within("n", n, 1, whole=True)
        played = programs(instrument)
        manner = Manner(seed, bars, tempo, key, metre, temperature, top_k, top_p)
        return [to_midi(song, instruments=played) for song in self.write(range(n), manner)]

    def write(self, indices: range, manner: Manner) -> list[Song]:
        """The songs of these numbers, the same ones whichever others are asked for. Raises as `sample`."""
        begin = indices.start - indices.start % CHUNK
        made = self.ids(range(begin, indices.stop), manner, CHUNK)[indices.start - begin :]
        return [self._song(ids, manner) for ids in made]

    def ids(self, indices: range, manner: Manner, chunk: int) -> list[list[int]]:
        """Token ids of songs, made `chunk` at a time. Raises as `sample`."""
        openings = self._openings(manner)
        limit = self.config["fullest"]

        def begin(draws: Draws) -> tuple[Tensor, Tensor, Callable[[], Allowed], int]:
            known = openings.to(draws.device)
            rows = known[draws.integers("opening", 0, 2**31) % len(known)]
            longest = self._longest(int(openings[:, 3].max()))
            made = lambda: paced(begun(Grammar(self.words, rows[:, 3]).follow(), rows[:, :3]), limit)  # noqa: E731
            return rows[:, :0], rows[:, 3], made, longest

        return self._chunks(indices, manner, chunk, begin)

    def continue_(self, song: Song, indices: range, manner: Manner) -> list[Song]:
        """Songs that begin with a given one, to its last bar, and go on for `manner.bars` bars (0: sixteen).

        Tempo, metre, key and who plays are those of the song, also where the model does not hear all of it.

        Raises:
            UserError: the song has no notes for the model, or is too long for it, or that is more than 255 bars.
        """
        if manner.bars > MOST_BARS:
            raise UserError(f"a piece goes on for {MOST_BARS} bars at most; ask for as many")
        given = self._heard(song)
        head, last, before, start = prompt(self.words, given, song.end)
        total = before + (manner.bars or 16)
        longest = max(len(head), self._longest(total)) + 4

        def begin(draws: Draws) -> tuple[Tensor, Tensor, Callable[[], Allowed], int]:
            count = draws.count
            rows, label = torch.tensor(head).expand(count, -1), torch.full((count,), min(total, MOST_BARS))

            def made() -> Allowed:
                new = ended(Grammar(self.words, total).follow(), self.words, last, len(head))
                return paced(new, self.config["fullest"])

            return rows, label, made, longest

        made = [self.words.decode(ids) for ids in self._numbered(indices, manner, begin)]
        made = [continued_song(song, self.words.shape, one, start) for one in made]
        return [_in_tempo(one, manner) for one in made]

    def accompany(
        self, song: Song, indices: range, manner: Manner, lines: tuple[int, ...] = (0,)
    ) -> list[Song]:
        """Songs in which some lines of a given one sound as they are, and the model plays the others.

        What does not fit the range of a line moves by octaves; see `given.heard`.

        Args:
            lines: the given ones in the model's shape; the melody, unless said otherwise.

        Raises:
            UserError: the song has no notes in these lines, changes its metre, or the model is one of bands,
                whose lines are not voices.
        """
        if self.words.shape == "band":
            raise UserError(
                f"model {self.name} plays bands and cannot keep to a given melody; take one of chorales or tunes"
            )
        given = self._heard(song)
        notes = given.notes[np.isin(given.notes[:, 3], lines)]
        if not len(notes):
            raise UserError("the song has no notes for the melody to accompany; take another file")
        if len(given.metres) > 1:
            raise UserError("the song changes its metre, which an accompaniment cannot follow; cut it there")
        given = replace(given, notes=notes)
        _, _, metre, key = given.bars()[0].tolist()
        header = torch.tensor(self.words.header(metre, key, given.tempo))
        bars = len(given.bars())
        # a bar can only end when the given lines have sounded, however much the free ones play before that
        fullest = (
            bar_ticks(given.metres[0][1]) // QUARTER * len(PLACES) * (2 + 2 * len(SHAPES[self.words.shape]))
        )
        longest = max(self._longest(bars), 4 + bars * fullest if self._context() is None else 0)

        def begin(draws: Draws) -> tuple[Tensor, Tensor, Callable[[], Allowed], int]:
            count = draws.count
            label = torch.full((count,), min(bars, MOST_BARS))
            rows = header.expand(count, -1)
            limit = self.config["fullest"]
            made = lambda: paced(begun(accompanied(self.words, given, lines), rows), limit)  # noqa: E731
            return rows[:, :0], label, made, longest

        made = [self.words.decode(ids) for ids in self._numbered(indices, manner, begin)]
        made = [accompanied_song(song, self.words.shape, lines, one) for one in made]
        return [_in_tempo(one, manner) for one in made]

    def origin(self, command: str, arguments: dict[str, Any], manner: Manner) -> dict[str, Any]:
        """The record of origin of what `command` made; `arguments`: its number, and what else it was given."""
        arguments = arguments | dataclasses.asdict(manner)
        arguments["weights"] = manner.weights or self.config["sampler"]
        arguments["temperature"] = self._temperature(manner)
        return provenance.origin(command, arguments, self.identity())

    def _temperature(self, manner: Manner) -> float:
        # models from before were all meant for that of the chorales
        return self.config.get("temperature", 0.8) if manner.temperature is None else manner.temperature

    def _song(self, ids: list[int], manner: Manner) -> Song:
        asked = None if manner.key is None else signature(manner.key)
        return _in_tempo(replace(self.words.decode(ids), signature=asked), manner)

    def _heard(self, song: Song) -> Song:
        given = heard(song, self.words.shape)
        if not len(given.notes):
            raise UserError(
                f"the song has no notes for a model of shape {self.words.shape!r}; take another file"
            )
        return given

    def _openings(self, manner: Manner) -> Tensor:
        """Header tokens and bars of the songs that may be asked for: int64 [N, 4]."""
        most = MOST_BARS if self._context() is None else self.config["split"]["bars"]
        rows = self.config["openings"]
        return asked_for(self.name, self.words, rows, manner.bars, manner.key, manner.metre, most)

    def _context(self) -> int | None:
        """Tokens that the generators see at a time; None: as many as there are."""
        return next(iter(self.generators.values())).context

    def _room(self, bars: int) -> int:
        """Tokens that so many bars take at most: a full one ends a few tokens late."""
        return bars * (self.config["fullest"] + 8) + 4

    def _longest(self, bars: int) -> int:
        """Tokens that a song of so many bars may take, header and end included. Raises UserError if too many."""
        context = self._context()
        if context is None:
            return self._room(bars)
        if bars > self.config["split"]["bars"]:
            seen = self.config["split"]["bars"]
            raise UserError(f"model {self.name} sees {seen} bars at a time; ask for at most as many")
        return context

    def _numbered(self, indices: range, manner: Manner, begin: Any) -> list[list[int]]:
        first = indices.start - indices.start % CHUNK
        return self._chunks(range(first, indices.stop), manner, CHUNK, begin)[indices.start - first :]

    @torch.no_grad()
    def _chunks(self, indices: range, manner: Manner, chunk: int, begin: Any) -> list[list[int]]:
        """Token ids; `begin` makes of a chunk's draws prompt, bars, a fresh mask and the most tokens."""
        self.check_choice(manner.best_of)
        generator = self.generator(manner.weights)
        device = next(cast(nn.Module, generator).parameters()).device
        groups = torch.from_numpy(pitch_groups(self.words)).to(device)
        made: list[list[int]] = []
        for start in range(indices.start, indices.stop, chunk):
            # the last chunk is filled up: another number of rows may round differently
            draws = Draws(derive(manner.seed, "song"), start, chunk, slice(0, chunk), device)
            prompt, label, mask, longest = begin(draws)
            decoding = Decoding(self._temperature(manner), manner.top_k, manner.top_p, groups)
            candidates = [
                sample(
                    generator, draws.of(f"candidate {n}"), longest, label.to(device), decoding,
                    prompt.to(device) if prompt.shape[1] else None, allowed=mask(), wanted=indices.stop - start,
                )
                for n in range(manner.best_of)
            ]  # fmt: skip
            best = self.best(candidates, label, manner.weights)
            made += [t[:n].tolist() for t, n in zip(best.tokens, best.length.tolist(), strict=True)]
        return made[: len(indices)]


def _in_tempo(song: Song, manner: Manner) -> Song:
    return replace(song, tempo=manner.tempo, tempi=()) if manner.tempo else song


def load(source: str | Path) -> Model:
    """A model by run folder, model folder or shipped name.

    Raises:
        UserError, DataError: there is none, it is not of MIDI, or it is damaged or of an unsafe kind.
    """
    folder = find(source, "music")
    config = read_config(folder, "music")
    try:
        if config["kind"] != KIND:
            raise ValueError(f"it is one of {config['kind']}")
        network, shape = parse(NetworkRecipe, config["network"]), Shape(config["shape"], config["length"])
        if config["shape"] not in SHAPES or type(shape.length) is not int or not 1 <= shape.length <= 2**16:
            raise ValueError("its sizes are no numbers")
        sequences.check_weights(config)
        critic = sequences.critic_of(config)

        def build() -> dict[str, nn.Module]:
            parts: dict[str, nn.Module] = {
                name: build_generator(network, shape) for name in config["weights"]
            }
            if critic is not None:
                parts["critic"] = build_critic(config["critic"]["kind"], critic, network, shape)
            return parts

        parts = sequences.filled(folder, build)
        name, fullest = str(config["name"]), config["fullest"]
        if type(fullest) is not int or not 1 <= fullest <= 10_000:
            raise ValueError("its sizes are no numbers")
        if not 0 <= config.get("temperature", 1) <= 10:
            raise ValueError("its temperature is none")
        check_openings(config["openings"], shape.words)
        if not {"source", "fingerprint"} <= set(config["data"]) or not {"shape", "bars", "holdout"} <= set(
            config["split"]
        ):
            raise ValueError("it does not say what it was trained on")
    except DataError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, UserError) as error:
        raise DataError(folder / "config.json", f"does not describe a MIDI model ({error})") from None
    return Model(
        name,
        str(source),
        config,
        provenance.file_hash(folder / "model.safetensors"),
        {name: cast(Generator, parts[name]) for name in config["weights"]},
        parts.get("critic"),
        shape.words,
    )


def settings(config: dict[str, Any]) -> dict[str, Any]:
    """The settings of a recipe, by dotted keys, that make the networks of a model with this `config.json`."""
    return {"data.shape": config["shape"]} | dotted("network", config["network"])


def describe(
    name: str,
    network: NetworkRecipe,
    shape: Shape,
    train: Pieces,
    recipe: str,
    data: dict[str, Any],
    split: dict[str, Any],
    temperature: float,
) -> dict[str, Any]:
    """The `config.json` of a MIDI model, to which the run adds `weights`, `sampler`, `critic` and `seen`.

    `split`: `shape`, `bars` and `holdout` of the recipe, which say what was held out. `temperature`: at which it
    is sampled unless somebody says otherwise.
    """
    return {
        "format": 1,
        "creative_gan": __version__,
        "modality": "music",
        "kind": KIND,
        "name": name,
        "shape": shape.name,
        "length": shape.length,
        "fullest": int(np.diff(train.inside_at).max()),
        "openings": openings(train),
        "network": dataclasses.asdict(network),
        "recipe": recipe,
        "data": data,
        "split": split,
        "temperature": temperature,
    }

"""A trained generator of piano rolls in a folder: `config.json`, `model.safetensors`, a card and a preview."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from creative_gan import __version__
from creative_gan.core import models, provenance
from creative_gan.core.errors import DataError, UserError, within
from creative_gan.core.latent import in_chunks, latents
from creative_gan.core.models import Trained, find, read_config
from creative_gan.core.recipe import dotted, parse
from creative_gan.music.midi.arrange import SHAPES
from creative_gan.music.midi.export import programs, to_midi
from creative_gan.music.midi.keys import key_number, signature
from creative_gan.music.midi.song import METRES, TEMPO_RANGE, Song, transposed
from creative_gan.music.roll.data import Grid, metre_name
from creative_gan.music.roll.export import to_song
from creative_gan.music.roll.networks import Generator
from creative_gan.music.roll.recipe import NetworkRecipe

if TYPE_CHECKING:
    from pretty_midi import PrettyMIDI

KIND = "roll"
CHUNK = 16
"""Rolls are always made in chunks of this many, filled up, so that a song does not depend on how many are made."""
KINSHIP = 0.5
"""Share of the variance that the latents of one song's rolls have in common."""
MOST_BARS = 1_000
COLDEST = 1e-3
"""A temperature at which chance has no part any more."""


@dataclass(frozen=True)
class Manner:
    """How songs are made: all that a song depends on besides the model and its number.

    Raises UserError where a number is out of its range.
    """

    seed: int = 0
    bars: int = 0
    """0: as many as a roll has. More are several related rolls, one after the other."""
    tempo: float = 0.0
    """Quarters a minute; 0: that of the training songs."""
    key: str | None = None
    """One of `song.KEYS`, or a tonic, which is then major. Each song is moved to it, or to its relative key
    where the song is in the other mode; None leaves it where it is."""
    temperature: float | None = None
    """Of the choice of pitches; 1: as it was learnt; None: what its recipe found best."""

    def __post_init__(self) -> None:
        within("bars", self.bars, 0, MOST_BARS, whole=True)
        if self.tempo:
            within("tempo", self.tempo, *TEMPO_RANGE)
        if self.temperature is not None:
            within("temperature", self.temperature, 0, 10)


@dataclass(frozen=True)
class Model(Trained):
    """A generator of piano rolls and what is known about it."""

    generator: Generator

    @property
    def grid(self) -> Grid:
        """What the places of its rolls mean."""
        return Grid(**self.config["grid"])

    def sample(
        self,
        n: int = 1,
        seed: int = 0,
        bars: int = 0,
        tempo: float = 0.0,
        key: str | None = None,
        temperature: float | None = None,
        instrument: int | None = None,
    ) -> "list[PrettyMIDI]":
        """`n` new songs of a seed. See `Manner`; `instrument`: a General MIDI program for all parts but drums.

        Raises:
            UserError: n, bars, tempo, key, temperature or instrument out of range.
        """
        within("n", n, 1, whole=True)
        played = programs(instrument)
        made = self.write(range(n), Manner(seed, bars, tempo, key, temperature))
        return [to_midi(song, instruments=played) for song in made]

    def write(self, indices: range, manner: Manner) -> list[Song]:
        """The songs of these numbers, the same ones whichever others are asked for. Raises as `sample`."""
        grid = self.grid
        bars, tempo = manner.bars or grid.bars, manner.tempo or self.config["tempo"]
        key, asked = (None, None) if manner.key is None else (key_number(manner.key), signature(manner.key))
        songs = []
        for rolls in self.rolls(indices, manner.seed, -(-bars // grid.bars), self.heat(manner)):
            whole = rolls.transpose(1, 0, 2, 3).reshape(grid.roll[0], -1, grid.pitches)
            song = to_song(whole[:, : bars * grid.bar], grid, tempo)
            songs.append(song if key is None else dataclasses.replace(in_key(song, key), signature=asked))
        return songs

    def heat(self, manner: Manner) -> float:
        """The temperature that is meant, never quite 0, at which the likeliest pitch is always chosen."""
        asked = self.config["temperature"] if manner.temperature is None else manner.temperature
        return max(asked, COLDEST)

    def rolls(self, indices: range, seed: int, each: int = 1, heat: float | None = None) -> np.ndarray:
        """`each` related rolls for every number, bool [len(indices), each, 2 * tracks, steps, pitches]."""
        heat = self.heat(Manner()) if heat is None else heat
        length = self.generator.latents
        z = latents(indices, seed, each * length).unflatten(1, (each, length))
        # sums of independent normal numbers whose variances add up to 1: still standard normal
        related = KINSHIP**0.5 * z[:, :1] + (1 - KINSHIP) ** 0.5 * z[:, 1:]
        z = torch.cat([z[:, :1], related], 1).flatten(0, 1)
        with torch.no_grad():
            made = in_chunks(lambda part, label: self.generator(part, label, heat), z, None, CHUNK)
        whole = torch.cat(made) if made else torch.empty(0, *self.grid.roll)
        return (whole > 0.5).unflatten(0, (len(indices), each)).numpy()

    def origin(self, arguments: dict[str, Any], manner: Manner) -> dict[str, Any]:
        """The record of origin of a song; `arguments`: its number, and what else made it."""
        arguments = arguments | dataclasses.asdict(manner) | {"temperature": self.heat(manner)}
        return provenance.origin("music sample", arguments, self.identity())


def in_key(song: Song, key: int) -> Song:
    """The song moved by at most a tritone to a key, or to the relative key of the song's own mode."""
    mine = song.keys[0][1]
    relative = key if mine // 12 == key // 12 else key + (9 if key < 12 else 3)
    shift = (relative - mine + 6) % 12 - 6
    pitched = song.notes[~song.drums(), 2]
    if len(pitched) and (pitched.min() + shift < 0 or pitched.max() + shift > 127):
        shift -= 12 * int(np.sign(shift))
    return transposed(song, shift)


def load(source: str | Path) -> Model:
    """A model by run folder, model folder or shipped name.

    Raises:
        UserError, DataError: there is none, it is not of piano rolls, or it is damaged or of an unsafe kind.
    """
    folder = find(source, "music")
    config = read_config(folder, "music")
    if config.get("kind") != KIND:
        raise DataError(folder, f"is a model of kind {config.get('kind')!r}, not of piano rolls")
    network, grid = _described(folder / "config.json", config)
    generator = models.filled(folder, lambda: Generator(network, grid))
    return Model(
        config["name"],
        str(source),
        config,
        provenance.file_hash(folder / "model.safetensors"),
        cast(Generator, generator),
    )


def settings(config: dict[str, Any]) -> dict[str, Any]:
    """The settings of a recipe, by dotted keys, that make the networks of a model with this `config.json`."""
    grid = Grid(**config["grid"])
    data = {"shape": grid.shape, "bars": grid.bars, "metre": metre_name(grid.metre), "steps": grid.steps}
    return dotted("data", data) | dotted("network", config["network"])


def _described(path: Path, config: dict[str, Any]) -> tuple[NetworkRecipe, Grid]:
    """Networks and grid of a `config.json`, checked.

    Raises:
        DataError: something is missing, of another type, or out of bounds.
    """
    try:
        network = parse(NetworkRecipe, dict(config["network"]))
        grid = Grid(**config["grid"])
        numbers = (grid.metre, grid.bars, grid.steps, grid.low, grid.octaves)
        if grid.shape not in SHAPES or not all(type(number) is int for number in numbers):
            raise ValueError("grid")
        fits = grid.low + grid.pitches <= 128 and grid.octaves >= 1 and grid.low >= 0
        if not (0 <= grid.metre < len(METRES) and 1 <= grid.bars <= 32 and 1 <= grid.steps <= 24 and fits):
            raise ValueError("grid")
        if not TEMPO_RANGE[0] <= float(config["tempo"]) <= TEMPO_RANGE[1]:
            raise ValueError("tempo")
        if not 0 <= float(config["temperature"]) <= 10:
            raise ValueError("temperature")
        config["data"]["fingerprint"], config["recipe"], str(config["name"])
    except (KeyError, TypeError, ValueError, OverflowError, UserError) as error:
        raise DataError(
            path, f"does not describe a model of piano rolls ({type(error).__name__}: {error})"
        ) from None
    return network, grid


def describe(
    name: str,
    network: NetworkRecipe,
    grid: Grid,
    tempo: float,
    temperature: float,
    recipe: str,
    data: dict[str, Any],
) -> dict[str, Any]:
    """The `config.json` of a model of piano rolls, before it has seen anything.

    tempo, temperature: of its songs, unless somebody says otherwise.
    """
    return {
        "format": 1,
        "creative_gan": __version__,
        "modality": "music",
        "kind": KIND,
        "name": name,
        "classes": [],
        "grid": dataclasses.asdict(grid),
        "tempo": tempo,
        "temperature": temperature,
        "network": dataclasses.asdict(network),
        "recipe": recipe,
        "data": data,
        "seen": 0,
    }

"""A trained sound generator in a folder: `config.json`, `model.safetensors`, a card and previews."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from creative_gan import __version__
from creative_gan.core import models, provenance
from creative_gan.core.errors import DataError, UserError, within
from creative_gan.core.latent import LatentModel, in_chunks
from creative_gan.core.models import find, read_config
from creative_gan.core.recipe import dotted, parse
from creative_gan.music.wave.data import MAX_RATE, MIN_RATE
from creative_gan.music.wave.families import LONGEST, NetworkRecipe, build_generator, fault

KIND = "wave"
CHUNK = 16
"""Sounds are always made in chunks of this many, so that a sound has the same bytes however many are asked for."""


class Sound(NamedTuple):
    """One sound."""

    wave: np.ndarray
    """float32 [L] in [-1, 1]."""
    rate: int
    """Samples a second."""


@dataclass(frozen=True)
class Model(LatentModel):
    """A generator of sounds and what is known about it."""

    @property
    def rate(self) -> int:
        """Samples a second."""
        return self.config["rate"]

    @property
    def length(self) -> int:
        """Samples of a sound."""
        return self.config["length"]

    @torch.no_grad()
    def play(self, z: Tensor, label: Tensor | None) -> np.ndarray:
        """Sounds of these latents. z: [N, latent]; label: [N] or None. Returns float32 [N, L] in [-1, 1]."""

        def make(z: Tensor, label: Tensor | None) -> Tensor:
            made: Tensor = self.generator.sound(self.generator(z, label))  # type: ignore[operator]
            return made[:, 0].float()

        made = in_chunks(make, z, label, CHUNK)
        return torch.cat(made).numpy() if made else np.empty((0, self.length), np.float32)

    def waves(
        self, n: int, seed: int = 0, label: str | None = None, truncation: float | None = None, first: int = 0
    ) -> np.ndarray:
        """Samples `first` to `first + n` of a seed: the same ones however many are asked for.

        Returns:
            float32 [n, L] in [-1, 1].
        """
        begin = first - first % CHUNK  # whole chunks, for the same bytes
        indices = range(begin, first + n)
        return self.play(self.latents(indices, seed, truncation), self.labels(indices, label))[
            first - begin :
        ]

    def sample(
        self, n: int = 1, seed: int = 0, label: str | None = None, truncation: float | None = None
    ) -> list[Sound]:
        """`n` new sounds of a seed.

        Raises:
            UserError: n below 1, a class that there is not, truncation not above 0.
        """
        within("n", n, 1, whole=True)
        return [Sound(wave, self.rate) for wave in self.waves(n, seed, label, truncation)]

    def origins(
        self, n: int, seed: int, label: str | None, truncation: float | None, first: int = 0
    ) -> list[dict]:
        """The record of origin of each of `n` samples."""
        return self.records("music sample", n, seed, label, truncation, first)


def load(source: str | Path) -> Model:
    """A model by run folder, model folder or shipped name.

    Raises:
        UserError, DataError: there is none, it is not of sounds, or it is damaged or of an unsafe kind.
    """
    folder = find(source, "music")
    config = read_config(folder, "music")
    network, rate, length, classes = _described(folder / "config.json", config)
    generator = models.filled(folder, lambda: build_generator(network, rate, length, classes))
    return Model(
        config["name"],
        str(source),
        config,
        provenance.file_hash(folder / "model.safetensors"),
        generator,
    )


def settings(config: dict[str, Any]) -> dict[str, Any]:
    """The settings of a recipe, by dotted keys, that make the networks of a model with this `config.json`."""
    data = {"rate": config["rate"], "length": config["length"]}
    return dotted("data", data) | dotted("network", config["network"])


def _described(path: Path, config: dict[str, Any]) -> tuple[NetworkRecipe, int, int, int]:
    """Networks, rate, length and number of classes of a `config.json`, checked.

    Raises:
        DataError: of another kind, or something is missing, of another type, or out of bounds.
    """
    if config.get("kind") != KIND:
        raise DataError(path, f"describes a model of another kind ({config.get('kind')}), not one of sounds")
    try:
        network = parse(NetworkRecipe, dict(config["network"]))
        rate, length = int(config["rate"]), int(config["length"])
        texts = [config["name"], config["recipe"], config["data"]["fingerprint"], *config["classes"]]
        right = MIN_RATE <= rate <= MAX_RATE and 0 < length <= LONGEST and len(texts) < 100_000
        if not right or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"{rate} Hz, {length} samples, {len(texts) - 3} classes")
        if wrong := fault(network, length):
            raise ValueError(wrong)
    except (KeyError, TypeError, ValueError, OverflowError, UserError) as error:
        raise DataError(
            path, f"does not describe a model of sounds ({type(error).__name__}: {error})"
        ) from None
    return network, rate, length, len(config["classes"])


def describe(
    name: str,
    network: NetworkRecipe,
    shape: tuple[int, int],
    classes: list[str],
    recipe: str,
    data: dict,
    seen: int,
) -> dict:
    """The `config.json` of a sound model. shape: samples a second, samples of a sound."""
    return {
        "format": 1,
        "creative_gan": __version__,
        "modality": "music",
        "kind": KIND,
        "name": name,
        "rate": shape[0],
        "length": shape[1],
        "classes": classes,
        "network": dataclasses.asdict(network),
        "recipe": recipe,
        "data": data,
        "seen": seen,
    }

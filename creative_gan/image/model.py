"""A trained picture generator in a folder: `config.json`, `model.safetensors`, a card and a preview."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from creative_gan import __version__
from creative_gan.core import models, provenance
from creative_gan.core.errors import DataError, UserError, within
from creative_gan.core.latent import LatentModel, in_chunks
from creative_gan.core.models import find, read_config
from creative_gan.core.recipe import dotted, parse
from creative_gan.image import export
from creative_gan.image.networks import NetworkRecipe, build_generator

if TYPE_CHECKING:
    from PIL.Image import Image

CHANNELS = {1: "grey", 3: "rgb", 4: "rgba"}
CHUNK = 16
"""Pictures are always made in chunks of this many, so that a picture has the same bytes however many are asked for."""


@dataclass(frozen=True)
class Model(LatentModel):
    """A generator of pictures and what is known about it."""

    @torch.no_grad()
    def paint(self, z: Tensor, label: Tensor | None) -> np.ndarray:
        """Pictures of these latents. z: [N, latent]; label: [N] or None. Returns uint8 [N, C, H, W]."""
        made = [export.to_uint8(part) for part in in_chunks(self.generator, z, label, CHUNK)]
        return np.concatenate(made) if made else np.empty((0, *self.config["shape"]), np.uint8)

    def pictures(
        self, n: int, seed: int = 0, label: str | None = None, truncation: float | None = None, first: int = 0
    ) -> np.ndarray:
        """Samples `first` to `first + n` of a seed: the same ones however many are asked for.

        Returns:
            uint8 [n, C, H, W], with straight alpha where C is 4.
        """
        begin = first - first % CHUNK  # whole chunks, for the same bytes
        indices = range(begin, first + n)
        made = self.paint(self.latents(indices, seed, truncation), self.labels(indices, label))[
            first - begin :
        ]
        return export.straight(made) if made.shape[1] == 4 else made

    def sample(
        self, n: int = 1, seed: int = 0, label: str | None = None, truncation: float | None = None
    ) -> "list[Image]":
        """`n` new pictures of a seed, as Pillow images.

        Raises:
            UserError: n below 1, a class that there is not, truncation not above 0.
        """
        from PIL import Image

        within("n", n, 1, whole=True)
        arrays = self.pictures(n, seed, label, truncation)
        return [
            Image.fromarray(a[0] if len(a) == 1 else np.ascontiguousarray(a.transpose(1, 2, 0)))
            for a in arrays
        ]

    def origins(
        self, n: int, seed: int, label: str | None, truncation: float | None, first: int = 0
    ) -> list[dict]:
        """The record of origin of each of `n` samples."""
        return self.records("image sample", n, seed, label, truncation, first)


def load(source: str | Path) -> Model:
    """A model by run folder, model folder or shipped name.

    Raises:
        UserError, DataError: there is none, it is not of pictures, or it is damaged or of an unsafe kind.
    """
    folder = find(source, "image")
    config = read_config(folder, "image")
    network, shape, classes = _described(folder / "config.json", config)
    generator = models.filled(folder, lambda: build_generator(network, shape, classes))
    return Model(
        config["name"],
        str(source),
        config,
        provenance.file_hash(folder / "model.safetensors"),
        generator,
    )


def settings(config: dict[str, Any]) -> dict[str, Any]:
    """The settings of a recipe, by dotted keys, that make the networks of a model with this `config.json`."""
    channels, *size = config["shape"]
    data = {"size": size, "channels": CHANNELS[channels]}
    return dotted("data", data) | dotted("network", config["network"])


def _described(path: Path, config: dict[str, Any]) -> tuple[NetworkRecipe, tuple[int, int, int], int]:
    """Networks, shape and number of classes of a `config.json`, checked.

    Raises:
        DataError: something is missing, of another type, or out of bounds.
    """
    try:
        network = parse(NetworkRecipe, dict(config["network"]))
        channels, height, width = map(int, config["shape"])
        right = channels in (1, 3, 4) and all(16 <= side <= 256 for side in (height, width))
        texts = [config["name"], config["recipe"], config["data"]["fingerprint"], *config["classes"]]
        if not right or len(texts) > 100_000 or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"shape {config['shape']}, {len(texts) - 3} classes")
    except (KeyError, TypeError, ValueError, OverflowError, UserError) as error:
        raise DataError(
            path, f"does not describe a picture model ({type(error).__name__}: {error})"
        ) from None
    return network, (channels, height, width), len(config["classes"])


def describe(
    name: str, network: NetworkRecipe, shape: tuple, classes: list[str], recipe: str, data: dict, seen: int
) -> dict:
    """The `config.json` of a picture model."""
    return {
        "format": 1,
        "creative_gan": __version__,
        "modality": "image",
        "name": name,
        "shape": list(shape),
        "classes": classes,
        "network": dataclasses.asdict(network),
        "recipe": recipe,
        "data": data,
        "seen": seen,
    }

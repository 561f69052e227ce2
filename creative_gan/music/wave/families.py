"""The two families of sound GANs, on waves and on spectrograms, and the networks that a recipe asks for."""

import math
from dataclasses import dataclass

from torch import nn

from creative_gan.core.recipe import setting
from creative_gan.music.wave.networks import (
    STAGES,
    PeriodCritic,
    SpectrogramCritic,
    WaveCritic,
    WaveGenerator,
)
from creative_gan.music.wave.spectrum import Spectra, SpectrogramGenerator, SpectrogramPictureCritic

LONGEST = 1 << 20
"""Samples of a sound."""


@dataclass(frozen=True)
class NetworkRecipe:
    """Which networks, and how large."""

    name: str = setting("wave", ("wave", "spectrum"))
    """`wave`: WaveGAN's networks. `spectrum`: a picture GAN on spectrograms, turned into sounds afterwards."""
    latent: int = setting(64, low=1, high=4096)
    """Length of z."""
    prior: str = setting("normal", ("normal", "uniform"))
    """What z is distributed as; `uniform`: in [-1, 1], as in WaveGAN's paper."""
    width: int = setting(32, low=4, high=1024)
    """The paper's d: channels next to the wave, or at half the resolution of the spectrogram."""
    post_filter: int = setting(0, low=0, high=4096)
    """wave: taps of a learned filter behind the generator; the paper has 512."""
    shuffle: int = setting(2, low=0, high=32)
    """wave: phase shuffle by up to so many samples; the paper's n."""
    spectrogram: int = setting(0, low=0, high=256)
    """wave: width of a second critic that looks at spectrograms of three resolutions; 0 is none."""
    period: int = setting(0, low=0, high=256)
    """wave: width of another critic that looks at the wave folded at five periods; 0 is none."""
    bands: int = setting(64, low=16, high=512)
    """spectrum: mel bands; half the window for a band of every frequency."""
    hop: int = setting(128, low=16, high=2048)
    """spectrum: samples from column to column."""
    window: int = setting(512, low=64, high=8192)
    """spectrum: samples that a column looks at."""


def fault(recipe: NetworkRecipe, length: int) -> str | None:
    """What keeps these networks from making sounds of `length` samples, as a sentence; None if nothing does."""
    if recipe.name == "wave":
        known = ", ".join(map(str, STAGES))
        return None if length in STAGES else f"data.length is {length}; network.name = wave makes {known}"
    columns, rest = divmod(length, recipe.hop)
    if rest or recipe.window & recipe.window - 1 or not recipe.window // 4 >= recipe.hop // 2:
        return (
            f"data.length ({length}) must be a multiple of network.hop ({recipe.hop}), and network.window "
            f"({recipe.window}) a power of two of at least twice the hop"
        )
    doublings = 2 ** max(int(math.log2(min(recipe.bands, columns))) - 2, 0) if columns >= 8 else 0
    if not doublings or recipe.bands % doublings or columns % doublings or 2 * recipe.bands > recipe.window:
        return (
            f"a spectrogram of network.bands x data.length / network.hop = {recipe.bands} x {columns} cannot be "
            "halved down to 4 on its shorter side; choose powers of two, and bands of half the window at most"
        )
    return None


def build_generator(recipe: NetworkRecipe, rate: int, length: int, classes: int) -> nn.Module:
    """The generator alone: z, label -> what the critics judge; its `sound` makes waves [B, 1, L] of that.

    rate: samples a second. classes: 0 without labels.
    """
    uniform = recipe.prior == "uniform"
    if recipe.name == "wave":
        return WaveGenerator(length, recipe.width, recipe.latent, classes, recipe.post_filter, uniform)
    return SpectrogramGenerator(spectra(recipe, rate, length), recipe.width, recipe.latent, classes, uniform)


def build_critics(recipe: NetworkRecipe, rate: int, length: int, classes: int) -> dict[str, nn.Module]:
    """The critics by name; each maps what the generator makes, labels and draws to logits [B]."""
    if recipe.name == "spectrum":
        return {"critic": SpectrogramPictureCritic(spectra(recipe, rate, length), recipe.width, classes)}
    critics: dict[str, nn.Module] = {"wave": WaveCritic(length, recipe.width, classes, recipe.shuffle)}
    if recipe.spectrogram:
        critics["spectrogram"] = SpectrogramCritic(recipe.spectrogram, classes)
    if recipe.period:
        critics["period"] = PeriodCritic(recipe.period, classes)
    return critics


def spectra(recipe: NetworkRecipe, rate: int, length: int) -> Spectra:
    """The way from sounds to the spectrograms of this recipe, not fitted yet."""
    return Spectra(rate, length, recipe.bands, recipe.hop, recipe.window)

"""What a recipe for sounds may say."""

from dataclasses import dataclass

from creative_gan.core.game import AugmentRecipe, GameRecipe
from creative_gan.core.recipe import setting
from creative_gan.core.run import BudgetRecipe, WatchRecipe
from creative_gan.music.wave.data import MAX_RATE, MIN_RATE, NORMALISATIONS, SLICES
from creative_gan.music.wave.families import LONGEST, NetworkRecipe, fault


@dataclass(frozen=True)
class DataRecipe:
    """How sounds are read."""

    rate: int = setting(16_000, low=MIN_RATE, high=MAX_RATE)
    """Samples a second."""
    length: int = setting(16_384, low=1_024, high=LONGEST)
    """Samples of a sound; `wave` networks make 8192, 16384, 32768 or 65536."""
    slices: str = setting("first", SLICES)
    """`first`: the beginning of each file. `overlap`: all of it. `random`: a slice drawn anew each time."""
    trim: bool = setting(True)
    """Leaves out silence at both ends, which padded sounds would else teach first."""
    normalise: str = setting("peak", NORMALISATIONS)
    label_pattern: str = setting("")
    """Such as `{label}_{}_{}.wav`: the class is part of the file name. Else: subfolders or metadata.csv."""
    labels: bool = setting(True)
    """Use the classes where there are any; false trains without them."""
    holdout: float = setting(0.1, low=0, high=0.5)
    """Share kept back from training, to judge by."""


@dataclass(frozen=True)
class WaveRecipe:
    """A whole run on sounds."""

    about: str
    """One line on what the recipe is for."""
    data: DataRecipe
    network: NetworkRecipe
    game: GameRecipe
    augment: AugmentRecipe
    budget: BudgetRecipe
    watch: WatchRecipe
    modality: str = setting("music", ("music",))
    kind: str = setting("wave", ("wave",))
    seed: int = setting(0, low=0, high=2**62)
    start: str = setting("")
    """A model or an earlier run whose weights it begins with, as `--from` sets it; its networks must be the same."""
    precision: str = setting("auto", ("auto", "float32", "bfloat16"))

    def __post_init__(self) -> None:
        if wrong := fault(self.network, self.data.length):
            raise ValueError(wrong)
        if self.network.name == "spectrum":
            if self.augment.policy:
                raise ValueError(
                    "augment.policy changes waves, which network.name = spectrum does not play with; leave it empty"
                )
            if self.game.accumulate > 1 or self.game.batch < 2:
                raise ValueError(
                    "network.name = spectrum has batch norm, so it needs a game.batch of 2 or more and no accumulate"
                )

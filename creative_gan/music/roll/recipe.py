"""What a recipe for piano rolls may say."""

from dataclasses import dataclass

from creative_gan.core.game import GameRecipe
from creative_gan.core.recipe import setting
from creative_gan.core.run import BudgetRecipe, WatchRecipe


@dataclass(frozen=True)
class DataRecipe:
    """How songs become rolls."""

    shape: str = setting("auto", ("auto", "lead", "chorale", "band"))
    """The tracks: a melody with chords, four voices, a band of eight; auto: what the first files are."""
    bars: int = setting(4, low=1, high=32)
    """Of a roll."""
    metre: str = setting("auto")
    """Such as 3/4; auto: that of most bars. Bars of other metres are left out."""
    steps: int = setting(4)
    """Of a quarter."""
    transpose: int = setting(6, low=0, high=12)
    """Each roll is moved by up to so many semitones, anew each time it is shown."""
    holdout: float = setting(0.1, low=0.01, high=0.5)
    """Share of songs kept back from training, to judge by, where the data do not say which."""

    def __post_init__(self) -> None:
        if self.steps not in (1, 2, 3, 4, 6, 8, 12, 24):
            raise ValueError(f"data.steps must be one of 1, 2, 3, 4, 6, 8, 12 and 24, not {self.steps}")


@dataclass(frozen=True)
class NetworkRecipe:
    """How large the networks are."""

    latent: int = setting(64, low=1, high=4096)
    """Length of z."""
    width: int = setting(16, low=4, high=512)
    """Each track's own layers have four times as many channels; what tracks share, and critics, eight times."""
    private: int = setting(2, low=1, high=4)
    """Doublings of time that each track has for itself, the last ones of four. Harmony changes where these begin:
    with 2 once in four steps."""


@dataclass(frozen=True)
class RollRecipe:
    """A whole run."""

    about: str
    """One line on what the recipe is for."""
    data: DataRecipe
    network: NetworkRecipe
    game: GameRecipe
    budget: BudgetRecipe
    watch: WatchRecipe
    modality: str = setting("music", ("music",))
    kind: str = setting("roll", ("roll",))
    temperature: float = setting(1.0, low=0.01, high=10)
    """Of the choice of pitches when songs are made, unless somebody asks for another; 1 is as it was learnt."""
    seed: int = setting(0, low=0, high=2**62)
    start: str = setting("")
    """A model or an earlier run whose weights it begins with, as `--from` sets it; its networks must be the same."""
    precision: str = setting("auto", ("auto", "float32", "bfloat16"))

    def __post_init__(self) -> None:
        if self.game.accumulate > 1 or self.game.batch < 2:
            raise ValueError(
                "the generator's batch normalisation needs a game.batch of 2 or more and game.accumulate = 1"
            )

"""What a picture recipe may say."""

from dataclasses import dataclass

from creative_gan.core.game import AugmentRecipe, GameRecipe
from creative_gan.core.recipe import setting
from creative_gan.core.run import BudgetRecipe, WatchRecipe
from creative_gan.image.networks import NetworkRecipe


@dataclass(frozen=True)
class DataRecipe:
    """How pictures are read."""

    size: tuple[int, ...] = setting((), low=16, high=256)
    """One side, or [height, width]; nothing: their own size where they all have one, else 64."""
    channels: str = setting("auto", ("auto", "grey", "rgb", "rgba"))
    fit: str = setting("crop", ("crop", "pad"))
    flip: bool = setting(False)
    """Shows each picture mirrored half of the time; not for letters and digits."""
    labels: bool = setting(True)
    """Use the classes where there are any; false trains without them."""
    label_column: str = setting("label")
    """Of metadata.csv or metadata.jsonl: what names the class of each picture."""
    holdout: float = setting(0.1, low=0, high=0.5)
    """Share kept back from training, to judge by."""

    def __post_init__(self) -> None:
        if len(self.size) > 2:
            raise ValueError(f"data.size must be one side or [height, width], not {list(self.size)}")


@dataclass(frozen=True)
class ImageRecipe:
    """A whole picture run."""

    about: str
    """One line on what the recipe is for."""
    data: DataRecipe
    network: NetworkRecipe
    game: GameRecipe
    augment: AugmentRecipe
    budget: BudgetRecipe
    watch: WatchRecipe
    modality: str = setting("image", ("image",))
    seed: int = setting(0, low=0, high=2**62)
    start: str = setting("")
    """A model or an earlier run whose weights it begins with, as `--from` sets it; its networks must be the same."""
    precision: str = setting("auto", ("auto", "float32", "bfloat16"))

    def __post_init__(self) -> None:
        normed = self.network.norm == "batch" and self.network.name != "resnet"
        if normed and self.game.batch // self.game.accumulate < 2:
            raise ValueError(
                "network.norm = batch needs a game.batch of 2 or more; else set network.norm = none"
            )
        if self.network.spectral_norm and self.game.accumulate > 1:
            raise ValueError(
                "network.spectral_norm looks at the weights anew for each of the chunks of game.accumulate; set "
                "game.accumulate = 1"
            )
        if normed and self.game.accumulate > 1:
            raise ValueError(
                "game.accumulate works on chunks, which have batch statistics of their own; set network.norm = none"
            )

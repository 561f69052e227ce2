"""What a text recipe may say."""

from dataclasses import dataclass

from creative_gan.core.recipe import setting
from creative_gan.core.run import WatchRecipe
from creative_gan.sequence.cot import CotRecipe
from creative_gan.sequence.dense import DenseRecipe
from creative_gan.sequence.mle import MleRecipe
from creative_gan.sequence.relgan import RelganRecipe
from creative_gan.sequence.seqgan import SeqganRecipe
from creative_gan.text.data import UNITS
from creative_gan.text.networks import CriticRecipe, NetworkRecipe
from creative_gan.text.tokens import KINDS

GAMES = ("mle", "seqgan", "dense", "cot", "relgan")


@dataclass(frozen=True)
class DataRecipe:
    """How texts are read and cut in tokens."""

    unit: str = setting("auto", UNITS)
    """What one text of a `.txt` is."""
    tokenizer: str = setting("auto", ("auto", *KINDS))
    """A pretrained generator brings its own."""
    vocabulary: int = setting(0, low=0)
    """Tokens at most; 0: as many as suit the kind of tokeniser."""
    length: int = setting(0, low=0)
    """Most tokens of a text, its end included; 0: what 98 of 100 texts need, 256 at most."""
    labels: bool = setting(True)
    """Use the classes where there are any; false trains without them."""
    holdout: float = setting(0.1, low=0.001, high=0.5)
    """Share kept back from training, to judge by."""


@dataclass(frozen=True)
class GameRecipe:
    """What all phases have in common."""

    batch: int = setting(64, low=1)
    """Texts of a step."""


@dataclass(frozen=True)
class PhaseRecipe:
    """A stretch of the run, which goes on from the generator of the one before."""

    game: str = setting(choices=GAMES)
    """Its settings stand in the table of the same name."""
    share: float = setting(1.0, low=0)
    """Its part of the budget, in proportion to the other phases'."""


@dataclass(frozen=True)
class BudgetRecipe:
    """How long a run is: samples of each phase, or minutes that are turned into samples."""

    samples: tuple[int, ...] = setting((), low=0)
    """Of each phase, or one number that is shared out."""
    minutes: float = setting(0.0, low=0)

    def __post_init__(self) -> None:
        if not sum(self.samples) and not self.minutes:
            raise ValueError(
                "'budget' is empty; set budget.samples or budget.minutes, or give --samples or --minutes"
            )


@dataclass(frozen=True)
class TextRecipe:
    """A whole text run."""

    about: str
    """One line on what the recipe is for."""
    data: DataRecipe
    network: NetworkRecipe
    critic: CriticRecipe
    game: GameRecipe
    mle: MleRecipe
    seqgan: SeqganRecipe
    dense: DenseRecipe
    cot: CotRecipe
    relgan: RelganRecipe
    budget: BudgetRecipe
    watch: WatchRecipe
    phase: tuple[PhaseRecipe, ...] = setting()
    modality: str = setting("text", ("text",))
    seed: int = setting(0, low=0)

    def __post_init__(self) -> None:
        if not self.phase:
            raise ValueError('there is no [[phase]]; add one with game = "mle"')
        if not sum(phase.share for phase in self.phase):
            raise ValueError("'phase.share' is 0 in every phase; give one of them a part of the budget")
        if any(phase.game == "mle" for phase in self.phase[1:]):
            raise ValueError("'phase.game' is mle in a later phase; maximum likelihood can only be the first")
        if len(self.budget.samples) not in (0, 1, len(self.phase)):
            raise ValueError(
                f"'budget.samples' must be one number, or one for each of the {len(self.phase)} phases"
            )

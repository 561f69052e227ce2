"""What a text recipe may say."""

from dataclasses import dataclass

from creative_gan.core.recipe import setting
from creative_gan.core.run import WatchRecipe
from creative_gan.sequence.cot import CotRecipe
from creative_gan.sequence.dense import DenseRecipe
from creative_gan.sequence.mle import MleRecipe
from creative_gan.sequence.recipe import BudgetRecipe, CriticRecipe, GameRecipe, PhaseRecipe, check_phases
from creative_gan.sequence.relgan import RelganRecipe
from creative_gan.sequence.seqgan import SeqganRecipe
from creative_gan.text.data import UNITS
from creative_gan.text.networks import NetworkRecipe
from creative_gan.text.tokens import KINDS


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
    start: str = setting("")
    """A model or an earlier run whose weights it begins with, as `--from` sets it; its networks must be the same."""

    def __post_init__(self) -> None:
        check_phases(self.phase, self.budget)

"""What a recipe for MIDI may say."""

from dataclasses import dataclass

from creative_gan.core.recipe import setting
from creative_gan.core.run import WatchRecipe
from creative_gan.music.midi.arrange import SHAPES
from creative_gan.music.midi.networks import NetworkRecipe
from creative_gan.sequence.cot import CotRecipe
from creative_gan.sequence.dense import DenseRecipe
from creative_gan.sequence.mle import MleRecipe
from creative_gan.sequence.recipe import BudgetRecipe, CriticRecipe, GameRecipe, PhaseRecipe, check_phases
from creative_gan.sequence.relgan import RelganRecipe
from creative_gan.sequence.seqgan import SeqganRecipe


@dataclass(frozen=True)
class DataRecipe:
    """How songs are read and cut in windows."""

    shape: str = setting("auto", ("auto", *SHAPES))
    """What a song is made of."""
    bars: int = setting(16, low=1, high=255)
    """Bars of a window; a shorter song is shown whole."""
    length: int = setting(1024, low=16, high=8192)
    """Most tokens of a window; what is beyond is cut off."""
    transpose: int = setting(6, low=0, high=12)
    """Each time a song is shown it moves by up to so many semitones, as far as its lines allow."""
    holdout: float = setting(0.1, low=0.001, high=0.5)
    """Share kept back from training, to judge by, where the data say nothing of it."""


@dataclass(frozen=True)
class MidiRecipe:
    """A whole run on MIDI."""

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
    modality: str = setting("music", ("music",))
    kind: str = setting("midi", ("midi",))
    precision: str = setting("auto", ("auto", "float32", "bfloat16"))
    """Of maximum likelihood and of SeqGAN's critic; the other games are float32."""
    temperature: float = setting(1.0, low=0, high=10)
    """At which songs are written unless another is asked for: below 1 more typical, above 1 more daring."""
    seed: int = setting(0, low=0)
    start: str = setting("")
    """A model or an earlier run whose weights it begins with, as `--from` sets it; its networks must be the same."""

    def __post_init__(self) -> None:
        check_phases(self.phase, self.budget)

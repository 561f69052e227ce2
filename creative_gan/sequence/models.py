"""The folder of a model of token sequences: what all of them hold, and what changes in the course of a run."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from creative_gan.core import models
from creative_gan.core.device import weightless
from creative_gan.core.errors import UserError, within
from creative_gan.core.files import write_bytes
from creative_gan.core.models import Trained, description, find, read_weights
from creative_gan.core.recipe import parse
from creative_gan.sequence.keeper import Keeper, judge, learned
from creative_gan.sequence.likelihood import log_probabilities
from creative_gan.sequence.networks import Generator
from creative_gan.sequence.phases import CRITICS
from creative_gan.sequence.recipe import CriticRecipe, SequenceRecipe
from creative_gan.sequence.sampling import Samples

WEIGHTS = ("adversarial", "mle")
"""The two generators that a model may hold: what the game made, and what it began with."""


@dataclass(frozen=True)
class Writer(Trained):
    """A trained model of token sequences: its generators, a critic, and the choice between what they made."""

    generators: dict[str, Generator]
    """By their name in `WEIGHTS`."""
    critic: nn.Module | None

    def generator(self, weights: str | None = None) -> Generator:
        """The generator of these weights, or the one that the model prefers.

        Raises:
            UserError: the model has no such weights.
        """
        name = weights or self.config["sampler"]
        if name not in self.generators:
            there = ", ".join(self.generators)
            raise UserError(f"model {self.name} has no {name!r} weights; it has {there}")
        return self.generators[name]

    def prefer(self, weights: str) -> None:
        """Writes into the model folder which weights to sample from unless somebody says otherwise."""
        text = description(self.config | {"sampler": weights})
        folder = find(self.path, self.config["modality"])
        write_bytes(folder / "config.json", text.encode(), overwrite=True)

    def check_choice(self, candidates: int) -> None:
        """Raises UserError where there is no candidate, or more than one and no critic to choose by."""
        within("best_of", candidates, 1, whole=True)
        if candidates > 1 and self.critic is None:
            raise UserError(
                f"model {self.name} has no critic to choose by: shipped models come without theirs, and the phase mle "
                "trains none; train a model of your own with another phase"
            )

    def best(self, candidates: list[Samples], label: Tensor | None, weights: str | None) -> Samples:
        """Of each row the candidate that the critic finds most real. `weights`: of the generator that made them."""
        if len(candidates) == 1:
            return candidates[0]
        assert self.critic is not None
        kind, generator = self.config["critic"]["kind"], self.generator(weights)
        scores = torch.stack([_score(self.critic, kind, generator, made, label) for made in candidates])
        best, row = scores.argmax(0), torch.arange(scores.shape[1])
        return Samples(*(torch.stack(parts)[best, row] for parts in zip(*candidates, strict=True)))


def write(
    folder: Path,
    parts: dict[str, dict[str, Tensor]],
    config: dict[str, Any],
    files: Mapping[str, str | bytes],
) -> None:
    """As `core.models.write`. `parts`: the weights by part: those of `WEIGHTS` that there are, and `critic`."""
    state = {f"{part}.{name}": t for part, tensors in parts.items() for name, t in tensors.items()}
    models.write(folder, state, config, files)


def filled(folder: Path, build: Callable[[], dict[str, nn.Module]]) -> dict[str, nn.Module]:
    """The networks of a model with their weights, for use only.

    They are built twice, first where they take no memory, so that a hostile description costs nothing.
    Raises DataError as `read_weights`.
    """
    with weightless():
        described = build()
    expected = {
        f"{part}.{key}": tuple(t.shape)
        for part, made in described.items()
        for key, t in made.state_dict().items()
    }
    tensors = read_weights(folder, expected)
    parts = build()
    for part, made in parts.items():
        made.load_state_dict({key: tensors[f"{part}.{key}"] for key in made.state_dict()})
        made.eval().requires_grad_(False)
    return parts


def state(recipe: SequenceRecipe, game: str, seen: int) -> dict[str, Any]:
    """What of a model's description changes in the course of a run, while `game` is played."""
    if game == "mle":
        return {"weights": ["mle"], "sampler": "mle", "critic": None, "seen": seen}
    weights = ["adversarial", "mle"] if recipe.phase[0].game == "mle" else ["adversarial"]
    critic = asdict(recipe.critic) | {"kind": CRITICS[game]}
    return {"weights": weights, "sampler": "adversarial", "critic": critic, "seen": seen}


def parts(game: Any, name: str, state: dict[str, Any], keeper: Keeper) -> dict[str, dict[str, Tensor]]:
    """The weights of a model as they are now: the generator's under `name`, what was kept, the critic's."""
    made = {name: learned(game)}
    if "mle" in state["weights"]:  # of maximum likelihood, the best so far
        made["mle"] = load_file(keeper.path)
    if critic := judge(game):
        made["critic"] = critic.state_dict()
    return made


def _score(
    critic: nn.Module, kind: str, generator: Generator, samples: Samples, label: Tensor | None
) -> Tensor:
    """How real a critic of a kind of `CRITICS` finds sequences of a generator: [B], higher is more real."""
    tokens, length = samples.tokens, samples.length
    if kind == "cnn":
        return critic(tokens, length, label)
    if kind == "mediator":
        # M = (P + G) / 2, so M / G rises with P / G
        mediator, own = (
            log_probabilities(network(tokens, label), tokens, length).sum(1)
            for network in (critic, generator)
        )
        return mediator - own
    return cast(Any, critic).judge(tokens, length, label)


def critic_of(config: dict[str, Any]) -> CriticRecipe | None:
    """What a description says of the critic. Raises as `parse` where it says what cannot be."""
    if config["critic"] is None:
        return None
    return parse(CriticRecipe, {k: v for k, v in config["critic"].items() if k != "kind"})


def check_weights(config: dict[str, Any]) -> None:
    """Raises ValueError where a description names weights that a model cannot have."""
    names = config["weights"]
    if config["sampler"] not in names or not set(names) <= set(WEIGHTS) or len(names) > len(WEIGHTS):
        raise ValueError("its weights have strange names")


def collapse(found: float, real: float, n: int) -> str:
    """The warning that samples are too much alike, and what to do. Both are distinct-n."""
    return (
        f"samples look more and more alike (distinct-{n} {found:.3f}, data {real:.3f}): this is mode collapse; "
        "raise dense.kl and dense.imitation, lower the learning rate, or give the mle phase a larger share"
    )

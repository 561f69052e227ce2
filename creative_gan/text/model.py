"""A trained writer of texts in a folder: `config.json`, `model.safetensors`, `tokenizer.json` and a card."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from creative_gan import __version__
from creative_gan.core import provenance
from creative_gan.core.draws import Draws, derive
from creative_gan.core.errors import DataError, UserError, within
from creative_gan.core.models import find, read_config
from creative_gan.core.recipe import dotted, parse
from creative_gan.sequence import models as sequences
from creative_gan.sequence.networks import Generator
from creative_gan.sequence.sampling import Decoding, Samples, sample
from creative_gan.text.networks import NetworkRecipe, Shape, build_critic, build_generator
from creative_gan.text.pretrained import Backbone, PretrainedTokenizer, open_backbone
from creative_gan.text.reading import clean
from creative_gan.text.tokens import END, KINDS, SPECIAL, UNKNOWN, Tokenizer, load_tokenizer

CHUNK = 16
"""Texts are always made in chunks of this many, so that a text is the same one however many are asked for."""


@dataclass(frozen=True)
class Manner:
    """How texts are written: all that a text depends on besides the model and its number."""

    seed: int = 0
    prompt: str = ""
    label: str | None = None
    """Only this class; None: every class in turn."""
    temperature: float = 0.8
    """0: always the likeliest token."""
    top_k: int = 0
    top_p: float = 1.0
    best_of: int = 1
    """Of so many candidates the one that the critic finds most real."""
    weights: str | None = None
    """One of `sequence.models.WEIGHTS`; None: those that the model prefers."""
    length: int | None = None
    """Exactly so many tokens, the prompt's among them; None: to the end token."""


@dataclass(frozen=True)
class Model(sequences.Writer):
    """A writer of texts and what is known about it."""

    tokenizer: Tokenizer

    def sample(
        self,
        n: int = 1,
        seed: int = 0,
        prompt: str = "",
        label: str | None = None,
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
        best_of: int = 1,
        length: int | None = None,
    ) -> list[str]:
        """`n` new texts of a seed, to their end or of `length` tokens.

        Raises:
            UserError: an unknown class or word, a prompt that leaves no room, a length that the model cannot write,
                no critic to choose by, a number out of its range.
        """
        within("n", n, 1, whole=True)
        manner = Manner(seed, prompt, label, temperature, top_k, top_p, best_of, length=length)
        return self.write(range(n), manner)

    def write(self, indices: range, manner: Manner) -> list[str]:
        """The texts of these numbers, the same ones whichever others are asked for. Raises as `sample`."""
        begin = indices.start - indices.start % CHUNK
        made = self.ids(range(begin, indices.stop), manner, CHUNK)[indices.start - begin :]
        return [self.tokenizer.decode(ids) for ids in made]

    def ids(self, indices: range, manner: Manner, chunk: int) -> list[list[int]]:
        """Token ids of texts, without their end, made `chunk` at a time. Raises as `sample`."""
        self.check_choice(manner.best_of)
        longest = self._longest(manner.length)
        prompt, made = self._prompt(manner.prompt, longest), []
        for start in range(indices.start, indices.stop, chunk):
            # the last chunk is filled up: another number of rows may round differently
            numbers = range(start, start + chunk)
            samples = self._best(numbers, manner, prompt, longest)
            made += [t[:n].tolist() for t, n in zip(samples.tokens, samples.length.tolist(), strict=True)]
        return [ids[:-1] if ids[-1] == END else ids for ids in made[: len(indices)]]

    def origin(self, n: int, manner: Manner) -> dict[str, Any]:
        """The record of origin of the first `n` texts."""
        arguments: dict[str, Any] = {"count": n} | dataclasses.asdict(manner)
        arguments["class"] = arguments.pop("label")
        arguments["weights"] = manner.weights or self.config["sampler"]
        return provenance.origin("text generate", arguments, self.identity())

    def _longest(self, length: int | None) -> int:
        """How many tokens a text has at most."""
        most = self.config["length"]
        if length is not None and not 1 <= length <= most:
            raise UserError(
                f"model {self.name} writes texts of 1 to {most:,} tokens, not of {length:,}; "
                "ask for a length among these"
            )
        return length or most

    def _prompt(self, text: str, longest: int) -> Tensor | None:
        """Token ids of a prompt, [P], or None."""
        text = clean(text)
        unknown = self.tokenizer.unknown(text)
        if unknown:
            words = ", ".join(map(repr, unknown[:5]))
            raise UserError(f"model {self.name} has never seen {words} of the prompt; say it in other words")
        ids = self.tokenizer.encode([text])[0] if text else []
        if len(ids) >= longest:
            raise UserError(
                f"the prompt has {len(ids):,} tokens and model {self.name} writes at most {longest} in all; "
                "shorten it" + (" or ask for a greater length" if longest < self.config["length"] else "")
            )
        return torch.tensor(ids) if ids else None

    @torch.no_grad()
    def _best(self, numbers: range, manner: Manner, prompt: Tensor | None, longest: int) -> Samples:
        """The texts of these numbers, each the best of its candidates."""
        generator, label = self.generator(manner.weights), self.labels(numbers, manner.label)
        rows = len(numbers)
        device = next(cast(nn.Module, generator).parameters()).device
        draws = Draws(derive(manner.seed, "text"), numbers.start, rows, slice(0, rows), device)
        decoding = Decoding(manner.temperature, manner.top_k, manner.top_p)
        first = None if prompt is None else prompt.to(device).expand(rows, -1)
        prompted = 0 if prompt is None else len(prompt)
        allowed = sensible(generator.symbols.size, prompted, ends=manner.length is None)
        label = None if label is None else label.to(device)
        candidates = [
            sample(generator, draws.of(f"candidate {n}"), longest, label, decoding, first, allowed=allowed)
            for n in range(manner.best_of)
        ]
        return self.best(candidates, label, manner.weights)


def sensible(size: int, prompted: int, ends: bool = True) -> Any:
    """Rules out words that are no words, and texts without any. `prompted`: tokens of the prompt.

    `ends`: whether the end token may come at all.
    """
    words = torch.ones(size, dtype=torch.bool)
    words[UNKNOWN] = False
    opening = words.clone()
    opening[: len(SPECIAL)] = False

    def allowed(tokens: Tensor) -> Tensor:
        return (
            (words if ends and (prompted or tokens.shape[1]) else opening)
            .to(tokens.device)
            .expand(len(tokens), -1)
        )

    return allowed


def load(source: str | Path) -> Model:
    """A model by run folder, model folder or shipped name.

    Raises:
        UserError, DataError: there is none, it is not of texts, or it is damaged or of an unsafe kind.
    """
    folder = find(source, "text")
    config = read_config(folder, "text")
    backbone: Backbone | None = None
    try:
        network = parse(NetworkRecipe, config["network"])
        shape = Shape(config["vocabulary"], config["length"], len(config["classes"]))
        sizes = shape.vocabulary, shape.length
        if not all(type(size) is int and 1 <= size <= 10**6 for size in sizes):
            raise ValueError("its sizes are no numbers")
        if network.name == "pretrained":
            backbone = _backbone(folder, network, config)
        sequences.check_weights(config)
        critic = sequences.critic_of(config)

        def build() -> dict[str, nn.Module]:
            parts: dict[str, nn.Module] = {
                name: build_generator(network, shape, backbone) for name in config["weights"]
            }
            if critic is not None:
                kind = config["critic"]["kind"]
                parts["critic"] = build_critic(kind, critic, network, shape, backbone)
            return parts

        parts = sequences.filled(folder, build)
        name = str(config["name"])
        if not {"source", "fingerprint"} <= set(config["data"]) or not {"unit", "holdout", "seed"} <= set(
            config["split"]
        ):
            raise ValueError("it does not say what it was trained on")
    except DataError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, UserError) as error:
        raise DataError(folder / "config.json", f"does not describe a text model ({error})") from None
    tokenizer = (
        PretrainedTokenizer(backbone.tokenizer) if backbone else load_tokenizer(folder / "tokenizer.json")
    )
    if len(tokenizer) > shape.vocabulary or (backbone is None and len(tokenizer) != shape.vocabulary):
        raise DataError(
            folder / "tokenizer.json", "does not fit the model of config.json", "get the model again"
        )
    return Model(
        name,
        str(source),
        config,
        provenance.file_hash(folder / "model.safetensors"),
        {name: cast(Generator, parts[name]) for name in config["weights"]},
        parts.get("critic"),
        tokenizer,
    )


def settings(config: dict[str, Any]) -> dict[str, Any]:
    """The settings of a recipe, by dotted keys, that make the networks of a model with this `config.json`."""
    data = {"length": config["length"]}
    if config["tokenizer"] in KINDS:  # a language model brings its own
        data["tokenizer"] = config["tokenizer"]
    return dotted("data", data) | dotted("network", config["network"])


def _backbone(folder: Path, network: NetworkRecipe, config: dict[str, Any]) -> Backbone:
    try:
        backbone = open_backbone(network.backbone, torch.device("cpu"))
    except UserError as error:
        raise DataError(folder, f"stands on a language model that is not there: {error}") from None
    if backbone.fingerprint != config["backbone"]:
        raise DataError(
            folder, f"stands on another {network.backbone} than there is now", "get that one again"
        )
    return backbone


def describe(
    name: str,
    network: NetworkRecipe,
    shape: Shape,
    classes: list[str],
    tokenizer: Tokenizer,
    backbone: Backbone | None,
    recipe: str,
    data: dict[str, Any],
    split: dict[str, Any],
) -> dict[str, Any]:
    """The `config.json` of a text model, to which the run adds `weights`, `sampler`, `critic` and `seen`.

    `split`: `unit`, `holdout` and `seed`, which say what was held out of the corpus.
    """
    return {
        "format": 1,
        "creative_gan": __version__,
        "modality": "text",
        "name": name,
        "vocabulary": shape.vocabulary,
        "length": shape.length,
        "classes": classes,
        "tokenizer": tokenizer.kind,
        "network": dataclasses.asdict(network),
        "backbone": backbone.fingerprint if backbone else None,
        "recipe": recipe,
        "data": data,
        "split": split,
    }

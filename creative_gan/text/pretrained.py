"""A pretrained causal language model as generator and critic: small adapters on one frozen backbone.

The backbone is in memory once. Generator, critic, reference and moving average are sets of low-rank matrices
(Hu 2021, arXiv:2106.09685) that it wears one at a time, so a copy of a network copies its adapters alone.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import Any, cast

import tokenizers
import torch
from torch import Tensor, nn

from creative_gan.core.audio_guard import torchaudio
from creative_gan.core.draws import Draws
from creative_gan.core.errors import UserError
from creative_gan.sequence.networks import State, condition, variational_dropout
from creative_gan.sequence.tokens import Symbols, mask, shifted
from creative_gan.text.tokens import END, SPECIAL, Tokenizer

PREFIX = "hf:"
PATIENCE = 3.0
"""Seconds that the hub has to answer."""


class Backbone:
    """A frozen language model with a place for adapters at every linear layer of its body.

    `source` is its name, `end` the token that ends a text and that one begins with.
    """

    def __init__(self, source: str, model: nn.Module, tokenizer: tokenizers.Tokenizer, end: int) -> None:
        self.source, self.tokenizer, self.end = source, tokenizer, end
        self.model = model.eval().requires_grad_(False)
        config, self.body = cast(Any, model).config, cast(Any, model).base_model
        self.width = int(config.hidden_size)
        self.size = int(config.vocab_size)
        # those that know places by distance, such as Bloom, take any length
        self.context: int | None = getattr(config, "max_position_embeddings", None)
        self.worn: Adapters | None = None
        self.places: list[nn.Module] = [layer for layer in self.body.modules() if linear_sizes(layer)]
        for index, layer in enumerate(self.places):
            layer.register_forward_hook(self._add(index))
        self.fingerprint = _fingerprint(self.model)

    def __deepcopy__(self, memo: dict) -> "Backbone":
        return self

    @property
    def device(self) -> torch.device:
        """Where the backbone is."""
        return next(self.model.parameters()).device

    def vectors(self, ids: Tensor) -> Tensor:
        """The backbone's own vectors of its own ids. [...] int64 -> [..., width]."""
        return self.model.get_input_embeddings()(ids)  # type: ignore[operator]

    def logits(self, hidden: Tensor) -> Tensor:
        """[..., width] -> [..., size]."""
        values, config = self.model.get_output_embeddings()(hidden), cast(Any, self.model).config  # type: ignore[operator]
        # what Cohere, Granite and Gemma 2 do to theirs
        values = values * (getattr(config, "logit_scale", None) or 1.0)
        values = values / (getattr(config, "logits_scaling", None) or 1.0)
        cap = getattr(config, "final_logit_softcapping", None)
        return cap * torch.tanh(values / cap) if cap else values

    @contextmanager
    def wearing(self, adapters: "Adapters") -> Iterator[Any]:
        """The body with these adapters on."""
        before, self.worn = self.worn, adapters
        try:
            yield self.body
        finally:
            self.worn = before

    def _add(self, index: int) -> Any:
        def add(layer: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
            return output if self.worn is None else output + self.worn.change(index, inputs[0])

        return add


class Adapters(nn.Module):
    """What is learned: for every linear layer of a backbone the matrices [in, rank] and [rank, out].

    They begin at no change at all. The change is scaled with `2 / rank`, so `rank` alone says how rich it is.
    """

    def __init__(self, backbone: Backbone, rank: int) -> None:
        super().__init__()
        sizes = [size for layer in backbone.places if (size := linear_sizes(layer))]
        self.scale = 2.0 / rank
        self.down = nn.ParameterList(torch.randn(inside, rank) / inside**0.5 for inside, _ in sizes)
        self.up = nn.ParameterList(torch.zeros(rank, outside) for _, outside in sizes)

    def change(self, index: int, values: Tensor) -> Tensor:
        """What is added to the output of layer `index` for its input [..., in]. Returns [..., out]."""
        return (values @ self.down[index]) @ self.up[index] * self.scale


class PretrainedGenerator(nn.Module):
    """A generator of `sequence`'s kind on a backbone: the same methods as `TransformerGenerator`.

    Its token ids are the backbone's plus four, for the special ones of every text model.
    """

    def __init__(
        self, symbols: Symbols, backbone: Backbone, length: int, rank: int, dropout: float, classes: int
    ) -> None:
        super().__init__()
        self.symbols, self.backbone, self.dropout = symbols, backbone, dropout
        self.width = backbone.width
        self.context: int | None = min(length, backbone.context or length)
        self.adapters = Adapters(backbone, rank)
        self.classes = _class_vectors(classes, backbone.width)
        self._cache = _cache_shapes(backbone)

    def begin(self, rows: int, label: Tensor | None = None) -> State:
        """Class vector, then keys and values [R, heads, t, width / heads] of each layer."""
        device = self.backbone.device
        empty = [torch.zeros(rows, heads, 0, width, device=device) for heads, width in self._cache]
        return condition(self.classes, rows, self.width, label, self.adapters.down[0]), *empty

    def embed(self, tokens: Tensor) -> Tensor:
        """[...] int64 -> [..., E]."""
        return self.backbone.vectors(theirs(tokens, self.backbone.end))

    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """One position: `inputs` [R, E] -> hidden [R, H], state."""
        from transformers import DynamicCache

        cache = DynamicCache(list(zip(state[1::2], state[2::2], strict=True)))
        with self.backbone.wearing(self.adapters) as body:
            values = body(inputs_embeds=(inputs + state[0])[:, None], past_key_values=cache, use_cache=True)
        return values.last_hidden_state[:, 0], (state[0], *[part for layer in cache for part in layer[:2]])

    def hidden(self, tokens: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """The hidden vectors that predict each of `tokens` [B, T]. Returns [B, T, H]."""
        values = self.embed(shifted(tokens, self.symbols.start))
        values = values + condition(self.classes, len(tokens), self.width, label, values)[:, None]
        values = variational_dropout(values, self.dropout, draws, "input")
        with self.backbone.wearing(self.adapters) as body:
            return body(inputs_embeds=values, use_cache=False).last_hidden_state

    def head(self, hidden: Tensor) -> Tensor:
        """[..., H] -> logits [..., V]."""
        return ours(self.backbone.logits(hidden), self.backbone.end)

    def forward(self, tokens: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """The logits of each of `tokens` [B, T] given those before it. Returns [B, T, V]."""
        return self.head(self.hidden(tokens, label, draws))


class PretrainedCritic(nn.Module):
    """Judges every prefix, as `PrefixCritic` does, the backbone being its body."""

    def __init__(self, backbone: Backbone, rank: int, dropout: float, classes: int) -> None:
        super().__init__()
        self.backbone, self.dropout = backbone, dropout
        self.adapters = Adapters(backbone, rank)
        self.classes = _class_vectors(classes, backbone.width)
        self.norm = nn.LayerNorm(backbone.width)
        self.output = nn.Linear(backbone.width, 1)

    def forward(
        self, tokens: Tensor, length: Tensor, label: Tensor | None = None, draws: Draws | None = None
    ) -> Tensor:
        """Judges prefixes. Returns logits [B, T]: that of `tokens[:, : t + 1]` at t, 0 from `length` on."""
        values = self.backbone.vectors(theirs(tokens, self.backbone.end))
        values = values + condition(self.classes, len(tokens), self.backbone.width, label, values)[:, None]
        values = variational_dropout(values, self.dropout, draws, "input")
        with self.backbone.wearing(self.adapters) as body:
            values = body(inputs_embeds=values, use_cache=False).last_hidden_state
        values = self.output(self.norm(values))[:, :, 0]
        return torch.where(mask(length, tokens.shape[1]), values, 0.0)

    def judge(self, tokens: Tensor, length: Tensor, label: Tensor | None = None) -> Tensor:
        """Judges whole sequences. Returns logits [B], that of each sequence's last prefix."""
        return self(tokens, length, label).gather(1, (length - 1).clamp(min=0)[:, None])[:, 0]


class PretrainedTokenizer(Tokenizer):
    """The tokeniser of a backbone, its ids moved behind the four special ones."""

    def __init__(self, inner: tokenizers.Tokenizer) -> None:
        super().__init__(inner, "pretrained")
        inner.no_padding()
        inner.no_truncation()

    def __len__(self) -> int:
        return super().__len__() + len(SPECIAL)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without start and end."""
        return [[token + len(SPECIAL) for token in ids] for ids in super().encode(texts)]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids up to the first `END`; other special ids are left out."""
        words = [int(token) for token in takewhile(lambda token: token != END, ids)]
        return self._inner.decode([token - len(SPECIAL) for token in words if token >= len(SPECIAL)])

    def unknown(self, text: str) -> list[str]:
        """Nothing: such a vocabulary has every byte."""
        return []


def ours(logits: Tensor, end: int) -> Tensor:
    """A backbone's logits [..., size] as those of our ids [..., size + 4], its end token in our place."""
    special = torch.full_like(logits[..., : len(SPECIAL)], -1e9)
    special[..., END] = logits[..., end]
    words = logits.index_fill(-1, torch.tensor([end], device=logits.device), -1e9)
    return torch.cat([special, words], dim=-1)


def theirs(tokens: Tensor, end: int) -> Tensor:
    """Our ids as a backbone's; whatever is special is its end token, which it has also begun with."""
    return torch.where(tokens < len(SPECIAL), end, tokens - len(SPECIAL))


def linear_sizes(layer: nn.Module) -> tuple[int, int] | None:
    """How many numbers a linear layer takes and gives; None for any other layer."""
    from transformers.pytorch_utils import Conv1D

    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    if isinstance(layer, Conv1D):  # GPT-2's, whose weights are transposed
        return layer.nx, layer.nf
    return None


def open_backbone(source: str, device: torch.device) -> Backbone:
    """The language model that `hf:NAME` or `hf:FOLDER` means: safetensors only, and never code of its own.

    Raises:
        UserError: it is not there and cannot be fetched, is of another kind, or has no safetensors.
    """
    name = source.removeprefix(PREFIX)
    if not source.startswith(PREFIX) or not name:
        raise UserError(f"a pretrained generator is named hf:NAME or hf:FOLDER, not {source!r}")
    reader, model = _opened(source, name)
    ends = [token for token in (reader.eos_token_id, reader.bos_token_id) if token is not None]
    if not ends or not reader.is_fast:
        raise UserError(
            f"{source} has no token that ends a text, or a slow tokeniser; choose a model like distilgpt2"
        )
    words = tokenizers.Tokenizer.from_str(reader.backend_tokenizer.to_str())
    try:
        backbone = Backbone(source, cast(nn.Module, model).to(device), words, ends[0])
        suits = _predicts_as_itself(backbone)
    except (AttributeError, IndexError, TypeError, ValueError):  # of a model that is built otherwise
        suits = False
    if not suits:
        raise UserError(
            f"{source} is no model that writes token by token from keys and values that it remembers, or does more "
            "to what it predicts than is known here; choose a model like distilgpt2"
        )
    return backbone


@torch.no_grad()
def _predicts_as_itself(backbone: Backbone) -> bool:
    """Whether a generator on it predicts what the model does, both all at once and one after another."""
    symbols = Symbols(backbone.size + len(SPECIAL))
    generator = PretrainedGenerator(symbols, backbone, 3, 1, 0.0, 0)
    tokens = torch.tensor([[0, 1, backbone.size - 1]], device=backbone.device)
    wanted = cast(Any, backbone.model)(torch.tensor([[backbone.end, 0, 1]], device=backbone.device)).logits
    at_once = backbone.logits(generator.hidden(tokens + len(SPECIAL)))
    state, hidden = generator.begin(1), []
    for token in (END, *(tokens[0, :2] + len(SPECIAL)).tolist()):
        inputs = generator.embed(torch.tensor([token], device=backbone.device))
        one, state = generator.advance(inputs, state)
        hidden.append(one)
    stepwise = backbone.logits(torch.stack(hidden, 1))
    near = 1e-3 * float(wanted.abs().max())
    return all(bool((made - wanted).abs().max() <= near) for made in (at_once, stepwise))


def _opened(source: str, name: str) -> tuple[Any, Any]:
    """Tokeniser and model of a folder, of what was fetched before, or of the network: in this order."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _read(source, str(folder), fetch=False)
    with suppress(UserError):  # most often it is here, and then nobody is asked
        return _read(source, name, fetch=False)
    _ask_for(source, name)
    return _read(source, name, fetch=True)


def _read(source: str, path: str, fetch: bool) -> tuple[Any, Any]:
    torchaudio()  # before transformers, which a broken one would take down with it
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    settings: dict[str, Any] = {"local_files_only": not fetch, "trust_remote_code": False}
    try:
        reader = AutoTokenizer.from_pretrained(path, **settings)
        if len(reader) <= len(reader.all_special_ids):  # the library makes such a one where there is no file
            raise ValueError("it comes without a tokeniser")
        return reader, AutoModelForCausalLM.from_pretrained(
            path, use_safetensors=True, dtype=torch.float32, **settings
        )
    except Exception as error:  # the library raises many kinds, with paragraphs for messages
        raise UserError(_why_not(source, str(error))) from None


def _ask_for(source: str, name: str) -> None:
    """Asks once for a model, because to fetch one that cannot be had takes the library a minute of retries."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    try:
        HfApi().model_info(name, timeout=PATIENCE)
    except (HFValidationError, RepositoryNotFoundError):
        raise UserError(
            f"{source} is neither a folder here nor a language model that huggingface.co shows you; look at the name"
        ) from None
    except Exception:  # of the network, of a proxy, of a hub that is down
        raise UserError(
            f"{source} is neither a folder here nor a language model that was fetched before, and huggingface.co "
            "does not answer; with a network it is fetched once, or name a folder that holds config.json, "
            "model.safetensors and tokenizer.json"
        ) from None


def _why_not(source: str, said: str) -> str:
    if "safetensors" in said and ("not appear" in said or "no file" in said or "not found" in said):
        return f"{source} has no weights as safetensors, and pickles are never opened; choose another model"
    if "remote" in said or "custom code" in said:
        return f"{source} needs code of its own, which is never run; choose another model"
    first = said.partition("\n")[0][:160]
    return f"{source} is no causal language model of the transformers library ({first})"


def _class_vectors(classes: int, width: int) -> nn.Embedding | None:
    """Vectors that are added to every input; they begin at zero, where the backbone is what it was."""
    if not classes:
        return None
    table = nn.Embedding(classes, width)
    nn.init.zeros_(table.weight)
    return table


@torch.no_grad()
def _cache_shapes(backbone: Backbone) -> list[tuple[int, int]]:
    """Heads and width of each part of the state, seen on one token."""
    values = backbone.vectors(torch.full((1, 1), backbone.end, device=backbone.device))
    cache = backbone.body(inputs_embeds=values, use_cache=True).past_key_values
    return [(part.shape[1], part.shape[3]) for layer in cache for part in layer[:2]]


def _fingerprint(model: nn.Module) -> str:
    """32 hexadecimal digits that change with the weights."""
    digest = hashlib.blake2b(digest_size=16)
    for name, parameter in sorted(model.named_parameters()):
        digest.update(name.encode() + parameter.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()

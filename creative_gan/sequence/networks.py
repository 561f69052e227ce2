"""Generators of token sequences, recurrent and transformer; critics of a sequence or of each of its prefixes.

A generator gives the logits of every token of a sequence in one pass (`generator(tokens, label)`), or one
position at a time with a state that is a tuple of tensors, each with one row per sequence: rows can be
picked, repeated and joined, which is what sampling and rollouts do with them. Dropout is drawn from `draws`
and happens only where they are given.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from creative_gan.core.audio_guard import torchaudio
from creative_gan.core.device import cpu_has_bfloat16
from creative_gan.core.draws import Draws
from creative_gan.core.errors import UserError
from creative_gan.sequence.tokens import Symbols, mask, shifted

State = tuple[Tensor, ...]


def variational_dropout(values: Tensor, rate: float, draws: Draws | None, name: str) -> Tensor:
    """Drops the same units of `values` [B, T, D] at every position. Gal 2016, arXiv:1512.05287."""
    if draws is None or rate == 0:
        return values
    keep = draws.uniform(f"dropout-{name}", values.shape[-1]) >= rate
    return values * (keep[:, None] / (1 - rate))


def recurrent(layer: nn.Module, values: Tensor) -> Tensor:
    """A recurrent layer's answer at every position: [B, T, E] -> [B, T, H].

    In float32 whatever surrounds it, on a GPU, whose cuDNN takes autocast for float16, a range too small for
    gradients, and on a processor without bfloat16, which refuses it.
    """
    kind = values.device.type
    if kind == "cuda" or (kind == "cpu" and not cpu_has_bfloat16()):
        with torch.autocast(kind, enabled=False):
            return layer(values.float())[0]
    return layer(values)[0]


def small(count: int, width: int, std: float = 0.1) -> nn.Embedding:
    """A table of vectors that begin near zero: of tokens, and of classes, which are added to them and must not drown
    them, as N(0, 1) would."""
    table = nn.Embedding(count, width)
    nn.init.normal_(table.weight, std=std)
    return table


def condition(
    table: nn.Embedding | None, rows: int, width: int, label: Tensor | None, like: Tensor
) -> Tensor:
    """What is added to every input to tell the class: [rows, width], zeros where there is none."""
    if table is None or label is None:
        return like.new_zeros(rows, width)
    return table(label)


def ban(symbols: Symbols) -> Tensor:
    """What is added to the logits to ban ids: [V], finite so that p·log p stays 0."""
    bias = torch.zeros(symbols.size)
    bias[list(symbols.banned)] = -1e9
    return bias


class LstmGenerator(nn.Module):
    """A recurrent generator with variational dropout, conditional on a class where there are any.

    `embedding`, `width`: of the token vectors and of every layer. `dropout`: rate at the input, between
    layers and at the output. `classes`: 0 for none.
    """

    context = None

    def __init__(
        self,
        symbols: Symbols,
        embedding: int = 64,
        width: int = 128,
        layers: int = 1,
        dropout: float = 0.0,
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.symbols, self.width, self.dropout = symbols, width, dropout
        self.embedding = small(symbols.size, embedding)
        self.classes = small(classes, embedding) if classes else None
        sizes = [embedding] + [width] * (layers - 1)
        self.layers = nn.ModuleList(nn.LSTM(size, width, batch_first=True) for size in sizes)
        self.output = nn.Linear(width, symbols.size)
        self.ban: Tensor
        self.register_buffer("ban", ban(symbols), persistent=False)

    def begin(self, rows: int, label: Tensor | None = None) -> State:
        """Class vector, then hidden and cell state of each layer."""
        weight = self.embedding.weight
        zeros = [weight.new_zeros(rows, self.width) for _ in range(2 * len(self.layers))]
        return condition(self.classes, rows, self.embedding.embedding_dim, label, weight), *zeros

    def embed(self, tokens: Tensor) -> Tensor:
        """[...] int64 -> [..., E]."""
        return self.embedding(tokens)

    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """One position: `inputs` [R, E] -> hidden [R, H], state."""
        values, new = inputs + state[0], [state[0]]
        for layer, hidden, cell in zip(self.layers, state[1::2], state[2::2], strict=True):
            assert isinstance(layer, nn.LSTM)
            w_ih, w_hh, b_ih, b_hh = layer.all_weights[0]
            values, cell = torch.lstm_cell(values, (hidden, cell), w_ih, w_hh, b_ih, b_hh)
            new += values, cell
        return values, tuple(new)

    def hidden(self, tokens: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """The hidden vectors that predict each of `tokens` [B, T]. Returns [B, T, H]."""
        values = self.embed(shifted(tokens, self.symbols.start))
        values = values + condition(self.classes, len(tokens), values.shape[-1], label, values)[:, None]
        for index, layer in enumerate(self.layers):
            values = recurrent(layer, variational_dropout(values, self.dropout, draws, str(index)))
        return variational_dropout(values, self.dropout, draws, "output")

    def head(self, hidden: Tensor) -> Tensor:
        """[..., H] -> logits [..., V]."""
        return functional.linear(hidden, self.output.weight, self.output.bias + self.ban)

    def forward(self, tokens: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """The logits of each of `tokens` [B, T] given those before it. Returns [B, T, V]."""
        return self.head(self.hidden(tokens, label, draws))


class TransformerGenerator(nn.Module):
    """A causal transformer of GPT-2's shape, trained from scratch, that decodes with cached keys and values.

    `context`: the most tokens a sequence may have. `dropout`: rate at the embeddings and at the output.
    """

    def __init__(
        self,
        symbols: Symbols,
        context: int,
        width: int = 128,
        layers: int = 4,
        heads: int = 4,
        dropout: float = 0.0,
        classes: int = 0,
    ) -> None:
        super().__init__()
        torchaudio()  # before transformers, which a broken one would take down with it
        from transformers import GPT2Config, GPT2Model  # seconds to import, and only this network needs it

        if width % heads:
            raise UserError(f"width {width} cannot be cut in {heads} heads; choose a multiple of {heads}")
        self.symbols, self.width, self.dropout = symbols, width, dropout
        self.context: int | None = context
        config = GPT2Config(
            vocab_size=symbols.size,
            n_positions=context,
            n_embd=width,
            n_layer=layers,
            n_head=heads,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=None,  # GPT-2's own, which no vocabulary here has
            eos_token_id=None,
        )
        self.body = GPT2Model(config)
        self.classes = small(classes, width, config.initializer_range) if classes else None
        self.ban: Tensor
        self.register_buffer("ban", ban(symbols), persistent=False)

    def begin(self, rows: int, label: Tensor | None = None) -> State:
        """Class vector, then keys and values [R, heads, t, width / heads] of each layer."""
        config, weight = self.body.config, self.body.wte.weight
        empty = weight.new_zeros(rows, config.n_head, 0, self.width // config.n_head)
        return condition(self.classes, rows, self.width, label, weight), *[empty] * (2 * config.n_layer)

    def embed(self, tokens: Tensor) -> Tensor:
        """[...] int64 -> [..., E]."""
        return self.body.wte(tokens)

    def advance(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """One position: `inputs` [R, E] -> hidden [R, H], state."""
        from transformers import DynamicCache

        cache = DynamicCache(list(zip(state[1::2], state[2::2], strict=True)))
        values = (inputs + state[0])[:, None]
        values = self.body(inputs_embeds=values, past_key_values=cache, use_cache=True).last_hidden_state
        return values[:, 0], (state[0], *[part for layer in cache for part in layer[:2]])

    def hidden(self, tokens: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """The hidden vectors that predict each of `tokens` [B, T]. Returns [B, T, H]."""
        values = self.embed(shifted(tokens, self.symbols.start))
        values = values + condition(self.classes, len(tokens), self.width, label, values)[:, None]
        values = variational_dropout(values, self.dropout, draws, "input")
        values = self.body(inputs_embeds=values, use_cache=False).last_hidden_state
        return variational_dropout(values, self.dropout, draws, "output")

    def head(self, hidden: Tensor) -> Tensor:
        """[..., H] -> logits [..., V], by the token vectors themselves."""
        return functional.linear(hidden, self.body.wte.weight, self.ban)

    def forward(self, tokens: Tensor, label: Tensor | None = None, draws: Draws | None = None) -> Tensor:
        """The logits of each of `tokens` [B, T] given those before it. Returns [B, T, V]."""
        return self.head(self.hidden(tokens, label, draws))


Generator = LstmGenerator | TransformerGenerator
"""What games play with: a module with the attributes and methods that both have. A `Protocol` could not say that it is
an `nn.Module` as well, so another network with them is cast, as in `text/networks.py`."""
TOKEN_VECTORS = ("embedding.weight", "output.weight", "output.bias", "wte.weight")
"""How the names of those tensors of a generator end that have a row for each token."""

# Kernel size -> filters, for sequences of 20 tokens. Yu 2017, arXiv:1609.05473, appendix.
PAPER_FILTERS = dict(
    zip(
        (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20),
        (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160),
        strict=True,
    )
)


class CnnCritic(nn.Module):
    """Judges whole sequences: convolutions of many widths, the strongest answer of each, a highway layer.

    Yu 2017, arXiv:1609.05473, section 3.3. Kernels wider than `longest`, the longest sequence there is, are
    left out, and `scale` multiplies the number of filters. Class labels enter as a projection onto the
    features.
    """

    def __init__(
        self,
        symbols: Symbols,
        longest: int,
        embedding: int = 64,
        scale: float = 1.0,
        dropout: float = 0.25,
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        filters = {
            size: max(1, round(count * scale)) for size, count in PAPER_FILTERS.items() if size <= longest
        }
        self.embedding = nn.Embedding(symbols.size, embedding)
        self.convolutions = nn.ModuleList(nn.Conv2d(embedding, n, (1, size)) for size, n in filters.items())
        features = sum(filters.values())
        self.gate, self.change = nn.Linear(features, features), nn.Linear(features, features)
        nn.init.constant_(self.gate.bias, -2.0)  # begins as an open road, Srivastava 2015, arXiv:1505.00387
        self.output = nn.Linear(features, 1)
        self.classes = nn.Embedding(classes, features) if classes else None

    def embed(self, tokens: Tensor) -> Tensor:
        """[B, T] int64 -> [B, T, E]."""
        return self.embedding(tokens)

    def score(
        self, vectors: Tensor, length: Tensor, label: Tensor | None = None, draws: Draws | None = None
    ) -> Tensor:
        """Judges token vectors [B, T, E], which may be mixtures of tokens. Returns logits [B]."""
        vectors = vectors * mask(length, vectors.shape[1])[:, :, None]
        # As pictures one pixel high with the channels last, which is how they lie in memory: twice as fast.
        vectors = vectors.transpose(1, 2)[:, :, None]
        found = [self._strongest(layer, vectors, length) for layer in self.convolutions]
        features = torch.cat(found, dim=1)
        gate = self.gate(features).sigmoid()
        features = gate * self.change(features).relu() + (1 - gate) * features
        if draws is not None and self.dropout:
            keep = draws.uniform("dropout", features.shape[1]) >= self.dropout
            features = features * (keep / (1 - self.dropout))
        logit = self.output(features)[:, 0]
        if self.classes is not None and label is not None:
            logit = logit + (self.classes(label) * features).mean(1)
        return logit

    @staticmethod
    def _strongest(layer: nn.Module, vectors: Tensor, length: Tensor) -> Tensor:
        """The largest answer of each filter over the windows that lie within the sequence: [B, filters].

        A sequence shorter than the kernel has one window, filled up with zeros.
        """
        assert isinstance(layer, nn.Conv2d)
        width = layer.kernel_size[1]
        vectors = functional.pad(vectors, (0, max(0, width - vectors.shape[3])))
        answers = layer(vectors)[:, :, 0]
        windows = (length - width + 1).clamp(min=1)
        answers.masked_fill_(~mask(windows, answers.shape[2])[:, None], float("-inf"))
        return answers.amax(2).relu()

    def forward(
        self, tokens: Tensor, length: Tensor, label: Tensor | None = None, draws: Draws | None = None
    ) -> Tensor:
        """Judges sequences: `tokens` [B, T], `length` [B]. Returns logits [B], high for real."""
        return self.score(self.embed(tokens), length, label, draws)


class PrefixCritic(nn.Module):
    """A causal recurrent critic: one pass gives a logit to every prefix of every sequence."""

    def __init__(
        self,
        symbols: Symbols,
        embedding: int = 64,
        width: int = 128,
        dropout: float = 0.25,
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.embedding = small(symbols.size, embedding)
        self.classes = small(classes, embedding) if classes else None
        self.body = nn.LSTM(embedding, width, batch_first=True)
        self.output = nn.Linear(width, 1)

    def forward(
        self, tokens: Tensor, length: Tensor, label: Tensor | None = None, draws: Draws | None = None
    ) -> Tensor:
        """Judges prefixes. Returns logits [B, T]: that of `tokens[:, : t + 1]` at t, 0 from `length` on."""
        vectors = self.embedding(tokens)
        vectors = vectors + condition(self.classes, len(tokens), vectors.shape[-1], label, vectors)[:, None]
        values = recurrent(self.body, variational_dropout(vectors, self.dropout, draws, "input"))
        values = self.output(variational_dropout(values, self.dropout, draws, "output"))[:, :, 0]
        return torch.where(mask(length, tokens.shape[1]), values, 0.0)

    def judge(self, tokens: Tensor, length: Tensor, label: Tensor | None = None) -> Tensor:
        """Judges whole sequences. Returns logits [B], that of each sequence's last prefix."""
        return self(tokens, length, label).gather(1, (length - 1).clamp(min=0)[:, None])[:, 0]

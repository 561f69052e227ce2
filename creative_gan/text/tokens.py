"""Tokenisers trained on the user's own texts: words, characters or byte pairs, kept as plain JSON.

Four ids are the same in every vocabulary: 0 pads, 1 starts, 2 ends, 3 stands for whatever is unknown. A
word keeps the blank before it ("▁dog"), so putting a text together again needs no guessing; blanks that
other tokenisers left before commas are taken away first.
"""

import json
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

from creative_gan.core.errors import DataError, UserError

PAD, START, END, UNKNOWN = range(4)
SPECIAL = ["<pad>", "<start>", "<end>", "<unknown>"]
KINDS = ("word", "char", "bpe")
LARGEST = {"word": 20_000, "char": 20_000, "bpe": 4_000}
"""Tokens in a vocabulary at most, unless told otherwise."""
STOPS = tuple(".!?…。！？\n")
"""What a sentence ends with: where a text that is too long is best cut."""

# An emoji is one mark however many characters it is made of: a flag of two letters; signs with colours and joiners.
MARK = (
    "[\U0001f1e6-\U0001f1ff]{2}|[^\\w\\s▁](?:[\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)
MARK += "|\u200d[^\\w\\s▁])*"
# A word with the blank before it, one mark with the blank before it, a line break, a blank left over.
WORD = rf"▁?\w+(?:['’]\w+)*|▁?(?:{MARK})|\n|▁"
LOOSE_MARK = r" +(?=[,.;:!?%)\]}…]+(?:\s|$)|n['’]t\b|['’](?:s|re|ve|ll|d|m)\b)"
# Kana, Han, Hangul is left out (it has blanks), Thai, Lao, Burmese, Khmer.
NO_BLANKS = re.compile(
    "[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\U00020000-\U0003ffff]"
)


class Tokenizer:
    """Texts to token ids and back.

    `kind` is `word`, `char` or `bpe`; `len(tokenizer)` is the number of ids, the four special ones included.
    """

    def __init__(self, inner: tokenizers.Tokenizer, kind: str) -> None:
        self.kind = kind
        self._inner = inner
        # A text may well contain "<end>"; it must not end there.
        self._inner.encode_special_tokens = True

    def __len__(self) -> int:
        return self._inner.get_vocab_size()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without start and end; unknown words and characters give `UNKNOWN`."""
        return [e.ids for e in self._inner.encode_batch_fast(list(texts), add_special_tokens=False)]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids up to the first `END`; padding and other special ids are left out."""
        kept = []
        for token in ids:
            if token == END:
                break
            if token >= len(SPECIAL):
                kept.append(int(token))
        return self._inner.decode(kept, skip_special_tokens=False)

    def tokens(self) -> list[str]:
        """What each id stands for, as the vocabulary writes it."""
        return [str(self._inner.id_to_token(number)) for number in range(len(self))]

    def unknown(self, text: str) -> list[str]:
        """The words or characters of `text` that are not in the vocabulary, each once, in their order."""
        found = self._inner.encode(text, add_special_tokens=False)
        pieces = [
            text[a:b].strip() for id, (a, b) in zip(found.ids, found.offsets, strict=True) if id == UNKNOWN
        ]
        return list(dict.fromkeys(pieces))

    def stops(self) -> frozenset[int]:
        """The ids after which a sentence ends."""
        vocabulary = range(len(SPECIAL), len(self))
        return frozenset(id for id in vocabulary if self.decode([id]).rstrip(" ").endswith(STOPS))

    def to_json(self) -> str:
        """What `tokenizer.json` holds: the format of the `tokenizers` library, data only."""
        return self._inner.to_str(pretty=False)


def train_tokenizer(texts: Sequence[str], kind: str = "auto", size: int | None = None) -> Tokenizer:
    """A tokeniser with the vocabulary of `texts`; the same texts always give the same ids.

    `kind` is one of `KINDS` or `auto` (see `choose`); `size` caps the number of ids: the rarest words and
    characters become unknown, and fewer byte pairs are joined.
    """
    kind = choose(texts) if kind == "auto" else kind
    if kind not in KINDS:
        raise UserError(f"there is no tokeniser '{kind}'; take one of auto, {', '.join(KINDS)}")
    smallest = 300 if kind == "bpe" else len(SPECIAL) + 1
    size = LARGEST[kind] if size is None else size
    if size < smallest:
        raise UserError(f"a {kind} vocabulary of {size} is too small; it needs at least {smallest}")
    inner, trainer = {"word": _word, "char": _char, "bpe": _bpe}[kind](size)
    inner.train_from_iterator(texts, trainer=trainer, length=len(texts))
    return Tokenizer(inner, kind)


def choose(texts: Sequence[str], look_at: int = 20_000) -> str:
    """The kind of tokeniser that suits the texts.

    Characters for writing without blanks (Chinese, Japanese, Thai), words while there are at most 12,000
    different ones, byte pairs beyond. Looks at the first `look_at` texts.
    """
    words: set[str] = set()
    blankless = letters = 0
    splitter, _ = _word(len(SPECIAL) + 1)
    for text in islice(texts, look_at):
        letters += sum(c.isalnum() for c in text)
        blankless += 0 if text.isascii() else len(NO_BLANKS.findall(text))
        normal = splitter.normalizer.normalize_str(text)
        words.update(piece for piece, _ in splitter.pre_tokenizer.pre_tokenize_str(normal))
    if blankless > 0.3 * letters:
        return "char"
    return "word" if len(words) <= 12_000 else "bpe"


def from_json(text: str, source: str | Path = "tokenizer.json") -> Tokenizer:
    """The tokeniser that `to_json` wrote. Raises `DataError` naming `source` if it is anything else."""
    try:
        inner = tokenizers.Tokenizer.from_str(text)
        shape = json.loads(text)
    except Exception as error:  # the library raises bare Exceptions
        raise DataError(source, f"is no tokeniser ({str(error).splitlines()[0]})") from None
    if [inner.id_to_token(id) for id in range(len(SPECIAL))] != SPECIAL:
        raise DataError(source, f"is a tokeniser whose first ids are not {', '.join(SPECIAL)}")
    if shape["model"]["type"] == "BPE":
        return Tokenizer(inner, "bpe")
    return Tokenizer(inner, "word" if shape["pre_tokenizer"]["type"] == "Sequence" else "char")


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Read a `tokenizer.json`. Raises `DataError` if it is missing or is anything else."""
    try:
        return from_json(Path(path).read_text(encoding="utf-8"), path)
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise DataError(path, "is no tokeniser (it is not UTF-8 text)") from None


def _word(size: int) -> tuple[tokenizers.Tokenizer, trainers.Trainer]:
    inner = tokenizers.Tokenizer(models.WordLevel(unk_token=SPECIAL[UNKNOWN]))
    inner.normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.Replace("▁", "_"),
            normalizers.Replace(Regex(r"[^\S\n]+"), " "),
            normalizers.Replace(Regex(LOOSE_MARK), ""),
            normalizers.Replace(Regex(r"(?<=[(\[{]) +"), ""),
            normalizers.Strip(),
            # The word that opens a line is the same token as within one.
            normalizers.Replace(Regex(r" ?\n ?"), "\n "),
        ]
    )
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace("▁", prepend_scheme="always", split=False),
            pre_tokenizers.Split(Regex(WORD), behavior="isolated"),
        ]
    )
    inner.decoder = decoders.Sequence(
        [
            decoders.Fuse(),
            decoders.Replace("▁", " "),
            decoders.Replace("\n ", "\n"),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return inner, trainers.WordLevelTrainer(vocab_size=size, special_tokens=SPECIAL, show_progress=False)


def _char(size: int) -> tuple[tokenizers.Tokenizer, trainers.Trainer]:
    inner = tokenizers.Tokenizer(models.WordLevel(unk_token=SPECIAL[UNKNOWN]))
    inner.normalizer = normalizers.NFC()
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"(?m:.)"), behavior="isolated")
    inner.decoder = decoders.Fuse()
    return inner, trainers.WordLevelTrainer(vocab_size=size, special_tokens=SPECIAL, show_progress=False)


def _bpe(size: int) -> tuple[tokenizers.Tokenizer, trainers.Trainer]:
    inner = tokenizers.Tokenizer(models.BPE())
    inner.normalizer = normalizers.NFC()
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    return inner, trainer

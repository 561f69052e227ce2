"""Tokenisers: exact round trips, the same ids every time, nothing but data in the file."""

import json
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creative_gan.core.errors import DataError, UserError
from creative_gan.text.data import open_texts
from creative_gan.text.tokens import (
    END,
    KINDS,
    PAD,
    SPECIAL,
    START,
    UNKNOWN,
    choose,
    from_json,
    load_tokenizer,
    train_tokenizer,
)

DATA = Path(os.environ.get("CREATIVE_GAN_DATA", Path(__file__).parents[3] / "shared" / "data"))
ENGLISH = [
    "a man rides a horse, slowly.",
    "the woman's dog (brown) doesn't bark!",
    'he said: "well-lit rooms" <end>',
]
CHINESE = ["床前明月光，疑是地上霜。", "举头望明月，低头思故乡。"]
CHARS = train_tokenizer([*CHINESE, "abc <pad><end>\n\t é"], "char")
PAIRS = train_tokenizer([*CHINESE, *ENGLISH], "bpe", 400)


@given(
    st.text(st.sampled_from("床前明月光，。abc <pad>end\n\té"), max_size=60).map(
        lambda t: unicodedata.normalize("NFC", t)
    )
)
@settings(max_examples=200, deadline=None)
def test_characters_come_back_exactly(text: str) -> None:
    ids = CHARS.encode([text])[0]
    assert len(ids) == len(text) and UNKNOWN not in ids
    assert CHARS.decode(ids) == text


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60).map(
        lambda t: unicodedata.normalize("NFC", t)
    )
)
@settings(max_examples=200, deadline=None)
def test_byte_pairs_bring_any_text_back(text: str) -> None:
    ids = PAIRS.encode([text])[0]
    assert min(ids, default=9) >= len(SPECIAL)
    assert PAIRS.decode(ids) == text


@given(
    st.lists(
        st.sampled_from(["man", "woman's", "well-lit", "(brown)", "bark!", "horse,", '"rooms"', "3.5"]),
        min_size=1,
    )
)
@settings(max_examples=100, deadline=None)
def test_words_come_back_with_their_blanks(words: list[str]) -> None:
    text = " ".join(words)
    tokenizer = train_tokenizer([text], "word")
    assert tokenizer.decode(tokenizer.encode([text])[0]) == text


@pytest.mark.parametrize(
    ("spaced", "joined"),
    [
        ("a man , standing ( alone ) .", "a man, standing (alone)."),
        ("he does n't know what she 's got !", "he doesn't know what she's got!"),
        ("red  ,\n  blue", "red,\nblue"),
        ("two .5 mm pins", "two .5 mm pins"),
    ],
)
def test_blanks_of_other_tokenisers_go(spaced: str, joined: str) -> None:
    tokenizer = train_tokenizer([spaced], "word")
    assert tokenizer.decode(tokenizer.encode([spaced])[0]) == joined
    assert tokenizer.encode([spaced]) == tokenizer.encode([joined])


def test_an_emoji_is_one_mark_whatever_it_is_made_of() -> None:
    emoji = "🌞 👩‍👩‍👧 👍🏽 ❤️ 🏃🏽‍♀️ 🇨🇭🇫🇷 🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    tokens = train_tokenizer([f"a {emoji}!"], "word")
    assert len(tokens.encode([f"a {emoji}!"])[0]) == 1 + 8 + 1
    assert tokens.decode(tokens.encode([f"a {emoji}!"])[0]) == f"a {emoji}!"


@pytest.mark.parametrize("kind", KINDS)
def test_special_ids_are_the_same_and_never_come_from_text(kind: str) -> None:
    tokenizer = train_tokenizer([*ENGLISH, *CHINESE], kind)
    assert (PAD, START, END, UNKNOWN) == (0, 1, 2, 3)
    ids = tokenizer.encode(["<end> <pad> <start>"])[0]
    assert not {PAD, START, END} & set(ids)
    assert tokenizer.decode([START, *tokenizer.encode(["man"])[0], END, 5, 6]).strip() == tokenizer.decode(
        tokenizer.encode(["man"])[0]
    )


def test_unknown_words_have_an_id_and_are_named() -> None:
    tokenizer = train_tokenizer(ENGLISH, "word")
    ids = tokenizer.encode(["a zebra rides a 马"])[0]
    assert ids.count(UNKNOWN) == 2
    assert tokenizer.unknown("a zebra rides a 马, a zebra") == ["zebra", "马"]
    assert CHARS.unknown("明月zz") == ["z"]
    assert PAIRS.unknown("☃ 马") == []


def test_the_rarest_words_become_unknown() -> None:
    tokenizer = train_tokenizer(["b b b a a c"], "word", size=6)
    assert len(tokenizer) == 6
    assert tokenizer.unknown("a b c") == ["c"]


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded(kind: str, tmp_path: Path) -> None:
    tokenizer = train_tokenizer([*ENGLISH, *CHINESE], kind)
    path = tmp_path / "tokenizer.json"
    path.write_text(tokenizer.to_json(), encoding="utf-8")
    loaded = load_tokenizer(path)
    assert loaded.kind == kind and len(loaded) == len(tokenizer)
    assert loaded.encode(["a <end> 明月 bark!"]) == tokenizer.encode(["a <end> 明月 bark!"])
    assert train_tokenizer([*ENGLISH, *CHINESE], kind).to_json() == tokenizer.to_json()


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '{"version": "1.0", "model": {"type": "Evil"}}', "\x80\x04"]
)
def test_a_file_that_is_no_tokeniser_is_named(content: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=r"tokenizer\.json: is no tokeniser"):
        load_tokenizer(path)
    with pytest.raises(DataError, match="cannot be read"):
        load_tokenizer(tmp_path / "missing.json")


def test_a_tokeniser_with_other_ids_is_refused() -> None:
    shape = json.loads(train_tokenizer(["a b"], "word").to_json())
    shape["added_tokens"], shape["model"]["vocab"] = [], {"a": 0, "<unknown>": 1}
    with pytest.raises(DataError, match="first ids"):
        from_json(json.dumps(shape))


def test_impossible_requests_say_what_is_possible() -> None:
    with pytest.raises(UserError, match="auto, word, char, bpe"):
        train_tokenizer(ENGLISH, "sentence")
    with pytest.raises(UserError, match="at least 300"):
        train_tokenizer(ENGLISH, "bpe", 100)


def test_choice_of_kind() -> None:
    assert choose(ENGLISH) == "word"
    assert choose(CHINESE) == "char"
    assert choose(["これはペンです。"]) == "char"
    assert choose(["나는 학교에 간다."]) == "word"
    assert choose([f"word{n} other{n}" for n in range(7000)]) == "bpe"


def test_ends_of_sentences() -> None:
    tokenizer = train_tokenizer(["one, two. three!\nfour"], "word")
    assert {tokenizer.decode([id]) for id in tokenizer.stops()} == {".", "!", "\n"}


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "kind"), [("coco-captions", "word"), ("tang-poems", "char")])
def test_real_corpora(name: str, kind: str) -> None:
    path = DATA / name / "train.txt"
    if not path.exists():
        pytest.skip("no real data")
    corpus = open_texts(path)
    assert choose(corpus.texts) == kind
    tokenizer = train_tokenizer(corpus.texts, kind)
    back = [tokenizer.decode(ids) for ids in tokenizer.encode(corpus.texts)]
    plain = [" ".join(text.split()) for text in corpus.texts]
    assert sum(a != b for a, b in zip(back, plain, strict=True)) <= 0.01 * len(plain)

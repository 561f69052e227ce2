"""The corpora that the package makes: always the same, regular, and grammatical where a test can tell."""

import re
from collections import Counter
from itertools import pairwise

import pytest

from creative_gan.text import acts_en, builtin
from creative_gan.text import verses_en as en
from creative_gan.text.builtin import compose, third_person
from creative_gan.text.data import open_texts


@pytest.mark.parametrize("name", ["verses", "verses-zh"])
def test_eight_thousand_different_poems_with_a_theme(name: str) -> None:
    corpus = open_texts(f"builtin:{name}")
    assert len(corpus) == len(set(corpus.texts)) == 8000
    assert corpus.labels is not None and set(Counter(corpus.labels.tolist()).values()) == {1000}
    assert {"sea", "winter", "city", "love"} <= set(corpus.classes)
    builtin.compose.cache_clear()
    assert open_texts(f"builtin:{name}").fingerprint == corpus.fingerprint


def test_english_verbs_agree() -> None:
    plurals = {noun[2] for nouns in en.NOUNS.values() for noun in nouns if noun[2]}
    verbs = {v for acts in acts_en.ACTS.values() for act, _ in acts for v in re.findall(r"\*(\w+)", act)}
    singular = {third_person(verb) for verb in verbs}
    checked = 0
    for _, poem in compose("verses"):
        for line in re.split("[,;.] ?", poem):
            words = line.split()
            for noun, verb in pairwise(words):
                if noun in plurals and (verb in verbs or verb in singular):
                    assert verb in verbs, line
                    checked += 1
    assert checked > 2000
    assert [third_person(v) for v in ("go", "hurry", "sway", "have", "wash")] == [
        "goes",
        "hurries",
        "sways",
        "has",
        "washes",
    ]


def test_english_lines_rhyme_on_different_words() -> None:
    rhymes: dict[str, set[str]] = {}
    for group, acts in [*acts_en.ACTS.items(), *acts_en.SHORT_ACTS.items()]:
        rhymes.setdefault(group, set()).update(act.split()[-1].lstrip("*") for act, _ in acts)
    for lines in en.LINES.values():
        for group, line in lines:
            rhymes[group].add(line.split()[-1])
    for _, poem in compose("verses"):
        first, second = re.fullmatch(r"(.+)(?:; |, (?=and |while |where |as ))(.+)\.", poem).groups()  # type: ignore[union-attr]
        a, b = first.split()[-1], second.split()[-1]
        assert a != b, poem
        assert any({a, b} <= words for words in rhymes.values()), poem
        assert not re.search(r"\ba [aeiouAEIOU]|\ban [^aeiouAEIOU]", poem), poem


def test_chinese_couplets_are_regular() -> None:
    ends: tuple[set[str], set[str]] = (set(), set())
    for _, poem in compose("verses-zh"):
        found = re.fullmatch(r"([一-鿿]{5}|[一-鿿]{7})，([一-鿿]+)。", poem)
        assert found and len(found[1]) == len(found[2]), poem
        both = found[1] + found[2]
        assert len(set(both)) == len(both), f"a character twice: {poem}"
        ends[0].add(found[1][-1])
        ends[1].add(found[2][-1])
    # An oblique end is never a level one.
    assert not ends[0] & ends[1]
    oblique, level = set("浪月水雪雨道鸟岸路梦"), set("山楼舟花天霜船枝烟声")
    assert not ends[0] & level and not ends[1] & oblique

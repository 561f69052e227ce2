"""The corpora that the package makes itself: short poems in English and in Chinese, from grammars of its own.

`verses` are couplets of four iambs that rhyme, `verses-zh` parallel couplets of five or seven characters
whose first line ends in an oblique tone and whose second in a level one. No text of anybody else is in them.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import TypeVar

import numpy as np

from creative_gan.core.draws import derive
from creative_gan.text import acts_en
from creative_gan.text import verses_en as en
from creative_gan.text import verses_zh as zh

T = TypeVar("T")
EACH = 1000
"""Poems of a theme."""
# Words that both lines of a couplet may have.
COMMON = {
    *("a", "an", "the", "and", "while", "where", "as", "every", "in", "on", "at", "to", "of", "so", "with"),
    *("I", "we", "you", "your", "my", "our", "is", "are", "it", "its", "their"),
}
BARE_VOWEL = re.compile(r"\ba (?=[aeiouAEIOU])")


@cache
def compose(name: str) -> tuple[tuple[str, str], ...]:
    """All poems of a corpus of `CORPORA` as (theme, text), each text once, in an order that never changes."""
    themes, couplet = CORPORA[name]
    rng = np.random.default_rng(derive("builtin", name))
    poems: dict[str, str] = {}
    for n, theme in enumerate(themes, 1):
        while len(poems) < n * EACH:
            text = couplet(theme, rng)
            if text:
                poems.setdefault(text, theme)
    pairs = [(theme, text) for text, theme in poems.items()]
    return tuple(pairs[i] for i in rng.permutation(len(pairs)))


def _couplet_en(theme: str, rng: np.random.Generator) -> str | None:
    """A couplet, or None when the dice gave two lines that do not go together."""
    rhyme = _pick(rng, list(acts_en.ACTS))
    first, second = _line_en(theme, rhyme, False, rng), _line_en(theme, rhyme, True, rng)
    if first is None or second is None:
        return None
    content = _content(first) + _content(second)
    if len(set(content)) < len(content):
        return None
    joined = ", " if second.startswith(("and ", "while ", "where ", "as ")) else "; "
    return BARE_VOWEL.sub("an ", f"{first}{joined}{second}.")


def _line_en(theme: str, rhyme: str, follows: bool, rng: np.random.Generator) -> str | None:
    kind = rng.choice(3, p=[0.56, 0.22, 0.22])
    if kind == 0:
        subject, classes, plural = _subject(theme, follows, rng)
        acts = _rhyming(_fitting(tuple(acts_en.ACTS[rhyme]), classes, theme), plural)
        return f"{subject} {_agree(_pick(rng, acts), plural)}" if acts else None
    if kind == 1:
        classes, one, many, _ = _pick(rng, en.NOUNS[theme])
        plural = bool(many) and bool(rng.integers(2))
        acts = _rhyming(_fitting(tuple(acts_en.SHORT_ACTS[rhyme]), classes, theme), plural)
        place = _pick(rng, en.PLACES[theme].split("|"))
        return f"{place} the {many if plural else one} {_agree(_pick(rng, acts), plural)}" if acts else None
    lines = [line for sound, line in en.LINES[theme] if sound == rhyme]
    return re.sub(r"\{([^}]*)\}", lambda found: _pick(rng, found[1].split("|")), _pick(rng, lines))


def _subject(theme: str, follows: bool, rng: np.random.Generator) -> tuple[str, str, bool]:
    """Four syllables with a noun, its classes, and whether it is plural."""
    classes, one, many, adjectives = _pick(rng, en.NOUNS[theme])
    adjective = _pick(rng, adjectives.split())
    plural = bool(many) and rng.random() < 0.55
    opening = _pick(rng, ["and", "and", "while", "where", "as"])
    if follows and plural:
        return f"{opening} {adjective} {many}", classes, True
    if follows and many and rng.random() < 0.6:
        return f"{opening} every {one}", classes, False
    if plural:
        return f"the {adjective} {many}", classes, True
    # What there is only one of, or what cannot be counted, has no plural here.
    article = _pick(rng, ["the", "a"]) if many else "the"
    return f"{article} {adjective} {one}", classes, False


@cache
def _fitting(acts: tuple[tuple[str, str], ...], classes: str, theme: str) -> list[str]:
    fitting = []
    for act, who in acts:
        allowed, _, themes = who.partition("@")
        if set(classes.split()) & set(allowed.split()) and (not themes or theme in themes.split()):
            fitting.append(act)
    return fitting


def _rhyming(acts: list[str], plural: bool) -> list[str]:
    """Without those that would lose their rhyme to the "s" of a singular verb."""
    return [act for act in acts if plural or not re.search(r"\*\w+$", act)]


def _agree(act: str, plural: bool) -> str:
    """The predicate with its verbs (`*`) and its possessive in the number of the subject."""
    act = act.replace("{its}", "their" if plural else "its")
    return re.sub(r"\*(\w+)", lambda found: found[1] if plural else third_person(found[1]), act)


def third_person(verb: str) -> str:
    """The singular of a verb: go, goes; hurry, hurries; sway, sways."""
    if verb == "have":
        return "has"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("o", "s", "x", "sh", "ch")) else "s")


def _content(line: str) -> list[str]:
    """The words that would be tiresome to hear twice, cut to four letters: "playful" and "plays" are one."""
    return [word.rstrip(",s")[:4] for word in line.split() if word not in COMMON]


def _couplet_zh(theme: str, rng: np.random.Generator) -> str | None:
    """A couplet, or None when a character would come twice in it."""
    kind = rng.integers(6)
    pair = (
        _likenesses_zh(theme, rng)
        if kind == 0
        else _clauses_zh(zh.SUBJECTS, zh.ACTS, theme, rng)
        if kind < 4
        else _clauses_zh(zh.PLACES, zh.SIGHTS, theme, rng)
    )
    if pair is None:
        return None
    first, second = pair
    if rng.integers(2):
        openings = _pick(rng, zh.OPENINGS[theme].split()).split("/")
        first, second = openings[0] + first, openings[1] + second
    if len(set(first + second)) < len(first + second):
        return None
    opened, told = set(first[:2] + second[:2]), set(first[2:] + second[2:])
    if any(opened & set(a) and told & set(b) for a, b in zh.CONTRARY):
        return None
    return f"{first}，{second}。"


def _clauses_zh(
    heads: dict[str, str],
    tails: tuple[list[tuple[str, str]], list[tuple[str, str]]],
    theme: str,
    rng: np.random.Generator,
) -> tuple[str, str] | None:
    """Two lines of a head and a tail that fits it; None if the heads are of one class or have no tail."""
    kinds, lines = [], []
    for line in (0, 1):
        # A table such as "风: 海风 晚风; 月: 明月".
        kind, _, words = _pick(rng, re.split(r"[;\n]", heads[theme])).partition(":")
        fitting = _fitting(tuple(tails[line]), kind, theme)
        if not fitting:
            return None
        kinds.append(kind.strip())
        lines.append(_pick(rng, words.split()) + _pick(rng, fitting))
    return None if kinds[0] == kinds[1] else (lines[0], lines[1])


def _likenesses_zh(theme: str, rng: np.random.Generator) -> tuple[str, str]:
    first, second = (_pick(rng, [text for text, of in half if of == theme]) for half in zh.LIKENESSES)
    return first.replace("?", "如"), second.replace("?", "似")


def _pick(rng: np.random.Generator, options: list[T]) -> T:
    return options[rng.integers(len(options))]


Couplet = Callable[[str, np.random.Generator], str | None]
CORPORA: dict[str, tuple[list[str], Couplet]] = {
    "verses": (list(en.NOUNS), _couplet_en),
    "verses-zh": (list(zh.SUBJECTS), _couplet_zh),
}

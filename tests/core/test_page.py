"""The page holds whatever it is given as text, and nothing on it asks for anything from elsewhere."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from creative_gan.core import page
from creative_gan.core.chart import Curve, chart, distribution, number

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></style></svg><script src=http://evil.example/x.js></script>",
    "<!-- --><iframe src='//evil.example'>",
    "&lt;b&gt; &amp; & &#60;",
    "\x00\x08\x1b[31m\ud800\ufffe",
    "javascript:alert(1)",
    "url(http://evil.example)",
    "]]></code></pre><h1>",
]
VOID = {"meta", "img", "br", "path", "line"}
ADDRESSES = ("src", "href", "srcset", "poster", "data", "action", "xlink:href", "background", "content")


class Checked(HTMLParser):
    """Reads a page as strictly as it can, and keeps what matters."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), attrs
        assert not [name for name in names if name.startswith("on")], attrs
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in ADDRESSES and tag != "meta":
                self.addresses.append(value)
            if name == "style":
                assert "url" not in value, value
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        self.words += data


def checked(text: str) -> Checked:
    """Asserts that a page is whole, valid as far as can be told without a browser, and self-contained."""
    assert text.startswith("<!doctype html>") and text.encode("utf-8")
    found = Checked(text)
    assert not {"script", "iframe", "object", "embed", "link", "base", "form", "noscript"} & set(found.tags)
    assert [found.tags.count(tag) for tag in ("html", "head", "title", "body", "main", "h1")] == [1] * 6
    assert len(found.ids) == len(set(found.ids))
    for address in found.addresses:
        inside = address.startswith("#") and address[1:] in found.ids
        assert inside or re.match(
            r"data:(image/(png|gif|jpeg)|audio/(wav|flac));base64,[A-Za-z0-9+/=]+$", address
        ), address
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style and "@import" not in style
    assert "default-src 'none'" in text
    return found


PNG = b"\x89PNG\r\n\x1a\n rest"


def full(words: str) -> str:
    """A page with every part there is, all of whose texts are `words`."""
    curve = Curve(words, [0, 1, 2], [3.0, float("nan"), 5.0])
    many = np.linspace(1, 3, 50)
    parts = [
        page.text(words),
        page.note(words),
        page.notice(words),
        page.heading(words),
        page.tiles([(words, words)]),
        page.facts([(words, words)]),
        page.table([words, words], [[words, words]], [1]),
        page.figure(page.picture(PNG, words, 100), words),
        page.figure(page.audio(b"RIFF....WAVE", words), words),
        page.gallery([page.picture(PNG, words, smooth=True)]),
        page.beside(page.passage(words, [(0, 4)]), page.passage(words, [(2, 900), (-5, 3)])),
        page.steps([(words, page.passage(words))]),
        page.folded(words, page.code(words)),
        chart(words, [curve, Curve(words, [1], [2.0], dashed=True)], words, words),
        distribution(words, [(words, many), (words, many)], words, (words, 1.5), words),
    ]
    return page.page(words, words, [(words, page.joined(*parts)), (words, page.text(words))], words)


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_only_words(words: str):
    found = checked(full(words))
    assert sorted(set(found.tags)) == sorted(set(checked(full("plain")).tags))
    shown = re.sub(r"[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe]", "�", words)
    assert found.words.count(shown) >= 25


def test_a_page_is_the_same_for_the_same_parts():
    assert full("words") == full("words")


def test_marks_cover_the_spans_and_nothing_else():
    made = page.passage("abcdefghij", [(2, 4), (3, 6), (9, 99)])
    assert re.findall("<mark>(.*?)</mark>", made) == ["c", "d", "ef", "j"]
    assert re.sub("<.*?>", "", made).strip() == "abcdefghij"
    assert "<mark>" not in page.passage("abc") and "<mark>" not in page.passage("abc", [(1, 1)])


def test_curves_are_drawn_where_the_numbers_are():
    made = chart("losses", [Curve("a", [0, 10, 20], [0.0, 1.0, 4.0])], "seen")
    (way,) = re.findall(r'class="line c0" d="M(.*?)"', made)
    x, y = np.array([point.split() for point in way.split("L")], float).T
    assert np.allclose(np.diff(x), np.diff(x)[0]) and (np.diff(y) < 0).all()  # up is less in SVG
    assert (y[1] - y[2]) / (y[0] - y[1]) == pytest.approx(3, abs=0.02)
    for text in ("seen", ">0<", ">10<", ">20<"):
        assert text in made


def test_a_few_outliers_do_not_flatten_a_curve_and_are_told():
    y = [1.0 + 0.1 * (i % 5) for i in range(150)]
    y[7] = 1e6
    made = chart("losses", [Curve("a", list(range(150)), y)], "seen")
    assert "1 of 150 points lie outside" in made
    assert "outside" not in chart("losses", [Curve("a", list(range(150)), [*sorted(y)[:-1], 1.6])], "seen")


def test_charts_of_odd_numbers():
    nan = float("nan")
    assert chart("a", [Curve("a", [], []), Curve("b", [1, 2], [nan, nan])], "x") == ""
    for y in ([0.0, 0.0], [-5.0, -5.0], [1e-12, 2e-12], [1e15, -1e15], [nan, 3.0]):
        made = chart("a", [Curve("a", [0, 1], y)], "x")
        assert "nan" not in made and "inf" not in made and "<path" in made
    made = distribution("a", [("a", np.zeros(4)), ("b", np.zeros(9))], "x", ("t", 0.0), "")
    assert "nan" not in made and "<path" in made


@pytest.mark.parametrize(
    ("value", "words"),
    [
        *[
            (0, "0"),
            (12345.6, "12,346"),
            (1.0, "1.00"),
            (0.98765, "0.988"),
            (-3.14159, "−3.14"),
            (99.96, "100.0"),
        ],
        *[(0.00012, "1.2e−04"), (float("nan"), "–"), (float("inf"), "–")],
    ],
)
def test_numbers_as_people_write_them(value: float, words: str):
    assert number(value) == words

"""One self-contained HTML page from plain parts: nothing in it is fetched, run, or taken unescaped.

A part is a function that takes plain values and returns `Html`. Every argument of type `str` is escaped;
arguments of type `Html` are parts made before. Pictures and sounds stand in the page as data URIs, there is
no script, and a content security policy forbids whatever else might ask for the network.
"""

import base64
import html
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NewType

Html = NewType("Html", str)

_STYLE = Path(__file__).with_suffix(".css")
_POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_KINDS = {
    b"\x89PNG": "image/png",
    b"GIF8": "image/gif",
    b"\xff\xd8\xff": "image/jpeg",
    b"RIFF": "audio/wav",
    b"fLaC": "audio/flac",
}


def page(title: str, lead: str, sections: Sequence[tuple[str, Html]], foot: str) -> str:
    """The whole page: a title, a sentence or two below it, sections (heading, content), a last line."""
    names = [(f"s{number}", heading, content) for number, (heading, content) in enumerate(sections, 1)]
    contents = _all(
        f'<a href="#{name}">{escaped(heading)}</a>' for name, heading, _ in names
    )  # within the page: nothing leads out of it
    body = _all(
        f'<section id="{name}"><h2>{escaped(heading)}</h2>\n{content}</section>\n'
        for name, heading, content in names
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="creative-gan">
<title>{escaped(title)}</title>
<style>
{_STYLE.read_text("utf-8")}</style>
</head>
<body>
<header><h1>{escaped(title)}</h1><p class="lead">{escaped(lead)}</p><nav>{contents}</nav></header>
<main>
{body}</main>
<footer><p>{escaped(foot)}</p></footer>
</body>
</html>
"""


def escaped(text: str) -> Html:
    """Text that means itself, in an element or an attribute; characters that no page may hold become �."""
    return Html(html.escape(_CONTROL.sub("�", text)))


def joined(*parts: Html) -> Html:
    """Parts one after the other."""
    return _all(parts)


def text(words: str) -> Html:
    """A paragraph."""
    return Html(f"<p>{escaped(words)}</p>\n")


def note(words: str) -> Html:
    """A paragraph in small print."""
    return Html(f'<p class="note">{escaped(words)}</p>\n')


def notice(words: str, good: bool = False) -> Html:
    """A sentence in a box: something to heed, or, if `good`, something to be glad of."""
    return Html(f'<p class="notice{" good" if good else ""}">{escaped(words)}</p>\n')


def heading(words: str) -> Html:
    """A heading within a section."""
    return Html(f"<h3>{escaped(words)}</h3>\n")


def tiles(numbers: Sequence[tuple[str, str]]) -> Html:
    """The few numbers to see at a glance: (number, what it is)."""
    cells = _all(f"<div><dd>{escaped(n)}</dd><dt>{escaped(what)}</dt></div>" for n, what in numbers)
    return Html(f'<dl class="tiles">{cells}</dl>\n')


def facts(pairs: Sequence[tuple[str, str]]) -> Html:
    """Names and what they are, a line each."""
    rows = _all(f"<div><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd></div>" for name, value in pairs)
    return Html(f'<dl class="facts">{rows}</dl>\n')


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> Html:
    """A table whose first column names its rows; the columns in `numbers` are set flush right.

    What follows a line break in a row's name explains it, in small print.
    """
    kinds = [' class="number"' if column in numbers else "" for column in range(len(head))]
    top = _all(f'<th scope="col"{kind}>{escaped(cell)}</th>' for kind, cell in zip(kinds, head, strict=True))
    body = []
    for first, *rest in rows:
        cells = _all(f"<td{kind}>{escaped(cell)}</td>" for kind, cell in zip(kinds[1:], rest, strict=True))
        name, _, told = first.partition("\n")
        small = f"<small>{escaped(told)}</small>" if told else ""
        body.append(f'<tr><th scope="row">{escaped(name)}{small}</th>{cells}</tr>\n')
    return Html(
        f'<div class="wide"><table><thead><tr>{top}</tr></thead>\n<tbody>{_all(body)}</tbody></table></div>\n'
    )


def picture(data: bytes, alt: str, width: int | None = None, smooth: bool = False) -> Html:
    """A PNG, GIF or JPEG file as it is, `width` CSS pixels wide at most; pixels stay square unless `smooth`."""
    size = f' style="width:{width}px"' if width else ""
    kind = "" if smooth else ' class="pixels"'
    return Html(f'<img{kind}{size} alt="{escaped(alt)}" src="{_uri(data)}">')


def audio(data: bytes, label: str) -> Html:
    """A player for a WAV or FLAC file."""
    return Html(
        f'<audio controls preload="metadata" aria-label="{escaped(label)}" src="{_uri(data)}"></audio>'
    )


def figure(content: Html, caption: str) -> Html:
    """Anything with a caption below it."""
    return Html(f"<figure>{content}<figcaption>{escaped(caption)}</figcaption></figure>\n")


def gallery(items: Iterable[Html], least: int = 160) -> Html:
    """Parts side by side, as many in a row as there is room for at `least` CSS pixels each."""
    return Html(f'<div class="gallery" style="--least:{least}px">{_all(items)}</div>\n')


def steps(rows: Iterable[tuple[str, Html]]) -> Html:
    """What happened one after the other: (when, a part)."""
    cells = _all(f"<div><h3>{escaped(when)}</h3><div>{part}</div></div>" for when, part in rows)
    return Html(f'<div class="steps">{cells}</div>\n')


def passage(words: str, spans: Iterable[tuple[int, int]] = ()) -> Html:
    """A text with its own line breaks; the characters of `spans` [begin, end) are marked."""
    begins_ends = sorted(
        {0, len(words), *(min(max(place, 0), len(words)) for span in spans for place in span)}
    )
    marked = [range(*span) for span in spans]
    parts = [
        f"<mark>{escaped(words[a:b])}</mark>" if any(a in span for span in marked) else escaped(words[a:b])
        for a, b in pairwise(begins_ends)
    ]
    return Html(f'<blockquote dir="auto">{_all(parts)}</blockquote>\n')


def beside(left: Html, right: Html) -> Html:
    """Two parts to compare, side by side where there is room."""
    return Html(f'<div class="beside"><div>{left}</div><div>{right}</div></div>\n')


def folded(summary: str, content: Html) -> Html:
    """Something for those who ask for it."""
    return Html(f"<details><summary>{escaped(summary)}</summary>\n{content}</details>\n")


def code(words: str) -> Html:
    """Text as a machine reads it."""
    return Html(f'<pre tabindex="0"><code>{escaped(words)}</code></pre>\n')


def _uri(data: bytes) -> str:
    kind = next((kind for head, kind in _KINDS.items() if data.startswith(head)), None)
    assert kind, "a picture or a sound of a kind that browsers show"
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _all(parts: Iterable[str]) -> Html:
    return Html("".join(parts))

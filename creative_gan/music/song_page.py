"""Songs on the page of a report: to see and hear, their figures, and what they may be copies of."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from creative_gan.core import page
from creative_gan.core import report as reports
from creative_gan.core.copying import memorised, section
from creative_gan.core.page import Html
from creative_gan.music.melodies import BARS, COMPARED, Copied, excerpt, shared
from creative_gan.music.midi.export import to_midi
from creative_gan.music.midi.metrics import RUN
from creative_gan.music.midi.picture import piano_roll
from creative_gan.music.midi.song import QUARTER, Song
from creative_gan.music.synth import render
from creative_gan.music.wave.export import sound_bytes

SECONDS = 15.0
"""Of a song that is heard."""
RATE = 22_050
PAIRS = 4
SHAPES = {"lead": "a melody with chords", "chorale": "four voices", "band": "a band of eight roles"}
"""What songs of each shape are for."""

MEANINGS = {
    "pitch class KL": ("pitch classes", "how far C, C sharp ... are as frequent as in the data; low is good"),
    "note length KL": ("note lengths", "the same of how long notes last; low is good"),
    "harmonic interval KL": ("harmonic intervals", "the same of what sounds together; low is good"),
    "melodic step KL": ("melodic steps", "the same of the steps of the melody; low is good"),
    "scale consistency": ("scale consistency", "share of notes that fit one scale; near real data is good"),
    "groove": ("groove", "how alike the rhythms of neighbouring bars are; near real data is good"),
    "polyphony": ("polyphony", "how many notes sound at a time; near real data is good"),
    "notes a bar": ("notes a bar", "near real data is good"),
    "tonal distance": ("tonal distance", "how far apart the parts are in harmony; near real data is good"),
    "repeated bars": (
        "repeated bars",
        "share of bars that were heard before in the song; near real data is good",
    ),
    "longest same pitch": ("longest same pitch", "notes in a row on one pitch; long where a model is stuck"),
    "crossed parts": (
        "crossed parts",
        "share of the time in which a part lies above one that is named before it; near real data is good",
    ),
    "copied runs": (
        "copied runs",
        f"share of runs of {RUN} notes that are somewhere in the training songs, whatever the key; near "
        "real data is good",
    ),
    "longest copy": (
        "longest copy",
        "notes in a row of any melody that are somewhere in the training songs, whatever the key",
    ),
}
"""The figures of songs: name -> title, and what it means."""


def played(song: Song, caption: str, origin: Any = None, width: int = 1000) -> Html:
    """A song to see and to hear, its first `BARS` bars and `SECONDS` seconds."""
    if not len(song.notes):
        return page.text(f"{caption}: a song without notes")
    heard = excerpt(song, 0, int(SECONDS * song.tempo / 60 * QUARTER) - 1)
    sound = render(to_midi(heard), RATE, "own").mean(1)
    player = page.audio(sound_bytes(sound, RATE, ".wav", origin), caption)
    return page.figure(page.joined(drawn(song, caption, width), player), caption)


def drawn(song: Song, alt: str, width: int) -> Html:
    """A song to see, eight bars a row where there is room for them."""
    file = io.BytesIO()
    made = piano_roll(song, width, 8 if width > 600 else 4, BARS)
    made.quantize(64, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return page.picture(file.getvalue(), f"piano roll of {alt}", smooth=True)


def figures(result: Mapping[str, Any], meanings: Mapping[str, tuple[str, str]], sizes: str) -> Html:
    """The figures of an `evaluate` of songs. `sizes`: of what they are figures."""
    return reports.figures(
        result,
        meanings,
        {"control": "shuffled pitches"},
        "held-out real songs score, and what the same songs score when their pitches are shuffled: a figure that "
        "cannot tell the two apart says nothing about notes.",
        f"{sizes} Figures of other sizes or data cannot be compared with these.",
    )


def copies(
    copied: Copied,
    fake: Sequence[Song],
    train: Sequence[Song],
    names: Sequence[str],
    runs: Mapping[str, float],
    items: str = "songs",
    whole: bool = False,
) -> Html:
    """What a report has on memorisation.

    Args:
        names: of the training songs.
        runs: the figure `copied runs`.
        items: what the songs are called.
        whole: whether the closest ones are short enough to stand there from beginning to end.
    """
    spans, unseen = copied.spans.length + 1, copied.heldout_spans.length + 1
    usual = float(np.percentile(unseen, 99))
    longest = [i for i in np.argsort(-spans, kind="stable").tolist() if copied.spans.source[i] >= 0][:PAIRS]
    closest = []
    for i in copied.copying.closest[:PAIRS].tolist():
        far, row = copied.copying.distance[i], int(copied.copying.nearest[i])
        words = f"{far:.0%} of the notes edited" if far else "note for note"
        left, right = (fake[i], train[row]) if whole else shared(fake[i], train[row])[:2]
        closest.append(_pair(left, right, f"sample {i}", words, names[row]))
    running = []
    for i in longest:
        row = int(copied.spans.source[i])
        left, right, _ = shared(fake[i], train[row])
        running.append(_pair(left, right, f"sample {i}", f"{spans[i]} notes the same", names[row]))
    return page.joined(
        section(copied.copying, items, "edits a note", page.joined(*closest)),
        page.heading("The longest copied runs of notes"),
        page.text(
            f"The longest run of notes that a melody shares with one training {items.removesuffix('s')}, whatever "
            f"the key, has {spans.mean():.1f} notes on average and {spans.max()} at the most; with unseen real "
            f"{items} it is {unseen.mean():.1f} and {unseen.max()}. Only one in a hundred of those goes beyond "
            f"{usual:.0f}; of the samples {(spans > usual).mean():.1%} do. Of all runs of {RUN} notes "
            f"{_share(runs['value'])} are somewhere in the training songs, of those of unseen real songs "
            f"{_share(runs['floor'])}."
        ),
        *running,
        page.note(
            f"Melodies are compared by their intervals and rhythm: the notes of the highest part, and of edits the "
            f"first {COMPARED} of them. Chords, bass and drums are not looked at."
        ),
    )


def card(copied: Copied, runs: Mapping[str, float]) -> dict[str, str]:
    """What a model card says of copying: name -> figure. `runs`: the figure `copied runs`."""
    made, unseen = copied.spans.length + 1, copied.heldout_spans.length + 1
    return memorised(copied.copying, "edits a note") | {
        "longest copied run": f"{made.mean():.1f} notes on average, {made.max()} at the most",
        "the same of unseen real songs": f"{unseen.mean():.1f} notes on average, {unseen.max()} at the most",
        f"copied runs of {RUN} notes": _share(runs["value"]),
        f"copied runs of {RUN} notes in unseen real songs": _share(runs["floor"]),
    }


def partly(looked: int, whole: int, items: str) -> str:
    """A note where copies were looked for among some of the training songs only; else empty."""
    if looked == whole:
        return ""
    return f"Copies were looked for among {looked:,} of the {whole:,} training {items}, at even distances."


def _share(value: float) -> str:
    return f"{value:.1%}" if np.isfinite(value) else "none (they are too short)"


def _pair(left: Song, right: Song, sample: str, words: str, name: str) -> Html:
    """A sample and a training song beside each other."""
    return page.beside(
        page.figure(drawn(left, sample, 520), f"{sample} · {words}"),
        page.figure(drawn(right, name, 520), name),
    )

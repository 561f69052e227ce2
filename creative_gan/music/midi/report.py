"""The report of a run on MIDI: songs to see and hear, how it learned, how good it is, and whether it copies."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from creative_gan.core import page
from creative_gan.core import report as reports
from creative_gan.core.copying import Copying, judge, memorised, section
from creative_gan.core.errors import UserError
from creative_gan.core.page import Html
from creative_gan.core.report import Chart
from creative_gan.music.midi import metrics
from creative_gan.music.midi.evaluate import CHUNK, Corpus, judged, likelihood, open_corpus
from creative_gan.music.midi.export import to_midi
from creative_gan.music.midi.model import Manner, Model, load
from creative_gan.music.midi.picture import piano_roll
from creative_gan.music.midi.reader import read_midi
from creative_gan.music.midi.song import QUARTER, Song
from creative_gan.music.synth import render
from creative_gan.music.wave.export import sound_bytes
from creative_gan.sequence.metrics import Copies, longest_copies
from creative_gan.sequence.nearest import nearest

SAMPLES = 128
FEWER = 32
"""Samples of a model of more than `LARGE` weights."""
LARGE = 20_000_000
LOOKED_AT = 2_000
"""Training songs among which copies are looked for."""
COMPARED = 160
"""Notes from the beginning of each melody that are compared edit by edit."""
HEARD = 3
BARS, SECONDS = 16, 15.0
"""Of a song that is shown, and of what is heard of it."""
RATE = 22_050
PAIRS = 4

MEANINGS = {
    "heldout nll": (
        "surprise at unseen songs",
        "nats a token: how improbable it finds real songs that it never saw, beside those of its training; low is good",
    ),
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
    "copied runs": (
        "copied runs",
        f"share of runs of {metrics.RUN} notes that are somewhere in the training songs, whatever the key; near "
        "real data is good",
    ),
    "longest copy": (
        "longest copy",
        "notes in a row of any melody that are somewhere in the training songs, whatever the key",
    ),
}
CHARTS = [
    Chart(
        "Surprise at unseen songs",
        {"heldout_nll": "held-out songs"},
        "Nats a token. Rising while the training goes on means learning by heart.",
    ),
    Chart("Likelihood phase", {"nll": "training songs"}, "Nats a token; this falls."),
    Chart(
        "Distance of samples from the data",
        {
            "pitch_class_kl": "pitch classes",
            "harmonic_interval_kl": "harmonic intervals",
            "melodic_step_kl": "melodic steps",
        },
        "Kullback-Leibler divergences in nats; these fall.",
    ),
    Chart("Variety of samples", {"distinct_4": "distinct runs of four tokens"}, "Falling means collapse."),
    reports.ADVERSARIAL,
]


@dataclass(frozen=True)
class Copied:
    """What is known of the copying of melodies, whatever their key."""

    copying: Copying
    """By edits a note of the first `COMPARED` notes."""
    spans: Copies
    """The longest run of moves from note to note that each sample has from one training song."""
    heldout_spans: Copies


@dataclass(frozen=True)
class Judged:
    """Samples and the real songs that they were judged by."""

    corpus: Corpus
    train: list[Song]
    """Those among which copies were looked for."""
    names: list[str]
    """Of `train`."""
    heldout: list[Song]
    fake: list[Song]
    figures: dict[str, Any]
    """As those of `evaluate`."""
    copied: Copied


def report(
    run: str | Path, out: Path | None = None, overwrite: bool = False, data: str | None = None
) -> Path:
    """Writes the report of a run to `out`, or to `report.html` in its folder, and returns where it is.

    `data`: the songs to judge by, else those of the training; where they cannot be had, the page says so. Raises
    UserError and DataError: there is no such run, its model is damaged, or the page cannot be written.
    """
    found = reports.read(run, "music")
    model, judged, trouble = load(found.folder), None, ""
    try:
        judged = compare(model, data)
    except UserError as error:
        trouble = str(error)
    kinds = {"lead": "a melody with chords", "chorale": "four voices", "band": "a band of eight roles"}
    parts = reports.Parts(
        items="songs",
        shown="shown",
        what=f"Writes songs for {kinds[found.config['shape']]} as MIDI",
        weights=reports.weights(model.generator()),
        samples=_samples(model, judged),
        how="written down",
        previews=_previews(found),
        charts=CHARTS,
        data=_data(found, judged),
        judged=_findings(found, judged) if judged else None,
        trouble=trouble,
    )
    return reports.write(found, parts, out, overwrite)


def memorisation(run: str | Path, data: str | None = None) -> dict[str, str]:
    """What a model card says of copying: name -> figure. Raises UserError where nothing can be measured."""
    found = compare(load(run), data)
    made, unseen = found.copied.spans.length + 1, found.copied.heldout_spans.length + 1
    runs = found.figures["copied runs"]
    return memorised(found.copied.copying, "edits a note") | {
        "longest copied run": f"{made.mean():.1f} notes on average, {made.max()} at the most",
        "the same of unseen real songs": f"{unseen.mean():.1f} notes on average, {unseen.max()} at the most",
        f"copied runs of {metrics.RUN} notes": _share(runs["value"]),
        f"copied runs of {metrics.RUN} notes in unseen real songs": _share(runs["floor"]),
    }


def compare(model: Model, data: str | None) -> Judged:
    """Judges samples of seed 0. Raises UserError where there are no songs to judge by, or too few."""
    corpus = open_corpus(model, data)
    if len(corpus.heldout) < 2:
        raise UserError("fewer than two songs are held out; more songs are needed")
    count = FEWER if reports.weights(model.generator()) > LARGE else SAMPLES
    fake = [model.words.decode(ids) for ids in model.ids(range(count), Manner(), CHUNK)]
    rows = _spread(len(corpus.train), LOOKED_AT)
    train = corpus.train.songs(rows)
    heldout = corpus.heldout.songs(_spread(len(corpus.heldout), 2 * count))
    figures = {"heldout nll": likelihood(model, corpus, Manner())} | judged(fake, train, heldout)
    # the surprise has no control
    figures = {
        name: {key: value for key, value in one.items() if value is not None} for name, one in figures.items()
    }
    names = [corpus.train.names[row] for row in rows]
    return Judged(corpus, train, names, heldout, fake, figures, copies(train, heldout, fake))


def copies(train: Sequence[Song], heldout: Sequence[Song], fake: Sequence[Song]) -> Copied:
    """What is known of the copying of melodies, whatever the key."""
    known, unseen, made = ([moves(song) for song in songs] for songs in (train, heldout, fake))
    short = [[melody[:COMPARED] for melody in melodies] for melodies in (known, unseen, made)]
    near, kept = nearest(short[2], short[0]), nearest(short[1], short[0])
    copying = judge(near.index, near.distance, kept.distance)
    return Copied(copying, longest_copies(made, known), longest_copies(unseen, known))


def moves(song: Song) -> list[int]:
    """From each note of the melody to the next, interval and time in one number: the same in every key."""
    line = metrics.melody(song)
    return (np.diff(line[:, 2]) + 128 + np.diff(line[:, 0]) * 256).tolist()


def shared(left: Song, right: Song) -> tuple[Song, Song, int]:
    """The longest run of moves that two melodies share: where it is in each song, and how many notes it has."""
    match = SequenceMatcher(None, moves(left), moves(right), autojunk=False).find_longest_match()
    notes = match.size + 1
    return _around(left, match.a, notes), _around(right, match.b, notes), notes


def excerpt(song: Song, first: int, last: int, bars: int = BARS) -> Song:
    """The bars of a song from that of tick `first` to that of tick `last`, so many at most, as a song."""
    rows = song.bars()
    if not len(rows):
        return song
    begin = int(np.searchsorted(rows[:, 0], first, side="right")) - 1
    rows = rows[begin : begin + bars]
    rows = rows[rows[:, 0] <= last]
    start, end = int(rows[0, 0]), int(rows[-1, 0] + rows[-1, 1])
    notes = song.notes[(song.notes[:, 0] >= start) & (song.notes[:, 0] < end)].copy()
    notes[:, 0] -= start
    notes[:, 1] = np.minimum(notes[:, 1], end - start - notes[:, 0])
    metres = tuple((int(row[0]) - start, int(row[2])) for row in rows)
    keys = tuple((int(row[0]) - start, int(row[3])) for row in rows)
    return replace(song, notes=notes, metres=_changes(metres), keys=_changes(keys))


def _changes(rows: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    return tuple(row for i, row in enumerate(rows) if not i or row[1] != rows[i - 1][1])


def _around(song: Song, at: int, notes: int) -> Song:
    """The bars in which some notes of the melody lie."""
    onsets = metrics.melody(song)[at : at + notes, 0]
    return excerpt(song, int(onsets[0]), int(onsets[-1])) if len(onsets) else song


def _findings(run: reports.Run, found: Judged) -> reports.Findings:
    return reports.Findings(
        notes=[reports.changed(run.config, found.corpus.fingerprint, "songs"), _partly(found)],
        headline=(found.figures["heldout nll"], "nats a token on unseen songs; on its training"),
        figures=_figures(found),
        copying=found.copied.copying,
        copies=_copies(found),
    )


def _samples(model: Model, found: Judged | None) -> Html:
    origins = [model.origin("music sample", {"index": i, "instruments": []}, Manner()) for i in range(HEARD)]
    songs = model.write(range(HEARD), Manner())
    made = [
        _played(song, f"sample {i}", origin)
        for i, (song, origin) in enumerate(zip(songs, origins, strict=True))
    ]
    parts = [page.heading("Samples of seed 0, as they came: none was chosen or left out"), *made]
    if found:
        row = len(found.train) // 2
        real = _played(found.train[row], found.names[row])
        parts += [page.heading("A real song of the training, for comparison"), real]
    told = f"Of each song {BARS} bars at most are drawn, and {SECONDS:.0f} seconds can be heard."
    return page.joined(*parts, page.note(told))


def _played(song: Song, caption: str, origin: Any = None) -> Html:
    """A song to see and to hear."""
    if not len(song.notes):
        return page.text(f"{caption}: a song without notes")
    heard = excerpt(song, 0, int(SECONDS * song.tempo / 60 * QUARTER) - 1)
    sound = render(to_midi(heard), RATE, "own").mean(1)
    player = page.audio(sound_bytes(sound, RATE, ".wav", origin), caption)
    return page.figure(page.joined(_roll(song, caption, 1000), player), caption)


def _roll(song: Song, alt: str, width: int) -> Html:
    file = io.BytesIO()
    drawn = piano_roll(song, width, 8 if width > 600 else 4, BARS)
    drawn.quantize(64, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return page.picture(file.getvalue(), f"piano roll of {alt}", smooth=True)


def _previews(run: reports.Run) -> list[tuple[int, Html]]:
    rows = []
    for seen, path in run.previews(".png"):
        try:
            song = read_midi(path.with_name(f"{path.stem}-1.mid"))
        except UserError:
            continue  # gone, or a song that somebody else put there
        words = f"the same song after {seen:,}"
        rows.append((seen, _roll(excerpt(song, 0, song.end, 8), words, 1000)))
    return rows


def _figures(found: Judged) -> Html:
    return reports.figures(
        found.figures,
        MEANINGS,
        {"control": "shuffled pitches"},
        "held-out real songs score, and what the same songs score when their pitches are shuffled: a figure that "
        "cannot tell the two apart says nothing about notes.",
        f"{len(found.fake):,} samples and {len(found.heldout):,} held-out songs, against {len(found.train):,} "
        "training songs. Figures of other sizes or data cannot be compared with these.",
    )


def _copies(found: Judged) -> Html:
    copied = found.copied
    spans, unseen = copied.spans.length + 1, copied.heldout_spans.length + 1
    usual = float(np.percentile(unseen, 99))
    longest = [i for i in np.argsort(-spans, kind="stable").tolist() if copied.spans.source[i] >= 0][:PAIRS]
    runs = found.figures["copied runs"]
    closest = [
        _pair(
            found,
            i,
            int(copied.copying.nearest[i]),
            f"{far:.0%} of the notes edited" if far else "note for note",
        )
        for i in copied.copying.closest[:PAIRS].tolist()
        for far in [copied.copying.distance[i]]
    ]
    return page.joined(
        section(copied.copying, "songs", "edits a note", page.joined(*closest)),
        page.heading("The longest copied runs of notes"),
        page.text(
            f"The longest run of notes that a melody shares with one training song, whatever the key, has "
            f"{spans.mean():.1f} notes on average and {spans.max()} at the most; with unseen real songs it is "
            f"{unseen.mean():.1f} and {unseen.max()}. Only one in a hundred of those goes beyond {usual:.0f}; of the "
            f"samples {(spans > usual).mean():.1%} do. Of all runs of {metrics.RUN} notes {_share(runs['value'])} "
            f"are somewhere in the training songs, of those of unseen real songs {_share(runs['floor'])}."
        ),
        *(_pair(found, i, int(copied.spans.source[i]), f"{spans[i]} notes the same") for i in longest),
        page.note(
            f"Melodies are compared by their intervals and rhythm: the notes of the highest part, and of edits the "
            f"first {COMPARED} of them. Chords, bass and drums are not looked at."
        ),
    )


def _share(value: float) -> str:
    return f"{value:.1%}" if np.isfinite(value) else "none (they are too short)"


def _pair(found: Judged, sample: int, row: int, words: str) -> Html:
    """The bars that a sample and a training song have in common, beside each other."""
    left, right, _ = shared(found.fake[sample], found.train[row])
    name = found.names[row]
    return page.beside(
        page.figure(_roll(left, f"sample {sample}", 520), f"sample {sample} · {words}"),
        page.figure(_roll(right, name, 520), name),
    )


def _data(run: reports.Run, found: Judged | None) -> Html:
    about, split = run.config["data"], run.config["split"]
    pairs = [
        ("songs", f"{about['count']:,} of {run.source}"),
        ("held out", f"{split['holdout']:.0%} of them or as the data say, which the training never saw"),
        ("shown as", f"{run.config['shape']}, in windows of {split['bars']} bars"),
    ]
    if found:
        counts = (len(found.corpus.train), len(found.corpus.heldout))
        pairs.insert(1, ("split", f"{counts[0]:,} to train on, {counts[1]:,} held out"))
    return reports.data(run, pairs, {})


def _partly(found: Judged) -> str:
    whole = len(found.corpus.train)
    if len(found.train) == whole:
        return ""
    return f"Copies were looked for among {len(found.train):,} of the {whole:,} training songs, at even distances."


def _spread(count: int, most: int) -> list[int]:
    return np.linspace(0, count - 1, min(most, count)).round().astype(int).tolist()

"""The report of a run on piano rolls: rolls to see and hear, how it learned, how good it is, and whether it copies."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from creative_gan.core import page
from creative_gan.core import report as reports
from creative_gan.core.data import evenly
from creative_gan.core.errors import UserError
from creative_gan.core.page import Html
from creative_gan.core.report import Chart
from creative_gan.music import song_page
from creative_gan.music.melodies import Copied, copies, excerpt
from creative_gan.music.midi.reader import read_midi
from creative_gan.music.midi.song import Song, ordered
from creative_gan.music.roll.again import origin
from creative_gan.music.roll.data import Grid, metre_name
from creative_gan.music.roll.evaluate import Corpus, judged, open_corpus
from creative_gan.music.roll.export import stretch, to_song
from creative_gan.music.roll.model import Manner, Model, load
from creative_gan.music.song_page import drawn, partly, played

SAMPLES = 256
LOOKED_AT = 20_000
"""Training rolls among which copies are looked for."""
HEARD, REAL = 4, 2

MEANINGS = song_page.MEANINGS | {
    "silence": ("silence", "share of the time at which a track sounds nothing; near real data is good"),
    "short notes": (
        "short notes",
        "share of notes that last one step, many where rolls fall to pieces; near real data is good",
    ),
    "clashes": ("clashes", "share of sounding steps with two notes a semitone apart; near real data is good"),
    "diversity": ("diversity", "how unlike two rolls are, 1 with nothing in common; near real data is good"),
}
CHARTS = [
    *reports.GAME,
    Chart(
        "Silence, fragments and clashes",
        {
            "silence": "silent steps of a track",
            "short_notes": "notes of one step",
            "clashes": "steps with a clash",
        },
        "Shares of samples. What real songs have stands among the figures below.",
    ),
]


@dataclass(frozen=True)
class Judged:
    """Samples and the real songs that they were judged by."""

    corpus: Corpus
    train: list[Song]
    """The training rolls among which copies were looked for."""
    names: list[str]
    """Where each of these is from."""
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
    model = load(found.folder)
    judged, trouble = reports.tried(lambda: compare(model, data))
    parts = reports.Parts(
        items="rolls",
        shown="shown",
        what=f"Makes piano rolls of {_size(model.grid)} for {song_page.SHAPES[model.grid.shape]}",
        weights=reports.weights(model.generator),
        samples=_samples(model, judged),
        how="written down",
        previews=_previews(found, model),
        charts=CHARTS,
        data=_data(found, model, judged),
        judged=_findings(found, judged) if judged else None,
        trouble=trouble,
    )
    return reports.write(found, parts, out, overwrite)


def memorisation(run: str | Path, data: str | None = None) -> dict[str, str]:
    """What a model card says of copying: name -> figure. Raises UserError where nothing can be measured."""
    found = compare(load(run), data)
    return song_page.card(found.copied, found.figures["copied runs"])


def compare(model: Model, data: str | None) -> Judged:
    """Judges samples of seed 0. Raises UserError where there are no songs to judge by, or too few."""
    corpus = open_corpus(model, data)
    unseen, known = corpus.heldout.apart(), corpus.train.apart()
    if len(unseen) < 2:
        raise UserError("fewer than two rolls are held out; more songs are needed")
    unseen = unseen[evenly(len(unseen), 2 * SAMPLES)]
    apart = [
        stretch(corpus.train, index) for index in known[evenly(len(known), LOOKED_AT // model.grid.bars)]
    ]
    made = model.rolls(range(SAMPLES), 0)[:, 0]
    figures = judged(model, made, apart, corpus.heldout.rolls(unseen))
    # a copy may begin at any bar, so rolls that overlap are looked at, too
    rows = evenly(len(corpus.train), LOOKED_AT)
    train = [stretch(corpus.train, index) for index in rows]
    heldout = [stretch(corpus.heldout, index) for index in unseen]
    fake = [to_song(roll, model.grid, model.config["tempo"]) for roll in made]
    names = [_name(corpus, row) for row in rows]
    return Judged(corpus, train, names, fake, figures, copies(train, heldout, fake))


def _findings(run: reports.Run, found: Judged) -> reports.Findings:
    corpus, runs = found.corpus, found.figures["copied runs"]
    return reports.Findings(
        notes=[
            reports.changed(run.config, corpus.train.fingerprint, "songs"),
            partly(len(found.train), len(corpus.train), "rolls"),
        ],
        headline=(
            found.figures["harmonic interval KL"],
            "nats from the data in harmonic intervals; real songs",
        ),
        figures=_figures(found),
        copying=found.copied.copying,
        copies=song_page.copies(
            found.copied, found.fake, found.train, found.names, runs, "rolls", whole=True
        ),
    )


def _samples(model: Model, found: Judged | None) -> Html:
    songs = model.write(range(HEARD), Manner())
    made = [played(song, f"sample {i}", origin(model, i, Manner()), 600) for i, song in enumerate(songs)]
    parts = [
        page.heading("Samples of seed 0, as they came: none was chosen or left out"),
        page.gallery(made, 400),
    ]
    if found:
        rows = [(2 * i + 1) * len(found.train) // (2 * REAL) for i in range(REAL)]
        real = [played(found.train[row], found.names[row], width=600) for row in rows]
        parts += [
            page.heading("Stretches of the training songs, for comparison"),
            page.gallery(real, 400),
        ]
    return page.joined(*parts)


def _previews(run: reports.Run, model: Model) -> list[tuple[int, Html]]:
    rows = []
    for seen, path in run.previews(".mid"):
        try:
            song = read_midi(path)
        except UserError:
            continue  # silent, or a song that somebody else put there
        words = f"the same rolls after {seen:,}"
        shown = excerpt(_on_tracks(song, model.grid), 0, song.end, 2 * model.grid.bars)
        rows.append((seen, drawn(shown, words, 1000)))
    return rows


def _figures(found: Judged) -> Html:
    sizes = found.figures["sizes"]
    silent = sum(not len(song.notes) for song in found.fake)
    aside = f", of which {silent:,} without a note count for silence alone" if silent else ""
    told = (
        f"{sizes['samples']:,} samples{aside}, and {sizes['heldout']:,} held-out stretches as long as a roll, against "
        f"{sizes['training']:,} of the training songs, none of which overlap."
    )
    return song_page.figures(found.figures, MEANINGS, told)


def _data(run: reports.Run, model: Model, found: Judged | None) -> Html:
    about, grid = run.config["data"], model.grid
    pairs = [
        ("rolls", f"{about['count']:,}, every {_size(grid)} in a row in the songs of {run.source}"),
        ("held out", f"{about['holdout']:.0%} of the songs or as the data say, which the training never saw"),
        (
            "drawn as",
            f"{len(grid.lines)} tracks of {grid.roll[1]} steps, {grid.steps} a quarter, and {grid.pitches} pitches",
        ),
    ]
    if found:
        counts = (len(found.corpus.train), len(found.corpus.heldout))
        pairs.insert(1, ("split", f"{counts[0]:,} to train on, {counts[1]:,} held out"))
    return reports.data(run, pairs, {})


def _on_tracks(song: Song, grid: Grid) -> Song:
    """A song of a file, which leaves silent tracks out, with its notes on the tracks that they were made on."""
    parts = tuple(line.part for line in grid.lines)
    names, notes = [part.name for part in parts], song.notes.copy()
    track = [names.index(part.name) if part.name in names else 0 for part in song.parts]
    notes[:, 3] = np.array(track)[notes[:, 3]]
    return replace(song, notes=ordered(notes), parts=parts)


def _name(corpus: Corpus, row: int) -> str:
    """Where a training roll is from."""
    first, bars = int(corpus.train.first[row]) + 1, corpus.train.grid.bars
    place = f"bars {first} to {first + bars - 1}" if bars > 1 else f"bar {first}"
    return f"{corpus.names[corpus.train.song[row]]}, {place}"


def _size(grid: Grid) -> str:
    return f"{grid.bars} bar{'s' * (grid.bars > 1)} of {metre_name(grid.metre)}"

"""The report of a run on MIDI: songs to see and hear, how it learned, how good it is, and whether it copies."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from creative_gan.core import page
from creative_gan.core import report as reports
from creative_gan.core.data import evenly
from creative_gan.core.errors import UserError
from creative_gan.core.page import Html
from creative_gan.core.report import Chart
from creative_gan.music import song_page
from creative_gan.music.melodies import BARS, Copied, copies, excerpt
from creative_gan.music.midi.evaluate import CHUNK, Corpus, judged, likelihood, open_corpus
from creative_gan.music.midi.model import Manner, Model, load
from creative_gan.music.midi.reader import read_midi
from creative_gan.music.midi.song import Song
from creative_gan.music.song_page import drawn, partly, played

SAMPLES = 128
FEWER = 32
"""Samples of a model of more than `LARGE` weights."""
LARGE = 20_000_000
LOOKED_AT = 2_000
"""Training songs among which copies are looked for."""
HEARD = 3

MEANINGS = {
    "heldout nll": (
        "surprise at unseen songs",
        "nats a token: how improbable it finds real songs that it never saw, beside those of its training; low is good",
    ),
} | song_page.MEANINGS
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
    model = load(found.folder)
    judged, trouble = reports.tried(lambda: compare(model, data))
    parts = reports.Parts(
        items="songs",
        shown="shown",
        what=f"Writes songs for {song_page.SHAPES[found.config['shape']]} as MIDI",
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
    return song_page.card(found.copied, found.figures["copied runs"])


def compare(model: Model, data: str | None) -> Judged:
    """Judges samples of seed 0. Raises UserError where there are no songs to judge by, or too few."""
    corpus = open_corpus(model, data)
    if len(corpus.heldout) < 2:
        raise UserError("fewer than two songs are held out; more songs are needed")
    count = FEWER if reports.weights(model.generator()) > LARGE else SAMPLES
    fake = [model.words.decode(ids) for ids in model.ids(range(count), Manner(), CHUNK)]
    rows = evenly(len(corpus.train), LOOKED_AT)
    train = corpus.train.songs(rows)
    heldout = corpus.heldout.songs(evenly(len(corpus.heldout), 2 * count))
    figures = {"heldout nll": likelihood(model, corpus)} | judged(fake, train, heldout)
    # the surprise has no control
    figures = {
        name: {key: value for key, value in one.items() if value is not None} for name, one in figures.items()
    }
    names = [corpus.train.names[row] for row in rows]
    return Judged(corpus, train, names, heldout, fake, figures, copies(train, heldout, fake))


def _findings(run: reports.Run, found: Judged) -> reports.Findings:
    few = partly(len(found.train), len(found.corpus.train), "songs")
    return reports.Findings(
        notes=[reports.changed(run.config, found.corpus.fingerprint, "songs"), few],
        headline=(found.figures["heldout nll"], "nats a token on unseen songs; on its training"),
        figures=_figures(found),
        copying=found.copied.copying,
        copies=_copies(found),
    )


def _samples(model: Model, found: Judged | None) -> Html:
    origins = [model.origin("music sample", {"index": i, "instruments": []}, Manner()) for i in range(HEARD)]
    songs = model.write(range(HEARD), Manner())
    made = [
        played(song, f"sample {i}", origin)
        for i, (song, origin) in enumerate(zip(songs, origins, strict=True))
    ]
    parts = [page.heading("Samples of seed 0, as they came: none was chosen or left out"), *made]
    if found:
        row = len(found.train) // 2
        real = played(found.train[row], found.names[row])
        parts += [page.heading("A real song of the training, for comparison"), real]
    told = f"Of each song {BARS} bars at most are drawn, and {song_page.SECONDS:.0f} seconds can be heard."
    return page.joined(*parts, page.note(told))


def _previews(run: reports.Run) -> list[tuple[int, Html]]:
    rows = []
    for seen, path in run.previews(".png"):
        try:
            song = read_midi(path.with_name(f"{path.stem}-1.mid"))
        except UserError:
            continue  # gone, or a song that somebody else put there
        words = f"the same song after {seen:,}"
        rows.append((seen, drawn(excerpt(song, 0, song.end, 8), words, 1000)))
    return rows


def _figures(found: Judged) -> Html:
    sizes = (
        f"{len(found.fake):,} samples and {len(found.heldout):,} held-out songs, against {len(found.train):,} "
        "training songs."
    )
    return song_page.figures(found.figures, MEANINGS, sizes)


def _copies(found: Judged) -> Html:
    runs = found.figures["copied runs"]
    return song_page.copies(found.copied, found.fake, found.train, found.names, runs)


def _data(run: reports.Run, found: Judged | None) -> Html:
    about, split = run.config["data"], run.config["split"]
    held = f"{len(found.corpus.heldout):,}, " if found else ""
    pairs = [
        ("songs", f"{about['count']:,} to train on, of {run.source}"),
        ("held out", f"{held}{split['holdout']:.0%} of all or as the data say, which the training never saw"),
        ("shown as", f"{run.config['shape']}, in windows of {split['bars']} bars"),
    ]
    return reports.data(run, pairs, {})

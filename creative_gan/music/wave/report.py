"""The report of a run on sounds: samples to hear, how it learned, how good it is, and whether it copies."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from creative_gan.core import page
from creative_gan.core import report as reports
from creative_gan.core.chart import number
from creative_gan.core.copying import Copying, judge, verdict
from creative_gan.core.errors import UserError
from creative_gan.core.page import Html
from creative_gan.core.report import Chart
from creative_gan.music.wave.data import Sounds
from creative_gan.music.wave.evaluate import asked_labels, figures, real_sounds
from creative_gan.music.wave.export import PAUSE, in_turn, sound_bytes
from creative_gan.music.wave.metrics import mel_features
from creative_gan.music.wave.model import Model, load
from creative_gan.music.wave.picture import sound_sheet
from creative_gan.music.wave.reader import read_sound

MADE, FEWEST = 1 << 21, 128
"""Samples a second times seconds of all sounds that are judged, and how many are at least; never above `MOST`."""
MOST = 512
LOOKED_AT = 1 << 26
"""Samples a second times seconds of the training sounds among which copies are looked for."""
JUDGE = 6_400
"""Sounds that the classifier looks at: an eighth of what `evaluate` has the patience for."""
SHOWN, DRAWN = 8, 32
PAIRS = 6
STEPS = 7
HEARD = 6.0
"""Seconds of each preview, about."""

MEANINGS = {
    "log-mel Fréchet": (
        "log-mel Fréchet distance",
        "how far the samples as a whole are from real sounds; low is good",
    ),
    "Fréchet distance": ("Fréchet distance", "the same in the features of the classifier; low is good"),
    "inception score": ("inception score", "how clear and how varied the classes are; high is good"),
    "right class": ("right class", "share of samples that are of the class that was asked for; high is good"),
    "rarest class": ("rarest class", "how often the rarest class comes; 1 where all come as often"),
    "precision": ("precision", "share of samples that are like something in the data; high is good"),
    "recall": ("recall", "share of the data that the samples reach; low means that kinds are missing"),
    "density": ("density", "precision that outliers do not flatter; about 1 is good"),
    "coverage": ("coverage", "recall that outliers do not flatter; high is good"),
    "loudness (LUFS)": ("loudness (LUFS)", "near real data is good"),
    "loudness spread (dB)": ("loudness spread (dB)", "how unlike in loudness; near real data is good"),
    "silent share": ("silent share", "share of samples without a sound; low is good"),
    "duplicates": ("duplicates", "share of samples with a twin among the samples; near real data is good"),
}
CHARTS = [
    Chart(
        "Losses",
        {"critic_loss": "critic", "generator_loss": "generator"},
        "Two players against each other: these need not fall, but should not run away.",
    ),
    Chart(
        "Diversity of samples",
        {"diversity": "samples", "real_diversity": "data"},
        "How unlike each other samples are. Far below the data means collapse.",
        dashed=["real_diversity"],
    ),
    Chart(
        "How often the critic is right",
        {"sign": "mean sign"},
        "1: always, and the generator learns little. 0: the critic is guessing.",
    ),
    Chart(
        "Gradients",
        {"critic_gradient": "critic", "generator_gradient": "generator"},
        "Size of a step's gradient. Spikes mean that the training is near its limits.",
    ),
]


@dataclass(frozen=True)
class Judged:
    """Samples and the real sounds that they were judged by."""

    train: Sounds
    """Those among which copies were looked for."""
    whole: int
    """Training sounds there are."""
    heldout: Sounds
    fake: np.ndarray
    """float32 [N, L]."""
    figures: dict[str, Any]
    """As `evaluate.figures`; empty where there are too few sounds."""
    copying: Copying
    heldout_nearest: np.ndarray
    """[held out] the nearest training sound of each."""
    notes: list[str]


def report(
    run: str | Path, out: Path | None = None, overwrite: bool = False, data: str | None = None
) -> Path:
    """Writes the report of a run to `out`, or to `report.html` in its folder, and returns where it is.

    Args:
        data: the sounds to judge by; None for those of the training. Where they cannot be had, the page says so.

    Raises:
        UserError, DataError: there is no such run, its model is damaged, or the page cannot be written.
    """
    found = reports.read(run, "music")
    return reports.save(build(found, data), found, out, overwrite)


def build(run: reports.Run, data: str | None = None) -> str:
    """The page of a run."""
    model, config = load(run.folder), run.config
    judged: Judged | None = None
    try:
        judged = compare(model, data)
        notes = judged.notes
    except UserError as error:
        notes = [f"Nothing could be measured: {error}."]
    lead = (
        f"A generator of sounds of {model.length / model.rate:.2f} seconds at {model.rate:,} Hz"
        + (f" in {len(model.classes)} classes" if model.classes else "")
        + f", trained with the recipe {config['recipe']} on {config['data']['count']:,} sounds of {run.source}."
    )
    sections = [
        ("In short", _short(run, model, judged, notes)),
        ("Samples", _samples(model, judged)),
        ("How it learned", page.joined(_history(run, model), reports.charts(run, CHARTS, "sounds played"))),
    ]
    if judged and judged.figures:
        sections.append(("How good it is", _figures(judged)))
    if judged:
        sections.append(("Does it copy?", _copies(judged)))
    sections += [
        ("Warnings", reports.health(run)),
        ("What it was trained on", _data(run, judged)),
        ("Time, memory, settings", reports.cost(run)),
    ]
    return page.page(str(config["name"]), lead, sections, reports.foot(run, "music report"))


def compare(model: Model, data: str | None) -> Judged:
    """Judges samples of seed 0. Raises UserError where there are no sounds to judge by, or too few."""
    train, heldout, note = real_sounds(model, data)
    if len(heldout) < 2:
        raise UserError(f"{train.source} leaves fewer than two held-out sounds; more sounds are needed")
    count = min(MOST, max(FEWEST, MADE // model.length))
    label = asked_labels(model, train, count)
    fake = model.play(model.latents(range(count), 0), label)
    notes = [note, _changed(model, train), _partly(model, train)]
    # labels come in their order, so fewer samples are taken at even distances
    rows = _spread(count, len(heldout))
    try:
        asked = None if label is None else label[torch.from_numpy(rows)]
        found = figures(model, train, heldout, fake[rows], asked, JUDGE)
    except UserError as error:
        found = {}
        notes.append(f"There are no figures: {error}.")
    known = train.subset(_spread(len(train), _most(model)))
    kept = heldout.subset(_spread(len(heldout), 2 * count))
    copying, nearest = copies(known, kept, fake)
    return Judged(known, len(train), kept, fake, found, copying, nearest, [note for note in notes if note])


def copies(train: Sounds, heldout: Sounds, fake: np.ndarray) -> tuple[Copying, np.ndarray]:
    """What is known of copying, by the distance of log-mel features in bels.

    fake: [N, L]. Returns also the nearest training sound of each held-out one.
    """
    known = _features(train)
    near, far = _nearest(known, mel_features(torch.from_numpy(fake)[:, None], train.rate))
    kept, distance = _nearest(known, _features(heldout))
    return judge(near, far, distance), kept


def _features(sounds: Sounds) -> np.ndarray:
    parts = np.array_split(np.arange(len(sounds)), len(sounds) // 256 + 1)
    return np.concatenate([mel_features(sounds.batch(part)["real"], sounds.rate) for part in parts])


def _nearest(train: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest row of `train` [T, D] to each of `items` [N, D]: which, and how far."""
    known = torch.from_numpy(train).double()
    # differences, not products: the distance to the same sound is then 0 and not nearly so
    found = [
        torch.cdist(part, known, compute_mode="donot_use_mm_for_euclid_dist").min(1)
        for part in torch.from_numpy(items).double().split(256)
    ]
    return torch.cat([f.indices for f in found]).numpy(), torch.cat([f.values for f in found]).numpy()


def _short(run: reports.Run, model: Model, judged: Judged | None, notes: list[str]) -> Html:
    weights = sum(p.numel() for p in model.generator.parameters())
    tiles = [
        (reports.duration(run.seconds), reports.progress(run, "sounds")),
        (f"{weights / 1e6:.2g} M", "weights of the generator"),
    ]
    parts = []
    if judged and judged.figures:
        figure = judged.figures["log-mel Fréchet"]
        floor = f"log-mel Fréchet distance; real sounds score {number(figure['floor'])}"
        tiles.append((number(figure["value"]), floor))
    if judged:
        copying = judged.copying
        tiles.append((f"{copying.share:.1%}", f"near duplicates; of real sounds {copying.floor:.1%}"))
        words = verdict(copying, "sounds")
        parts.append(page.notice(words, good=words.startswith("No sign")))
    parts.append(reports.warned(run))
    return page.joined(page.tiles(tiles), *(page.notice(note) for note in notes), *parts)


def _samples(model: Model, judged: Judged | None) -> Html:
    made, origins = list(model.waves(DRAWN)), model.origins(SHOWN, 0, None, None)
    classes = model.classes
    names = [classes[i % len(classes)] if classes else "" for i in range(DRAWN)]
    players = [
        _sound(wave, model.rate, name or f"sample {i}", origin)
        for i, (wave, name, origin) in enumerate(zip(made[:SHOWN], names, origins, strict=False))
    ]
    parts = [
        page.heading("Samples of seed 0, as they came: none was chosen or left out"),
        page.gallery(players, 200),
    ]
    if judged:
        rows = _alike(judged.train, model.classes)
        real = judged.train.batch(rows)["real"][:, 0].numpy()
        parts += [
            page.heading("Real sounds of the training, for comparison"),
            page.gallery(
                (
                    _sound(wave, model.rate, judged.train.names[row])
                    for wave, row in zip(real, rows, strict=True)
                ),
                200,
            ),
        ]
    columns = len(classes) if 1 < len(classes) <= 16 else 8
    sheet = _sheet(made, model.rate, names if classes else (), columns)
    caption = f"{DRAWN} samples as spectrograms, low tones at the bottom, each with its waveform below."
    return page.joined(*parts, page.figure(page.picture(sheet, caption, smooth=True), caption))


def _alike(train: Sounds, classes: Sequence[str]) -> np.ndarray:
    """Training sounds to hear: a class after the other as in the samples, or at even distances."""
    if train.labels is None or list(train.classes) != list(classes):
        return _spread(len(train), SHOWN)
    members = [np.flatnonzero(train.labels == i % len(classes)) for i in range(SHOWN)]
    return np.array([m[i // len(classes) * 37 % len(m)] for i, m in enumerate(members) if len(m)])


def _history(run: reports.Run, model: Model) -> Html:
    step = model.length + round(PAUSE * model.rate)
    heard = max(1, int(HEARD * model.rate) // step)
    rows = []
    for seen, path in run.previews(".wav", STEPS):
        try:
            wave, rate = read_sound(path)
        except UserError:
            continue  # a sound that somebody else put there
        waves = [wave[at : at + model.length] for at in range(0, len(wave), step)][:8]
        if rate == model.rate and waves and all(map(len, waves)):
            shown = page.picture(_sheet(waves, rate, (), 8), f"sounds after {seen:,}", smooth=True)
            player = _player(in_turn(waves[:heard], rate), rate, f"sounds after {seen:,}")
            rows.append((f"{seen:,} played", page.joined(shown, player)))
    if not rows:
        return Html("")
    return page.joined(page.text("The same random numbers, played as it learned:"), page.steps(rows))


def _figures(judged: Judged) -> Html:
    sizes = judged.figures["sizes"]
    by = (
        f" A classifier that was trained on the labels names {judged.figures['judge']:.0%} of the held-out sounds."
        if "judge" in judged.figures
        else ""
    )
    return page.joined(
        page.text(
            "No figure means anything by itself. Beside each stands what real sounds score that were held out, "
            "which is as good as it gets."
        ),
        reports.figures(judged.figures, MEANINGS, {}),
        page.note(
            f"{sizes['fake']:,} samples and {sizes['real']:,} held-out sounds.{by} Figures of other sizes or data "
            "cannot be compared with these."
        ),
    )


def _copies(judged: Judged) -> Html:
    copying, train = judged.copying, judged.train
    held = np.argsort(copying.heldout, kind="stable")[: PAIRS // 2]
    real = judged.heldout.batch(held)["real"][:, 0].numpy()
    closest = copying.closest[:PAIRS]

    def pairs(
        waves: np.ndarray, names: Iterable[str], items: np.ndarray, distance: np.ndarray
    ) -> Iterable[Html]:
        sources = train.batch(items)["real"][:, 0].numpy()
        for wave, name, source, item, far in zip(waves, names, sources, items, distance, strict=True):
            share = f"{number(far / (copying.threshold or 1.0))} · {name}"
            yield page.beside(_sound(wave, train.rate, share), _sound(source, train.rate, train.names[item]))

    names = [f"sample {i}" for i in closest]
    return page.joined(
        reports.copies(copying, "sounds", "bels", Html("")),
        page.heading("The samples that come closest, each beside its nearest training sound"),
        *pairs(judged.fake[closest], names, copying.nearest[closest], copying.distance[closest]),
        page.heading("For scale: unseen real sounds that come closest, beside theirs"),
        *pairs(
            real,
            [judged.heldout.names[i] for i in held],
            judged.heldout_nearest[held],
            copying.heldout[held],
        ),
        page.note(
            "Distances are those of log-mel levels in 16 bands and 6 stretches of time; 1 is the threshold. A "
            "part of a sound, or one moved far in time or pitch, is not seen as a copy."
        ),
    )


def _data(run: reports.Run, judged: Judged | None) -> Html:
    about = run.config["data"]
    pairs = [
        ("sounds", f"{about['count']:,} to train on, of {run.source}"),
        ("held out", f"{about.get('holdout', 0.0):.0%} of the set, which the training never saw"),
        (
            "prepared",
            f"{run.config['length']:,} samples at {run.config['rate']:,} Hz; slices: {about.get('slices', 'first')}, "
            f"silence {'left out' if about.get('trim', True) else 'kept'}, "
            f"normalised: {about.get('normalise', 'peak')}",
        ),
        ("fingerprint", about["fingerprint"]),
    ]
    classes = run.config["classes"]
    if not (judged and classes and list(judged.train.classes) == classes):
        return page.facts([*pairs, ("classes", ", ".join(classes))] if classes else pairs)
    counts = [
        np.bincount(np.asarray(part.labels), minlength=len(classes))
        for part in (judged.train, judged.heldout)
    ]
    rows = [[name, f"{seen:,}", f"{kept:,}"] for name, seen, kept in zip(classes, *counts, strict=True)]
    table = page.table(["class", "looked at", "held out"], rows, range(1, 3))
    return page.joined(page.facts(pairs), page.folded(f"The {len(classes)} classes", table))


def _changed(model: Model, train: Sounds) -> str:
    same = train.fingerprint == model.config["data"]["fingerprint"]
    return (
        ""
        if same
        else "These are not the sounds of the training: what is measured here is measured by others."
    )


def _partly(model: Model, train: Sounds) -> str:
    most, parts = _most(model), []
    if len(train) > most:
        parts.append(f"among {most:,} of the training sounds only, at even distances")
    if (train.rooms > train.length).any():
        parts.append("at the beginning of each sound only, though the training heard all of it")
    return f"Copies were looked for {' and '.join(parts)}." if parts else ""


def _most(model: Model) -> int:
    return max(LOOKED_AT // model.length, 1_000)


def _spread(count: int, most: int) -> np.ndarray:
    return np.linspace(0, count - 1, min(most, count)).round().astype(np.int64)


def _sound(wave: np.ndarray, rate: int, caption: str, origin: Any = None) -> Html:
    """A sound to see and to hear."""
    seen = page.picture(_sheet([wave], rate, (), 1), f"spectrogram of {caption}", 150, smooth=True)
    return page.figure(page.joined(seen, _player(wave, rate, caption, origin)), caption)


def _player(wave: np.ndarray, rate: int, label: str, origin: Any = None) -> Html:
    return page.audio(sound_bytes(wave, rate, ".wav", origin), label)


def _sheet(waves: Sequence[np.ndarray], rate: int, captions: Sequence[str], columns: int) -> bytes:
    file = io.BytesIO()
    short = [caption[:16] for caption in captions]
    sound_sheet(waves, rate, short, min(columns, len(waves)), side=96).save(file, "PNG")
    return file.getvalue()

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
from creative_gan.core.copying import Copying, judge, memorised, section
from creative_gan.core.data import evenly
from creative_gan.core.errors import UserError
from creative_gan.core.page import Html
from creative_gan.music.wave.data import Sounds
from creative_gan.music.wave.evaluate import figures, real_sounds
from creative_gan.music.wave.export import PAUSE, in_turn, sound_bytes
from creative_gan.music.wave.metrics import prints
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


@dataclass(frozen=True)
class Judged:
    """Samples and the real sounds that they were judged by."""

    train: Sounds
    """Those among which copies were looked for."""
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

    `data`: the sounds to judge by, else those of the training; where they cannot be had, the page says so. Raises
    UserError and DataError: there is no such run, its model is damaged, or the page cannot be written.
    """
    found = reports.read(run, "music")
    model = load(found.folder)
    judged, trouble = reports.tried(lambda: compare(model, data))
    length = f"{model.length / model.rate:.2f} seconds at {model.rate:,} Hz"
    parts = reports.Parts(
        items="sounds",
        shown="played",
        what=f"A generator of sounds of {length}",
        weights=reports.weights(model.generator),
        samples=_samples(model, judged),
        how="played",
        previews=_previews(found, model),
        charts=reports.GAME,
        data=_data(found, judged),
        judged=_findings(judged) if judged else None,
        trouble=trouble,
    )
    return reports.write(found, parts, out, overwrite)


def memorisation(run: str | Path, data: str | None = None) -> dict[str, str]:
    """What a model card says of copying: name -> figure. Raises UserError where nothing can be measured."""
    return memorised(compare(load(run), data).copying, "bels")


def compare(model: Model, data: str | None) -> Judged:
    """Judges samples of seed 0. Raises UserError where there are no sounds to judge by, or too few."""
    train, heldout, note = real_sounds(model, data)
    if len(heldout) < 2:
        raise UserError(f"{train.source} leaves fewer than two held-out sounds; more sounds are needed")
    count = min(MOST, max(FEWEST, MADE // model.length))
    label = model.labels_like(train.labels, train.classes, count)
    fake = model.play(model.latents(range(count), 0), label)
    notes = [note, reports.changed(model.config, train.fingerprint, "sounds"), _partly(model, train)]
    # labels come in their order, so fewer samples are taken at even distances
    rows = evenly(count, len(heldout))
    try:
        asked = None if label is None else label[torch.from_numpy(rows)]
        found = figures(model, train, heldout, fake[rows], asked, JUDGE)
    except UserError as error:
        found = {}
        notes.append(f"There are no figures: {error}.")
    known = train.subset(evenly(len(train), _most(model)))
    kept = heldout.subset(evenly(len(heldout), 2 * count))
    copying, nearest = copies(known, kept, fake)
    return Judged(known, kept, fake, found, copying, nearest, notes)


def copies(train: Sounds, heldout: Sounds, fake: np.ndarray) -> tuple[Copying, np.ndarray]:
    """What is known of copying, by the distance of prints in bels (`metrics.prints`).

    fake: [N, L]. Returns also the nearest training sound of each held-out one.
    """
    known = _features(train)
    near, far = _nearest(known, prints(torch.from_numpy(fake)[:, None], train.rate))
    kept, distance = _nearest(known, _features(heldout))
    return judge(near, far, distance), kept


def _features(sounds: Sounds) -> np.ndarray:
    parts = np.array_split(np.arange(len(sounds)), len(sounds) // 256 + 1)
    return np.concatenate([prints(sounds.batch(part)["real"], sounds.rate) for part in parts])


def _nearest(train: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest row of `train` [T, D] to each of `items` [N, D]: which, and how far."""
    known = torch.from_numpy(train).double()
    # differences, not products: the distance to the same sound is then 0 and not nearly so
    found = [
        torch.cdist(part, known, compute_mode="donot_use_mm_for_euclid_dist").min(1)
        for part in torch.from_numpy(items).double().split(256)
    ]
    return torch.cat([f.indices for f in found]).numpy(), torch.cat([f.values for f in found]).numpy()


def _findings(judged: Judged) -> reports.Findings:
    main = judged.figures.get("log-mel Fréchet")
    return reports.Findings(
        notes=judged.notes,
        headline=(main, "log-mel Fréchet distance; real sounds score") if main else None,
        figures=_figures(judged) if judged.figures else Html(""),
        copying=judged.copying,
        copies=_copies(judged),
    )


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
        return evenly(len(train), SHOWN)
    members = [np.flatnonzero(train.labels == i % len(classes)) for i in range(SHOWN)]
    return np.array([m[i // len(classes) * 37 % len(m)] for i, m in enumerate(members) if len(m)])


def _previews(run: reports.Run, model: Model) -> list[tuple[int, Html]]:
    step = model.length + round(PAUSE * model.rate)
    heard = max(1, int(HEARD * model.rate) // step)
    rows = []
    for seen, path in run.previews(".wav"):
        try:
            wave, rate = read_sound(path)
        except UserError:
            continue  # a sound that somebody else put there
        waves = [wave[at : at + model.length] for at in range(0, len(wave), step)][:8]
        if rate == model.rate and waves and all(map(len, waves)):
            shown = page.picture(_sheet(waves, rate, (), 8), f"sounds after {seen:,}", smooth=True)
            player = _player(in_turn(waves[:heard], rate), rate, f"sounds after {seen:,}")
            rows.append((seen, page.joined(shown, player)))
    return rows


def _figures(judged: Judged) -> Html:
    sizes = judged.figures["sizes"]
    by = (
        f" A classifier that was trained on the labels names {judged.figures['judge']:.0%} of the held-out sounds."
        if "judge" in judged.figures
        else ""
    )
    return reports.figures(
        judged.figures,
        MEANINGS,
        {},
        "real sounds score that were held out, which is as good as it gets.",
        f"{sizes['fake']:,} samples and {sizes['real']:,} held-out sounds.{by} Figures of other sizes or data "
        "cannot be compared with these.",
    )


def _copies(judged: Judged) -> Html:
    copying, train = judged.copying, judged.train
    held = np.argsort(copying.heldout, kind="stable")[: PAIRS // 2]
    real = judged.heldout.batch(held)["real"][:, 0].numpy()
    closest = copying.closest[:PAIRS]

    def pairs(waves: np.ndarray, names: Iterable[str], items: np.ndarray, distance: np.ndarray) -> Html:
        sources = train.batch(items)["real"][:, 0].numpy()
        shares = [number(far / (copying.threshold or 1.0)) for far in distance]
        return page.joined(
            *(
                page.beside(
                    _sound(wave, train.rate, f"{share} · {name}"),
                    _sound(source, train.rate, train.names[item]),
                )
                for wave, name, source, item, share in zip(waves, names, sources, items, shares, strict=True)
            )
        )

    names, real_names = [f"sample {i}" for i in closest], [judged.heldout.names[i] for i in held]
    made = pairs(judged.fake[closest], names, copying.nearest[closest], copying.distance[closest])
    scale = pairs(real, real_names, judged.heldout_nearest[held], copying.heldout[held])
    return page.joined(
        section(copying, "sounds", "bels", made, scale),
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
    ]
    parts = {"looked at": judged.train, "held out": judged.heldout} if judged else {}
    return reports.data(run, pairs, parts)


def _partly(model: Model, train: Sounds) -> str:
    most, parts = _most(model), []
    if len(train) > most:
        parts.append(f"among {most:,} of the training sounds only, at even distances")
    if (train.rooms > train.length).any():
        parts.append("at the beginning of each sound only, though the training heard all of it")
    return f"Copies were looked for {' and '.join(parts)}." if parts else ""


def _most(model: Model) -> int:
    return max(LOOKED_AT // model.length, 1_000)


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

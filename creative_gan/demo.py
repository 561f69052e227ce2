"""A first look at everything: what the shipped models make, and a short training of each modality, on one page."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from creative_gan import api
from creative_gan.core import models, page
from creative_gan.core.errors import UserError
from creative_gan.core.files import write_bytes
from creative_gan.core.page import Html
from creative_gan.core.provenance import png_bytes_with_origin, together

TRAININGS = {
    "image": ("Pictures", "builtin:art", "image/demo", "pictures"),
    "music/wave": ("Sounds", "builtin:drums", "music/drums", "sounds"),
    "music/midi": ("Songs", "builtin:tunes", "music/tunes", "songs"),
    "text": ("Texts", "builtin:verses", "text/builtin", "texts"),
}
"""By kind: its name, data that the package makes itself, a recipe, what a sample is called."""
LOOKS = 4
"""Of each training, of which the last is shown: sixteen, as in longer ones, are a third of half a minute of songs."""
FOOT = "Made by creative-gan demo."
"""What the page ends with, by which it is known."""

Player = Callable[[Callable[[Callable[[dict], None]], Path], Path, str], Path]
"""Runs a training (given what it reports to) with its progress shown: (training, folder, unit) -> model folder."""


def demo(out: Path, minutes: float, device: str, say: Callable[[str], None], played: Player) -> Path:
    """Samples every shipped model, trains each modality for a moment, and shows all of it on one page.

    Args:
        out: the folder for everything; older files in it are replaced.
        minutes: of training, shared out evenly.
        say: takes sentences for a person.

    Returns:
        The page.

    Raises:
        UserError, DataError: `out` cannot be written, or holds a page that no demo made.
        loop.Stopped: interrupted and saved; the same call goes on.
    """
    index = out / "index.html"
    if index.is_file() and FOOT not in index.read_text("utf-8", "replace"):
        raise UserError(f"{index} is not of a demo and would be lost; name another folder with --out")
    sections = []
    shipped = page.joined(*_shipped(out, say))
    if shipped:
        sections.append(("What comes with the package", shipped))
    each = minutes / len(TRAININGS)
    for kind, (name, data, recipe, unit) in TRAININGS.items():
        say(f"training on {data}, about {60 * each:.0f} seconds")
        folder = out / "training" / kind.replace("/", "-")
        given = {"budget.minutes": each, "budget.samples": 0, "watch.looks": LOOKS, "watch.report": False}
        job = api.prepare(kind, data, recipe, folder, given=given, device=device)
        played(job.train, folder, unit)
        sections.append((f"{name} learned in {60 * each:.0f} seconds", _learned(folder / "samples", data)))
    lead = "Everything on this page was made by a machine, on this one, without a network."
    html = page.page("What creative-gan makes", lead, sections, FOOT)
    write_bytes(index, html.encode(), overwrite=True)
    return index


def _shipped(out: Path, say: Callable[[str], None]) -> Iterator[Html]:
    """A part of the page for each shipped model."""
    for group in models.DEFAULTS:
        for name in models.shipped_names(group):
            say(f"sampling {group}/{name}")
            config = models.read_config(models.find(name, group), group)
            kind = api.kind_of(config, name)
            folder = out / group / name
            folder.mkdir(parents=True, exist_ok=True)
            shown = SHOWN[kind](api.module(kind, "model").load(f"{group}/{name}"), folder)
            yield page.joined(page.heading(f"{name}: {config.get('about', group)}"), shown)


def _pictures(model: Any, folder: Path) -> Html:
    from creative_gan.image import export
    from creative_gan.image.walk import walk

    columns = len(model.classes) if 2 <= len(model.classes) <= 12 else 10
    count = columns * 5
    origins = model.origins(count, 0, None, None)
    made = model.pictures(count)
    export.write_pictures(made, folder / "pictures", origins, overwrite=True)
    sheet = export.png(export.grid(made, columns), together(origins))
    write_bytes(folder / "grid.png", sheet, overwrite=True)
    frames, origin, fps = walk(model, seconds=2, fps=10, stops=4)  # larger ones make the page slow to open
    (film,) = export.write_walk(frames, folder / "walk.gif", fps, origin, overwrite=True)
    moving = page.picture(film.read_bytes(), "pictures that turn into one another", width=128)
    return page.joined(
        page.figure(page.picture(sheet, "pictures of the model"), ", ".join(model.classes)),
        page.figure(moving, "a walk through its latent space"),
    )


def _sounds(model: Any, folder: Path) -> Html:
    from creative_gan.music.wave.export import write_sounds
    from creative_gan.music.wave.picture import sound_sheet

    count = max(min(len(model.classes), 10), 8)
    made = model.waves(count)
    origins = model.origins(count, 0, None, None)
    paths = write_sounds(made, model.rate, folder / "sounds", origins, True)
    captions = [model.classes[i % len(model.classes)] if model.classes else str(i) for i in range(count)]
    sheet = io.BytesIO()
    sound_sheet(list(made), model.rate, captions).save(sheet, "png")
    drawn = png_bytes_with_origin(sheet.getvalue(), together(origins))
    write_bytes(folder / "sounds.png", drawn, overwrite=True)
    players = [
        page.figure(page.audio(path.read_bytes(), caption), caption)
        for path, caption in zip(paths, captions, strict=True)
    ]
    spectra = page.picture(sheet.getvalue(), "spectrograms of the sounds", smooth=True)
    return page.joined(page.figure(spectra, "spectrograms"), page.gallery(players, 220))


def _songs(model: Any, folder: Path) -> Html:
    from creative_gan.music.midi.picture import piano_roll
    from creative_gan.music.songs import song_bytes

    again = api.module(f"music/{model.config['kind']}", "again")
    manner = api.module(f"music/{model.config['kind']}", "model").Manner(bars=8)
    parts = []
    for index, song in enumerate(model.write(range(2), manner)):
        origin = again.origin(model, index, manner)
        for ending in (".mid", ".flac"):  # half of a WAV, and every browser plays it
            path = folder / f"song{index + 1}{ending}"
            write_bytes(path, song_bytes(song, path, origin), overwrite=True)
        roll = io.BytesIO()
        piano_roll(song).save(roll, "png")
        picture = page.picture(roll.getvalue(), "piano roll", smooth=True)
        parts.append(page.joined(picture, page.audio(path.read_bytes(), f"song {index + 1}")))
    return page.joined(*(page.figure(part, f"song {i + 1}") for i, part in enumerate(parts)))


def _texts(model: Any, folder: Path) -> Html:
    from creative_gan.text.export import write_texts
    from creative_gan.text.model import Manner

    made = model.write(range(6), Manner())
    write_texts(made, folder / "texts.txt", model.origin(6, Manner()), overwrite=True)
    return page.joined(*(page.passage(text) for text in made))


SHOWN: dict[str, Callable[[Any, Path], Html]] = {
    "image": _pictures,
    "music/wave": _sounds,
    "music/midi": _songs,
    "music/roll": _songs,
    "text": _texts,
}
"""By kind: samples a model into a folder and shows what it made."""


def _learned(samples: Path, data: str) -> Html:
    """The previews of a training before its first step and after its last."""
    rows = []
    for when, place in (("before", 0), ("after", -1)):
        parts = []
        for path in (sorted(samples.glob(f"*{ending}"))[place] for ending in _endings(samples)):
            content = path.read_bytes()
            if path.suffix == ".mid":
                parts.append(_heard(path, f"{when} the training"))
            elif path.suffix == ".txt":
                parts += [page.passage(text) for text in content.decode().splitlines()[:4]]
            elif path.suffix == ".png":
                parts.append(page.picture(content, f"{when} the training"))
            else:
                parts.append(page.audio(content, f"{when} the training"))
        rows.append((when, page.joined(*parts)))
    return page.joined(page.steps(rows), page.note(f"Trained on {data}, which the package makes itself."))


def _heard(path: Path, caption: str) -> Html:
    from creative_gan.music.midi.reader import read_midi
    from creative_gan.music.song_page import played

    return played(read_midi(path), caption)


def _endings(samples: Path) -> list[str]:
    """Of the previews that are shown; those of songs are drawn by whoever plays them."""
    there = [ending for ending in (".mid", ".png", ".wav", ".txt") if any(samples.glob(f"*{ending}"))]
    return [".mid"] if ".mid" in there else there

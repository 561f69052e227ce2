"""The other commands of `creative-gan music`: continue, accompany, walk, render, picture."""

from pathlib import Path
from typing import Any

import click

from creative_gan import api
from creative_gan.cli import options, terminal
from creative_gan.core.errors import UserError

MIDI_ENDINGS = (".mid", ".midi")
FILE = click.argument("file", type=options.PATH)


def _out(ctx: click.Context, param: click.Parameter, value: Path) -> Path:
    """A file or a folder: what - stands for elsewhere has no ending, which would say what is written."""
    if str(value) == "-":
        raise click.UsageError("--out - does not say what to write; name a .mid, .wav, .flac or .ogg file")
    return value


OUT = click.option(
    "--out",
    type=options.PATH,
    required=True,
    callback=_out,
    help="A .mid, .wav, .flac or .ogg file, or a folder for many.",
)
COUNT = click.option(
    "-n", "count", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many."
)
WRITING = options.together(
    click.option(
        "--temperature",
        type=options.Number(0, 10),
        help="Of pitches: below 1 more typical, above 1 more daring; 0: the likeliest.",
    ),
    click.option("--top-p", type=options.Number(0, 1, min_open=True), help="Only the likeliest notes."),
    click.option("--best-of", type=click.IntRange(1, 64), help="The critic chooses among so many."),
    options.WEIGHTS,
    click.option(
        "--instrument",
        "instruments",
        type=click.IntRange(0, 127),
        multiple=True,
        help="General MIDI program of a part; again for the next part.",
    ),
    options.MADE,
)
"""How songs are written."""


@click.command("continue")
@FILE
@options.MODEL
@OUT
@COUNT
@click.option("--bars", type=click.IntRange(1, 255), default=16, show_default=True, help="How many more.")
@WRITING
def continue_(
    file: Path,
    model_name: str,
    out: Path,
    count: int,
    bars: int,
    temperature: float | None,
    top_p: float | None,
    best_of: int | None,
    weights: str | None,
    instruments: tuple[int, ...],
    seed: int,
    metadata: bool,
    overwrite: bool,
) -> None:
    """Go on with a given piece.

    \b
    creative-gan music continue song.mid --out longer.mid --bars 8
    """
    asked = {"bars": bars, "temperature": temperature, "top_p": top_p, "best_of": best_of, "weights": weights}
    _made_of(
        file, model_name, out, count, asked | {"seed": seed}, instruments, "continue", metadata, overwrite
    )


@click.command()
@FILE
@options.MODEL
@OUT
@COUNT
@WRITING
def accompany(
    file: Path,
    model_name: str,
    out: Path,
    count: int,
    temperature: float | None,
    top_p: float | None,
    best_of: int | None,
    weights: str | None,
    instruments: tuple[int, ...],
    seed: int,
    metadata: bool,
    overwrite: bool,
) -> None:
    """Add voices or chords to a given melody, which stays as it is but for octaves out of the model's range.

    \b
    creative-gan music accompany song.mid --out full.mid
    """
    asked = {"temperature": temperature, "top_p": top_p, "best_of": best_of, "weights": weights}
    _made_of(
        file, model_name, out, count, asked | {"seed": seed}, instruments, "accompany", metadata, overwrite
    )


@click.command()
@options.model("drums")
@click.option("--out", type=options.PATH, required=True, help="A .wav, .flac or .ogg file.")
@click.option("--seconds", type=options.Number(0.1, 600), default=12.0, show_default=True)
@options.walk("sounds")
def walk(
    model_name: str,
    out: Path,
    seconds: float,
    stops: int,
    label: str | None,
    truncation: float | None,
    seed: int,
    metadata: bool,
    overwrite: bool,
) -> None:
    """Morph from sound to sound through latent space, as one sound file.

    \b
    creative-gan music walk --model runs/sounds --out walk.wav
    """
    from creative_gan.core.files import ensure_free
    from creative_gan.music.wave.export import sound_ending, write_sound
    from creative_gan.music.wave.model import load
    from creative_gan.music.wave.walk import walk as stroll

    _need(model_name, "music/wave", "walk")
    sound_ending(out)
    ensure_free(out, overwrite)
    model = load(model_name)
    wave, origin = stroll(model, seconds, stops, seed, label, truncation)
    write_sound(out, wave, model.rate, origin if metadata else None, overwrite)
    terminal.say(f"wrote {out}: {len(wave) / model.rate:.1f} s")


@click.command()
@FILE
@click.option("--out", type=options.PATH, required=True, metavar="FILE", help="A .wav, .flac or .ogg file.")
@click.option("--rate", type=click.IntRange(8_000, 192_000), default=44_100, show_default=True)
@click.option(
    "--engine",
    type=click.Choice(["auto", "own", "fluidsynth"]),
    default="auto",
    show_default=True,
    help="fluidsynth where the system has it, or the synthesiser that comes with the package.",
)
@options.METADATA
@options.OVERWRITE
def render(file: Path, out: Path, rate: int, engine: str, metadata: bool, overwrite: bool) -> None:
    """Make a sound file of a MIDI file.

    \b
    creative-gan music render song.mid --out song.wav
    """
    from creative_gan.core.files import ensure_free
    from creative_gan.music.midi.reader import open_midi
    from creative_gan.music.synth import render as play
    from creative_gan.music.wave.export import sound_ending, write_sound

    sound_ending(out)
    ensure_free(out, overwrite)
    sound = play(open_midi(file), rate, engine)
    write_sound(out, sound.T, rate, _as(file, "render") if metadata else None, overwrite)
    terminal.say(f"wrote {out}: {len(sound) / rate:.1f} s")


@click.command()
@FILE
@click.option("--out", type=options.PATH, metavar="FILE", help="A .png file; else FILE with that ending.")
@options.METADATA
@options.OVERWRITE
def picture(file: Path, out: Path | None, metadata: bool, overwrite: bool) -> None:
    """Draw a file: a piano roll of MIDI, the waveform and mel spectrogram of a sound.

    \b
    creative-gan music picture song.mid
    creative-gan music picture sound.wav --out sound.png
    """
    import io

    from creative_gan.core import provenance
    from creative_gan.core.files import ensure_free, write_bytes

    target = out or file.with_suffix(".png")
    if target.suffix.lower() != ".png":
        raise UserError(f"{target}: pictures are written as .png")
    ensure_free(target, overwrite)
    if file.suffix.lower() in MIDI_ENDINGS:
        from creative_gan.music.midi.picture import piano_roll
        from creative_gan.music.midi.reader import read_midi

        drawn = piano_roll(read_midi(file))
    else:
        from creative_gan.music.wave.picture import sound_picture
        from creative_gan.music.wave.reader import read_sound

        wave, rate = read_sound(file)
        drawn = sound_picture(wave, rate, file.name)
    png = io.BytesIO()
    drawn.save(png, "png")
    record = _as(file, "picture") if metadata else None
    data = png.getvalue()
    write_bytes(target, data if record is None else provenance.png_bytes_with_origin(data, record), overwrite)
    terminal.say(f"wrote {target}")


def _as(file: Path, what: str) -> dict[str, Any] | None:
    """The record of a file for what is made of it: what a model made stays that, however it is heard or seen."""
    from creative_gan.core import provenance

    record = provenance.read(file)
    return None if record is None else record | {"command": f"music {what}", "of": record.get("command")}


def kind_of_model(name: str) -> str:
    """The kind of a model of music, a key of `api.PACKAGES`."""
    from creative_gan.core.models import find, read_config

    folder = find(name, "music")
    return api.kind_of(read_config(folder, "music"), folder)


def wrote(out: Path, paths: list[Path]) -> None:
    """Says what was written."""
    terminal.say(f"wrote {out}" + (f": {len(paths)} files" if len(paths) > 1 else ""))


def _need(model_name: str, kind: str, what: str) -> None:
    if kind_of_model(model_name) != kind:
        made, one = {
            "music/wave": ("sounds", "drums"),
            "music/midi": ("songs as MIDI, token by token", "chorales"),
        }[kind]
        raise UserError(
            f"model {model_name} cannot {what}: that takes a model of {made}; name one, as --model {one}"
        )


def _made_of(
    file: Path,
    model_name: str,
    out: Path,
    count: int,
    asked: dict[str, Any],
    instruments: tuple[int, ...],
    what: str,
    metadata: bool,
    overwrite: bool,
) -> None:
    """Songs that a model makes of a given one."""
    from creative_gan.core.files import ensure_free
    from creative_gan.music.midi.again import made_of
    from creative_gan.music.midi.given import altered, dropped
    from creative_gan.music.midi.model import Manner, load
    from creative_gan.music.midi.reader import off_grid, read_midi
    from creative_gan.music.songs import write_songs

    _need(model_name, "music/midi", what)
    ensure_free(out, overwrite)
    manner = Manner(**{name: value for name, value in asked.items() if value is not None})
    model = load(model_name)
    songs, origins = made_of(file, f"music {what}", model, range(count), manner, instruments)
    moved, notes = off_grid(file)
    if moved:
        terminal.say(f"{file}: {moved} of {notes} notes moved to the nearest thirty-second or triplet")
    if what == "accompany":
        song, shape = read_midi(file), model.words.shape
        if gone := dropped(song, shape):
            terminal.say(f"{file}: its melody is kept; what else it holds is made anew ({', '.join(gone)})")
        if change := altered(song, shape):
            terminal.say(f"{file}: the melody does not stay quite as it is: {change}")
    wrote(out, write_songs(songs, out, origins if metadata else None, instruments, overwrite))

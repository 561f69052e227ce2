"""`creative-gan music`: train, sample, continue, accompany, walk, render, picture, evaluate, export, check."""

from pathlib import Path

import click

from creative_gan.cli import options
from creative_gan.core.errors import UserError

OUT = click.Path(path_type=Path)
KIND = click.option(
    "--kind",
    type=click.Choice(["wave", "midi"]),
    help="Sounds or MIDI files; else told by the data.",
)
MIDI_ENDINGS = (".mid", ".midi")


@click.group()
def music() -> None:
    """Music: train on sounds or on MIDI files, make new ones, judge them."""


@music.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=OUT, required=True, metavar="FILE", help="A .wav, .flac or .ogg file.")
@click.option("--rate", type=click.IntRange(8_000, 192_000), default=44_100, show_default=True)
@click.option(
    "--engine",
    type=click.Choice(["auto", "own", "fluidsynth"]),
    default="auto",
    show_default=True,
    help="fluidsynth where the system has it, or the synthesiser that comes with the package.",
)
@options.OVERWRITE
def render(file: Path, out: Path, rate: int, engine: str, overwrite: bool) -> None:
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
    write_sound(out, sound.T, rate, overwrite=overwrite)
    options.say(f"wrote {out}: {len(sound) / rate:.1f} s")


@music.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=OUT, metavar="FILE", help="A .png file; else FILE with that ending.")
@options.OVERWRITE
def picture(file: Path, out: Path | None, overwrite: bool) -> None:
    """Draw a file: a piano roll of MIDI, the waveform and mel spectrogram of a sound.

    \b
    creative-gan music picture song.mid
    creative-gan music picture sound.wav --out sound.png
    """
    import io

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
    write_bytes(target, png.getvalue(), overwrite)
    options.say(f"wrote {target}")


@music.command()
@click.argument("data")
@KIND
@click.option(
    "--label-pattern", metavar="PATTERN", help="Where the class is in the file name, as '{label}_{}.wav'."
)
@options.JSON
def check(data: str, kind: str | None, label_pattern: str | None, as_json: bool) -> None:
    """Look at DATA before training: counts, lengths, classes, broken files, and is it enough.

    \b
    creative-gan music check sounds/
    creative-gan music check builtin:tunes
    """
    from creative_gan.music.kinds import kind_of

    if (kind or kind_of(data)) == "wave":
        from creative_gan.music.wave.check import check as look

        report = look(data, label_pattern)
    else:
        from creative_gan.music.midi.check import check as look_at_songs

        report = look_at_songs(data)  # type: ignore[assignment]
    if as_json:
        options.print_json(report.as_dict())
    else:
        for line in report.lines():
            click.echo(line)

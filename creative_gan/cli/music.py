"""`creative-gan music`: train, sample, continue, accompany, walk, render, picture, evaluate, export, report, check."""

import shlex
from pathlib import Path
from typing import Any

import click

from creative_gan.cli import options
from creative_gan.core.errors import UserError

OUT = click.Path(path_type=Path)
KIND = click.option(
    "--kind",
    type=click.Choice(["wave", "midi", "roll"]),
    help="Sounds, MIDI files token by token, or MIDI files as piano rolls; else told by the data.",
)
PATTERN = click.option(
    "--label-pattern",
    metavar="PATTERN",
    help="Where the class is in the names of sounds, as '{label}_{}.wav'.",
)
TEMPERATURE = click.option(
    "--temperature",
    type=options.Number(0, 10),
    help="Below 1 more typical, above 1 more daring; 0: the likeliest.",
)
TOP_P = click.option("--top-p", type=options.Number(0, 1, min_open=True), help="Only the likeliest notes.")
TEMPO = click.option("--tempo", type=options.Number(20, 300), help="Quarters a minute.")
BEST_OF = click.option("--best-of", type=click.IntRange(1, 64), help="The critic chooses among so many.")
INSTRUMENT = click.option(
    "--instrument",
    "instruments",
    type=click.IntRange(0, 127),
    multiple=True,
    help="General MIDI program of a part; again for the next part.",
)
MIDI_ENDINGS = (".mid", ".midi")
TAKEN = {
    "music/wave": ("class", "truncation"),
    "music/midi": ("bars", "tempo", "key", "metre", "temperature", "top-p", "best-of", "instrument"),
    "music/roll": ("bars", "tempo", "key", "instrument"),
}
"""Which of the options of `sample` each kind of model takes."""


@click.group()
def music() -> None:
    """Music: train on sounds or on MIDI files, make new ones, judge them."""


@music.command()
@click.argument("data")
@KIND
@click.option(
    "--recipe",
    "recipe_name",
    metavar="NAME",
    shell_complete=options.complete_recipe,
    help="A shipped recipe or a .toml file; else what suits the data.",
)
@click.option("--out", type=OUT, metavar="FOLDER", help="The run folder; else runs/DATA-RECIPE.")
@click.option("--samples", type=click.IntRange(1), help="How many sounds or songs to show in all.")
@click.option("--minutes", type=options.Number(0, 1e6, min_open=True), help="How long to train, about.")
@PATTERN
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any setting of the recipe, as game.batch=32.",
)
@click.option("--seed", type=click.IntRange(0, 2**62), help="Another seed than the recipe's.")
@options.DEVICE
@click.option("--new", is_flag=True, help="Start over; the older run is kept under another name.")
@click.option(
    "--strict", is_flag=True, help="Refuse a data set with unreadable files instead of skipping them."
)
@click.option("--dry-run", is_flag=True, help="Show the resolved recipe, memory and time, and stop.")
@click.option(
    "--log", "trackers", metavar="NAMES", default="", help="Also log to tensorboard, wandb (extras)."
)
@click.option("--quiet", is_flag=True, help="No progress.")
def train(
    data: str,
    kind: str | None,
    recipe_name: str | None,
    out: Path | None,
    samples: int | None,
    minutes: float | None,
    label_pattern: str | None,
    overrides: tuple[str, ...],
    seed: int | None,
    device: str,
    new: bool,
    strict: bool,
    dry_run: bool,
    trackers: str,
    quiet: bool,
) -> None:
    """Train on DATA: a folder of sounds or of MIDI files, piano rolls, or builtin:drums, builtin:tunes.

    The same command again goes on with a run that was stopped.

    \b
    creative-gan music train sounds/ --minutes 20
    creative-gan music train builtin:tunes --minutes 5
    """
    if not data.strip():
        raise click.UsageError("DATA is empty; name a folder of sounds or of MIDI files")
    from creative_gan import api

    which = _kind(data, kind, recipe_name)
    if label_pattern and which != "music/wave":
        raise click.UsageError("--label-pattern is for sounds")
    given: dict[str, Any] = api.budget(samples, minutes)
    given |= {"data.label_pattern": label_pattern} if label_pattern else {}
    given |= {} if seed is None else {"seed": seed}
    job = api.prepare(
        which, data, recipe_name, out, given=given, overrides=overrides, device=device, strict=strict,
        report=options.remark(quiet),
    )  # fmt: skip
    if dry_run:
        for line in job.estimate():
            click.echo(line)
        return
    unit = "sounds" if which == "music/wave" else "songs"
    model = options.played(lambda report: job.train(report, new), job.folder, unit, trackers, quiet)
    if not quiet:
        quoted = shlex.quote(str(job.folder))
        file = "sound.wav" if which == "music/wave" else "song.mid"
        options.say(f"done: {model}\n  creative-gan music sample --model {quoted} --out {file}")


@music.command()
@options.MODEL
@click.option("-n", "count", type=click.IntRange(1, 100_000), default=1, show_default=True, help="How many.")
@click.option(
    "--out", type=OUT, required=True, help="A .mid, .wav, .flac or .ogg file, or a folder for many."
)
@click.option("--class", "label", metavar="NAME", help="Only this class of sounds; else all in turn.")
@click.option(
    "--truncation",
    type=options.Number(0, 1e6, min_open=True),
    metavar="LIMIT",
    help="Sounds: more typical, less varied; 0.5 to 2.",
)
@click.option("--bars", type=click.IntRange(1, 255), help="Songs: how long.")
@TEMPO
@click.option("--key", help="Songs: a key, as 'G major' or 'Am'.")
@click.option("--metre", help="Songs: a metre, as 3/4.")
@TEMPERATURE
@TOP_P
@BEST_OF
@INSTRUMENT
@options.SEED
@options.METADATA
@options.OVERWRITE
def sample(
    model_name: str,
    count: int,
    out: Path,
    label: str | None,
    truncation: float | None,
    bars: int | None,
    tempo: float | None,
    key: str | None,
    metre: str | None,
    temperature: float | None,
    top_p: float | None,
    best_of: int | None,
    instruments: tuple[int, ...],
    seed: int,
    metadata: bool,
    overwrite: bool,
) -> None:
    """Make new sounds or songs; the ending of --out says what is written.

    \b
    creative-gan music sample --out song.mid
    creative-gan music sample --out song.wav --bars 8 --seed 3
    creative-gan music sample --model runs/sounds -n 20 --out new/
    """
    from creative_gan.core.files import ensure_free

    kind = _kind_of_model(model_name)
    asked = {
        "class": label, "truncation": truncation, "bars": bars, "tempo": tempo, "key": key, "metre": metre,
        "temperature": temperature, "top-p": top_p, "best-of": best_of, "instrument": instruments or None,
    }  # fmt: skip
    for name, value in asked.items():
        if value is not None and name not in TAKEN[kind]:
            known = ", ".join(f"--{option}" for option in TAKEN[kind])
            raise UserError(f"model {model_name} does not take --{name}; it takes {known}")
    ensure_free(out, overwrite)
    if kind == "music/wave":
        from creative_gan.music.wave.export import sound_ending, write_sounds
        from creative_gan.music.wave.model import load

        if out.suffix and not out.is_dir():
            sound_ending(out)
        model = load(model_name)
        made = model.waves(count, seed, label, truncation)
        origins = model.origins(count, seed, label, truncation) if metadata else None
        paths = write_sounds(made, model.rate, out, origins, overwrite)
        _wrote(out, paths)
        return
    from creative_gan import api
    from creative_gan.music.songs import write_songs

    chosen = {name.replace("-", "_"): value for name, value in asked.items() if value is not None}
    chosen.pop("instrument", None)
    manner = api.module(kind, "model").Manner(seed=seed, **chosen)
    writer = api.module(kind, "model").load(model_name)
    songs = writer.write(range(count), manner)
    again = api.module(kind, "again")
    origins = [again.origin(writer, i, manner, instruments) for i in range(count)] if metadata else None
    _wrote(out, write_songs(songs, out, origins, instruments, overwrite))


@music.command("continue")
@click.argument("file", type=click.Path(path_type=Path))
@options.MODEL
@click.option(
    "--out", type=OUT, required=True, help="A .mid, .wav, .flac or .ogg file, or a folder for many."
)
@click.option("-n", "count", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many.")
@click.option("--bars", type=click.IntRange(1, 255), default=16, show_default=True, help="How many more.")
@TEMPERATURE
@TOP_P
@BEST_OF
@INSTRUMENT
@options.SEED
@options.METADATA
@options.OVERWRITE
def continue_(
    file: Path,
    model_name: str,
    out: Path,
    count: int,
    bars: int,
    temperature: float | None,
    top_p: float | None,
    best_of: int | None,
    instruments: tuple[int, ...],
    seed: int,
    metadata: bool,
    overwrite: bool,
) -> None:
    """Go on with a given piece.

    \b
    creative-gan music continue song.mid --out longer.mid --bars 8
    """
    asked = {"bars": bars, "temperature": temperature, "top_p": top_p, "best_of": best_of, "seed": seed}
    _made_of(file, model_name, out, count, asked, instruments, "continue", metadata, overwrite)


@music.command()
@click.argument("file", type=click.Path(path_type=Path))
@options.MODEL
@click.option(
    "--out", type=OUT, required=True, help="A .mid, .wav, .flac or .ogg file, or a folder for many."
)
@click.option("-n", "count", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many.")
@TEMPERATURE
@TOP_P
@BEST_OF
@INSTRUMENT
@options.SEED
@options.METADATA
@options.OVERWRITE
def accompany(
    file: Path,
    model_name: str,
    out: Path,
    count: int,
    temperature: float | None,
    top_p: float | None,
    best_of: int | None,
    instruments: tuple[int, ...],
    seed: int,
    metadata: bool,
    overwrite: bool,
) -> None:
    """Add voices or chords to a given melody, which stays as it is.

    \b
    creative-gan music accompany song.mid --out full.mid
    """
    asked = {"temperature": temperature, "top_p": top_p, "best_of": best_of, "seed": seed}
    _made_of(file, model_name, out, count, asked, instruments, "accompany", metadata, overwrite)


@music.command()
@options.MODEL
@click.option("--out", type=OUT, required=True, help="A .wav, .flac or .ogg file.")
@click.option("--seconds", type=options.Number(0.1, 600), default=12.0, show_default=True)
@click.option(
    "--stops", type=click.IntRange(3, 1000), default=6, show_default=True, help="Random sounds on the way."
)
@click.option("--class", "label", metavar="NAME", help="The class to walk in.")
@click.option(
    "--truncation",
    type=options.Number(0, 1e6, min_open=True),
    metavar="LIMIT",
    help="More typical, less varied; 0.5 to 2.",
)
@options.SEED
@options.METADATA
@options.OVERWRITE
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
    options.say(f"wrote {out}: {len(wave) / model.rate:.1f} s")


@music.command()
@options.MODEL
@click.option("--data", metavar="DATA", help="The sounds or songs to judge by; else those of the training.")
@click.option("-n", "count", type=click.IntRange(10, 100_000), help="How many samples to judge.")
@click.option("--temperature", type=options.Number(0, 10), help="Songs: of the sampling.")
@click.option(
    "--verdict",
    is_flag=True,
    help="Songs: is the game better than maximum likelihood at the same diversity? The winner is kept.",
)
@options.SEED
@options.JSON
def evaluate(
    model_name: str,
    data: str | None,
    count: int | None,
    temperature: float | None,
    verdict: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Judge a model against held-out sounds or songs, with what real ones score beside each figure.

    \b
    creative-gan music evaluate --model runs/sounds
    creative-gan music evaluate --model runs/songs
    """
    kind = _kind_of_model(model_name)
    if (verdict or temperature is not None) and kind != "music/midi":
        raise UserError(
            f"model {model_name} is not one of --verdict and --temperature, which are for MIDI writers"
        )
    if verdict:
        from creative_gan.music.midi.verdict import keep
        from creative_gan.music.midi.verdict import verdict as compare

        result = compare(model_name, data, count or 64)
        lines, kept = result["says"], keep(model_name, result)
        lines = [*lines, kept] if kept else lines
    elif kind == "music/wave":
        from creative_gan.music.wave.evaluate import evaluate as judge_sounds
        from creative_gan.music.wave.evaluate import table

        result = judge_sounds(model_name, data, count or 1000, seed)
        lines = table(result)
    else:
        from creative_gan import api
        from creative_gan.music.midi.evaluate import table as song_table

        heat = {} if temperature is None else {"temperature": temperature}
        manner = api.module(kind, "model").Manner(seed=seed, **heat)
        result = api.module(kind, "evaluate").evaluate(model_name, data, count or 200, manner)
        lines = song_table(result)
    if as_json:
        options.print_json(result)
    else:
        for line in lines:
            click.echo(line)


@music.command()
@options.MODEL
@click.option("--out", type=OUT, required=True, help="A folder.")
@options.OVERWRITE
def export(model_name: str, out: Path, overwrite: bool) -> None:
    """Export a model: a folder to share, which makes the same music.

    \b
    creative-gan music export --model runs/sounds --out sounds-model
    """
    from creative_gan.core.files import ensure_free
    from creative_gan.music.share import write_shared

    ensure_free(out, overwrite)
    write_shared(model_name, out, overwrite)
    options.say(f"wrote {out}")


@music.command()
@click.argument("run", type=click.Path(path_type=Path))
@options.REPORT
@options.OVERWRITE
@click.option("--data", metavar="DATA", help="The sounds or songs to judge by; else those of the training.")
def report(run: Path, out: Path | None, overwrite: bool, data: str | None) -> None:
    """Make a page of RUN: samples to hear, curves, figures beside those of real ones, and whether it copies.

    It is made at the end of every training, too (unless --set watch.report=false).

    \b
    creative-gan music report runs/sounds
    """
    from creative_gan import api
    from creative_gan.core.files import ensure_free

    kind = _kind_of_model(str(run))
    if kind not in api.REPORTED:
        raise UserError(
            f"{run} is a run on piano rolls, which have no report yet; "
            f"creative-gan music evaluate --model {shlex.quote(str(run))} judges it"
        )
    if out:
        ensure_free(out, overwrite)
    options.say(f"wrote {api.module(kind, 'report').report(run, out, overwrite, data)}")


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
@PATTERN
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


music.add_command(sample, "generate")


def _kind(data: str, kind: str | None, recipe: str | None) -> str:
    """The kind of a training: as asked for, as the recipe says, or as the data are."""
    from creative_gan import api
    from creative_gan.core.recipe import locate
    from creative_gan.music.kinds import kind_of

    said = api.kind_of_recipe(locate(recipe, "music")) if recipe else None
    if said and kind and said != f"music/{kind}":
        raise click.UsageError(f"recipe {recipe} is for --kind {said.partition('/')[2]}, not {kind}")
    return said or f"music/{kind or kind_of(data)}"


def _kind_of_model(name: str) -> str:
    from creative_gan import api
    from creative_gan.core.models import find, read_config

    folder = find(name, "music")
    return api.kind_of(read_config(folder, "music"), folder)


def _need(model_name: str, kind: str, what: str) -> None:
    if _kind_of_model(model_name) != kind:
        made = {"music/wave": "sounds", "music/midi": "songs as MIDI, token by token"}[kind]
        raise UserError(
            f"model {model_name} cannot {what}: that takes a model of {made}; name one with --model"
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
    from creative_gan.music.midi.model import Manner, load
    from creative_gan.music.midi.reader import read_midi
    from creative_gan.music.songs import write_songs

    _need(model_name, "music/midi", what)
    ensure_free(out, overwrite)
    given, model = read_midi(file), load(model_name)
    manner = Manner(**{name: value for name, value in asked.items() if value is not None})
    make = model.continue_ if what == "continue" else model.accompany
    songs = make(given, range(count), manner)
    origins = [
        model.origin(
            f"music {what}", {"index": i, "instruments": list(instruments), "file": file.name}, manner
        )
        for i in range(count)
    ]
    _wrote(out, write_songs(songs, out, origins if metadata else None, instruments, overwrite))


def _wrote(out: Path, paths: list[Path]) -> None:
    options.say(f"wrote {out}" + (f": {len(paths)} files" if len(paths) > 1 else ""))

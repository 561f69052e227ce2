"""`creative-gan music`: train, sample, evaluate, export, report, check; the rest is in `music_files`."""

from pathlib import Path

import click

from creative_gan import api
from creative_gan.cli import commands, music_files, options, terminal
from creative_gan.core.errors import UserError

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
TAKEN = {
    "music/wave": ("class", "truncation"),
    "music/midi": (
        "bars",
        "tempo",
        "key",
        "metre",
        "temperature",
        "top-p",
        "best-of",
        "weights",
        "instrument",
    ),
    "music/roll": ("bars", "tempo", "key", "temperature", "instrument"),
}
"""Which of the options of `sample` each kind of model takes."""


@click.group()
def music() -> None:
    """Music: train on sounds or on MIDI files, make new ones, judge them.

    \b
    creative-gan music sample --out song.mid
    """


@music.command()
@options.DATA
@KIND
@options.RECIPE
@options.budget("sounds or songs")
@PATTERN
@options.SET
@options.training()
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
    start: str | None,
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
    given = commands.given(samples, minutes, seed)
    which = _kind(data, kind, recipe_name, start)
    if label_pattern and which != "music/wave":
        raise click.UsageError("--label-pattern is for sounds")
    given |= {"data.label_pattern": label_pattern} if label_pattern else {}
    job = api.prepare(
        which, data, recipe_name, out, given=given, overrides=overrides, start=start, device=device, strict=strict,
        report=terminal.remark(quiet),
    )  # fmt: skip
    things, file = ("sounds", "sound.wav") if which == "music/wave" else ("songs", "song.mid")
    then = [f"music sample --model MODEL --out {file}"]
    commands.train(job, things, new, dry_run, trackers, quiet, then)


@music.command()
@options.MODEL
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 100_000),
    default=1,
    show_default=True,
    help="How many; sounds for one file follow each other in it, songs need a folder.",
)
@music_files.OUT
@options.one_class("Only this class of sounds; else all in turn.")
@options.truncation("Sounds: more typical, less varied; 0.5 to 2.")
@click.option("--bars", type=click.IntRange(1, 255), help="Songs: how long.")
@click.option("--tempo", type=options.Number(20, 300), help="Quarters a minute.")
@click.option("--key", help="Songs: a key, as 'G major' or 'Am'.")
@click.option("--metre", help="Songs: a metre, as 3/4.")
@music_files.WRITING
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
    weights: str | None,
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

    kind = music_files.kind_of_model(model_name)
    asked = {
        "class": label, "truncation": truncation, "bars": bars, "tempo": tempo, "key": key, "metre": metre,
        "temperature": temperature, "top-p": top_p, "best-of": best_of, "weights": weights,
        "instrument": instruments or None,
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
        music_files.wrote(out, paths)
        return
    from creative_gan.music.songs import write_songs

    chosen = {name.replace("-", "_"): value for name, value in asked.items() if value is not None}
    chosen.pop("instrument", None)
    manner = api.module(kind, "model").Manner(seed=seed, **chosen)
    writer = api.module(kind, "model").load(model_name)
    songs = writer.write(range(count), manner)
    again = api.module(kind, "again")
    origins = [again.origin(writer, i, manner, instruments) for i in range(count)] if metadata else None
    music_files.wrote(out, write_songs(songs, out, origins, instruments, overwrite))


@music.command()
@options.MODEL
@options.judged_by("sounds or songs")
@click.option(
    "-n",
    "count",
    type=click.IntRange(10, 100_000),
    help="How many samples to judge; for a verdict, of each of six seeds (32).",
)
@click.option("--temperature", type=options.Number(0, 10), help="Songs: of the sampling.")
@click.option(
    "--verdict",
    is_flag=True,
    help="Songs: is the game better than maximum likelihood at the same diversity? The winner is kept.",
)
@options.BASELINE
@options.SEED
@options.JSON
def evaluate(
    model_name: str,
    data: str | None,
    count: int | None,
    temperature: float | None,
    verdict: bool,
    baseline: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Judge a model against held-out sounds or songs, with what real ones score beside each figure.

    \b
    creative-gan music evaluate --model runs/sounds
    creative-gan music evaluate --model runs/songs
    """
    if baseline and not verdict:
        raise click.UsageError("--baseline is for --verdict; add it")
    kind = music_files.kind_of_model(model_name)
    if verdict and kind != "music/midi":
        raise UserError(
            f"model {model_name} has no --verdict, which is for models that write MIDI token by token"
        )
    if temperature is not None and kind == "music/wave":
        raise UserError(f"model {model_name} makes sounds, which have no --temperature")
    if verdict:
        options.beside("verdict", ("temperature", "seed"), "sweeps both weights over temperatures")
        from creative_gan.music.midi.verdict import keep
        from creative_gan.music.midi.verdict import verdict as compare

        result = compare(model_name, data, count or 32, baseline=baseline)
        lines, kept = result["says"], keep(model_name, result)
        lines = [*lines, kept] if kept else lines
    elif kind == "music/wave":
        from creative_gan.music.wave.evaluate import evaluate as judge_sounds
        from creative_gan.music.wave.evaluate import table

        result = judge_sounds(model_name, data, count or 1000, seed)
        lines = table(result)
    else:
        from creative_gan.music.midi.evaluate import table as song_table

        heat = {} if temperature is None else {"temperature": temperature}
        manner = api.module(kind, "model").Manner(seed=seed, **heat)
        result = api.module(kind, "evaluate").evaluate(model_name, data, count or 200, manner)
        lines = song_table(result)
    terminal.show(result, lines, as_json)


@music.command()
@options.MODEL
@click.option("--out", type=options.PATH, required=True, help="A folder.")
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
    terminal.say(f"wrote {out}")


@music.command()
@options.report("sounds or songs")
def report(run: Path, out: Path | None, overwrite: bool, data: str | None) -> None:
    """Make a page of RUN: samples to hear, curves, figures beside those of real ones, and whether it copies.

    It is made at the end of every training, too (unless --set watch.report=false).

    \b
    creative-gan music report runs/sounds
    """
    commands.report(music_files.kind_of_model(str(run)), run, out, overwrite, data)


@music.command()
@options.DATA
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
    terminal.show(report.as_dict(), report.lines(), as_json)


music.add_command(sample, "generate")
music.add_command(music_files.continue_)
music.add_command(music_files.accompany)
music.add_command(music_files.walk)
music.add_command(music_files.render)
music.add_command(music_files.picture)


def _kind(data: str, kind: str | None, recipe: str | None, start: str | None) -> str:
    """The kind of a training: as asked for, as the recipe says, as what it begins with is, or as the data are."""
    from creative_gan.core.models import find, read_config
    from creative_gan.core.recipe import locate
    from creative_gan.music.kinds import kind_of

    said = api.kind_of_recipe(locate(recipe, "music")) if recipe else None
    if said and kind and said != f"music/{kind}":
        raise click.UsageError(f"recipe {recipe} is for --kind {said.partition('/')[2]}, not {kind}")
    if start and not said and not kind:
        return api.kind_of(read_config(folder := find(start, "music")), folder)
    return said or f"music/{kind or kind_of(data)}"

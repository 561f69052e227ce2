"""`creative-gan image`: train, sample, walk, evaluate, report, export, check."""

import shlex
from pathlib import Path
from typing import Any

import click

from creative_gan.cli import options
from creative_gan.core.errors import UserError


@click.group()
def image() -> None:
    """Pictures: train on a folder, make new ones, walk between them, judge them."""


@image.command()
@click.argument("data")
@click.option(
    "--recipe",
    "recipe_name",
    metavar="NAME",
    shell_complete=options.complete_recipe,
    help="A shipped recipe or a .toml file; else what suits the data.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FOLDER", help="The run folder; else runs/DATA-RECIPE."
)
@click.option("--samples", type=click.IntRange(1), help="How many pictures to show in all.")
@click.option("--minutes", type=options.Number(0, 1e6, min_open=True), help="How long to train, about.")
@click.option("--size", metavar="N or HxW", help="Side of the pictures, 16 to 256.")
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
    recipe_name: str | None,
    out: Path | None,
    samples: int | None,
    minutes: float | None,
    size: str | None,
    overrides: tuple[str, ...],
    seed: int | None,
    device: str,
    new: bool,
    strict: bool,
    dry_run: bool,
    trackers: str,
    quiet: bool,
) -> None:
    """Train on DATA: a folder, a zip, MNIST or CIFAR files, an .npz, or builtin:art, builtin:digits.

    The same command again goes on with a run that was stopped.

    \b
    creative-gan image train photos/ --minutes 30
    creative-gan image train builtin:digits --recipe digits --minutes 2
    """
    if not data.strip():
        raise click.UsageError("DATA is empty; name a folder of pictures")
    given = _given(samples, minutes, size, seed)
    from creative_gan import api

    job = api.prepare(
        "image", data, recipe_name, out, given=given, overrides=overrides, device=device, strict=strict,
        report=options.remark(quiet),
    )  # fmt: skip
    if dry_run:
        for line in job.estimate():
            click.echo(line)
        return
    model = options.played(lambda report: job.train(report, new), job.folder, "pictures", trackers, quiet)
    if not quiet:
        quoted = shlex.quote(str(job.folder))
        options.say(f"done: {model}\n  creative-gan image sample --model {quoted} --out grid.png")
        options.say(f"  creative-gan image walk --model {quoted} --out walk.gif")


@image.command()
@options.MODEL
@click.option("-n", "count", type=click.IntRange(1), default=64, show_default=True, help="How many.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, allow_dash=True),
    required=True,
    help="A .png sheet, a .zip, a folder, or -.",
)
@click.option("--class", "label", metavar="NAME", help="Only this class; else all in turn.")
@click.option(
    "--truncation",
    type=options.Number(0, 1e6, min_open=True),
    metavar="LIMIT",
    help="More typical, less varied; 0.5 to 2.",
)
@options.SEED
@options.METADATA
@options.OVERWRITE
def sample(
    model_name: str,
    count: int,
    out: Path,
    label: str | None,
    truncation: float | None,
    seed: int,
    metadata: bool,
    overwrite: bool,
) -> None:
    """Make new pictures.

    \b
    creative-gan image sample --model runs/photos --out grid.png
    creative-gan image sample --model runs/photos -n 500 --out new/ --seed 7
    """
    from creative_gan.core.files import ensure_free
    from creative_gan.image.export import write_pictures
    from creative_gan.image.model import load

    if str(out) != "-":
        if out.suffix and out.suffix.lower() not in (".png", ".zip") and not out.is_dir():
            raise UserError(f"{out} names no known kind of file; use .png for a sheet, .zip, or a folder")
        ensure_free(out, overwrite)
    model = load(model_name)
    made = model.pictures(count, seed, label, truncation)
    origins = model.origins(count, seed, label, truncation) if metadata else None
    paths = write_pictures(made, out, origins, overwrite)
    if paths:
        options.say(f"wrote {out}" + (f": {len(paths)} pictures" if len(paths) > 1 else ""))


@image.command()
@options.MODEL
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="A .gif, .webp or .mp4 file, or a folder of frames.",
)
@click.option("--seconds", type=options.Number(0.1, 600), default=6.0, show_default=True)
@click.option("--fps", type=options.Number(1, 100), default=25.0, show_default=True)
@click.option(
    "--stops", type=click.IntRange(3, 1000), default=6, show_default=True, help="Random pictures on the way."
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
    fps: float,
    stops: int,
    label: str | None,
    truncation: float | None,
    seed: int,
    metadata: bool,
    overwrite: bool,
) -> None:
    """Walk through latent space in a smooth loop.

    \b
    creative-gan image walk --model runs/photos --out walk.gif
    """
    from creative_gan.core.files import ensure_free
    from creative_gan.image import export
    from creative_gan.image.model import load
    from creative_gan.image.walk import walk as stroll

    ensure_free(out, overwrite)
    frames, origin, _ = stroll(load(model_name), seconds, fps, stops, seed, label, truncation)
    export.write_walk(frames, out, fps, origin if metadata else None, overwrite)
    options.say(f"wrote {out}: {len(frames)} frames")


@image.command()
@options.MODEL
@click.option("--data", metavar="DATA", help="The pictures to judge by; else those of the training.")
@click.option(
    "-n", "count", type=click.IntRange(10), default=2000, show_default=True, help="How many samples to judge."
)
@click.option("--inception", is_flag=True, help="Also the FID with Inception features (extra: metrics).")
@options.SEED
@options.JSON
def evaluate(
    model_name: str, data: str | None, count: int, inception: bool, seed: int, as_json: bool
) -> None:
    """Judge a model against held-out pictures, with the real-data floor beside each figure.

    \b
    creative-gan image evaluate --model runs/photos
    """
    from creative_gan.image import metrics
    from creative_gan.image.evaluate import evaluate as judge

    result = judge(model_name, data, count, seed, inception)
    if as_json:
        options.print_json(result)
    else:
        for line in [*metrics.table(result), *filter(None, [result.get("note")])]:
            click.echo(line)


@image.command()
@options.MODEL
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="A folder, or a .onnx file (extra: onnx)."
)
@options.OVERWRITE
def export(model_name: str, out: Path, overwrite: bool) -> None:
    """Export a model: a folder to share, or ONNX.

    \b
    creative-gan image export --model runs/photos --out photos-model
    creative-gan image export --model runs/photos --out photos.onnx
    """
    from creative_gan.core.files import ensure_free
    from creative_gan.image.model import load
    from creative_gan.image.share import write_onnx, write_shared

    ensure_free(out, overwrite)
    model = load(model_name)
    (write_onnx if out.suffix == ".onnx" else write_shared)(model, out, overwrite)
    options.say(f"wrote {out}")


@image.command()
@click.argument("data")
@click.option("--size", metavar="N or HxW", help="Side of the pictures, 16 to 256.")
@options.JSON
def check(data: str, size: str | None, as_json: bool) -> None:
    """Look at DATA before training: counts, sizes, unreadable files, duplicates, and is it enough.

    \b
    creative-gan image check photos/
    """
    from creative_gan.image.check import check as look
    from creative_gan.image.check import lines

    sides = _sides(size) if size else None
    report = look(data, size=(sides[0], sides[-1]) if sides else None)
    if as_json:
        options.print_json(report.as_dict())
    else:
        for line in lines(report):
            click.echo(line)


@image.command()
@click.argument("run", type=click.Path(path_type=Path))
@options.REPORT
@options.OVERWRITE
@click.option("--data", metavar="DATA", help="The pictures to judge by; else those of the training.")
def report(run: Path, out: Path | None, overwrite: bool, data: str | None) -> None:
    """Make a page of RUN: samples, curves, figures beside those of real pictures, and whether it copies.

    It is made at the end of every training, too (unless --set watch.report=false).

    \b
    creative-gan image report runs/photos
    """
    from creative_gan.core.files import ensure_free
    from creative_gan.image.report import report as make

    if out:
        ensure_free(out, overwrite)
    options.say(f"wrote {make(run, out, overwrite, data)}")


image.add_command(sample, "generate")


def _given(samples: int | None, minutes: float | None, size: str | None, seed: int | None) -> dict[str, Any]:
    """What the options say, as dotted keys of the recipe."""
    if samples and minutes:
        raise click.UsageError("give --samples or --minutes, not both")
    given: dict[str, Any] = {}
    if samples or minutes:  # either of them replaces the recipe's budget
        given |= {"budget.samples": samples or 0, "budget.minutes": minutes or 0.0}
    if size:
        given["data.size"] = _sides(size)
    if seed is not None:
        given["seed"] = seed
    return given


def _sides(text: str) -> list[int]:
    try:
        sides = [int(side) for side in text.lower().split("x")]
    except ValueError:
        sides = []
    if not 1 <= len(sides) <= 2 or not all(16 <= side <= 256 for side in sides):
        raise UserError(
            f"--size must be a side from 16 to 256, as 64, or height x width, as 64x96, not {text!r}"
        )
    return sides

"""`creative-gan image`: train, sample, walk, evaluate, report, export, check."""

from pathlib import Path

import click

from creative_gan import api
from creative_gan.cli import commands, options, terminal
from creative_gan.core.errors import UserError

SIZE = click.option("--size", metavar="N or HxW", help="Side of the pictures, 16 to 256.")
COLUMN = click.option(
    "--label-column",
    metavar="NAME",
    help="Column of metadata.csv or .jsonl that names the class; else label.",
)


@click.group()
def image() -> None:
    """Pictures: train on a folder, make new ones, walk between them, judge them.

    \b
    creative-gan image sample --model runs/photos --out grid.png
    """


@image.command()
@options.DATA
@options.RECIPE
@options.budget("pictures")
@SIZE
@COLUMN
@options.SET
@options.training()
def train(
    data: str,
    recipe_name: str | None,
    out: Path | None,
    samples: int | None,
    minutes: float | None,
    size: str | None,
    label_column: str | None,
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
    """Train on DATA: a folder, a zip, MNIST or CIFAR files, an .npz, or builtin:art, builtin:digits.

    The same command again goes on with a run that was stopped.

    \b
    creative-gan image train photos/ --minutes 30
    creative-gan image train builtin:digits --recipe digits --minutes 2
    creative-gan image train paintings/ --label-column painter
    """
    given = commands.given(samples, minutes, seed)
    if size:
        given["data.size"] = _sides(size)
    given |= {"data.label_column": label_column} if label_column else {}
    job = api.prepare(
        "image", data, recipe_name, out, given=given, overrides=overrides, start=start, device=device, strict=strict,
        report=terminal.remark(quiet),
    )  # fmt: skip
    then = ["image sample --model MODEL --out grid.png", "image walk --model MODEL --out walk.gif"]
    commands.train(job, "pictures", new, dry_run, trackers, quiet, then)


@image.command()
@options.MODEL
@click.option("-n", "count", type=click.IntRange(1), default=64, show_default=True, help="How many.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, allow_dash=True),
    required=True,
    help="A .png sheet, a .zip, a folder, or -.",
)
@options.CLASS
@options.TRUNCATION
@options.MADE
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
        terminal.say(f"wrote {out}" + (f": {len(paths)} pictures" if len(paths) > 1 else ""))


@image.command()
@options.MODEL
@click.option(
    "--out",
    type=options.PATH,
    required=True,
    help="A .gif, .webp or .mp4 file, or a folder of frames.",
)
@click.option("--seconds", type=options.Number(0.1, 600), default=6.0, show_default=True)
@click.option("--fps", type=options.Number(1, 100), default=25.0, show_default=True)
@options.walk("pictures")
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
    terminal.say(f"wrote {out}: {len(frames)} frames")


@image.command()
@options.MODEL
@options.judged_by("pictures")
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
    lines = [*metrics.table(result), *filter(None, [result.get("note")])]
    terminal.show(metrics.summary(result), lines, as_json)


@image.command()
@options.MODEL
@click.option("--out", type=options.PATH, required=True, help="A folder, or a .onnx file (extra: onnx).")
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
    (write_onnx if out.suffix.lower() == ".onnx" else write_shared)(model, out, overwrite)
    terminal.say(f"wrote {out}")


@image.command()
@options.DATA
@SIZE
@COLUMN
@options.JSON
def check(data: str, size: str | None, label_column: str | None, as_json: bool) -> None:
    """Look at DATA before training: counts, sizes, unreadable files, duplicates, and is it enough.

    \b
    creative-gan image check photos/
    """
    from creative_gan.image.check import check as look
    from creative_gan.image.check import lines
    from creative_gan.image.metadata import LABEL

    sides = _sides(size) if size else None
    report = look(data, size=(sides[0], sides[-1]) if sides else None, label_column=label_column or LABEL)
    terminal.show(report.as_dict(), lines(report), as_json)


@image.command()
@options.report("pictures")
def report(run: Path, out: Path | None, overwrite: bool, data: str | None) -> None:
    """Make a page of RUN: samples, curves, figures beside those of real pictures, and whether it copies.

    It is made at the end of every training, too (unless --set watch.report=false).

    \b
    creative-gan image report runs/photos
    """
    commands.report("image", run, out, overwrite, data)


image.add_command(sample, "generate")


def _sides(text: str) -> list[int]:
    try:
        sides = [int(side) for side in text.lower().split("x")]
    except ValueError:
        sides = []
    if not 1 <= len(sides) <= 2 or not all(16 <= side <= 256 for side in sides):
        raise click.UsageError(
            f"--size must be a side from 16 to 256, as 64, or height x width, as 64x96, not {text!r}"
        )
    return sides

"""`creative-gan demo`: a first minute with the program, on data that it makes itself."""

from pathlib import Path

import click

from creative_gan.cli import options
from creative_gan.core.errors import UserError


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help="Where all goes."
)
@click.option("--minutes", type=options.Number(0, 1e6, min_open=True), default=2.0, show_default=True)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any setting of the recipe.")
@options.DEVICE
def demo(out: Path, minutes: float, overrides: tuple[str, ...], device: str) -> None:
    """Train a picture GAN for two minutes on built-in art; write a sheet, single pictures and a walk.

    \b
    creative-gan demo
    """
    from creative_gan.cli.recipes import folder
    from creative_gan.core import loop
    from creative_gan.core.recipe import load
    from creative_gan.image import export
    from creative_gan.image.model import load as load_model
    from creative_gan.image.recipe import ImageRecipe
    from creative_gan.image.train import plan, train
    from creative_gan.image.walk import walk

    recipe = load(
        ImageRecipe,
        folder() / "image/demo.toml",
        overrides,
        given={"budget.minutes": minutes, "budget.samples": 0},
    )
    options.say("making the built-in pictures")
    prepared = plan("builtin:art", recipe, "image/demo", device)
    report, close = options.progress(False, "pictures")
    try:
        trained = train(prepared, out / "run", report)
    except loop.Stopped as stopped:
        options.say("stopped and saved; the same command goes on")
        raise click.exceptions.Exit(128 + stopped.signal) from None
    finally:
        close()
    if not trained.is_dir():
        raise UserError(f"there is no model in {trained}; start again with another --out")
    model = load_model(out / "run")
    pictures, origins = model.pictures(64), model.origins(64, 0, None, None)
    columns = len(model.classes)
    export.write_pictures(pictures, out / "grid.png", origins, overwrite=True)
    export.write_pictures(pictures[: 2 * columns], out / "pictures", origins[: 2 * columns], overwrite=True)
    frames, origin, fps = walk(model, seconds=6, fps=20)
    export.write_walk(frames, out / "walk.gif", fps, origin, overwrite=True)
    for name, what in (
        ("grid.png", "a sheet of 64 new pictures"),
        ("pictures/", f"{2 * columns} single pictures"),
        ("walk.gif", "a walk through latent space"),
        ("run/samples/", "how it learned, step by step"),
    ):
        click.echo(f"{out / name!s:24} {what}")
    click.echo("\nTry next:")
    for command in (
        f"creative-gan image sample --model {out / 'run'} --class {model.classes[0]} --out {out / 'more.png'}",
        f"creative-gan inspect {out / 'pictures/00003.png'}",
        "creative-gan image train YOUR-FOLDER-OF-PICTURES --minutes 30",
    ):
        click.echo(f"  {command}")

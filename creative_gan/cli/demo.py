"""`creative-gan demo`: a first look at everything, on data that the program makes itself."""

from pathlib import Path

import click

from creative_gan.cli import options, terminal


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help="Where all goes."
)
@click.option(
    "--minutes",
    type=options.Number(0, 1e6, min_open=True),
    default=2.0,
    show_default=True,
    help="Of training, for all modalities together.",
)
@options.DEVICE
def demo(out: Path, minutes: float, device: str) -> None:
    """Sample every shipped model, train each modality for half a minute, and show it all on a page.

    \b
    creative-gan demo
    """
    from creative_gan.demo import demo as show

    page = show(
        out,
        minutes,
        device,
        terminal.say,
        lambda training, folder, unit: terminal.played(training, folder, unit, "", False),
    )
    click.echo(f"{page}   open it in a browser")
    click.echo(
        f"{out / 'image'}, {out / 'music'}, {out / 'text'}   all that is on it, as single files, and walks"
    )
    click.echo("\nTry next:")
    for command in (
        f"creative-gan image sample --model {out / 'training/image'} --out {out / 'more.png'}",
        f"creative-gan image walk --model {out / 'training/image'} --out {out / 'walk.gif'}",
        f"creative-gan music sample --model {out / 'training/music-midi'} --out {out / 'song.mid'}",
        "creative-gan image train YOUR-FOLDER-OF-PICTURES --minutes 30",
    ):
        click.echo(f"  {command}")

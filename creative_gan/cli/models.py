"""`creative-gan models`: list the models that come with the package, and show what one is."""

import re

import click

from creative_gan.cli import complete, options, terminal


@click.group()
def models() -> None:
    """Models that come with the package, or any other: what they are.

    \b
    creative-gan models list
    """


@models.command("list")
@options.JSON
def list_(as_json: bool) -> None:
    """List the models that come with the package: what each makes, its size, its licence.

    \b
    creative-gan models list
    """
    from creative_gan.core.models import DEFAULTS, SHIPPED, default, facts, shipped_names

    rows = [facts(SHIPPED / modality / name) for modality in DEFAULTS for name in shipped_names(modality)]
    for row in rows:
        row["default"] = row["name"] == default(row["modality"])
    if as_json:
        terminal.print_json(rows)
        return
    if not rows:
        terminal.say(
            "no models come with this installation; train one, as `creative-gan image train photos/`"
        )
        return
    width = max(len(f"{row['modality']}/{row['name']}") for row in rows)
    for row in rows:
        name = f"{row['modality']}/{row['name']}" + (" *" if row["default"] else "")
        click.echo(f"{name:{width + 2}}  {row['bytes'] / 1e6:5.1f} MB  {row['about']}")
        click.echo(f"{'':{width + 2}}            {_unlinked(row['licence'])}")
    click.echo("* is taken where no --model is named")


@models.command()
@click.argument("model", shell_complete=complete.complete_model)
@options.JSON
def show(model: str, as_json: bool) -> None:
    """Show what MODEL is: a shipped name, a run folder or a model folder.

    \b
    creative-gan models show runs/photos
    """
    from creative_gan.core.models import facts, find, read_config

    folder = find(model)
    known = facts(folder)
    if as_json:
        terminal.print_json(known | {"config": read_config(folder)})
        return
    for key in ("modality", "name", "about", "licence", "recipe", "data"):
        click.echo(f"{key:9} {_unlinked(str(known[key]))}")
    if known["classes"]:
        shown = ", ".join(known["classes"][:20]) + (", ..." if len(known["classes"]) > 20 else "")
        click.echo(f"{'classes':9} {len(known['classes'])}: {shown}")
    click.echo(f"{'size':9} {known['bytes'] / 1e6:.1f} MB")
    click.echo(f"{'path':9} {known['path']}")
    card = folder / "README.md"
    if card.is_file():
        click.echo("\n" + card.read_text("utf-8", errors="replace").strip())


def _unlinked(text: str) -> str:
    """A card's Markdown as a terminal shows it: where a link leads stands behind its words."""
    return re.sub(r"\[([^\]]*)\]\(([^)]*)\)", r"\1 (\2)", text)

"""`creative-gan recipes`: list them, show one, copy one to edit, check one's own."""

import shlex
from pathlib import Path

import click

from creative_gan.cli import complete, options, terminal
from creative_gan.core.recipe import locate
from creative_gan.core.recipe import shipped_folder as folder
from creative_gan.core.recipe import shipped_names as names


def load_any(path: Path) -> object:
    """A recipe of whatever modality it says it is of, checked."""
    from creative_gan import api
    from creative_gan.core.recipe import load

    return load(api.recipe_class(api.kind_of_recipe(path)), path)


@click.group()
def recipes() -> None:
    """Recipes: what a training can be told.

    \b
    creative-gan recipes show image/digits
    """


@recipes.command("list")
@options.JSON
def list_(as_json: bool) -> None:
    """List the recipes that come with the package.

    \b
    creative-gan recipes list
    """
    import tomllib

    rows = {name: tomllib.loads((folder() / f"{name}.toml").read_text("utf-8"))["about"] for name in names()}
    if as_json:
        terminal.print_json(rows)
        return
    width = max(map(len, rows))
    for name, about in rows.items():
        click.echo(f"{name:{width}}  {about}")


@recipes.command()
@click.argument("name", shell_complete=complete.complete_recipe)
def show(name: str) -> None:
    """Print a recipe with its comments.

    \b
    creative-gan recipes show image/digits
    """
    click.echo(locate(name).read_text("utf-8"), nl=False)


@recipes.command()
@click.argument("name", shell_complete=complete.complete_recipe)
@click.argument("out", type=click.Path(path_type=Path))
@options.OVERWRITE
def copy(name: str, out: Path, overwrite: bool) -> None:
    """Copy a recipe to a file of your own, to edit it.

    \b
    creative-gan recipes copy image/digits mine.toml
    """
    from creative_gan.core.files import write_bytes

    write_bytes(out, locate(name).read_bytes(), overwrite)
    terminal.say(f"wrote {out}; train with --recipe {shlex.quote(str(out))}")


@recipes.command()
@click.argument("name", shell_complete=complete.complete_recipe)
def check(name: str) -> None:
    """Check a recipe without running it.

    \b
    creative-gan recipes check image/digits
    """
    load_any(locate(name))
    click.echo(f"{name}: fine")

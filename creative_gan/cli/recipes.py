"""`creative-gan recipes`: list them, show one, copy one to edit, check one's own."""

from pathlib import Path

import click

from creative_gan.cli import options
from creative_gan.core.errors import UserError


def folder() -> Path:
    """Where the recipes are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "recipes"
    return inside if inside.is_dir() else package.parent / "recipes"


def names() -> list[str]:
    """All shipped recipes, as `image/digits`."""
    root = folder()
    return sorted(p.relative_to(root).with_suffix("").as_posix() for p in root.glob("*/*.toml"))


def locate(name: str, modality: str | None = None) -> Path:
    """The file of a shipped recipe or of the user's own.

    Raises:
        UserError: there is none.
    """
    import difflib

    own = Path(name)
    if own.suffix == ".toml":
        if not own.is_file():
            raise UserError(f"there is no recipe file {name}")
        return own
    known = names()
    full = name if "/" in name or modality is None else f"{modality}/{name}"
    if full not in known:
        near = difflib.get_close_matches(full, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else "`creative-gan recipes list` shows them"
        raise UserError(f"there is no recipe {name!r}; {hint}")
    return folder() / f"{full}.toml"


def load_any(path: Path) -> object:
    """A recipe of whatever modality it says it is of, checked."""
    import tomllib

    from creative_gan.core.recipe import load

    try:
        modality = tomllib.loads(path.read_text("utf-8")).get("modality", "image")
    except (OSError, ValueError) as error:
        raise UserError(f"recipe {path} cannot be read: {error}") from None
    if modality == "image":
        from creative_gan.image.recipe import ImageRecipe

        return load(ImageRecipe, path)
    if modality == "text":
        from creative_gan.text.recipe import TextRecipe

        return load(TextRecipe, path)
    raise UserError(f"recipe {path}: there is no modality {modality!r}; it can be image or text")


@click.group()
def recipes() -> None:
    """Recipes: what a training can be told."""


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
        options.print_json(rows)
        return
    width = max(map(len, rows))
    for name, about in rows.items():
        click.echo(f"{name:{width}}  {about}")


@recipes.command()
@click.argument("name")
def show(name: str) -> None:
    """Print a recipe with its comments.

    \b
    creative-gan recipes show image/digits
    """
    click.echo(locate(name).read_text("utf-8"), nl=False)


@recipes.command()
@click.argument("name")
@click.argument("out", type=click.Path(path_type=Path))
@options.OVERWRITE
def copy(name: str, out: Path, overwrite: bool) -> None:
    """Copy a recipe to a file of your own, to edit it.

    \b
    creative-gan recipes copy image/digits mine.toml
    """
    from creative_gan.core.files import write_bytes

    write_bytes(out, locate(name).read_bytes(), overwrite)
    options.say(f"wrote {out}; train with --recipe {out}")


@recipes.command()
@click.argument("name")
def check(name: str) -> None:
    """Check a recipe without running it.

    \b
    creative-gan recipes check image/digits
    """
    load_any(locate(name))
    click.echo(f"{name}: fine")

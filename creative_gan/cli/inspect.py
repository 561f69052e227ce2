"""`creative-gan inspect`: where a file comes from, and the same file once more."""

from pathlib import Path

import click

from creative_gan.cli import options, terminal
from creative_gan.core.errors import UserError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--again", type=click.Path(path_type=Path), metavar="OUT", help="Make the same file again.")
@click.option("--model", "model_name", metavar="MODEL", help="Where the model is now, if it was moved.")
@options.OVERWRITE
@options.JSON
def inspect(file: Path, again: Path | None, model_name: str | None, overwrite: bool, as_json: bool) -> None:
    """Show where a file comes from: the model, the seed and all that made it.

    \b
    creative-gan inspect picture.png
    creative-gan inspect picture.png --again copy.png
    """
    from creative_gan.core import provenance

    record = provenance.read(file)
    if record is None:
        raise UserError(
            f"{file} carries no record of creative-gan; it was made by something else or saved anew"
        )
    if again is None:
        if as_json:
            terminal.print_json(record)
        else:
            for line in provenance.describe(record):
                click.echo(line)
        return
    from creative_gan import api
    from creative_gan.core.models import beside

    modality, _, command = str(record.get("command", "")).partition(" ")
    if "of" in record:
        was, then = {"render": ("rendered", "render"), "picture": ("drawn", "draw")}.get(
            command, ("made", "use")
        )
        raise UserError(
            f"{file} was {was} from another file; make that again, as its record says, and {then} it"
        )
    if command == "train":
        raise UserError(
            f"{file} is a preview of a model and is not made again; sample from the model instead"
        )
    model = record.get("model")
    kind = model.get("kind") if isinstance(model, dict) else None
    api.module(api.kind_of({"modality": modality, "kind": kind}, file), "again").again(
        record, again, model_name or beside(record, file), overwrite
    )
    terminal.say(f"wrote {again}")

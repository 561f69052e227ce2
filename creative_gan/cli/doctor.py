"""`creative-gan doctor`: is everything there, and which command mends what is not."""

import dataclasses
from pathlib import Path

import click

from creative_gan.cli import options, terminal


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Where runs are to go.",
)
@options.JSON
def doctor(out: Path, as_json: bool) -> None:
    """Look at this installation: Python, torch, device, libraries, disk, cache, and what mends each.

    It ends with 0 when all that is needed is there, and with 1 otherwise.

    \b
    creative-gan doctor
    """
    from creative_gan.doctor import examine

    findings = examine(out)
    well = not any(finding.needed and finding.state == "attention" for finding in findings)
    if as_json:
        terminal.print_json({"well": well, "findings": [dataclasses.asdict(f) for f in findings]})
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            click.echo(f"{finding.state:9}  {finding.name:{width}}  {finding.says}")
            if finding.mend:
                click.echo(f"{'':9}  {'':{width}}  -> {finding.mend}")
        click.echo("all that is needed is there" if well else "something that is needed is missing")
    if not well:
        raise click.exceptions.Exit(1)

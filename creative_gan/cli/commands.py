"""What the commands of several groups do in the same way."""

import shlex
from pathlib import Path
from typing import Any

import click

from creative_gan import api
from creative_gan.cli import terminal


def given(samples: int | None, minutes: float | None, seed: int | None) -> dict[str, Any]:
    """What the options of a training say, as dotted keys of the recipe; two budgets are a usage error."""
    if samples and minutes:
        raise click.UsageError("give --samples or --minutes, not both")
    return api.budget(samples, minutes) | ({} if seed is None else {"seed": seed})


def train(
    job: api.Job, things: str, new: bool, dry_run: bool, trackers: str, quiet: bool, then: list[str]
) -> None:
    """Runs a training, or only says what it would be.

    Args:
        things: what its speed is counted in.
        then: commands to go on with, with MODEL for the run's folder.
    """
    from creative_gan.core.trackers import named

    try:
        named(trackers)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if dry_run:
        for line in job.estimate():
            click.echo(line)
        return
    model = terminal.played(lambda report: job.train(report, new), job.folder, things, trackers, quiet)
    if not quiet:
        terminal.say(f"done: {model}")
        for line in then:
            terminal.say("  creative-gan " + line.replace("MODEL", shlex.quote(str(job.folder))))


def report(kind: str, run: Path, out: Path | None, overwrite: bool, data: str | None) -> None:
    """Makes the page of a run of a kind, a key of `api.PACKAGES`."""
    from creative_gan.core.files import ensure_free

    if out:
        ensure_free(out, overwrite)
    terminal.say(f"wrote {api.module(kind, 'report').report(run, out, overwrite, data)}")

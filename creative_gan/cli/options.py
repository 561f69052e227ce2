"""Options that several commands share."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from creative_gan.cli import terminal
from creative_gan.cli.complete import complete_class, complete_data, complete_model, complete_recipe


class Number(click.FloatRange):
    """A number in a range; NaN and infinity are none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number, or a usage error."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def _data(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """The data, which an empty name would make those of the folder that one is in."""
    if not value.strip() and not ctx.resilient_parsing:
        raise click.UsageError("DATA is empty; name a file or a folder")
    return value


Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]


def model(preferred: str | None = None) -> Decorator:
    """The model that was named, or else the shipped one that the command or its group prefers."""

    def chosen(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
        if value is not None or ctx.resilient_parsing:
            return value
        from creative_gan.core.models import default

        assert ctx.parent is not None and ctx.parent.info_name is not None
        name = default(ctx.parent.info_name, preferred)
        terminal.say(f"the model is {name}, which comes with the package (another with --model)")
        return name

    return click.option(
        "--model",
        "model_name",
        metavar="MODEL",
        callback=chosen,
        shell_complete=complete_model,
        help="A run folder, a model folder or a shipped name; else the shipped default.",
    )


def _named(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Another model, which an empty name would make the folder that one is in."""
    if value is not None and not value.strip() and not ctx.resilient_parsing:
        raise click.UsageError(f"{param.opts[0]} is empty; name a model or a run folder")
    return value


def together(*parts: Decorator) -> Decorator:
    """Options as one decorator; --help shows them in this order."""

    def decorate(command: Command) -> Command:
        for part in reversed(parts):
            command = part(command)
        return command

    return decorate


PATH = click.Path(path_type=Path)
SEEDS = click.IntRange(0, 2**62)
POSITIVE = Number(0, 1e6, min_open=True)
MODEL = model()
SEED = click.option("--seed", type=SEEDS, default=0, show_default=True, help="Same seed, same bytes.")
OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace what is there already.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON to standard output.")
METADATA = click.option(
    "--metadata/--no-metadata", default=True, help="Write into each file where it comes from (on by default)."
)
WEIGHTS = click.option(
    "--weights", type=click.Choice(["adversarial", "mle"]), help="Else those that the model prefers."
)
BASELINE = click.option(
    "--baseline",
    metavar="MODEL",
    callback=_named,
    shell_complete=complete_model,
    help="With --verdict: against the maximum likelihood of this model instead of its own.",
)
MADE = together(SEED, METADATA, OVERWRITE)
"""What all commands take that make files with a model."""
DATA = click.argument("data", callback=_data, shell_complete=complete_data)
DEVICE = click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", show_default=True
)
RECIPE = click.option(
    "--recipe",
    "recipe_name",
    metavar="NAME",
    shell_complete=complete_recipe,
    help="A shipped recipe or a .toml file; else what suits the data.",
)
SET = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any setting of the recipe, as game.batch=32.",
)


def one_class(means: str) -> Decorator:
    """A class of the model."""
    return click.option("--class", "label", metavar="NAME", shell_complete=complete_class, help=means)


CLASS = one_class("Only this class; else all in turn.")


def budget(things: str) -> Decorator:
    """Where a run goes and how long it is."""
    return together(
        click.option(
            "--out", type=PATH, metavar="FOLDER", help="The run folder; else runs/DATA, or runs/DATA-RECIPE."
        ),
        click.option("--samples", type=click.IntRange(1), help=f"How many {things} to show in all."),
        click.option("--minutes", type=POSITIVE, help="How long to train, about."),
    )


def training(refused: str = "a data set with unreadable files", shown: str = "memory") -> Decorator:
    """How a run is gone about: its seed and device, what it refuses, shows and logs."""
    return together(
        click.option("--seed", type=SEEDS, help="Another seed than the recipe's."),
        DEVICE,
        click.option(
            "--from",
            "start",
            metavar="MODEL",
            callback=_named,
            shell_complete=complete_model,
            help="Begin with the weights of a model or an earlier run.",
        ),
        click.option("--new", is_flag=True, help="Start over; the older run is kept under another name."),
        click.option("--strict", is_flag=True, help=f"Refuse {refused} instead of skipping them."),
        click.option(
            "--dry-run", is_flag=True, help=f"Show the resolved recipe, {shown} and time, and stop."
        ),
        click.option(
            "--log", "trackers", metavar="NAMES", default="", help="Also log to tensorboard, wandb (extras)."
        ),
        click.option("--quiet", is_flag=True, help="No progress."),
    )


def truncation(means: str) -> Decorator:
    """How far from the middle of latent space samples may be, and what that does."""
    return click.option("--truncation", type=POSITIVE, metavar="LIMIT", help=means)


TRUNCATION = truncation("More typical, less varied; 0.5 to 2.")


def walk(things: str) -> Decorator:
    """Where a walk through latent space goes, and its file."""
    return together(
        click.option(
            "--stops",
            type=click.IntRange(3, 1000),
            default=6,
            show_default=True,
            help=f"Random {things} on the way.",
        ),
        one_class("The class to walk in."),
        TRUNCATION,
        MADE,
    )


def judged_by(things: str) -> Decorator:
    """The data that a model is judged by."""
    return click.option(
        "--data",
        metavar="DATA",
        shell_complete=complete_data,
        help=f"The {things} to judge by; else those of the training.",
    )


def report(things: str) -> Decorator:
    """All that a report takes."""
    return together(
        click.argument("run", type=PATH),
        click.option(
            "--out",
            type=PATH,
            metavar="FILE",
            help="Another file than report.html in RUN, which is made anew each time.",
        ),
        OVERWRITE,
        judged_by(things),
    )


def beside(given: str, refused: tuple[str, ...], why: str) -> None:
    """Raises a usage error where options were given beside --`given` that it pays no heed to, and why not."""
    context = click.get_current_context()
    for name in refused:
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{given} {why}; leave --{name.replace('_', '-')} away")

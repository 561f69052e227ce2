"""Options that several commands share, and the progress of a training on a terminal."""

import json
import math
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem


class Number(click.FloatRange):
    """A number in a range; NaN and infinity are none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number, or a usage error."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def complete_model(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Shipped models and finished runs that begin so; folders where there is none."""
    from creative_gan.core.models import DEFAULTS, shipped_names

    group = ctx.parent.info_name if ctx.parent else None
    shipped = [name for kind in DEFAULTS if group in (kind, "models", None) for name in shipped_names(kind)]
    runs = [path.parent.parent.as_posix() for path in sorted(Path("runs").glob("*/model/config.json"))]
    found = [CompletionItem(name) for name in [*shipped, *runs] if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="dir")]


def complete_recipe(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Shipped recipes that begin so, of the group's own modality by their short names; files where there is none."""
    from creative_gan.core.recipe import shipped_names

    prefix = f"{ctx.parent.info_name}/" if ctx.parent else ""
    names = shipped_names()
    own = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
    found = [CompletionItem(name) for name in own or names if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


def complete_data(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders; the built-in sets of the group once it is clear that one of them is meant."""
    group = (ctx.parent.info_name if ctx.parent else None) or ""
    found = [CompletionItem(name) for name in BUILTIN.get(group, ()) if name.startswith(incomplete)]
    return found if incomplete and found else [CompletionItem(incomplete, type="file")]


def complete_class(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The classes of the model that is named before, or of the group's default."""
    from creative_gan.core.errors import UserError
    from creative_gan.core.models import default, facts, find

    assert ctx.parent is not None and ctx.parent.info_name is not None
    group = ctx.parent.info_name
    try:
        known = facts(find(ctx.params.get("model_name") or default(group), group))["classes"]
    except UserError:
        return []
    return [CompletionItem(str(name)) for name in known if str(name).startswith(incomplete)]


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
        say(f"the model is {name}, which comes with the package (another with --model)")
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


BUILTIN = {
    "image": ("builtin:art", "builtin:digits"),
    "music": ("builtin:drums", "builtin:tunes"),
    "text": ("builtin:verses", "builtin:verses-zh"),
}
"""The data that the package makes itself, by group."""


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
        click.option("--out", type=PATH, metavar="FOLDER", help="The run folder; else runs/DATA-RECIPE."),
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


def print_json(value: Any) -> None:
    """A value as JSON on standard output."""
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))


def show(value: Any, lines: Iterable[str], as_json: bool) -> None:
    """A finding on standard output: the value as JSON, or else the lines."""
    if as_json:
        print_json(value)
    else:
        for line in lines:
            click.echo(line)


def say(text: str) -> None:
    """A line for a person, on standard error."""
    click.echo(text, err=True)


def progress(quiet: bool, unit: str) -> tuple[Callable[[dict], None], Callable[[], None]]:
    """What a training reports to: a live bar on a terminal, a line now and then elsewhere.

    Returns:
        (report, close): `report` takes the rows of the log.
    """
    if quiet or int(os.environ.get("RANK", "0")) > 0:
        return lambda row: None, lambda: None
    return _live(unit) if sys.stderr.isatty() else _plain(unit)


def remark(quiet: bool) -> Callable[[dict], None]:
    """What a training reports to before it begins: the sentences for a person, said once."""
    if quiet or int(os.environ.get("RANK", "0")) > 0:
        return lambda row: None
    return lambda row: say(row["say"])


def played(
    train: Callable[[Callable[[dict], None]], Path], folder: Path, unit: str, trackers: str, quiet: bool
) -> Path:
    """Runs a training with progress and trackers; a signal ends the command with the line that goes on with it."""
    from creative_gan.core import loop
    from creative_gan.core.trackers import track

    report, close = progress(quiet, unit)
    with track(trackers, folder) as also:
        try:
            return train(lambda row: (report(row), also(row))[0])
        except loop.Stopped as stopped:
            close()
            say(f"stopped and saved; go on with:\n  {resume_command(sys.argv)}")
            raise click.exceptions.Exit(128 + stopped.signal) from None
        finally:
            close()


def _live(unit: str) -> tuple[Callable[[dict], None], Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.percentage:3.0f}%"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[speed]}  {task.fields[losses]}"),
        console=console,
    )
    state: dict[str, Any] = {}

    def report(row: dict) -> None:
        if "say" in row:
            bar.console.print(row["say"], highlight=False, markup=False)
        if "total" in row:
            state["task"] = bar.add_task("", total=row["total"], speed="", losses="")
            bar.start()
        if "warning" in row:
            bar.console.print("Warning: " + row["warning"], style="yellow", highlight=False, markup=False)
        if "task" in state and "seen" in row:
            bar.update(state["task"], completed=row["seen"])
        if "task" in state and "phase" in row:
            bar.update(state["task"], speed=_speed(row, state, unit), losses=_losses(row))

    return report, bar.stop


def _plain(unit: str) -> tuple[Callable[[dict], None], Callable[[], None]]:
    state: dict[str, Any] = {"shown": -10.0}

    def report(row: dict) -> None:
        if "say" in row:
            say(row["say"])
        if "total" in row:
            state["total"] = row["total"]
        if "warning" in row:
            say("Warning: " + row["warning"])
        if "phase" in row:
            speed = _speed(row, state, unit)
            if row["seconds"] - state["shown"] >= 10 or row["seen"] >= state["total"]:
                state["shown"] = row["seconds"]
                share = f"{100 * row['seen'] / state['total']:3.0f}% {row['seen']:,}/{state['total']:,}"
                say("  ".join(filter(None, [share, speed, _left(row, state), _losses(row)])))

    return report, lambda: None


def _speed(row: dict, state: dict, unit: str) -> str:
    """Samples a second since the first row of this session; nothing at that row."""
    first = state.setdefault("first", (row["seen"], row["seconds"]))
    if row["seen"] == first[0] or row["seconds"] == first[1]:
        return ""
    state["rate"] = (row["seen"] - first[0]) / (row["seconds"] - first[1])
    return f"{state['rate']:,.0f} {unit}/s"


def _left(row: dict, state: dict) -> str:
    if "rate" not in state:
        return ""
    seconds = int((state["total"] - row["seen"]) / state["rate"])
    return f"{seconds // 60}:{seconds % 60:02d} left"


def _losses(row: dict) -> str:
    names = {"nll": "nll", "critic_loss": "critic", "generator_loss": "generator", "loss": "loss"}
    return "  ".join(f"{names[key]} {row[key]:.3f}" for key in names if key in row)


def resume_command(argv: list[str]) -> str:
    """The command line that was given, for the user to paste."""
    import shlex

    program = ["python", "-m", "creative_gan"] if Path(argv[0]).name == "__main__.py" else ["creative-gan"]
    return shlex.join([*program, *(a for a in argv[1:] if a != "--new")])

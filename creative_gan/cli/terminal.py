"""What a command shows on a terminal: findings, remarks, and the progress of a training."""

import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click


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

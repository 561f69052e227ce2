"""The command line: click only; whatever is heavy is imported inside the command that needs it."""

import os
import signal
import sys
import traceback
import warnings
from typing import NoReturn

import click

from creative_gan import __version__
from creative_gan.cli.completion import completion
from creative_gan.cli.demo import demo
from creative_gan.cli.doctor import doctor
from creative_gan.cli.image import image
from creative_gan.cli.inspect import inspect
from creative_gan.cli.models import models
from creative_gan.cli.music import music
from creative_gan.cli.recipes import recipes
from creative_gan.cli.text import text
from creative_gan.core import memory
from creative_gan.core.errors import UserError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="creative-gan")
@click.option("--debug", is_flag=True, help="Show the whole traceback when something goes wrong.")
def cli(debug: bool) -> None:
    """Train GANs on your own pictures, sounds, MIDI files or texts, and make new ones.

    \b
    creative-gan image train photos/             train on a folder
    creative-gan image sample --model runs/photos --out grid.png
    creative-gan inspect grid.png                where a file comes from
    """


cli.add_command(completion)
cli.add_command(demo)
cli.add_command(doctor)
cli.add_command(image)
cli.add_command(inspect)
cli.add_command(models)
cli.add_command(music)
cli.add_command(recipes)
cli.add_command(text)


def main() -> NoReturn:
    """Runs a command; a user's mistake is one sentence and exit code 1, a wrong command line 2."""
    memory.keep()
    warnings.showwarning = lambda message, *rest: click.echo(f"Warning: {message}", err=True)
    try:
        code = cli.main(standalone_mode=False)  # a command's Exit comes back as its number
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(128 + signal.SIGINT)
    except UserError as error:
        if "--debug" in sys.argv:
            traceback.print_exc()
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:  # the reader of our output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if "--debug" in sys.argv:
            traceback.print_exc()
        click.echo(f"Error: {_sentence(error)}", err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _sentence(error: Exception) -> str:
    kind = type(error).__name__
    text = (str(error).splitlines() or [""])[0]
    if kind == "OutOfMemoryError" or isinstance(error, MemoryError) or "allocate memory" in text:
        return "there is not enough memory; try a smaller game.batch, network.width or data.size"
    if "home directory" in text:  # of ~somebody
        return f"{text.rstrip('.')}; write the path out"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"{kind}: {text} (this is a fault of creative-gan; the command with --debug before it shows where)"

"""`creative-gan completion`: the script that completes commands, options, models and recipes in a shell."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands, options, models and recipes in SHELL.

    Write it to a file that your shell reads when it starts.

    \b
    creative-gan completion bash
    """
    script = get_completion_class(shell)
    assert script is not None
    root = ctx.find_root().command
    click.echo(script(root, {}, "creative-gan", "_CREATIVE_GAN_COMPLETE").source())

"""`creative-gan completion`: the script that completes commands, options, models and recipes in a shell."""

import click
from click.shell_completion import get_completion_class

MENDED = {
    # a comma in a description, or in the name of a run, is no end of it
    "fish": {'string split "," $completion': 'string split --max 1 "," $completion'},
    # what stands after --option= is completed, and --option= stays, which -U would drop
    "zsh": {
        "    for type key descr in": "    [[ $PREFIX == --*=* ]] && compset -P 1 '*='\n    for type key descr in",
        "compadd -U -V unsorted": "compadd -V unsorted",
    },
}
"""Lines of click's scripts that go wrong, by shell, and what they should be."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands, options, models and recipes in SHELL.

    Write it where your shell reads it when it starts.

    \b
    creative-gan completion bash   >> ~/.bashrc
    creative-gan completion zsh    >> ~/.zshrc, which must call compinit above it
    creative-gan completion fish   > ~/.config/fish/completions/creative-gan.fish
    """
    maker = get_completion_class(shell)
    assert maker is not None
    root = ctx.find_root().command
    script = maker(root, {}, "creative-gan", "_CREATIVE_GAN_COMPLETE").source()
    for line, mended in MENDED.get(shell, {}).items():
        script = script.replace(line, mended)
    click.echo(script)

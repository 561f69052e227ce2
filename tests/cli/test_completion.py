"""The completion scripts, run by the shells that are there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from creative_gan.cli.options import complete_model, complete_recipe

PROGRAM = Path(sys.executable).parent / "creative-gan"


def completed(folder: Path, *words: str) -> list[str]:
    """What bash offers for the last of these words."""
    line = " ".join(f"'{word}'" for word in words)
    script = (
        'eval "$(creative-gan completion bash)"\n'
        f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}\n"
        '_creative_gan_completion creative-gan; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    path = os.pathsep.join([str(PROGRAM.parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "--norc", "-c", script], cwd=folder, env=os.environ | {"PATH": path},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.split()


@pytest.mark.skipif(not (shutil.which("bash") and PROGRAM.exists()), reason="bash and an installed package")
def test_bash_completes_commands_options_recipes_and_models(tmp_path: Path):
    assert completed(tmp_path, "creative-gan", "ima") == ["image"]
    assert set(completed(tmp_path, "creative-gan", "recipes", "")) == {"check", "copy", "list", "show"}
    assert "--truncation" in completed(tmp_path, "creative-gan", "image", "sample", "--tr")
    assert completed(tmp_path, "creative-gan", "image", "train", "x", "--recipe", "wgan") == ["wgan-gp"]
    assert completed(tmp_path, "creative-gan", "recipes", "show", "image/wg") == ["image/wgan-gp"]
    (tmp_path / "runs/mine/model").mkdir(parents=True)
    (tmp_path / "runs/mine/model/config.json").write_text("{}")
    assert completed(tmp_path, "creative-gan", "text", "generate", "--model", "runs/m") == ["runs/mine"]


@pytest.mark.parametrize(("shell", "check"), [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_scripts_are_printed_and_sound(run, tmp_path: Path, shell: str, check: list[str]):
    code, out, _ = run("completion", shell)
    assert code == 0 and "_CREATIVE_GAN_COMPLETE" in out
    (tmp_path / "script").write_text(out)
    if shutil.which(shell):
        subprocess.run([shell, *check, tmp_path / "script"], check=True)


def test_an_unknown_shell_is_refused(run):
    code, _, err = run("completion", "csh")
    assert code == 2 and "csh" in err


def names(complete, group: str, command: str, begun: str) -> list[str]:
    import click

    from creative_gan.cli import cli

    root = click.Context(cli, info_name="creative-gan")
    parent = click.Context(cli.commands[group], parent=root, info_name=group)
    ctx = click.Context(cli.commands[group].commands[command], parent=parent, info_name=command)
    return [item.value for item in complete(ctx, ctx.command.params[0], begun)]


def test_models_are_those_of_the_group(shelf: Path):
    assert names(complete_model, "image", "sample", "") == ["digits"]
    assert names(complete_model, "text", "generate", "v") == ["verses"]
    assert names(complete_model, "models", "show", "") == ["digits", "chorales", "verses"]
    assert names(complete_model, "image", "sample", "/tm") == ["/tm"]  # a folder, for the shell to complete


def test_recipes_are_those_of_the_group():
    assert "digits" in names(complete_recipe, "image", "train", "")
    assert names(complete_recipe, "text", "train", "built") == ["builtin"]
    assert names(complete_recipe, "recipes", "show", "text/buil") == ["text/builtin"]
    assert names(complete_recipe, "image", "train", "mine.t") == ["mine.t"]  # a file

"""The completion scripts, run by the shells that are there."""

import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from creative_gan.cli import complete
from creative_gan.cli.complete import complete_class, complete_data, complete_model, complete_recipe

PROGRAM = Path(sys.executable).parent / "creative-gan"
PATH = os.pathsep.join([str(PROGRAM.parent), os.environ["PATH"]])


def needs(shell: str) -> pytest.MarkDecorator:
    there = shutil.which(shell) and PROGRAM.exists()
    return pytest.mark.skipif(not there, reason=f"{shell} and an installed package")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a run, and with files that a name may be completed to."""
    for name, modality in (("mine", "text"), ("a, b", "text"), ("more", "image")):
        (tmp_path / "runs" / name / "model").mkdir(parents=True)
        (tmp_path / "runs" / name / "model/config.json").write_text(f'{{"modality": "{modality}"}}')
    (tmp_path / "photos").mkdir()
    (tmp_path / "mine.toml").write_text("")
    return tmp_path


def in_bash(folder: Path, *words: str) -> list[str]:
    """What bash offers for the last of these words."""
    line = " ".join(f"'{word}'" for word in words)
    script = (
        'eval "$(creative-gan completion bash)"\n'
        f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}\n"
        '_creative_gan_completion creative-gan; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script], cwd=folder, env=os.environ | {"PATH": PATH},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.split()


def in_fish(folder: Path, line: str) -> list[str]:
    """What fish offers at the end of a line: the word, and a description behind a tab where there is one."""
    script = f'creative-gan completion fish | source; complete -C "{line}"'
    done = subprocess.run(
        ["fish", "--no-config", "-c", script], cwd=folder, env=os.environ | {"PATH": PATH},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def in_zsh(folder: Path, *lines: str) -> list[str]:
    """What each line becomes in zsh, on a terminal, when Tab is pressed at its end."""
    import pty

    (folder / ".zshrc").write_text(
        "autoload -U compinit; compinit -D\n"
        'eval "$(creative-gan completion zsh)"\n'
        'tell() { print -r -- "$BUFFER" >> told; BUFFER= }; zle -N tell; bindkey "^G" tell\n'
    )
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.environ.update({"PATH": PATH, "ZDOTDIR": str(folder), "TERM": "dumb"})
        os.execvp("zsh", ["zsh", "-d", "-i"])
    told, until = folder / "told", time.monotonic() + 120
    try:
        for count, line in enumerate(lines, 1):
            os.write(terminal, f"{line}\t\x07".encode())  # Ctrl-G writes it down
            while not told.exists() or len(told.read_text().splitlines()) < count:
                assert time.monotonic() < until, f"zsh has not completed {line!r}"
                if select.select([terminal], [], [], 0.1)[0]:
                    os.read(terminal, 65536)
    finally:
        os.close(terminal)
        os.waitpid(child, 0)
    return [line.rstrip() for line in told.read_text().splitlines()]


@needs("bash")
def test_bash_completes_commands_options_recipes_and_models(place: Path):
    assert in_bash(place, "creative-gan", "ima") == ["image"]
    assert set(in_bash(place, "creative-gan", "recipes", "")) == {"check", "copy", "list", "show"}
    assert "--truncation" in in_bash(place, "creative-gan", "image", "sample", "--tr")
    assert in_bash(place, "creative-gan", "image", "train", "x", "--recipe", "wgan") == ["wgan-gp"]
    assert in_bash(place, "creative-gan", "recipes", "show", "image/wg") == ["image/wgan-gp"]
    assert in_bash(place, "creative-gan", "text", "generate", "--model", "runs/m") == ["runs/mine"]


@needs("fish")
def test_fish_completes_with_whole_descriptions_and_names(place: Path):
    assert in_fish(place, "creative-gan ima")[0].startswith("image\tPictures: train on a folder, make")
    assert in_fish(place, "creative-gan text generate --model runs/a") == ["runs/a, b"]
    assert in_fish(place, "creative-gan image train x --recipe wgan") == ["wgan-gp"]
    assert in_fish(place, "creative-gan image train pho") == ["photos/"]
    assert in_fish(place, "creative-gan image train x --recipe mine.t") == ["mine.toml"]


@needs("zsh")
def test_zsh_completes_words_and_what_stands_after_an_option(place: Path):
    begun = {
        "creative-gan ima": "creative-gan image",
        "creative-gan image sample --trunc": "creative-gan image sample --truncation",
        "creative-gan image train x --recipe=wgan": "creative-gan image train x --recipe=wgan-gp",
        "creative-gan text generate --model runs/a": "creative-gan text generate --model runs/a,\\ b",
        "creative-gan image train pho": "creative-gan image train photos/",
        "creative-gan recipes show image/wg": "creative-gan recipes show image/wgan-gp",
    }
    assert in_zsh(place, *begun) == list(begun.values())


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


def names(complete, group: str, command: str, begun: str, **given: str) -> list[str]:
    import click

    from creative_gan.cli import cli

    root = click.Context(cli, info_name="creative-gan")
    parent = click.Context(cli.commands[group], parent=root, info_name=group)
    ctx = click.Context(cli.commands[group].commands[command], parent=parent, info_name=command)
    ctx.params.update(given)
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


def test_data_are_files_or_the_built_in_sets_of_the_group():
    assert names(complete_data, "image", "train", "") == [""]  # a file or folder
    assert names(complete_data, "image", "train", "bui") == ["builtin:art", "builtin:digits"]
    assert names(complete_data, "text", "evaluate", "builtin:verses-") == ["builtin:verses-zh"]
    assert names(complete_data, "music", "check", "build/x") == ["build/x"]


def test_the_built_in_sets_are_those_that_there_are():
    from creative_gan.image import builtin
    from creative_gan.music.kinds import BUILTIN
    from creative_gan.text.builtin import CORPORA

    assert complete.BUILTIN["image"] == tuple(f"builtin:{name}" for name in builtin.NAMES)
    assert complete.BUILTIN["music"] == tuple(BUILTIN)
    assert complete.BUILTIN["text"] == tuple(f"builtin:{name}" for name in CORPORA)


def test_classes_are_those_of_the_model():
    assert names(complete_class, "image", "sample", "", model_name="digits")[:3] == ["0", "1", "2"]
    assert names(complete_class, "image", "sample", "Fl") == ["Flags"]  # of the default
    assert names(complete_class, "image", "sample", "", model_name="nowhere") == []

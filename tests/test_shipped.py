"""The models that come with the package: each is there, small, documented, and makes something at once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import creative_gan
from creative_gan.core import models, provenance

NAMES = {
    "image": ("art", "digits", "emoji"),
    "music": ("chorales", "drums", "spoken-digits", "tunes"),
    "text": ("captions", "tang", "verses"),
}
EACH = [models.SHIPPED / group / name for group, names in NAMES.items() for name in names]


@pytest.mark.parametrize("folder", EACH, ids=lambda folder: folder.name)
def test_each_is_documented_and_samples(folder: Path) -> None:
    text = (folder / "config.json").read_text("utf-8")
    config = json.loads(text)
    assert text == models.description(config) and len(text.splitlines()) < 60
    assert config["name"] == folder.name and config["about"] and config["licence"]
    card = (folder / "README.md").read_text("utf-8")
    for part in (
        f"\n# {folder.name}\n",
        f" --model {folder.name} ",
        "## Data",
        "## Training",
        f"make models ONLY={folder.name}",
        "seconds",
        "## Figures",
        "| floor |",
    ):
        assert part in card, part
    copied = card.split("## Memorisation")[1]
    assert "near duplicates" in copied and "three-sample test" in copied and "far above 3" in copied
    previews = {file.suffix for file in folder.glob("preview.*")}
    kind = "sound" if folder.name in ("drums", "spoken-digits") else folder.parent.name
    assert (
        previews
        == {"image": {".png"}, "sound": {".png", ".wav"}, "music": {".png", ".mid"}, "text": set()}[kind]
    )
    assert "```text\n" in card or previews
    assert all(provenance.read(f) for f in folder.glob("preview.*")), "they say where they come from"
    made = creative_gan.load(folder.name).sample(2, seed=3)
    assert len(made) == 2


@pytest.mark.parametrize(
    "name", ["music/chorales", "music/tunes", "text/captions", "text/tang", "text/verses"]
)
def test_a_card_says_whose_weights_the_verdict_has_chosen(name: str) -> None:
    folder = models.SHIPPED / name
    config = json.loads((folder / "config.json").read_text("utf-8"))
    verdict = (folder / "README.md").read_text("utf-8").split("## Verdict")[1].split("\n## ")[0]
    whose = {"mle": "maximum likelihood", "adversarial": "the game"}[config["sampler"]]
    assert "BLEU-4 (standard error" in verdict and f"The weights are those of {whose}." in verdict


def test_all_together_are_small() -> None:
    assert sum(file.stat().st_size for file in models.SHIPPED.rglob("*") if file.is_file()) < 28e6


@pytest.mark.parametrize(
    "command",
    [
        "image sample --out grid.png",
        "music sample --out song.mid",
        "music sample --out song.wav",
        "text generate",
        "models list",
    ],
)
def test_the_first_minute(command: str, run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*command.split())
    assert code == 0, err
    files = {file.name for file in tmp_path.iterdir()} - {"song.wav.json"}
    assert files == ({command.split()[-1]} if "--out" in command else set())
    assert files or len(out.splitlines()) >= 10


def test_a_preview_of_a_training_is_not_made_again(run, tmp_path: Path) -> None:
    for folder in EACH:
        for preview in [*folder.glob("preview.png"), *folder.glob("preview.wav")]:
            code, _, err = run("inspect", preview, "--again", tmp_path / preview.name)
            assert code == 1 and "is a preview of a model" in err


@pytest.mark.slow
def test_none_needs_a_compiler_to_make_something() -> None:
    """Torch loads one, seconds of it, for arithmetic with tensors that have no numbers, as hostile models get first."""
    code = (
        "import sys, creative_gan\n"
        f"for name in {[name for names in NAMES.values() for name in names]}:\n"
        "    creative_gan.load(name).sample(1)\n"
        "    assert not {'torch._dynamo', 'sympy'} & set(sys.modules), name\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr

"""What all tests share: a cache of their own, and the folder of real data where there is one."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests neither see nor fill the user's cache; the processes that share them out have one together."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    os.environ["CREATIVE_GAN_CACHE"] = str(shared / "cache")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data, or a skip."""
    folder = Path(os.environ.get("CREATIVE_GAN_DATA", Path(__file__).parents[1].parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no folder of real data; name it in CREATIVE_GAN_DATA")
    return folder


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Calls the command line in this process: run("image", "train", ...) -> (exit code, stdout, stderr)."""
    from creative_gan.cli import main

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["creative-gan", *map(str, arguments)])
        with pytest.raises(SystemExit) as done:
            main()
        out, err = capfd.readouterr()
        return int(done.value.code or 0), out, err

    return call


@pytest.fixture
def shelf(
    trained: Path, written: Path, composed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder of shipped models, with three small ones in the place of the real ones."""
    import json
    import shutil

    from creative_gan.core import models

    for name, run in (("image/digits", trained), ("text/verses", written), ("music/chorales", composed)):
        folder = tmp_path / "shelf" / name
        shutil.copytree(run / "model", folder)
        config = json.loads((folder / "config.json").read_text("utf-8"))
        config |= {"name": folder.name, "about": f"stands in for {name}", "licence": "none at all"}
        (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(models, "SHIPPED", tmp_path / "shelf")
    return tmp_path / "shelf"


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a small conditional model, trained for a moment on the built-in digits."""
    from creative_gan.cli.recipes import folder
    from creative_gan.core.recipe import load
    from creative_gan.image.recipe import ImageRecipe
    from creative_gan.image.train import plan, train

    out = tmp_path_factory.mktemp("trained") / "run"
    recipe = load(ImageRecipe, folder() / "image/digits.toml", ["budget.samples=640"], test=True)
    train(plan("builtin:digits", recipe, "image/digits", "cpu"), out, lambda row: None)
    return out


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a small text model with classes, trained for a moment on the built-in verses."""
    from creative_gan.cli.recipes import folder
    from creative_gan.core.recipe import load
    from creative_gan.text.recipe import TextRecipe
    from creative_gan.text.train import plan, train

    out = tmp_path_factory.mktemp("written") / "run"
    settings = ["budget.samples=[3200, 320]", "game.batch=32", "network.width=32", "watch.looks=2"]
    recipe = load(TextRecipe, folder() / "text/builtin.toml", settings, test=True)
    train(plan("builtin:verses", recipe, "text/builtin", "cpu"), out, lambda row: None)
    return out


def _quick(kind: str, data: str, recipe: str, out: Path, samples: int) -> Path:
    """A run folder of a training cut to a moment."""
    from creative_gan import api
    from creative_gan.core.recipe import load, locate

    training = api.module(kind, "train")
    shortened = load(
        api.recipe_class(kind), locate(f"music/{recipe}"), [f"budget.samples={samples}"], test=True
    )
    training.train(training.plan(data, shortened, f"music/{recipe}", "cpu"), out, lambda row: None)
    return out


@pytest.fixture(scope="session")
def sounding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a small model of sounds, trained for a moment on the built-in drums."""
    return _quick("music/wave", "builtin:drums", "drums", tmp_path_factory.mktemp("sounding") / "run", 32)


@pytest.fixture(scope="session")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a small writer of MIDI, trained for a moment on the built-in tunes."""
    return _quick("music/midi", "builtin:tunes", "tunes", tmp_path_factory.mktemp("composed") / "run", 64)

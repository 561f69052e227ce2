"""What all tests share: a cache of their own, and the folder of real data where there is one."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests neither see nor fill the user's cache."""
    os.environ["CREATIVE_GAN_CACHE"] = str(tmp_path_factory.mktemp("cache"))


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

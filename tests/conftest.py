"""What all tests share: a cache of their own, small models, and the folder of real data where there is one."""

import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.reliability.subjects import SOAK


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is marked long is left to `make soak`."""
    if not SOAK:
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes a minute: tried by make soak"))


@pytest.fixture(scope="session")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the processes that share out the tests have together."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(autouse=True, scope="session")
def _own_cache(together: Path) -> None:
    """Tests neither see nor fill the user's cache."""
    os.environ["CREATIVE_GAN_CACHE"] = str(together / "cache")


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """Whatever a test does in this process, it asks nobody outside this machine."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test asks {address} on the network")
        real(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        yield


@pytest.fixture
def quick_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judges that look at little: for tests of what is done with their figures, not of how good they are."""
    monkeypatch.setattr("creative_gan.image.classifier.SEEN", (6_000, 6_000))
    monkeypatch.setattr("creative_gan.image.metrics.PATCH_BUDGET", 4_000)
    monkeypatch.setattr("creative_gan.music.wave.judge.SEEN", (2_000, 2_000))
    monkeypatch.setattr("creative_gan.music.wave.report.MADE", 1 << 18)
    monkeypatch.setattr("creative_gan.music.wave.report.FEWEST", 32)


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


def _once(together: Path, name: str, make: Callable[[Path], object]) -> Path:
    """The run folder of this name, made by the process that comes first; the others wait for it."""
    out = together / "models" / name
    out.parent.mkdir(exist_ok=True)
    with (out.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (done := out.with_suffix(".done")).exists():
            make(out)
            done.touch()
    return out


def _trained(kind: str, data: str, recipe: str, *settings: str) -> Callable[[Path], object]:
    """What trains in a folder for a moment: with its recipe's settings for tests, and these."""

    def make(out: Path) -> None:
        from creative_gan import api
        from creative_gan.core.recipe import load, locate

        training = api.module(kind, "train")
        short = load(api.recipe_class(kind), locate(recipe), ["watch.looks=1", *settings], test=True)
        training.train(training.plan(data, short, recipe, "cpu"), out, lambda row: None)

    return make


@pytest.fixture(scope="session")
def trained(together: Path) -> Path:
    """A run folder with a small conditional model, trained for a moment on the built-in digits."""
    short = _trained("image", "builtin:digits", "image/digits", "budget.samples=640", "watch.looks=16")
    return _once(together, "trained", short)


@pytest.fixture(scope="session")
def written(together: Path) -> Path:
    """A run folder with a small text model with classes, trained for a moment on the built-in verses."""
    settings = ["budget.samples=[3200, 160]", "game.batch=32", "network.width=32", "watch.looks=2"]
    return _once(together, "written", _trained("text", "builtin:verses", "text/builtin", *settings))


@pytest.fixture(scope="session")
def sounding(together: Path) -> Path:
    """A run folder with a small model of sounds, trained for a moment on the built-in drums."""
    short = _trained("music/wave", "builtin:drums", "music/drums", "budget.samples=32")
    return _once(together, "sounding", short)


@pytest.fixture(scope="session")
def composed(together: Path) -> Path:
    """A run folder with a small writer of MIDI, trained for a moment on the built-in tunes."""
    short = _trained("music/midi", "builtin:tunes", "music/tunes", "budget.samples=64")
    return _once(together, "composed", short)

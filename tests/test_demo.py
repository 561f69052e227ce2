"""The demo's page: what every shipped model makes, to see, hear and read, and what each modality learned."""

import json
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from creative_gan.cli.demo import demo
from creative_gan.core import provenance
from creative_gan.core.models import DEFAULTS, shipped_names
from creative_gan.core.recipe import locate
from creative_gan.demo import TRAININGS
from tests.core.test_page import checked


@pytest.mark.slow
def test_everything_is_on_one_page(
    run, shelf: Path, tmp_path: Path, quick_judges: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("demo", "--minutes", "0.001")
    assert code == 0 and "demo/index.html" in out, err
    page = checked((tmp_path / "demo/index.html").read_text("utf-8"))
    for name in ("digits", "chorales", "verses"):
        config = json.loads(next(shelf.glob(f"*/{name}/config.json")).read_text("utf-8"))
        assert f"{name}: {config['about']}" in page.words
    for data in ("builtin:art", "builtin:drums", "builtin:tunes", "builtin:verses"):
        assert data in page.words
    assert sum(len(shipped_names(group)) for group in DEFAULTS) == 3
    # pictures of digits and a walk, two piano rolls, and before and after of pictures, sounds and songs
    assert page.tags.count("img") >= 2 + 2 + 2 * 3
    assert page.tags.count("audio") >= 2 + 2 + 2
    assert "before the training" in page.words and "after the training" in page.words
    written = sorted((tmp_path / "demo/text/verses").glob("*.txt"))
    assert written and all(line in page.words for line in written[0].read_text("utf-8").split("\n") if line)
    sheet = tmp_path / "demo/image/digits/grid.png"
    with Image.open(sheet) as picture:
        assert picture.width > picture.height / 2
    record = provenance.read(sheet)
    assert record is not None and record["command"] == "image sample"
    film = tmp_path / "demo/image/digits/walk.gif"
    with Image.open(film) as picture:
        assert picture.is_animated and picture.n_frames == 20
    record = provenance.read(film)
    assert record is not None and record["command"] == "image walk"
    assert any(address.startswith("data:image/gif") for address in page.addresses)
    assert len(list((tmp_path / "demo/image/digits/pictures").glob("*.png"))) == 50
    assert "demo/image" in out and "image walk" in out
    song = provenance.read(tmp_path / "demo/music/chorales/song1.mid")
    assert song is not None and song["command"] == "music sample"


def test_its_recipe_of_pictures_says_how_long_the_demo_trains_it():
    minutes = next(option.default for option in demo.params if option.name == "minutes")
    assert minutes / len(TRAININGS) == 0.5 and (demo.help or "").count("half a minute")
    _, _, recipe, _ = TRAININGS["image"]
    about = tomllib.loads(locate(recipe).read_text("utf-8"))["about"]
    assert "half a minute" in about

"""Recipes: what is read is what was written, and every mistake names its key."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from creative_gan.api import kind_of_recipe
from creative_gan.core.errors import UserError
from creative_gan.core.recipe import differences, load, parse, setting, to_toml


@dataclass(frozen=True)
class Inner:
    batch: int = setting(8, low=1, high=100)
    loss: str = setting("hinge", ("hinge", "lsgan"))
    rate: float = 0.5
    policy: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.batch == 13:
            raise ValueError("game.batch must not be 13")


@dataclass(frozen=True)
class Outer:
    about: str
    game: Inner
    on: bool = False


def read(tmp_path: Path, text: str, *overrides: str, **options) -> Outer:
    (tmp_path / "r.toml").write_text(text, "utf-8")
    return load(Outer, tmp_path / "r.toml", overrides, **options)


def test_reads_overrides_and_test_table(tmp_path: Path):
    text = 'about = "x"\n[game]\nbatch = 4\nrate = 1\n[test]\n"game.batch" = 2\n'
    assert read(tmp_path, text).game == Inner(batch=4, rate=1.0)
    assert read(tmp_path, text, test=True).game.batch == 2
    changed = read(tmp_path, text, "game.loss=lsgan", 'game.policy=["a"]', "on=true")
    assert changed.game.loss == "lsgan" and changed.game.policy == ("a",) and changed.on


def test_written_out_and_read_again_is_the_same(tmp_path: Path):
    recipe = Outer('a "quoted" \\ name\nof two lines, Ω', Inner(policy=("x", "y"), rate=1e-7), True)
    assert read(tmp_path, to_toml(recipe)) == recipe


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('about = "x"\n[gmae]\nbatch = 1', "unknown key 'gmae'; did you mean 'game'?"),
        ('about = "x"\n[game]\nbacth = 1', "unknown key 'game.bacth'; did you mean 'game.batch'?"),
        ('about = "x"\n[game]\nbatch = "big"', "'game.batch' must be a whole number, not 'big'"),
        ('about = "x"\n[game]\nbatch = true', "'game.batch' must be a whole number, not True"),
        ('about = "x"\n[game]\nbatch = 0', "'game.batch' must be between 1 and 100, not 0"),
        (
            'about = "x"\n[game]\nloss = "hnge"',
            "'game.loss' must be one of hinge, lsgan, not 'hnge'; did you mean 'hinge'?",
        ),
        ('about = "x"\n[game]\nbatch = 13', "game.batch must not be 13"),
        ('about = "x"\ngame = 3', "'game' must be a table, [game], not 3"),
        ("[game]\nbatch = 3", "key 'about' is missing; add it to the recipe or give --set"),
        ("about = ", "is not TOML"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_key(tmp_path: Path, text: str, sentence: str):
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_set_without_a_value_and_a_missing_file(tmp_path: Path):
    with pytest.raises(UserError, match="KEY=VALUE"):
        read(tmp_path, 'about = "x"', "game.batch")
    with pytest.raises(UserError, match="cannot be read"):
        load(Outer, tmp_path / "none.toml")


def test_nested_beyond_reason(tmp_path: Path):
    """A thousand brackets are more than the parser of TOML takes."""
    deep = "[" * 1000 + "]" * 1000
    (tmp_path / "deep.toml").write_text(f"about = {deep}")
    for read_it in (lambda path: load(Outer, path), kind_of_recipe):
        with pytest.raises(UserError, match="is not TOML"):
            read_it(tmp_path / "deep.toml")
    with pytest.raises(UserError, match=r"'game\.batch' must be a whole number"):
        read(tmp_path, 'about = "x"', f"game.batch={deep}")


def test_differences_name_dotted_keys():
    assert differences(Outer("x", Inner()), Outer("y", Inner(batch=9))) == ["about", "game.batch"]
    assert parse(Outer, {"about": "x"}) == Outer("x", Inner())

"""The cache: an entry is whole or not there, and what another process finished stays while it may be read."""

from pathlib import Path

import pytest

from creative_gan.core.cache import publish


def filled(text: str):
    return lambda folder: (folder / "data").write_text(text)


def test_an_entry_is_made_and_one_that_was_there_is_replaced(tmp_path: Path) -> None:
    entry = publish(tmp_path, "key", filled("old"))
    assert entry == tmp_path / "key" and (entry / "data").read_text() == "old"
    assert publish(tmp_path, "key", filled("new")) == entry and (entry / "data").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("damaged", [False, True])
def test_what_another_process_finished_meanwhile_stays(tmp_path: Path, damaged: bool) -> None:
    if damaged:
        publish(tmp_path, "key", filled("damaged"))

    def late(folder: Path) -> None:
        publish(tmp_path, "key", filled("theirs"))
        (folder / "data").write_text("ours")

    entry = publish(tmp_path, "key", late)
    assert entry and (entry / "data").read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    def failing(folder: Path) -> None:
        (folder / "data").write_text("half")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        publish(tmp_path, "key", failing)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    assert publish(tmp_path / "file", "key", filled("x")) is None

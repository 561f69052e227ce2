"""What is sent to a tracker: numbers at their place, by the run's own name, and nothing of a run that cannot begin."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from creative_gan.core import trackers
from creative_gan.core.errors import UserError


class Sent:
    """Stands in for a run of Weights & Biases."""

    def __init__(self, calls: list, **asked: object) -> None:
        self.calls, self.asked = calls, asked
        calls.append(self)
        self.rows: list[tuple[dict, int]] = []
        self.finished = False

    def log(self, row: dict, step: int) -> None:
        self.rows.append((row, step))

    def finish(self) -> None:
        self.finished = True


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Sent]:
    made: list[Sent] = []
    wandb = ModuleType("wandb")
    wandb.init = lambda **asked: Sent(made, **asked)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.setattr(trackers, "find_spec", lambda name: object())
    return made


def test_numbers_go_to_the_run_of_this_folder(calls: list[Sent], tmp_path: Path):
    for seen in (16, 32):  # stopped, and called again
        with trackers.track("wandb", tmp_path / "photos") as log:
            log({"say": "hello"})
            log({"seen": seen, "phase": "game", "loss": 0.5, "seconds": 3.0})
    assert [one.rows for one in calls] == [[({"loss": 0.5}, 16)], [({"loss": 0.5}, 32)]]
    assert all(one.finished and one.asked["name"] == "photos" for one in calls)
    assert calls[0].asked["id"] == calls[1].asked["id"]
    with trackers.track("wandb", tmp_path / "elsewhere" / "photos") as log:
        log({"seen": 16, "loss": 1.0})
    assert calls[2].asked["id"] != calls[0].asked["id"]


def test_nothing_is_begun_before_the_first_row(calls: list[Sent], tmp_path: Path):
    with trackers.track("wandb", tmp_path / "photos"):
        pass
    assert not calls and not (tmp_path / "photos").exists()


def test_a_package_that_is_not_there_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"creative-gan\[wandb\]"), trackers.track("wandb", tmp_path):
        pytest.fail("it began")

"""The equivalences that guard the core: accumulation = whole batch, two processes = one, for every loss and penalty."""

import sys
from pathlib import Path

import pytest
import torch

from creative_gan.core.draws import Draws
from creative_gan.core.game import AugmentRecipe
from creative_gan.core.losses import LOSSES, ONE_STAGE
from tests import ranks
from tests.core import toy

PENALTIES = {
    "none": {},
    "r1": {"r1": 1.0, "penalty_every": 4},
    "r2": {"r2": 1.0, "penalty_every": 2},
    "gp": {"gp": 10.0},
    "all": {"r1": 0.5, "r2": 0.5, "gp": 1.0, "penalty_every": 3, "instance_noise": 0.1, "n_critic": 2},
}
AUGMENT = AugmentRecipe(("shift",), 1.0, "adaptive", adapt=200.0)
STEPS = 12


def settings() -> list[dict]:
    """Every loss with every penalty, in two stages and in one."""
    apart = [{"loss": loss, **penalty} for loss in LOSSES for penalty in PENALTIES.values()]
    return apart + [{**one, "one_stage": True} for one in apart if one["loss"] in ONE_STAGE]


def played(rows: slice, **game_settings) -> torch.Tensor:
    """All weights after some steps on our rows of batches of 16."""
    game = toy.game(AUGMENT, **game_settings)
    for i in range(STEPS):
        game.step(toy.batches(16 * i, 16, rows), Draws(0, 16 * i, 16, rows))
    return toy.weights(game)


@pytest.mark.parametrize("one", settings(), ids=str)
def test_accumulation_is_the_whole_batch(one: dict):
    whole = played(slice(0, 16), **one)
    chunks = played(slice(0, 16), **one, accumulate=4)
    assert (whole - chunks).abs().max() < 1e-5


def test_two_processes_are_one_with_the_whole_batch(tmp_path: Path):
    ranks.two("tests.test_invariants", tmp_path)
    for i, one in enumerate(settings()):
        alone = played(slice(0, 16), **one)
        first, second = (torch.load(tmp_path / f"{i}-{rank}.pt", weights_only=True) for rank in range(2))
        assert torch.equal(first, second), one
        assert (alone - first).abs().max() < 1e-6, one


def _worker(folder: Path) -> None:
    """One of the two processes."""
    from creative_gan.core import dist

    dist.start("cpu")
    for i, one in enumerate(settings()):
        torch.save(played(dist.rows(16), **one), folder / f"{i}-{dist.rank()}.pt")
    dist.stop()


if __name__ == "__main__":
    _worker(Path(sys.argv[1]))

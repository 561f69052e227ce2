"""The equivalences that guard the core: accumulation = whole batch, two processes = one.

For every loss and penalty, and for networks that know more than their own rows: batch norm, whose statistics are
those of all rows, and spectral norm, which goes on with what the pass before has left. With classes, critics tell
labels apart besides.
"""

import sys
from pathlib import Path

import pytest
import torch

from creative_gan.core import dist
from creative_gan.core.device import choose
from creative_gan.core.draws import Draws
from creative_gan.core.game import AdversarialGame, AugmentRecipe, GameRecipe
from creative_gan.core.losses import LOSSES, ONE_STAGE
from creative_gan.image.networks import NETWORKS, NetworkRecipe, build
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
CLASSES = 3


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


def pictures() -> list[dict]:
    """Batch norm and spectral norm, each alone, in every kind of network, with and without classes."""
    norms = [{"norm": "batch"}, {"norm": "none", "spectral_norm": True}]
    every = [{"name": name, **norm} for name in NETWORKS for norm in norms]
    return [{**one, "classes": classes} for one in every for classes in (0, CLASSES)]


def pictured(rows: slice, classes: int, **network_settings) -> torch.Tensor:
    """All weights and buffers after some steps on our rows of batches of 8 pictures.

    A critic turn and one of both, with penalties and without: each is a pass more for what spectral norm remembers.
    """
    torch.manual_seed(0)
    network = NetworkRecipe(latent=4, width=8, **network_settings)
    generator, critic = build(network, (1, 8, 8), classes)
    recipe = GameRecipe(
        loss="hinge", batch=8, mismatch=0.5, r1=1.0, gp=1.0, penalty_every=3, n_critic=2, ema=64.0
    )
    compute = choose("cpu", "float32")
    game = AdversarialGame(generator, {"critic": critic}, 4, recipe, 64, compute, classes=classes)
    for seen in range(0, 64, 8):
        draws = Draws(0, seen, 8, rows)
        label = {"label": draws.integers("label", 0, classes)} if classes else {}
        game.step({"real": draws.uniform("real", 1, 8, 8) * 2 - 1, **label}, draws)
    states = [network.state_dict() for network in game.networks().values()]
    return torch.cat([value.flatten().double() for state in states for value in state.values()])


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the two processes have left."""
    folder = tmp_path_factory.mktemp("two")
    ranks.two("tests.test_invariants", folder)
    return folder


def read(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)


def test_two_processes_are_one_with_the_whole_batch(two: Path):
    first, second = (read(two / f"{rank}.pt") for rank in range(2))
    for one in settings():
        alone = played(slice(0, 16), **one)
        assert torch.equal(first[str(one)], second[str(one)]), one
        assert (alone - first[str(one)]).abs().max() < 1e-6, one


def test_two_processes_are_one_when_networks_are_normalised(two: Path):
    first, second, alone = (read(two / f"pictures-{who}.pt") for who in (0, 1, "alone"))
    assert len(alone) == len(pictures())
    for one, weights in alone.items():
        assert torch.equal(first[one], second[one]), one
        assert (weights - first[one]).abs().max() < 1e-8, one


def _worker(folder: Path) -> None:
    """One of the two processes; the first then plays with the pictures alone."""
    dist.start("cpu")
    rank = dist.rank()
    torch.save({str(one): played(dist.rows(16), **one) for one in settings()}, folder / f"{rank}.pt")
    ranks.double_precision()
    torch.save(
        {str(one): pictured(dist.rows(8), **one) for one in pictures()}, folder / f"pictures-{rank}.pt"
    )
    dist.stop()
    if not rank:
        alone = {str(one): pictured(slice(0, 8), **one) for one in pictures()}
        torch.save(alone, folder / "pictures-alone.pt")


if __name__ == "__main__":
    _worker(Path(sys.argv[1]))

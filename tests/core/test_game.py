"""The adversarial game: it learns, its turns are the paper's, its settings do what they say."""

import pytest
import torch

from creative_gan.core.device import choose
from creative_gan.core.draws import Draws
from creative_gan.core.game import AdversarialGame, AugmentRecipe, GameRecipe
from creative_gan.core.health import NotFinite
from creative_gan.core.losses import LOSSES, ONE_STAGE
from creative_gan.core.recipe import parse
from tests.core import toy

STEADY = {
    "wasserstein": {"gp": 1.0, "n_critic": 3, "beta1": 0.5, "beta2": 0.9},
    "minimax": {"r1": 0.1, "r2": 0.1},
}


def play(game, steps: int) -> dict[str, torch.Tensor]:
    for i in range(steps):
        seen = i * 16
        metrics = game.step(toy.batches(seen, 16, slice(0, 16)), Draws(0, seen, 16, slice(0, 16)))
    return metrics


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_learns_the_ring(loss: str):
    settings = STEADY.get(loss, {"r1": 0.1, "r2": 0.1, "penalty_every": 4})
    game = toy.game(loss=loss, lr=1e-2, lr_end=0.1, total=16 * 500, **settings)
    play(game, 500)
    z = torch.randn(500, toy.LATENT, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        fake = game.ema.average(z)
    assert 0.85 < fake.norm(dim=1).mean() < 1.2 and (fake.std(0) > 0.5).all()  # the ring has 1 and 0.71


@pytest.mark.parametrize("loss", sorted(ONE_STAGE))
def test_one_stage_has_the_gradient_of_the_generators_own_loss(loss: str):
    """Critics that do not move between the turns give both ways the same gradient."""
    games = [toy.game(loss=loss, lr=0.0, critics=2, one_stage=one) for one in (True, False)]
    said = [play_one(game, 0) for game in games]
    assert said[0]["generator_loss"] == pytest.approx(float(said[1]["generator_loss"]), abs=1e-6)
    for at_once, apart in zip(*(game.generator.parameters() for game in games), strict=True):
        assert at_once.grad.abs().max() > 0
        assert torch.allclose(at_once.grad, apart.grad, rtol=1e-4, atol=1e-8)


def test_one_stage_learns_the_ring_and_survives_a_critic_that_is_sure():
    game = toy.game(lr=1e-2, lr_end=0.1, total=16 * 500, r1=0.1, r2=0.1, penalty_every=4, one_stage=True)
    play(game, 500)
    with torch.no_grad():
        fake = game.ema.average(torch.randn(500, toy.LATENT, generator=torch.Generator().manual_seed(1)))
    assert 0.85 < fake.norm(dim=1).mean() < 1.2 and (fake.std(0) > 0.5).all()
    with torch.no_grad():  # logits hundreds apart: the loss has no slope left in float32
        game.critics["critic0"].body[2].weight.mul_(1e4)
    assert torch.isfinite(play_one(game, 0)["generator_gradient"])


def test_lazy_penalties_come_every_kth_turn_and_generator_turns_every_nth():
    game = toy.game(r1=1.0, penalty_every=4, n_critic=2)
    said = [set(play_one(game, i)) for i in range(8)]
    assert [i for i, keys in enumerate(said) if "r1" in keys] == [0, 4]
    assert [i for i, keys in enumerate(said) if "generator_loss" in keys] == [1, 3, 5, 7]


def play_one(game, i: int) -> dict[str, torch.Tensor]:
    return game.step(toy.batches(i * 16, 16, slice(0, 16)), Draws(0, i * 16, 16, slice(0, 16)))


def test_weight_clipping_and_learning_rates():
    game = toy.game(loss="wasserstein", clip=0.01, lr=1e-3, lr_critic=4e-3, warmup=64, lr_end=0.0)
    play_one(game, 0)
    assert max(p.abs().max() for p in game.critics.parameters()) <= 0.01
    rates = {side: o.lr for side, o in game.optimizers.items()}
    assert rates == {"generator": pytest.approx(1e-3 / 4), "critic": pytest.approx(4e-3 / 4)}
    game.seen = toy.TOTAL
    play_one(game, 1)
    assert game.optimizers["generator"].lr == pytest.approx(0, abs=1e-12)


def test_average_lags_behind_by_its_half_life():
    game = toy.game(ema=16.0, ema_ramp=0.0)
    before = game.generator.body[0].weight.detach().clone()
    play_one(game, 0)
    middle = (before + game.generator.body[0].weight.detach()) / 2  # a batch of 16 is one half-life
    assert torch.allclose(game.ema.average.body[0].weight, middle, atol=1e-7)


def test_the_average_lags_less_at_the_beginning():
    game = toy.game(ema=1e6, ema_ramp=0.5)
    before = game.generator.body[0].weight.detach().clone()
    play_one(game, 0)
    first = game.ema.average.body[0].weight.detach().clone()
    now = game.generator.body[0].weight.detach().clone()
    # after 16 samples the half-life is 8, so a batch is two of them; after 32 it is 16
    assert torch.allclose(first, before / 4 + now * 3 / 4, atol=1e-7)
    play_one(game, 1)
    then = game.generator.body[0].weight.detach()
    assert torch.allclose(game.ema.average.body[0].weight, (first + then) / 2, atol=1e-7)


def test_instance_noise_fades():
    game = toy.game(instance_noise=0.5)
    x, draws = torch.zeros(16, 2), Draws(0, 0, 16, slice(0, 16))
    assert game._seen(x, draws).std() == pytest.approx(0.5, rel=0.4)
    game.seen = toy.TOTAL
    assert game._seen(x, draws).std() == 0


def test_augmentation_schedules():
    scheduled = toy.game(AugmentRecipe(("shift",), 0.8, "scheduled"))
    assert scheduled.strength == 0
    scheduled.seen = toy.TOTAL - 16
    play_one(scheduled, 0)
    assert scheduled.strength == pytest.approx(0.8)
    adaptive = toy.game(
        AugmentRecipe(("shift",), 1.0, "adaptive", target=0.0, adapt=160.0), lr_critic=0.05, lr=1e-9
    )
    play(adaptive, 10)
    assert adaptive.strength >= 0.2  # a critic that is always right asks for more


@pytest.mark.parametrize("poison", ["data", "weights"])
def test_what_is_not_finite_is_refused_before_the_weights_move(poison: str):
    game = toy.game()
    batch = toy.batches(0, 16, slice(0, 16))
    if poison == "data":
        batch["real"][3, 1] = float("nan")
    else:
        game.critics["critic0"].body[2].weight.data[0, 0] = float("inf")
    before = game.generator.body[0].weight.detach().clone()
    with pytest.raises(NotFinite):
        game.step(batch, Draws(0, 0, 16, slice(0, 16)))
    assert torch.equal(before, game.generator.body[0].weight)


def test_several_critics_all_learn():
    game = toy.game(critics=2)
    before = [c.body[0].weight.detach().clone() for c in game.critics.values()]
    play(game, 2)
    assert all(
        not torch.equal(b, c.body[0].weight) for b, c in zip(before, game.critics.values(), strict=True)
    )


class Thirds(toy.Dense):
    """A generator that cannot be told from `thirds`: points on the ring, in the third that the label says."""

    def forward(self, x: torch.Tensor, label=None, draws=None) -> torch.Tensor:
        angle = 2.0945 * (label + torch.special.ndtr(x[:, 0])) + 0 * self.body[0].bias[0]
        return torch.stack([angle.cos(), angle.sin()], 1)


def labelled(mismatch: float) -> AdversarialGame:
    """A critic that knows three classes and has nothing to learn from samples."""
    torch.manual_seed(0)
    recipe = GameRecipe(batch=16, mismatch=mismatch, lr=0.0, lr_critic=1e-2)
    critic, compute = toy.Conditional(3), choose("cpu", "float32")
    return AdversarialGame(
        Thirds(toy.LATENT, 2), {"critic": critic}, toy.LATENT, recipe, 16 * 200, compute, classes=3
    )


def thirds(seen: int) -> dict[str, torch.Tensor]:
    """Points on the ring, labelled by the third that they are in."""
    real = toy.batches(seen, 16, slice(0, 16))["real"]
    angle = torch.atan2(real[:, 1], real[:, 0]) % 6.2832
    return {"real": real, "label": (angle / 2.0945).long().clamp(0, 2)}


@pytest.mark.parametrize(("mismatch", "least", "most"), [(0.0, 0.0, 0.7), (0.5, 0.9, 1.0)])
def test_a_critic_with_mismatched_labels_learns_to_tell_classes(mismatch: float, least: float, most: float):
    game = labelled(mismatch)
    for seen in range(0, 16 * 200, 16):
        game.step(thirds(seen), Draws(0, seen, 16, slice(0, 16)))
    judged = [thirds(seen) for seen in range(10_000, 10_000 + 16 * 20, 16)]
    real, label = (torch.cat([batch[key] for batch in judged]) for key in ("real", "label"))
    every = torch.arange(3).repeat(len(real), 1)
    with torch.no_grad():
        told = game.critics["critic"](real, every).argmax(1)
    assert least <= (told == label).float().mean() <= most


def test_mismatched_labels_are_all_the_others_and_need_two_classes():
    game = labelled(0.5)
    asked: list[torch.Tensor] = []
    game.critics["critic"].register_forward_pre_hook(lambda critic, given: asked.append(given[1]))
    for seen in range(0, 16 * 40, 16):
        game.step(thirds(seen), Draws(0, seen, 16, slice(0, 16)))
    own, other = torch.cat([label for label in asked if label.ndim == 2]).unbind(1)
    steps = (other - own) % 3
    assert len(own) == 16 * 40 and set(steps.tolist()) == {1, 2}
    assert 0.4 < (steps == 1).float().mean() < 0.6
    without, alone = toy.game(), toy.game(mismatch=0.5)
    play(without, 3), play(alone, 3)
    assert torch.equal(toy.weights(without), toy.weights(alone))


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(Exception, match=r"game\.label_smoothing works with"):
        parse(GameRecipe, {"loss": "hinge", "label_smoothing": 0.1})
    with pytest.raises(Exception, match=r"game\.one_stage works with .* not hinge"):
        parse(GameRecipe, {"loss": "hinge", "one_stage": True})
    with pytest.raises(Exception, match=r"multiple of game\.accumulate"):
        parse(GameRecipe, {"batch": 10, "accumulate": 4})

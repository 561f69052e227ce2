"""Penalties against finite differences, and their gradients through the critic."""

import pytest
import torch
from torch import nn

from creative_gan.core.draws import Draws
from creative_gan.core.penalties import PENALTIES

DRAWS = Draws(0, 0, 5, slice(0, 5))


@pytest.fixture
def critic() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 1), nn.Flatten(0))


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(5, 3, 2, 2), torch.randn(5, 3, 2, 2)


def squared_slope(critic: nn.Module, x: torch.Tensor, step: float = 1e-2) -> torch.Tensor:
    """|grad critic(x)|^2 by central differences. Returns [B]."""
    total = torch.zeros(len(x))
    for i in range(x[0].numel()):
        nudge = torch.zeros(x[0].numel())
        nudge[i] = step
        nudge = nudge.view(x[0].shape)
        total += ((critic(x + nudge) - critic(x - nudge)) / (2 * step)).square()
    return total.detach()


def test_r1_and_r2_are_the_slopes_at_real_and_fake(critic: nn.Module):
    real, fake = pictures()
    assert torch.allclose(PENALTIES["r1"](critic, real, fake, DRAWS), squared_slope(critic, real), rtol=1e-3)
    assert torch.allclose(PENALTIES["r2"](critic, real, fake, DRAWS), squared_slope(critic, fake), rtol=1e-3)


def test_gradient_penalty_is_taken_between_the_two(critic: nn.Module):
    real, fake = pictures()
    mix = DRAWS.uniform("gradient_penalty", 1, 1, 1)
    expected = (squared_slope(critic, mix * real + (1 - mix) * fake).sqrt() - 1).square()
    assert torch.allclose(PENALTIES["gp"](critic, real, fake, DRAWS), expected, rtol=1e-2, atol=1e-5)
    assert ((mix > 0) & (mix < 1)).all() and mix.unique().numel() == 5


@pytest.mark.parametrize("name", PENALTIES)
def test_training_on_a_penalty_lowers_it(name: str, critic: nn.Module):
    real, fake = pictures()
    first = PENALTIES[name](critic, real, fake, DRAWS)
    assert first.shape == (5,) and first.dtype == torch.float32
    optimizer = torch.optim.Adam(critic.parameters(), 1e-2)
    for _ in range(30):
        optimizer.zero_grad()
        PENALTIES[name](critic, real, fake, DRAWS).mean().backward()
        optimizer.step()
    assert PENALTIES[name](critic, real, fake, DRAWS).mean() < 0.5 * first.mean()


def test_no_slope_at_all_gives_a_finite_gradient():
    flat = nn.Linear(4, 1)
    nn.init.zeros_(flat.weight)
    PENALTIES["gp"](
        lambda x: flat(x).squeeze(1), torch.ones(5, 4), torch.zeros(5, 4), DRAWS
    ).mean().backward()
    assert flat.weight.grad.isfinite().all()

"""Losses against the formulas of their papers."""

import math

import pytest
import torch

from creative_gan.core.losses import LOSSES, SMOOTHABLE

REAL = torch.tensor([-1.5, 0.0, 2.0, 30.0], dtype=torch.float64)
FAKE = torch.tensor([0.5, -2.0, 1.0, -30.0], dtype=torch.float64)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


# written out as the papers have them, number by number
CRITIC = {
    "nonsaturating": lambda r, f, s: (
        -(1 - s) * math.log(sigmoid(r))
        - s * math.log(max(1 - sigmoid(r), 1e-300))
        - math.log(max(1 - sigmoid(f), 1e-300))
    ),
    "lsgan": lambda r, f, s: 0.5 * (r - (1 - s)) ** 2 + 0.5 * f**2,
    "hinge": lambda r, f, s: max(0, 1 - r) + max(0, 1 + f),
    "wasserstein": lambda r, f, s: f - r,
    "relativistic": lambda r, f, s: -math.log(sigmoid(r - f)),
}
CRITIC["minimax"] = CRITIC["nonsaturating"]
GENERATOR = {
    "nonsaturating": lambda r, f: -math.log(sigmoid(f)),
    "minimax": lambda r, f: math.log(1 - sigmoid(f)),
    "lsgan": lambda r, f: 0.5 * (f - 1) ** 2,
    "hinge": lambda r, f: -f,
    "wasserstein": lambda r, f: -f,
    "relativistic": lambda r, f: -math.log(sigmoid(f - r)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_values_are_those_of_the_paper(name: str):
    critic, generator = LOSSES[name]
    pairs = list(zip(REAL[:3].tolist(), FAKE[:3].tolist(), strict=True))
    for smoothing in (0.0, 0.1) if name in SMOOTHABLE else (0.0,):
        expected = [CRITIC[name](r, f, smoothing) for r, f in pairs]
        assert critic(REAL[:3], FAKE[:3], smoothing).tolist() == pytest.approx(expected)
    assert generator(FAKE[:3], REAL[:3], 0.0).tolist() == pytest.approx(
        [GENERATOR[name](r, f) for r, f in pairs]
    )


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_push_the_right_way_and_stay_finite(name: str):
    critic, generator = LOSSES[name]
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    critic(real, fake, 0.0).sum().backward()
    assert (real.grad[:2] < 0).all() and (fake.grad[[0, 2]] > 0).all()  # real up, fake down
    assert real.grad.isfinite().all() and fake.grad.isfinite().all()
    fake = FAKE.clone().requires_grad_()
    loss = generator(fake, REAL, 0.0)
    assert loss.shape == (4,) and loss.isfinite().all()
    loss.sum().backward()
    assert (fake.grad[:2] < 0).all()  # the generator wants its logits up


def test_smoothing_moves_the_best_answer_to_one_minus_it():
    critic, _ = LOSSES["nonsaturating"]
    real = torch.tensor([0.0], requires_grad=True)
    optimizer = torch.optim.SGD([real], 1.0)
    for _ in range(500):
        optimizer.zero_grad()
        critic(real, torch.zeros(1), 0.1).sum().backward()
        optimizer.step()
    assert torch.sigmoid(real).item() == pytest.approx(0.9, abs=1e-3)

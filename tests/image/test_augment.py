"""Augmentation: differentiable twice, the same for equal draws, off at strength 0, and it does what it says."""

import pytest
import torch

from creative_gan.core.augment import compose
from creative_gan.core.draws import Draws
from creative_gan.core.errors import UserError
from creative_gan.image.augment import AUGMENTATIONS

DRAWS = Draws(0, 0, 8, slice(0, 8))


def pictures(channels: int = 3) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.rand(8, channels, 20, 24) * 2 - 1


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_strength_decides_how_many_change(name: str, channels: int):
    x, augment = pictures(channels), AUGMENTATIONS[name]
    assert torch.allclose(augment(x, DRAWS, 0.0), x, atol=1e-6)
    changed = (augment(x, DRAWS, 1.0) - x).abs().amax((1, 2, 3)) > 1e-4
    assert changed.sum() >= (2 if name == "flip" else 6)
    assert torch.equal(augment(x, DRAWS, 1.0), augment(x, DRAWS, 1.0))
    halves = torch.cat([augment(x[s], Draws(0, 0, 8, s), 1.0) for s in (slice(0, 4), slice(4, 8))])
    assert torch.allclose(halves, augment(x, DRAWS, 1.0), atol=1e-6)


def test_all_together_have_second_derivatives():
    x = pictures().requires_grad_()
    weight = torch.randn(3, requires_grad=True)
    augment = compose(AUGMENTATIONS, tuple(AUGMENTATIONS))
    value = torch.tanh((augment(x, DRAWS, 1.0) * weight[:, None, None]).mean((1, 2, 3))).sum()
    (slope,) = torch.autograd.grad(value, x, create_graph=True)
    slope.square().sum().backward()
    assert weight.grad.isfinite().all() and weight.grad.abs().sum() > 0


def test_translation_moves_whole_pixels_and_brings_in_nothing():
    x = torch.zeros(8, 1, 16, 16)
    x[:, :, 8, 8] = 1.0
    moved = AUGMENTATIONS["translation"](x, DRAWS, 1.0)
    assert moved.sum((1, 2, 3)).tolist() == [1.0] * 8  # one bright pixel, elsewhere
    places = {tuple(m.nonzero()[0, 1:].tolist()) for m in moved}
    assert len(places) > 3 and all(6 <= row <= 10 and 6 <= column <= 10 for row, column in places)


def test_cutout_takes_a_quarter_at_most_and_transparency_stays_nothing():
    hole = (AUGMENTATIONS["cutout"](torch.ones(8, 3, 20, 24), DRAWS, 1.0) == 0)[:, 0].float().mean((1, 2))
    assert (hole > 0).all() and (hole <= 0.27).all()
    nothing = torch.cat([torch.zeros(8, 3, 20, 24), -torch.ones(8, 1, 20, 24)], 1)
    assert torch.allclose(AUGMENTATIONS["color"](nothing, DRAWS, 1.0), nothing, atol=1e-6)


def test_unknown_names_are_refused():
    with pytest.raises(UserError, match="must name some of flip"):
        compose(AUGMENTATIONS, ("rotate",))
    assert compose(AUGMENTATIONS, ()) is None

"""Augmentations change what they say, by rows, in a way that can be differentiated twice."""

import pytest
import torch

from creative_gan.core.augment import compose
from creative_gan.core.draws import Draws
from creative_gan.core.errors import UserError
from creative_gan.music.wave.augment import AUGMENTATIONS


def draws(batch: int = 64) -> Draws:
    return Draws(seed=1, seen=2, batch=batch, rows=slice(0, batch))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_strength_is_the_share_that_is_changed(name: str) -> None:
    x = torch.randn(64, 1, 1024)
    changes = [AUGMENTATIONS[name](x, draws(), strength) - x for strength in (0, 0.5, 1)]
    shares = [float((change.abs().amax((1, 2)) > 1e-4).float().mean()) for change in changes]
    assert shares[0] == 0
    assert 0.15 < shares[1] < 0.7
    assert shares[1] < shares[2]


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_rows_of_a_chunk_are_those_of_the_batch(name: str) -> None:
    x = torch.randn(8, 1, 256)
    whole = AUGMENTATIONS[name](x, draws(8), 1.0)
    part = AUGMENTATIONS[name](x[2:5], draws(8).chunk(slice(2, 5)), 1.0)
    assert torch.allclose(whole[2:5], part, atol=1e-6)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_second_derivatives(name: str) -> None:
    x = torch.randn(3, 1, 32, dtype=torch.float32, requires_grad=True)
    gradient = torch.autograd.grad(AUGMENTATIONS[name](x, draws(3), 1.0).pow(3).sum(), x, create_graph=True)[
        0
    ]
    gradient.square().sum().backward()
    assert x.grad is not None and x.grad.isfinite().all() and x.grad.abs().max() > 0


def test_shift_moves_and_gain_scales() -> None:
    x = torch.zeros(64, 1, 1024)
    x[:, :, 512] = 1
    moved = AUGMENTATIONS["shift"](x, draws(), 1.0)[:, 0].argmax(1) - 512
    assert moved.abs().max() <= 32 and len(set(moved.tolist())) > 20
    scaled = AUGMENTATIONS["gain"](x, draws(), 1.0).amax((1, 2))
    assert 0.5 < scaled.min() < 0.6 and 1.8 < scaled.max() < 2


def test_a_policy_is_composed_and_unknown_names_refused() -> None:
    x = torch.randn(4, 1, 128)
    both = compose(AUGMENTATIONS, ("polarity", "gain"))
    assert both is not None and compose(AUGMENTATIONS, ()) is None
    expected = AUGMENTATIONS["gain"](AUGMENTATIONS["polarity"](x, draws(4), 1.0), draws(4), 1.0)
    assert torch.equal(both(x, draws(4), 1.0), expected)
    with pytest.raises(UserError, match="polarity, shift, gain"):
        compose(AUGMENTATIONS, ("reverb",))

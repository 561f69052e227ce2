"""The quick gradient of weights: that of torch's own layers, of any order, and only where it is meant to be."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from creative_gan.core import convolution
from creative_gan.core.convolution import Conv2d, ConvTranspose2d

# kernel, stride, padding, size of the smaller side's picture
LAYERS = [
    (4, 2, 1, (8, 8)),
    (4, 2, 1, (8, 6)),
    (3, 1, 1, (4, 3)),
    (4, 2, 1, (7, 9)),
    ((3, 4), (1, 2), (0, 1), (5, 8)),
]


@pytest.fixture
def products(monkeypatch):
    """How often the product was asked for a gradient."""
    calls = []
    plain = convolution._by_weight

    def counted(*given):
        calls.append(1)
        return plain(*given)

    monkeypatch.setattr(convolution, "_by_weight", counted)
    return calls


def same(ours, theirs):
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def gradients(layer, x, order):
    """Of a loss, or (order 2) of the size of its gradient by x, as a penalty has it."""
    x = x.clone().requires_grad_()
    y = layer(x)
    loss = (y * torch.linspace(-1, 1, y.numel()).view_as(y).to(y.dtype)).square().sum()
    if order == 2:
        loss = torch.autograd.grad(loss, x, create_graph=True)[0].square().sum()
    return y, torch.autograd.grad(loss, [x, *layer.parameters()], allow_unused=True)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_gradients_are_those_of_torch(layer, bias, order, products):
    kernel, stride, padding, size = layer
    torch.manual_seed(0)
    pairs = [
        (
            Conv2d(3, 5, kernel, stride, padding, bias=bias),
            nn.Conv2d(3, 5, kernel, stride, padding, bias=bias),
            size,
        ),
    ]
    down = nn.Conv2d(1, 1, kernel, stride, padding)(torch.zeros(1, 1, *size)).shape[2:]
    more = [
        (n + 2 * p - k) % s
        for n, p, k, s in zip(
            size, *(v if isinstance(v, tuple) else (v, v) for v in (padding, kernel, stride)), strict=True
        )
    ]
    pairs.append(
        (
            ConvTranspose2d(5, 3, kernel, stride, padding, more, bias=bias),
            nn.ConvTranspose2d(5, 3, kernel, stride, padding, more, bias=bias),
            down,
        )
    )
    for ours, theirs, places in pairs:
        same(ours.double(), theirs.double())
        x = torch.randn(2, ours.in_channels, *places, dtype=torch.double)
        products.clear()
        (y, mine), (expected_y, expected) = gradients(ours, x, order), gradients(theirs, x, order)
        assert products
        torch.testing.assert_close(y, expected_y)
        for a, b in zip(mine, expected, strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                torch.testing.assert_close(a, b)


def test_gradients_of_gradients_of_weights_are_right():
    torch.manual_seed(0)
    x = torch.randn(2, 2, 5, 4, dtype=torch.double, requires_grad=True)
    for layer in (Conv2d(2, 3, 3, 2, 1).double(), ConvTranspose2d(2, 3, 3, 2, 1, (1, 0)).double()):

        def run(x, weight, bias, layer=layer):
            return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

        given = (x, layer.weight, layer.bias)
        assert torch.autograd.gradcheck(run, given) and torch.autograd.gradgradcheck(run, given)


def test_bfloat16_is_as_close_as_torchs(products):
    torch.manual_seed(0)
    ours, theirs = same(Conv2d(64, 128, 4, 2, 1), nn.Conv2d(64, 128, 4, 2, 1))
    x = torch.randn(8, 64, 16, 16)
    _, exact = gradients(theirs, x, 1)
    with torch.autocast("cpu", torch.bfloat16):
        y, mine = gradients(ours, x, 1)
        _, half = gradients(theirs, x, 1)
    assert products and y.dtype == torch.bfloat16
    for a, b, c in zip(mine, half, exact, strict=True):
        assert a.dtype == torch.float32
        assert (a - c).norm() < 1.2 * (b - c).norm() + 1e-6


def test_only_small_plain_layers_that_learn_take_the_product(products):
    x = torch.randn(2, 4, 16, 16)
    frozen = Conv2d(4, 4, 4, 4).requires_grad_(False)
    for layer in (
        Conv2d(4, 4, 4, 2, 1),
        Conv2d(4, 4, 4, 4, groups=2),
        Conv2d(4, 4, 2, 8, dilation=2),
        frozen,
    ):
        layer(x.requires_grad_()).sum().backward()
    with torch.autocast("cpu", torch.bfloat16):  # 64 places are few for many weights only
        Conv2d(4, 4, 4, 2, 1)(x).sum().backward()
    assert not products
    with torch.no_grad():
        Conv2d(4, 4, 4, 4)(x)
    Conv2d(4, 4, 4, 4)(x).sum().backward()
    assert len(products) == 1


def test_a_spectral_norm_is_worked_out_once(products):
    torch.manual_seed(0)
    ours, theirs = Conv2d(4, 6, 4, 2, 1), nn.Conv2d(4, 6, 4, 2, 1)
    for layer in (ours, theirs):
        torch.manual_seed(1)
        spectral_norm(layer)
    same(ours, theirs)
    x = torch.randn(2, 4, 8, 8)
    for _ in range(3):
        torch.testing.assert_close(ours(x), theirs(x))
    ours(x).sum().backward()
    assert products

"""Every network at every kind of size: shapes, gradients of gradients, labels that matter, state that returns."""

import pytest
import torch

from creative_gan.image.networks import NETWORKS, NetworkRecipe, build

SHAPES = [(1, 28, 28), (3, 64, 64), (4, 48, 32), (3, 33, 70)]


def made(name: str, shape: tuple[int, int, int], classes: int, **settings):
    torch.manual_seed(0)
    return build(NetworkRecipe(name=name, latent=16, width=8, **settings), shape, classes)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("classes", [0, 5])
def test_shapes_and_second_derivatives(name: str, shape: tuple[int, int, int], classes: int):
    generator, critic = made(name, shape, classes, norm="none")
    label = torch.arange(3) if classes else None
    fake = generator(torch.randn(3, 16), label)
    assert fake.shape == (3, *shape)
    x = fake.detach().requires_grad_()
    logits = critic(x, label)
    assert logits.shape == (3,)
    (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    slope.square().sum().backward()
    grads = [p.grad for p in critic.parameters() if p.grad is not None]
    assert grads and all(g.isfinite().all() for g in grads)
    fake.sum().backward()
    assert all(p.grad is not None for p in generator.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_labels_change_the_answer(name: str):
    generator, critic = made(name, (1, 28, 28), 3)
    if name == "resnet":  # its blocks start as the identity: the scale of the basis is all there is
        generator.out.weight.data.normal_()
    z, x = torch.randn(2, 16), torch.randn(2, 1, 28, 28)
    first, second = torch.tensor([0, 0]), torch.tensor([2, 2])
    generator.eval()
    assert not torch.equal(generator(z, first), generator(z, second))
    assert not torch.equal(critic(x, first), critic(x, second))
    both = critic(x, torch.stack([first, second], 1))
    assert torch.allclose(both, torch.stack([critic(x, first), critic(x, second)], 1), atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_critics_see_every_pixel(name: str):
    _, critic = made(name, (1, 28, 28), 0)
    x = torch.randn(4, 1, 28, 28, requires_grad=True)
    critic(x).sum().backward()
    assert (x.grad.abs().sum((0, 1)) > 0).all()


def test_the_classic_generator_has_the_sizes_of_the_tutorials():
    generator, critic = made("mlp", (1, 28, 28), 0, norm="none")
    sizes = [tuple(m.weight.shape) for m in generator.body if isinstance(m, torch.nn.Linear)]
    assert sizes == [(256, 16), (512, 256), (1024, 512), (784, 1024)]
    assert [tuple(m.weight.shape) for m in critic.body if isinstance(m, torch.nn.Linear)] == [
        (1024, 784), (512, 1024), (256, 512)]  # fmt: skip


def test_dcgan_64_has_the_pyramid_of_the_paper():
    generator, _ = build(NetworkRecipe(latent=100, width=64), (3, 64, 64), 0)
    assert generator.start == [4, 4]
    shapes = [tuple(m.weight.shape) for m in generator.body if isinstance(m, torch.nn.ConvTranspose2d)]
    assert shapes == [(512, 256, 4, 4), (256, 128, 4, 4), (128, 64, 4, 4), (64, 3, 4, 4)]


@pytest.mark.parametrize(("last", "grid"), [("resized", False), ("transposed", True)])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_resized_last_layer_makes_no_grid_of_an_even_area(last: str, grid: bool, norm: str):
    generator, _ = made("dcgan", (3, 64, 64), 0, last=last, norm=norm)
    layers = list(generator.body)
    after = next(
        i for i, m in enumerate(layers) if m is [n for n in layers if isinstance(n, torch.nn.ReLU)][-1]
    )
    picture = torch.nn.Sequential(*layers[after + 1 :])(torch.ones(1, 8, 32, 32))
    inside = picture[..., 8:-8, 8:-8]
    assert (inside.amax((2, 3)) - inside.amin((2, 3)) > 1e-4).all() == grid
    assert inside.abs().max() > 1e-3


@pytest.mark.parametrize("blur", [True, False])
def test_a_filter_behind_transposed_convolutions_leaves_no_grid(blur: bool):
    generator, _ = made("dcgan", (3, 64, 64), 0, last="resized", blur=blur)
    layers = list(generator.body)
    at = [i for i, m in enumerate(layers) if isinstance(m, torch.nn.ConvTranspose2d)]
    assert len(at) == 3
    for i in at:
        upwards = torch.nn.Sequential(*layers[i : i + 1 + blur])
        made_of_ones = upwards(torch.ones(1, layers[i].in_channels, 16, 16))
        inside = made_of_ones[..., 4:-4, 4:-4]
        assert inside.abs().max() > 1e-3
        assert (inside.amax((2, 3)) - inside.amin((2, 3)) < 1e-5).all() == blur


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_modulation_tells_every_stage_of_z_and_class(norm: str):
    generator, _ = made("dcgan", (1, 28, 28), 3, modulation=True, norm=norm)
    generator.eval()
    torch.nn.init.zeros_(generator.first.weight)  # nothing comes in by the front door
    z, label = torch.randn(2, 16), torch.tensor([0, 2])
    first = generator(z[:1], label[:1])
    assert (generator(z[1:], label[:1]) - first).abs().max() > 1e-5
    assert (generator(z[:1], label[1:]) - first).abs().max() > 1e-5
    plain, _ = made("dcgan", (1, 28, 28), 3, norm=norm)
    torch.nn.init.zeros_(plain.eval().first.weight)
    assert torch.equal(*plain(z, label).split(1))


@pytest.mark.parametrize("name", NETWORKS)
def test_spectral_norm_bounds_every_layer(name: str):
    _, critic = made(name, (1, 28, 28), 0, spectral_norm=True)
    for _ in range(30):
        critic(torch.randn(2, 1, 28, 28))
    for module in critic.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            top = torch.linalg.matrix_norm(module.weight.detach().flatten(1), 2)
            assert top == pytest.approx(1, abs=0.05)


def test_residual_blocks_start_as_the_identity():
    generator, _ = made("resnet", (3, 32, 32), 0)
    x = torch.randn(1, 64, 4, 4)
    assert torch.equal(generator.stages[0](x), x)

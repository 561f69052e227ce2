"""The networks have the paper's shapes and sizes, phase shuffle shuffles, critics bear double backward."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from creative_gan.core.draws import Draws
from creative_gan.core.networks import Input
from creative_gan.music.wave.networks import (
    PeriodCritic,
    SpectrogramCritic,
    WaveCritic,
    WaveGenerator,
    log_magnitude,
    phase_shuffle,
)
from creative_gan.music.wave.spectrum import Spectra, SpectrogramGenerator, SpectrogramPictureCritic

CRITICS: dict[str, Callable[[int], nn.Module]] = {
    "wave": lambda classes: WaveCritic(8192, 4, classes),
    "spectrogram": lambda classes: SpectrogramCritic(4, classes),
    "period": lambda classes: PeriodCritic(2, classes),
}


def draws(seen: int = 0, batch: int = 4) -> Draws:
    return Draws(seed=1, seen=seen, batch=batch, rows=slice(0, batch))


def size(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_parameters_are_those_of_the_paper() -> None:
    """Tables 3 and 4 with d = 64: 19.1 million in the generator; kernels of 25 give the rest."""
    convs = [(1024, 512), (512, 256), (256, 128), (128, 64), (64, 1)]
    with torch.device("meta"):
        generator, critic = WaveGenerator(16384), WaveCritic(16384)
    assert size(generator) == sum(25 * a * b + b for a, b in convs) + 101 * 16384 == 19_065_345
    assert size(critic) == sum(25 * a * b + a for a, b in convs) + 16 * 1024 + 1
    assert size(WaveGenerator(8192, 4, post_filter=512)) - size(WaveGenerator(8192, 4)) == 512


@pytest.mark.parametrize("length", [8192, 16384, 32768, 65536])
@pytest.mark.parametrize("classes", [0, 3])
def test_shapes(length: int, classes: int) -> None:
    label = torch.tensor([0, 2]) if classes else None
    x = WaveGenerator(length, 2, 10, classes, post_filter=512)(torch.randn(2, 10), label)
    assert x.shape == (2, 1, length)
    assert x.abs().max() <= 1
    assert WaveCritic(length, 2, classes)(x, label).shape == (2,)


def test_a_new_generator_is_neither_silent_nor_clipped() -> None:
    torch.manual_seed(0)
    for length in (8192, 65536):
        x = WaveGenerator(length, 8)(torch.randn(8, 100))
        assert 0.02 < x.square().mean().sqrt() < 0.7
        assert (x.abs() > 0.99).float().mean() < 0.01


def test_a_uniform_prior_is_that_of_the_paper_and_keeps_the_order() -> None:
    z = Draws(seed=0, seen=0, batch=200, rows=slice(0, 200)).normal("z", 100)
    entering = Input(100, 0, uniform=True)(z, None).flatten().sort().values
    assert entering.abs().max() <= 1 and torch.equal(
        entering, Input(1, 0, True)(z.view(-1, 1).sort(0).values, None)[:, 0]
    )
    # Kolmogorov-Smirnov: no share of the 20,000 is further off than chance allows (1.95 / sqrt(N) at 1 in 1,000)
    shares = (torch.arange(len(entering)) + 0.5) / len(entering)
    assert ((entering + 1) / 2 - shares).abs().max() < 1.95 / len(entering) ** 0.5


def test_phase_shuffle_moves_each_sample_by_its_own_shift_and_reflects() -> None:
    x = torch.arange(6.0).expand(3, 2, 6) + torch.tensor([0, 10.0])[:, None]
    out = phase_shuffle(x, torch.tensor([0, 2, -2]))
    assert out[:, 0].tolist() == [[0, 1, 2, 3, 4, 5], [2, 3, 4, 5, 4, 3], [2, 1, 0, 1, 2, 3]]
    assert torch.equal(out[:, 1], out[:, 0] + 10)


def test_phase_shuffle_is_on_in_the_critic_and_follows_the_draws() -> None:
    torch.manual_seed(0)
    critic, x = WaveCritic(8192, 4), torch.randn(4, 1, 8192) * 0.3
    plain = critic(x)
    assert torch.equal(plain, critic(x)), "without draws nothing is random"
    shuffled = [critic(x, None, draws(seen)) for seen in range(3)]
    assert torch.equal(shuffled[0], critic(x, None, draws(0)))
    assert not torch.allclose(shuffled[0], shuffled[1]) and not torch.allclose(shuffled[0], plain)
    half = critic(x[2:], None, draws(0).chunk(slice(2, 4)))
    assert torch.allclose(half, shuffled[0][2:], atol=1e-5), "a chunk sees the shifts of the whole batch"
    still = WaveCritic(8192, 4, shuffle=0)
    still.load_state_dict(critic.state_dict())
    assert torch.equal(still(x, None, draws(0)), plain)


def test_every_shift_occurs_in_every_layer_that_shuffles() -> None:
    seen: dict[str, set[int]] = {}
    for step in range(20):
        for i in range(4):
            seen.setdefault(f"shuffle{i}", set()).update(draws(step).integers(f"shuffle{i}", -2, 3).tolist())
    assert all(shifts == {-2, -1, 0, 1, 2} for shifts in seen.values())


@pytest.mark.parametrize("name", CRITICS)
def test_critics_give_a_logit_a_row_and_bear_double_backward(name: str) -> None:
    torch.manual_seed(0)
    critic, label = CRITICS[name](3), torch.tensor([0, 1, 2, 0])
    x = torch.randn(4, 1, 8192) * 0.3
    x[0] = 0  # silence is where square roots and logarithms break
    x.requires_grad_()
    logits = critic(x, label, draws())
    assert logits.shape == (4,)
    both = critic(x, torch.stack([label, (label + 1) % 3], 1), draws())
    assert torch.allclose(both[:, 0], logits, atol=1e-5) and both.shape == (4, 2), "two labels of each row"
    alone = critic(x[1:2], label[1:2], draws().chunk(slice(1, 2)))
    assert torch.allclose(alone, logits[1:2], atol=1e-4), "rows do not see each other"
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    gradient.square().sum().backward()
    weights = [p for p in critic.parameters() if p.ndim > 1]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in weights)
    assert any(p.grad.abs().max() > 0 for p in weights if p.grad is not None)
    assert critic(x, torch.tensor([1, 2, 0, 1]), draws()).sub(logits)[1:].abs().min() > 0, "the label counts"


@pytest.mark.parametrize("name", CRITICS)
def test_critics_run_in_bfloat16(name: str) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert CRITICS[name](0)(torch.randn(2, 1, 8192)).isfinite().all()


def test_log_magnitude_of_a_sine_and_of_silence() -> None:
    sine = torch.sin(2 * torch.pi * 1000 / 8000 * torch.arange(8192.0))[None, None]
    assert abs(float(log_magnitude(sine, 256, 64)[0, 0, 32, 10]) - 1) < 0.01
    assert abs(float(log_magnitude(0 * sine, 256, 64).max())) < 0.01


@pytest.mark.parametrize(
    ("bands", "window", "error"), [(128, 256, 0.1), (64, 512, 0.15)], ids=["every frequency", "mel"]
)
def test_spectrograms_go_back_to_sounds(bands: int, window: int, error: float) -> None:
    time = torch.arange(8192) / 8000
    wave = torch.stack([torch.sin(2 * torch.pi * f * time) * torch.exp(-3 * time) for f in (300, 700, 1500)])[
        :, None
    ]
    wave = 0.8 * wave + 0.001 * torch.randn(wave.shape, generator=torch.Generator().manual_seed(0))
    spectra = Spectra(8000, 8192, bands, 64, window)
    spectra.fit(wave)
    picture = spectra.encode(wave)
    assert picture.shape == (3, 1, bands, 128)
    assert picture.abs().max() <= 1
    assert 0.5 < 3 * picture.std() < 1.5, "standardised"
    back = spectra.decode(picture)
    assert back.shape == wave.shape
    again: Tensor = spectra.encode(back)
    assert (again - picture).abs().mean() < error
    loud = [float(x.abs().max()) for x in (wave, back)]
    assert 0.7 < loud[1] / loud[0] < 1.4
    tones = torch.fft.rfft(back[:, 0]).abs().argmax(1) * 8000 / 8192
    assert (tones - torch.tensor([300.0, 700.0, 1500.0])).abs().max() < 40


def test_spectrogram_networks() -> None:
    label = torch.tensor([0, 1])
    spectra = Spectra(8000, 8192, 64, 128, 512)
    generator = SpectrogramGenerator(spectra, 4, 10, 2)
    picture = generator(torch.randn(2, 10), label)
    assert picture.shape == (2, 1, 64, 64)
    assert generator.sound(picture).shape == (2, 1, 8192)
    assert "spectra.mean" in generator.state_dict(), "its statistics travel with it"
    critic = SpectrogramPictureCritic(spectra, 4, 2)
    logits = critic(picture, label)
    assert logits.shape == (2,)
    other = critic(picture, 1 - label)
    assert (other - logits).abs().min() > 0, "the label counts"
    both = critic(picture, torch.stack([label, 1 - label], 1))
    assert torch.allclose(both, torch.stack([logits, other], 1), atol=1e-5), "two labels of each row"
    (gradient,) = torch.autograd.grad(logits.sum(), picture, create_graph=True)
    gradient.square().sum().backward()
    assert critic.head.logit.weight.grad is not None

"""Networks of piano rolls: binarised with a gradient, voices of one pitch, critics that see what they should."""

import pytest
import torch

from creative_gan.music.midi.song import METRES
from creative_gan.music.roll.data import Grid
from creative_gan.music.roll.networks import build, each, one_of
from creative_gan.music.roll.recipe import NetworkRecipe

SMALL = NetworkRecipe(latent=16, width=4)


def grid(shape: str = "chorale", metre: tuple[int, int] = (4, 4), bars: int = 2) -> Grid:
    return Grid(shape, METRES.index(metre), bars, 4, 36, 4)


def random_rolls(where: Grid, count: int = 3) -> torch.Tensor:
    made = torch.rand(count, *where.roll, generator=torch.Generator().manual_seed(0)) < 0.1
    made[:, 1::2] &= made[:, ::2]
    return made.float()


def test_binarised_values_are_exact_and_gradients_are_the_soft_ones() -> None:
    logits = torch.randn(2, 3, 5, 12, generator=torch.Generator().manual_seed(1), requires_grad=True)
    weight = torch.randn(2, 3, 5, 12, generator=torch.Generator().manual_seed(2))
    silence = torch.zeros(2, 3, 5, 1)
    soft = {each: logits.sigmoid(), one_of: torch.cat([logits, silence], -1).softmax(-1)[..., :-1]}
    for binarise, gentle in soft.items():
        hard = binarise(logits)
        assert set(hard.unique().tolist()) == {0.0, 1.0}
        (mine,) = torch.autograd.grad((hard * weight).sum(), logits)
        (wanted,) = torch.autograd.grad((gentle * weight).sum(), logits)
        assert torch.allclose(mine, wanted) and mine.abs().max() > 0.01
    assert torch.equal(each(logits), (logits > 0).float())
    best = logits.max(-1, keepdim=True).values
    assert torch.equal(one_of(logits), ((logits == best) & (best > 0)).float())
    assert not one_of(-logits.detach().abs()).any(), "silence is likelier than any pitch"


@pytest.mark.parametrize(("shape", "voices"), [("chorale", [0, 1, 2, 3]), ("lead", [0]), ("band", [])])
def test_rolls_are_playable_and_every_layer_learns(shape: str, voices: list[int]) -> None:
    where = grid(shape)
    generator, critics = build(SMALL, where)
    rolls = generator(torch.randn(6, 16, generator=torch.Generator().manual_seed(0)))
    assert rolls.shape == (6, *where.roll) and set(rolls.unique().tolist()) == {0.0, 1.0}
    sounding, struck = rolls[:, ::2], rolls[:, 1::2]
    assert (struck <= sounding).all()
    comes_in = (sounding[:, :, 1:] > sounding[:, :, :-1]).float()
    assert (struck[:, :, 1:] >= comes_in).all(), "a pitch that comes in is struck"
    assert all(sounding[:, voice].sum(2).max() <= 1 for voice in voices)
    others = [i for i in range(len(where.lines)) if i not in voices]
    assert all(sounding[:, other].sum(2).max() > 1 for other in others)
    sum(critic(rolls).sum() for critic in critics.values()).backward()
    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("metre", [(3, 4), (6, 8), (7, 8), (3, 8)])
def test_other_metres_fit(metre: tuple[int, int]) -> None:
    where = grid("lead", metre)
    generator, critics = build(SMALL, where)
    rolls = generator(torch.randn(2, 16))
    assert rolls.shape == (2, *where.roll)
    assert all(critic(rolls).shape == (2,) for critic in critics.values())


def test_critics_see_what_they_are_named_after() -> None:
    where = grid()
    torch.manual_seed(0)
    _, critics = build(SMALL, where)
    rolls = random_rolls(where)
    rolls[..., :12] = rolls[..., -13:] = 0  # room to move
    higher, octave = rolls.roll(1, 3), rolls.roll(12, 3)
    later = rolls.roll(1, 2)
    held = rolls.clone()
    held[:, 1::2] = 0

    def differs(name: str, other: torch.Tensor) -> bool:
        a, b = critics[name](rolls), critics[name](other)
        assert a.isfinite().all()
        return bool((a - b).abs().min() > 1e-4)

    assert differs("roll", higher) and differs("roll", octave) and differs("roll", later)
    assert differs("chroma", higher) and not differs("chroma", octave) and differs("chroma", later)
    assert not differs("onsets", higher) and not differs("onsets", octave) and differs("onsets", later)
    assert all(differs(name, held) for name in critics)

"""Networks of piano rolls: binarised with a gradient, voices of one pitch, critics that see what they should."""

from dataclasses import replace

import pytest
import torch

from creative_gan.music.midi.song import METRES
from creative_gan.music.roll.data import Grid, Habits
from creative_gan.music.roll.networks import build, each, gumbel, logistic, one_of, played
from creative_gan.music.roll.recipe import NetworkRecipe

SMALL = NetworkRecipe(latent=16, width=4)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Networks begin at random, and what is asked of their beginning is not true of every one."""
    torch.manual_seed(0)


def grid(shape: str = "chorale", metre: tuple[int, int] = (4, 4), bars: int = 2) -> Grid:
    return Grid(shape, METRES.index(metre), bars, 4, 36, 4)


def nothing(where: Grid) -> Habits:
    """Habits of data in which everything is as frequent as anything."""
    tracks, intervals = len(where.lines), 2 * where.pitches - 1
    often, moves = torch.full((2 * tracks, where.pitches), 0.02), torch.ones(tracks, intervals)
    return Habits(often, moves, torch.full((tracks, where.bar), 0.75), torch.ones(tracks, tracks, intervals))


def random_rolls(where: Grid, count: int = 3) -> torch.Tensor:
    made = torch.rand(count, *where.roll, generator=torch.Generator().manual_seed(0)) < 0.1
    made[:, 1::2] &= made[:, ::2]
    return made.float()


def test_binarised_values_are_exact_and_gradients_are_the_soft_ones() -> None:
    logits = torch.randn(2, 3, 5, 12, generator=torch.Generator().manual_seed(1), requires_grad=True)
    weight = torch.randn(2, 3, 5, 12, generator=torch.Generator().manual_seed(2))
    chance = torch.randn(2, 3, 5, 13, generator=torch.Generator().manual_seed(3))
    both = torch.cat([logits, torch.zeros(2, 3, 5, 1)], -1) + chance
    cases = (
        (each(logits, chance[..., :-1]), (logits + chance[..., :-1]).sigmoid()),
        (one_of(logits, chance), both.softmax(-1)[..., :-1]),
    )
    for hard, gentle in cases:
        assert set(hard.unique().tolist()) == {0.0, 1.0}
        (mine,) = torch.autograd.grad((hard * weight).sum(), logits, retain_graph=True)
        (wanted,) = torch.autograd.grad((gentle * weight).sum(), logits)
        assert torch.allclose(mine, wanted) and mine.abs().max() > 0.01
    still = torch.zeros(2, 3, 5, 13)
    assert torch.equal(each(logits, still[..., :-1]), (logits > 0).float())
    best = logits.max(-1, keepdim=True).values
    assert torch.equal(one_of(logits, still), ((logits == best) & (best > 0)).float())
    assert not one_of(-logits.detach().abs() - 0.1, still).any(), "silence is likelier than any pitch"


def test_choices_are_drawn_with_their_likelihoods() -> None:
    normal = torch.randn(200_000, 3, generator=torch.Generator().manual_seed(0))
    likely = torch.tensor([0.2, 0.5, 0.3])
    drawn = one_of((likely[:2] / likely[2]).log(), gumbel(normal)).mean(0)
    assert (drawn - likely[:2]).abs().max() < 0.005
    assert (each(likely.logit(), logistic(normal)).mean(0) - likely).abs().max() < 0.005


@pytest.mark.parametrize(("shape", "voices"), [("chorale", [0, 1, 2, 3]), ("lead", [0]), ("band", [])])
def test_rolls_are_playable_and_every_layer_learns(shape: str, voices: list[int]) -> None:
    where = grid(shape)
    generator, critics = build(SMALL, where)
    z = torch.randn(6, generator.latents, generator=torch.Generator().manual_seed(0))
    rolls = generator(z)
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


def test_notes_go_on_until_they_end() -> None:
    where = torch.Generator().manual_seed(3)
    chosen, stay = (torch.rand(4, 2, 9, 12, generator=where) < share for share in (0.2, 0.7))
    chosen[:, 0] = torch.eye(12, dtype=torch.bool)[torch.randint(12, (4, 9), generator=where)]
    stay[:, 0] = stay[:, 0, :, :1]  # a voice stays as a whole
    alone = torch.tensor([True, False])[:, None]
    sounding, struck = played(lambda step, *_: chosen[:, :, step].float(), stay.float(), alone)
    now = chosen[:, :, 0]
    for step in range(9):
        voice_moves, hits = ~stay[:, 0, step], chosen[:, :, step]
        if step:
            voice = torch.where(voice_moves, hits[:, 0], now[:, 0])
            now = torch.stack([voice, hits[:, 1] | (now[:, 1] & stay[:, 1, step])], 1)
        begins = torch.stack([hits[:, 0] & voice_moves, hits[:, 1]], 1)
        assert torch.equal(sounding[:, :, step].bool(), now)
        assert torch.equal(struck[:, :, step].bool(), begins if step else begins & ~stay[:, :, 0])
    assert sounding[:, 0].sum(2).eq(1).all() and 0 < struck.sum() < sounding.sum()


def test_a_pitch_learns_from_all_steps_that_it_sounds() -> None:
    chosen = torch.eye(3)[[0, 1, 2, 0]].reshape(1, 1, 4, 3).requires_grad_(True)
    stay = torch.tensor([1.0, 0, 1, 1]).reshape(1, 1, 4, 1).expand(1, 1, 4, 3).clone().requires_grad_(True)
    weight = torch.arange(12.0).reshape(1, 1, 4, 3)
    sounding, _ = played(lambda step, *_: chosen[:, :, step], stay, torch.tensor([[True]]))
    ours, gates = torch.autograd.grad((sounding * weight).sum(), (chosen, stay))
    assert ours[0, 0, 1].tolist() == [3 + 6 + 9, 4 + 7 + 10, 5 + 8 + 11], "this step and those that hold it"
    assert not ours[0, 0, 2:].any(), "what was chosen where the voice stayed was not heard"
    # to have stayed on the old pitch instead: the old one's weights less the new one's
    assert gates[0, 0, 1].sum() == (3 + 6 + 9) - (4 + 7 + 10)


def test_generators_start_from_how_often_pitches_sound() -> None:
    where = grid()
    often = torch.zeros(8, 48)
    for voice in range(4):
        often[2 * voice, 10 * voice] = 0.9
    moves, together = torch.zeros(4, 95), torch.zeros(4, 4, 95)
    moves[:, 47] = 1000.0  # what follows from that
    for one in range(4):
        for other in range(4):
            together[one, other, 47 + 10 * (one - other)] = 1000.0
    generator, _ = build(SMALL, where, Habits(often, moves, torch.full((4, where.bar), 0.75), together))
    z = torch.randn(64, generator.latents, generator=torch.Generator().manual_seed(0))
    sounding = generator(z, temperature=0.01)[:, ::2]
    shares = sounding.mean((0, 2)) / sounding.mean((0, 2)).sum(1, keepdim=True)
    assert all(shares[voice, 10 * voice] > 0.5 for voice in range(4))


def test_voices_start_from_how_they_move() -> None:
    where = grid()
    moves = torch.zeros(4, 95)
    moves[:, [47 - 2, 47 + 2]] = 100.0  # a tone down, a tone up
    generator, _ = build(SMALL, where, replace(nothing(where), moves=moves))
    assert generator.led[0].argsort(descending=True)[:2].sort().values.tolist() == [45, 49]
    z = torch.randn(64, generator.latents, generator=torch.Generator().manual_seed(0))
    sounding = generator(z)[:, ::2]
    pitch = torch.where(sounding.any(3), sounding.argmax(3), torch.nan)
    step = (pitch[:, :, 1:] - pitch[:, :, :-1]).abs()
    moved = step[step > 0]
    assert (moved == 2).float().mean() > 0.5, "of 47 intervals"


def test_voices_start_from_how_they_stand_to_each_other() -> None:
    where = grid()
    together = torch.zeros(4, 4, 95)
    together[1, 0, 47 - 12] = 100.0  # the second voice an octave below the first one
    generator, _ = build(SMALL, where, replace(nothing(where), together=together))
    z = torch.randn(64, generator.latents, generator=torch.Generator().manual_seed(0))
    sounding = generator(z)[:, ::2]
    first, second = (torch.where(s.any(2), s.argmax(2).float(), torch.nan) for s in sounding[:, :2].unbind(1))
    both = (first >= 12) & (second >= 0)
    assert (first - second)[both].eq(12).float().mean() > 0.25, "of 95 intervals"


def test_notes_start_as_long_as_those_of_the_data() -> None:
    where = grid()
    held = torch.full((4, where.bar), 0.999)
    held[:, ::4] = 0.001  # quarters
    generator, _ = build(SMALL, where, replace(nothing(where), held=held))
    struck = generator(torch.randn(64, generator.latents))[:, 1::2].sum((0, 1, 3))
    assert struck[4:].view(-1, 4)[:, 0].sum() > 0.8 * struck[4:].sum()


def test_a_lower_temperature_leaves_less_to_chance() -> None:
    generator, _ = build(SMALL, grid())
    about, chance = torch.randn(1, 16), torch.randn(8, generator.latents - 16)
    z = torch.cat([about.expand(8, -1), chance], 1)

    def unlike(temperature: float) -> float:
        chosen = generator(z, temperature=temperature)[:, ::2, 0]  # before any note can stay
        return (chosen - chosen.mean(0)).abs().sum().item()

    assert unlike(1.0) > 0 and unlike(0.001) == 0


@pytest.mark.parametrize("metre", [(3, 4), (6, 8), (7, 8), (3, 8)])
def test_other_metres_fit(metre: tuple[int, int]) -> None:
    where = grid("lead", metre)
    generator, critics = build(SMALL, where)
    rolls = generator(torch.randn(2, generator.latents))
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

"""Generators give the same answer in one pass and step by step; padding never changes a score."""

import pytest
import torch

from creative_gan.core.draws import Draws
from creative_gan.core.errors import UserError
from creative_gan.sequence.likelihood import log_probabilities, nll
from creative_gan.sequence.networks import (
    CnnCritic,
    Generator,
    LstmGenerator,
    PrefixCritic,
    TransformerGenerator,
)
from creative_gan.sequence.tokens import Symbols

SYMBOLS = Symbols(11)


def build(kind: str, classes: int = 0, dropout: float = 0.0) -> Generator:
    torch.manual_seed(0)
    if kind == "transformer":
        return TransformerGenerator(SYMBOLS, 12, 16, 2, 2, dropout, classes)
    return LstmGenerator(SYMBOLS, 8, 16, 2, dropout, classes)


def tokens(rows: int = 5, longest: int = 9) -> torch.Tensor:
    return torch.randint(2, 11, (rows, longest), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_step_by_step_is_the_same_as_one_pass(kind: str) -> None:
    generator, real, label = build(kind, classes=3), tokens(), torch.tensor([0, 1, 2, 0, 1])
    whole = generator(real, label)
    state, previous = generator.begin(5, label), torch.full((5,), SYMBOLS.start)
    for t in range(real.shape[1]):
        hidden, state = generator.advance(generator.embed(previous), state)
        torch.testing.assert_close(generator.head(hidden), whole[:, t], rtol=1e-4, atol=1e-5)
        previous = real[:, t]


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_rows_of_a_state_can_be_picked_and_joined(kind: str) -> None:
    generator, real = build(kind), tokens()
    state = generator.begin(5)
    for t in range(3):
        _, state = generator.advance(generator.embed(real[:, t]), state)
    want, _ = generator.advance(generator.embed(real[:, 3]), state)
    rows = torch.tensor([4, 0, 0, 2])
    got, _ = generator.advance(generator.embed(real[rows, 3]), tuple(part[rows] for part in state))
    torch.testing.assert_close(got, want[rows], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_generator_is_causal_conditional_and_never_emits_banned_ids(kind: str) -> None:
    generator, real = build(kind, classes=2), tokens()
    changed = real.clone()
    changed[:, 5:] = 3
    before, after = generator(real), generator(changed)
    torch.testing.assert_close(before[:, :6], after[:, :6])
    assert not torch.allclose(before[:, 6:], after[:, 6:])
    zeros, ones = torch.zeros(5, dtype=torch.int64), torch.ones(5, dtype=torch.int64)
    assert not torch.allclose(generator(real, zeros), generator(real, ones))
    assert generator(real).softmax(2)[..., list(SYMBOLS.banned)].max() == 0


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_padding_never_changes_a_log_probability(kind: str) -> None:
    generator, real, length = build(kind), tokens(), torch.tensor([9, 4, 1, 7, 2])
    other = torch.where(torch.arange(9) < length[:, None], real, 7)
    first = log_probabilities(generator(real), real, length)
    second = log_probabilities(generator(other), other, length)
    torch.testing.assert_close(first, second)
    assert (first != 0).sum(1).tolist() == length.tolist()
    alone = [
        nll(generator, real[i : i + 1, : length[i]], length[i : i + 1]) * int(length[i]) for i in range(5)
    ]
    assert nll(generator, other, length) == pytest.approx(sum(alone) / int(length.sum()), rel=1e-5)


def test_nll_at_a_temperature_is_that_of_scaled_logits() -> None:
    generator, real, length = build("lstm"), tokens(), torch.full((5,), 9)
    logp = (generator(real) / 0.5).log_softmax(2).gather(2, real[:, :, None])
    assert nll(generator, real, length, temperature=0.5) == pytest.approx(-logp.mean().item(), rel=1e-5)


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_dropout_is_drawn_from_draws_and_only_there(kind: str) -> None:
    generator, real = build(kind, dropout=0.5), tokens()
    draws = Draws(0, 0, 5, slice(0, 5))
    torch.testing.assert_close(generator(real), generator(real))
    torch.testing.assert_close(generator(real, None, draws), generator(real, None, draws))
    assert not torch.allclose(generator(real, None, draws), generator(real))
    assert not torch.allclose(
        generator(real, None, draws), generator(real, None, Draws(0, 5, 5, slice(0, 5)))
    )
    half = generator(real[2:4], None, draws.chunk(slice(2, 4)))
    torch.testing.assert_close(half, generator(real, None, draws)[2:4], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("classes", [0, 2])
def test_padding_never_changes_a_critic_score(classes: int) -> None:
    torch.manual_seed(0)
    label = torch.tensor([0, 1, 0, 1, 0])
    real, length = tokens(longest=16), torch.tensor([16, 4, 1, 7, 2])
    other = torch.where(torch.arange(16) < length[:, None], real, 7)
    cnn, prefix = (
        CnnCritic(SYMBOLS, 16, 8, 0.05, classes=classes),
        PrefixCritic(SYMBOLS, 8, 16, classes=classes),
    )
    torch.testing.assert_close(cnn(real, length, label), cnn(other, length, label))
    torch.testing.assert_close(prefix(real, length, label), prefix(other, length, label))
    for row in range(5):
        short = real[row : row + 1, : length[row]], length[row : row + 1], label[row : row + 1]
        torch.testing.assert_close(cnn(*short)[0], cnn(real, length, label)[row])
        torch.testing.assert_close(prefix.judge(*short)[0], prefix.judge(real, length, label)[row])


def test_prefix_critic_scores_every_prefix_as_if_it_were_alone() -> None:
    torch.manual_seed(0)
    critic, real, length = PrefixCritic(SYMBOLS, 8, 16), tokens(), torch.full((5,), 9)
    together = critic(real, length)
    for t in range(1, 10):
        alone = critic.judge(real[:, :t], torch.full((5,), t))
        torch.testing.assert_close(alone, together[:, t - 1])


def test_cnn_critic_has_the_filters_of_the_paper() -> None:
    critic = CnnCritic(Symbols(50), 20)
    assert critic.output.in_features == 1720
    assert CnnCritic(Symbols(50), 8).output.in_features == 1200


def test_transformer_says_what_is_wrong_with_its_width() -> None:
    with pytest.raises(UserError, match="multiple of 4"):
        TransformerGenerator(SYMBOLS, 8, 30, 1, 4)

"""Every rollout keeps its prefix and every reward lands on its own sequence and token."""

import copy

import pytest
import torch

from creative_gan.core.draws import Draws
from creative_gan.sequence.networks import Generator, LstmGenerator, TransformerGenerator
from creative_gan.sequence.rollouts import rewards, rollout_draws, rollouts
from creative_gan.sequence.sampling import draw, sample
from creative_gan.sequence.tokens import Symbols

ROWS, LONGEST, COUNT = 6, 7, 3
FIXED = Symbols(12, 0, None, 0, ())
ENDING = Symbols(12)


def draws(rows: int = ROWS) -> Draws:
    return Draws(3, 0, rows, slice(0, rows))


def build(kind: str, symbols: Symbols) -> Generator:
    torch.manual_seed(0)
    if kind == "transformer":
        return TransformerGenerator(symbols, LONGEST, 16, 1, 2)
    return LstmGenerator(symbols, 8, 16, classes=2)


LABEL = torch.tensor([0, 1, 0, 1, 0, 1])
CASES = [("lstm", FIXED), ("lstm", ENDING), ("transformer", ENDING)]


def one_at_a_time(
    policy: Generator, sentence: torch.Tensor, label: torch.Tensor, kept: int, uniform: torch.Tensor
) -> list[int]:
    """Completes one prefix in the plainest way: the whole of it through the policy, then token by token."""
    state, out = policy.begin(1, label), sentence[:kept].tolist()
    inputs = [policy.symbols.start, *out]
    for t in range(len(sentence)):
        hidden, state = policy.advance(policy.embed(torch.tensor(inputs[t : t + 1])), state)
        if t >= kept:
            token = int(draw(policy, hidden, uniform[t : t + 1])[0])
            out.append(token)
            inputs.append(token)
            if token == policy.symbols.end:
                break
    return out


@pytest.mark.parametrize(("kind", "symbols"), CASES)
def test_staircase_is_the_plain_loop_token_for_token(kind: str, symbols: Symbols) -> None:
    policy = build(kind, symbols)
    own = sample(policy, draws().of("own"), LONGEST, LABEL)
    uniform = rollout_draws(draws(), LONGEST, COUNT)
    made = rollouts(policy, own.tokens, own.length, LABEL, uniform)
    assert len(made.tokens) == COUNT * int((own.length - 1).sum())
    copies: dict[tuple[int, int], int] = {}
    for tokens, length, row, kept in zip(*(part.tolist() for part in made), strict=True):
        copy_ = copies[row, kept] = copies.get((row, kept), -1) + 1
        assert tokens[:kept] == own.tokens[row, :kept].tolist()
        want = one_at_a_time(policy, own.tokens[row], LABEL[row : row + 1], kept, uniform[row, kept, copy_])
        assert tokens[:length] == want
        assert set(tokens[length:]) <= {symbols.pad}
    assert set(copies.values()) == {COUNT - 1}


@pytest.mark.parametrize(("kind", "symbols"), CASES)
def test_reward_belongs_to_its_own_sequence_and_prefix(kind: str, symbols: Symbols) -> None:
    policy = build(kind, symbols)
    tokens = torch.randint(3, 11, (ROWS, LONGEST), generator=torch.Generator().manual_seed(1))
    tokens[:, 0] = torch.arange(ROWS) + 3  # every sequence is known by its first token
    length = torch.tensor([7, 7, 7, 7, 7, 7]) if symbols is FIXED else torch.tensor([7, 3, 1, 5, 2, 6])
    tokens = torch.where(torch.arange(LONGEST) < length[:, None], tokens, symbols.pad)

    def agreement(made: torch.Tensor, made_length: torch.Tensor, label: torch.Tensor | None) -> torch.Tensor:
        """100 times the sequence's name, and how many tokens from the first on are the original's."""
        row = made[:, 0] - 3
        assert label is not None and torch.equal(label, LABEL[row])
        inside = torch.arange(LONGEST) < made_length[:, None]
        same = ((made == tokens[row]) & inside).long().cumprod(1).sum(1)
        return 100.0 * row + same

    # The policy says 11 for ever, which no original holds, so that the agreement is the prefix and no more.
    stubborn = copy.deepcopy(policy)
    stubborn.ban.fill_(-1e9)[11] = 0
    got = rewards(stubborn, agreement, tokens, length, LABEL, COUNT, draws(), 4, 5)
    place = torch.arange(LONGEST) < length[:, None]
    want = torch.where(place, 100.0 * torch.arange(ROWS)[:, None] + torch.arange(1, LONGEST + 1), 0.0)
    torch.testing.assert_close(got, want)


def test_rewards_are_averaged_over_the_rollouts_of_a_prefix() -> None:
    policy = build("lstm", FIXED)
    own = sample(policy, draws().of("own"), LONGEST, LABEL)

    def reward(made: torch.Tensor, length: torch.Tensor, label: torch.Tensor | None) -> torch.Tensor:
        return (made * torch.arange(1, LONGEST + 1)).sum(1).float().sin()

    got = rewards(policy, reward, own.tokens, own.length, LABEL, COUNT, draws())
    uniform = rollout_draws(draws(), LONGEST, COUNT)
    for row in range(ROWS):
        for kept in range(1, LONGEST):
            ends = [
                one_at_a_time(policy, own.tokens[row], LABEL[row : row + 1], kept, uniform[row, kept, copy_])
                for copy_ in range(COUNT)
            ]
            want = reward(torch.tensor(ends), own.length, None).mean()
            torch.testing.assert_close(got[row, kept - 1], want)
    torch.testing.assert_close(got[:, -1], reward(own.tokens, own.length, None))


def test_chunks_for_memory_change_nothing() -> None:
    policy = build("lstm", ENDING)
    own = sample(policy, draws().of("own"), LONGEST, LABEL)

    def reward(made: torch.Tensor, length: torch.Tensor, label: torch.Tensor | None) -> torch.Tensor:
        return made.sum(1).float()

    whole = rewards(policy, reward, own.tokens, own.length, LABEL, COUNT, draws())
    torch.testing.assert_close(
        rewards(policy, reward, own.tokens, own.length, LABEL, COUNT, draws(), 2, 3), whole
    )

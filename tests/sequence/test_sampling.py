"""Sampling follows its probabilities, its options, its prompt and its grammar, and the draws alone."""

import pytest
import torch

from creative_gan.core.draws import Draws
from creative_gan.core.errors import UserError
from creative_gan.sequence.likelihood import log_probabilities
from creative_gan.sequence.networks import Generator, LstmGenerator, TransformerGenerator
from creative_gan.sequence.sampling import Decoding, Samples, best_of, choose, sample, shaped
from creative_gan.sequence.tokens import Symbols

SYMBOLS = Symbols(9)


def draws(rows: int, seed: int = 0) -> Draws:
    return Draws(seed, 0, rows, slice(0, rows))


def build(kind: str = "lstm", symbols: Symbols = SYMBOLS) -> Generator:
    torch.manual_seed(0)
    if kind == "transformer":
        return TransformerGenerator(symbols, 12, 16, 2, 2)
    return LstmGenerator(symbols, 8, 16)


@pytest.mark.parametrize("size", [1, 2, 3, 9, 50, 101])
def test_choose_follows_the_probabilities(size: int) -> None:
    probability = torch.rand(size, generator=torch.Generator().manual_seed(size)).softmax(0)
    probability[size // 2] = 0 if size > 1 else 1
    probability /= probability.sum()
    uniform = (torch.arange(20_000) + 0.5) / 20_000
    token = choose(probability.expand(20_000, -1), uniform)
    share = torch.bincount(token, minlength=size) / 20_000
    torch.testing.assert_close(share, probability, rtol=0, atol=2e-4)
    assert (token.diff() >= 0).all()  # the inverse of a running sum never falls


def test_choose_never_takes_what_is_impossible() -> None:
    probability = torch.zeros(4, 5000)
    probability[0, 0], probability[1, 4999], probability[2, 70:72], probability[3, 141] = 1, 1e-30, 0.5, 1
    for value in (0.0, 0.5, 1 - 2**-24):
        token = choose(probability, torch.full((4,), value))
        assert (probability.gather(1, token[:, None]) > 0).all()


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_samples_end_at_the_end_token_and_carry_their_log_probabilities(kind: str) -> None:
    generator = build(kind)
    got = sample(generator, draws(64), 12)
    for tokens, length in zip(got.tokens.tolist(), got.length.tolist(), strict=True):
        assert SYMBOLS.end not in tokens[: length - 1]
        assert length == 12 or tokens[length - 1] == SYMBOLS.end
        assert set(tokens[length:]) <= {SYMBOLS.pad} and not {0, 1} & set(tokens[:length])
    assert len(set(got.length.tolist())) > 1
    want = log_probabilities(generator(got.tokens), got.tokens, got.length)
    torch.testing.assert_close(got.logp, want, rtol=1e-4, atol=1e-5)


def test_samples_depend_on_the_draws_alone() -> None:
    generator = build()
    whole, again = sample(generator, draws(32), 12), sample(generator, draws(32), 12)
    assert torch.equal(whole.tokens, again.tokens)
    part = sample(generator, draws(32).chunk(slice(10, 15)), 12)
    assert torch.equal(part.tokens, whole.tokens[10:15])
    assert not torch.equal(whole.tokens, sample(generator, draws(32, seed=1), 12).tokens)


def test_only_as_long_as_the_wanted_rows_need() -> None:
    whole = sample(build(), draws(64), 12)
    row = int(whole.length.argmin())
    some = sample(build(), draws(64), 12, wanted=row + 1)
    for all_rows, wanted in zip(whole, some, strict=True):
        assert torch.equal(all_rows[: row + 1], wanted[: row + 1])
    shorter = sample(build(), Draws(0, row, 8, slice(0, 8)), 12, wanted=1)
    assert (shorter.tokens[:, int(shorter.length[0]) :] == SYMBOLS.pad).all()


def test_fixed_length_has_no_end() -> None:
    got = sample(build(symbols=Symbols(9, 0, None, 0, ())), draws(64), 12)
    assert got.length.eq(12).all()
    assert set(got.tokens.flatten().tolist()) == set(range(9))


def test_temperature_top_k_and_top_p_shape_the_distribution() -> None:
    logits = torch.tensor([[1.0, 3.0, 2.0, -1.0]])
    plain = logits.softmax(1)
    torch.testing.assert_close(shaped(logits, Decoding(temperature=0.5)), (logits / 0.5).softmax(1))
    assert shaped(logits, Decoding(temperature=0)).tolist() == [[0, 1, 0, 0]]
    two = shaped(logits, Decoding(top_k=2))
    torch.testing.assert_close(two, plain * torch.tensor([0, 1, 1, 0]) / plain[0, 1:3].sum())
    assert shaped(logits, Decoding(top_p=0.6)).tolist() == [[0, 1, 0, 0]]  # the first alone reaches it
    torch.testing.assert_close(shaped(logits, Decoding(top_p=0.7)), two)
    torch.testing.assert_close(shaped(logits, Decoding(top_p=1.0)), plain)
    torch.testing.assert_close(shaped(logits, Decoding(top_p=1e-9)), shaped(logits, Decoding(top_k=1)))
    legal = torch.tensor([[True, False, False, True]])
    assert shaped(logits, Decoding(), legal)[0, 1:3].sum() == 0


def test_temperature_within_groups_leaves_which_group_comes_as_it_was_learnt() -> None:
    logits = torch.tensor([[0.0, 1.0, -1.0, 2.0, -20.0, -21.0], [3.0, 0.0, 0.5, -1.0, 0.0, 0.0]])
    legal = torch.tensor([[True, True, True, False, True, True], [True, True, False, False, True, True]])
    groups = torch.tensor([0, 1, 1, 2, 3, 3])
    made = shaped(logits, Decoding(temperature=0.25, groups=groups), legal)
    learnt = logits.masked_fill(~legal, -torch.inf).softmax(1)
    for members in ([0], [1, 2], [3], [4, 5]):
        torch.testing.assert_close(made[:, members].sum(1), learnt[:, members].sum(1))
    torch.testing.assert_close(made[0, 1] / made[0, 2], (torch.tensor(2.0) / 0.25).exp())
    torch.testing.assert_close(made[0, 4] / made[0, 5], (torch.tensor(1.0) / 0.25).exp())  # however unlikely
    assert made[~legal].abs().max() == 0 and made.isfinite().all()
    assert shaped(logits, Decoding(temperature=0, groups=groups)).argmax(1).tolist() == [3, 0]


def test_prompt_comes_first_and_is_gone_on_with() -> None:
    generator = build()
    prompt = torch.tensor([[3, 4, 5], [6, 7, 0]])
    got = sample(generator, draws(2), 12, prompt=prompt, prompt_length=torch.tensor([3, 2]))
    assert got.tokens[0, :3].tolist() == [3, 4, 5] and got.tokens[1, :2].tolist() == [6, 7]
    assert (got.logp[0, :3] == 0).all() and (got.logp[1, :2] == 0).all()
    want = log_probabilities(generator(got.tokens), got.tokens, got.length)
    torch.testing.assert_close(got.logp[0, 3:], want[0, 3:], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(got.logp[1, 2:], want[1, 2:], rtol=1e-4, atol=1e-5)


def test_grammar_is_obeyed_and_sees_what_was_sampled() -> None:
    def rising(so_far: torch.Tensor) -> torch.Tensor:
        last = so_far[:, -1:] if so_far.shape[1] else torch.full((len(so_far), 1), 2)
        legal = torch.arange(9) > last
        return legal | (last == 8) & (torch.arange(9) == 2)  # after the last letter comes the end

    got = sample(build(), draws(50), 12, allowed=rising)
    for tokens, length in zip(got.tokens.tolist(), got.length.tolist(), strict=True):
        assert tokens[length - 1] == 2 and tokens[: length - 1] == sorted(set(tokens[: length - 1]))


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(UserError, match="made for"):
        sample(build("transformer"), draws(1), 13)
    with pytest.raises(UserError, match="prompt has 12 tokens"):
        sample(build(), draws(1), 12, prompt=torch.full((1, 12), 3))


def test_best_of_keeps_the_highest_score_of_each_group() -> None:
    samples = Samples(torch.arange(6)[:, None], torch.arange(6), torch.zeros(6, 1))
    score = torch.tensor([0.1, 0.9, 0.5, 3.0, 1.0, 2.0])
    assert best_of(samples, score, 3).length.tolist() == [1, 3]

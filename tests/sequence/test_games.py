"""Every game improves what it is for on a tiny grammar, and goes on exactly where its state was taken."""

import copy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from creative_gan.core import checkpoint, dist
from creative_gan.core.draws import Draws
from creative_gan.core.loop import Game
from creative_gan.sequence.common import Batch
from creative_gan.sequence.cot import CotGame, CotRecipe
from creative_gan.sequence.dense import DenseGame, DenseRecipe, prefix_rewards, returns
from creative_gan.sequence.likelihood import nll
from creative_gan.sequence.mle import MleGame, MleRecipe
from creative_gan.sequence.networks import (
    CnnCritic,
    Generator,
    LstmGenerator,
    PrefixCritic,
    TransformerGenerator,
)
from creative_gan.sequence.relgan import RelganGame, RelganRecipe, gumbel, hard_sample
from creative_gan.sequence.sampling import sample
from creative_gan.sequence.seqgan import SeqganGame, SeqganRecipe, from_the_mean
from creative_gan.sequence.tokens import Symbols
from tests import ranks

SYMBOLS = Symbols(12)
LONGEST, BATCH = 6, 64


def grammar(rows: int, seed: int) -> Batch:
    """Texts of 2-5 tokens in which each is the one before plus one or two (3 after 11), then the end."""
    rng = torch.Generator().manual_seed(seed)
    tokens = torch.zeros(rows, LONGEST, dtype=torch.int64)
    tokens[:, 0] = torch.randint(3, 12, (rows,), generator=rng)
    for t in range(1, LONGEST):
        tokens[:, t] = (tokens[:, t - 1] - 3 + torch.randint(1, 3, (rows,), generator=rng)) % 9 + 3
    length = torch.randint(3, LONGEST + 1, (rows,), generator=rng)
    tokens[torch.arange(rows), length - 1] = SYMBOLS.end or 0
    return {"real": torch.where(torch.arange(LONGEST) < length[:, None], tokens, 0), "length": length}


def correct(generator: Generator, rows: int = 500) -> float:
    """The share of steps between tokens that the grammar allows."""
    tokens = sample(generator, Draws(9, 9, rows, slice(0, rows)), LONGEST).tokens
    before, after = tokens[:, :-1], tokens[:, 1:]
    words = (before > 2) & (after > 2)
    return ((after - before - 1) % 9 < 2)[words].float().mean().item()


def draws(seen: int, rows: int = BATCH) -> Draws:
    return Draws(0, seen, rows, slice(0, rows))


def play(game: Game, steps: int, first: int = 0) -> list[dict[str, torch.Tensor]]:
    return [
        game.step(grammar(BATCH, 1000 + index), draws(index * BATCH)) for index in range(first, first + steps)
    ]


def fresh(dropout: float = 0.0, width: int = 24) -> LstmGenerator:
    torch.manual_seed(0)
    return LstmGenerator(SYMBOLS, 12, width, dropout=dropout)


TRAINED: list[LstmGenerator] = []


def imitator() -> LstmGenerator:
    """A generator that has half learnt the grammar."""
    if not TRAINED:
        generator = fresh()
        play(MleGame(generator, MleRecipe(lr=1e-2)), 25)
        TRAINED.append(generator)
    return copy.deepcopy(TRAINED[0])


def cnn() -> CnnCritic:
    torch.manual_seed(1)
    return CnnCritic(SYMBOLS, LONGEST, 12, 0.1, dropout=0.1)


def prefix_critic() -> PrefixCritic:
    torch.manual_seed(1)
    return PrefixCritic(SYMBOLS, 12, 24, dropout=0.1)


def seqgan(**settings: float) -> SeqganGame:
    recipe = {"lr": 1e-2, "critic_lr": 1e-2, "critic_steps": 2, "rollouts": 4, "l2": 0.001} | settings
    return SeqganGame(imitator(), cnn(), SeqganRecipe(**recipe))  # type: ignore[arg-type]


def dense(**settings: float) -> DenseGame:
    recipe = {"lr": 3e-3, "critic_lr": 1e-2, "imitation": 0.0, "kl": 0.01} | settings
    return DenseGame(imitator(), prefix_critic(), DenseRecipe(**recipe))  # type: ignore[arg-type]


def cot() -> CotGame:
    return CotGame(fresh(0.1), fresh(0.1, 48), CotRecipe(lr=1e-2, mediator_lr=1e-2))


def relgan(**settings: float) -> RelganGame:
    recipe = {"lr": 3e-3, "critic_lr": 3e-3, "critic_steps": 2, "anneal": 2000} | settings
    return RelganGame(imitator(), cnn(), RelganRecipe(**recipe))  # type: ignore[arg-type]


def mle() -> MleGame:
    return MleGame(fresh(0.2), MleRecipe(lr=1e-2))


GAMES: list[Callable[[], Game]] = [mle, seqgan, dense, cot, relgan]


def test_mle_approaches_the_entropy_of_the_grammar() -> None:
    game, test = mle(), grammar(500, 1)
    before = nll(game.generator, test["real"], test["length"])
    play(game, 120)
    assert before > 2.2 and nll(game.generator, test["real"], test["length"]) < 1.45


def test_cot_learns_the_grammar_from_nothing() -> None:
    game, test = cot(), grammar(500, 1)
    play(game, 150)
    assert correct(game.generator) > 0.7
    assert nll(game.generator, test["real"], test["length"]) < 1.8


def gain(game: SeqganGame | DenseGame | RelganGame, steps: int) -> float:
    """How much more of the grammar the generator obeys after the steps."""
    before = correct(game.generator)
    play(game, steps)
    return correct(game.generator) - before


def test_rollouts_improve_on_the_imitator() -> None:
    assert gain(seqgan(), 60) > 0.1


def test_dense_rewards_improve_on_the_imitator_and_without_the_critic_nothing_does() -> None:
    settings = {"critic_pretrain": 50 * BATCH, "critic_lr": 3e-2, "lr": 6e-3}
    assert gain(dense(**settings), 110) > 0.15
    assert gain(dense(**settings, constant_reward=True), 110) < 0.1


def test_relgan_improves_on_the_imitator() -> None:
    assert gain(relgan(critic_lr=1e-2, sharpest=1.0), 90) > 0.1


def test_constant_reward_leaves_no_use_for_the_critic() -> None:
    one, other = seqgan(constant_reward=True), seqgan(constant_reward=True)
    for parameter in other.critic.parameters():
        parameter.data.zero_()
    play(one, 3)
    play(other, 3)
    for mine, theirs in zip(one.generator.parameters(), other.generator.parameters(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("build", GAMES)
def test_going_on_from_a_state_is_exact(
    build: Callable[[], Game], tmp_path_factory: pytest.TempPathFactory
) -> None:
    game = build()
    play(game, 3)
    folder = tmp_path_factory.mktemp("state")
    checkpoint.save(folder, 1, game.state_dict())
    want = play(game, 2, first=3)
    again = build()
    found = checkpoint.load_newest(folder)
    assert found is not None
    again.load_state_dict(found[1])
    got = play(again, 2, first=3)
    for one, other in zip(want, got, strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
    for name, network in game.networks().items():
        for mine, theirs in zip(network.parameters(), again.networks()[name].parameters(), strict=True):
            assert torch.equal(mine, theirs)


@pytest.mark.parametrize("build", [seqgan, dense])
def test_critic_is_taught_alone_first(build: Callable[..., SeqganGame | DenseGame]) -> None:
    game = build(critic_pretrain=2 * BATCH)
    before = [parameter.clone() for parameter in game.generator.parameters()]
    alone = play(game, 2)
    assert all("reward" not in report for report in alone)
    assert all(torch.equal(a, b) for a, b in zip(before, game.generator.parameters(), strict=True))
    assert "reward" in play(game, 1, first=2)[0]


def test_kl_holds_the_generator_near_the_imitator() -> None:
    held, free = dense(kl=10.0), dense(kl=0.0)
    assert play(held, 40)[-1]["kl"] < 0.5 * play(free, 40)[-1]["kl"]


def test_dense_rewards_sum_to_the_logit_of_the_sequence() -> None:
    logits, length = torch.tensor([[1.0, 3.0, -4.0], [0.5, 9.0, 9.0]]), torch.tensor([3, 1])
    reward = prefix_rewards(logits, length, 50.0)
    assert reward.tolist() == [[1.0, 2.0, -7.0], [0.5, 0.0, 0.0]]
    assert prefix_rewards(logits, length, 5.0)[0, 2] == -5
    assert returns(reward, 0.5).tolist() == [[1 + 1 - 7 / 4, 2 - 7 / 2, -7], [0.5, 0, 0]]


def test_guard_goes_back_when_the_samples_collapse() -> None:
    game = relgan(critic_lr=0.0, lr=0.0)
    play(game, 2)
    healthy = [parameter.clone() for parameter in game.generator.parameters()]
    with torch.no_grad():
        game.generator.ban[3] = 50.0  # says one word for ever
    reports = play(game, 12, first=2)
    assert reports[-1]["trips"] >= 1
    assert all("generator_loss" in report for report in reports[:3])  # it does not act on one bad batch
    assert all(torch.equal(a, b) for a, b in zip(healthy, game.generator.parameters(), strict=True))


def test_gumbel_sampling_follows_the_probabilities_of_the_generator() -> None:
    generator = imitator()
    many = Draws(0, 0, 4000, slice(0, 4000))
    first = hard_sample(generator, gumbel(many, 1, SYMBOLS.size))[:, 0]
    want = generator(torch.zeros(1, 1, dtype=torch.int64)).softmax(2)[0, 0]
    share = torch.bincount(first, minlength=SYMBOLS.size) / 4000
    torch.testing.assert_close(share, want, rtol=0, atol=0.03)


@pytest.mark.parametrize("kind", [LstmGenerator, TransformerGenerator])
def test_labels_reach_every_network(kind: type) -> None:
    torch.manual_seed(0)
    generator = kind(SYMBOLS, 12, 16, classes=2)
    game = MleGame(generator, MleRecipe(lr=1e-2))
    for index in range(100):  # class 0 begins with 3, class 1 with 4
        label = torch.arange(BATCH) % 2
        batch = {
            "real": torch.stack([label + 3, torch.full_like(label, 2)], 1),
            "length": torch.full((BATCH,), 2),
        }
        game.step(batch | {"label": label}, draws(index * BATCH))
    made = sample(generator, draws(0), 2, label=torch.arange(BATCH) % 2)
    assert (made.tokens[:, 0] == torch.arange(BATCH) % 2 + 3).float().mean() > 0.95


@pytest.mark.parametrize("kind", [LstmGenerator, TransformerGenerator])
def test_labels_do_not_drown_the_tokens(kind: type) -> None:
    """Every token is followed by the one after it, whatever the class is."""
    torch.manual_seed(0)
    generator = kind(SYMBOLS, 12, 32, classes=2)
    game = MleGame(generator, MleRecipe(lr=3e-3))
    for index in range(200):
        label = torch.arange(BATCH) % 2
        real = 3 + (torch.arange(BATCH)[:, None] + torch.arange(8)) % 8
        row = game.step(
            {"real": real, "length": torch.full((BATCH,), 8), "label": label}, draws(index * BATCH)
        )
        if index == 100:
            halfway = row["nll"]
    assert row["nll"] < 0.3, "all but the first token are certain, which leaves 0.26"
    assert kind is LstmGenerator or halfway < 0.3, (
        "a transformer's vectors are small, its classes' must be, too"
    )


def test_a_baseline_takes_the_mean_of_each_position_and_leaves_padding_alone() -> None:
    worth = torch.tensor([[0.2, 0.9, 0.0], [0.6, 0.3, 0.5]])
    there = torch.tensor([[True, True, False], [True, True, True]])
    left = from_the_mean(worth, there)
    assert torch.allclose(left, torch.tensor([[-0.2, 0.3, 0.0], [0.2, -0.3, 0.0]]))
    with_it, without = seqgan(baseline=True), seqgan(constant_reward=True, baseline=True)
    play(with_it, 2)
    before = without.generator.state_dict()["embedding.weight"].clone()
    play(without, 2)
    assert torch.equal(without.generator.state_dict()["embedding.weight"], before), (
        "equal rewards teach nothing"
    )
    assert not torch.equal(with_it.generator.state_dict()["embedding.weight"], before)


def weights_after(rows: slice) -> dict[str, torch.Tensor]:
    """All weights of each game after some steps on our rows of the batches."""
    ranks.double_precision()
    found = {}
    for make in GAMES:
        game = make()
        for seen in range(0, 4 * BATCH, BATCH):
            batch = {name: values[rows] for name, values in grammar(BATCH, seen).items()}
            game.step(batch, Draws(0, seen, BATCH, rows))
        weights = [p.detach().flatten() for n in game.networks().values() for p in n.parameters()]
        found[make.__name__] = torch.cat(weights)
    return found


def test_two_processes_are_one_with_the_whole_batch(tmp_path: Path) -> None:
    ranks.two("tests.sequence.test_games", tmp_path)
    alone, first, second = (
        torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("alone", "0", "1")
    )
    for name, weights in alone.items():
        assert torch.equal(first[name], second[name]), name
        assert (weights - first[name]).abs().max() < 1e-8, name


def _worker(folder: Path) -> None:
    """One of the two processes; the first then plays alone."""
    dist.start("cpu")
    torch.save(weights_after(dist.rows(BATCH)), folder / f"{dist.rank()}.pt")
    first = not dist.rank()
    dist.stop()
    if first:
        TRAINED.clear()
        torch.save(weights_after(slice(0, BATCH)), folder / "alone.pt")


if __name__ == "__main__":
    _worker(Path(sys.argv[1]))

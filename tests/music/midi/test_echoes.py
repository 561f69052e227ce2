"""What a song may say again: the same place of earlier bars is found, and a generator learns to repeat from it."""

import numpy as np
import pytest
import torch

from creative_gan.music.midi.data import from_songs
from creative_gan.music.midi.echoes import LAGS, RUNS
from creative_gan.music.midi.networks import NetworkRecipe, Shape, SongGenerator, build_generator
from creative_gan.music.midi.song import Part, Song, ordered
from creative_gan.music.midi.vocabulary import BAR, END, PAD
from creative_gan.sequence.likelihood import imitation_loss

BAR_TICKS = 96


def tune(bars: list[list[tuple[int, int]]]) -> Song:
    """A melody in 4/4 of bars of (tick, pitch), each note held until the next."""
    onsets = [(BAR_TICKS * i + tick, pitch) for i, bar in enumerate(bars) for tick, pitch in bar]
    ends = [tick for tick, _ in onsets[1:]] + [BAR_TICKS * len(bars)]
    notes = [[tick, end - tick, pitch, 0] for (tick, pitch), end in zip(onsets, ends, strict=True)]
    return Song(ordered(np.array(notes)), (Part("melody"),))


def heard(songs: list[Song], shape: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tokens [B, T], and what followed and for how long it agreed before each of them [B, T, L]."""
    pieces = from_songs(songs, shape=shape)
    made = build_generator(NetworkRecipe(width=8, embedding=8, repeats=True), Shape(shape, 400))
    assert isinstance(made, SongGenerator) and made.echoes is not None
    seen = {}
    made.echoes.register_forward_hook(lambda _, inputs, out: seen.update(out=out))
    real = pieces.batch(list(range(len(songs))), bars=32)["real"]
    made(real)
    following, run = seen["out"]
    return real, following, run


A, B = [(0, 60), (24, 62), (48, 64), (72, 65)], [(0, 67), (36, 65), (60, 69)]
OTHER_RHYTHM = [(0, 60), (12, 62), (48, 64)]


def test_the_same_place_of_earlier_bars_is_found() -> None:
    real, following, run = heard([tune([A, B, A, B, A])], "lead")
    tokens, bar = real[0].tolist(), (real[0] == BAR).cumsum(0)
    begin = [i for i, token in enumerate(tokens) if token == BAR]
    # The third bar repeats the first: after its bar token, each token is the one that followed two bars ago.
    third = slice(begin[2] + 1, begin[3])
    assert following[0, third, LAGS.index(2)].tolist() == tokens[third]
    # Two bars ago and four: both are A in the fifth; eight bars ago is before the song.
    fifth = slice(begin[4] + 1, tokens.index(END))
    assert following[0, fifth, LAGS.index(4)].tolist() == tokens[fifth]
    assert (following[0, :, LAGS.index(8)] == PAD).all()
    # Nothing is known before there are as many bars.
    for index, lag in enumerate(LAGS):
        early = bar <= lag
        assert (following[0, early, index] == PAD).all()
    # Agreement grows from token to token, and is told apart by powers of two.
    agreed = run[0, third, LAGS.index(2)]
    assert agreed[0] == 1 and (agreed.diff() >= 0).all() and agreed[-1] > 2 and run.max() < RUNS
    assert run[0, third, LAGS.index(1)].max() <= 1  # a bar token is all that A and B share


def test_another_rhythm_is_followed_by_time_not_by_count() -> None:
    real, following, _ = heard([tune([A, OTHER_RHYTHM])], "lead")
    tokens = real[0].tolist()
    begin = [i for i, token in enumerate(tokens) if token == BAR]
    words = from_songs([tune([A])], shape="lead").words
    second = {words.tokens[token][0::2]: i for i, token in enumerate(tokens) if i > begin[1]}
    # On the third beat (48 ticks) both bars stand at the same place again, though by other ways.
    at = second["beat", 2]
    assert following[0, at + 1, 0] == tokens[at + 1]


def test_what_was_never_shown_changes_nothing() -> None:
    real, following, _ = heard([tune([A, B, A, B, A])], "lead")
    assert (following != PAD).any()
    torch.manual_seed(0)
    shape = Shape("lead", 400)
    fresh, without = (
        build_generator(NetworkRecipe(width=8, embedding=8, repeats=r), shape) for r in (True, False)
    )
    assert isinstance(fresh, SongGenerator) and isinstance(without, SongGenerator)
    state = {name: value for name, value in fresh.state_dict().items() if not name.startswith("echoed")}
    state["table.weight"] = state["table.weight"][: without.table.num_embeddings]
    without.load_state_dict(state)
    assert torch.equal(fresh(real), without(real))


@pytest.mark.parametrize("shape", ["lead", "band"])
def test_a_generator_learns_to_say_again(shape: str) -> None:
    generator = np.random.default_rng(0)

    def made() -> Song:
        bar = [(24 * i, int(pitch)) for i, pitch in enumerate(generator.integers(60, 80, 4))]
        other = [(24 * i, int(pitch)) for i, pitch in enumerate(generator.integers(60, 80, 4))]
        return tune([bar, other, bar, other])

    songs, fresh = [made() for _ in range(16)], [made() for _ in range(8)]
    loss = {}
    for repeats in (False, True):
        torch.manual_seed(0)
        network = build_generator(
            NetworkRecipe(embedding=32, width=32, layers=1, dropout=0.0, repeats=repeats), Shape(shape, 400)
        )
        optimizer = torch.optim.Adam(network.parameters(), 2e-2)
        lesson, test = (
            from_songs(of, shape=shape).batch(list(range(len(of))), bars=4) for of in (songs, fresh)
        )
        for _ in range(40):
            optimizer.zero_grad()
            imitation_loss(network, lesson["real"], lesson["length"], lesson["label"], None).backward()
            optimizer.step()
        with torch.no_grad():
            nll = imitation_loss(network, test["real"], test["length"], test["label"], None)
        loss[repeats] = float(nll)
    # Half of the pitches are chance, three nats each; the other half are told.

    assert loss[True] < 0.75 * loss[False], loss

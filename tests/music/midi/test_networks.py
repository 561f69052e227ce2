"""The generator of songs: one pass and step by step agree, keys and steps are shared, bars are counted."""

import numpy as np
import pytest
import torch

from creative_gan.music.midi.builtin import tunes
from creative_gan.music.midi.data import MOST_BARS, Pieces, from_songs
from creative_gan.music.midi.networks import NetworkRecipe, Shape, build_generator
from creative_gan.music.midi.tables import kept, pitches, relative
from creative_gan.music.midi.vocabulary import BAR, PAD, vocabulary
from creative_gan.sequence.networks import Generator


@pytest.fixture(scope="module")
def pieces() -> Pieces:
    named = tunes(60)
    return from_songs([song for _, song in named], [name for name, _ in named])


def build(
    shape: str,
    intervals: bool = True,
    name: str = "lstm",
    repeats: bool = True,
    harmony: bool = True,
    spacing: bool = False,
) -> Generator:
    torch.manual_seed(0)
    recipe = NetworkRecipe(name, 16, 24, 2, 2, 0.3, intervals, harmony, repeats, spacing)
    made = build_generator(recipe, Shape(shape, 400))
    for parameter in made.parameters():  # nothing may hide behind a zero
        torch.nn.init.normal_(parameter, std=0.3)
    return made


@pytest.mark.parametrize("more", [False, True])
@pytest.mark.parametrize("shape", ["lead", "chorale", "band"])
def test_step_by_step_is_the_same_as_one_pass(shape: str, more: bool):
    generator = build(shape, intervals=more, repeats=more, harmony=more, spacing=more)
    songs = from_songs([song for _, song in tunes(60)[::12]], shape=shape)
    batch = songs.batch([0, 1, 2, 3], bars=5, at=np.array([0, 0.5, 0.9, 0]), length=120)
    real, label = batch["real"], batch["label"]
    whole = generator(real, label)
    state, previous = generator.begin(4, label), torch.full((4,), generator.symbols.start)
    for t in range(real.shape[1]):
        hidden, state = generator.advance(generator.embed(previous), state)
        torch.testing.assert_close(generator.head(hidden), whole[:, t], rtol=1e-4, atol=1e-4)
        assert hidden.shape == (4, generator.width)
        previous = real[:, t]


def test_what_is_known_in_one_key_is_known_in_all(pieces: Pieces):
    # the key itself is still told apart, so its own vectors are made alike first
    generator, words = build("lead"), pieces.words
    keys = words.slice("key")
    with torch.no_grad():
        table = generator.table.weight  # type: ignore[union-attr]
        for slot in range(generator.slots.shape[1] + 1):  # type: ignore[union-attr, index]
            rows = table[slot * generator.size :][: generator.size]  # type: ignore[union-attr, operator]
            rows[keys] = 0
        real = pieces.batch([3], bars=8)["real"]
        first = generator(real).log_softmax(2)
        for by in (2, 5, -6, -1):
            moved = pieces.batch([3], bars=8, shift=np.array([by]))["real"]
            assert not torch.equal(moved, real)
            second = generator(moved).log_softmax(2)
            notes = words.slice("note")
            for t in range(4, 60):
                if notes.start <= real[0, t] < notes.stop:
                    ratio = (second[0, t, moved[0, t]] - first[0, t, real[0, t]]).abs()
                    # not quite: other notes fall out of the range of a voice
                    assert ratio < 0.35, (by, t)
    assert relative(words)[1].min() >= 0 and relative(words)[1].max() < relative(words)[0]


def test_a_note_depends_on_the_step_to_it():
    words = vocabulary("chorale")
    with_steps, without = build("chorale"), build("chorale", intervals=False)
    line, pitch = pitches(words)
    assert set(line.tolist()) == {-1, 0, 1, 2, 3} and pitch[words.id("note", 60, 0)] == 60
    without.load_state_dict({k: v for k, v in with_steps.state_dict().items() if k != "moves.weight"})
    head = [words.id("metre", 3), words.id("key", 0), words.id("tempo", 4), BAR]
    real = torch.tensor([[*head, words.id("note", 72, 0), BAR, words.id("note", 74, 0)]])
    added = (with_steps(real) - without(real))[0, -1]
    notes = torch.tensor(line >= 0)
    assert added[~notes].abs().max() == 0 and added[notes].abs().min() > 0
    alto = torch.tensor(line == 1)
    assert added[alto].std() < 1e-5  # it was silent, and there are no steps out of silence
    assert added[torch.tensor(line == 0)].diff().abs().min() > 1e-4


def test_a_note_depends_on_what_other_voices_sound():
    words = vocabulary("chorale")
    told, without = build("chorale"), build("chorale", harmony=False)
    without.load_state_dict({k: v for k, v in told.state_dict().items() if k != "chords.weight"})
    head = [words.id("metre", 3), words.id("key", 0), words.id("tempo", 4), BAR]
    note = lambda pitch: torch.tensor([[*head, words.id("note", pitch, 0), words.id("note", 60, 1)]])  # noqa: E731
    # the soprano sounds, the alto's note is next
    added = (told(note(72)) - without(note(72)))[0, -1].detach()
    low, third, high = (float(added[words.id("note", pitch, 1)]) for pitch in (60, 64, 72))
    assert low == pytest.approx(high, abs=1e-5) and abs(low - third) > 1e-3  # octaves are alike
    assert added[words.slice("beat")].abs().max() == 0
    assert added[words.id("note", 67, 0)] == 0  # the soprano hears nobody but itself yet
    assert all(added[words.id("note", 48, line)].abs() > 1e-4 for line in (2, 3))


def test_melody_and_chord_depend_on_the_interval_between_them():
    words = vocabulary("lead")
    told, without = build("lead"), build("lead", harmony=False)
    without.load_state_dict({k: v for k, v in told.state_dict().items() if k != "fits.weight"})
    head = [words.id("metre", 3), words.id("key", 0), words.id("tempo", 4), BAR]
    note, root = (lambda pitch: words.id("note", pitch, 0)), (lambda value: words.id("root", value, 1))

    def added(*tokens: int) -> torch.Tensor:
        real = torch.tensor([[*head, *tokens, BAR]])
        return (told(real) - without(real))[0, -1].detach()

    notes, roots = words.slice("note"), words.slice("root")
    nothing = added()
    assert nothing.abs().max() < 1e-5  # neither sounds: there is no interval
    melody = added(note(72))
    assert (
        melody[notes].abs().max() < 1e-5
        and melody[roots].abs().min() > 1e-4
        and len(set(melody[roots].tolist())) == 12
    )
    chord = added(root(9), words.id("quality", 1))
    assert chord[roots].abs().max() < 1e-5 and float(chord[note(69)]) == pytest.approx(
        float(chord[note(81)]), abs=1e-4
    )
    assert abs(chord[note(69)] - chord[note(70)]) > 1e-3
    both = added(note(72), root(9))  # its quality is next
    assert both[words.slice("quality")].abs().min() > 1e-4 and both[words.slice("beat")].abs().max() < 1e-5
    # the melody rests, and the chord sounds on; then the chord rests, too
    assert (
        added(note(72), root(9), words.id("quality", 1), words.id("silence", 0, 0))[notes].abs().min() > 1e-4
    )
    silent = added(root(9), words.id("quality", 1), words.id("beat", 1), words.id("silence", 0, 1))
    assert silent.abs().max() < 1e-5


def test_a_note_depends_on_the_octave_it_lies_in_from_other_voices():
    words = vocabulary("chorale")
    told, without = build("chorale", spacing=True), build("chorale")
    without.load_state_dict({k: v for k, v in told.state_dict().items() if k != "spaces.weight"})
    head = [words.id("metre", 3), words.id("key", 0), words.id("tempo", 4), BAR, words.id("note", 65, 0)]
    real = torch.tensor([[*head, words.id("note", 60, 1)]])
    added = (told(real) - without(real))[0, -1].detach()
    # the soprano sounds F; the alto may lie in the octave below it, or cross it
    under, below, same, above = (float(added[words.id("note", pitch, 1)]) for pitch in (55, 64, 65, 72))
    assert under == pytest.approx(below, abs=1e-5) and same == pytest.approx(above, abs=1e-5)
    assert abs(below - same) > 1e-3
    assert added[words.slice("beat")].abs().max() == 0
    assert added[words.id("note", 67, 0)] == 0  # the soprano hears nobody but itself yet


def test_the_newest_of_each_kind_is_kept():
    words = vocabulary("chorale")
    slots = kept(words)
    assert slots.shape == (len(words), 9) and slots[BAR].sum() == 2 and not slots[PAD].any()
    assert slots[words.id("note", 60, 2)].sum() == slots[words.id("silence", 0, 2)].sum() == 1


@pytest.mark.parametrize("name", ["lstm", "transformer"])
def test_the_bars_to_come_are_told(pieces: Pieces, name: str):
    generator = build("lead", name=name)
    batch = pieces.batch([0, 0], bars=4, at=np.array([0, 0.99]))
    total = int(pieces.bars()[0])
    assert batch["label"].tolist() == [total, (total - 4) * (MOST_BARS + 1) + 4]
    real = batch["real"][:1]
    long, short = (generator(real, torch.tensor([bars])) for bars in (16, 5))
    assert not torch.allclose(long, short)
    if name == "lstm":  # sixteen to come and one bar later fifteen: counted, not only told
        bar = int((real[0] == BAR).nonzero()[0])
        late, later = (generator(real, torch.tensor([bars])) for bars in (60, 61))
        assert torch.allclose(late[:, : bar + 1], later[:, : bar + 1])  # more than can be told apart

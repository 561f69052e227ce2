"""MIDI models in a folder: equal seeds, what may be asked for, continuing, accompanying, damaged files, again."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from creative_gan.core import provenance
from creative_gan.core.errors import DataError, UserError
from creative_gan.core.recipe import load as load_recipe
from creative_gan.core.recipe import locate
from creative_gan.music.midi import evaluate, verdict
from creative_gan.music.midi.again import again, origin, write_song
from creative_gan.music.midi.arrange import arranged
from creative_gan.music.midi.builtin import tunes
from creative_gan.music.midi.choose import recipe_for
from creative_gan.music.midi.keys import key_number
from creative_gan.music.midi.model import CHUNK, Manner, load
from creative_gan.music.midi.openings import metre_number
from creative_gan.music.midi.reader import read_midi
from creative_gan.music.midi.recipe import MidiRecipe
from creative_gan.music.midi.song import KEYS, METRES, Part, Song, ordered
from creative_gan.music.midi.train import plan, train
from creative_gan.sequence import verdict as curves


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a small model of melodies with chords, trained for a moment on the built-in tunes."""
    out = tmp_path_factory.mktemp("played") / "run"
    settings = [
        "budget.samples=[1600, 32]",
        "network.width=48",
        "data.bars=4",
        "watch.looks=1",
        "mle.lr=1e-2",
    ]
    recipe = load_recipe(MidiRecipe, locate("tunes", "music"), settings, test=True)
    train(plan("builtin:tunes", recipe, "music/tunes", "cpu"), out, lambda row: None)
    return out


def same(one: list[Song], other: list[Song]) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(a.notes, b.notes) and (a.tempo, a.metres, a.keys) == (b.tempo, b.metres, b.keys)
        for a, b in zip(one, other, strict=True)
    )


def test_a_song_is_the_same_however_many_are_asked_for(played: Path):
    model, manner = load(played), Manner(seed=4, bars=4)
    many = model.write(range(CHUNK + 3), manner)
    assert same(model.write(range(3), manner), many[:3])
    assert same(model.write(range(CHUNK - 2, CHUNK + 2), manner), many[CHUNK - 2 : CHUNK + 2])
    assert not same(model.write(range(3), Manner(seed=5, bars=4)), many[:3])
    assert not same(model.write(range(3), Manner(seed=4, bars=4, temperature=0.5)), many[:3])
    assert len({song.notes.tobytes() for song in many}) == len(many)


def test_bars_key_metre_tempo_and_instrument_are_those_asked_for(played: Path):
    model = load(played)
    for song in model.write(range(4), Manner(bars=7, key="Bb minor", metre="3/4", tempo=77.0)):
        assert len(song.bars()) == 7 and song.tempo == 77
        assert [KEYS[key] for _, key in song.keys][:1] == ["Bb minor"]
        assert [METRES[metre] for _, metre in song.metres] == [(3, 4)]
        assert song.signature == -5
    (midi,) = model.sample(1, bars=2, tempo=90, instrument=40)
    assert {part.program for part in midi.instruments} == {40}
    assert midi.get_tempo_changes()[1][0] == pytest.approx(90, abs=1e-3)
    usual = {bars for *_, bars in model.config["openings"]}
    assert {len(song.bars()) for song in model.write(range(4), Manner())} <= usual
    with pytest.raises(UserError, match=r"never seen a song in 7/8; it knows 2/4"):
        model.sample(1, metre="7/8")
    with pytest.raises(UserError, match="of 1 to 255 bars, not 300"):
        model.sample(1, bars=300)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"bars": -1}, "bars must be a whole number of at least 0, not -1"),
        ({"bars": 2.5}, "bars must be"),
        ({"tempo": 5}, "tempo must be a number from 20 to 300, not 5"),
        ({"tempo": math.inf}, "tempo must be"),
        ({"temperature": 11}, "temperature must be a number from 0 to 10, not 11"),
        ({"top_k": -1}, "top_k must be"),
        ({"top_p": 2}, "top_p must be a number above 0 and at most 1, not 2"),
        ({"instrument": 128}, "instrument must be a whole number from 0 to 127, not 128"),
        ({"instrument": "piano"}, "instrument must be .* not 'piano'"),
        ({"n": -2}, "n must be a whole number of at least 1, not -2"),
    ],
)
def test_numbers_out_of_range_are_said(played: Path, asked: dict, words: str):
    with pytest.raises(UserError, match=words):
        load(played).sample(**asked)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("C", "C major"),
        ("am", "A minor"),
        ("c# minor", "C# minor"),
        ("F♯", "F# major"),
        ("Bb Major", "Bb major"),
        ("Cb", "B major"),
    ],
)
def test_keys_by_their_names(name: str, key: str):
    assert KEYS[key_number(name)] == key


@pytest.mark.parametrize("name", ["", "H", "C##", "C dorian", "C major x", "7"])
def test_keys_that_there_are_not(name: str):
    with pytest.raises(UserError, match="there is no"):
        key_number(name)


def test_metres_by_their_names():
    assert METRES[metre_number(" 6/8")] == (6, 8)
    with pytest.raises(UserError, match="no metre '4/3'"):
        metre_number("4/3")


def test_continuing_begins_with_the_given_song(played: Path):
    model = load(played)
    given = arranged(tunes(60)[7][1], "lead")
    end = int(given.bars()[-1, :2].sum())
    made = model.continue_(given, range(3), Manner(bars=5, seed=2))
    assert same(model.continue_(given, range(2, 3), Manner(bars=5, seed=2)), made[2:])
    for song in made:
        assert len(song.bars()) == len(given.bars()) + 5 and song.tempo == given.tempo
        assert np.array_equal(song.notes[song.notes[:, 0] < end], given.notes)
        assert (song.notes[:, 0] >= end).any()
    assert len({song.notes.tobytes() for song in made}) == 3


def test_what_the_model_does_not_hear_of_a_piece_is_kept_when_it_goes_on(played: Path, tmp_path: Path):
    parts = (Part("", 33), Part("fiddle", 40), Part("", 0, drum=True), Part("", 24))
    rows = [(i * 24, 24, 76 + i % 3, 1) for i in range(16)]  # the tune, over chords struck as often
    rows += [(i * 24, 24, pitch, 3) for i in range(16) for pitch in (48, 52, 55)]
    rows += [(i * 96, 90, 30, 0) for i in range(4)]
    rows += [(i * 48, 12, 36 + i % 3, 2) for i in range(9)]  # drums end a bar later
    tempi = ((0, 60.0), (96, 100.0), (360, 50.0))
    given = Song(ordered(np.array(rows)), parts, 100.0, tempi=tempi)
    for song in load(played).continue_(given, range(3), Manner(bars=3)):
        new = song.notes[:, 0] >= 480
        assert np.array_equal(song.notes[~new], given.notes) and len(song.bars()) == 8
        assert song.parts == parts and set(song.notes[new, 3].tolist()) <= {1, 3}
        assert song.tempo == 100 and song.tempi == (*tempi, (480, 100.0))
        write_song(song, tmp_path / "song.mid", overwrite=True)
        back = read_midi(tmp_path / "song.mid")
        assert np.array_equal(back.notes[:, :3], song.notes[:, :3])
        assert [tick for tick, _ in back.tempi] == [tick for tick, _ in song.tempi]
        assert np.allclose([tempo for _, tempo in back.tempi], [tempo for _, tempo in song.tempi], rtol=1e-4)
    (song,) = load(played).accompany(given, range(1), Manner())
    assert song.tempi == tempi and load(played).accompany(given, range(1), Manner(tempo=90))[0].tempi == ()


@pytest.mark.parametrize("lines", [(0,), (1,)])
def test_an_accompaniment_leaves_what_is_given_as_it_is(played: Path, lines: tuple[int, ...]):
    model = load(played)
    for number in (0, 11, 23, 41):
        given = arranged(tunes(60)[number][1], "lead")
        (song,) = model.accompany(given, range(1), Manner(seed=number), lines)
        ours, theirs = (s.notes[np.isin(s.notes[:, 3], lines)] for s in (given, song))
        assert np.array_equal(ours, theirs) and song.metres == given.metres
        assert (~np.isin(song.notes[:, 3], lines)).any()


def test_accompanying_what_cannot_be(played: Path):
    model = load(played)
    given = arranged(tunes(60)[0][1], "lead")
    silent = Song(given.notes[given.notes[:, 3] == 1], given.parts)
    with pytest.raises(UserError, match="no notes for the melody"):
        model.accompany(silent, range(1), Manner())
    half = int(given.bars()[2, 0])
    changing = Song(given.notes, given.parts, metres=(*given.metres, (half, metre_number("3/8"))))
    with pytest.raises(UserError, match="changes its metre"):
        model.accompany(changing, range(1), Manner())


def test_weights_of_both_kinds_and_the_critics_choice(played: Path, tmp_path: Path):
    shutil.copytree(played / "model", tmp_path / "model")
    model = load(tmp_path / "model")
    both = [model.write(range(3), Manner(bars=3, weights=weights)) for weights in ("adversarial", "mle")]
    assert model.config["sampler"] == "adversarial" and same(model.write(range(3), Manner(bars=3)), both[0])
    model.prefer("mle")
    assert same(load(tmp_path / "model").write(range(3), Manner(bars=3)), both[1])
    with pytest.raises(UserError, match="no 'other' weights"):
        model.write(range(1), Manner(weights="other"))
    assert model.critic is not None

    def judged(best_of: int) -> float:
        ids = model.ids(range(32), Manner(bars=2, best_of=best_of), 16)
        length = torch.tensor([len(one) for one in ids])
        tokens = torch.zeros(len(ids), int(length.max()), dtype=torch.int64)
        for row, one in zip(tokens, ids, strict=True):
            row[: len(one)] = torch.tensor(one)
        return float(model.critic.judge(tokens, length).mean())  # type: ignore[union-attr, operator]

    assert judged(6) > judged(1)


def test_a_file_says_where_it_comes_from_and_is_made_again(played: Path, tmp_path: Path):
    model, manner = load(played), Manner(seed=3, bars=3, key="D")
    for name, instruments in (("a.mid", (40, 41)), ("b.wav", ())):
        record = origin(model, 5, manner, instruments)
        write_song(model.write(range(5, 6), manner)[0], tmp_path / name, record, instruments)
        assert provenance.read(tmp_path / name) == record
        again(record, tmp_path / f"again-{name}", None, False)
        assert (tmp_path / name).read_bytes() == (tmp_path / f"again-{name}").read_bytes()
    assert len(read_midi(tmp_path / "a.mid").bars()) == 3
    with pytest.raises(UserError, match="exists"):
        again(record, tmp_path / "a.mid", None, False)
    with pytest.raises(UserError, match=r"written as \.mid"):
        write_song(model.write(range(1), manner)[0], tmp_path / "a.xyz")
    with pytest.raises(UserError, match="damaged"):
        again(record | {"arguments": {"index": "x", "instruments": []}}, tmp_path / "c.mid", None, False)
    with pytest.raises(UserError, match="give it again"):
        again(record | {"command": "music continue"}, tmp_path / "c.mid", None, False)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "model.safetensors").write_bytes(b"\x80\x04pickle..."), "never opened"),
        (lambda f: (f / "config.json").write_text("[]"), "config.json"),
        (lambda f: change(f, modality="text"), "is a model for text"),
        (lambda f: change(f, kind="wave"), "it is one of wave"),
        (lambda f: change(f, length="x"), "sizes are no numbers"),
        (lambda f: change(f, fullest=0), "sizes are no numbers"),
        (lambda f: change(f, openings=[]), "how songs begin"),
        (lambda f: change(f, openings=[[99, 0, 0, 4]]), "does not describe"),
        (lambda f: change(f, openings=[[3, 0, 0, 4000]]), "strange lengths"),
        (lambda f: change(f, shape="choir"), "does not describe"),
        (lambda f: change(f, shape="chorale"), "does not fit"),
        (lambda f: change(f, split={}), "does not say what it was trained on"),
    ],
)
def test_damaged_folders_are_one_sentence(played: Path, tmp_path: Path, damage, words: str):
    folder = tmp_path / "model"
    shutil.copytree(played / "model", folder)
    damage(folder)
    with pytest.raises(DataError, match=words) as error:
        load(folder).sample(1)
    assert "\n" not in str(error.value)


def change(folder: Path, **values: object) -> None:
    config = json.loads((folder / "config.json").read_text()) | values
    (folder / "config.json").write_text(json.dumps(config))


def test_every_figure_stands_beside_real_songs_and_shuffled_pitches(played: Path):
    result = evaluate.evaluate(str(played), count=12, manner=Manner(bars=8))
    assert result["sizes"]["samples"] == 12 and result["sizes"]["heldout"] > 20
    for name in ("harmonic interval KL", "melodic step KL"):  # what shuffled pitches cannot hide from
        assert result[name]["floor"] < 0.2 * result[name]["control"]
    assert result["melodic step KL"]["floor"] < result["melodic step KL"]["value"]
    assert result["scale consistency"]["floor"] > 0.9 and 1 < result["heldout nll"]["value"] < 5
    lines = evaluate.table(result)
    assert any("groove" in line for line in lines) and "12 samples" in lines[-1]
    with pytest.raises(UserError, match="is not there"):
        evaluate.evaluate(str(played), "nowhere")


def test_the_verdict_measures_both_weights_and_keeps_the_winner(
    played: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(curves, "SWEPT", (0.5, 1.5))
    monkeypatch.setattr(curves, "TRIED", (1.0,))
    shutil.copytree(played, tmp_path / "run")
    result = verdict.verdict(str(tmp_path / "run"), count=16, seeds=2)
    assert result["mle"][0]["bleu"] > result["mle"][1]["bleu"]  # sharper is better, and less varied
    assert result["mle"][0]["self_bleu"] > result["mle"][1]["self_bleu"]
    assert "songs" in " ".join(result["says"]) and set(result["heldout_nll"]) == {"adversarial", "mle"}
    assert verdict.keep(str(tmp_path / "run"), result | {"winner": "none"}) is None
    assert "mle" in str(verdict.keep(str(tmp_path / "run"), result | {"winner": "mle"}))
    assert load(tmp_path / "run").config["sampler"] == "mle"
    again = verdict.verdict(str(played), count=2, seeds=1, baseline=str(tmp_path / "run"))
    assert again["heldout_nll"] == result["heldout_nll"] and f"of {tmp_path / 'run'}" in again["says"][-1]
    assert verdict.keep(str(played), again | {"winner": "mle"}) is None
    change(tmp_path / "run/model", split=load(played).config["split"] | {"holdout": 0.3})
    with pytest.raises(UserError, match="in its held-out songs"):
        verdict.verdict(str(played), count=16, baseline=str(tmp_path / "run"))


def test_the_verdict_does_not_hear_the_key(played: Path):
    model = load(played)
    words = model.words
    song = arranged(tunes(60)[0][1], "lead")
    from creative_gan.music.midi.song import transposed

    first, second = (words.encode(transposed(song, by)) for by in (0, 2))
    assert first != second and verdict.in_steps(model, first) == verdict.in_steps(model, second)


def test_the_recipe_that_suits_the_songs(tmp_path: Path):
    assert recipe_for("builtin:tunes") == "tunes"
    for i, (_, song) in enumerate(tunes(60)[:3]):
        write_song(song, tmp_path / f"{i}.mid")
    assert recipe_for(str(tmp_path)) == "folk"


@pytest.mark.realdata
def test_four_voices_over_a_given_soprano(real_data: Path, tmp_path: Path):
    recipe = load_recipe(MidiRecipe, locate("chorales", "music"), ["watch.looks=1"], test=True)
    made = plan(str(real_data / "jsb"), recipe, "music/chorales", "cpu")
    model = load(train(made, tmp_path / "run", lambda row: None))
    for number in range(3):
        given = made.heldout.song(number)
        (song,) = model.accompany(given, range(1), Manner())
        ours, theirs = (s.notes[s.notes[:, 3] == 0] for s in (given, song))
        assert np.array_equal(ours, theirs) and len(song.bars()) == len(given.bars())
        assert set(song.notes[:, 3].tolist()) == {0, 1, 2, 3}

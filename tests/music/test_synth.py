"""The synthesiser: pitches, envelopes, sides and levels of what it makes."""

import importlib.util
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pretty_midi
import pytest
import soundfile

from creative_gan.core.errors import UserError
from creative_gan.music import synth
from creative_gan.music.synth import render
from creative_gan.music.timbres import TIMBRES, drum, timbre_of, tone

RATE = 22050


def midi(*notes: tuple[float, float, int], program: int = 0, drums: bool = False) -> pretty_midi.PrettyMIDI:
    song = pretty_midi.PrettyMIDI()
    part = pretty_midi.Instrument(program, drums)
    part.notes = [pretty_midi.Note(90, pitch, start, end) for start, end, pitch in notes]
    song.instruments.append(part)
    return song


def loudness(sound: np.ndarray) -> float:
    return float(np.sqrt((sound**2).mean()))


@pytest.mark.parametrize("name", sorted(TIMBRES.keys() - {"bells"}))
@pytest.mark.parametrize("pitch", [48, 69])
def test_every_timbre_is_in_tune(name: str, pitch: int) -> None:
    wave = tone(name, pitch, RATE, RATE).astype(np.float64)
    assert np.isfinite(wave).all() and loudness(wave) > 0.01
    # The period by autocorrelation: nothing repeats better than after whole periods (an octave's for hums).
    spectrum = np.abs(np.fft.rfft(wave, 4 * RATE)) ** 2
    match = np.fft.irfft(spectrum)
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    lags = np.arange(int(RATE / hertz * 0.97 * 2), int(RATE / hertz * 1.03 * 2) + 2)
    best = lags[match[lags].argmax()]
    assert abs(1200 * np.log2(2 * RATE / best / hertz)) < 35
    assert match[best] > 0.6 * match[0]


def test_sounds_that_go_on_repeat_after_two_turns_and_have_the_partials_of_their_timbre() -> None:
    for name, timbre in TIMBRES.items():
        if not timbre.decay:  # looked up in a table of two turns
            assert not timbre.stiffness and all((2 * ratio).is_integer() for ratio in timbre.ratios), name
    # An organ's two pipes beat, but do not move: each pair of lines holds the level of its partial.
    organ = TIMBRES["organ"]
    wave = tone("organ", 93, 8 * 44100, 44100)[44100:].astype(np.float64)
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2
    hertz = np.fft.rfftfreq(len(wave), 1 / 44100)
    found = np.array([power[np.abs(hertz - 1760 * ratio) < 20].sum() for ratio in organ.ratios])
    asked = np.array(organ.partials) ** 2
    assert np.allclose(found / found.sum(), asked / asked.sum(), atol=0.005)
    assert found.sum() > 0.9999 * power.sum()


def test_struck_strings_die_away_and_bowed_ones_do_not() -> None:
    piano, strings = (tone(name, 60, 2 * RATE, RATE) for name in ("piano", "strings"))
    assert loudness(piano[-RATE // 4 :]) < 0.4 * loudness(piano[: RATE // 4])
    assert loudness(strings[-RATE // 4 :]) > 0.6 * loudness(strings[RATE // 4 : RATE // 2])


def test_notes_end_and_the_room_dies_away_after_them() -> None:
    sound = render(midi((0, 1, 60), program=19), RATE, "own")
    assert loudness(sound[int(1.3 * RATE) : int(1.5 * RATE)]) < 0.25 * loudness(sound[:RATE])
    assert loudness(sound[-RATE // 10 :]) < 0.01 * loudness(sound[:RATE])
    # No click where the note stops.
    assert np.abs(np.diff(sound, axis=0)).max() < 0.25


@pytest.mark.parametrize("count", [1, 60])
def test_nothing_is_clipped_however_many_play(count: int) -> None:
    song = midi(*((0.1 * i, 7, 40 + i % 40) for i in range(count)), program=48)
    song.instruments += midi(
        *((0.2 * i, 0.2 * i + 0.1, 36 + i % 15) for i in range(20)), drums=True
    ).instruments
    sound = render(song, RATE, "own")
    assert sound.dtype == np.float32 and sound.shape[1] == 2
    assert np.abs(sound).max() < synth.CEILING
    assert loudness(sound) > 0.05
    # Bent only here and there: a clipped wave stays at its peak.
    assert (np.abs(sound) > 0.98 * np.abs(sound).max()).mean() < 0.01


def test_parts_sit_on_their_sides() -> None:
    song = pretty_midi.PrettyMIDI()
    for i in range(3):
        song.instruments.append(midi((2 * i, 2 * i + 1, 60), program=0).instruments[0])
    sound = render(song, RATE, "own")
    left, right = (
        [loudness(sound[2 * i * RATE : (2 * i + 1) * RATE, side]) for i in range(3)] for side in (0, 1)
    )
    assert left[0] == pytest.approx(right[0], rel=0.1)
    assert left[1] > 1.2 * right[1] and right[2] > 1.2 * left[2]


def test_percussion_kick_is_low_and_hats_are_high() -> None:
    def centre(pitch: int) -> float:
        power = np.abs(np.fft.rfft(drum(pitch, RATE))) ** 2
        return float((power * np.fft.rfftfreq(len(drum(pitch, RATE)), 1 / RATE)).sum() / power.sum())

    assert centre(36) < 400 < centre(38) < centre(42)
    assert loudness(drum(46, RATE)[RATE // 10 :]) > 3 * loudness(
        np.pad(drum(42, RATE), (0, RATE))[RATE // 10 : RATE]
    )
    assert all(np.isfinite(drum(pitch, RATE)).all() for pitch in range(128))


def test_the_same_song_gives_the_same_samples() -> None:
    song = midi((0, 0.5, 60), (0.5, 1, 64), program=52)
    first = render(song, RATE, "own")
    tone.cache_clear()
    assert np.array_equal(render(song, RATE, "own"), first)


@pytest.mark.parametrize("delay", [1, 75, 4999, 6000])
def test_the_blur_of_the_room_is_an_all_pass_filter(delay: int) -> None:
    dry = np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    wet = synth._all_pass(dry, delay, 0.6)
    expected = np.zeros(5000)
    for n in range(5000):
        earlier = (dry[n - delay], expected[n - delay]) if n >= delay else (0.0, 0.0)
        expected[n] = -0.6 * dry[n] + earlier[0] + 0.6 * earlier[1]
    assert np.allclose(wet, expected, atol=1e-5)


def test_a_song_without_notes_is_silent() -> None:
    sound = render(pretty_midi.PrettyMIDI(), RATE, "own")
    assert len(sound) and not sound.any()


def test_every_program_has_a_timbre() -> None:
    assert {timbre_of(program) for program in range(128)} == set(TIMBRES)


def test_songs_beyond_half_an_hour_and_a_missing_fluidsynth_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UserError, match="at most 30"):
        render(midi((0, 1, 60), (2000, 2001, 60)), RATE)
    monkeypatch.setattr(synth, "has_fluidsynth", lambda: False)
    with pytest.raises(UserError, match="libfluidsynth"):
        render(midi((0, 1, 60)), RATE, "fluidsynth")


def test_fluidsynth_without_its_library_counts_as_missing() -> None:
    assert synth.has_fluidsynth() in (True, False)
    if importlib.util.find_spec("fluidsynth") is None:
        assert not synth.has_fluidsynth()


class Sines:
    """What pretty_midi asks of `fluidsynth.Synth`: it plays a sine for each note, on the left alone."""

    def __init__(self, samplerate: int) -> None:
        self.rate, self.played, self.now = samplerate, {}, 0  # type: ignore[var-annotated]

    def get_setting(self, name: str) -> int:
        assert name == "synth.sample-rate"
        return self.rate

    def sfload(self, path: str) -> int:
        assert Path(path).read_bytes()[8:12] == b"sfbk"
        return 1

    def program_select(self, channel: int, font: int, bank: int, program: int) -> int:
        assert font == 1
        return 0

    def cc(self, channel: int, control: int, value: int) -> None:
        pass

    def noteon(self, channel: int, pitch: int, velocity: int) -> None:
        self.played[pitch] = velocity

    def noteoff(self, channel: int, pitch: int) -> None:
        del self.played[pitch]

    def get_samples(self, count: int) -> np.ndarray:
        time = (self.now + np.arange(count)) / self.rate
        self.now += count
        waves = [v * np.sin(2 * np.pi * 440 * 2 ** ((p - 69) / 12) * time) for p, v in self.played.items()]
        both = np.zeros((count, 2), np.int16)
        both[:, 0] = 100 * sum(waves, np.zeros(count))
        return both.reshape(-1)

    def delete(self) -> None:
        pass


@pytest.fixture
def fluidsynth(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyfluidsynth, which few systems have the library for, as far as pretty_midi uses it."""
    module = ModuleType("fluidsynth")
    module.Synth = Sines  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fluidsynth", module)
    monkeypatch.setattr("pretty_midi.fluidsynth.fluidsynth", module, raising=False)
    monkeypatch.setattr("pretty_midi.fluidsynth._HAS_FLUIDSYNTH", True)


def loudest(sound: np.ndarray, rate: int) -> float:
    """The frequency in Hz that is strongest in a sound of one channel."""
    return float(np.abs(np.fft.rfft(sound * np.hanning(len(sound)))).argmax() * rate / len(sound))


@pytest.mark.parametrize("engine", ["auto", "fluidsynth"])
@pytest.mark.parametrize("rate", [22050, 44100])
def test_render_writes_what_fluidsynth_plays(
    run, fluidsynth: None, tmp_path: Path, engine: str, rate: int
) -> None:
    midi((0, 1, 69), (1, 2, 81)).write(str(tmp_path / "song.mid"))
    asked = ("--out", tmp_path / "song.wav", "--engine", engine, "--rate", rate)
    assert run("music", "render", tmp_path / "song.mid", *asked)[0] == 0
    sound, written = soundfile.read(tmp_path / "song.wav")
    assert written == rate and sound.shape == (3 * rate, 2)  # a second to die away
    assert np.array_equal(sound[:, 0], sound[:, 1])
    assert loudest(sound[:rate, 0], rate) == pytest.approx(440, abs=1.5)
    assert loudest(sound[rate : 2 * rate, 0], rate) == pytest.approx(880, abs=1.5)
    assert not sound[2 * rate :].any()


def test_fluidsynth_is_brought_to_the_loudness_of_the_other_engine_and_never_clips(fluidsynth: None) -> None:
    quiet = midi((0, 1, 60), (9, 10, 60))
    full = midi(*((0.1, 5, pitch) for pitch in range(48, 80, 2)))
    for song in (quiet, full):
        given = song.fluidsynth(fs=RATE)
        sound = render(song, RATE, "fluidsynth")
        assert sound.dtype == np.float32 and loudness(sound) == pytest.approx(synth.LOUDNESS, rel=0.15)
        assert np.abs(sound).max() < synth.CEILING
        # bent, and in no other way than it came
        straight = np.arctanh(sound[:, 0].astype(np.float64) / synth.CEILING)
        assert np.corrcoef(straight, given)[0, 1] > 0.9999


def test_silence_through_fluidsynth_is_silence(fluidsynth: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sines, "noteon", lambda *_: None)
    monkeypatch.setattr(Sines, "noteoff", lambda *_: None)
    sound = render(midi((0, 1, 60)), RATE, "fluidsynth")
    assert sound.shape == (2 * RATE, 2) and not sound.any()
    assert not render(pretty_midi.PrettyMIDI(), RATE, "fluidsynth").any()


def test_rates_that_fluidsynth_does_not_play_at_are_left_to_the_other_engine(fluidsynth: None) -> None:
    song, rate = midi((0, 0.2, 60)), 2 * synth.FLUIDSYNTH_RATE
    with pytest.raises(UserError, match="96,000"):
        render(song, rate, "fluidsynth")
    assert np.array_equal(render(song, rate, "auto"), render(song, rate, "own"))


@pytest.mark.slow
def test_a_minute_takes_little_time() -> None:
    tone.cache_clear()
    notes = ((0.25 * i, 0.25 * i + 0.5, 48 + i * 7 % 36) for i in range(240))
    began = time.process_time()
    sound = render(midi(*notes), 44100, "own")
    assert len(sound) > 60 * 44100
    assert time.process_time() - began < 3

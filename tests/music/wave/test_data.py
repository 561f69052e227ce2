"""Sounds of every kind are read, labelled, sliced and cached; damaged ones are listed, never swallowed."""

import math
import os
import resource
import shutil
import struct
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from creative_gan.core.draws import Draws
from creative_gan.core.errors import DataError, UserError
from creative_gan.music.kinds import kind_of
from creative_gan.music.wave import reader
from creative_gan.music.wave.check import check
from creative_gan.music.wave.data import Sounds, normalised, open_sounds, trimmed

RATE = 8000
REAL = Path(os.environ.get("CREATIVE_GAN_DATA", Path(__file__).parents[4] / "shared" / "data"))


def tone(seconds: float, rate: int = RATE, hz: float = 440, gain: float = 0.5) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (gain * np.sin(2 * math.pi * hz * time)).astype(np.float32)


def save(path: Path, wave: np.ndarray, rate: int = RATE, subtype: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, rate, subtype)


@pytest.fixture
def opened(tmp_path: Path):
    def open_(source: Path | str, length: int = 4096, **settings: object) -> Sounds:
        return open_sounds(source, RATE, length, cache=tmp_path / "cache", **settings)  # type: ignore[arg-type]

    return open_


KINDS = {"wav": "PCM_24", "au": "FLOAT", "flac": None, "ogg": None, "mp3": None, "aiff": None}


@pytest.mark.parametrize(("ending", "subtype"), KINDS.items())
@pytest.mark.parametrize("rate", [22050, 48000])
def test_every_kind_rate_and_channel_gives_the_same_sound(
    tmp_path, opened, ending: str, subtype, rate: int
) -> None:
    stereo = np.stack([tone(0.5, rate), tone(0.5, rate)], 1)
    save(tmp_path / "in" / f"a.{ending}", stereo, rate, subtype)
    real = opened(tmp_path / "in").batch(np.array([0]))["real"][0, 0, 500:3500]
    power = torch.fft.rfft(real * torch.hann_window(3000)).abs()
    assert abs(int(power.argmax()) * RATE / 3000 - 440) < 3
    assert abs(float(real.abs().max()) - 1) < 0.03


def test_parts_of_a_long_file_join_without_a_seam(tmp_path, monkeypatch) -> None:
    rng = np.random.default_rng(0)
    save(tmp_path / "a.wav", rng.standard_normal(20_000) * 0.1, 44100, "FLOAT")
    whole = np.concatenate(list(reader.read_parts(tmp_path / "a.wav", RATE)))
    monkeypatch.setattr(reader, "PART", 5000)
    parts = list(reader.read_parts(tmp_path / "a.wav", RATE))
    assert len(parts) == 4
    assert len(whole) == math.ceil(20_000 * 8000 / 44100)
    assert np.abs(np.concatenate(parts)[: len(whole)] - whole).max() < 1e-5


def damaged(folder: Path) -> dict[str, str]:
    """Files that cannot be used, and a word of what must be said of each."""
    save(folder / "good.wav", tone(0.3))
    whole = (folder / "good.wav").read_bytes()
    (folder / "truncated.wav").write_bytes(whole[: len(whole) // 2])
    at = whole.index(b"data") + 4
    (folder / "claims_4gb.wav").write_bytes(whole[:at] + struct.pack("<I", 0xFFFFFFF0) + whole[at + 4 :])
    (folder / "zero_length.wav").write_bytes(b"")
    save(folder / "no_samples.wav", np.zeros(0, np.float32))
    wave = tone(0.3)
    wave[100] = np.nan
    save(folder / "nan.wav", wave, subtype="FLOAT")
    wave[100] = np.inf
    save(folder / "inf.wav", wave, subtype="FLOAT")
    save(folder / "one_sample.wav", np.ones(1, np.float32))
    save(folder / "silent.wav", np.zeros(4000, np.float32))
    (folder / "text.wav").write_text("not a sound at all, whatever the name says\n" * 20)
    (folder / "midi.wav").write_bytes(b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0")
    save(folder / "cut.flac", tone(5.0, 44100), 44100)
    flac = (folder / "cut.flac").read_bytes()
    (folder / "cut.flac").write_bytes(flac[: len(flac) // 2])
    (folder / "rate.wav").write_bytes(whole[:24] + struct.pack("<I", 900_000) + whole[28:])
    return {
        "truncated.wav": "cut off",
        "claims_4gb.wav": "4.3 GB",
        "zero_length.wav": "empty",
        "no_samples.wav": "no samples",
        "nan.wav": "NaN",
        "inf.wav": "NaN",
        "one_sample.wav": "1 sample",
        "silent.wav": "silent",
        "text.wav": "not a sound file",
        "midi.wav": "not a sound file",
        "cut.flac": "",
        "rate.wav": "rate",
    }


def test_damaged_files_are_skipped_and_listed(tmp_path, opened) -> None:
    expected = damaged(tmp_path / "in")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sounds = opened(tmp_path / "in")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000, "kilobytes"
    assert sounds.names == ["good.wav"]
    skipped = dict(sounds.skipped)
    assert skipped.keys() == expected.keys()
    for name, word in expected.items():
        assert word in skipped[name], name
        with pytest.raises(DataError, match=name):
            opened(tmp_path / "in" / name)
    with pytest.raises(DataError, match=r"cut\.flac|claims_4gb"):
        opened(tmp_path / "in", strict=True)
    assert dict(check(tmp_path / "in").skipped).keys() == expected.keys()


@pytest.mark.slow
def test_what_soundfile_refuses_is_read_through_audioread(tmp_path, opened, monkeypatch) -> None:
    file, rate = tmp_path / "in" / "a.m4a", 22050
    save(tmp_path / "plain.wav", tone(2.5, rate), rate)
    plain = (tmp_path / "plain.wav").read_bytes()
    # A part whose name is no text is too much for libsndfile; audioread's reader in Python passes it over.
    odd = plain[8:12] + b"\1\2\3\4" + struct.pack("<I", 4) + b"what" + plain[12:]
    file.parent.mkdir()
    file.write_bytes(b"RIFF" + struct.pack("<I", len(odd)) + odd)
    with pytest.raises(soundfile.LibsndfileError):
        soundfile.info(file)
    real = opened(file.parent).batch(np.array([0]))["real"][0, 0]
    power = torch.fft.rfft(real * torch.hann_window(len(real))).abs().square()
    assert abs(int(power.argmax()) * RATE / len(real) - 440) < 3
    assert power.topk(5).values.sum() > 0.99 * power.sum()
    assert reader.read_header(file) == reader.Header(rate, 1, int(2.5 * rate), "M4A")
    wave, at = reader.read_sound(file)
    assert at == rate and len(wave) == 2.5 * at
    assert abs(np.abs(wave[at // 2 : -at // 2]).max() - 0.5) < 0.02
    assert np.abs(wave - soundfile.read(tmp_path / "plain.wav")[0]).max() < 1e-6
    (whole,) = reader.read_parts(file, 8000)
    monkeypatch.setattr(reader, "PART", 10_000)
    parts = list(reader.read_parts(file, 8000))
    assert len(parts) == 6 and np.abs(np.concatenate(parts) - whole).max() < 1e-5  # without a seam
    monkeypatch.setattr(reader, "LONGEST", 30_000)
    with pytest.raises(DataError, match=r"a\.m4a: is too long for one file"):
        list(reader.read_parts(file, 8000))
    file.write_bytes(file.read_bytes()[: len(odd) - len(plain) + 52])  # all of its heads, and no sample
    with pytest.raises(DataError, match=r"a\.m4a:? (holds no samples|cannot be read)"):
        opened(file.parent)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg makes and decodes such files here")
@pytest.mark.parametrize(("ending", "codec"), [("m4a", "aac"), ("aac", "aac"), ("wma", "wmav2")])
def test_files_of_ffmpeg_are_read_at_their_rate(tmp_path, monkeypatch, ending: str, codec: str) -> None:
    plain, file = tmp_path / "plain.wav", tmp_path / f"a.{ending}"
    save(plain, tone(3.0, 44_100), 44_100)
    command = ["ffmpeg", "-v", "error", "-i", plain, "-ac", "2", "-c:a", codec, "-b:a", "128k", file]
    subprocess.run(command, check=True)
    header = reader.read_header(file)
    assert (header.rate, header.channels, header.kind) == (44_100, 2, ending.upper())
    assert abs(header.frames / header.rate - 3) < 0.2
    (whole,) = reader.read_parts(file, RATE)
    assert abs(len(whole) / RATE - 3) < 0.2
    assert abs(np.abs(np.fft.rfft(whole[:RATE] * np.hanning(RATE))).argmax() - 440) < 2
    monkeypatch.setattr(reader, "PART", 50_000)
    parts = list(reader.read_parts(file, RATE))
    assert len(parts) == 3 and np.abs(np.concatenate(parts) - whole).max() < 1e-5  # without a seam
    plain.unlink()
    report = check(tmp_path)
    assert (report.rates, report.channels) == ({44_100: 1}, {2: 1})


def test_what_only_audioread_might_read_is_skipped_with_a_hint(tmp_path, opened) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "fake.m4a").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"fake\.m4a cannot be read on this system"):
        opened(tmp_path / "in")


def test_a_sound_under_a_wrong_ending_is_read_by_its_content(tmp_path, opened) -> None:
    save(tmp_path / "in" / "a.flac", tone(0.3))
    (tmp_path / "in" / "a.flac").rename(tmp_path / "in" / "a.wav")
    assert len(opened(tmp_path / "in")) == 1


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"slices": "last"}, "first, random, overlap"),
        ({"normalise": "max"}, "peak, loudness, none"),
        ({"label_pattern": "{}_{}.wav"}, "needs {label} once"),
        ({"label_pattern": "{label}-{}.flac"}, "no file of"),
        ({"length": 0}, "at least 1 sample"),
    ],
)
def test_mistakes_are_named(tmp_path, opened, settings: dict, sentence: str) -> None:
    save(tmp_path / "in" / "a_b.wav", tone(0.3))
    with pytest.raises(UserError, match=sentence):
        opened(tmp_path / "in", **settings)


def test_sources_that_hold_nothing(tmp_path, opened) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(DataError, match="holds no sound file"):
        opened(tmp_path / "in")
    with pytest.raises(DataError, match="does not exist"):
        opened(tmp_path / "nowhere")
    with pytest.raises(UserError, match="builtin:drums"):
        opened("builtin:pianos")


def test_labels_from_folders_table_and_pattern(tmp_path, opened) -> None:
    root = tmp_path / "in"
    for name in ("10/x_1.wav", "9/y_2.wav", "9/x_3.wav"):
        save(root / name, tone(0.1))
    sounds = opened(root)
    assert (sounds.classes, sounds.labels.tolist()) == (["9", "10"], [1, 0, 0])
    sounds = opened(root, label_pattern="{label}_{}.wav")
    assert (sounds.classes, sounds.labels.tolist()) == (["x", "y"], [0, 0, 1])
    (root / "metadata.csv").write_text("file_name,label\n9/y_2.wav,low\n10/x_1.wav,high\n")
    sounds = opened(root)
    assert (sounds.classes, sounds.labels.tolist()) == (["high", "low"], [0, 1])
    assert sounds.skipped == [("9/x_3.wav", "has no label")]
    assert sounds.batch(np.array([1, 0]))["label"].tolist() == [1, 0]
    save(tmp_path / "flat" / "a.wav", tone(0.1))
    assert opened(tmp_path / "flat").labels is None
    assert "label" not in opened(tmp_path / "flat").batch(np.array([0]))


def test_slices(tmp_path, opened) -> None:
    ramp = np.linspace(0.1, 0.9, 10_000, dtype=np.float32)
    save(tmp_path / "in" / "long.wav", ramp, subtype="PCM_16")
    save(tmp_path / "in" / "short.wav", ramp[:1000], subtype="PCM_16")
    plain = {"trim": False, "normalise": "none"}
    first = opened(tmp_path / "in", **plain)
    real = first.batch(np.arange(2))["real"]
    assert torch.allclose(real[0, 0], torch.from_numpy(ramp[:4096]), atol=1e-4)
    assert real[1, 0, 999] > 0.1 and real[1, 0, 1000:].abs().max() == 0, "padded behind"
    overlap = opened(tmp_path / "in", slices="overlap", **plain)
    assert overlap.names == ["long.wav"] * 4 + ["short.wav"]
    assert torch.allclose(
        overlap.batch(np.array([1]))["real"][0, 0], torch.from_numpy(ramp[2048:6144]), atol=1e-4
    )
    assert float(overlap.batch(np.array([3]))["real"].max()) > 0.899, "the end is in the last slice"
    random = opened(tmp_path / "in", slices="random", **plain)
    assert Counter(random.names) == {"long.wav": 2, "short.wav": 1}
    rows = np.zeros(200, np.int64)
    draws = Draws(0, 5, 200, slice(0, 200))
    drawn = random.batch(rows, draws)["real"]
    assert torch.equal(drawn, random.batch(rows, draws)["real"])
    assert torch.equal(drawn[7:9], random.batch(rows[:2], draws.chunk(slice(7, 9)))["real"])
    starts = drawn[:, 0, 0]
    assert starts.min() < 0.13 and starts.max() > 0.54 and drawn.max() <= 0.901 and drawn.min() >= 0.1


def test_trim_and_normalise() -> None:
    rng = np.random.default_rng(0)
    wave = np.concatenate([1e-4 * rng.standard_normal(3000), tone(0.4), 1e-4 * rng.standard_normal(5000)])
    kept = trimmed(wave.astype(np.float32), RATE)
    assert 3200 <= len(kept) <= 3200 + 4 * 80
    assert abs(kept[0]) < 1e-6 and abs(kept[-1]) < 1e-6
    assert len(trimmed(tone(0.4), RATE)) == 3200
    assert np.abs(normalised(tone(0.4, gain=0.01), RATE, "peak")).max() == pytest.approx(1)
    loud, soft = (normalised(tone(1.0, gain=gain), RATE, "loudness") for gain in (0.9, 0.02))
    assert np.abs(loud - soft / np.abs(soft).max() * np.abs(loud).max()).max() < 1e-3
    assert np.abs(loud).max() <= 1


def test_the_cache_is_used_and_notices_changes(tmp_path, opened, monkeypatch) -> None:
    save(tmp_path / "in" / "a.wav", tone(0.3))
    first = opened(tmp_path / "in")
    assert opened(tmp_path / "in").fingerprint == first.fingerprint
    with monkeypatch.context() as patch:
        patch.setattr(reader, "read_parts", lambda *_: pytest.fail("read again"))
        opened(tmp_path / "in", slices="random")
        with pytest.raises(BaseException, match="read again"):
            opened(tmp_path / "in", trim=False)
    save(tmp_path / "in" / "a.wav", tone(0.4, hz=300))
    assert opened(tmp_path / "in").fingerprint != first.fingerprint
    for samples in (tmp_path / "cache").rglob("samples.i16"):
        samples.write_bytes(samples.read_bytes()[:100])
    assert len(opened(tmp_path / "in").samples) > 3000, "a damaged entry is made anew"


def test_split_keeps_the_slices_of_a_file_together(tmp_path, opened) -> None:
    for i in range(20):
        save(tmp_path / "in" / f"{'ab'[i % 2]}_{i}.wav", tone(1.5, hz=200 + 20 * i))
    sounds = opened(tmp_path / "in", slices="overlap", label_pattern="{label}_{}")
    train, held = sounds.split(0.2, seed=1)
    assert len(train) + len(held) == len(sounds) == 20 * 5
    assert not set(train.names) & set(held.names)
    assert Counter(name[0] for name in set(held.names)) == {"a": 2, "b": 2}
    assert held.fingerprint == sounds.split(0.2, seed=1)[1].fingerprint != train.fingerprint
    assert set(sounds.split(0.2, seed=2)[1].names) != set(held.names)


def test_check_counts_and_warns(tmp_path) -> None:
    for i in range(6):
        save(tmp_path / "kick" / f"{i}.wav", np.pad(tone(0.5, 16000), 4000), 16000)
    save(tmp_path / "snare" / "loud.wav", tone(0.5, 44100, gain=4.0).clip(-1, 1), 44100)
    save(tmp_path / "snare" / "low.flac", np.stack([tone(0.5, gain=0.01)] * 2, 1))
    report = check(tmp_path)
    assert (report.count, report.classes) == (8, {"kick": 6, "snare": 2})
    assert report.rates == {16000: 6, 44100: 1, 8000: 1} and report.channels == {1: 7, 2: 1}
    assert report.clipped == ["snare/loud.wav"] and report.quiet == ["snare/low.flac"]
    assert report.silence == pytest.approx(6 * 0.5 / (6 * 1.0 + 1.0), abs=0.03)
    assert (report.rate, report.length) == (16000, 8192) and report.imbalance == 3
    text = "\n".join(report.lines())
    assert "8 sounds" in text and "1 clipped: snare/loud.wav" in text and "too few" in text


@pytest.mark.realdata
def test_spoken_digits(tmp_path, opened) -> None:
    if not (REAL / "fsdd").is_dir():
        pytest.skip("the folder of real data is not there")
    sounds = opened(REAL / "fsdd", 8192, label_pattern="{label}_{}_{}.wav")
    assert (len(sounds), sounds.classes, sounds.skipped) == (2700, list("0123456789"), [])
    real = sounds.batch(np.arange(0, 2700, 30))["real"]
    assert real.shape == (90, 1, 8192) and bool((real.abs().amax(2) > 0.9).all())


def test_every_sound_that_is_read_makes_a_folder_one_of_sounds(tmp_path: Path):
    for ending in reader.SUFFIXES:
        folder = tmp_path / ending[1:]
        folder.mkdir()
        (folder / f"a{ending}").write_bytes(b"")
        assert kind_of(str(folder)) == "wave"

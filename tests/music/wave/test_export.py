"""Files hold the sound and its origin, are the same every time, and replace nothing unasked."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from creative_gan.core import provenance
from creative_gan.core.errors import UserError
from creative_gan.music.wave.export import FORMATS, sound_bytes, write_sound, write_sounds

ORIGIN = provenance.origin("music sample", {"seed": 3, "class": "séven"}, {"name": "wave-8k"})
WAVE = (0.5 * np.sin(np.arange(24_000) / 9) * np.linspace(1, 0, 24_000)).astype(np.float32)


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("wave", [WAVE, np.stack([WAVE, -WAVE])])
def test_the_sound_comes_back(ending: str, wave: np.ndarray) -> None:
    data = sound_bytes(wave, 16000, ending, ORIGIN)
    back, rate = soundfile.read(io.BytesIO(data), always_2d=True)
    assert rate == 16000 and back.shape == np.atleast_2d(wave).T.shape
    assert np.abs(back - np.atleast_2d(wave).T).max() < (0.1 if ending == ".ogg" else 1e-4)
    assert data == sound_bytes(wave, 16000, ending, ORIGIN), "the same bytes again"


def test_the_origin_comes_back(tmp_path: Path) -> None:
    for ending in FORMATS:
        path = tmp_path / f"a{ending}"
        write_sound(path, WAVE, 16000, ORIGIN)
        assert provenance.read(path) == ORIGIN
        if ending != ".wav":
            with soundfile.SoundFile(path) as file:
                assert json.loads(file.comment) == ORIGIN
        long = {**ORIGIN, "arguments": {"index": list(range(20_000))}}  # more than a page of OGG holds
        write_sound(path, WAVE, 16000, long, overwrite=True)
        assert provenance.read(path) == long
    write_sound(tmp_path / "plain.wav", WAVE, 16000)
    assert provenance.read(tmp_path / "plain.wav") is None


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        write_sound(tmp_path / "a.wav", WAVE, 16000)
    assert (tmp_path / "a.wav").read_text() == "mine"
    write_sound(tmp_path / "a.wav", WAVE, 16000, overwrite=True)
    assert soundfile.info(tmp_path / "a.wav").frames == len(WAVE)


@pytest.mark.parametrize(
    ("name", "sentence"), [("a.mid", "not notes"), ("a.mp4", r"\.wav, \.flac, \.ogg"), ("a", "ending")]
)
def test_other_endings_are_refused(tmp_path: Path, name: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        write_sound(tmp_path / name, WAVE, 16000)


@pytest.mark.parametrize("wave", [np.full(100, np.nan), np.zeros(0)])
def test_what_is_no_sound_is_not_written(tmp_path: Path, wave: np.ndarray) -> None:
    with pytest.raises(UserError, match="nothing was written"):
        write_sound(tmp_path / "a.wav", wave, 16000)
    assert not list(tmp_path.iterdir())


def test_what_is_too_loud_is_clipped() -> None:
    back, _ = soundfile.read(io.BytesIO(sound_bytes(np.array([2.0, -2.0, 0.5]), 8000)))
    assert np.allclose(back, [1, -1, 0.5], atol=1e-4)


@pytest.mark.parametrize("ending", [".flac", ".ogg"])
def test_a_damaged_file_has_no_origin_and_does_no_harm(tmp_path: Path, ending: str) -> None:
    whole = sound_bytes(WAVE, 16000, ending, ORIGIN)
    path = tmp_path / f"a{ending}"
    rng = np.random.default_rng(0)
    for stop in rng.integers(4, 3000, 60):
        path.write_bytes(whole[:stop])
        assert provenance.read(path) in (None, ORIGIN)
    for _ in range(60):
        broken = np.frombuffer(whole, np.uint8).copy()
        broken[rng.integers(4, 600, 8)] = rng.integers(0, 256, 8)
        path.write_bytes(broken.tobytes())
        record = provenance.read(path)
        assert record is None or record["tool"] == provenance.KEY


def test_several_sounds_go_into_one_file_or_a_folder(tmp_path: Path) -> None:
    waves = np.stack([WAVE, -WAVE])
    origins = [{**ORIGIN, "arguments": {"index": i, "seed": 3}} for i in range(2)]
    assert write_sounds(waves, 16000, tmp_path / "both.wav", origins) == [tmp_path / "both.wav"]
    back, _ = soundfile.read(tmp_path / "both.wav")
    assert len(back) == 2 * len(WAVE) + 1600
    assert np.abs(back[-len(WAVE) :] + WAVE).max() < 1e-4 and not back[len(WAVE) : -len(WAVE)].any()
    both = provenance.read(tmp_path / "both.wav")
    assert both is not None and both["arguments"] == {"index": [0, 1], "seed": 3}
    paths = write_sounds(waves, 16000, tmp_path / "many", origins, ending=".flac")
    assert [path.name for path in paths] == ["00000.flac", "00001.flac"]
    assert provenance.read(paths[1]) == origins[1]
    with pytest.raises(UserError):
        write_sounds(waves, 16000, tmp_path / "many", None)
    with pytest.raises(UserError, match="notes"):
        write_sounds(waves, 16000, tmp_path / "a.mid", None)

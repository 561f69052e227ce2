"""Sets of songs: reading folders, the cache, windows, transposition, splits."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from creative_gan.core.errors import DataError, UserError
from creative_gan.music.midi import data
from creative_gan.music.midi.arrange import arranged
from creative_gan.music.midi.builtin import tunes
from creative_gan.music.midi.check import check
from creative_gan.music.midi.data import Pieces, from_songs, load_pieces
from creative_gan.music.midi.encoding import FEW, encode_files
from creative_gan.music.midi.export import to_bytes, to_midi
from creative_gan.music.midi.reader import parse_midi, read_midi, read_rolls, roll_notes
from creative_gan.music.midi.song import Part, Song, transposed
from creative_gan.music.midi.vocabulary import END, PAD, vocabulary


@pytest.fixture(scope="module")
def pieces() -> Pieces:
    named = tunes(60)
    return from_songs([song for _, song in named], [name for name, _ in named])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "songs" / "more").mkdir(parents=True)
    for i, (_, song) in enumerate(tunes(60)[::6]):
        (tmp_path / "songs" / ("more" if i % 2 else ".") / f"{i:02}.mid").write_bytes(to_bytes(song))
    return tmp_path / "songs"


def test_a_folder_is_read_and_what_is_broken_is_listed(folder: Path, tmp_path: Path) -> None:
    (folder / "broken.mid").write_bytes(b"MThd????")
    found = load_pieces(folder, cache=tmp_path / "cache")
    assert found.words.shape == "lead" and len(found) == 10
    assert [name for name, _ in found.skipped] == ["broken.mid"]
    songs = dict(zip(found.names, found.songs(), strict=True))
    for i, (_, song) in enumerate(tunes(60)[::6]):
        name = os.path.join("more", f"{i:02}.mid") if i % 2 else f"{i:02}.mid"
        assert np.array_equal(songs[name].notes, song.notes)


def test_the_second_time_nothing_is_parsed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_pieces(folder, cache=tmp_path / "cache")
    monkeypatch.setattr(data, "encode_files", lambda *_: pytest.fail("read again"))
    again = load_pieces(folder, cache=tmp_path / "cache")
    assert (again.fingerprint, again.names, again.skipped) == (first.fingerprint, first.names, first.skipped)
    assert torch.equal(again.batch([3, 1])["real"], first.batch([3, 1])["real"])


def test_built_in_tunes_are_composed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_pieces("builtin:tunes", cache=tmp_path)
    monkeypatch.setattr(data, "tunes", lambda: pytest.fail("composed again"))
    again = load_pieces("builtin:tunes", cache=tmp_path)
    assert (again.fingerprint, again.names) == (first.fingerprint, first.names)
    with pytest.raises(UserError, match="no shape"):
        load_pieces("builtin:tunes", "choir", cache=tmp_path)


def test_a_changed_file_and_a_damaged_cache_are_read_anew(folder: Path, tmp_path: Path) -> None:
    first = load_pieces(folder, cache=tmp_path / "cache")
    (folder / "00.mid").write_bytes(to_bytes(transposed(tunes(60)[0][1], 1)))
    changed = load_pieces(folder, cache=tmp_path / "cache")
    assert changed.fingerprint != first.fingerprint
    for kept in (tmp_path / "cache").rglob("tokens.npz"):
        kept.write_bytes(kept.read_bytes()[:100])
    assert load_pieces(folder, cache=tmp_path / "cache").fingerprint == changed.fingerprint


@pytest.mark.slow
def test_many_files_are_read_by_processes_as_by_one(tmp_path: Path) -> None:
    song = to_bytes(tunes(60)[0][1])
    files = [tmp_path / f"{i}.mid" for i in range(2 * FEW)]
    for i, file in enumerate(files):
        file.write_bytes(b"broken" if i == 5 else song)
    results = encode_files(files, "lead")
    assert isinstance(results[5], DataError) and "not a MIDI file" in results[5].reason
    assert all(result == results[0] for i, result in enumerate(results) if i != 5)


def test_of_a_single_song_the_last_bars_are_held_out(tmp_path: Path) -> None:
    roll = np.repeat(np.random.default_rng(1).integers(60, 72, (40 * 8, 1)), 2, axis=0)
    for bars, held in ((40, 4), (16, 4), (100, 10)):
        song = Song(roll_notes(np.tile(roll, (3, 1))[: bars * 16]), (Part("melody"),))
        (tmp_path / "a.mid").write_bytes(to_bytes(song))
        pieces = load_pieces(tmp_path / "a.mid", cache=tmp_path / "cache")
        train, heldout = pieces.split(0.1)
        assert (train.bars().tolist(), heldout.bars().tolist()) == ([bars - held], [held])
        end, whole = (bars - held) * 96, pieces.song(0).notes
        before = whole[whole[:, 0] < end]
        assert np.array_equal(train.song(0).notes[:, (0, 2, 3)], before[:, (0, 2, 3)])
        assert heldout.song(0).notes[-1, 0] + end == whole[-1, 0]
    (tmp_path / "a.mid").write_bytes(to_bytes(Song(roll_notes(roll[: 15 * 16]), (Part("melody"),))))
    train, heldout = load_pieces(tmp_path / "a.mid", cache=tmp_path / "cache").split(0.1)
    assert not len(train) or not len(heldout)


def test_metres_without_a_token_are_named_from_the_cache_too(folder: Path, tmp_path: Path) -> None:
    song = tunes(60)[0][1]
    odd = to_midi(song)
    odd.time_signature_changes[0].numerator, odd.time_signature_changes[0].denominator = 11, 8
    odd.write(str(folder / "odd.mid"))
    for _ in range(2):
        assert load_pieces(folder, cache=tmp_path / "cache").unknown == [("odd.mid", "11/8")]
    assert "  odd.mid: 11/8" in "\n".join(check(folder).lines())


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not there"):
        load_pieces(tmp_path / "nothing")
    with pytest.raises(DataError, match="no MIDI files"):
        load_pieces(tmp_path)
    (tmp_path / "a.mid").write_bytes(b"")
    with pytest.raises(DataError, match=r"a\.mid is empty"):
        load_pieces(tmp_path, cache=tmp_path / "cache")
    with pytest.raises(UserError, match="no shape 'waltz'"):
        load_pieces(tmp_path, "waltz")


def test_a_batch_is_padded_and_knows_its_lengths(pieces: Pieces) -> None:
    batch = pieces.batch(np.arange(8), bars=64)
    for row, length, index in zip(batch["real"], batch["length"], range(8), strict=True):
        assert row[:length].tolist() == pieces.ids(index) and row[length - 1] == END
        assert (row[length:] == PAD).all()
    assert pieces.batch([0], bars=64, length=10)["real"].shape == (1, 10)


@pytest.mark.parametrize("shape", ["lead", "chorale", "band"])
def test_a_window_sounds_as_the_song_does_there(shape: str) -> None:
    rng = np.random.default_rng(1)
    # Pitches that are held for long, so that many sound over bar lines.
    roll = np.repeat(rng.integers(0, 10, (40, 4)), 3, axis=0) + np.array((75, 65, 55, 45))
    song = arranged(
        Song(roll_notes(roll), tuple(Part(n) for n in ("soprano", "alto", "tenor", "bass"))), "chorale"
    )
    whole = from_songs([song], shape=shape)
    for first in range(4):
        at = np.array([(first + 0.5) / (whole.bars()[0] - 2)])
        window = whole.words.decode(whole.batch([0], bars=3, at=at)["real"][0].tolist())
        begin, end = first * 96, (first + 3) * 96
        expected = whole.song(0).notes.copy()
        if shape == "band":
            expected = expected[(expected[:, 0] >= begin) & (expected[:, 0] < end)]
        stop = np.minimum(expected[:, 0] + expected[:, 1], end if shape != "band" else 10**9)
        expected[:, 0] = np.maximum(expected[:, 0], begin)
        expected[:, 1] = stop - expected[:, 0]
        expected = expected[expected[:, 1] > 0] - (begin, 0, 0, 0)
        # The last notes of a cut window end with its last token.
        heard = {tuple(note[[0, 2, 3]]) for note in window.notes}
        assert heard >= {tuple(note[[0, 2, 3]]) for note in expected if note[0] < 2 * 96}
        assert heard <= {tuple(note[[0, 2, 3]]) for note in expected}


def test_windows_lie_everywhere(pieces: Pieces) -> None:
    longest = int(pieces.bars().argmax())
    at = np.linspace(0, 0.999, 50)
    batch = pieces.batch(np.full(50, longest), bars=4, at=at)
    assert len({tuple(row) for row in batch["real"].tolist()}) > 3
    bar = vocabulary("lead").id("special", 3)
    assert (batch["real"] == bar).sum(1).tolist() == [4] * 50


def test_transposition_moves_the_song(pieces: Pieces) -> None:
    shift = np.array([-3, 0, 4, 12])
    moved = pieces.batch([0, 1, 2, 3], bars=64, shift=shift)["real"]
    for index, row in enumerate(moved):
        low, high = pieces.shifts[index]
        by = int(np.clip(shift[index], low, high))
        song, heard = pieces.song(index), pieces.words.decode(row.tolist())
        tune, heard_tune = (s.notes[s.notes[:, 3] == 0] for s in (song, heard))
        assert np.array_equal(tune + np.array((0, 0, by, 0)), heard_tune)
        assert heard.keys == transposed(song, by).keys
        chords, heard_chords = (s.notes[s.notes[:, 3] == 1] for s in (song, heard))
        assert sorted(((chords[:, 2] + by) % 12).tolist()) == sorted((heard_chords[:, 2] % 12).tolist())


def test_drums_stay_when_a_band_is_transposed() -> None:
    song = Song(
        np.array([(0, 24, 60, 0), (0, 24, 36, 1), (24, 24, 62, 0)]), (Part("a"), Part("b", drum=True))
    )
    band = from_songs([song], shape="band")
    heard = band.words.decode(band.batch([0], shift=np.array([5]))["real"][0].tolist())
    assert sorted(heard.notes[:, 2].tolist()) == [36, 65, 67]


def test_splits_follow_the_data_or_the_names(pieces: Pieces) -> None:
    train, back = pieces.split(0.2)
    assert set(train.names) | set(back.names) == set(pieces.names) and not set(train.names) & set(back.names)
    assert 4 <= len(back) <= 22
    smaller = pieces.subset(range(30))
    assert set(smaller.split(0.2)[1].names) == set(back.names) & set(smaller.names)
    songs = [song for _, song in tunes(60)[:4]]
    marked = from_songs(songs, splits=["train", "valid", "train", "test"])
    assert [len(part) for part in marked.split()] == [2, 2]


def data_folder() -> Path:
    folder = Path(os.environ.get("CREATIVE_GAN_DATA", Path(__file__).parents[4] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the folder of real data is missing")
    return folder


@pytest.mark.realdata
def test_folk_tunes_come_back_with_every_note() -> None:
    files = sorted((data_folder() / "nottingham").glob("*.mid"))[::40]
    tokens = count = 0
    for file in files:
        song = read_midi(file)
        notes = {(onset, pitch) for onset, _, pitch, _ in song.notes.tolist()}
        for shape, least in (("band", 1.0), ("lead", 0.95)):
            words = vocabulary(shape)
            fitted = arranged(song, shape)
            ids = words.encode(fitted)
            back = words.decode(ids)
            assert np.array_equal(back.notes, fitted.notes)
            again = arranged(read_midi_bytes(to_bytes(back)), shape)
            assert words.encode(again) == ids
            kept = {(onset, pitch) for onset, _, pitch, _ in back.notes.tolist()}
            assert len(notes & kept) >= least * len(notes), file.name
        tokens, count = tokens + len(ids), count + len(song.notes)
    assert tokens < 1.5 * count


def read_midi_bytes(content: bytes) -> Song:
    return parse_midi(content, "again.mid")


@pytest.mark.realdata
def test_chorales_come_back_unchanged(tmp_path: Path) -> None:
    chorales = load_pieces(data_folder() / "jsb", cache=tmp_path)
    train, valid = chorales.split()
    assert (chorales.words.shape, len(train), len(valid), chorales.skipped) == ("chorale", 229, 76, [])
    rolls = read_rolls(next((data_folder() / "jsb").glob("*.json")))
    for song, index in zip(rolls["valid"], range(len(valid)), strict=True):
        assert np.array_equal(valid.song(index).notes, song.notes)

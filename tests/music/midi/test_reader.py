"""Files of all kinds, whole and broken: each is read, or refused in a sentence, soon and in little memory."""

import json
import os
import resource
import struct
import time
from pathlib import Path

import mido
import numpy as np
import pytest

from creative_gan.core.errors import DataError
from creative_gan.music.midi.reader import parse_midi, read_midi, read_rolls
from creative_gan.music.midi.song import METRES

NOTE = bytes.fromhex("00 90 3c 40 60 80 3c 40")
FINISH = bytes.fromhex("00 ff 2f 00")


def midi(*tracks: bytes, division: int = 96, count: int | None = None) -> bytes:
    chunks = b"".join(b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks)
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks) if count is None else count, division) + chunks


BROKEN = {
    "empty": (b"", "is empty"),
    "random bytes": (np.random.default_rng(0).bytes(5000), "is not a MIDI file"),
    "random bytes in a track": (midi(np.random.default_rng(1).bytes(5000)), "MIDI|damaged|notes|tick|tempo"),
    "only the magic": (b"MThd", "cut off"),
    "truncated": (midi(NOTE * 20 + FINISH)[:60], "cut off"),
    "fewer tracks than it says": (midi(NOTE + FINISH, count=3), "1 of its 3 tracks"),
    "note without end": (midi(bytes.fromhex("00 90 3c 40") + FINISH), "no notes"),
    "tick of 2^28": (midi(NOTE + bytes.fromhex("ff ff ff 7f 90 3c 40 60 80 3c 40") + FINISH), "tick 268435"),
    "200 tracks": (midi(*[NOTE + FINISH] * 200), "200 tracks"),
    "no notes": (midi(FINISH), "no notes"),
    "no track": (midi(), "no track"),
    "tempo 0": (midi(bytes.fromhex("00 ff 51 03 00 00 00") + NOTE + FINISH), "tempo of 0"),
    "no time division": (midi(NOTE + FINISH, division=0), "damaged MIDI header"),
    "film time": (midi(NOTE + FINISH, division=0xE728), "film"),
    "a track that claims 4 GB": (midi(NOTE)[:18] + b"\xff\xff\xff\xff" + NOTE, "cut off"),
    "metre over a power beyond all": (
        midi(bytes.fromhex("00 ff 58 04 04 ff 18 08") + FINISH),
        "no notes|damaged",
    ),
    "larger than any": (b"MThd" + bytes(1_100_000), "larger than|damaged"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    data, reason = BROKEN[name]
    file = tmp_path / "song.mid"
    file.write_bytes(data)
    began, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=reason) as caught:
        read_midi(file)
    assert str(caught.value).startswith(str(file)) and "\n" not in str(caught.value)
    assert time.process_time() - began < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 200_000


def test_random_damage_never_raises_anything_else() -> None:
    whole = bytearray(midi(NOTE * 40 + FINISH, NOTE * 40 + FINISH))
    rng = np.random.default_rng(3)
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 6):
            data[place] = rng.integers(256)
        try:
            parse_midi(bytes(data), "damaged.mid")
        except DataError:
            refused += 1
    assert 0 < refused < 150  # some damage is fatal, some is not


def test_notes_after_one_without_end_are_read() -> None:
    song = parse_midi(midi(bytes.fromhex("00 90 30 40") + NOTE + FINISH), "x.mid")
    assert song.notes.tolist() == [[0, 24, 60, 0]]


def test_odd_metres_fall_back() -> None:
    odd = bytes.fromhex("00 ff 58 04 0b 03 18 08")
    song = parse_midi(midi(odd + NOTE + FINISH), "x.mid")
    assert (METRES[song.metres[0][1]], song.unknown) == ((4, 4), ("11/8",))


@pytest.mark.parametrize(
    ("opening", "at", "following", "first", "metres"),
    [
        ((1, 8), 12, (6, 8), 60, [(0, (6, 8))]),  # a metre of its own that is not even known
        ((1, 4), 24, (3, 4), 48, [(0, (3, 4))]),
        (None, 24, (3, 4), 48, [(0, (3, 4))]),  # 4/4, unless said otherwise, that is cut short
        ((3, 4), 24, (3, 4), 48, [(0, (3, 4))]),
        ((4, 4), 96, (3, 4), 0, [(0, (4, 4)), (96, (3, 4))]),  # a bar that is no shorter than the next
        ((2, 4), 96, (3, 4), 0, [(0, (2, 4)), (96, (3, 4))]),  # two bars
    ],
)
def test_a_short_opening_bar_is_the_end_of_a_full_one(
    opening, at, following, first, metres, tmp_path
) -> None:
    file, track = mido.MidiFile(ticks_per_beat=24), mido.MidiTrack()
    file.tracks.append(track)
    if opening:
        track.append(mido.MetaMessage("time_signature", numerator=opening[0], denominator=opening[1]))
    track += [mido.Message("note_on", note=67), mido.Message("note_off", note=67, time=at)]
    track.append(mido.MetaMessage("time_signature", numerator=following[0], denominator=following[1]))
    track.append(mido.MetaMessage("key_signature", key="G"))
    track += [mido.Message("note_on", note=72), mido.Message("note_off", note=72, time=24)]
    track.append(mido.MetaMessage("time_signature", numerator=11, denominator=8, time=240))
    file.save(tmp_path / "x.mid")
    song = read_midi(tmp_path / "x.mid")
    assert song.notes[:, :2].tolist() == [[first, at], [first + at, 24]]
    assert [(tick, METRES[metre]) for tick, metre in song.metres[:-1]] == metres
    assert song.metres[-1][0] == first + at + 264 and song.keys[-1][0] == first + at
    assert song.unknown == ("11/8",)


def test_tempo_metre_and_key_are_found_in_any_track(tmp_path: Path) -> None:
    file = mido.MidiFile(ticks_per_beat=480)
    notes, facts = mido.MidiTrack(), mido.MidiTrack()
    file.tracks += [notes, facts]
    for at, pitch in ((0, 60), (160, 64), (160, 67)):  # a triplet of eighths, then a quarter later
        notes += [mido.Message("note_on", note=pitch, time=0), mido.Message("note_off", note=pitch, time=160)]
        assert at in (0, 160)
    facts += [
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(90), time=0),
        mido.MetaMessage("time_signature", numerator=6, denominator=8, time=0),
        mido.MetaMessage("key_signature", key="F#m", time=0),
    ]
    file.save(tmp_path / "x.mid")
    song = read_midi(tmp_path / "x.mid")
    assert song.notes[:, :3].tolist() == [[0, 8, 60], [8, 8, 64], [16, 8, 67]]
    assert (METRES[song.metres[0][1]], song.keys[0][1], round(song.tempo)) == ((6, 8), 18, 90)


def test_tempo_changes_do_not_move_notes_off_the_grid(tmp_path: Path) -> None:
    track = mido.MidiTrack()
    for i in range(12):
        track.append(mido.MetaMessage("set_tempo", tempo=400_000 + 37_123 * i, time=0))
        track.append(mido.Message("note_on", note=60 + i, time=0))
        track.append(mido.Message("note_off", note=60 + i, time=120))
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(track)
    file.save(tmp_path / "x.mid")
    assert read_midi(tmp_path / "x.mid").notes[:, :2].tolist() == [[6 * i, 6] for i in range(12)]


def test_rolls_as_json_by_split_and_as_npz(tmp_path: Path) -> None:
    piece = [[72, 64], [72, 65], [-1, 65], [74, 65]]
    (tmp_path / "a.json").write_text(json.dumps({"train": [piece, piece], "valid": [piece]}))
    np.savez(tmp_path / "b.npz", **{"train/0": np.array(piece), "other": np.array(piece)})
    found = read_rolls(tmp_path / "a.json")
    assert {split: len(songs) for split, songs in found.items()} == {"train": 2, "valid": 1}
    assert found["valid"][0].notes.tolist() == [[0, 12, 72, 0], [0, 6, 64, 1], [6, 18, 65, 1], [18, 6, 74, 0]]
    packed = read_rolls(tmp_path / "b.npz")
    assert (
        packed["train"][0].notes.tolist() == packed[""][0].notes.tolist() == found["valid"][0].notes.tolist()
    )


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "3",
        '{"train": 3}',
        "[[[60], [61, 62]]]",
        "[[[60.5]]]",
        "[[[300]]]",
        "[[[-1]]]",
        "[[1]]",
        "[[]]",
    ],
)
def test_broken_rolls_are_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DataError, match=r"a\.json"):
        read_rolls(tmp_path / "a.json")


def test_the_piece_is_named_that_is_broken(tmp_path: Path) -> None:
    for content, said in (
        ("[[[1]], [[1], [2, 3]]]", "piece 1"),
        ('{"train": [[[1], [2, 3]]]}', "piece 0 of train"),
    ):
        (tmp_path / "a.json").write_text(content)
        with pytest.raises(DataError, match=rf"a\.json: {said}: has steps"):
            read_rolls(tmp_path / "a.json")


def test_a_pickle_in_an_npz_is_not_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([{}, os], dtype=object)[:1])
    with pytest.raises(DataError):
        read_rolls(tmp_path / "a.npz")

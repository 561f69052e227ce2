import hashlib
import io
import json
import os
import random
import struct
import time
import zlib
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
import soundfile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from creative_gan import __version__
from creative_gan.core import provenance
from creative_gan.core.errors import DataError

MODEL = {
    "name": "digits",
    "path": "runs/digits",
    "weights": "ab" * 32,
    "recipe": "image/mnist",
    "data": "cd" * 8,
}
RECORD = provenance.origin("image sample", {"seed": 7, "index": 3, "class": None, "truncation": 0.7}, MODEL)


def wav(subtype: str = "PCM_16", frames: int = 1001) -> bytes:
    buffer = io.BytesIO()
    sound = np.sin(np.arange(frames) / 9) / 2
    soundfile.write(buffer, sound, 16000, format="WAV", subtype=subtype)
    return buffer.getvalue()


def midi(path: Path, text: str, lyric: str = "la") -> None:
    song = pretty_midi.PrettyMIDI()
    piano = pretty_midi.Instrument(0)
    piano.notes = [pretty_midi.Note(90, 60 + step % 12, step / 4, step / 4 + 0.2) for step in range(40)]
    song.instruments.append(piano)
    song.lyrics.append(pretty_midi.Lyric(lyric, 0.5))
    song.text_events.append(pretty_midi.Text(text, 0))
    song.write(str(path))


def png(**texts: tuple[str, bool]) -> bytes:
    info = PngInfo()
    for key, (text, packed) in texts.items():
        info.add_text(key.replace("_", "-"), text, zip=packed)
    buffer = io.BytesIO()
    Image.new("L", (5, 5)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def read(tmp_path: Path, data: bytes) -> dict | None:
    (tmp_path / "file").write_bytes(data)
    return provenance.read(tmp_path / "file")


def test_an_origin_says_what_and_from_what_and_is_the_same_every_time():
    assert RECORD["tool"] == "creative-gan" and RECORD["version"] == __version__
    assert RECORD["generated"] == "AI-generated" and RECORD["command"] == "image sample"
    assert RECORD["arguments"]["index"] == 3 and RECORD["model"] == MODEL
    again = provenance.origin("image sample", dict(reversed(RECORD["arguments"].items())), MODEL)
    assert provenance.text(again) == provenance.text(RECORD)


def test_an_origin_names_no_user(monkeypatch):
    monkeypatch.setenv("HOME", "/home/alice")
    monkeypatch.setenv("USERPROFILE", "/home/alice")
    record = provenance.origin(
        "image sample",
        {"from": ["/home/alice/a.png", "/home/alicette"]},
        {"path": Path("/home/alice/runs/x")},
    )
    assert record["model"]["path"] == "~/runs/x"
    assert record["arguments"]["from"] == ["~/a.png", "/home/alicette"]


def test_origins_of_several_works_become_one():
    origins = [provenance.origin("image sample", {"seed": 7, "index": index}, MODEL) for index in (3, 4, 9)]
    assert provenance.together(origins)["arguments"] == {"seed": 7, "index": [3, 4, 9]}
    assert provenance.together(origins[:1]) == origins[0]


def test_the_hash_of_a_file_is_that_of_sha256sum(tmp_path: Path):
    data = os.urandom(3_000_000)
    (tmp_path / "model.safetensors").write_bytes(data)
    assert provenance.file_hash(tmp_path / "model.safetensors") == hashlib.sha256(data).hexdigest()
    with pytest.raises(DataError, match="missing: cannot be read"):
        provenance.file_hash(tmp_path / "missing")


def test_a_description_is_aligned_and_obeys_no_control_characters():
    lines = provenance.describe(RECORD)
    assert lines[0] == f"made by        creative-gan {__version__}, AI-generated"
    assert "seed           7" in lines and "model path     runs/digits" in lines
    hostile = {"tool": "creative-gan", "command": "\x1b[2Jgone\n\ud800", "model": {"x" * 999: ["y"] * 999}}
    for line in provenance.describe(hostile | {"arguments": {str(n): n for n in range(999)}}):
        assert line.isprintable() and len(line) < 300
    assert provenance.describe({"tool": "creative-gan", "arguments": 3, "model": None})


def test_a_png_is_read_however_another_program_stored_the_text(tmp_path: Path):
    text = provenance.text(RECORD)
    assert read(tmp_path, png(creative_gan=(text, False))) == RECORD
    assert read(tmp_path, png(Comment=("hello", True), creative_gan=(text, True))) == RECORD
    end = png()[-12:]
    body = b"XML:com.adobe.xmp\0\1\0en\0key\0" + zlib.compress(provenance.xmp(RECORD).encode())
    assert read(tmp_path, png()[:-12] + png_chunk(b"iTXt", body) + end) == RECORD
    assert read(tmp_path, png(Comment=('{"tool": "other"}', False))) is None


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_U8", "FLOAT"])
def test_a_wav_keeps_its_sound_and_gains_its_origin(tmp_path: Path, subtype: str):
    plain = wav(subtype)
    marked = provenance.wav_bytes_with_origin(plain, RECORD)
    assert read(tmp_path, plain) is None
    assert read(tmp_path, marked) == RECORD
    assert struct.unpack_from("<I", marked, 4)[0] == len(marked) - 8
    before, after = soundfile.read(io.BytesIO(plain)), soundfile.read(io.BytesIO(marked))
    assert np.array_equal(before[0], after[0]) and before[1] == after[1]
    opened = soundfile.SoundFile(io.BytesIO(marked))
    assert json.loads(opened.comment) == RECORD and opened.software == provenance.SOFTWARE
    assert provenance.wav_bytes_with_origin(plain, RECORD) == marked


def test_a_png_keeps_its_pixels_and_gains_its_origin(tmp_path: Path):
    buffer = io.BytesIO()
    Image.effect_noise((30, 20), 50).save(buffer, "PNG")
    (tmp_path / "a.png").write_bytes(provenance.png_bytes_with_origin(buffer.getvalue(), RECORD))
    assert provenance.read(tmp_path / "a.png") == RECORD
    with Image.open(tmp_path / "a.png") as found, Image.open(buffer) as before:
        assert found.tobytes() == before.tobytes()
        assert (
            found.text["Software"] == provenance.SOFTWARE and "cgan:origin" in found.text["XML:com.adobe.xmp"]
        )
        assert found.getxmp()


def test_a_wav_that_lost_its_comment_still_has_the_xmp(tmp_path: Path):
    marked = provenance.wav_bytes_with_origin(wav(), RECORD)
    assert read(tmp_path, marked.replace(b"ICMT", b"IXXX")) == RECORD


def test_a_midi_of_pretty_midi_is_read(tmp_path: Path):
    midi(tmp_path / "song.mid", provenance.midi_text(RECORD), lyric="x" * 300)
    assert provenance.read(tmp_path / "song.mid") == RECORD
    midi(tmp_path / "other.mid", "creative-gan: not a record")
    assert provenance.read(tmp_path / "other.mid") is None


def test_a_midi_with_running_status_and_system_exclusive_is_read(tmp_path: Path):
    text = provenance.midi_text(RECORD).encode()
    events = bytes.fromhex(
        "00 90 3c 40 81 00 3c 00 00 c0 05 00 f0 03 43 12 f7 00 e0 00 40 00 ff 51 03 07 a1 20"
    )
    events += b"\0\xff\x01" + bytes([0x80 | len(text) >> 7, len(text) & 0x7F]) + text + b"\0\xff\x2f\0"
    tracks = (
        b"MTrk" + struct.pack(">I", 4) + b"\0\xff\x2f\0" + b"MTrk" + struct.pack(">I", len(events)) + events
    )
    data = b"MThd" + struct.pack(">IHHH", 6, 1, 2, 96) + tracks
    parsed = mido.MidiFile(file=io.BytesIO(data), charset="latin1")
    assert any(message.type == "text" for message in parsed.tracks[1])
    assert read(tmp_path, data) == RECORD


def test_a_sidecar_speaks_for_what_cannot_carry_a_record(tmp_path: Path):
    poem = tmp_path / "poem.txt"
    poem.write_text("The rose is red")
    assert provenance.read(poem) is None
    provenance.sidecar(poem).write_bytes(provenance.sidecar_bytes(RECORD))
    assert provenance.sidecar(poem).name == "poem.txt.json"
    assert provenance.read(poem) == RECORD and provenance.read(provenance.sidecar(poem)) == RECORD


def test_files_are_told_by_content(tmp_path: Path):
    (tmp_path / "sound.png").write_bytes(provenance.wav_bytes_with_origin(wav(), RECORD))
    assert provenance.read(tmp_path / "sound.png") == RECORD


def test_what_is_no_file_is_an_error(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "missing", tmp_path / "pipe"):
        with pytest.raises(DataError, match="there is no such file"):
            provenance.read(path)
    with pytest.raises(DataError, match="is a folder; name a file in it"):
        provenance.read(tmp_path)


def samples(tmp_path: Path) -> list[bytes]:
    text = provenance.text(RECORD)
    midi(tmp_path / "song.mid", provenance.midi_text(RECORD))
    gif, webp = io.BytesIO(), io.BytesIO()
    Image.new("L", (9, 9)).save(gif, "GIF", comment=text.encode())
    Image.new("L", (9, 9)).save(webp, "WEBP", xmp=provenance.xmp(RECORD).encode())
    return [
        png(creative_gan=(text, True)),
        provenance.wav_bytes_with_origin(wav(frames=50), RECORD),
        (tmp_path / "song.mid").read_bytes(),
        gif.getvalue(),
        webp.getvalue(),
        provenance.sidecar_bytes(RECORD),
        b"\0\0\0\x10ftypisom\0\0\2\0" + mp4_boxes(text.encode()),
    ]


def mp4_boxes(comment: bytes) -> bytes:
    box = b"\0\0\0\1\0\0\0\0" + comment
    for name in (b"data", b"\xa9cmt", b"ilst", b"meta", b"udta", b"moov"):
        box = (b"\0\0\0\0" + box) if name == b"meta" else box
        box = struct.pack(">I", 8 + len(box)) + name + box
    return box


def test_damaged_files_give_the_record_or_none(tmp_path: Path):
    chance = random.Random(0)
    for whole in samples(tmp_path):
        assert read(tmp_path, whole) == RECORD
        for _ in range(60):
            damaged = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.5 else whole)
            for _ in range(chance.randrange(4)):
                if damaged:
                    damaged[chance.randrange(min(200, len(damaged)))] = chance.choice(
                        (0, 1, 0x7F, 0x80, 0xFF)
                    )
            found = read(tmp_path, bytes(damaged))
            assert found is None or provenance.describe(found)


@pytest.mark.parametrize(
    "data",
    [
        png()[:33] + b"\xff\xff\xff\xfftEXt" + b"x" * 100,
        png()[:33] + png_chunk(b"zTXt", b"creative-gan\0\0" + zlib.compress(b" " * 200_000_000, 1)),
        b"\x89PNG\r\n\x1a\n" + (b"\0\0\0\0tEXt" + b"\0" * 4) * 300_000,
        b"RIFF\xff\xff\xff\xffWAVE" + b"data\0\0\0\0" * 500_000,
        b"RIFF\xff\xff\xff\xffWAVELIST\xff\xff\xff\xff",
        b"MThd\0\0\0\6\0\1\0\1\0\x60" + b"MTrk\0\0\0\0" * 500_000,
        b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\xff\xff\xff\xff" + b"\0\xff\1\xff\xff\xff\x7f",
        b"GIF89a\1\0\1\0\0\0\0" + b"\x21\xfe\0" * 1_000_000,
        b"\0\0\0\x10ftypisom\0\0\2\0" + (b"\0\0\0\x10moov\0\0\0\x08udta") * 200_000,
        b"\0\0\0\x10ftypisom\0\0\2\0\0\0\0\1moov\0\0\0\0\0\0\0\0",
        b"[" * 1_000_000,
        b'{"tool":' * 100_000,
        b'{"tool": "creative-gan", "n": ' + b"9" * 100_000 + b"}",
        b"",
    ],
    ids=lambda data: f"{data[:40][:20]!r} {len(data)}",
)
def test_hostile_files_are_passed_over_quickly(tmp_path: Path, data: bytes):
    started = time.process_time()
    assert read(tmp_path, data) is None
    assert time.process_time() - started < 2


@pytest.mark.parametrize("head", [b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF89a", b"MThd", b"\0\0\0\x08ftyp", b"{"])
def test_little_of_a_huge_file_is_read(tmp_path: Path, head: bytes):
    with (tmp_path / "file").open("wb") as file:
        file.write(head)
        file.truncate(1 << 36)
    started = time.process_time()
    assert provenance.read(tmp_path / "file") is None
    assert time.process_time() - started < 2


def test_the_xmp_packet_is_xml_that_says_a_model_made_it():
    from xml.etree import ElementTree

    record = provenance.origin("text sample", {"prompt": "</cgan:origin> & <b>\x00"}, MODEL)
    tree = ElementTree.fromstring(provenance.xmp(record).encode())
    texts = {element.tag.partition("}")[2]: element.text for element in tree.iter()}
    assert texts["DigitalSourceType"].endswith("/digitalsourcetype/trainedAlgorithmicMedia")
    assert json.loads(texts["origin"]) == record

"""The music commands as a user calls them: files that other programs open, sentences for every mistake."""

import json
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
import soundfile
from PIL import Image

from creative_gan.core import provenance
from tests.reliability.subjects import settings


def test_sounds_in_every_format_and_once_more(run, sounding: Path, tmp_path: Path):
    for ending in ("wav", "flac", "ogg"):
        out = tmp_path / f"a.{ending}"
        assert run("music", "sample", "--model", sounding, "--out", out, "--seed", 3)[0] == 0
        wave, rate = soundfile.read(out)
        assert rate == 16_000 and wave.shape == (8192,) and np.isfinite(wave).all()
        assert run("inspect", out, "--again", tmp_path / f"b.{ending}")[0] == 0
        assert (tmp_path / f"b.{ending}").read_bytes() == out.read_bytes()
    assert run("music", "sample", "--model", sounding, "-n", 3, "--out", tmp_path / "many")[0] == 0
    assert [p.name for p in sorted((tmp_path / "many").iterdir())] == ["00000.wav", "00001.wav", "00002.wav"]
    code, _, err = run("music", "sample", "--model", sounding, "--out", tmp_path / "a.wav")
    assert code == 1 and "--overwrite" in err


def test_songs_in_every_format_and_once_more(run, composed: Path, tmp_path: Path):
    for ending in ("mid", "wav"):
        out = tmp_path / f"a.{ending}"
        asked = ("--bars", 2, "--tempo", 90, "--key", "D major", "--metre", "3/4", "--instrument", 40)
        assert run("music", "sample", "--model", composed, "--out", out, "--seed", 3, *asked)[0] == 0
        assert run("inspect", out, "--again", tmp_path / f"b.{ending}")[0] == 0
        assert (tmp_path / f"b.{ending}").read_bytes() == out.read_bytes()
    song = pretty_midi.PrettyMIDI(str(tmp_path / "a.mid"))
    assert song.get_tempo_changes()[1][0] == pytest.approx(90, rel=1e-4)
    assert song.time_signature_changes[0].numerator == 3
    assert song.instruments[0].program == 40
    sound, rate = soundfile.read(tmp_path / "a.wav")
    assert rate == 44_100 and sound.shape[1] == 2 and 0.01 < np.abs(sound).max() < 1
    assert (
        run("music", "sample", "--model", composed, "-n", 2, "--bars", 1, "--out", tmp_path / "many")[0] == 0
    )
    assert len(list((tmp_path / "many").glob("*.mid"))) == 2
    code, _, err = run("music", "sample", "--model", composed, "-n", 2, "--out", tmp_path / "two.mid")
    assert code == 1 and "need a folder" in err
    for weights in ("mle", "adversarial"):
        out = tmp_path / f"{weights}.mid"
        asked = ("--bars", 1, "--weights", weights)
        assert run("music", "sample", "--model", composed, "--out", out, *asked)[0] == 0
        record = json.loads(run("inspect", out, "--json")[1])
        assert record["arguments"]["weights"] == weights


def test_a_piece_goes_on_and_a_melody_is_accompanied(
    run, composed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    given = Path("song.mid")
    assert run("music", "sample", "--model", composed, "--bars", 2, "--out", given)[0] == 0
    played = pretty_midi.PrettyMIDI(str(given))
    for part in played.instruments:
        for n, note in enumerate(part.notes):
            note.velocity = 20 + n  # somebody's own dynamics
    played.write(str(given))
    assert (
        run("music", "continue", given, "--model", composed, "--bars", 2, "--out", tmp_path / "c.mid")[0] == 0
    )
    code, _, err = run("music", "accompany", given, "--model", composed, "--out", tmp_path / "d.mid")
    assert code == 0 and "song.mid: its melody is kept; what else it holds is made anew (chords)" in err

    def melody(path: Path) -> list[tuple[int, float, int]]:
        (part,) = [part for part in pretty_midi.PrettyMIDI(str(path)).instruments if part.name == "melody"]
        return [(note.pitch, round(note.start, 3), note.velocity) for note in part.notes]

    before = melody(given)
    assert melody(tmp_path / "c.mid")[: len(before)] == before
    assert melody(tmp_path / "d.mid") == before
    record = provenance.read(tmp_path / "d.mid")
    assert record is not None and record["arguments"]["file"] == "song.mid"


@pytest.mark.parametrize(("command", "asked"), [("continue", ("--bars", 2)), ("accompany", ())])
def test_what_was_made_of_a_piece_is_made_again_from_that_piece_alone(
    run, composed: Path, tmp_path: Path, command: str, asked: tuple
):
    given, other, out, again = (tmp_path / name for name in ("given.mid", "other.mid", "many", "again"))
    for song, seed in ((given, 1), (other, 2)):
        made = run("music", "sample", "--model", composed, "--bars", 2, "--seed", seed, "--out", song)
        assert made[0] == 0
    asked = ("--model", composed, "--seed", 5, "--temperature", 1.2, "--instrument", 40, *asked)
    assert run("music", command, given, *asked, "-n", 2, "--out", out)[0] == 0
    assert run("music", command, given, *asked, "--out", tmp_path / "heard.wav")[0] == 0
    files = [*sorted(out.iterdir()), tmp_path / "heard.wav"]
    assert len({file.read_bytes() for file in files}) == 3
    for file in files:
        copy = again / file.name
        assert run("inspect", file, "--again", copy)[0] == 0
        assert copy.read_bytes() == file.read_bytes()

    for change, said in (
        (lambda: given.write_bytes(other.read_bytes()), "has changed since"),
        (given.unlink, "is not there any more"),
    ):
        change()
        code, _, err = run("inspect", files[0], "--again", tmp_path / "x.mid")
        assert code == 1 and said in err and str(given) in err
        assert err.count("\n") == 1 and not (tmp_path / "x.mid").exists()


def test_what_becomes_of_a_given_piece_is_said(run, composed: Path, tmp_path: Path):
    given, out = tmp_path / "given.mid", tmp_path / "out.mid"
    for starts, pitch, said in (
        ([0, 0.5, 1], 72, {}),
        ([0, 0.54, 1], 72, {"continue": "1 of 3 notes moved", "accompany": "1 of 3 notes moved"}),
        (
            [0, 0.5, 1],
            36,
            {"accompany": "given.mid: the melody does not stay quite as it is: all of it moves up"},
        ),
    ):
        song = pretty_midi.PrettyMIDI()
        song.instruments.append(pretty_midi.Instrument(40))
        song.instruments[0].notes = [pretty_midi.Note(80, pitch, start, start + 0.4) for start in starts]
        song.write(str(given))
        for command, more in (("continue", ("--bars", 1)), ("accompany", ())):
            asked = ("--model", composed, "--out", out, "--overwrite", *more)
            code, _, err = run("music", command, given, *asked)
            lines = err.splitlines()
            assert code == 0 and lines[-1] == f"wrote {out}" and len(lines) == 1 + (command in said), err
            assert said.get(command, "") in lines[0]


def test_options_of_the_other_kind_are_refused(run, sounding: Path, composed: Path, tmp_path: Path):
    for model, arguments, said in (
        (sounding, ("sample", "--bars", 4, "--out", "x.wav"), "--bars"),
        (composed, ("sample", "--truncation", 1, "--out", "x.mid"), "--truncation"),
        (sounding, ("sample", "--out", "x.mid"), "sounds, not notes"),
        (composed, ("sample", "--out", "x.png"), ".mid"),
        (composed, ("walk", "--out", "x.wav"), "walk"),
        (sounding, ("evaluate", "--verdict"), "--verdict"),
        (composed, ("sample", "--key", "H major", "--out", "x.mid"), "H major"),
        (composed, ("sample", "--metre", "17/3", "--out", "x.mid"), "17/3"),
        (sounding, ("sample", "--class", "gong", "--out", "x.wav"), "gong"),
    ):
        code, _, err = run("music", *arguments, "--model", model)
        assert code == 1 and said in err and "Traceback" not in err, arguments
    assert not any(Path(name).exists() for name in ("x.wav", "x.mid", "x.png"))


def test_the_kind_goes_with_the_data(run, tmp_path: Path):
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    soundfile.write(mixed / "a.wav", 0.5 * np.sin(np.arange(8000) / 9), 8000)
    song = pretty_midi.PrettyMIDI()
    song.instruments.append(pretty_midi.Instrument(0))
    song.instruments[0].notes = [pretty_midi.Note(80, 60 + i, i / 2, i / 2 + 0.5) for i in range(8)]
    song.write(str(mixed / "b.mid"))
    code, _, err = run("music", "check", mixed)
    assert code == 1 and "--kind" in err and "1 sound and 1 MIDI file;" in err
    assert run("music", "check", mixed, "--kind", "wave")[1].startswith("1 sound, 1.0 s in all\n")
    said = run("music", "check", mixed, "--kind", "midi")[1]
    assert said.startswith("1 song of the shape `lead`, 2 bars, 4.0 s in all\n")
    code, _, err = run("music", "train", mixed)
    assert code == 1 and "--kind" in err
    code, _, err = run("music", "train", mixed, "--recipe", "drums", "--kind", "midi")
    assert code == 2 and "--kind wave" in err
    empty = tmp_path / "empty"
    empty.mkdir()
    code, _, err = run("music", "train", empty)
    assert code == 1 and "neither sounds nor MIDI" in err


@pytest.mark.parametrize(
    ("kind", "whole"), [("image", "a.png"), ("text", "a.txt"), ("music", "a.wav"), ("music", "a.mid")]
)
def test_check_lists_twenty_of_what_it_skips(run, tmp_path: Path, kind: str, whole: str):
    song = pretty_midi.PrettyMIDI()
    song.instruments.append(pretty_midi.Instrument(0))
    song.instruments[0].notes = [pretty_midi.Note(80, 60, 0, 1)]
    make = {
        "a.png": lambda path: Image.new("RGB", (40, 30)).save(path),
        "a.txt": lambda path: path.write_text("one line\nand another\n"),
        "a.wav": lambda path: soundfile.write(path, 0.5 * np.sin(np.arange(8000) / 9), 8000),
        "a.mid": lambda path: song.write(str(path)),
    }
    make[whole](tmp_path / whole)
    for i in range(23):
        (tmp_path / f"broken{i:02}{Path(whole).suffix}").write_bytes(b"\xff\xff\x00\x00" * 4)
    said = run(kind, "check", tmp_path)[1].splitlines()
    at = said.index("skipped: 23")
    assert said[at + 1].startswith(f"  broken00{Path(whole).suffix}")
    assert said[at + 20].startswith("  broken19") and said[at + 21] == "  and 3 more; all with --json"
    assert len(json.loads(run(kind, "check", tmp_path, "--json")[1])["skipped"]) == 23


def test_render_and_picture(run, composed: Path, sounding: Path, tmp_path: Path):
    song, sound = tmp_path / "song.mid", tmp_path / "sound.flac"
    run("music", "sample", "--model", composed, "--bars", 1, "--out", song)
    run("music", "sample", "--model", sounding, "--out", sound)
    assert run("music", "render", song, "--out", tmp_path / "song.wav", "--engine", "own")[0] == 0
    assert soundfile.info(tmp_path / "song.wav").channels == 2
    record = provenance.read(tmp_path / "song.wav")
    assert record is not None and (record["command"], record["of"]) == ("music render", "music sample")
    code, _, err = run("inspect", tmp_path / "song.wav", "--again", tmp_path / "again.wav")
    assert code == 1 and "was rendered from another file; make that again" in err
    bare = tmp_path / "bare.wav"
    assert run("music", "render", song, "--out", bare, "--engine", "own", "--no-metadata")[0] == 0
    assert provenance.read(bare) is None
    for file in (song, sound):
        assert run("music", "picture", file)[0] == 0
        drawn = file.with_suffix(".png")
        with Image.open(drawn) as picture:
            assert picture.width >= 400
        record = provenance.read(drawn)
        assert record is not None and (record["command"], record["of"]) == ("music picture", "music sample")
        code, _, err = run("inspect", drawn, "--again", tmp_path / "again.png")
        assert code == 1 and "was drawn from another file" in err
        assert run("music", "picture", file, "--overwrite", "--no-metadata")[0] == 0
        assert provenance.read(drawn) is None
    (tmp_path / "not.mid").write_bytes(b"MThd but not really")
    for command in (("render", "--out", tmp_path / "n.wav"), ("picture",)):
        code, _, err = run("music", command[0], tmp_path / "not.mid", *command[1:])
        assert code == 1 and "not.mid" in err and "Traceback" not in err


def test_several_sounds_for_one_file_follow_each_other_and_the_help_says_so(
    run, sounding: Path, composed: Path, tmp_path: Path
):
    help_ = " ".join(run("music", "sample", "--help")[1].split())
    assert "sounds for one file follow each other in it, songs need a folder" in help_
    lengths = []
    for count in (1, 2):
        out = tmp_path / f"{count}.wav"
        assert run("music", "sample", "--model", sounding, "-n", count, "--out", out)[0] == 0
        lengths.append(soundfile.info(out).frames)
    assert lengths[1] > 2 * lengths[0]
    code, _, err = run(
        "music", "sample", "--model", composed, "-n", 2, "--bars", 1, "--out", tmp_path / "s.wav"
    )
    assert code == 1 and "2 songs need a folder" in err


def test_walk_is_one_sound_made_again(run, sounding: Path, tmp_path: Path):
    out = tmp_path / "walk.wav"
    assert run("music", "walk", "--model", sounding, "--seconds", 2, "--out", out)[0] == 0
    assert soundfile.info(out).duration >= 2
    assert run("inspect", out, "--again", tmp_path / "again.wav")[0] == 0
    assert (tmp_path / "again.wav").read_bytes() == out.read_bytes()


def test_evaluate_and_export(run, sounding: Path, composed: Path, tmp_path: Path):
    code, out, _ = run("music", "evaluate", "--model", composed, "-n", 20, "--json")
    measured = [row for row in json.loads(out).values() if isinstance(row, dict) and "value" in row]
    assert code == 0 and len(measured) > 5 and all("floor" in row for row in measured)
    for model, ending in ((sounding, "wav"), (composed, "mid")):
        copy = tmp_path / f"{ending}-copy"
        assert run("music", "export", "--model", model, "--out", copy)[0] == 0
        for source, name in ((model, "one"), (copy, "two")):
            run("music", "sample", "--model", source, "--no-metadata", "--out", tmp_path / f"{name}.{ending}")
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()


def test_training_goes_on_where_it_stopped(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("creative_gan.music.midi.look.MEASURED", 6)
    train = ("music", "train", "builtin:tunes", "--samples", 32, "--out", tmp_path / "run", "--quiet")
    small = settings("network.width=16", "game.batch=16", "watch.looks=1", "watch.report=false")
    assert run(*train, *small)[0] == 0
    log = (tmp_path / "run/metrics.jsonl").read_bytes()
    assert run(*train, *small)[0] == 0 and (tmp_path / "run/metrics.jsonl").read_bytes() == log
    code, _, err = run("music", "train", "builtin:drums", "--out", tmp_path / "run", "--quiet")
    assert code == 1 and "another" in err
    code, out, _ = run("music", "train", "builtin:tunes", "--dry-run")
    assert code == 0 and "[network]" in out and "parameters" in out

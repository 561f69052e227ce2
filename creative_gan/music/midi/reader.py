"""Reads MIDI files and piano rolls into songs; whatever else a file holds is soon refused in a sentence."""

import io
import json
import struct
import warnings
import zipfile
from pathlib import Path

import mido
import numpy as np
import pretty_midi

from creative_gan.core.errors import DataError
from creative_gan.music.midi.song import (
    COMMON,
    MAX_QUARTERS,
    QUARTER,
    SIXTEENTH,
    Part,
    Song,
    closest_metre,
    estimate_key,
    ordered,
    snap,
)

MIDI_SUFFIXES = (".mid", ".midi")
MAX_BYTES = 1_000_000
"""Larger MIDI files are refused: this is some 250,000 events, ten seconds of parsing."""
MAX_ROLL_BYTES = 200_000_000
MAX_TRACKS = 128
MAX_TICK = 5_000_000
MAX_NOTES = 100_000
VOICES = ("soprano", "alto", "tenor", "bass")


def read_midi(path: str | Path) -> Song:
    """One MIDI file, the beginning of every note at the nearest place of the grid, its length in whole ticks.

    Notes that never end and drum channels without notes are left out. Where the file names no key, the key
    is estimated. The tempo is that under which most of the song is played, and its changes stand beside it. An
    opening bar that is shorter than those of the metre after it is a pickup, and read as the end of a full bar that
    begins with silence.

    Raises DataError for anything that is not a MIDI file with notes, or too large to be one.
    """
    return parse_midi(_bytes(path), path)


def open_midi(path: str | Path) -> pretty_midi.PrettyMIDI:
    """One MIDI file as it is, for playing. Raises DataError as `read_midi` does."""
    midi, _ = _parsed(_bytes(path), path)
    if not any(instrument.notes for instrument in midi.instruments):
        raise DataError(path, "holds no notes")
    return midi


def off_grid(path: str | Path) -> tuple[int, int]:
    """How many notes of a MIDI file do not begin at a place of the grid, to which `read_midi` moves them; and how many
    there are. Raises DataError as `read_midi` does."""
    midi = open_midi(path)
    ticks = [midi.time_to_tick(note.start) for player in midi.instruments for note in player.notes]
    quarters = np.array(ticks) / midi.resolution
    # a file may have no tick of its own where a triplet begins
    return int((np.abs(snap(quarters) - quarters * QUARTER) > 0.25).sum()), len(ticks)


def parse_midi(data: bytes, name: str | Path) -> Song:
    """The song in the bytes of a MIDI file; see `read_midi`. `name` is for the error."""
    midi, parsed = _parsed(data, name)
    return _song(midi, parsed, name)


def _bytes(path: str | Path) -> bytes:
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(path, f"is larger than {MAX_BYTES // 1000} kB, too large for a MIDI file")
        return path.read_bytes()
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})") from None


def _parsed(data: bytes, name: str | Path) -> tuple[pretty_midi.PrettyMIDI, mido.MidiFile]:
    """The file as both libraries have it."""
    _check_chunks(data, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = mido.MidiFile(file=io.BytesIO(data), clip=True)
            _check_times(parsed, name)
            midi = pretty_midi.PrettyMIDI(mido_object=parsed)
    except DataError:
        raise
    except Exception as error:  # both libraries let out whatever a damaged byte led to
        raise DataError(name, f"is damaged ({type(error).__name__}: {error})".replace("\n", " ")) from None
    return midi, parsed


def read_rolls(path: str | Path) -> dict[str, list[Song]]:
    """Piano rolls of four voices (or fewer): a MIDI pitch for each voice and sixteenth, -1 for silence.

    `.json`: either a list of pieces or `{"train": [pieces], "valid": [pieces], ...}`; a piece is a list of
    steps, a step a list of pitches from the highest voice to the lowest. `.npz`: the same, an array
    [steps, voices] under each name, a part before a `/` being the split (`train/0001`). A pitch that stays
    is held. The metre is taken for 4/4, the tempo for 90; the key is estimated.

    Returns songs by split, "" where the file has none. Raises DataError.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_ROLL_BYTES:
            raise DataError(path, f"is larger than {MAX_ROLL_BYTES // 1_000_000} MB")
        splits = _npz_rolls(path) if path.suffix.lower() == ".npz" else _json_rolls(path)
    except DataError:
        raise
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror or error})") from None
    except Exception as error:  # json, numpy and zipfile each have their own
        raise DataError(path, f"cannot be read ({error})".replace("\n", " ")) from None
    return {
        split: [
            _roll_song(roll, f"{path}: piece {i}{f' of {split}' if split else ''}")
            for i, roll in enumerate(rolls)
        ]
        for split, rolls in splits.items()
    }


def roll_notes(roll: np.ndarray) -> np.ndarray:
    """Notes [N, 4] of a roll int [steps, voices] of pitches, -1 for silence; a pitch that stays is held."""
    notes = []
    for voice, pitches in enumerate(np.asarray(roll).T):
        starts = np.flatnonzero(np.diff(pitches, prepend=-2))
        for start, stop in zip(starts, [*starts[1:], len(pitches)], strict=True):
            if pitches[start] >= 0:
                notes.append((start * SIXTEENTH, (stop - start) * SIXTEENTH, pitches[start], voice))
    return ordered(np.array(notes, np.int64).reshape(-1, 4))


def _check_chunks(data: bytes, name: str | Path) -> None:
    """Walk the chunks of the file, so that nothing is parsed that is not a whole MIDI file."""
    if not data:
        raise DataError(name, "is empty")
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        raise DataError(name, "is a RIFF MIDI file, which is not read", "save it as a standard MIDI file")
    if data[:4] != b"MThd":
        raise DataError(name, "is not a MIDI file")
    if len(data) < 14:
        raise DataError(name, "is cut off in its header")
    size, kind, tracks, division = struct.unpack(">IHHH", data[4:14])
    if size < 6 or kind > 2 or division == 0:
        raise DataError(name, "has a damaged MIDI header")
    if division & 0x8000:
        raise DataError(name, "counts time in film frames, which gives no beats")
    if tracks > MAX_TRACKS:
        raise DataError(name, f"has {tracks} tracks, more than {MAX_TRACKS}")
    at, found = 8 + size, 0
    while found < tracks:
        if at + 8 > len(data):
            raise DataError(name, f"is cut off: {found} of its {tracks} tracks are there")
        length = struct.unpack(">I", data[at + 4 : at + 8])[0]
        found += data[at : at + 4] == b"MTrk"
        at += 8 + length
        if at > len(data):
            raise DataError(name, f"is cut off in track {found}")
    if tracks == 0:
        raise DataError(name, "holds no track")


def _check_times(parsed: mido.MidiFile, name: str | Path) -> None:
    """Refuse times for which pretty_midi would fill the memory, and tempos of no length."""
    for track in parsed.tracks:
        if (last := sum(event.time for event in track)) > MAX_TICK:
            raise DataError(name, f"ends at tick {last}, which no real song reaches")
        if any(event.type == "set_tempo" and event.tempo == 0 for event in track):
            raise DataError(name, "has a tempo of 0")
        if sum(event.type == "note_on" for event in track) > MAX_NOTES:
            raise DataError(name, f"has more than {MAX_NOTES} notes in a track")


def _song(midi: pretty_midi.PrettyMIDI, parsed: mido.MidiFile, name: str | Path) -> Song:
    parts: list[Part] = []
    rows: list[np.ndarray] = []
    struck: dict[tuple[int, int, int], int] = {}
    seconds, tempi = midi.get_tempo_changes()
    beats = np.concatenate([[0.0], np.cumsum(np.diff(seconds) * tempi[:-1] / 60)])

    def quarters(times: np.ndarray) -> np.ndarray:
        segment = np.searchsorted(seconds, times + 1e-9, side="right") - 1
        return beats[segment] + (times - seconds[segment]) * tempi[segment] / 60

    metres, keys = _changes(parsed)
    metres, silence = _filled(metres)
    for instrument in midi.instruments:
        if not instrument.notes:
            continue
        if len({*parts}) > MAX_TRACKS:
            raise DataError(name, f"has more than {MAX_TRACKS} instruments")
        times = np.array([(note.start, note.end) for note in instrument.notes])
        start, end = quarters(times[:, 0]), quarters(times[:, 1])
        length = np.rint((end - start) * QUARTER).clip(1)
        pitch = [note.pitch for note in instrument.notes]
        onset, part = snap(start + silence / QUARTER), np.full(len(pitch), len(parts))
        rows.append(np.stack([onset, length, pitch, part], 1))
        keys_of_notes = zip(onset.tolist(), pitch, part.tolist(), strict=True)
        struck.update(zip(keys_of_notes, (note.velocity for note in instrument.notes), strict=True))
        parts.append(Part(instrument.name.strip(), int(instrument.program), bool(instrument.is_drum)))
    if not rows:
        raise DataError(name, "holds no notes")
    notes = ordered(np.concatenate(rows).astype(np.int64))
    if (last := (notes[:, 0] + notes[:, 1]).max()) > MAX_QUARTERS * QUARTER:
        raise DataError(name, f"lasts {last // QUARTER} quarter notes, which no real song does")
    if not keys:
        pitched = notes[~np.array([part.drum for part in parts])[notes[:, 3]]]
        keys = {0: estimate_key(pitched)}
    keys = {tick + silence if tick else 0: key for tick, key in keys.items()}
    found = {tick: closest_metre(*metre) for tick, metre in metres.items()}
    known = {tick: COMMON if metre is None else metre for tick, metre in found.items()}
    unknown = dict.fromkeys("{}/{}".format(*metres[tick]) for tick in sorted(found) if found[tick] is None)
    tempo, tempi = _tempi(parsed, int(last), silence)
    return Song(
        notes,
        tuple(parts),
        tempo,
        _from_zero(known, COMMON),
        _from_zero(keys, None),
        tempi=tempi,
        unknown=tuple(unknown),
        struck=struck,
    )


def _changes(parsed: mido.MidiFile) -> tuple[dict[int, tuple[int, int]], dict[int, int]]:
    """Metres and keys of all tracks (some writers put them into the second). Times are absolute by now."""
    metres: dict[int, tuple[int, int]] = {}
    keys: dict[int, int] = {}
    for event in (event for track in parsed.tracks for event in track):
        if event.type not in ("time_signature", "key_signature"):
            continue
        tick = int(snap(np.array([event.time / parsed.ticks_per_beat]))[0])
        if event.type == "time_signature":
            metres[tick] = (event.numerator, event.denominator)
        else:
            keys[tick] = int(pretty_midi.key_name_to_key_number(event.key))
    return metres, keys


def _filled(metres: dict[int, tuple[int, int]]) -> tuple[dict[int, tuple[int, int]], int]:
    """The metres with a full first bar, and the ticks of silence at its beginning that make it one.

    Notation programs write a pickup as a bar of its own metre, or let the next metre cut the first bar short.
    """
    at = min((tick for tick in metres if tick), default=0)
    (opening, opening_unit), (count, unit) = metres.get(0, (4, 4)), metres.get(at, (4, 4))
    whole = 4 * QUARTER * count // unit
    if not 0 < at < whole or at * opening_unit > 4 * QUARTER * opening:
        return metres, 0
    later = {tick + whole - at: metre for tick, metre in metres.items() if tick > at}
    return {0: (count, unit), **later}, whole - at


def _from_zero(changes: dict[int, int], first: int | None) -> tuple[tuple[int, int], ...]:
    """In order, from tick 0 on; what is in force there is `first`, or else the first that is named."""
    rows = sorted(changes.items())
    if not rows or rows[0][0] > 0:
        assert rows or first is not None
        rows = [(0, rows[0][1] if first is None else first), *rows]
    return tuple(rows)


def _tempi(parsed: mido.MidiFile, end: int, silence: int) -> tuple[float, tuple[tuple[int, float], ...]]:
    """Quarters a minute under which most of the file is played, and the changes before the tick `end`, if any.

    silence: ticks that come before the file, under its first tempo.
    """
    changes = {0: 500_000}
    last = 0
    for event in (event for track in parsed.tracks for event in track):
        last = max(last, event.time)
        if event.type == "set_tempo":
            changes[event.time] = event.tempo
    ticks = sorted(changes)
    share: dict[int, int] = {}
    for tick, following in zip(ticks, [*ticks[1:], max(last, ticks[-1] + 1)], strict=True):
        share[changes[tick]] = share.get(changes[tick], 0) + following - tick
    main = max(share, key=lambda tempo: share[tempo])
    # to whole ticks of ours, of which the last change in each counts
    at = {tick: round(tick / parsed.ticks_per_beat * QUARTER) for tick in ticks}
    rows = {at[tick] + silence if tick else 0: 6e7 / changes[tick] for tick in ticks}
    tempi = tuple((tick, tempo) for tick, tempo in rows.items() if tick < end)
    return 6e7 / main, tempi if len(tempi) > 1 else ()


def _json_rolls(path: Path) -> dict[str, list]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(content, list):
        return {"": content}
    if isinstance(content, dict) and all(isinstance(pieces, list) for pieces in content.values()):
        return content
    raise DataError(path, "holds neither a list of pieces nor lists by split")


def _npz_rolls(path: Path) -> dict[str, list]:
    splits: dict[str, list] = {}
    with zipfile.ZipFile(path) as archive:  # what it unpacks to, which zipfile holds it to
        if sum(member.file_size for member in archive.infolist()) > MAX_ROLL_BYTES:
            raise DataError(path, f"unpacks to more than {MAX_ROLL_BYTES // 1_000_000} MB")
    with np.load(path, allow_pickle=False) as arrays:
        for name in arrays.files:
            splits.setdefault(name.rpartition("/")[0], []).append(arrays[name])
    return splits


def _roll_song(piece: object, name: str) -> Song:
    try:
        roll = np.array(piece)
    except ValueError:
        raise DataError(name, "has steps of different numbers of voices") from None
    if roll.ndim != 2 or not 1 <= roll.shape[1] <= len(VOICES) or roll.dtype.kind not in "iu":
        raise DataError(name, "is not whole numbers [steps, voices], up to four voices")
    if roll.min() < -1 or roll.max() > 127 or len(roll) > MAX_QUARTERS * 4:
        raise DataError(name, "is not made of MIDI pitches 0 to 127, or -1 for silence")
    notes = roll_notes(roll)
    if not len(notes):
        raise DataError(name, "holds no notes")
    parts = tuple(Part(VOICES[i]) for i in range(roll.shape[1]))
    return Song(notes, parts, tempo=90.0, keys=((0, estimate_key(notes)),))

"""Writes songs as MIDI files."""

import io
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

import mido
import numpy as np
import pretty_midi

from creative_gan.core.errors import within
from creative_gan.music.midi.keys import spelt
from creative_gan.music.midi.song import KEYS, METRES, QUARTER, Song

RESOLUTION = 480
"""MIDI ticks of a quarter: what sequencers are used to, and 20 times the grid."""
_LOUDNESS = {"melody": 96, "soprano": 92, "bass": 84, "drums": 92}


def programs(instrument: int | None) -> tuple[int, ...]:
    """The `instruments` of `to_midi`, of one for all parts but drums. Raises UserError where there is no such one."""
    if instrument is None:
        return ()
    within("instrument", instrument, 0, 127, whole=True)
    return (instrument,)


def to_midi(song: Song, text: str = "", instruments: Sequence[int] = ()) -> pretty_midi.PrettyMIDI:
    """A song as pretty_midi has it.

    Notes on the first beat of a bar are a little louder, those between beats softer, melodies louder than
    what goes with them; notes of a given piece stay as loud, and what is new in its parts is as loud as they are.
    Parts without notes are left out.

    Args:
        song: what to write.
        text: written as a text event at the beginning, for instance where the file comes from.
        instruments: General MIDI programs, 0 to 127, for the parts that are not drums, in their order;
            the last one goes on for the parts after it.
    """
    # pretty_midi keeps whole microseconds a quarter; with these, its ticks and seconds agree exactly.
    tempi = [(tick, int(60e6 / tempo)) for tick, tempo in song.tempi or ((0, song.tempo),)]
    midi = pretty_midi.PrettyMIDI(resolution=RESOLUTION, initial_tempo=60e6 / tempi[0][1])
    if len(tempi) > 1:  # it has no other way to be told
        midi._tick_scales = [(tick * RESOLUTION // QUARTER, us / 1e6 / RESOLUTION) for tick, us in tempi]
        midi._update_tick_to_time(song.end * RESOLUTION // QUARTER + 1)
    seconds = _seconds(tempi)
    midi.time_signature_changes = [
        pretty_midi.TimeSignature(*METRES[metre], seconds(tick)) for tick, metre in song.metres
    ]
    midi.key_signature_changes = [pretty_midi.KeySignature(key, seconds(tick)) for tick, key in song.keys]
    if text:
        midi.text_events = [pretty_midi.Text(text, 0.0)]
    velocities = _velocities(song)
    pitched = 0
    for index, part in enumerate(song.parts):
        chosen = (
            instruments[min(pitched, len(instruments) - 1)] if instruments and not part.drum else part.program
        )
        pitched += not part.drum
        here = song.notes[:, 3] == index
        if not here.any():
            continue
        player = pretty_midi.Instrument(chosen, part.drum, part.name)
        player.notes = [
            pretty_midi.Note(int(velocity), int(pitch), seconds(onset), seconds(onset + length))
            for (onset, length, pitch, _), velocity in zip(song.notes[here], velocities[here], strict=True)
        ]
        midi.instruments.append(player)
    return midi


def to_bytes(song: Song, text: str = "", instruments: Sequence[int] = ()) -> bytes:
    """A song as the bytes of a MIDI file; see `to_midi`."""
    buffer = io.BytesIO()
    to_midi(song, text, instruments).write(buffer)
    # pretty_midi knows one name of each key: the usual one, but for D#m
    if song.signature is None and all(KEYS[key] != "Eb minor" for _, key in song.keys):
        return buffer.getvalue()
    return _spelt(buffer.getvalue(), song)


def _spelt(data: bytes, song: Song) -> bytes:
    """The file with its keys by the names that are meant."""
    file = mido.MidiFile(file=io.BytesIO(data))
    for event in file.tracks[0]:
        if event.type == "key_signature":
            event.key = spelt(int(pretty_midi.key_name_to_key_number(event.key)), song.signature)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _seconds(tempi: Sequence[tuple[int, int]]) -> Callable[[int], float]:
    """What tells the seconds at which a tick comes. tempi: (tick, microseconds a quarter), the first at tick 0."""
    ticks = [tick for tick, _ in tempi]
    second = [microseconds / 1e6 / QUARTER for _, microseconds in tempi]
    begun = [0.0, *accumulate(s * (b - a) for s, (a, b) in zip(second, pairwise(ticks), strict=False))]

    def seconds(tick: int) -> float:
        here = bisect_right(ticks, tick) - 1
        return float(begun[here] + (tick - ticks[here]) * second[here])

    return seconds


def _velocities(song: Song) -> np.ndarray:
    """How hard each note is struck. Returns int64 [N] in 1..127."""
    bars = song.bars()
    if not len(bars):
        return np.zeros(0, np.int64)
    levels = [_LOUDNESS.get(part.name, 76) for part in song.parts]
    heard: dict[int, list[int]] = {}
    for (_, _, part), velocity in song.struck.items():
        heard.setdefault(part, []).append(velocity)
    for part, known in heard.items():
        levels[part] = round(sum(known) / len(known))
    onset, _, pitch, part = song.notes.T
    within = onset - bars[np.searchsorted(bars[:, 0], onset, side="right") - 1, 0]
    usual = np.array(levels)[part] + np.where(within == 0, 8, np.where(within % QUARTER == 0, 0, -6))
    notes = zip(onset.tolist(), pitch.tolist(), part.tolist(), strict=True)
    struck = [song.struck.get(note, 0) for note in notes]
    return np.where(struck, struck, usual.clip(1, 127))

"""Songs as files, one or many: MIDI, or sound through the synthesiser, as the name says."""

from collections.abc import Sequence
from pathlib import Path

from creative_gan.core.errors import UserError
from creative_gan.core.files import write_bytes, write_folder
from creative_gan.core.provenance import Record, midi_text
from creative_gan.music.midi.export import to_bytes, to_midi
from creative_gan.music.midi.reader import MIDI_SUFFIXES
from creative_gan.music.midi.song import Song
from creative_gan.music.synth import render
from creative_gan.music.wave.export import FORMATS, sound_bytes

RATE = 44_100
"""Samples a second of rendered songs."""


def write_song(
    song: Song,
    out: Path,
    origin: Record | None = None,
    instruments: Sequence[int] = (),
    overwrite: bool = False,
) -> None:
    """Writes one song; see `write_songs`."""
    write_bytes(out, song_bytes(song, out, origin, instruments), overwrite)


def write_songs(
    songs: Sequence[Song],
    out: Path,
    origins: Sequence[Record] | None = None,
    instruments: Sequence[int] = (),
    overwrite: bool = False,
) -> list[Path]:
    """Writes a song as the name of `out` ends, or many into a folder as 00000.mid, 00001.mid...

    Args:
        origins: one record for each song, written into its file; None leaves no trace.
        instruments: see `export.to_midi`.

    Raises:
        UserError: another ending, several songs for one file, or `out` exists and `overwrite` is not set.
    """
    assert origins is None or len(origins) == len(songs), "one origin per song"
    records = list(origins) if origins else [None] * len(songs)
    if out.suffix and not out.is_dir():
        if len(songs) > 1:
            raise UserError(f"{out} is one file, and {len(songs)} songs need a folder; name one with --out")
        write_song(songs[0], out, records[0], instruments, overwrite)
        return [out]
    names = [f"{i:05d}.mid" for i in range(len(songs))]

    def build(folder: Path) -> None:
        for name, song, record in zip(names, songs, records, strict=True):
            (folder / name).write_bytes(song_bytes(song, folder / name, record, instruments))

    write_folder(out, build, overwrite)
    return [out / name for name in names]


def song_bytes(song: Song, out: Path, origin: Record | None, instruments: Sequence[int] = ()) -> bytes:
    """The bytes of a song's file: MIDI, or a sound played by the package's own synthesiser, by the ending of `out`.

    Raises:
        UserError: another ending.
    """
    ending = out.suffix.lower()
    if ending in MIDI_SUFFIXES:
        return to_bytes(song, midi_text(origin) if origin else "", instruments)
    if ending not in FORMATS:
        known = ", ".join((*MIDI_SUFFIXES, *FORMATS))
        raise UserError(f"{out}: songs are written as {known}, told by the ending")
    # the own one, because it gives the same samples on every machine
    return sound_bytes(render(to_midi(song, "", instruments), RATE, "own").T, RATE, ending, origin)

"""The record of origin of a song, and the same song once more from that record."""

from pathlib import Path
from typing import Any

from creative_gan.core.errors import UserError
from creative_gan.core.models import of_record
from creative_gan.core.provenance import Record, file_hash
from creative_gan.music.midi.model import Manner, Model, load
from creative_gan.music.midi.reader import read_midi
from creative_gan.music.midi.song import Song
from creative_gan.music.songs import write_song

_MAKES = {"music continue": Model.continue_, "music accompany": Model.accompany}


def origin(model: Model, index: int, manner: Manner, instruments: tuple[int, ...] = ()) -> Record:
    """The record of origin of a sampled song, which is all that it takes to make it again."""
    return model.origin("music sample", {"index": index, "instruments": list(instruments)}, manner)


def made_of(
    file: Path,
    command: str,
    model: Model,
    indices: range,
    manner: Manner,
    instruments: tuple[int, ...] = (),
) -> tuple[list[Song], list[Record]]:
    """The songs that `command` (`music continue` or `music accompany`) makes of the piece in a file, and their
    records of origin, which name the file and its hash: with that file, they are all that it takes.

    Raises:
        UserError, DataError: the file holds no piece that the model can go on with.
    """
    songs = _MAKES[command](model, read_midi(file), indices, manner)
    piece = {"file": file, "sha256": file_hash(file), "instruments": list(instruments)}
    return songs, [model.origin(command, {"index": i} | piece, manner) for i in indices]


def again(record: dict[str, Any], out: Path, model_name: str | None, overwrite: bool) -> None:
    """Writes to `out` what the record describes, byte for byte on the same machine.

    Raises:
        UserError: the model is gone, or is another one; so is the piece that the song was made of; or the record
            is not one of ours.
    """
    try:
        command, arguments = record["command"], dict(record["arguments"])
        model = of_record(record, model_name, load)
        index, instruments = arguments.pop("index"), tuple(arguments.pop("instruments"))
        if type(index) is not int or not 0 <= index < 10**9:
            raise ValueError("its index is no index")
        if not all(type(i) is int and 0 <= i < 128 for i in instruments):
            raise ValueError("its instruments are none")
        one = range(index, index + 1)
        if command in _MAKES:
            if "sha256" not in arguments:  # so it was before records said more than its name
                raise UserError(f"{command!r} went on from a file that is not in the record; give it again")
            file = _the_same(arguments.pop("file"), arguments.pop("sha256"))
            songs, origins = made_of(file, command, model, one, Manner(**arguments), instruments)
        elif command == "music sample":
            manner = Manner(**arguments)
            songs, origins = model.write(one, manner), [origin(model, index, manner, instruments)]
        else:
            raise ValueError(f"{command!r} makes no songs")
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"the record of origin is damaged ({error})") from None
    write_song(songs[0], out, origins[0], instruments, overwrite)


def _the_same(known: str, digest: str) -> Path:
    """The file that a record names, if it is what it was."""
    file = Path(known).expanduser()
    if not file.is_file():
        raise UserError(
            f"{file.absolute()}: the piece that this song was made of is not there any more; put it back first"
        )
    if file_hash(file) != digest:
        raise UserError(
            f"{file.absolute()}: the piece that this song was made of has changed since; put back the old one"
        )
    return file

"""Songs of a piano-roll model once more, from their record of origin."""

from pathlib import Path
from typing import Any

from creative_gan.core.errors import UserError
from creative_gan.core.models import of_record
from creative_gan.music.roll.model import Manner, Model, load
from creative_gan.music.songs import write_song


def origin(model: Model, index: int, manner: Manner, instruments: tuple[int, ...] = ()) -> dict[str, Any]:
    """The record of origin of a sampled song, which is all that it takes to make it again."""
    return model.origin({"index": index, "instruments": list(instruments)}, manner)


def again(record: dict[str, Any], out: Path, model_name: str | None, overwrite: bool) -> None:
    """Writes to `out` what the record describes, byte for byte on the same machine.

    Raises:
        UserError: the model is gone, is another one, or the record is not one of ours.
    """
    if record["command"] != "music sample":
        raise UserError(f"the record of origin is damaged ({record['command']!r} makes no piano rolls)")
    try:
        model = of_record(record, model_name, load)
        arguments = dict(record["arguments"])
        index, instruments = arguments.pop("index"), tuple(arguments.pop("instruments"))
        if type(index) is not int or not 0 <= index < 10**9:
            raise ValueError("its index is no index")
        if not all(type(i) is int and 0 <= i < 128 for i in instruments):
            raise ValueError("its instruments are none")
        manner = Manner(**arguments)
        (song,) = model.write(range(index, index + 1), manner)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"the record of origin is damaged ({error})") from None
    write_song(song, out, origin(model, index, manner, instruments), instruments, overwrite)

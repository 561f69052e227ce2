"""Makes an exported picture, sheet or walk once more from its record of origin."""

from pathlib import Path
from typing import Any

import numpy as np

from creative_gan.core.errors import UserError
from creative_gan.core.models import of_record
from creative_gan.image import export
from creative_gan.image.model import Model, load
from creative_gan.image.walk import walk


def again(record: dict[str, Any], out: Path, model_name: str | None, overwrite: bool) -> None:
    """Writes to `out` what the record describes, byte for byte on the same machine.

    Raises:
        UserError: the model is gone, is another one, or the record is not one of ours.
    """
    command = record.get("command")
    try:
        model = of_record(record, model_name, load)
        arguments = record["arguments"]
        if command == "image walk":
            _walk_again(model, arguments, out, overwrite)
            return
        indices = arguments["index"] if isinstance(arguments["index"], list) else [arguments["index"]]
        if not 0 < len(indices) <= _MOST:
            raise ValueError(f"{len(indices)} pictures")
        chosen = arguments["seed"], arguments["class"], arguments["truncation"]
        made = np.concatenate([model.pictures(1, *chosen, first=i) for i in indices])
        origins = [model.origins(1, *chosen, first=i)[0] for i in indices]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError(f"the record of origin is damaged ({error})") from None
    export.write_pictures(made, out, origins, overwrite)


def _walk_again(model: Model, arguments: dict[str, Any], out: Path, overwrite: bool) -> None:
    """A whole walk, or the one frame of it that the record is about."""
    way = {key: value for key, value in arguments.items() if key != "frame"}
    if not (way["seconds"] * way["fps"] <= _MOST and way["stops"] <= _MOST):
        raise ValueError(f"{way['seconds']} seconds, {way['stops']} stops")
    frames, origin, fps = walk(model, **way)
    if "frame" not in arguments:
        export.write_walk(frames, out, fps, origin, overwrite)
        return
    frame = arguments["frame"]
    export.write_pictures(frames[frame : frame + 1], out, [origin | {"arguments": arguments}], overwrite)


_MOST = 100_000
"""More pictures than anybody has asked for: a record says otherwise only to do harm."""

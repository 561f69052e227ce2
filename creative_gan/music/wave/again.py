"""Makes an exported sound or walk once more from its record of origin."""

from pathlib import Path
from typing import Any

import numpy as np

from creative_gan.core.errors import UserError
from creative_gan.core.models import of_record
from creative_gan.music.wave import export
from creative_gan.music.wave.model import Model, load
from creative_gan.music.wave.walk import walk


def again(record: dict[str, Any], out: Path, model_name: str | None, overwrite: bool) -> None:
    """Writes to `out` what the record describes, byte for byte on the same machine.

    Raises:
        UserError: the model is gone, is another one, or the record is not one of ours.
    """
    command = record.get("command")
    try:
        model = of_record(record, model_name, load)
        arguments = record["arguments"]
        if command == "music walk":
            _walk_again(model, arguments, out, overwrite)
            return
        indices = arguments["index"] if isinstance(arguments["index"], list) else [arguments["index"]]
        if not 0 < len(indices) <= _MOST:
            raise ValueError(f"{len(indices)} sounds")
        chosen = arguments["seed"], arguments["class"], arguments["truncation"]
        made = np.concatenate([model.waves(1, *chosen, first=i) for i in indices])
        origins = [model.origins(1, *chosen, first=i)[0] for i in indices]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError(f"the record of origin is damaged ({error})") from None
    export.write_sounds(made, model.rate, out, origins, overwrite)


def _walk_again(model: Model, arguments: dict[str, Any], out: Path, overwrite: bool) -> None:
    if not (arguments["seconds"] * model.rate <= _MOST_SAMPLES and arguments["stops"] <= _MOST):
        raise ValueError(f"{arguments['seconds']} seconds, {arguments['stops']} stops")
    wave, origin = walk(model, **arguments)
    export.write_sound(out, wave, model.rate, origin, overwrite)


_MOST = 10_000
"""More sounds than anybody has asked for: a record says otherwise only to do harm."""
_MOST_SAMPLES = 1 << 28

"""Makes an exported picture, sheet or walk once more from its record of origin."""

from pathlib import Path
from typing import Any

import numpy as np

from creative_gan.core.errors import UserError
from creative_gan.image import export
from creative_gan.image.model import Model, load
from creative_gan.image.walk import walk


def again(record: dict[str, Any], out: Path, model_name: str | None, overwrite: bool) -> None:
    """Writes to `out` what the record describes, byte for byte on the same machine.

    Raises:
        UserError: the model is gone, is another one, or the record is not one of ours.
    """
    try:
        model = _model(record, model_name)
        arguments = record["arguments"]
        if record["command"] == "image walk":
            frames, origin, fps = walk(model, **{k: v for k, v in arguments.items() if k != "frame"})
            export.write_walk(frames, out, fps, origin, overwrite)
            return
        indices = arguments["index"] if isinstance(arguments["index"], list) else [arguments["index"]]
        chosen = arguments["seed"], arguments["class"], arguments["truncation"]
        made = [model.pictures(1, *chosen, first=i) for i in indices]
        origins = [model.origins(1, *chosen, first=i)[0] for i in indices]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"the record of origin is damaged ({error})") from None
    export.write_pictures(np.concatenate(made), out, origins, overwrite)


def _model(record: dict[str, Any], model_name: str | None) -> Model:
    named = record["model"]["path"]
    try:
        model = load(model_name or str(Path(named).expanduser()))
    except UserError as error:
        raise UserError(f"{error}; if the model was moved, say where with --model") from None
    if model.weights != record["model"]["weights"]:
        raise UserError(
            f"model {model_name or named} has other weights than the one that made this file (it was trained on "
            "since); name the right one with --model"
        )
    # the record must come out as it was, wherever the model is now
    return Model(record["model"]["name"], named, model.config, model.generator, model.weights)

"""Hands a text model on: as a folder in the layout of model hubs."""

from pathlib import Path

from creative_gan.core.errors import UserError
from creative_gan.core.files import write_folder
from creative_gan.core.models import find
from creative_gan.text.model import Model

FILES = ("config.json", "model.safetensors", "tokenizer.json", "README.md")


def write_shared(model: Model, out: Path, overwrite: bool) -> None:
    """A copy of the model folder: config.json, model.safetensors, tokenizer.json, README.md.

    Raises:
        UserError: `out` has the name of a file, or cannot be written.
    """
    if out.suffix in (".onnx", ".zip", ".safetensors", ".txt"):
        raise UserError(f"{out}: a text model is exported as a folder; name one without {out.suffix}")
    source = find(model.path, "text")

    def build(target: Path) -> None:
        for file in FILES:
            (target / file).write_bytes((source / file).read_bytes())

    write_folder(out, build, overwrite)

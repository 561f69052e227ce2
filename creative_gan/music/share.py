"""Hands a music model of any kind on: as a folder in the layout of model hubs."""

from pathlib import Path

from creative_gan.core.errors import UserError
from creative_gan.core.files import write_folder
from creative_gan.core.models import find

FILES = ("config.json", "model.safetensors", "README.md", "preview.wav", "preview.mid", "preview.png")


def write_shared(source: str, out: Path, overwrite: bool) -> None:
    """A copy of the model folder: config.json, model.safetensors, README.md and the previews.

    Raises:
        UserError: there is no such model, `out` has the name of a file, or cannot be written.
    """
    if out.suffix in (".onnx", ".zip", ".safetensors", ".wav", ".mid"):
        raise UserError(f"{out}: a music model is exported as a folder; name one without {out.suffix}")
    folder = find(source, "music")

    def build(target: Path) -> None:
        for file in FILES:
            if (folder / file).exists():
                (target / file).write_bytes((folder / file).read_bytes())

    write_folder(out, build, overwrite)

"""Hands a picture model on: as a folder in the layout of model hubs, or as ONNX."""

import json
import logging
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from creative_gan.core.errors import UserError
from creative_gan.core.files import write_bytes, write_folder
from creative_gan.core.models import find
from creative_gan.image.model import Model


def write_shared(model: Model, out: Path, overwrite: bool) -> None:
    """A copy of the model folder: config.json, model.safetensors, README.md, preview.png.

    Raises:
        UserError: `out` has the name of a file, or cannot be written.
    """
    if out.suffix in (".zip", ".safetensors", ".png"):
        raise UserError(f"{out}: a picture model is exported as a folder, or as .onnx; name one of these")
    source = find(model.path, "image")

    def build(target: Path) -> None:
        for file in ("config.json", "model.safetensors", "README.md", "preview.png"):
            if (source / file).exists():
                (target / file).write_bytes((source / file).read_bytes())

    write_folder(out, build, overwrite)


class _ForOnnx(nn.Module):
    """Latents and labels to pictures in [0, 1], the form that other programs expect."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.generator, self.conditional = model.generator, bool(model.classes)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        made = self.generator(z, label if self.conditional else None)
        return ((made + 1) / 2).clamp(0, 1)


class _ForOnnxWithoutClasses(nn.Module):
    """Latents to pictures in [0, 1]."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.generator = model.generator

    def forward(self, z: Tensor) -> Tensor:
        return ((self.generator(z, None) + 1) / 2).clamp(0, 1)


def write_onnx(model: Model, out: Path, overwrite: bool) -> None:
    """The generator as an ONNX file: `z` [N, latent] float32 (and `label` [N] int64) to `pictures` [N, C, H, W].

    Pictures are in [0, 1]; with four channels the colours are premultiplied about 0.5.

    Raises:
        UserError: the extra `onnx` is not installed.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401
    except ImportError:
        raise UserError("ONNX needs: pip install 'creative-gan[onnx]'") from None
    # 7 is no size of ours: an example of that many rows makes sure that the batch stays free
    z = torch.zeros(7, model.config["network"]["latent"])
    inputs: tuple[Tensor, ...] = (z, torch.zeros(7, dtype=torch.int64)) if model.classes else (z,)
    names = ["z", "label"][: len(inputs)]
    network = (_ForOnnx if model.classes else _ForOnnxWithoutClasses)(model).eval()
    rows = torch.export.Dim("rows", min=1, max=65536)
    # it says what other packages it could have looked into
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network, inputs, dynamo=True, input_names=names, output_names=["pictures"],
            dynamic_shapes=tuple({0: rows} for _ in inputs), verbose=False,
        )  # fmt: skip
    assert program is not None
    made = program.model_proto
    about = {"classes": model.classes, "name": model.name, "weights": model.weights}
    onnx.helper.set_model_props(made, {key: json.dumps(value) for key, value in about.items()})
    write_bytes(out, made.SerializeToString(), overwrite)

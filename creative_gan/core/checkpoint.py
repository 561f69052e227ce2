"""Checkpoints: named states as safetensors + JSON, written atomically, verified on load, the newest good one wins."""

import hashlib
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as safetensors_bytes

from creative_gan.core.errors import DataError
from creative_gan.core.files import write_folder

FORMAT = 1
KEEP = 2
_FILES = ("tensors.safetensors", "state.json")


def save(folder: Path, seen: int, state: dict) -> Path:
    """Writes `state` to `folder/<seen>/` and deletes all but the newest checkpoints.

    Args:
        state: nested dicts and lists of tensors, numbers, texts, booleans and None; keys are texts or numbers.

    Raises:
        UserError: the folder cannot be written; earlier checkpoints stay as they were.
    """
    tensors: dict[str, torch.Tensor] = {}
    skeleton = _split(state, "", tensors)

    def build(target: Path) -> None:
        (target / _FILES[0]).write_bytes(safetensors_bytes(tensors))  # a full disk raises OSError this way
        (target / _FILES[1]).write_text(json.dumps({"format": FORMAT, "seen": seen, "state": skeleton}))
        hashes = {name: _sha256(target / name) for name in _FILES}
        (target / "manifest.json").write_text(json.dumps(hashes, indent=1))

    path = folder / f"{seen:012d}"
    write_folder(path, build, overwrite=True, size=sum(t.nbytes for t in tensors.values()))
    for old in _all(folder)[:-KEEP]:
        shutil.rmtree(old, ignore_errors=True)
    return path


def load_newest(folder: Path) -> tuple[int, dict] | None:
    """The newest checkpoint that is whole, as (seen, state); None where there is none.

    A damaged one is passed over with a warning.

    Raises:
        DataError: there are checkpoints, but none that can be read.
    """
    paths = _all(folder)
    for path in reversed(paths):
        try:
            return _load(path)
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
            SafetensorError,
        ) as error:
            warnings.warn(
                f"checkpoint {path} is damaged ({error}); going on from the one before", stacklevel=2
            )
    if paths:
        raise DataError(folder, "holds no checkpoint that can be read", "start again with --new")
    return None


def _load(path: Path) -> tuple[int, dict]:
    manifest = json.loads((path / "manifest.json").read_text())
    for name in _FILES:
        if _sha256(path / name) != manifest[name]:
            raise ValueError(f"{name} is not what was written")
    body = json.loads((path / _FILES[1]).read_text())
    if body["format"] != FORMAT:
        raise ValueError(f"format {body['format']} is not known to this version")
    return body["seen"], _join(body["state"], load_file(path / _FILES[0]))


def _all(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("[0-9]*") if p.is_dir() and p.name.isdigit())


def _split(value: Any, path: str, tensors: dict[str, torch.Tensor]) -> Any:
    """JSON for the state, its tensors moved to `tensors` under their path."""
    if isinstance(value, torch.Tensor):
        tensors[path] = value.detach().cpu().contiguous().clone()
        return {"tensor": path}
    if isinstance(value, dict):
        return {"items": [[k, _split(v, f"{path}/{k}", tensors)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return {"list": [_split(v, f"{path}/{i}", tensors) for i, v in enumerate(value)]}
    assert value is None or isinstance(value, bool | int | float | str), (
        f"{path}: {type(value)} cannot be saved"
    )
    return {"value": value}


def _join(node: Any, tensors: dict[str, torch.Tensor]) -> Any:
    (kind, value), *_ = node.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "items":
        return {key: _join(part, tensors) for key, part in value}
    if kind == "list":
        return [_join(part, tensors) for part in value]
    return value


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Model folders of any modality: finding them, and reading them without trusting them."""

import dataclasses
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from creative_gan.core.errors import DataError, UserError
from creative_gan.core.files import write_folder
from creative_gan.core.recipe import to_toml

if TYPE_CHECKING:  # to list models, or to complete a name, must not take the seconds that torch takes
    from torch import Tensor, nn

M = TypeVar("M")

SHIPPED = Path(__file__).parent.parent / "models"
DEFAULTS = {
    "image": ("emoji", "art", "digits"),
    "music": ("chorales", "tunes", "drums", "spoken-digits"),
    "text": ("verses", "captions", "tang"),
}
"""The shipped models that are taken where none is named: the first that is there."""
HOME = "https://pypi.org/project/creative-gan"
_HEADER_BYTES = 4_000_000
_CONFIG_BYTES = 4_000_000


@dataclass(frozen=True)
class Trained:
    """What is known about a trained model of any modality, which adds its networks and what they make."""

    name: str
    path: str
    """As the user named it."""
    config: dict[str, Any]
    """The `config.json`."""
    weights: str
    """SHA-256 of the weights file."""

    @property
    def classes(self) -> list[str]:
        """Names of the classes, in the order of their labels; empty without classes."""
        return self.config.get("classes", [])

    def labels(self, indices: range, name: str | None = None) -> "Tensor | None":
        """The label of each sample: the class that was asked for, or every class in turn.

        Returns:
            int64 [len(indices)], or None without classes.

        Raises:
            UserError: there is no such class.
        """
        import torch

        if not self.classes:
            if name is not None:
                raise UserError(f"model {self.name} knows no classes; leave --class away")
            return None
        if name is None:
            return torch.tensor([i % len(self.classes) for i in indices], dtype=torch.int64)
        if name not in self.classes:
            known = ", ".join(self.classes[:20]) + (", ..." if len(self.classes) > 20 else "")
            raise UserError(f"model {self.name} knows no class {name!r}; it knows {known}")
        return torch.full((len(indices),), self.classes.index(name))

    def identity(self) -> dict[str, Any]:
        """What an exported file says of its model."""
        kind = {"kind": self.config["kind"]} if "kind" in self.config else {}
        recipe, data = self.config["recipe"], self.config["data"]["fingerprint"]
        own = {"name": self.name, "path": self.path, "weights": self.weights}
        return {**kind, **own, "recipe": recipe, "data": data}


def find(source: str | Path, modality: str | None = None) -> Path:
    """The model folder that a run folder, a model folder or a shipped name means.

    Args:
        source: a shipped name may say its modality, as `image/emoji`.
        modality: where shipped names are looked for; None: everywhere.

    Raises:
        UserError, DataError: there is none.
    """
    path = Path(source)
    modalities = [modality] if modality else list(DEFAULTS)
    shelf = [SHIPPED / source, *(SHIPPED / kind / source for kind in modalities)]
    for folder in (path, path / "model", *shelf):
        if (folder / "config.json").is_file():
            return folder
    if path.is_file():
        raise DataError(
            path, f"is {_kind(path)}", "name a run folder or a model folder, which hold model.safetensors"
        )
    if (path / "recipe.toml").is_file():
        raise DataError(path, "is a run that has not made a model yet", "let it train a little longer")
    if path.is_dir():
        raise DataError(
            path, "is no model folder: there is no config.json in it", "name a run folder or a model folder"
        )
    for kind in DEFAULTS:
        if kind not in modalities and str(source) in shipped_names(kind):
            raise UserError(f"{source} is a model for {kind}; use creative-gan {kind}")
    names = [name for kind in modalities for name in shipped_names(kind)]
    raise UserError(
        f"there is no model {str(source)!r}; name a run folder, a model folder or a shipped model "
        f"({', '.join(names) or 'none'})"
    )


def shipped_names(modality: str) -> list[str]:
    """Names of the models that come with the package."""
    return sorted(p.parent.name for p in (SHIPPED / modality).glob("*/config.json"))


def default(modality: str, preferred: str | None = None) -> str:
    """The shipped model that is meant where none is named: the preferred one if there is one of that name.

    Raises:
        UserError: none of this modality is shipped.
    """
    names = shipped_names(modality)
    for name in (*filter(None, [preferred]), *DEFAULTS[modality], *names):
        if name in names:
            return name
    raise UserError(
        f"no {modality} model comes with this installation; name a run folder or a model folder with --model"
    )


def facts(folder: Path) -> dict[str, Any]:
    """What a model is, in a few words: `modality`, `name`, `about`, `licence` (of what it was trained on and
    of its weights), `recipe`, `data`, `classes`, `bytes`, `path`.

    Raises:
        DataError: it cannot be read.
    """
    config = read_config(folder)
    try:
        data = str(config["data"]["source"])
        return {
            "modality": config["modality"],
            "name": str(config["name"]),
            "about": str(config.get("about") or f"{config['recipe']} on {data}"),
            "licence": str(config.get("licence") or "not stated"),
            "recipe": str(config["recipe"]),
            "data": data,
            "classes": list(config.get("classes", [])),
            "bytes": sum(file.stat().st_size for file in folder.iterdir() if file.is_file()),
            "path": str(folder),
        }
    except (KeyError, TypeError) as error:
        raise DataError(folder / "config.json", f"does not describe a model ({error})") from None


def read_config(folder: Path, modality: str | None = None) -> dict[str, Any]:
    """The `config.json` of a model folder, of whatever modality unless one is named.

    Raises:
        DataError: damaged, of another modality, or of a newer version.
    """
    path = folder / "config.json"
    try:
        if path.stat().st_size > _CONFIG_BYTES:
            raise DataError(path, "is too large for a model's description")
        config = json.loads(path.read_text("utf-8"))
        kind, version = config["modality"], config["format"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(path, f"cannot be read as a model's description ({error})") from None
    if modality is not None and kind != modality:
        raise DataError(folder, f"is a model for {kind}", f"use creative-gan {kind}")
    if version != 1:
        raise DataError(
            folder, f"has format {version}, which this version does not know", "update creative-gan"
        )
    return config


def description(config: dict[str, Any]) -> str:
    """The text of a `config.json`: each setting has a line, and a list, however long, stands on that of its setting."""
    return _lines(config, "\n") + "\n"


def read_weights(folder: Path, expected: dict[str, tuple[int, ...]]) -> "dict[str, Tensor]":
    """The tensors of `model.safetensors`, whose names and shapes must be the expected ones.

    The header is read and compared before any tensor, so that a hostile file costs nothing.

    Raises:
        DataError: missing, not safetensors, or of other networks.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / "model.safetensors"
    hint = "get the model again"
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(8)
            length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
            if not 2 <= length <= min(_HEADER_BYTES, size - 8):
                raise DataError(path, f"is {_kind(path)}, not safetensors", hint)
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        found = {name: tuple(map(int, entry["shape"])) for name, entry in header.items()}
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})", hint) from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise DataError(path, f"is {_kind(path)}, not safetensors", hint) from None
    if found != expected:
        odd = sorted(set(found.items()) ^ set(expected.items()))[0][0]
        raise DataError(path, f"does not fit the networks of config.json (tensor {odd!r})", hint)
    try:
        # kept in half precision or not, a model is run in full
        tensors = {name: t.float() if t.is_floating_point() else t for name, t in load_file(path).items()}
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(path, f"is damaged ({error})", hint) from None
    for name, tensor in tensors.items():
        counter = tensor.dtype == torch.int64 and tensor.ndim == 0  # of batch normalisation
        if not (tensor.is_floating_point() and tensor.isfinite().all()) and not counter:
            raise DataError(path, f"is damaged (tensor {name!r} does not hold finite numbers)", hint)
    return tensors


def filled(folder: Path, build: "Callable[[], nn.Module]") -> "nn.Module":
    """The network that `build` makes, with the weights of a model folder, for use only. Raises as `read_weights`."""
    from creative_gan.core.device import weightless

    with weightless():  # takes no memory: a hostile description costs nothing
        network = build()
    expected = {name: tuple(t.shape) for name, t in network.state_dict().items()}
    network.load_state_dict(read_weights(folder, expected), assign=True)
    return network.eval().requires_grad_(False)


def write(
    folder: Path, state: "Mapping[str, Tensor]", config: dict[str, Any], files: Mapping[str, str | bytes]
) -> None:
    """Writes a model folder whole or not at all; an older one gives way. files: what else it holds, by name."""
    from safetensors.torch import save

    tensors = {name: t.detach().cpu().contiguous().clone() for name, t in state.items()}

    def build(target: Path) -> None:
        (target / "model.safetensors").write_bytes(save(tensors))
        (target / "config.json").write_text(description(config), "utf-8")
        for name, content in files.items():
            (target / name).write_bytes(content.encode() if isinstance(content, str) else content)

    write_folder(folder, build, overwrite=True, size=sum(t.nbytes for t in tensors.values()))


def beside(record: dict[str, Any], file: Path) -> str | None:
    """Where the model of a file's record is: its path is relative to the folder that the command ran in, which is
    this one, or one that the file is in; None where it is in neither."""
    from creative_gan.core.provenance import file_hash

    try:
        known, weights = Path(record["model"]["path"]).expanduser(), record["model"]["weights"]
    except (KeyError, TypeError, RuntimeError):  # damaged, which is said where the file is made again
        return None
    for folder in () if known.is_absolute() else (Path(), *file.absolute().parents):
        try:
            if file_hash(find(folder / known) / "model.safetensors") == weights:
                return str(folder / known)
        except (UserError, OSError, ValueError):  # not there, or a path that cannot be
            continue
    return None


def of_record(record: dict[str, Any], model_name: str | None, load: Callable[[str], M]) -> M:
    """The model that a file was made by, as its record of origin says.

    Args:
        model_name: where the model is now; None for where it was.
        load: of the modality; its models are dataclasses with `name`, `path` and `weights`.

    Raises:
        UserError: the model is gone, or has other weights.
        KeyError, TypeError: the record is damaged.
    """
    known = record["model"]["path"]
    try:
        model: Any = load(model_name or str(Path(known).expanduser()))
    except (UserError, RuntimeError) as error:
        moved = "if the model was moved, say where with --model"
        if not model_name and "/" in known and not Path(known).expanduser().is_absolute():
            moved = f"its path begins in the folder where the command ran then: go there, or, {moved}"
        raise UserError(f"{error}; {moved}") from None
    if model.weights != record["model"]["weights"]:
        raise UserError(
            f"model {model_name or known} has other weights than the one that made this file (it was trained "
            "on since); name the right one with --model"
        )
    # the record must come out as it was, wherever the model is now
    return dataclasses.replace(model, name=record["model"]["name"], path=known)


def card(name: str, tag: str, body: str, recipe: Any) -> str:
    """A model card (README.md): the head that model hubs read, `body` in Markdown, and the whole recipe."""
    return f"""---
library_name: creative-gan
tags: [gan, {tag}]
---
# {name}

{body.strip()}

<details><summary>recipe</summary>

```toml
{to_toml(recipe)}```
</details>
"""


def _kind(path: Path) -> str:
    """What a file is, by its first bytes, in words for a message."""
    with path.open("rb") as file:
        head = file.read(8)
    if head[:4] == b"PK\x03\x04":
        return "a zip archive, perhaps a pickled PyTorch model, which is never opened because it can run code"
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a pickle, which is never opened because it can run code"
    return "not a file of weights"


def _lines(value: Any, start: str) -> str:
    """JSON in which only objects have lines; `start` is what begins a line of this depth."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    inner = start + " "
    rows = (f"{json.dumps(key, ensure_ascii=False)}: {_lines(held, inner)}" for key, held in value.items())
    return "{" + inner + f",{inner}".join(rows) + start + "}"

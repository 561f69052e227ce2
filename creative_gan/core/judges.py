"""Networks that measure are trained once for the same data and kept in the cache, where later figures find them."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from creative_gan.core.cache import cache_folder, publish


def key(*parts: object) -> str:
    """The name of an entry: of everything that training depends on, and of what rounds differently.

    parts: arrays by their values, files (the code that trains) by what is in them, anything else by its `repr`.
    """
    digest = hashlib.sha256(f"{torch.__version__} {torch.get_num_threads()}".encode())
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype} {part.shape}".encode() + np.ascontiguousarray(part).tobytes())
        elif isinstance(part, Path):
            digest.update(part.read_bytes())
        else:
            digest.update(repr(part).encode())
    return digest.hexdigest()[:32]


def learnt(name: str, network: nn.Module, learn: Callable[[nn.Module], None]) -> None:
    """Gives the network the weights of the entry `name`; where there is none, `learn` teaches it and it is kept.

    An entry that cannot be read, or is of another network, is made again; a cache that cannot be written is
    done without.
    """
    root = cache_folder("judges")
    file = root / name / "model.safetensors"
    try:
        found = load_file(file)
    except Exception:  # whatever is wrong with it, it can be made again
        found = {}
    # looked at first: loading what fits only in part would leave a network that is half taught
    if _shapes(found) == _shapes(network.state_dict()):
        network.load_state_dict(found)
        return
    learn(network)
    weights = {part: tensor.contiguous() for part, tensor in network.state_dict().items()}
    publish(root, name, lambda folder: save_file(weights, folder / file.name))


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}

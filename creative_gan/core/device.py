"""Which device and precision to use, and why."""

import contextlib
import copy
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch.overrides import TorchFunctionMode

from creative_gan.core.errors import UserError

DEVICES = ("auto", "cpu", "cuda", "mps")
Network = TypeVar("Network", bound=torch.nn.Module)


@dataclass(frozen=True)
class Compute:
    """Where and how precisely networks run; `why` says it in words."""

    device: torch.device
    bfloat16: bool
    why: str

    def autocast(self) -> contextlib.AbstractContextManager:
        """Networks run inside this; penalties, losses and the optimiser outside it."""
        if not self.bfloat16:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def exact(self) -> contextlib.AbstractContextManager:
        """Float32 whatever surrounds it."""
        return torch.autocast(self.device.type, enabled=False)

    def place(self, network: torch.nn.Module) -> torch.nn.Module:
        """Moves a network to the device; 2-D convolutions run faster with channels last."""
        return network.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def choose(device: str = "auto", precision: str = "auto", local_rank: int = 0) -> Compute:
    """`device`: auto, cpu, cuda or mps; `precision`: auto, float32 or bfloat16.

    Auto takes bfloat16 where the processor or GPU has it in hardware, and float32 elsewhere, for bfloat16
    in software is slower than float32.

    Raises:
        UserError: the device that was asked for is not there.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    name = next(d for d in ("cuda", "mps", "cpu") if available[d]) if device == "auto" else device
    if not available[name]:
        there = ", ".join(d for d, yes in available.items() if yes)
        raise UserError(
            f"device {name!r} is not there on this machine (there is: {there}); try --device auto"
        )
    if name == "cuda" and local_rank >= torch.cuda.device_count():
        raise UserError(
            f"process {local_rank} has no GPU of its own, for this machine has {torch.cuda.device_count()}; start as "
            "many processes (torchrun --nproc_per_node)"
        )
    hardware = {"cpu": cpu_has_bfloat16, "cuda": gpu_has_bfloat16, "mps": lambda: False}[name]()
    bfloat16 = hardware if precision == "auto" else precision == "bfloat16"
    where = torch.device("cuda", local_rank) if name == "cuda" else torch.device(name)
    reason = "asked for" if device != "auto" else "the best there is here"
    units = "has bfloat16 units" if hardware else "has no bfloat16 units"
    return Compute(where, bfloat16, f"{where} ({reason}; {units}), {'bfloat16' if bfloat16 else 'float32'}")


def cpu_has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware; elsewhere it is slower than float32."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def gpu_has_bfloat16() -> bool:
    """Whether this GPU multiplies bfloat16 in hardware; older ones only pretend to, and are slower for it."""
    return torch.cuda.is_bf16_supported(including_emulation=False)


def frozen_copy(network: Network) -> Network:
    """A copy that does not learn. Its recurrent layers' weights lie in one piece, as cuDNN wants them."""
    made = copy.deepcopy(network).requires_grad_(False)
    for module in made.modules():
        if isinstance(module, torch.nn.RNNBase):
            module.flatten_parameters()
    return made


def usage(device: torch.device) -> dict[str, Any]:
    """What this process runs on and the most memory that it has taken: `device`, `megabytes` of its kind."""
    if device.type == "cuda":
        name, taken = torch.cuda.get_device_name(device), torch.cuda.max_memory_reserved(device)
        return {"device": name, "megabytes": taken >> 20}
    threads = torch.get_num_threads()
    name = f"CPU, {threads} {'threads' if threads > 1 else 'thread'}" if device.type == "cpu" else device.type
    try:
        import resource
    except ImportError:  # not on Windows
        return {"device": name}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, kilobytes elsewhere
    return {"device": name, "megabytes": peak >> (20 if sys.platform == "darwin" else 10)}


class _Undrawn(TorchFunctionMode):
    """Leaves random initial values away."""

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        if func in (torch.Tensor.normal_, torch.nn.init.normal_):
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def weightless() -> Iterator[None]:
    """Networks that are made inside have names and shapes and no weights, so that they cost nothing.

    Normal numbers are not drawn: the first to be drawn without a place for them makes torch load a second's
    worth of modules. Every buffer must be one that is saved, or it stays without numbers.
    """
    with torch.device("meta"), _Undrawn():
        yield

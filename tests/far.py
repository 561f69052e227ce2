"""A device that is not there, so that what would fail on a GPU fails on any machine.

Its tensors say that they are on `FAR`, compute on the CPU, and are as strict as those on a GPU are: no operation
takes one of them together with one that was left behind, and numpy gets none. What a GPU lets pass, passes: single
numbers, indices from the CPU into what is there, copies from here to there.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

FAR = torch.device("meta")
"""A name that torch knows, of tensors that nobody else makes here."""
_CARRIES = {"_to_copy", "copy_"}
_PLACES = {"index", "index_put", "index_put_", "_index_put_impl_"}
_JOINS = {"cat", "stack"}


class Far(Tensor):
    """A tensor that is there; `near` holds its numbers."""

    near: Tensor

    def tolist(self) -> Any:
        """Its numbers, for which a GPU would be waited."""
        return self.near.tolist()

    @staticmethod
    def __new__(cls, near: Tensor) -> "Far":
        made: Far = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, near.size(), near.stride(), near.storage_offset(), dtype=near.dtype, device=FAR
        )
        made.near = near
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _There(TorchDispatchMode):
    """Catches what is made there, or taken there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def _run(func: Any, args: tuple, kwargs: dict) -> Any:
    given = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, Tensor)]
    there = [value for value in given if isinstance(value, Far)]
    if any(value.device == FAR and not isinstance(value, Far) for value in given):
        raise RuntimeError(
            f"{func}: a list or an array was made a tensor there, for which a GPU would be waited"
        )
    name = func.overloadpacket.__name__
    if there and name not in _CARRIES:
        strict = args[:1] if name in _PLACES else (args, kwargs)
        for value in tree_flatten(strict)[0]:
            if isinstance(value, Tensor) and not isinstance(value, Far) and (value.ndim or name in _JOINS):
                raise RuntimeError(f"{func}: {tuple(value.shape)} was left on the CPU, others are not there")
    asked = kwargs.get("device")
    to = bool(there) if asked is None else torch.device(asked) == FAR
    if asked is not None:
        kwargs = kwargs | {"device": torch.device("cpu")}
    near_args, near_kwargs = tree_map(lambda v: v.near if isinstance(v, Far) else v, (args, kwargs))
    made = func(*near_args, **near_kwargs)
    if (
        there and torch.Tag.inplace_view in func.tags
    ):  # such as transpose_: what is there has to know its new shape
        with no_dispatch():
            func(*args, **kwargs)
    known = {id(value.near): value for value in there}

    def placed(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        return known.get(id(value)) if id(value) in known and to else Far(value) if to else value

    return tree_map(placed, made)


@contextlib.contextmanager
def device() -> Iterator[torch.device]:
    """Inside, `FAR` is a device as good as any, in float32."""
    cast, tensor = torch.autocast, torch.tensor

    def autocast(kind: str, *args: Any, **kwargs: Any) -> contextlib.AbstractContextManager:
        return contextlib.nullcontext() if kind == FAR.type else cast(kind, *args, **kwargs)

    def made(data: Any, device: Any = None, **kwargs: Any) -> Tensor:
        return tensor(data, **kwargs).to(device)  # torch itself would leave the numbers out

    torch.autocast, torch.tensor = autocast, made  # type: ignore[assignment, misc]
    try:
        with _There():
            yield FAR
    finally:
        torch.autocast, torch.tensor = cast, tensor  # type: ignore[misc]

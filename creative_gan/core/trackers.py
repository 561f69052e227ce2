"""TensorBoard and Weights & Biases beside `metrics.jsonl`, when the user asks for them."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from creative_gan.core import dist
from creative_gan.core.errors import UserError

Log = Callable[[dict[str, Any]], None]


def named(names: str) -> list[str]:
    """The trackers of a comma-separated list of `tensorboard` and `wandb`. Raises ValueError for any other."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in _TRACKERS:
            raise ValueError(f"--log knows {', '.join(_TRACKERS)}, not {name!r}")
    return wanted


@contextmanager
def track(names: str, folder: Path) -> Iterator[Log]:
    """A function that takes the rows of the log and sends their numbers to the trackers named.

    Args:
        names: see `named`.

    Raises:
        UserError: the package of one is not there.
    """
    wanted = named(names) if dist.is_main() else []
    for name in wanted:
        if find_spec(name) is None:
            raise UserError(f"--log {name} needs: pip install 'creative-gan[{name}]'")
    with ExitStack() as stack:
        logs: list[Log] = []

        def log(row: dict[str, Any]) -> None:
            if "seen" not in row:
                return
            if not logs:  # only now: the run has its folder and nothing stands in its way
                logs.extend(stack.enter_context(_TRACKERS[name](folder)) for name in wanted)
            numbers = {
                k: v for k, v in row.items() if isinstance(v, int | float) and k not in ("seen", "seconds")
            }
            for send in logs:
                send({"seen": row["seen"], **numbers})

        yield log


@contextmanager
def _tensorboard(folder: Path) -> Iterator[Log]:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder / "tensorboard"))

    def log(row: dict[str, Any]) -> None:
        for name, value in row.items():
            if name != "seen":
                writer.add_scalar(name, value, row["seen"])

    try:
        yield log
    finally:
        writer.close()


@contextmanager
def _wandb(folder: Path) -> Iterator[Log]:
    import wandb

    place = folder / "wandb"
    place.mkdir(parents=True, exist_ok=True)
    # a run that is gone on with has its own; another of the same name, or one after --new, must not have it
    known = place / "id"
    if not known.exists():
        known.write_text(uuid.uuid4().hex[:8])
    run = wandb.init(
        project="creative-gan",
        name=folder.name,
        dir=str(folder),
        resume="allow",
        id=known.read_text().strip(),
    )
    try:
        yield lambda row: run.log({k: v for k, v in row.items() if k != "seen"}, step=row["seen"])
    finally:
        run.finish()


_TRACKERS = {"tensorboard": _tensorboard, "wandb": _wandb}

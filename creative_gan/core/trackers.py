"""TensorBoard and Weights & Biases beside `metrics.jsonl`, when the user asks for them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from creative_gan.core import dist
from creative_gan.core.errors import UserError

Log = Callable[[dict[str, Any]], None]


@contextmanager
def track(names: str, folder: Path) -> Iterator[Log]:
    """A function that takes the rows of the log and sends their numbers to the trackers named.

    Args:
        names: comma-separated, of `tensorboard` and `wandb`; empty for none.

    Raises:
        UserError: an unknown name, or its package is not there.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()] if dist.is_main() else []
    for name in wanted:
        if name not in _TRACKERS:
            raise UserError(f"--log knows {', '.join(_TRACKERS)}, not {name!r}")
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
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError("--log tensorboard needs: pip install 'creative-gan[tensorboard]'") from None
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
    try:
        import wandb
    except ImportError:
        raise UserError("--log wandb needs: pip install 'creative-gan[wandb]'") from None
    folder.mkdir(parents=True, exist_ok=True)
    run = wandb.init(
        project="creative-gan", name=folder.name, dir=str(folder), resume="allow", id=folder.name
    )
    try:
        yield lambda row: run.log({k: v for k, v in row.items() if k != "seen"}, step=row["seen"])
    finally:
        run.finish()


_TRACKERS = {"tensorboard": _tensorboard, "wandb": _wandb}

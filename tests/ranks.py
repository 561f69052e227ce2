"""Two processes beside one: a test module run as both, and numbers exact enough to compare them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch


def two(module: str, folder: Path) -> None:
    """Calls `python -m module folder` as rank 0 and rank 1, and waits until both have ended well."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    workers = []
    for rank in ("0", "1"):
        environment = os.environ | group | {"RANK": rank, "LOCAL_RANK": rank}
        command = [sys.executable, "-m", module, str(folder)]
        workers.append(subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[1]))
    assert [w.wait(timeout=240) for w in workers] == [0, 0]


def double_precision() -> None:
    """Makes all that would be float32 in this process double from now on.

    Adam divides what is next to nothing by itself, and so makes float32's rounding as large as a step.
    """
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign, assignment]

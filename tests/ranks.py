"""Runs a test module as the two processes of a group on this machine."""

import os
import socket
import subprocess
import sys
from pathlib import Path


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

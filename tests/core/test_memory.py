import ctypes
import subprocess
import sys

import pytest


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="another C library"
)
@pytest.mark.parametrize("kept", [False, True])
def test_memory_that_is_kept_is_not_asked_for_again(kept: bool):
    """40 megabytes, taken and freed ten times over, are 10,000 pages each time unless they are kept."""
    code = f"""
import resource, torch
from creative_gan.core import memory
{kept} and memory.keep()
pages = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for turn in range(30):
    before = before if turn > 20 else pages()  # places of the right size are found after a while
    torch.ones(10_000_000)
print(pages() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (int(done.stdout) < 1_000) == kept

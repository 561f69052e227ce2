"""What becomes of memory that was used and will be used again."""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Of glibc's malloc.h."""


def keep() -> None:
    """From now on this process keeps what it frees, for networks ask for the same again at every step.

    glibc gives large pieces back to the system, and every page that it asks for anew is cleared first: some 18,000
    pages and a tenth of the time of a step of a DCGAN (benchmarks/RESULTS.md). Does nothing with other C libraries.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(_M_MMAP_MAX, 0)  # large pieces come out of the heap, too
        libc.mallopt(_M_TRIM_THRESHOLD, -1)  # whose end is never given back

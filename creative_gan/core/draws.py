"""All randomness of a training step: named draws that are a pure function of (seed, seen, name, row).

Each draw is made for the whole batch, and a rank or an accumulation chunk takes its own rows of it. So
resuming needs no saved generator state, two ranks make the numbers that one process makes, and a batch
that is accumulated in chunks makes those of the whole batch.
"""

import hashlib
from dataclasses import dataclass, replace

import torch
from torch import Tensor

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Draws:
    """The random numbers of one step: `batch` rows in all, of which `rows` are ours."""

    seed: int
    seen: int
    """Samples seen before this step."""
    batch: int
    """Rows of the whole step, over all ranks and chunks."""
    rows: slice
    """The rows that this process works on now."""
    device: torch.device = _CPU
    scope: str = ""

    def of(self, scope: str) -> "Draws":
        """The same step under another name, so that equal names in two turns give different numbers."""
        return replace(self, scope=f"{self.scope}/{scope}")

    def chunk(self, rows: slice) -> "Draws":
        """Rows of our rows: what accumulation works on."""
        mine = range(self.batch)[self.rows][rows]
        return replace(self, rows=slice(mine.start, mine.stop, mine.step))

    @property
    def count(self) -> int:
        """How many rows are ours."""
        return len(range(self.batch)[self.rows])

    def normal(self, name: str, *shape: int) -> Tensor:
        """Standard normal numbers. Returns [rows, *shape] float32."""
        return self._ours(torch.randn(self.batch, *shape, generator=self._generator(name)))

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1). Returns [rows, *shape] float32."""
        return self._ours(torch.rand(self.batch, *shape, generator=self._generator(name)))

    def integers(self, name: str, low: int, high: int, *shape: int) -> Tensor:
        """Whole numbers, low <= n < high. Returns [rows, *shape] int64."""
        return self._ours(torch.randint(low, high, (self.batch, *shape), generator=self._generator(name)))

    def _generator(self, name: str) -> torch.Generator:
        return torch.Generator().manual_seed(derive(self.seed, self.seen, f"{self.scope}/{name}"))

    def _ours(self, whole: Tensor) -> Tensor:
        return whole[self.rows].to(self.device, non_blocking=True)


def derive(*parts: int | str) -> int:
    """A 63-bit seed from any parts, the same on every machine."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1

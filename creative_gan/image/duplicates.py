"""Find pictures that a set holds more than once: the same pixels, or all but the same."""

import hashlib
from collections import defaultdict

import numpy as np

SMALL = 16
BAND_BITS = 16
"""Hashes are compared where one of four bands agrees: no pair that differs by up to 3 bits is missed."""
NEAR = 8
"""Bits of 64 that the hashes of near duplicates may differ by."""
CLOSE = 0.1
"""Share of a small picture's contrast that another may differ by: a JPEG of it stays within 0.05."""

_BLOCK = 512


def exact_duplicates(pictures: np.ndarray) -> list[list[int]]:
    """Groups of indices, ascending, of equal pictures uint8 [N, C, H, W]."""
    groups = defaultdict(list)
    for index, picture in enumerate(pictures):
        groups[hashlib.blake2b(picture.tobytes(), digest_size=16).digest()].append(index)
    return [group for group in groups.values() if len(group) > 1]


def near_duplicates(pictures: np.ndarray) -> list[list[int]]:
    """Groups of indices, ascending, of pictures uint8 [N, C, H, W] that look the same, equal ones included.

    A hash of 64 bits, whether brightness rises from each of 8 x 9 fields to the next, proposes pairs; they
    count where the pictures, made 16 x 16, also differ by little. Among thousands of plain pictures whose
    hashes are alike, some pairs are missed.
    """
    small, hashes = _signatures(pictures)
    leader = np.arange(len(pictures))
    for shift in range(0, 64, BAND_BITS):
        for bucket in _buckets(hashes, shift):
            for first, second in _close_pairs(small, hashes, bucket):
                _join(leader, first, second)
    groups = defaultdict(list)
    for index in range(len(pictures)):
        groups[_root(leader, index)].append(index)
    return [group for group in groups.values() if len(group) > 1]


def _signatures(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Small pictures float32 [N, C * 16 * 16] and hashes uint64 [N]."""
    small = np.empty((len(pictures), pictures.shape[1] * SMALL * SMALL), np.float32)
    hashes = np.empty(len(pictures), np.uint64)
    for start in range(0, len(pictures), _BLOCK):
        rows = slice(start, start + _BLOCK)
        block = pictures[rows].astype(np.float32)
        small[rows] = _pooled(block, SMALL, SMALL).reshape(len(block), -1)
        rises = np.diff(_pooled(block.mean(axis=1), 8, 9), axis=-1) > 0
        hashes[rows] = np.packbits(rises.reshape(len(block), 64), axis=1).view(np.uint64)[:, 0]
    return small, hashes


def _pooled(block: np.ndarray, height: int, width: int) -> np.ndarray:
    """Means over the fields of a grid: [..., H, W] to [..., height, width]."""
    for axis, fields in ((-2, height), (-1, width)):
        edges = np.arange(fields + 1) * block.shape[axis] // fields
        counts = np.diff(edges).astype(np.float32)
        sums = np.add.reduceat(block, edges[:-1], axis=axis)
        block = sums / (counts[:, None] if axis == -2 else counts)
    return block


def _buckets(hashes: np.ndarray, shift: int) -> list[np.ndarray]:
    """Indices whose hashes agree in a band, in groups of a bounded size; like hashes stay together."""
    band = (hashes >> np.uint64(shift)) & np.uint64(2**BAND_BITS - 1)
    order = np.lexsort((hashes, band))
    starts = np.flatnonzero(np.diff(band[order])) + 1
    return [
        bucket[at : at + _BLOCK]
        for bucket in np.split(order, starts)
        if len(bucket) > 1
        for at in range(0, len(bucket), _BLOCK)
    ]


def _close_pairs(small: np.ndarray, hashes: np.ndarray, bucket: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of indices in a bucket whose hashes and small pictures differ by little."""
    keys = hashes[bucket]
    near = np.bitwise_count(keys[:, None] ^ keys[None]) <= NEAR
    pairs = []
    for at, later in enumerate(near):
        others = bucket[at + 1 :][later[at + 1 :]]
        if len(others):
            one, rest = small[bucket[at]], small[others]
            # Flat pictures have no contrast: two levels are no difference to the eye.
            allowed = np.maximum(2.0, CLOSE * np.minimum(one.std(), rest.std(axis=1)))
            close = np.sqrt(np.square(rest - one).mean(axis=1)) <= allowed
            pairs += [(int(bucket[at]), int(other)) for other in others[close]]
    return pairs


def _root(leader: np.ndarray, index: int) -> int:
    while leader[index] != index:
        leader[index] = leader[leader[index]]
        index = int(leader[index])
    return index


def _join(leader: np.ndarray, first: int, second: int) -> None:
    low, high = sorted((_root(leader, first), _root(leader, second)))
    leader[high] = low

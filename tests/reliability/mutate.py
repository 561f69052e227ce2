"""Damages bytes at random: flips, cuts, copies, absurd numbers; the same damage for the same random numbers."""

import random
import re
import struct

_SIZES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 28, (1 << 63) - 1)
_NUMBERS = (
    b"0",
    b"-1",
    b"1e309",
    b"nan",
    b"9" * 30,
    b"9" * 5000,
    b"1" * 19,
    b"0.0000001",
    b"true",
    b"[]",
    b'""',
)
_WORDS = (
    b"[" * 500,
    b"{",
    b"}",
    b'"',
    b"\\u0000",
    b"\n",
    b"\x00",
    b"\xff\xfe",
    b"null",
    b"\xed\xa0\x80",
    b"=",
)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The same bytes but for one to sixteen kinds of damage."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        rng.choice(_DAMAGE)(made, rng)
    return bytes(made)


def _place(made: bytearray, rng: random.Random) -> int:
    """Anywhere, but as often as not in the first bytes, where headers are."""
    return rng.randrange(min(len(made), 100) if rng.random() < 0.5 else len(made)) if made else 0


def _span(made: bytearray, rng: random.Random) -> slice:
    start = _place(made, rng)
    return slice(start, start + rng.choice((1, 2, 4, 16, 100, 1000)))


def _flip(made: bytearray, rng: random.Random) -> None:
    if made:
        made[_place(made, rng)] ^= 1 << rng.randrange(8)


def _overwrite(made: bytearray, rng: random.Random) -> None:
    start = _place(made, rng)
    kind = rng.choice("BHIQ")
    value = rng.choice(_SIZES) & (1 << 8 * struct.calcsize(kind)) - 1
    packed = struct.pack(rng.choice("<>") + kind, value)
    made[start : start + len(packed)] = packed


def _cut(made: bytearray, rng: random.Random) -> None:
    del made[_span(made, rng)]


def _end(made: bytearray, rng: random.Random) -> None:
    del made[_place(made, rng) :]


def _copy(made: bytearray, rng: random.Random) -> None:
    start = _place(made, rng)
    made[start:start] = made[_span(made, rng)] * rng.choice((1, 1, 2, 50))


def _noise(made: bytearray, rng: random.Random) -> None:
    made[_span(made, rng)] = rng.randbytes(rng.choice((1, 4, 64)))


def _number(made: bytearray, rng: random.Random) -> None:
    found = list(re.finditer(rb"[0-9]+", made[:20_000]))
    if found:
        made[slice(*rng.choice(found).span())] = rng.choice(_NUMBERS)


def _word(made: bytearray, rng: random.Random) -> None:
    start = _place(made, rng)
    made[start:start] = rng.choice(_WORDS)


_DAMAGE = (_flip, _flip, _overwrite, _overwrite, _cut, _end, _copy, _noise, _number, _word)

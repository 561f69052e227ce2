"""Keys by their names: what a user may call them, and how they are spelt in a file."""

from creative_gan.core.errors import UserError
from creative_gan.music.midi.song import KEYS

_FIFTHS = "FCGDAEB"
"""Tonics from one sharp less to one more; after the last come the same with sharps, before the first with flats."""


def key_number(name: str) -> int:
    """The index in KEYS of a name such as `Bb minor`, `c# minor`, `Am` or `D`.

    Raises:
        UserError: there is no such key.
    """
    fifths, minor = _parsed(name)
    return 12 * minor + 7 * fifths % 12


def signature(name: str) -> int | None:
    """Sharps, or below 0 flats, in front of a key of this name; None beyond seven, which nobody writes.

    Raises:
        UserError: there is no such key.
    """
    fifths, minor = _parsed(name)
    sharps = fifths - 3 * minor
    return sharps if abs(sharps) <= 7 else None


def spelt(key: int, asked: int | None = None) -> str:
    """A key of KEYS as MIDI files have it, such as `Ebm`.

    asked: a signature; a key that can be written with it is, others have their usual name.
    """
    tonic, mode = KEYS[key].split()
    usual, minor = signature(KEYS[key]), mode == "minor"
    if asked is not None and usual is not None and (asked - usual) % 12 == 0:
        place = asked + 3 * minor + 1
        sign = "#" if place >= 0 else "b"
        tonic = _FIFTHS[place % 7] + sign * abs(place // 7)
    return tonic + "m" * minor


def _parsed(name: str) -> tuple[int, bool]:
    """How many fifths above C the tonic lies, and whether the key is minor."""
    words = name.strip().replace("♭", "b").replace("♯", "#").split()
    tonic, mode = [*words, "major"][:2] if words else ("", "")
    if len(words) == 1 and len(tonic) > 1 and tonic.endswith("m"):
        tonic, mode = tonic[:-1], "minor"
    letter, signs = tonic[:1].upper(), {"": 0, "#": 7, "b": -7}
    if len(words) > 2 or not letter or letter not in _FIFTHS or tonic[1:] not in signs:
        raise UserError(f"there is no key {name!r}; name one like {KEYS[2]!r} or {KEYS[21]!r}")
    if mode.lower() not in ("major", "minor"):
        raise UserError(f"there is no mode {mode!r}; a key is major or minor")
    return _FIFTHS.index(letter) - 1 + signs[tonic[1:]], mode.lower() == "minor"

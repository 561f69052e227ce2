"""What a user's mistake raises: one sentence that says what is wrong and what to do about it."""

import math
from numbers import Integral, Real
from pathlib import Path
from typing import Any

_LONGEST = 500


class UserError(Exception):
    """A mistake that the user can mend; the message is one sentence: what, why, what to do."""


class DataError(UserError):
    """A file or folder that cannot be used, why, and the way out."""

    def __init__(self, path: str | Path, reason: str, hint: str = "") -> None:
        if len(reason) > _LONGEST:  # of what a damaged file holds in place of a name
            reason = reason[:_LONGEST] + "…"
        self.path, self.reason, self.hint = Path(path), reason, hint
        super().__init__(f"{path}: {reason}" + (f"; {hint}" if hint else ""))


def within(
    name: str, value: Any, least: float, most: float = math.inf, *, above: bool = False, whole: bool = False
) -> None:
    """Raises UserError unless what is given for `name` is a finite number from `least` to `most`.

    `above`: `least` itself is too little. `whole`: it must be an integer.
    """
    number = isinstance(value, Integral if whole else Real) and math.isfinite(value)
    if number and least <= value <= most and not (above and value == least):
        return
    kind = "a whole number" if whole else "a number"
    if most == math.inf:
        span = f"above {least:,}" if above else f"of at least {least:,}"
    else:
        span = f"above {least:,} and at most {most:,}" if above else f"from {least:,} to {most:,}"
    raise UserError(f"{name} must be {kind} {span}, not {value!r:.60}")

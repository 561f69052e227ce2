"""What a user's mistake raises: one sentence that says what is wrong and what to do about it."""

from pathlib import Path

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

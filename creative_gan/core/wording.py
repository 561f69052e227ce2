"""The words that findings are told in: how many of what, how long, and lists that end somewhere."""

from collections.abc import Sequence

SHOWN = 20
"""Items of a list that are printed."""


def many(count: int, thing: str, things: str = "") -> str:
    """`1 song`, `2 songs`; `things`: the plural, where it is not the thing and an s."""
    return f"{count:,} {thing if count == 1 else things or thing + 's'}"


def duration(seconds: float) -> str:
    """So long, in the unit that suits it."""
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 60:.1f} minutes" if seconds >= 60 else f"{seconds:.1f} s"


def listed(what: str, items: Sequence[str]) -> list[str]:
    """Lines of a finding that a command prints unless --json asks for all of it: none where there is nothing."""
    if not items:
        return []
    more = [f"  and {len(items) - SHOWN:,} more; all with --json"] if len(items) > SHOWN else []
    return [f"{what}: {len(items):,}", *(f"  {item}" for item in items[:SHOWN]), *more]

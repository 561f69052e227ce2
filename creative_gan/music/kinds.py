"""Which kind of music a data set or a model holds: waves or notes."""

from collections import Counter
from pathlib import Path

from creative_gan.core.errors import DataError, UserError
from creative_gan.core.wording import many

KINDS = {
    "wave": (
        *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64"),
        *(".m4a", ".aac", ".wma"),
    ),
    "midi": (".mid", ".midi"),
}
"""The endings of each, all that its reader reads."""
ROLLS = (".json", ".npz")
"""Piano rolls, which count where there is nothing else."""
BUILTIN = {"builtin:drums": "wave", "builtin:tunes": "midi"}


def kind_of(source: str) -> str:
    """`wave` or `midi`, by what the data are.

    Raises:
        DataError: there is nothing to tell by.
        UserError: a folder of both kinds, or an unknown built-in set.
    """
    if source.startswith("builtin:"):
        if source not in BUILTIN:
            raise UserError(f"there is no {source}; there is {', '.join(BUILTIN)}")
        return BUILTIN[source]
    path = Path(source).expanduser()
    if not path.exists():
        raise DataError(source, "does not exist", "check the path")
    files = [path] if path.is_file() else [file for file in path.rglob("*") if not file.name.startswith(".")]
    endings = Counter(file.suffix.lower() for file in files)
    counts = {kind: sum(endings[ending] for ending in known) for kind, known in KINDS.items()}
    if all(counts.values()):
        raise UserError(
            f"{source} holds {many(counts['wave'], 'sound')} and {many(counts['midi'], 'MIDI file')}; "
            "say which with --kind wave or --kind midi"
        )
    for kind, count in counts.items():
        if count:
            return kind
    if any(endings[ending] for ending in ROLLS):
        return "midi"
    raise DataError(
        source,
        "holds neither sounds nor MIDI files",
        f"these are read: {', '.join(ending for known in KINDS.values() for ending in known)}",
    )

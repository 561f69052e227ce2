"""Which recipe suits a set of songs, when none was named."""

from creative_gan.music.midi.data import load_pieces


def recipe_for(source: str) -> str:
    """The name of a music recipe for the songs of this name.

    Raises:
        UserError, DataError: songs that cannot be used.
    """
    if source.startswith("builtin:"):
        return "tunes"
    return {"chorale": "chorales", "lead": "folk", "band": "transformer"}[load_pieces(source).words.shape]

"""Which recipe suits a set of songs, when none was named."""


def recipe_for(source: str) -> str:
    """The name of a recipe for piano rolls: there is one, for songs of any shape."""
    return "roll"

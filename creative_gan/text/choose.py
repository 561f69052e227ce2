"""Which recipe suits a corpus, when none was named."""

from creative_gan.text.data import open_texts
from creative_gan.text.tokens import choose


def recipe_for(source: str) -> str:
    """The name of a text recipe for the corpus of this name.

    Raises:
        UserError, DataError: a corpus that cannot be used.
    """
    texts = open_texts(source)
    if source.startswith("builtin:"):
        return "builtin"
    return "tang" if choose(texts.texts) == "char" else "captions"

"""Which recipe suits a data set, when none was named."""

from creative_gan.image.data import open_pictures

FEW = 1_000
"""Fewer pictures than this are soon known by heart without every augmentation there is."""


def recipe_for(source: str) -> str:
    """The name of a picture recipe for the data set of this name."""
    pictures = open_pictures(source, limit=FEW)  # of a large folder, not all twice
    return suited(len(pictures), pictures.shape)


def suited(count: int, shape: tuple[int, int, int]) -> str:
    """The name of a picture recipe for `count` pictures of `shape` (C, H, W)."""
    if count < FEW:
        return "few"
    if shape[0] == 4:  # what has transparency was drawn
        return "icons"
    small = shape[0] == 1 and max(shape[1:]) <= 32
    return "digits" if small else "art"

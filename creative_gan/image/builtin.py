"""Picture sets that need no download: procedural art, and scikit-learn's handwritten digits."""

import importlib.util
from pathlib import Path

import numpy as np
from PIL import Image

from creative_gan.core.errors import UserError
from creative_gan.image.art import art

NAMES: dict[str, str] = {
    "art": "4,000 procedural pictures in colour, eight kinds, any size from 16 to 1024 (64 unless asked)",
    "digits": "1,797 handwritten digits in grey, any size from 16 to 1024 (28 unless asked)",
}

Pictures = tuple[np.ndarray, np.ndarray, list[str], list[str]]
"""uint8 [N, C, H, W], int64 labels [N], the names of the classes, a caption for each picture."""

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def pictures(name: str, size: int | tuple[int, int] | None = None, count: int | None = None) -> Pictures:
    """A built-in set: the same pictures on every machine, without a network.

    `name` is a key of NAMES; `size` is the side or (height, width), each from 16 to 1024; `count` takes the
    first so many pictures: any number of "art", at most 1,797 "digits".

    Returns uint8 [N, C, H, W] (C is 3 for "art", 1 for "digits"), int64 labels [N], class names, captions.
    Raises UserError for an unknown name, a size or a count that cannot be had.
    """
    if name not in NAMES:
        raise UserError(f'there is no built-in picture set "{name}"; use one of: {", ".join(NAMES)}')
    if count is not None and count < 1:
        raise UserError(f"count = {count} asks for no picture; use 1 or more")
    default = 64 if name == "art" else 28
    size = default if size is None else size
    height, width = size if isinstance(size, tuple) else (size, size)
    if min(height, width) < 16 or max(height, width) > 1024:
        raise UserError(f"built-in pictures cannot be {height} x {width}; use sides from 16 to 1024")
    if name == "art":
        return art(4000 if count is None else count, height, width)
    return _digits(count, height, width)


def _uci_digits() -> tuple[np.ndarray, np.ndarray]:
    """Images [1797, 8, 8] from 0 to 16 and their digits, from scikit-learn's file: importing it takes seconds."""
    found = importlib.util.find_spec("sklearn")
    assert found is not None and found.submodule_search_locations
    table = np.loadtxt(
        Path(found.submodule_search_locations[0]) / "datasets/data/digits.csv.gz", delimiter=","
    )
    return table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(np.int64)


def _digits(count: int | None, height: int, width: int) -> Pictures:
    """The test part of the UCI optical recognition of handwritten digits (Alpaydin and Kaynak, 1998)."""
    images, targets = _uci_digits()
    count = len(images) if count is None else count
    if count > len(images):
        raise UserError(f'count = {count}, but "digits" has {len(images)} pictures; use at most so many')
    # Bicubic overshoots beyond black and white, so that it needs the float mode and a clip.
    grey = (Image.fromarray(image.astype(np.float32) * (255 / 16)) for image in images[:count])
    large = np.stack([np.asarray(image.resize((width, height), Image.Resampling.BICUBIC)) for image in grey])
    labels = targets[:count]
    captions = [f"a handwritten {DIGITS[label]}" for label in labels]
    return np.rint(large.clip(0, 255)).astype(np.uint8)[:, None], labels, list("0123456789"), captions

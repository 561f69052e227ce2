"""Picture sets that need no download: procedural art, and scikit-learn's handwritten digits."""

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


def _digits(count: int | None, height: int, width: int) -> Pictures:
    """The test part of the UCI optical recognition of handwritten digits (Alpaydin and Kaynak, 1998)."""
    # Only here, since it takes a second to import.
    from sklearn.datasets import load_digits

    digits = load_digits()
    count = len(digits.images) if count is None else count
    if count > len(digits.images):
        raise UserError(
            f'count = {count}, but "digits" has {len(digits.images)} pictures; use at most so many'
        )
    # Bicubic overshoots beyond black and white, so that it needs the float mode and a clip.
    grey = (Image.fromarray(image.astype(np.float32) * (255 / 16)) for image in digits.images[:count])
    large = np.stack([np.asarray(image.resize((width, height), Image.Resampling.BICUBIC)) for image in grey])
    labels = digits.target[:count].astype(np.int64)
    captions = [f"a handwritten {DIGITS[label]}" for label in labels]
    return np.rint(large.clip(0, 255)).astype(np.uint8)[:, None], labels, list("0123456789"), captions

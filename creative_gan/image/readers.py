"""Decode one picture of any usual kind to RGBA pixels of one size, refusing what is damaged or too large."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from creative_gan.core.errors import DataError

KINDS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff")
MAX_PIXELS = 40_000_000
"""Larger pictures are refused from their header: a 40 megapixel photo takes 160 MB to decode."""
GREY_TOLERANCE = 4
"""Levels that the channels of a grey picture may differ by: what JPEG does to a scanned page."""

_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*")
_ORIENTATION = 0x0112
# What undoes each EXIF orientation.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)
_WIDE_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")


@dataclass(frozen=True)
class Header:
    """What a picture says of itself before it is decoded; the size is that of the upright picture."""

    height: int
    width: int
    mode: str


@dataclass(frozen=True)
class Decoded:
    """One picture in its place: pixels, where in them it lies, and what it is like."""

    pixels: np.ndarray
    """uint8 [4, H, W]: red, green, blue, premultiplied about mid-grey, and alpha."""
    box: tuple[int, int, int, int]
    """Top, left, bottom, right of the picture; outside it is padding."""
    grey: bool
    transparent: bool


def is_picture(head: bytes) -> bool:
    """Whether a file that begins with these bytes (16 or more) says that it is of a kind that is read."""
    return head.startswith(_SIGNATURES) or head[:4] + head[8:12] == b"RIFFWEBP"


@contextmanager
def opened(open_file: Callable[[], BinaryIO], name: str) -> Iterator[Image.Image]:
    """A picture of which only the header was read.

    Whatever Pillow raises, here or while the caller decodes the picture, becomes a DataError about `name`.
    """
    with open_file() as file:
        try:
            with Image.open(file, formats=KINDS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise _too_large(name, f"{image.width} x {image.height} pixels")
                yield image
        except DataError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise _too_large(name, "too many pixels") from error
        except UnidentifiedImageError as error:
            raise DataError(name, _what_it_is(file)) from error
        except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
            raise DataError(name, _what_went_wrong(error)) from error


def header(image: Image.Image) -> Header:
    """Size and mode of a picture that need not be decoded yet."""
    width, height = image.size
    if _orientation(image) in _SIDEWAYS:
        width, height = height, width
    return Header(height, width, image.mode)


def decode(image: Image.Image, size: tuple[int, int], fit: str) -> Decoded:
    """Decode a picture upright into a frame of `size` (height, width).

    Args:
        image: any mode; of several frames the first.
        size: height and width of the frame in pixels.
        fit: `crop` scales to cover the frame and keeps the centre, `pad` scales to fit into it.

    Errors: whatever Pillow raises, so call it inside `opened`.
    """
    # JPEG can be decoded at 1/2, 1/4 or 1/8 size; twice the wanted size keeps the resampling good.
    down, across = _scaled(image, max(size), max(size), fit)
    image.draft(None, (2 * across, 2 * down))
    image.load()
    # The picture is scaled as it lies in the file and turned afterwards, when it is small.
    orientation = _orientation(image)
    height, width = size[::-1] if orientation in _SIDEWAYS else size
    small = _resized(eight_bits(image), height, width, fit)
    if orientation in _UPRIGHT:
        small = small.transpose(_UPRIGHT[orientation])
    return _framed(small, size)


def eight_bits(image: Image.Image) -> Image.Image:
    """The same picture in mode L, RGB or RGBA.

    16-bit pictures are scaled by 255/65535. 32-bit ones say nothing of their range, which is then told from
    their values: 0..1 (floats), 0..255, 0..65535, else from the least to the greatest.
    """
    if image.mode in _WIDE_MODES:
        return Image.fromarray(_to_bytes(np.asarray(image)))
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in ("1", "L"):
        return image.convert("L")
    return image.convert("RGB")


def reduced(picture: Decoded, channels: str) -> np.ndarray:
    """The channels that a set keeps. Returns uint8 [1, 3 or 4, H, W] for `grey`, `rgb`, `rgba`.

    Without alpha, transparent parts show mid-grey and padding takes the colour of the picture's first corner.
    """
    pixels = rechannelled(picture.pixels, channels)
    top, left, bottom, right = picture.box
    if channels == "rgba" or (bottom - top, right - left) == pixels.shape[1:]:
        return pixels
    padded = np.empty_like(pixels)
    padded[:] = pixels[:, top, left, None, None]
    padded[:, top:bottom, left:right] = pixels[:, top:bottom, left:right]
    return padded


def rechannelled(pixels: np.ndarray, channels: str) -> np.ndarray:
    """Turn premultiplied pixels [1, 3 or 4, H, W] into `grey`, `rgb` or `rgba` ones; new alpha is opaque."""
    if len(pixels) == 1:
        pixels = np.repeat(pixels, 3, axis=0)
    if channels == "rgba":
        return pixels if len(pixels) == 4 else np.concatenate([pixels, np.full_like(pixels[:1], 255)])
    if channels == "rgb":
        return pixels[:3]
    # ITU-R BT.601 luma; equal channels come out unchanged.
    luma = np.tensordot(np.array([299, 587, 114], np.uint32), pixels[:3].astype(np.uint32), 1)
    return ((luma + 500) // 1000).astype(np.uint8)[None]


def _scaled(image: Image.Image, height: int, width: int, fit: str) -> tuple[int, int]:
    """Height and width of the whole picture when scaled to cover or to fit the frame."""
    ratios = height / image.height, width / image.width
    scale = max(ratios) if fit == "crop" else min(ratios)
    return max(1, round(image.height * scale)), max(1, round(image.width * scale))


def _resized(image: Image.Image, height: int, width: int, fit: str) -> Image.Image:
    """The part of the picture that the frame shows, at its final size (Pillow weighs colours by alpha)."""
    if fit == "pad":
        down, across = _scaled(image, height, width, fit)
        return image.resize((across, down), Image.Resampling.LANCZOS)
    scale = max(height / image.height, width / image.width)
    tall, wide = min(height / scale, image.height), min(width / scale, image.width)
    # Whole pixels, so that a crop that scales nothing blurs nothing.
    top, left = int((image.height - tall) / 2), int((image.width - wide) / 2)
    box = (left, top, left + wide, top + tall)
    return image.resize((width, height), Image.Resampling.LANCZOS, box=box)


def _framed(image: Image.Image, size: tuple[int, int]) -> Decoded:
    """Put a picture of mode L, RGB or RGBA into the middle of a transparent frame, premultiplied."""
    top, left = (size[0] - image.height) // 2, (size[1] - image.width) // 2
    box = (top, left, top + image.height, left + image.width)
    frame = np.zeros((4, *size), np.uint8)
    frame[:3] = 128
    inside = frame[:, box[0] : box[2], box[1] : box[3]]
    pixels = np.asarray(image)
    inside[:3] = pixels if image.mode == "L" else pixels[..., :3].transpose(2, 0, 1)
    inside[3] = pixels[..., 3] if image.mode == "RGBA" else 255
    transparent = image.mode == "RGBA" and bool((inside[3] < 250).mean() >= 0.01)
    if image.mode == "RGBA":
        # 127.5 + (colour - 127.5) * alpha / 255 in whole numbers, the same on every machine
        alpha = inside[3].astype(np.int32)
        inside[:3] = ((255 - alpha) * 255 + inside[:3] * (2 * alpha) + 255) // 510
    red, green, blue = inside[:3]
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return Decoded(frame, box, image.mode == "L" or bool(spread.max() <= GREY_TOLERANCE), transparent)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation still to be undone, 1 to 8; 1 if unreadable, as the picture may well be whole."""
    if image.format == "TIFF":
        return 1  # Pillow turns these by itself, and gives the size of the turned picture
    # Not image.getexif(): that decodes a PNG, whose damage would then go unnoticed here.
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif", b""))
        return int(exif.get(_ORIENTATION, 1))
    except Exception:
        return 1


def _to_bytes(values: np.ndarray) -> np.ndarray:
    """Map 16-bit, 32-bit or float values to 0..255. Returns uint8 of the same shape."""
    if values.dtype.kind == "f":
        values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if values.dtype.itemsize == 2:
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 1 and values.dtype.kind == "f":
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 65535:
        low, high = 0.0, 255.0 if high <= 255 else 65535.0
    scaled = (values.astype(np.float64) - low) * (255 / max(high - low, 1e-12))
    return np.rint(scaled).astype(np.uint8)


def _too_large(name: str, what: str) -> DataError:
    reason = f"is too large ({what}, at most {MAX_PIXELS // 10**6} million are read)"
    return DataError(name, reason, "scale it down")


def _what_it_is(file: BinaryIO) -> str:
    """Why a file is no picture, told from its first bytes."""
    file.seek(0)
    head = file.read(256)
    if not head:
        return "is empty"
    if is_picture(head):
        return "begins like a picture, but its header is damaged"
    if all(byte >= 32 or byte in b"\t\n\r\f" for byte in head):
        return "holds text, not a picture"
    return f"is not a picture of a kind that is read ({', '.join(KINDS)})"


def _what_went_wrong(error: Exception) -> str:
    said = str(error)
    if isinstance(error, EOFError) or any(word in said.lower() for word in ("truncated", "unexpected end")):
        return "is cut off: part of the picture is missing"
    return f"cannot be decoded ({said or type(error).__name__})"

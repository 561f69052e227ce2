"""One picture of every kind is decoded as it should look, and what is damaged or too large is refused."""

import io
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from creative_gan.core.errors import DataError
from creative_gan.image.readers import Decoded, decode, header, opened, rechannelled, reduced

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
QUARTERS = [RED, GREEN, BLUE, WHITE]


def quarters(height: int = 32, width: int = 32) -> Image.Image:
    """Red and green above blue and white."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = BLUE, WHITE
    return Image.fromarray(pixels)


def read(content: bytes, size: tuple[int, int] = (32, 32), fit: str = "crop") -> Decoded:
    with opened(lambda: io.BytesIO(content), "picture") as image:
        return decode(image, size, fit)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def corners(pixels: np.ndarray) -> list[tuple[int, ...]]:
    """The colours in the middle of the four quarters of [C, H, W]."""
    _, height, width = pixels.shape
    places = [(y * height // 4, x * width // 4) for y in (1, 3) for x in (1, 3)]
    return [tuple(int(value) for value in pixels[:, y, x]) for y, x in places]


def assert_near(found: list[tuple[int, ...]], wanted: list[tuple[int, ...]], within: int) -> None:
    assert np.abs(np.array(found) - np.array(wanted)).max() <= within, found


@pytest.mark.parametrize(
    ("kind", "options", "within"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("GIF", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 90}, 12),
        ("JPEG", {"quality": 95}, 4),
        ("JPEG", {"quality": 95, "progressive": True}, 4),
    ],
)
def test_every_kind_shows_the_same_picture(kind: str, options: dict, within: int) -> None:
    found = read(saved(quarters(), kind, **options))
    assert_near(corners(found.pixels[:3]), QUARTERS, within)
    assert found.pixels[3].min() == 255
    assert not found.grey and not found.transparent


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_rotation_is_undone(kind: str, orientation: int) -> None:
    # How each orientation stores an upright picture: the reverse of what a viewer does.
    stored = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: np.rot90(p, 1),
        7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
        8: lambda p: np.rot90(p, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = np.asarray(quarters(64, 96))
    content = saved(Image.fromarray(np.ascontiguousarray(stored(upright))), kind, exif=exif)
    with opened(lambda: io.BytesIO(content), "picture") as image:
        found = header(image)
    assert (found.height, found.width) == (64, 96)
    assert_near(corners(read(content, (32, 48)).pixels[:3]), QUARTERS, 12)


def test_exif_rotation_after_the_pixels_of_a_png() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    content = saved(quarters(), "PNG", exif=exif)
    start = content.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(content[start : start + 4], "big")
    late = content[:start] + content[end:-12] + content[start:end] + content[-12:]
    assert corners(read(late).pixels[:3]) == QUARTERS[::-1]


def test_damaged_exif_does_not_lose_the_picture() -> None:
    content = saved(quarters(), "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(range(99)))
    assert_near(corners(read(content).pixels[:3]), QUARTERS, 4)


def test_sixteen_bit_grey_keeps_its_range() -> None:
    ramp = np.linspace(0, 65535, 32 * 32).astype(np.uint16).reshape(32, 32)
    for kind in ("PNG", "TIFF"):
        found = read(saved(Image.fromarray(ramp), kind))
        assert np.abs(found.pixels[0].astype(int) - np.rint(ramp / 257)).max() <= 1
        assert found.grey


def test_dark_sixteen_bit_picture_stays_dark() -> None:
    assert read(saved(Image.fromarray(np.full((32, 32), 200, np.uint16)), "PNG")).pixels[:3].max() == 1


def test_float_and_long_pictures() -> None:
    ramp = np.linspace(0, 1, 1024, dtype=np.float32).reshape(32, 32)
    wanted = np.rint(ramp * 255)
    for values in (ramp, ramp * 255, (ramp * 65535).astype(np.int32), ramp * 9 - 4):
        found = read(saved(Image.fromarray(values), "TIFF")).pixels[0]
        assert np.abs(found - wanted).max() <= 1


def test_cmyk_jpeg_keeps_its_colours() -> None:
    found = read(saved(quarters().convert("CMYK"), "JPEG", quality=95))
    assert_near(corners(found.pixels[:3]), QUARTERS, 6)


def test_palette_with_transparency() -> None:
    palette = Image.new("P", (32, 32), 1)
    palette.putpalette([10, 200, 30, 250, 20, 20])
    palette.paste(0, (0, 0, 16, 32))
    found = read(saved(palette, "PNG", transparency=0))
    assert corners(found.pixels) == [(128, 128, 128, 0), (250, 20, 20, 255)] * 2
    assert found.transparent


def test_rgb_with_a_transparent_colour() -> None:
    found = read(saved(quarters(), "PNG", transparency=RED))
    assert corners(found.pixels)[:2] == [(128, 128, 128, 0), (0, 255, 0, 255)]


def test_alpha_is_premultiplied_about_mid_grey() -> None:
    alpha = np.arange(256, dtype=np.uint8).repeat(4).reshape(32, 32)
    colour = np.full((32, 32), 230, np.uint8)
    found = read(saved(Image.fromarray(np.dstack([colour, 255 - colour, colour, alpha])), "PNG")).pixels
    for channel, value in ((0, 230), (1, 25)):
        wanted = 127.5 + (value - 127.5) * (alpha / 255)
        assert np.abs(found[channel] - wanted).max() <= 0.5 + 1e-9
    assert np.array_equal(found[3], alpha)


def test_hidden_colour_does_not_bleed_into_edges() -> None:
    # Green under full transparency, beside opaque red: no green may appear when scaled down.
    pixels = np.zeros((128, 128, 4), np.uint8)
    pixels[:] = (0, 255, 0, 0)
    pixels[:, 60:] = (255, 0, 0, 255)
    found = read(saved(Image.fromarray(pixels), "PNG")).pixels
    assert found[1].max() <= 128


def test_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in (RED, GREEN, BLUE)]
    gif = saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    tiff = saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    webp = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    for content in (gif, tiff, webp):
        assert corners(read(content).pixels[:3]) == [RED] * 4


def test_crop_takes_the_centre_and_pad_keeps_everything() -> None:
    wide = Image.new("RGB", (96, 32), RED)
    wide.paste(GREEN, (32, 0, 64, 32))
    content = saved(wide, "PNG")
    cropped = read(content)
    assert np.array_equal(cropped.pixels[:3], np.full((3, 32, 32), np.array(GREEN).reshape(3, 1, 1)))
    padded = read(content, fit="pad")
    assert padded.box[1::2] == (0, 32) and padded.box[2] - padded.box[0] == 11
    assert tuple(padded.pixels[:, 0, 0]) == (128, 128, 128, 0)
    flat = reduced(padded, "rgb")
    assert tuple(flat[:, 0, 16]) == tuple(flat[:, 31, 16]) == RED
    assert abs(int(flat[1, 16, 16]) - 255) <= 3


def test_large_pictures_are_scaled_without_aliases() -> None:
    stripes = np.zeros((512, 512), np.uint8)
    stripes[::2] = 255
    assert np.abs(read(saved(Image.fromarray(stripes), "PNG")).pixels[0, 2:-2].astype(int) - 127).max() <= 2


def test_an_extreme_shape_takes_no_extreme_memory() -> None:
    content = saved(Image.new("L", (60_000, 1), 77), "PNG")
    for fit in ("crop", "pad"):
        assert read(content, (64, 64), fit).pixels[0].max() >= 77


def test_rechannelled_grey_is_exact_and_alpha_opaque() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    assert np.array_equal(rechannelled(rechannelled(ramp, "rgb"), "grey"), ramp)
    assert rechannelled(ramp, "rgba")[3].min() == 255


def bomb(width: int, height: int) -> bytes:
    """A PNG that says it is that large, with hardly any data."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(50_000, 50_000), (12_000, 9_000), (8_000, 5_001)])
def test_bombs_are_refused_from_their_header(size: tuple[int, int]) -> None:
    start = time.perf_counter()
    with pytest.raises(DataError, match="too large"):
        read(bomb(*size))
    assert time.perf_counter() - start < 1


JPEG = saved(Image.effect_noise((64, 64), 80), "JPEG")
PNG = saved(Image.effect_noise((64, 64), 80), "PNG")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"just some words\n" * 9, "holds text"),
        (JPEG[: len(JPEG) // 2], "cut off"),
        (PNG[: len(PNG) // 2], "cut off|cannot be decoded"),
        (PNG[:20], "cut off|damaged"),
        (bytes(range(256)), "not a picture of a kind"),
        (PNG[:41] + bytes(20) + PNG[61:], "cannot be decoded"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture|holds text"),
    ],
)
def test_damaged_files_say_what_is_wrong(content: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read(content)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_random_damage_never_escapes_as_another_error() -> None:
    rng = np.random.default_rng(0)
    kinds = [saved(quarters(), kind) for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")]
    for round_ in range(300):
        content = bytearray(kinds[round_ % len(kinds)])
        for at in rng.integers(0, len(content), 8):
            content[at] = rng.integers(256)
        try:
            assert read(bytes(content)).pixels.shape == (4, 32, 32)
        except DataError:
            pass


def test_files_are_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    file = path.open("rb")
    with opened(lambda: file, "a.png") as image:
        decode(image, (32, 32), "crop")
    assert file.closed

import io
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from creative_gan.core import provenance
from creative_gan.core.errors import UserError
from creative_gan.image.export import grid, png, straight, to_uint8, write_pictures, write_walk

MODEL = {
    "name": "digits",
    "path": "runs/digits",
    "weights": "ab" * 32,
    "recipe": "image/mnist",
    "data": "cd" * 8,
}


def origins(count: int) -> list[dict]:
    return [provenance.origin("image sample", {"seed": 7, "index": index}, MODEL) for index in range(count)]


def scenes(count: int, channels: int, height: int, width: int) -> np.ndarray:
    """Shades with a bright disc that goes round once; a round picture where there is alpha."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    turns = 2 * np.pi * np.arange(count)[:, None, None] / count
    disc = np.hypot(x - 0.5 - 0.2 * np.cos(turns), y - 0.5 - 0.2 * np.sin(turns)) < 0.15
    layers = [np.where(disc, 0.9, 0.5 + 0.3 * np.sin(3 * x + phase * y + turns)) for phase in (1, 2, 3)]
    layers.append(np.broadcast_to((0.45 - np.hypot(x - 0.5, y - 0.5)) * 20, layers[0].shape))
    pictures = np.stack([layers[channel] for channel in range(channels)], axis=1)
    return (pictures.clip(0, 1) * 255).round().astype(np.uint8)


def pixels(image: Image.Image) -> np.ndarray:
    values = np.asarray(image)
    return values[None] if values.ndim == 2 else values.transpose(2, 0, 1)


def rgb(image: Image.Image) -> np.ndarray:
    return pixels(image.convert("RGB")).astype(int)


def frames_of(path: Path, mode: str) -> list[np.ndarray]:
    with Image.open(path) as film:
        frames = []
        for index in range(film.n_frames):
            film.seek(index)
            frames.append(pixels(film.convert(mode)).astype(int))
        return frames


def palettes(gif: bytes) -> set[bytes]:
    """All palettes of a GIF, that of the whole and those that frames may bring."""
    at, found = 13 + (3 << (gif[10] & 7) + 1), {gif[13 : 13 + (3 << (gif[10] & 7) + 1)]}
    while gif[at] != 0x3B:
        if gif[at] == 0x2C:
            length = 3 << (gif[at + 9] & 7) + 1 if gif[at + 9] & 0x80 else 0
            found |= {gif[at + 10 : at + 10 + length]} if length else set()
            at += 11 + length
        else:
            at += 2
        while gif[at]:
            at += 1 + gif[at]
        at += 1
    return found


def test_quantising_rounds_clamps_and_survives_nan():
    fake = torch.tensor([-2.0, -1.0, 0.0, 0.002, 1.0, 5.0, torch.inf, torch.nan]).view(1, 1, 2, 4)
    assert to_uint8(fake).ravel().tolist() == [0, 0, 128, 128, 255, 255, 255, 128]
    levels = torch.arange(256.0).view(1, 1, 16, 16)
    assert to_uint8(levels / 127.5 - 1).ravel().tolist() == list(range(256))
    assert to_uint8(torch.zeros(2, 3, 4, 4, dtype=torch.bfloat16, requires_grad=True)).shape == (2, 3, 4, 4)


def test_straight_alpha_looks_the_same_over_any_background():
    chance = np.random.default_rng(0)
    colours = chance.integers(0, 256, (1, 3, 256, 256))
    alpha = np.broadcast_to(np.arange(256), (1, 1, 256, 256))
    stored = 127.5 + (colours - 127.5) * alpha / 255
    pictures = np.concatenate([stored.round(), alpha], axis=1).astype(np.uint8)
    result = straight(pictures)
    assert np.array_equal(result[:, 3], pictures[:, 3])
    for background in (0, 127.5, 255):
        wanted = (colours * alpha + background * (255 - alpha)) / 255
        seen = (result[:, :3] * (alpha / 255)) + background * (255 - alpha) / 255
        assert np.abs(seen - wanted).max() <= 2


def test_straight_alpha_leaves_opaque_pixels_and_calms_faint_ones():
    opaque = np.arange(1024, dtype=np.uint8).reshape(1, 4, 16, 16)
    opaque[:, 3] = 255
    assert np.array_equal(straight(opaque), opaque)
    noise = np.random.default_rng(0).integers(127, 129, (1, 4, 64, 64)).astype(np.uint8)
    noise[:, 3] = 1
    assert np.abs(straight(noise)[:, :3].astype(int) - 128).max() <= 10
    noise[:, 3] = 0
    assert (straight(noise)[:, :3] == 128).all()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_png_is_the_picture_for_two_decoders(channels: int, tmp_path: Path):
    picture = scenes(1, channels, 20, 30)[0]
    data = png(picture, origins(1)[0])
    assert np.array_equal(pixels(Image.open(io.BytesIO(data))), picture)
    with av.open(io.BytesIO(data)) as film:
        (frame,) = film.decode(video=0)
        decoded = frame.to_ndarray()
    assert np.array_equal(decoded.reshape(20, 30, channels).transpose(2, 0, 1), picture)
    assert data == png(picture.copy(), origins(1)[0])


def test_the_chunks_of_a_png_are_whole_and_hold_the_origin(tmp_path: Path):
    origin = origins(1)[0]
    data = png(scenes(1, 3, 8, 8)[0], origin)
    at, found = 8, {}
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + body)
        found[kind, body.split(b"\0")[0] if kind[1:] in (b"EXt", b"TXt") else b""] = body
        at += 12 + length
    assert found[b"tEXt", b"Software"].endswith(provenance.SOFTWARE.encode())
    assert provenance.text(origin).encode() in found[b"tEXt", b"creative-gan"]
    assert b"trainedAlgorithmicMedia" in found[b"iTXt", b"XML:com.adobe.xmp"]
    (tmp_path / "a").write_bytes(data)
    assert provenance.read(tmp_path / "a") == origin


def test_a_png_without_origin_has_no_texts():
    data = png(scenes(1, 1, 8, 8)[0], None)
    assert b"EXt" not in data and b"creative" not in data


def test_a_grid_holds_every_picture_in_order():
    pictures = scenes(6, 3, 300, 200)
    sheet = grid(pictures, columns=3, gap=4)
    assert sheet.shape == (3, 604, 608)
    for index, picture in enumerate(pictures):
        top, left = index // 3 * 304, index % 3 * 204
        assert np.array_equal(sheet[:, top : top + 300, left : left + 200], picture)
    assert (sheet[:, 300:304] == 255).all()


@pytest.mark.parametrize(
    ("count", "size", "sheet"),
    [
        (64, (28, 28), (686, 686)),
        (1, (28, 28), (504, 504)),
        (64, (64, 64), (526, 526)),
        (8, (300, 100), (602, 406)),
    ],
)
def test_a_grid_is_nearly_square_and_large_enough(count: int, size: tuple[int, int], sheet: tuple[int, int]):
    assert grid(scenes(count, 1, *size)).shape == (1, *sheet)


def test_a_grid_enlarges_without_smoothing_and_keeps_transparency():
    pictures = scenes(3, 4, 28, 28)
    sheet = grid(pictures)
    assert np.array_equal(sheet[:, :252:9, :252:9], pictures[0])
    assert (sheet[3, 254:, 254:] == 0).all() and (sheet[3, 252:254] == 0).all()


def test_a_grid_that_no_viewer_opens_is_refused():
    pictures = np.broadcast_to(np.zeros(1, np.uint8), (10_000, 3, 128, 128))
    with pytest.raises(
        UserError, match=r"10000 pictures of 128 x 128 are too many for one sheet; name a folder"
    ):
        grid(pictures)


def test_pictures_go_where_the_name_says(tmp_path: Path):
    pictures, records = scenes(3, 3, 16, 16), origins(3)
    assert write_pictures(pictures, tmp_path / "sheet.PNG", records) == [tmp_path / "sheet.PNG"]
    assert np.array_equal(pixels(Image.open(tmp_path / "sheet.PNG")), grid(pictures))
    assert provenance.read(tmp_path / "sheet.PNG")["arguments"] == {"seed": 7, "index": [0, 1, 2]}

    write_pictures(pictures[:1], tmp_path / "one.png", records[:1])
    assert np.array_equal(pixels(Image.open(tmp_path / "one.png")), pictures[0])
    assert provenance.read(tmp_path / "one.png") == records[0]

    paths = write_pictures(pictures, tmp_path / "new" / "many", records)
    assert [path.name for path in paths] == ["00000.png", "00001.png", "00002.png"]
    for path, picture, record in zip(paths, pictures, records, strict=True):
        assert np.array_equal(pixels(Image.open(path)), picture) and provenance.read(path) == record

    write_pictures(pictures, tmp_path / "all.zip", records)
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            p.name: p.read_bytes() for p in paths
        }


def test_a_dash_is_standard_output(capfdbinary):
    pictures = scenes(2, 1, 28, 28)
    assert write_pictures(pictures, "-", None) == []
    sys.stdout.flush()
    assert np.array_equal(pixels(Image.open(io.BytesIO(capfdbinary.readouterr().out))), grid(pictures))


def test_other_names_and_taken_names_are_refused(tmp_path: Path):
    pictures = scenes(2, 1, 28, 28)
    with pytest.raises(UserError, match=r"a\.jpg names no known kind of file; use \.png .* \.zip .* folder"):
        write_pictures(pictures, tmp_path / "a.jpg", None)
    with pytest.raises(UserError, match=r"a\.avi names no known kind of film; use \.gif, \.webp, \.mp4"):
        write_walk(pictures, tmp_path / "a.avi", 24, None)
    for name in ("a.png", "a.zip", "a"):
        write_pictures(pictures, tmp_path / name, None)
        with pytest.raises(UserError, match="exists already"):
            write_pictures(pictures, tmp_path / name, None)
        write_pictures(pictures, tmp_path / name, None, overwrite=True)
    (tmp_path / "a.gif").write_bytes(b"mine")
    with pytest.raises(UserError, match="exists already"):
        write_walk(pictures, tmp_path / "a.gif", 24, None)
    assert (tmp_path / "a.gif").read_bytes() == b"mine"


@pytest.mark.parametrize("suffix", [".png", ".zip", ".gif", ".webp", ".mp4"])
def test_the_same_pictures_make_the_same_bytes(tmp_path: Path, suffix: str):
    for name in ("a", "b"):
        if suffix in (".png", ".zip"):
            write_pictures(scenes(3, 3, 16, 16), tmp_path / f"{name}{suffix}", origins(3))
        else:
            write_walk(scenes(5, 3, 32, 32), tmp_path / f"{name}{suffix}", 12, origins(1)[0])
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".mp4"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_walk_carries_its_origin_or_nothing(tmp_path: Path, suffix: str, channels: int):
    frames, origin = scenes(3, channels, 33, 47), origins(1)[0]
    write_walk(frames, tmp_path / f"marked{suffix}", 20, origin)
    write_walk(frames, tmp_path / f"bare{suffix}", 20, None)
    assert provenance.read(tmp_path / f"marked{suffix}") == origin
    assert b"creative-gan" not in (tmp_path / f"bare{suffix}").read_bytes()


def test_a_gif_has_one_palette_repeats_and_keeps_its_speed(tmp_path: Path):
    frames = scenes(12, 3, 64, 64)
    write_walk(frames, tmp_path / "walk.gif", 24, None)
    data = (tmp_path / "walk.gif").read_bytes()
    assert b"NETSCAPE2.0\x03\x01\x00\x00" in data
    with Image.open(tmp_path / "walk.gif") as film:
        assert film.size == (256, 256) and film.n_frames == 12
        durations = []
        for index in range(12):
            film.seek(index)
            durations.append(film.info["duration"])
    assert sum(durations) == 500
    assert len(palettes(data)) == 1
    for frame, seen in zip(frames, frames_of(tmp_path / "walk.gif", "RGB"), strict=True):
        shrunk = seen.reshape(3, 64, 4, 64, 4).mean(axis=(2, 4))
        assert np.abs(shrunk - frame).mean() < 4


def test_a_grey_gif_is_exact_and_a_transparent_one_shows_no_former_frames(tmp_path: Path):
    grey, clear = scenes(4, 1, 32, 32), scenes(4, 4, 32, 32)
    clear[1, 3, :16] = 0
    write_walk(grey, tmp_path / "grey.gif", 10, None)
    write_walk(clear, tmp_path / "clear.gif", 10, None)
    for frame, seen in zip(grey, frames_of(tmp_path / "grey.gif", "L"), strict=True):
        assert np.array_equal(seen[:, ::8, ::8], frame)
    for frame, seen in zip(clear, frames_of(tmp_path / "clear.gif", "RGBA"), strict=True):
        assert np.array_equal(seen[3, ::8, ::8], np.where(frame[3] < 128, 0, 255))


def test_a_webp_of_small_frames_is_exact_and_repeats(tmp_path: Path):
    frames = scenes(5, 4, 32, 32)
    write_walk(frames, tmp_path / "walk.webp", 30, None)
    with Image.open(tmp_path / "walk.webp") as film:
        assert film.info["loop"] == 0 and film.is_animated
    for frame, seen in zip(frames, frames_of(tmp_path / "walk.webp", "RGBA"), strict=True):
        assert np.array_equal(seen[3, ::8, ::8], frame[3])
        assert np.array_equal(seen[:3, ::8, ::8][:, frame[3] > 0], frame[:3][:, frame[3] > 0])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_mp4_plays_and_has_even_sides(tmp_path: Path, channels: int):
    frames = scenes(8, channels, 257, 301)
    write_walk(frames, tmp_path / "walk.mp4", 24, None)
    with av.open(str(tmp_path / "walk.mp4")) as film:
        stream = film.streams.video[0]
        assert (stream.width, stream.height) == (302, 258) and stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == 24
        decoded = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(decoded) == 8
    for frame, seen in zip(frames, decoded, strict=True):
        alpha = frame[3:] / 255 if channels == 4 else 1.0
        wanted = np.broadcast_to(frame[:3] * alpha + 255 * (1 - alpha), (3, 257, 301))
        assert np.abs(seen[:257, :301].transpose(2, 0, 1) - wanted).mean() < 4


def test_an_mp4_without_h264_is_mpeg4_of_good_quality(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    frames = scenes(8, 3, 256, 256)
    write_walk(frames, tmp_path / "walk.mp4", 24, origins(1)[0])
    with av.open(str(tmp_path / "walk.mp4")) as film:
        assert film.streams.video[0].codec.name == "mpeg4"
        decoded = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert np.abs(decoded[3].transpose(2, 0, 1) - frames[3].astype(int)).mean() < 4


def test_an_mp4_without_av_says_how_to_get_it(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"pip install 'creative-gan\[video\]'"):
        write_walk(scenes(2, 1, 28, 28), tmp_path / "a.mp4", 24, None)
    assert list(tmp_path.iterdir()) == []


def test_a_walk_into_a_folder_numbers_its_frames(tmp_path: Path):
    frames = scenes(3, 3, 16, 16)
    paths = write_walk(frames, tmp_path / "frames", 24, origins(1)[0])
    for index, (path, frame) in enumerate(zip(paths, frames, strict=True)):
        assert np.array_equal(pixels(Image.open(path)), frame)
        assert provenance.read(path)["arguments"] == {"seed": 7, "index": 0, "frame": index}


@pytest.mark.parametrize(("name", "fps"), [("a.gif", 60), ("a.webp", 0), ("a.mp4", float("nan"))])
def test_speeds_that_cannot_be_played_are_refused(tmp_path: Path, name: str, fps: float):
    with pytest.raises(UserError, match="frames a second"):
        write_walk(scenes(2, 1, 28, 28), tmp_path / name, fps, None)

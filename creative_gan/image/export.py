"""Pictures into files: PNG, sheets, folders, zip archives, walks as GIF, WebP or MP4, each with its origin.

Pictures are uint8 [N, C, H, W] with C = 1 (grey), 3 (RGB) or 4 (RGBA with straight alpha: see `straight`).
The same pictures and origins make the same bytes.
"""

import io
import itertools
import math
import sys
import zipfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from creative_gan.core import provenance
from creative_gan.core.errors import UserError
from creative_gan.core.files import ensure_free, write_bytes, write_folder
from creative_gan.core.provenance import Record

_SHEET_SIDE = 500
"""Sheets of small pictures are enlarged until their longer side has about this many pixels."""
_WALK_SIDE = 256
_SHEET_PIXELS = 1 << 26
"""What viewers, and Pillow's guard against decompression bombs, still open without complaint."""


def to_uint8(fake: Tensor) -> np.ndarray:
    """Quantise pictures of a generator. fake: [N, C, H, W] in about [-1, 1]; NaN becomes mid-grey.

    Returns uint8 [N, C, H, W]; premultiplied as before where C = 4.
    """
    values = torch.nan_to_num(fake.detach().float(), nan=0.0) * 127.5 + 127.5
    return values.round().clamp(0, 255).to(torch.uint8).cpu().numpy()


def straight(pictures: np.ndarray) -> np.ndarray:
    """Undo premultiplication about mid-grey: stored = 127.5 + (rgb - 127.5) * alpha.

    Plain division by alpha would turn the rounding of nearly transparent pixels into bright noise, so that
    they fade to mid-grey instead; over any background that changes a pixel by two levels at most.

    pictures: uint8 [N, 4, H, W] as a generator makes them. Returns uint8 [N, 4, H, W] with straight alpha.
    """
    alpha = pictures[:, 3:].astype(np.float32) / 255
    faint = 4 / 255
    # Division by alpha, regularised as Wiener's filter is; at alpha = 1 it has to be the identity.
    gain = alpha * (1 + faint**2) / (alpha**2 + faint**2)
    colours = 127.5 + (pictures[:, :3].astype(np.float32) - 127.5) * gain
    colours = np.where(alpha > 0, colours, 128)
    return np.concatenate([colours.round().clip(0, 255).astype(np.uint8), pictures[:, 3:]], axis=1)


def png(picture: np.ndarray, origin: Record | None) -> bytes:
    """One picture [C, H, W] as a PNG file, with its origin as text and as XMP."""
    info = PngInfo()
    if origin is not None:
        info.add_text("Software", provenance.SOFTWARE)
        info.add_text(provenance.KEY, provenance.text(origin))
        info.add_itxt("XML:com.adobe.xmp", provenance.xmp(origin))
    buffer = io.BytesIO()
    _image(picture).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def grid(pictures: np.ndarray, columns: int | None = None, gap: int = 2) -> np.ndarray:
    """All pictures on one sheet, row by row, small ones enlarged by a whole factor without smoothing.

    columns: as many as make the sheet nearly square, unless given. gap: pixels between pictures; white,
    or transparent where the pictures have alpha.

    Returns uint8 [C, H, W]. Raises UserError if the sheet would be larger than what viewers open.
    """
    count, channels, height, width = pictures.shape
    columns = min(columns or _columns(count, height, width), count)
    rows = math.ceil(count / columns)
    factor = max(1, math.ceil(_SHEET_SIDE / max(columns * width, rows * height)))
    down, right = height * factor + gap, width * factor + gap
    if rows * down * columns * right > _SHEET_PIXELS:
        raise UserError(
            f"{count} pictures of {width} x {height} are too many for one sheet; "
            "name a folder or a .zip file, or make fewer"
        )
    sheet = np.full((channels, rows * down - gap, columns * right - gap), 255, np.uint8)
    sheet[3:] = 0
    for index, picture in enumerate(_enlarged(pictures, factor)):
        top, left = index // columns * down, index % columns * right
        sheet[:, top : top + height * factor, left : left + width * factor] = picture
    return sheet


def write_pictures(
    pictures: np.ndarray, out: str | Path, origins: Sequence[Record] | None, overwrite: bool = False
) -> list[Path]:
    """Write pictures as the name of `out` says.

    `.png`: one sheet of all (the picture itself if there is one); `.zip`: PNG files within; a folder or a
    name without a suffix: a folder of 00000.png, 00001.png...; `-`: the PNG to standard output.

    origins: one record per picture, or None to leave no trace. Returns the paths written.
    Raises UserError for another suffix, if `out` exists and `overwrite` is not set, or if writing fails.
    """
    out = Path(out)
    assert origins is None or len(origins) == len(pictures), "one origin per picture"
    if str(out) == "-":
        sys.stdout.buffer.write(_sheet_png(pictures, origins))
        sys.stdout.buffer.flush()
        return []
    if _is_folder(out):
        return _write_frames(pictures, out, origins, overwrite)
    if out.suffix.lower() == ".png":
        write_bytes(out, _sheet_png(pictures, origins), overwrite)
    elif out.suffix.lower() == ".zip":
        ensure_free(out, overwrite)
        write_bytes(out, _zip(pictures, origins), overwrite)
    else:
        raise UserError(
            f"{out} names no known kind of file; use .png for one sheet, .zip for PNG files within, "
            "or a name without a suffix for a folder"
        )
    return [out]


def write_walk(
    frames: np.ndarray, out: str | Path, fps: float, origin: Record | None, overwrite: bool = False
) -> list[Path]:
    """Write frames [N, C, H, W] as the name of `out` says.

    `.gif`, `.webp`: repeated for ever; `.mp4`: needs the extra `video`, alpha becomes white; a folder or a
    name without a suffix: PNG files. Small frames are enlarged by a whole factor, except as PNG files.

    fps: frames a second, up to 50 for a GIF. Returns the paths written.
    Raises UserError for another suffix or speed, if `out` exists and `overwrite` is not set, without `av`,
    or if writing fails.
    """
    out = Path(out)
    if not 0 < fps <= 1000:
        raise UserError(f"{fps} frames a second cannot be played; choose 10 to 60")
    if _is_folder(out):
        return _write_frames(frames, out, _numbered(origin, len(frames)) if origin else None, overwrite)
    encoders = {".gif": _gif, ".webp": _webp, ".mp4": _mp4}
    if out.suffix.lower() not in encoders:
        raise UserError(
            f"{out} names no known kind of film; use .gif, .webp, .mp4, "
            "or a name without a suffix for a folder of pictures"
        )
    ensure_free(out, overwrite)
    write_bytes(out, encoders[out.suffix.lower()](frames, fps, origin), overwrite)
    return [out]


def _image(picture: np.ndarray) -> Image.Image:
    assert picture.dtype == np.uint8 and picture.ndim == 3 and len(picture) in (1, 3, 4), picture.shape
    pixels = picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(pixels))


def _columns(count: int, height: int, width: int) -> int:
    """How many columns make a nearly square sheet with few holes; of two as good, the wider one."""

    def cost(columns: int) -> tuple[float, int]:
        rows = math.ceil(count / columns)
        shape = abs(math.log(columns * width / (rows * height)))
        return round(shape + (rows * columns - count) / count, 6), -columns

    return min(range(1, count + 1), key=cost)


def _enlarged(pictures: np.ndarray, factor: int) -> np.ndarray:
    return pictures.repeat(factor, axis=2).repeat(factor, axis=3)


def _is_folder(out: Path) -> bool:
    return out.is_dir() or not out.suffix


def _sheet_png(pictures: np.ndarray, origins: Sequence[Record] | None) -> bytes:
    if len(pictures) == 1:
        return png(pictures[0], origins[0] if origins else None)
    return png(grid(pictures), provenance.together(origins) if origins else None)


def _named_pngs(pictures: np.ndarray, origins: Sequence[Record] | None) -> list[tuple[str, bytes]]:
    return [
        (f"{index:05}.png", png(picture, origins[index] if origins else None))
        for index, picture in enumerate(pictures)
    ]


def _write_frames(
    pictures: np.ndarray, out: Path, origins: Sequence[Record] | None, overwrite: bool
) -> list[Path]:
    names = []

    def build(folder: Path) -> None:
        for name, data in _named_pngs(pictures, origins):
            (folder / name).write_bytes(data)
            names.append(name)

    write_folder(out, build, overwrite)
    return [out / name for name in names]


def _numbered(origin: Record, frames: int) -> list[Record]:
    return [{**origin, "arguments": {**origin["arguments"], "frame": frame}} for frame in range(frames)]


def _zip(pictures: np.ndarray, origins: Sequence[Record] | None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in _named_pngs(pictures, origins):
            entry = zipfile.ZipInfo(name)  # of 1980, so that the bytes do not depend on the clock
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def _gif(frames: np.ndarray, fps: float, origin: Record | None) -> bytes:
    """One palette for all frames, so that colours stay put from frame to frame; alpha becomes yes or no."""
    if fps > 50:
        raise UserError(f"a GIF plays 50 frames a second at most, not {fps:g}; use .webp or .mp4")
    frames = _enlarged(frames, _walk_factor(frames))
    images = [_image(frame) for frame in frames] if frames.shape[1] == 1 else _indexed(frames)
    options: dict[str, object] = {"comment": provenance.text(origin).encode()} if origin else {}
    if frames.shape[1] == 4:
        options |= {"transparency": 255, "disposal": 2}
    durations = [10 * steps for steps in _durations(len(frames), fps, 100)]
    return _animated(images, "GIF", durations, optimize=False, **options)


def _indexed(frames: np.ndarray) -> list[Image.Image]:
    """RGB or RGBA frames in up to 256 colours of their own, error diffusion smoothing what lies between.

    Diffusion came out best of what was looked at: without it smooth shades fall into patches, and ordered
    patterns show both the patches and the pattern.
    """
    colours = 255 if frames.shape[1] == 4 else 256
    palette = _palette(frames, colours)
    images = []
    for frame in frames:
        image = _image(frame[:3]).quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
        if len(frame) == 4:
            indices = np.where(frame[3] < 128, 255, np.asarray(image)).astype(np.uint8)
            image = Image.fromarray(indices).convert("P")
            image.putpalette(palette.getpalette() or [])
        images.append(image)
    return images


def _palette(frames: np.ndarray, colours: int) -> Image.Image:
    """The colours that come closest to the pixels of all frames, found on a sample of them (k-means)."""
    pixels = frames[:, :3].transpose(0, 2, 3, 1)
    pixels = pixels[frames[:, 3] >= 128] if frames.shape[1] == 4 else pixels.reshape(-1, 3)
    chosen = np.random.default_rng(0).integers(0, max(1, len(pixels)), 1 << 14)
    sample = pixels[chosen] if len(pixels) else np.full((1 << 14, 3), 128, np.uint8)
    return Image.fromarray(sample.reshape(-1, 128, 3)).quantize(
        colours, method=Image.Quantize.MAXCOVERAGE, kmeans=1
    )


def _webp(frames: np.ndarray, fps: float, origin: Record | None) -> bytes:
    factor = _walk_factor(frames)
    images = [
        _image(frame).convert("RGBA" if len(frame) == 4 else "RGB") for frame in _enlarged(frames, factor)
    ]
    xmp = {"xmp": provenance.xmp(origin).encode()} if origin else {}
    # Enlarged pixels have hard edges, which lossless coding keeps, and in fewer bytes.
    return _animated(
        images, "WEBP", _durations(len(frames), fps, 1000), lossless=factor > 1, quality=90, **xmp
    )


def _animated(images: list[Image.Image], kind: str, durations: list[int], **options: object) -> bytes:
    buffer = io.BytesIO()
    images[0].save(
        buffer, kind, save_all=True, append_images=images[1:], duration=durations, loop=0, **options
    )
    return buffer.getvalue()


def _durations(frames: int, fps: float, ticks: int) -> list[int]:
    """Whole ticks (of which a second has so many) for each frame, such that the whole keeps its speed."""
    ends = [round(index * ticks / fps) for index in range(frames + 1)]
    return [after - before for before, after in itertools.pairwise(ends)]


def _mp4(frames: np.ndarray, fps: float, origin: Record | None) -> bytes:
    """H.264, or MPEG-4 part 2 where there is no encoder for it, as yuv420p, which everything plays."""
    try:
        import av
    except ImportError as error:
        raise UserError(
            "MP4 needs the package av: pip install 'creative-gan[video]'; or use .webp or .gif"
        ) from error
    frames = _enlarged(_opaque(frames), _walk_factor(frames))
    height, width = frames.shape[2:]
    # Colour is stored for blocks of two by two pixels, so that both sides have to be even.
    frames = np.pad(frames, ((0, 0), (0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as film:
        if origin is not None:
            film.metadata["comment"] = provenance.text(origin)
        h264 = "libx264" in av.codecs_available
        quality = {"crf": "18"} if h264 else {"flags": "+qscale", "global_quality": str(3 * 118)}
        stream = film.add_stream(
            "libx264" if h264 else "mpeg4", rate=Fraction(fps).limit_denominator(1001), options=quality
        )
        stream.height, stream.width, stream.pix_fmt = *frames.shape[2:], "yuv420p"
        stream.codec_context.thread_count = 1  # the bytes depend on it
        stream.codec_context.colorspace = 6  # the matrix that RGB is converted by, SMPTE 170M
        for frame in frames:
            film.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame.transpose(1, 2, 0))))
            )
        film.mux(stream.encode())
    return buffer.getvalue()


def _opaque(frames: np.ndarray) -> np.ndarray:
    """RGB [N, 3, H, W] of pictures of any kind, over white where they have alpha."""
    if frames.shape[1] < 4:
        return np.broadcast_to(frames, (len(frames), 3, *frames.shape[2:]))
    alpha = frames[:, 3:].astype(np.uint16)
    return ((frames[:, :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def _walk_factor(frames: np.ndarray) -> int:
    return max(1, math.ceil(_WALK_SIDE / max(frames.shape[2:])))

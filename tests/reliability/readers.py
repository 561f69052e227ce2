"""How a bomb is opened, in a process of its own that imports nothing more than that."""

import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

from creative_gan.core.errors import UserError


def read_recipe(path: Path, scratch: Path) -> None:
    from creative_gan.core.recipe import load
    from creative_gan.image.recipe import ImageRecipe

    load(ImageRecipe, path)


def read_pictures(path: Path, scratch: Path) -> None:
    from creative_gan.image.data import open_pictures

    open_pictures(path, 16, cache=scratch)


def read_sounds(path: Path, scratch: Path) -> None:
    from creative_gan.music.wave.data import open_sounds

    open_sounds(path, 16000, 1024, cache=scratch)


def read_songs(path: Path, scratch: Path) -> None:
    from creative_gan.music.midi.data import load_pieces

    load_pieces(path, cache=scratch)


def read_texts(path: Path, scratch: Path) -> None:
    from creative_gan.text.data import open_texts

    open_texts(path)


def read_model(path: Path, scratch: Path) -> None:
    from creative_gan.image.model import load

    load(path.parent)


def read_text_model(path: Path, scratch: Path) -> None:
    from creative_gan.text.model import load

    load(path.parent)


def explode(path: Path, read: Callable[[Path, Path], None], report: Path) -> None:
    folder = report.parent
    try:
        read(folder / "nothing" / "there", folder)  # so that imports are not counted
    except UserError:
        pass
    start, before = peak(), time.process_time()
    try:
        read(path, folder / "scratch")
        said = "read, not refused"
    except UserError as error:
        said = "" if len(str(error)) < 2000 else "a very long sentence"
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"[:300]
    seconds, memory = time.process_time() - before, peak() - start
    report.write_text(json.dumps([said, seconds, memory]))


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

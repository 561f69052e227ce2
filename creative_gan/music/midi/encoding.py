"""Turns files into tokens, many at a time: in processes of their own where there are many files.

Run as a program it reads `{"shape": ..., "paths": [...]}` and writes a line for every file. That way nothing
depends on how the calling program was started, as it does with multiprocessing.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from creative_gan.core.errors import DataError
from creative_gan.music.midi.arrange import arranged
from creative_gan.music.midi.reader import read_midi
from creative_gan.music.midi.song import Song
from creative_gan.music.midi.vocabulary import bar_tokens, vocabulary

FEW = 48
"""So many files are read faster here than a process starts."""


@dataclass(frozen=True)
class Encoded:
    """The tokens of one song, bar by bar."""

    inside: list[list[int]]
    """Each bar as it stands in the song."""
    opening: list[list[int]]
    """Each bar as if the song began with it."""
    header: list[list[int]]
    """Metre, key and tempo tokens for each bar."""
    unknown: list[str]
    """Metres of its file for which 4/4 stands."""


def encode_song(song: Song, shape: str, name: str | Path) -> Encoded:
    """Bring a song into a shape and write it as tokens. Raises DataError if nothing is left of it."""
    fitted, words = arranged(song, shape), vocabulary(shape)
    if not len(fitted.notes):
        raise DataError(name, f"holds no notes for the shape '{shape}'")
    inside, opening = bar_tokens(words, fitted)
    header = [words.header(metre, key, song.tempo) for _, _, metre, key in fitted.bars().tolist()]
    return Encoded(inside, opening, header, list(song.unknown))


def encode_files(paths: Sequence[Path], shape: str) -> list[Encoded | DataError]:
    """The tokens of each MIDI file, or why it cannot be used."""
    workers = min(os.cpu_count() or 1, 8, len(paths) // FEW)
    if workers < 2:
        return [_encode_file(path, shape) for path in paths]
    results: list[Encoded | DataError | None] = [None] * len(paths)
    # Interleaved, as files of one kind and size tend to lie side by side.
    with ThreadPoolExecutor(workers) as pool:
        shares = [range(first, len(paths), workers) for first in range(workers)]
        found = pool.map(lambda share: list(_in_process([paths[i] for i in share], shape)), shares)
        for share, encoded in zip(shares, found, strict=True):
            # A process that was killed leaves its last files out.
            for index, result in zip(share, encoded, strict=False):
                results[index] = result
    return [
        DataError(path, "could not be read: the process that read it ended") if result is None else result
        for path, result in zip(paths, results, strict=True)
    ]


def _encode_file(path: Path, shape: str) -> Encoded | DataError:
    try:
        return encode_song(read_midi(path), shape, path)
    except DataError as error:
        return error


def _in_process(paths: Sequence[Path], shape: str) -> Iterator[Encoded | DataError]:
    """Encode files in another Python, in their order."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    asked = json.dumps({"shape": shape, "paths": [str(path) for path in paths]})
    done = subprocess.run(
        [sys.executable, "-m", "creative_gan.music.midi.encoding"],
        input=asked.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        check=False,
    )
    for path, line in zip(paths, done.stdout.splitlines(), strict=False):
        answer = json.loads(line)
        yield DataError(path, answer["reason"]) if "reason" in answer else Encoded(**answer)


def _serve() -> None:
    asked = json.load(sys.stdin)
    for path in asked["paths"]:
        result = _encode_file(Path(path), asked["shape"])
        answer = {"reason": result.reason} if isinstance(result, DataError) else asdict(result)
        sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    _serve()

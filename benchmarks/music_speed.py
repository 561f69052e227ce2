"""Speed of what is done with music: sampling songs, rendering them, reading a folder of MIDI files.

    python benchmarks/music_speed.py [--part songs] [--model runs/chorales] [--songs 100] [--files 1000]

Without a model, songs are sampled from an untrained network of the size of music/chorales, which fills its
bars as it likes; the median and the slowest of some rounds are printed.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Parts = dict[str, Callable[[argparse.Namespace], dict[str, Any]]]


def songs(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds for songs of 16 bars, sampled and written as MIDI."""
    from creative_gan.music.midi.export import to_bytes
    from creative_gan.music.midi.model import Manner, load

    with tempfile.TemporaryDirectory() as folder:
        model = load(options.model or untrained(Path(folder)))

    def once() -> int:
        made = model.write(range(options.songs), Manner(bars=16))
        return sum(len(to_bytes(song)) for song in made)

    return timed(once, options.rounds) | {"songs": options.songs, "shape": model.words.shape}


def sound(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds for a minute of stereo at 44.1 kHz from the package's own synthesiser."""
    from creative_gan.music.midi.builtin import tunes
    from creative_gan.music.midi.export import to_midi
    from creative_gan.music.synth import render

    rate, made, at = 44_100, None, 0.0
    for _, song in tunes(60):  # tunes one after the other, until a minute is full
        midi = to_midi(song)
        if made is None:
            made = midi
        else:
            for ours, theirs in zip(made.instruments, midi.instruments, strict=False):
                for note in theirs.notes:
                    note.start, note.end = note.start + at, note.end + at
                ours.notes += theirs.notes
        at = made.get_end_time()
        if at >= 60:
            break
    assert made is not None
    for part in made.instruments:
        part.notes = [note for note in part.notes if note.end <= 60]
    found = timed(lambda: render(made, rate, "own"), options.rounds)
    return found | {"sounding": round(made.get_end_time(), 1)}


def files(options: argparse.Namespace) -> dict[str, Any]:
    """MIDI files read a second the first time, and seconds to load them from the cache."""
    from creative_gan.music.midi.builtin import tunes
    from creative_gan.music.midi.data import load_pieces
    from creative_gan.music.midi.export import to_bytes

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "songs").mkdir()
        written = [to_bytes(song) for _, song in tunes()]
        for number in range(options.files):
            (root / "songs" / f"{number:05}.mid").write_bytes(written[number % len(written)])

        def read(cache: Path) -> float:
            begun = time.perf_counter()
            found = load_pieces(root / "songs", cache=cache)
            assert len(found) == options.files
            return time.perf_counter() - begun

        first = [read(root / f"cache{number}") for number in range(options.rounds)]
        again = [read(root / "cache0") for _ in range(options.rounds)]
    return {
        "files": options.files,
        "files_a_second": options.files / statistics.median(first),
        "from_cache_seconds": statistics.median(again),
    }


def untrained(folder: Path) -> Path:
    """A model folder with an untrained network of the size of music/chorales."""
    from creative_gan.core.recipe import load, locate
    from creative_gan.music.midi import model
    from creative_gan.music.midi.builtin import tunes
    from creative_gan.music.midi.data import from_songs
    from creative_gan.music.midi.networks import Shape, build_generator
    from creative_gan.music.midi.recipe import MidiRecipe
    from creative_gan.sequence import models

    recipe = load(MidiRecipe, locate("chorales", "music"))
    pieces = from_songs([song for _, song in tunes(60)], shape="chorale")
    shape, data = Shape("chorale", 400), {"source": "builtin:tunes", "fingerprint": pieces.fingerprint}
    split = {"shape": "chorale", "bars": recipe.data.bars, "holdout": recipe.data.holdout}
    config = model.describe("untrained", recipe.network, shape, pieces, "music/chorales", data, split)
    config |= {"weights": ["mle"], "sampler": "mle", "critic": None, "seen": 0}
    weights = {"mle": build_generator(recipe.network, shape).state_dict()}
    models.write(folder / "model", weights, config, {"README.md": ""})
    return folder


def timed(work: Callable[[], Any], rounds: int) -> dict[str, float]:
    """Seconds that `work` takes, after once for warmth."""
    work()
    seconds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return {"seconds": statistics.median(seconds), "slowest": max(seconds)}


PARTS: Parts = {"songs": songs, "sound": sound, "files": files}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=PARTS, help="only this one; else all in turn")
    parser.add_argument("--model", help="a trained MIDI model; else an untrained one")
    parser.add_argument("--songs", type=int, default=100)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = {name: part(options) for name, part in PARTS.items() if options.part in (None, name)}
    if options.json:
        print(json.dumps(found, indent=1))
        return
    for name, figures in found.items():
        said = ", ".join(
            f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
            for key, value in figures.items()
        )
        print(f"{name}: {said}")


if __name__ == "__main__":
    main()

"""Speed of what is done with music: sampling songs, rendering them, reading MIDI files, training on sounds.

    python benchmarks/music_speed.py [--part songs] [--model runs/chorales] [--songs 100] [--files 1000]
    python benchmarks/music_speed.py --part step [--length 8192] [--width 16] [--batch 64] [--rounds 7]

Without a model, songs are sampled from an untrained network of the size of music/chorales, which fills its
bars as it likes; the median and the slowest of some rounds are printed.

`step` is a training step of a waveform GAN against a plain loop of WaveGAN (arXiv:1802.04208) as public PyTorch
code has it: doubled samples and a convolution of stride 1 in the generator instead of a transposed one, float32,
two passes of the critic, whose weights get gradients in the generator's turn as well. Batch, loss, optimiser,
widths and phase shuffle are the same; they take turns in one run, so that whatever else the machine does meets all.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

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
    begun = time.perf_counter()
    render(made, rate, "own")  # the first one, as of a command: tones are kept for the next
    first = {"first": time.perf_counter() - begun}
    return (
        first
        | timed(lambda: render(made, rate, "own"), options.rounds)
        | {"sounding": round(made.get_end_time(), 1)}
    )


def files(options: argparse.Namespace) -> dict[str, Any]:
    """MIDI files read a second the first time, and seconds to load them from the cache."""
    from creative_gan.music.midi.builtin import COUNT, tunes
    from creative_gan.music.midi.data import load_pieces
    from creative_gan.music.midi.export import to_bytes

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "songs").mkdir()
        written = [to_bytes(song) for _, song in tunes(min(options.files, COUNT))]
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


def step(options: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds for a training step of a waveform GAN: a plain loop, creative-gan, the recipe's own game."""
    import torch

    about = options.length, options.width, options.batch
    same = {"loss": "nonsaturating", "lr": 1e-4, "beta1": 0.5, "beta2": 0.9}
    recipe = {"loss": "relativistic", "r1": 1.0, "r2": 1.0, "penalty_every": 8}
    steps = {
        "plain loop": plain_step(*about),
        "creative-gan": our_step(*about, same),
        "creative-gan, relativistic with lazy R1 and R2": our_step(*about, recipe),
    }
    real = torch.rand(options.batch, 1, options.length) * 2 - 1
    per_round = 8  # a whole round of lazy penalties
    wall: dict[str, list[float]] = {name: [] for name in steps}
    busy: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(options.rounds + 1):
        for name, once in steps.items():
            begun = time.perf_counter(), time.process_time()
            for _ in range(per_round):
                once(real)
            if turn:  # the first round warms up
                wall[name].append((time.perf_counter() - begun[0]) / per_round)
                busy[name].append((time.process_time() - begun[1]) / per_round)
    base, busy_base = (statistics.median(seconds["plain loop"]) for seconds in (wall, busy))
    found = {
        name: {
            "ms_per_step": 1000 * statistics.median(wall[name]),
            "times_the_plain_loop": base / statistics.median(wall[name]),
            "processor_ms": 1000 * statistics.median(busy[name]),
            "times_in_processor_time": busy_base / statistics.median(busy[name]),
        }
        for name in steps
    }
    shape = {"length": options.length, "width": options.width, "batch": options.batch}
    return shape | {"threads": torch.get_num_threads(), "steps": found}


def plain_step(length: int, width: int, batch: int) -> "Callable[[Tensor], None]":
    """The loop that public code has, on WaveGAN's networks as it writes them."""
    import torch
    from plain import step
    from torch import nn
    from torch.nn.functional import leaky_relu, pad

    from creative_gan.music.wave.networks import STAGES

    torch.manual_seed(0)
    start, strides = STAGES[length]
    widths = [1, *(width * 2**i for i in range(len(strides)))]
    layers: list[nn.Module] = [
        nn.Linear(100, start * widths[-1]),
        nn.Unflatten(1, (widths[-1], start)),
        nn.ReLU(),
    ]
    for i, stride in enumerate(strides):
        layers += [
            nn.Upsample(scale_factor=stride),
            nn.Conv1d(widths[-1 - i], widths[-2 - i], 25, padding=12),
        ]
        layers.append(nn.Tanh() if i == len(strides) - 1 else nn.ReLU())
    generator = nn.Sequential(*layers)
    convs = nn.ModuleList(
        nn.Conv1d(widths[i], widths[i + 1], 25, stride, (26 - stride) // 2)
        for i, stride in enumerate(strides[::-1])
    )
    logit = nn.Linear(start * widths[-1], 1)
    parameters = [*convs.parameters(), *logit.parameters()]
    generator_optimizer = torch.optim.Adam(generator.parameters(), lr=1e-4, betas=(0.5, 0.9))
    critic_optimizer = torch.optim.Adam(parameters, lr=1e-4, betas=(0.5, 0.9))

    def shuffled(x: "Tensor") -> "Tensor":
        """Each sample moved by up to two places; one copy for all that are moved alike."""
        moved, shift = torch.empty_like(x), torch.randint(-2, 3, (batch,))
        for k in range(-2, 3):
            rows = shift == k
            if rows.any():
                moved[rows] = pad(x[rows], (2, 2), "reflect")[:, :, 2 + k : 2 + k + x.shape[2]]
        return moved

    def critic(x: "Tensor") -> "Tensor":
        for i, conv in enumerate(convs):
            x = leaky_relu(conv(x), 0.2)
            if i < len(convs) - 1:
                x = shuffled(x)
        return logit(x.flatten(1)).squeeze(1)

    return step(generator, critic, generator_optimizer, critic_optimizer, batch, 100)


def our_step(length: int, width: int, batch: int, settings: dict[str, Any]) -> "Callable[[Tensor], None]":
    """A step of creative-gan on the same networks, in the precision that it chooses itself."""
    import torch

    from creative_gan.core.device import choose
    from creative_gan.core.draws import Draws
    from creative_gan.core.game import AdversarialGame, GameRecipe
    from creative_gan.music.wave.families import NetworkRecipe, build_critics, build_generator

    torch.manual_seed(0)
    about = NetworkRecipe(width=width, latent=100), 8000, length, 0
    recipe = GameRecipe(batch=batch, **settings)
    game = AdversarialGame(build_generator(*about), build_critics(*about), 100, recipe, 10**9, choose("cpu"))

    def once(real: "Tensor") -> None:
        game.step({"real": real}, Draws(0, game.seen, batch, slice(0, batch)))

    return once


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
    config = model.describe(
        "untrained", recipe.network, shape, pieces, "music/chorales", data, split, recipe.temperature
    )
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


PARTS: Parts = {"songs": songs, "sound": sound, "files": files, "step": step}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=PARTS, help="only this one; else all in turn")
    parser.add_argument("--model", help="a trained MIDI model; else an untrained one")
    parser.add_argument("--songs", type=int, default=100)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--length", type=int, choices=(8192, 16384, 32768, 65536), default=8192)
    parser.add_argument("--width", type=int, default=16, help="channels next to the wave; the paper has 64")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = {name: part(options) for name, part in PARTS.items() if options.part in (None, name)}
    if options.json:
        print(json.dumps(found, indent=1))
        return
    for name, figures in found.items():
        rows = figures.pop("steps", {})
        print(f"{name}: {said(figures)}")
        for row, of_row in rows.items():
            print(f"  {row}: {said(of_row)}")


def said(figures: dict[str, Any]) -> str:
    """Figures as words."""
    return ", ".join(
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in figures.items()
    )


if __name__ == "__main__":
    main()

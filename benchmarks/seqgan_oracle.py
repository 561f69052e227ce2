"""The synthetic experiment of SeqGAN (arXiv:1609.05473): a game against maximum likelihood, judged by the oracle.

10,000 sequences of 20 tokens from a random LSTM over 5,000 words teach a generator by maximum likelihood; the
weights with the best likelihood of 2,000 fresh sequences begin the game, and beside it a control whose every reward
is 1. NLL_oracle (the oracle's, of 10,000 samples) falls for a sharper model as well as for a better one, so each is
swept over temperature and compared by NLL_test (its own, of 10,000 fresh sequences) where NLL_oracle is equal.

    python benchmarks/seqgan_oracle.py --oracle ../shared/data/seqgan-oracle.npz --game seqgan --minutes 20
    python benchmarks/seqgan_oracle.py --width 256 --dropout 0.5 --mle-lr 3e-3 --game cot
    python benchmarks/seqgan_oracle.py --speed
"""

import argparse
import copy
import io
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from creative_gan.core.data import order
from creative_gan.core.device import choose
from creative_gan.core.draws import Draws, derive
from creative_gan.core.errors import UserError
from creative_gan.core.files import ensure_free, write_bytes
from creative_gan.core.health import NotFinite
from creative_gan.sequence.cot import CotGame, CotRecipe
from creative_gan.sequence.dense import DenseGame, DenseRecipe
from creative_gan.sequence.likelihood import log_probabilities, nll
from creative_gan.sequence.mle import MleGame, MleRecipe
from creative_gan.sequence.networks import CnnCritic, LstmGenerator, PrefixCritic
from creative_gan.sequence.oracle import LENGTH, load_oracle, random_oracle, sequences, symbols
from creative_gan.sequence.sampling import Decoding
from creative_gan.sequence.seqgan import SeqganGame, SeqganRecipe

Point = dict[str, float]
"""Temperature, NLL_oracle and NLL_test, both in nats a token."""

TEMPERATURES = (1.2, 1.1, 1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6)
SETTINGS: dict[str, dict[str, Any]] = {
    # Five parts of 64, each teaching the critic, the first one the generator too: the paper's g = 1, d = 5.
    "seqgan": {"critic_pretrain": 16_000, "critic_steps": 5},
    "seqgan-dense": {"critic_pretrain": 16_000},
    "cot": {},
}
RECIPES: dict[str, Any] = {"seqgan": SeqganRecipe, "seqgan-dense": DenseRecipe, "cot": CotRecipe}
BATCHES = {"seqgan": 320, "seqgan-dense": 64, "cot": 64}
LOOKS = 10


def main() -> None:
    options = arguments()
    torch.set_flush_denormal(True)
    try:
        result = speed(options) if options.speed else experiment(options)
    except UserError as error:
        sys.exit(f"error: {error}")
    if options.json:
        print(json.dumps(result))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--oracle", help="npz file with the 15 arrays of an oracle (none: one from the seed)")
    parser.add_argument("--vocabulary", type=int, default=5000, help="words of the oracle from the seed")
    parser.add_argument("--game", choices=["mle", *SETTINGS], default="seqgan")
    parser.add_argument("--minutes", type=float, default=20.0, help="for all of it but the last measurements")
    parser.add_argument("--share", type=float, default=0.4, help="of the minutes that maximum likelihood has")
    parser.add_argument("--mle-samples", type=int, help="that long maximum likelihood instead")
    parser.add_argument("--game-samples", type=int, help="that long the game, and its control, instead")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--width", type=int, default=32, help="of layers and token vectors")
    parser.add_argument(
        "--last",
        action="store_true",
        help="start from maximum likelihood's last weights, as the paper's code",
    )
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--mle-lr", type=float, default=1e-2)
    parser.add_argument("--mle-batch", type=int, default=64)
    parser.add_argument("--batch", type=int, help="of the game")
    parser.add_argument(
        "--critic-scale", type=float, default=1.0, help="filters of the paper's critic times this"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the game"
    )
    parser.add_argument("--start", help="weights after maximum likelihood: read if there, else written there")
    parser.add_argument("--no-control", action="store_true")
    parser.add_argument("--count", type=int, default=10_000, help="sequences for training, tests and samples")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--samples-out", metavar="FILE.npy", help="the game's samples, int32 [count, 20]")
    parser.add_argument("--json", action="store_true", help="the result as JSON, progress to standard error")
    parser.add_argument("--speed", action="store_true", help="measure speed against a plain loop instead")
    parser.add_argument("--rounds", type=int, default=3, help="of --speed")
    parser.add_argument("--plain-rollouts", type=int, default=16, help="done by the plain loop, timed as 16")
    return parser.parse_args()


class Experiment:
    """The oracle, its sequences, and how a generator is judged by them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.compute = options, choose(options.device)
        self.begun, self.out = time.time(), sys.stderr if options.json else sys.stdout
        oracle = (
            load_oracle(options.oracle) if options.oracle else random_oracle(options.seed, options.vocabulary)
        )
        self.oracle = oracle.to(self.compute.device)
        self.size = oracle.symbols.size
        self.train, self.valid, self.test = (
            sequences(self.oracle, count, options.seed, name)
            for name, count in (
                ("train", options.count),
                ("valid", options.count // 5),
                ("test", options.count),
            )
        )
        self.rows: list[dict[str, Any]] = []

    def say(self, text: str) -> None:
        print(text, file=self.out, flush=True)

    def likelihood(self, model: LstmGenerator, tokens: torch.Tensor, temperature: float = 1.0) -> float:
        return nll(model, tokens, torch.full_like(tokens[:, 0], LENGTH), temperature=temperature)

    def point(self, model: LstmGenerator, count: int, temperature: float = 1.0) -> Point:
        """Both likelihoods on `count` sequences, at most as many as there are for tests."""
        made = sequences(model, count, self.options.seed, "look", decoding=Decoding(temperature))
        return {
            "temperature": temperature,
            "nll_oracle": self.likelihood(self.oracle, made),
            "nll_test": self.likelihood(model, self.test[:count], temperature),
        }

    def play(self, name: str, game: Any, batch: int, minutes: float, samples: int | None) -> None:
        """Plays until the minutes are over or, where they are given, the samples are seen."""
        begun, cpu, progress, best, weights = time.time(), time.process_time(), 0.0, float("inf"), None
        length = torch.full((batch,), LENGTH, device=self.compute.device)
        while progress < 1:
            before = progress
            if name == "mle":
                game.lr_scale = min(1.0, 2 * (1 - progress) + 0.02)
            rows = order(len(self.train), self.options.seed, game.seen, game.seen + batch)
            draws = Draws(
                derive(self.options.seed, name), game.seen, batch, slice(0, batch), self.compute.device
            )
            try:
                metrics = game.step({"real": self.train[torch.from_numpy(rows)], "length": length}, draws)
            except NotFinite as error:
                self.say(f"{name} ends after {game.seen:,} samples: {error}")
                break
            late = (time.time() - begun) / (60 * minutes) if minutes else 1.0
            progress = game.seen / samples if samples else late
            if int(progress * LOOKS) == int(before * LOOKS):
                continue
            row = {"phase": name, "seen": game.seen, "seconds": round(time.time() - self.begun, 1)}
            row |= {"cpu_seconds": round(time.process_time() - cpu, 1)}
            row |= self.point(game.ema.average, self.options.count // 5)
            row |= {key: float(value) for key, value in metrics.items()}
            self.rows.append(row)
            more = "  ".join(f"{key} {float(value):.4g}" for key, value in metrics.items())
            self.say(f"{name:13} {game.seen:>9,} seen {row['seconds']:7.0f} s ({row['cpu_seconds']:6.0f} of cpu)  "
                     f"oracle {row['nll_oracle']:.3f}  test {row['nll_test']:.3f}  {more}")  # fmt: skip
            found = self.likelihood(game.ema.average, self.valid)
            if name == "mle" and found < best and not self.options.last:
                best, weights = found, copy.deepcopy(game.ema.average.state_dict())
        if weights is not None:
            game.ema.average.load_state_dict(weights)

    def sweep(self, model: LstmGenerator) -> list[Point]:
        return [self.point(model, min(4000, self.options.count), t) for t in TEMPERATURES]


def recipe(options: argparse.Namespace, constant: bool = False) -> SeqganRecipe | DenseRecipe | CotRecipe:
    """Settings of the game or, `constant`, of its control."""
    # Cooperative training knows no rewards; its control is that of the dense game.
    name = "seqgan-dense" if options.game == "cot" and constant else options.game
    settings = dict(SETTINGS[name])
    try:
        if name == options.game:
            settings |= {
                key: json.loads(value) for key, value in (text.split("=", 1) for text in options.set)
            }
        if constant:
            settings |= {"constant_reward": True, "critic_pretrain": 0}
        return RECIPES[name](**settings)
    except (ValueError, TypeError) as error:
        raise UserError(f"--set takes NAME=VALUE, a setting of {RECIPES[name].__name__} ({error})") from None


def new_game(setup: Experiment, start: LstmGenerator, constant: bool) -> Any:
    """The game of the options with a copy of the generator; `constant`: its control."""
    options, generator = setup.options, copy.deepcopy(start).requires_grad_()
    settings, words, device = recipe(options, constant), symbols(setup.size), setup.compute.device
    torch.manual_seed(derive(options.seed, "critic"))
    if options.game == "seqgan":
        critic = setup.compute.place(CnnCritic(words, LENGTH, 64, options.critic_scale))
        return SeqganGame(generator, critic, settings, setup.compute)
    if options.game == "seqgan-dense" or constant:
        return DenseGame(generator, PrefixCritic(words).to(device), settings)
    return CotGame(generator, copy.deepcopy(generator), settings)


def experiment(options: argparse.Namespace) -> dict[str, Any]:
    if options.samples_out:
        ensure_free(options.samples_out)
    if options.game != "mle":
        recipe(options)  # whoever mistypes a setting learns it now
    setup = Experiment(options)
    start = maximum_likelihood(setup)
    result: dict[str, Any] = {
        "options": vars(options),
        "parameters": sum(p.numel() for p in start.parameters()),
    }
    models = {"mle": start}
    if options.game != "mle":
        game = new_game(setup, start, constant=False)
        batch = options.batch or BATCHES[options.game]
        left = options.minutes - (time.time() - setup.begun) / 60
        # The control needs no rollouts, so beside those of the paper it is cheap.
        share = 1.0 if options.no_control else 0.8 if options.game == "seqgan" else 0.5
        setup.play(options.game, game, batch, max(0.01, share * left), options.game_samples)
        models[options.game] = game.ema.average
        if not options.no_control:
            # The critic's lessons change nothing in a control, so it has those steps that moved the generator.
            played = game.seen - getattr(game.recipe, "critic_pretrain", 0)
            control = new_game(setup, start, constant=True)
            setup.play("control", control, batch, 0.0, max(played, batch))
            models["control"] = control.ema.average
    result |= {"time": setup.rows, "seconds": time.time() - setup.begun, "final": {}, "sweep": {}}
    for name, model in models.items():
        result["final"][name] = setup.point(model, options.count)
        result["sweep"][name] = setup.sweep(model)
    result["oracle"] = setup.likelihood(setup.oracle, setup.test)
    result["matched"] = {name: matched(result["sweep"], name) for name in models if name != "mle"}
    report(setup, result)
    if options.samples_out:
        made = sequences(models[options.game], options.count, options.seed, "samples")
        buffer = io.BytesIO()
        np.save(buffer, made.cpu().numpy().astype(np.int32))
        write_bytes(options.samples_out, buffer.getvalue())
    return result


def maximum_likelihood(setup: Experiment) -> LstmGenerator:
    """The generator with the best likelihood of the sequences kept for choosing it, or the last (`--last`)."""
    options = setup.options
    torch.manual_seed(derive(options.seed, "generator"))
    generator = LstmGenerator(
        symbols(setup.size), options.width, options.width, options.layers, options.dropout
    ).to(setup.compute.device)
    try:
        with open(options.start or "", "rb") as file:
            generator.load_state_dict(load(file.read()))
        return generator
    except FileNotFoundError:
        pass
    except (RuntimeError, SafetensorError):
        raise UserError(
            f"{options.start}: no weights of such a network; give its --width and --layers"
        ) from None
    game = MleGame(generator, MleRecipe(lr=options.mle_lr, ema=0.0))
    share = 1.0 if options.game == "mle" else options.share
    setup.play("mle", game, options.mle_batch, share * options.minutes, options.mle_samples)
    if options.start:
        write_bytes(options.start, save(game.ema.average.state_dict()))
    return game.ema.average


def at(curve: list[Point], nll_oracle: float) -> float | None:
    """NLL_test of a curve where NLL_oracle is that, between its points; None outside it."""
    for (x, y), (x2, y2) in itertools.pairwise((p["nll_oracle"], p["nll_test"]) for p in curve):
        if min(x, x2) <= nll_oracle <= max(x, x2):
            return y + (y2 - y) * (nll_oracle - x) / ((x2 - x) or 1.0)
    return None


def matched(sweep: dict[str, list[Point]], name: str) -> list[dict[str, float]]:
    """By how much NLL_test is below maximum likelihood's where NLL_oracle is equal, at points of its curve."""
    rows = []
    for below in (0.0, 0.25, 0.5, 1.0, 1.5):
        target = sweep["mle"][TEMPERATURES.index(1.0)]["nll_oracle"] - below
        theirs, ours = at(sweep["mle"], target), at(sweep[name], target)
        if theirs is not None and ours is not None:
            rows.append({"nll_oracle": target, "mle": theirs, "game": ours, "gain": theirs - ours})
    return rows


def report(setup: Experiment, result: dict[str, Any]) -> None:
    setup.say(
        f"\nthe oracle itself: {result['oracle']:.3f}; {result['parameters']:,} parameters in the generator"
    )
    for name, curve in result["sweep"].items():
        last = result["final"][name]
        setup.say(f"{name:13} NLL_oracle {last['nll_oracle']:.3f}  NLL_test {last['nll_test']:.3f}")
        for p in curve:
            setup.say(f"    temperature {p['temperature']:.2f}  {p['nll_oracle']:.3f}  {p['nll_test']:.3f}")
    for name, rows in result["matched"].items():
        own, base = (result["final"][key]["nll_oracle"] for key in (name, "mle"))
        setup.say(
            f"{name}: NLL_oracle {base - own:+.3f} below maximum likelihood's; at equal NLL_oracle its NLL_test is"
        )
        for row in rows:
            setup.say(f"    at {row['nll_oracle']:.3f}: {row['game']:.3f}, maximum likelihood's {row['mle']:.3f}, "
                      f"{row['gain']:+.3f} better")  # fmt: skip
        if not rows:
            setup.say("    not to be compared: the curves share no NLL_oracle")


def plain(generator: LstmGenerator, critic: CnnCritic, rows: int, rollouts: int) -> Callable[[], None]:
    """A generator step as the common implementations do it: one prefix and one rollout at a time."""
    optimizer = torch.optim.Adam(generator.parameters(), 1e-2)
    device = generator.embedding.weight.device
    length = torch.full((rows,), LENGTH, device=device)

    @torch.no_grad()
    def complete(prefix: torch.Tensor) -> torch.Tensor:
        state, tokens = generator.begin(rows), prefix
        previous = torch.zeros(rows, dtype=torch.int64, device=device)
        for t in range(LENGTH):
            hidden, state = generator.advance(generator.embed(previous), state)
            if t >= prefix.shape[1]:
                chosen = torch.multinomial(generator.head(hidden).softmax(1), 1)
                tokens = torch.cat([tokens, chosen], dim=1)
            previous = tokens[:, t]
        return tokens

    def step() -> None:
        fake = complete(torch.zeros(rows, 0, dtype=torch.int64, device=device))
        worth = torch.zeros(rows, LENGTH, device=device)
        with torch.no_grad():
            for _ in range(rollouts):
                for kept in range(1, LENGTH + 1):
                    worth[:, kept - 1] += critic(complete(fake[:, :kept]), length).sigmoid() / rollouts
        optimizer.zero_grad()
        (-worth * log_probabilities(generator(fake), fake, length)).sum().backward()
        optimizer.step()

    return step


def speed(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds a generator step of 64 sequences and 16 rollouts; ours teach their critics too, the plain does not."""
    rows, compute = 64, choose(options.device)
    words, train = symbols(), sequences(random_oracle(options.seed).to(compute.device), 64, options.seed)

    def generator() -> LstmGenerator:
        torch.manual_seed(0)
        return LstmGenerator(words, 32, 32).to(compute.device)

    def ours(game: Any) -> Callable[[], None]:
        batch = {"real": train, "length": torch.full((rows,), LENGTH, device=compute.device)}
        return lambda: game.step(batch, Draws(0, game.seen, rows, slice(0, rows), compute.device)) and None

    critics = [CnnCritic(words, LENGTH).to(compute.device), compute.place(CnnCritic(words, LENGTH))]
    literal = SeqganRecipe(critic_steps=1)
    steps = {
        "plain loop, float32": (1, plain(generator(), critics[0], rows, options.plain_rollouts)),
        "literal rollouts": (1, ours(SeqganGame(generator(), critics[1], literal, compute))),
        "literal rollouts, float32": (
            1, ours(SeqganGame(generator(), copy.deepcopy(critics[1]), literal))),
        "dense rewards": (10, ours(DenseGame(generator(), PrefixCritic(words).to(compute.device), DenseRecipe()))),
    }  # fmt: skip
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for _, step in list(steps.values())[1:]:
        step()  # warms up; the plain loop has hundreds of passes a step
    for _ in range(options.rounds):
        for name, (times, step) in steps.items():
            begun, cpu = time.perf_counter(), time.process_time()
            for _ in range(times):
                step()
            if compute.device.type == "cuda":
                torch.cuda.synchronize()
            seconds[name].append(((time.perf_counter() - begun) / times, (time.process_time() - cpu) / times))
    result: dict[str, Any] = {}
    for name, measured in seconds.items():
        wall, cpu = (statistics.median(values) for values in zip(*measured, strict=True))
        if not result:  # the plain loop: its time is all in the rollouts, each of which costs the same
            wall, cpu = (value * 16 / options.plain_rollouts for value in (wall, cpu))
        base = next(iter(result.values()), {"seconds": wall, "cpu_seconds": cpu})
        times_wall, times_cpu = base["seconds"] / wall, base["cpu_seconds"] / cpu
        result[name] = {"seconds": wall, "times": times_wall, "cpu_seconds": cpu, "cpu_times": times_cpu}
    if not options.json:
        print(f"{compute.why}; {torch.get_num_threads()} threads; 64 sequences, 20 tokens, 16 rollouts")
        for name, row in result.items():
            print(f"{name:28} {row['seconds']:8.3f} s a step {row['times']:7.1f}x  "
                  f"({row['cpu_seconds']:8.3f} s of processor {row['cpu_times']:7.1f}x)")  # fmt: skip
    return result


if __name__ == "__main__":
    main()

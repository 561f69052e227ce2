"""Well-known public GANs, trained for the time of a processor that a run of ours gets, and judged as ours is.

`dcgan`: the DCGAN of the best-known collection of PyTorch GANs (eriklindernoren/PyTorch-GAN). `wavegan`: the
best-known WaveGAN in PyTorch (mostafaelaraby/wavegan-pytorch), whose phase shuffle is off by a mistake. Both are
written anew from their published settings: networks, first weights, losses, rates, batch sizes. Their data are
those that ours is trained on, with the same part held out, and so are the figures and the number of samples.

    python benchmarks/rivals.py dcgan ../shared/data/mnist --cpu-minutes 10 --out rival --model runs/mnist
    python benchmarks/rivals.py wavegan ../shared/data/fsdd --cpu-minutes 15 --out rival --model runs/spoken

A folder that holds samples already is judged again instead of trained in.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, interpolate

from creative_gan.core.draws import derive
from creative_gan.core.files import write_bytes
from creative_gan.image import classifier, data, export, metrics
from creative_gan.image import evaluate as pictures
from creative_gan.image import model as picture_model
from creative_gan.music.wave import evaluate as sounds
from creative_gan.music.wave import metrics as sound_metrics
from creative_gan.music.wave.data import Sounds, open_sounds
from creative_gan.music.wave.export import write_sounds
from creative_gan.music.wave.judge import train_judge
from creative_gan.music.wave.model import load
from creative_gan.music.wave.picture import sound_sheet

HOLDOUT = 0.1
"""Share held out, as in the recipes."""
RATE, LENGTH = 8000, 8192
Figures = dict[str, dict[str, Any]]
Trained = tuple[Callable[[int], Tensor], int]
"""What draws samples, and how many real ones were shown."""


def dcgan(train: data.Pictures, seconds: float, seed: int) -> Trained:
    """Pictures of 32 pixels. Adam 2e-4, batch 64; the second argument of its later batch norms, 0.8, is epsilon."""
    torch.manual_seed(seed)
    channels, side, _ = train.shape
    start, batch = side // 4, 64
    generator = nn.Sequential(
        nn.Linear(100, 128 * start**2),
        nn.Unflatten(1, (128, start, start)),
        nn.BatchNorm2d(128),
        *(nn.Upsample(scale_factor=2), nn.Conv2d(128, 128, 3, padding=1)),
        *(nn.BatchNorm2d(128, 0.8), nn.LeakyReLU(0.2)),
        *(nn.Upsample(scale_factor=2), nn.Conv2d(128, 64, 3, padding=1)),
        *(nn.BatchNorm2d(64, 0.8), nn.LeakyReLU(0.2)),
        nn.Conv2d(64, channels, 3, padding=1),
        nn.Tanh(),
    )
    layers: list[nn.Module] = []
    for a, b in ((channels, 16), (16, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(a, b, 3, 2, 1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25)]
        if a != channels:
            layers.append(nn.BatchNorm2d(b, 0.8))
    critic = nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * (side // 16) ** 2, 1), nn.Sigmoid())
    for module in [*generator, *critic]:
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
            nn.init.normal_(module.weight, float(isinstance(module, nn.BatchNorm2d)), 0.02)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.zeros_(module.bias)
    generator_optimizer, critic_optimizer = (
        torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999)) for network in (generator, critic)
    )
    ones, zeros = torch.ones(batch, 1), torch.zeros(batch, 1)

    def step(real: Tensor) -> None:
        generator_optimizer.zero_grad()
        fake = generator(torch.randn(batch, 100))
        binary_cross_entropy(critic(fake), ones).backward()
        generator_optimizer.step()
        critic_optimizer.zero_grad()
        loss = binary_cross_entropy(critic(real), ones) + binary_cross_entropy(critic(fake.detach()), zeros)
        (loss / 2).backward()
        critic_optimizer.step()

    # it draws as it trains, with the statistics of the batch
    return lambda count: generator(torch.randn(count, 100)), played(train, batch, seconds, seed, step)


def wavegan(train: Sounds, seconds: float, seed: int) -> Trained:
    """Sounds of 8,192 samples, half of the shortest that it makes itself. WGAN-GP, one turn each, batch 10, d = 32."""
    torch.manual_seed(seed)
    batch, start, widths = 10, LENGTH // 4**5, (512, 256, 128, 64, 32, 1)
    layers: list[nn.Module] = [
        nn.Linear(100, widths[0] * start),
        nn.Unflatten(1, (widths[0], start)),
        nn.ReLU(),
    ]
    convs: list[nn.Module] = []
    for a, b in pairwise(widths):
        last = nn.Tanh() if b == 1 else nn.ReLU()
        layers += [nn.Upsample(scale_factor=4), nn.Conv1d(a, b, 25, padding=12), last]
        convs = [nn.Conv1d(b, a, 25, 4, 11), nn.LeakyReLU(0.2), *convs]
    generator, critic = nn.Sequential(*layers), nn.Sequential(*convs, nn.Flatten(), nn.Linear(512 * start, 1))
    for module in [*generator, *critic]:
        if isinstance(module, nn.Conv1d):
            nn.init.normal_(module.weight, 0.0, 0.02)
        if isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    for module in critic:
        if isinstance(module, nn.Conv1d | nn.Linear):
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    generator_optimizer = torch.optim.Adam(generator.parameters(), lr=1e-4, betas=(0.5, 0.9))
    critic_optimizer = torch.optim.Adam(critic.parameters(), lr=3e-4, betas=(0.5, 0.9))

    def step(real: Tensor) -> None:
        critic.requires_grad_(True)
        critic_optimizer.zero_grad()
        with torch.no_grad():
            fake = generator(torch.randn(batch, 100))
        between = torch.lerp(real, fake, torch.rand(batch, 1, 1)).requires_grad_(True)
        (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        penalty = 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean()
        (critic(fake).mean() - critic(real).mean() + penalty).backward()
        critic_optimizer.step()
        critic.requires_grad_(False)
        generator_optimizer.zero_grad()
        (-critic(generator(torch.randn(batch, 100))).mean()).backward()
        generator_optimizer.step()

    return lambda count: generator(torch.randn(count, 100)), played(train, batch, seconds, seed, step)


def played(
    train: data.Pictures | Sounds, batch: int, seconds: float, seed: int, step: Callable[[Tensor], None]
) -> int:
    """Steps on shuffled epochs until this process has worked so long. Returns how many real ones were shown."""
    begun, seen, told = time.process_time(), 0, 0.0
    for rows in shuffled(len(train), batch, seed):
        if (spent := time.process_time() - begun) >= seconds:
            break
        if spent - told >= 60:
            told = spent
            print(f"{spent / 60:.0f} of {seconds / 60:.0f} minutes, {seen:,} shown", flush=True)
        step(train.batch(rows)["real"])
        seen += batch
    return seen


def shuffled(count: int, batch: int, seed: int) -> Iterator[np.ndarray]:
    """Indices of whole batches, epoch after epoch, for ever."""
    rng = np.random.default_rng(derive(seed, "rivals"))
    while True:
        yield from rng.permutation(count)[: count - count % batch].reshape(-1, batch)


@torch.no_grad()
def drawn(draw: Callable[[int], Tensor], count: int) -> np.ndarray:
    """Samples, 64 at once. float32 [count, C, ...]."""
    return torch.cat([draw(64) for _ in range(-(-count // 64))])[:count].numpy()


def of_pictures(options: argparse.Namespace) -> dict[str, Any]:
    """Trains the DCGAN, judges it and ours. Figures of each by name, and what to know about them."""
    train, heldout = data.open_pictures(options.data, 28).split(HOLDOUT)
    wide, wide_heldout = data.open_pictures(options.data, 32).split(HOLDOUT)
    fake, about = samples(options, lambda: dcgan(wide, 60 * options.cpu_minutes, options.seed))
    made = shrunk(torch.from_numpy(fake))
    # what the way through 32 pixels costs: pictures held out against themselves
    there = shrunk(torch.from_numpy(np.asarray(wide_heldout.pictures)) / 127.5 - 1)
    about["frechet_of_resizing"] = judged(there, train, heldout)["frechet"]["value"]
    figures = {"dcgan": judged(made, train, heldout)}
    sheets = {"dcgan": made}
    if options.model:
        ours = picture_model.load(options.model)
        compared = pictures.compare(ours, options.data, options.count, options.seed)
        assert compared.train.fingerprint == train.fingerprint, "another part was held out"
        figures["ours"], sheets["ours"] = compared.figures, compared.fake[:: max(1, len(compared.fake) // 64)]
        if "7" in train.classes and ours.classes:
            z, seven = ours.latents(range(500), options.seed + 1), ours.labels(range(500), "7")
            assert train.labels is not None
            network = classifier.train_classifier(np.asarray(train.pictures), train.labels, train.classes)
            calls = classifier.classify(network, ours.paint(z, seven))[1].argmax(1)
            about["sevens_of_500"] = int((calls == train.classes.index("7")).sum())
    for name, some in sheets.items():
        sheet = export.png(export.grid(some[:64]), None)
        write_bytes(options.out / f"{name}.png", sheet, overwrite=True)
    return {"about": about, "figures": figures, "frechet": "frechet"}


def judged(fake: np.ndarray, train: data.Pictures, heldout: data.Pictures) -> Figures:
    """As `creative-gan image evaluate` does, for pictures of no class."""
    known, real = np.asarray(train.pictures), np.asarray(heldout.pictures)
    return metrics.evaluate(fake, known, real, train.labels, heldout.labels, train.classes)


def shrunk(made: Tensor) -> np.ndarray:
    """[N, C, 32, 32] in [-1, 1] -> uint8 [N, C, 28, 28]."""
    return export.to_uint8(interpolate(made, (28, 28), mode="bilinear", antialias=True))


def of_sounds(options: argparse.Namespace) -> dict[str, Any]:
    """Trains the WaveGAN, judges it and ours. Figures of each by name, and what to know about them."""
    opened = open_sounds(options.data, RATE, LENGTH, label_pattern=options.label_pattern)
    train, heldout = opened.split(HOLDOUT)
    fake, about = samples(options, lambda: wavegan(train, 60 * options.cpu_minutes, options.seed))
    count = min(len(fake), len(heldout))
    made = {"wavegan": fake[:count, 0]}
    asked: dict[str, Tensor | None] = {"wavegan": None}
    if options.model:
        ours = load(options.model)
        assert sounds.real_sounds(ours, options.data)[0].fingerprint == train.fingerprint, "another split"
        asked["ours"] = ours.labels_like(train.labels, train.classes, count)
        made["ours"] = ours.play(ours.latents(range(count), options.seed), asked["ours"])
    judge, figures = train_judge(train), {}
    for name, waves in made.items():
        found = sound_metrics.evaluate(train, heldout, torch.from_numpy(waves)[:, None], judge, asked[name])
        figures[name] = {m.name: {"value": m.value, "floor": m.real, "better": m.better} for m in found}
        some = waves[:: max(1, len(waves) // 32)][:32]
        sound_sheet(list(some), RATE, side=96).save(options.out / f"{name}.png")
        write_sounds(some[:20], RATE, options.out / f"{name}.wav", None, overwrite=True)
    return {"about": about, "figures": figures, "frechet": "Fréchet distance"}


def samples(options: argparse.Namespace, train: Callable[[], Trained]) -> tuple[np.ndarray, dict[str, Any]]:
    """The rival's samples, out of the folder or newly trained for, and what is known of its training."""
    kept, facts = options.out / "samples.npy", options.out / "training.json"
    if not facts.exists():
        begun, wall = time.process_time(), time.perf_counter()
        draw, seen = train()
        about = {"seed": options.seed, "seen": seen, "cpu_seconds": round(time.process_time() - begun)}
        about["seconds"] = round(time.perf_counter() - wall)
        options.out.mkdir(parents=True, exist_ok=True)
        np.save(kept, drawn(draw, options.count))
        facts.write_text(json.dumps(about))
    return np.load(kept), json.loads(facts.read_text())


RIVALS = {"dcgan": of_pictures, "wavegan": of_sounds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rival", choices=RIVALS)
    parser.add_argument("data", help="pictures or sounds with classes")
    parser.add_argument(
        "--cpu-minutes", type=float, default=20, help="of this process, whatever the clock says"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--count", type=int, default=2000, help="samples of each; sounds: as many as are held out"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for samples, sheets, sounds and figures"
    )
    parser.add_argument("--model", help="a run of ours, to be judged beside it")
    parser.add_argument("--label-pattern", default="{label}_{}_{}.wav")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = RIVALS[options.rival](options)
    if "ours" in found["figures"]:
        theirs, ours = (found["figures"][name][found["frechet"]]["value"] for name in (options.rival, "ours"))
        found["about"]["frechet_ours_over_theirs"] = ours / theirs
    if options.json:
        print(json.dumps(found, indent=1))
        return
    print(", ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
                    for key, value in found["about"].items()))  # fmt: skip
    columns = found["figures"]
    print(f"{'':26}" + "".join(f"{name:>10}" for name in [*columns, "real"]))
    for name in dict.fromkeys(key for of_one in columns.values() for key in of_one):
        shown = [of_one.get(name, {}) for of_one in columns.values()]
        if any("floor" in figure for figure in shown):
            floor = next(figure["floor"] for figure in shown if "floor" in figure)
            values = [figure.get("value", float("nan")) for figure in shown] + [floor]
            print(f"{name:26}" + "".join(f"{value:10.4g}" for value in values))


if __name__ == "__main__":
    main()

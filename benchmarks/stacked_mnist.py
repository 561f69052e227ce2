"""Stacked MNIST: three random digits as the colours of one picture, 1,000 modes; how many does a GAN reach?

Metz 2017 (arXiv:1611.02163), as PacGAN (arXiv:1712.04086) counts: a classifier names the digit in each channel of
26,000 samples; a mode is reached when one sample is in it; KL is that of the sampled modes from the uniform ones,
natural logarithm. The data are drawn anew for ever from the single digits.

    python benchmarks/stacked_mnist.py ../shared/data/mnist --seed 0 --samples 1500000
"""

import argparse
import json
import time

import numpy as np
import torch
from torch.nn import functional

from creative_gan.core.device import choose
from creative_gan.core.draws import Draws
from creative_gan.core.game import AdversarialGame, GameRecipe
from creative_gan.image.classifier import classify, train_classifier
from creative_gan.image.data import open_pictures
from creative_gan.image.export import grid, png, to_uint8
from creative_gan.image.networks import NetworkRecipe, build

COUNT = 26_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="MNIST: a folder with idx files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=1_500_000)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--r1", type=float, default=0.5)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--loss", default="relativistic")
    parser.add_argument("--network", default="dcgan", choices=["dcgan", "resnet"])
    parser.add_argument("--side", type=int, default=28, help="pixels, of which the digits have the middle 28")
    parser.add_argument("--blur", action="store_true", help="a filter after transposed convolutions")
    parser.add_argument("--modulation", action="store_true", help="z at every stage of the generator")
    parser.add_argument("--one-stage", action="store_true", help="generator and critic move at once")
    parser.add_argument("--preview", help="write a sheet of samples to this PNG")
    options = parser.parse_args()

    digits = open_pictures(options.data, 28)
    assert digits.labels is not None
    classifier = train_classifier(np.asarray(digits.pictures), digits.labels, digits.classes)
    compute = choose("cpu" if not torch.cuda.is_available() else "auto")
    torch.manual_seed(options.seed)
    side = options.side
    asked = NetworkRecipe(
        options.network, latent=64, width=options.width, blur=options.blur, modulation=options.modulation
    )
    networks = build(asked, (3, side, side), 0)
    recipe = GameRecipe(
        loss=options.loss,
        r1=options.r1,
        r2=options.r1,
        penalty_every=8,
        one_stage=options.one_stage,
        batch=options.batch,
        lr=options.lr,
        lr_end=0.0,
    )
    game = AdversarialGame(networks[0], {"critic": networks[1]}, 64, recipe, options.samples, compute)
    single = torch.from_numpy(np.asarray(digits.pictures)[:, 0].astype(np.float32) / 127.5 - 1)
    single = functional.pad(single, [(side - 28) // 2] * 4, value=-1.0)

    begun, report_every = time.time(), max(options.samples // 10, 1)
    while game.seen < options.samples:
        draws = Draws(options.seed, game.seen, options.batch, slice(0, options.batch), compute.device)
        real = single[draws.integers("digits", 0, len(single), 3).cpu()].to(compute.device)  # [B, 3, H, W]
        metrics = game.step({"real": real}, draws)
        if game.seen // report_every != (game.seen - options.batch) // report_every:
            modes, kl, single_kl = count(game, classifier, options.seed, 5_000)
            shown = {key: round(float(value), 3) for key, value in metrics.items()}
            print(f"{game.seen:>9,} {time.time() - begun:6.0f} s  modes of 5,000 samples {modes}, KL {kl:.3f}, "
                  f"of single channels {single_kl:.3f}  sign {shown['sign']}", flush=True)  # fmt: skip
    seconds = time.time() - begun
    modes, kl, single_kl = count(game, classifier, options.seed, COUNT)
    result = {"modes": modes, "kl": round(kl, 4), "single_kl": round(single_kl, 4), "seconds": round(seconds)}
    print(json.dumps(vars(options) | result))
    if options.preview:
        with open(options.preview, "wb") as file:
            file.write(png(grid(sample(game, options.seed, 64)), None))


def sample(game: AdversarialGame, seed: int, count_: int) -> np.ndarray:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        z = torch.randn(count_, 64, generator=generator)
        return np.concatenate(
            [to_uint8(game.ema.average(part.to(game.compute.device))) for part in z.split(500)]
        )


def count(
    game: AdversarialGame, classifier: torch.nn.Module, seed: int, count_: int
) -> tuple[int, float, float]:
    """Modes reached, the KL divergence of the sampled modes from the uniform distribution, and what of it is the
    three channels' own: the sum of the divergences of their ten digits."""
    fake = sample(game, seed + 1, count_)
    edge = (fake.shape[-1] - 28) // 2
    fake = fake[..., edge : edge + 28, edge : edge + 28]
    named = np.stack(
        [classify(classifier, fake[:, channel : channel + 1])[1].argmax(1) for channel in range(3)], 1
    )
    modes = np.bincount(named @ [100, 10, 1], minlength=1000)
    single = sum(divergence(np.bincount(digits, minlength=10)) for digits in named.T)
    return int((modes > 0).sum()), divergence(modes), single


def divergence(counts: np.ndarray) -> float:
    """KL of these shares from the uniform ones, in nats."""
    share = counts[counts > 0] / counts.sum()
    return float((share * np.log(share * len(counts))).sum())


if __name__ == "__main__":
    main()

"""How good, how varied and how new generated sounds are, each figure beside that of real sounds held out."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from creative_gan.core.distances import (
    density_coverage,
    frechet,
    near_duplicates,
    precision_recall,
    within_classes,
)
from creative_gan.core.errors import UserError
from creative_gan.music.signal import loudness, stft
from creative_gan.music.wave.data import SILENT_BELOW, Sounds
from creative_gan.music.wave.judge import Judge, log_mel

HEARD = 30.0
"""Decibels below the loudest place of a sound down to which its print goes: noise and codecs change what is softer."""

_CHUNK = 256
_MOST = 2000
"""Training sounds that distances are measured to."""


@dataclass(frozen=True)
class Measure:
    """One figure."""

    name: str
    value: float
    real: float
    """The same figure for real sounds that were held out, in the same number: what is to be reached."""
    better: str
    """`higher`, `lower`, or `near` the real one."""


def evaluate(
    train: Sounds, heldout: Sounds, fake: Tensor, judge: Judge | None = None, label: Tensor | None = None
) -> list[Measure]:
    """All figures for generated sounds.

    Args:
        train: what the generator was trained on.
        heldout: real sounds of the same kind that nothing was trained on.
        fake: [N, 1, L] in [-1, 1].
        judge: `train_judge(train)`; without it the figures that need classes are left out.
        label: int64 [N], the classes that were asked for.

    As many fakes are used as sounds are held out, at most.

    Raises UserError with fewer than 50 sounds of a kind.
    """
    count = min(len(fake), len(heldout))
    if min(count, len(train)) < 50:
        raise UserError(
            f"{min(count, len(train))} sounds are too few to measure; at least 50 of each kind are needed"
        )
    fake = fake[:count].float().cpu()
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(heldout))[:count]
    real = _load(heldout, rows)
    known = _load(train, rng.permutation(len(train))[:_MOST])
    measures = []
    if judge is not None:
        (known_h, _), (real_h, real_p), (fake_h, fake_p) = map(judge.look, (known, real, fake))
        measures += [
            Measure("inception score", inception_score(fake_p), inception_score(real_p), "higher"),
            Measure("Fréchet distance", frechet(known_h, fake_h), frechet(known_h, real_h), "lower"),
            Measure("rarest class", rarest_class(fake_p), rarest_class(real_p), "higher"),
            *_spread(known_h, real_h, fake_h),
        ]
        if label is not None and heldout.labels is not None:
            asked, true = label[:count].cpu().numpy(), heldout.labels[rows]
            hits = float((fake_p.argmax(1) == asked).mean()), float((real_p.argmax(1) == true).mean())
            measures.append(Measure("right class", *hits, "higher"))
    known_m, real_m, fake_m = (mel_features(wave, train.rate) for wave in (known, real, fake))
    if judge is None:
        measures += _spread(known_m, real_m, fake_m)
    twice = duplicates(real_m, real_m), duplicates(real_m, fake_m)
    copied = near_duplicates(*(prints(wave, train.rate) for wave in (known, real, fake)))["share"]
    levels = [loudness(wave[:, 0], train.rate) for wave in (fake, real)]
    return [
        *measures,
        Measure("log-mel Fréchet", frechet(known_m, fake_m), frechet(known_m, real_m), "lower"),
        Measure("loudness (LUFS)", float(levels[0].mean()), float(levels[1].mean()), "near"),
        Measure("loudness spread (dB)", float(levels[0].std()), float(levels[1].std()), "near"),
        Measure("silent share", silent_share(fake), silent_share(real), "lower"),
        Measure("duplicates", twice[1], twice[0], "near"),
        Measure("copies of training sounds", float(copied), 0.01, "near"),
    ]


def inception_score(probabilities: np.ndarray) -> float:
    """exp of the mean KL divergence of p(class | sound) from p(class): 1 to the number of classes.

    probabilities: [N, classes]. Salimans 2016 (arXiv:1606.03498), section 4, over all sounds at once.
    """
    mean = probabilities.mean(0)
    ratio = np.log(probabilities.clip(1e-16)) - np.log(mean.clip(1e-16))
    return float(np.exp((probabilities * ratio).sum(1).mean()))


def rarest_class(probabilities: np.ndarray) -> float:
    """How often the rarest class is seen, times the number of classes: 0 to 1, where all are equal."""
    counts = np.bincount(probabilities.argmax(1), minlength=probabilities.shape[1])
    return float(counts.min() / counts.mean())


def mel_features(wave: Tensor, rate: int) -> np.ndarray:
    """What a sound is like: level in 16 bands and 6 stretches of time, and how each band varies, in bels.

    wave: [N, 1, L]. Returns [N, 112].
    """
    features = []
    for part in wave.split(_CHUNK):
        spectrum = log_mel(part, rate) / 10
        coarse = torch.nn.functional.adaptive_avg_pool2d(spectrum, (16, 6))[:, 0]
        bands = torch.nn.functional.adaptive_avg_pool2d(spectrum, (16, spectrum.shape[3]))[:, 0]
        features.append(torch.cat([coarse.flatten(1), bands.std(2)], 1))
    return torch.cat(features).numpy()


def prints(wave: Tensor, rate: int) -> np.ndarray:
    """What a copy of a sound keeps, however loud it is and with a little noise: levels below its loudest place.

    wave: [N, 1, L]. Returns [N, 640], 40 bands in 16 stretches of time. The distance of two is the root mean square
    of their differences in bels.
    """
    levels = []
    for part in wave.split(_CHUNK):
        peak = part.abs().amax((1, 2), keepdim=True).clamp_min(1e-6)
        spectrum = log_mel(part / peak, rate)
        heard = (spectrum - spectrum.amax((1, 2, 3), keepdim=True)).clamp_min(-HEARD) / 10
        levels.append(torch.nn.functional.adaptive_avg_pool2d(heard, (40, 16)).flatten(1))
    made = torch.cat(levels)
    return (made / made.shape[1] ** 0.5).numpy()


def diversity(wave: Tensor, rate: int, labels: Tensor | None = None) -> float:
    """How different sounds are: the mean deviation of their features, in bels, within classes where told; cheap.

    wave: [N, 1, L], two at least. labels: [N]. To be compared with that of real sounds.
    """
    known = None if labels is None else labels.numpy()
    return float(np.sqrt(within_classes(mel_features(wave, rate), known)).mean())


def silent_share(wave: Tensor) -> float:
    """Share of sounds [N, 1, L] whose peak is below -60 dB."""
    return float((wave.abs().amax((1, 2)) < SILENT_BELOW).float().mean())


def duplicates(real: np.ndarray, items: np.ndarray) -> float:
    """Share of items with a twin: nearer to another than only one in a hundred real sounds is to another.

    real, items: features [N, D]; for the real ones themselves the answer is about 0.01.
    """
    return float((_nearest(items) < np.quantile(_nearest(real), 0.01)).mean())


def troubles(fake: Tensor, real: Tensor, rate: int) -> list[str]:
    """What has gone wrong with a generator, in sentences: silence, clicks, one tone, always the same.

    fake, real: [N, 1, L] in [-1, 1], 16 or more of each; what real sounds are like themselves is no trouble.
    """
    found = []
    if (share := silent_share(fake)) > 0.1 + silent_share(real):
        found.append(f"{share:.0%} of the sounds are silent")
    if (share := _share_of(_concentration(fake, rate), 0.9)) > 0.3 + _share_of(
        _concentration(real, rate), 0.9
    ):
        found.append(f"{share:.0%} of the sounds are a click of a few milliseconds")
    if (share := _share_of(_tonality(fake, rate), 0.9)) > 0.3 + _share_of(_tonality(real, rate), 0.9):
        found.append(f"{share:.0%} of the sounds are a single tone")
    if diversity(fake, rate) < 0.1 * diversity(real, rate):
        found.append("the sounds are all nearly the same")
    return found


def _spread(known: np.ndarray, real: np.ndarray, fake: np.ndarray) -> list[Measure]:
    values = precision_recall(known, fake) | density_coverage(known, fake)
    floor = precision_recall(known, real) | density_coverage(known, real)
    return [Measure(name, values[name], floor[name], "higher") for name in values]


def _load(sounds: Sounds, rows: np.ndarray) -> Tensor:
    return torch.cat(
        [sounds.batch(part)["real"] for part in np.array_split(rows, max(1, len(rows) // _CHUNK))]
    )


def _nearest(items: np.ndarray) -> np.ndarray:
    """Distance of each item to the nearest other one. [N, D] -> [N]."""
    distance = torch.cdist(torch.from_numpy(items).double(), torch.from_numpy(items).double())
    return distance.fill_diagonal_(torch.inf).min(1).values.numpy()


def _share_of(values: Tensor, above: float) -> float:
    return float((values > above).float().mean())


def _concentration(wave: Tensor, rate: int) -> Tensor:
    """Share of a sound's energy in its loudest five milliseconds. [N, 1, L] -> [N]."""
    frame = max(1, rate // 200)
    energy = wave[:, 0].square().unfold(1, frame, max(1, frame // 2)).sum(2)
    return energy.amax(1) / wave[:, 0].square().sum(1).clamp_min(1e-9)


def _tonality(wave: Tensor, rate: int) -> Tensor:
    """Share of a sound's energy within 20 Hz or a bin of its strongest frequency. [N, 1, L] -> [N]."""
    n_fft = 2 ** round(np.log2(0.06 * rate))
    power = stft(wave[:, 0], n_fft, n_fft // 2).abs().square().sum(2)
    near = torch.nn.functional.avg_pool1d(power[:, None], 5, 1, 2)[:, 0] * 5
    return near.amax(1) / power.sum(1).clamp_min(1e-9)

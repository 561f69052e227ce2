"""Look a set of sounds over before training: what it holds, what is wrong with it, what it is good for."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from creative_gan.core.errors import DataError, UserError
from creative_gan.core.recipe import load, locate
from creative_gan.core.wording import duration, listed, many
from creative_gan.music.wave import builtin, labels, reader
from creative_gan.music.wave.choose import recipe_for
from creative_gan.music.wave.data import BUILTIN, SILENT_BELOW, TRIM_BELOW, sound_files
from creative_gan.music.wave.recipe import WaveRecipe

IMBALANCE = 5.0
"""Times by which the largest class may exceed the smallest without a warning."""
CLIPPED = 0.0005
"""Share of samples at full scale from which a file counts as clipped."""
SHOWN = 5

LENGTHS = (8192, 16384, 32768, 65536)
RATES = (8000, 16000, 22050, 44100, 48000)
# From so many sounds on: what to expect.
VERDICTS = [
    (2_000, "enough sounds for variety"),
    (300, "a small set: use augmentation"),
    (50, "very small: expect sounds that resemble these closely; more would help more than anything else"),
    (1, "too few to learn from: collect at least 50, better some hundreds"),
]


@dataclass(frozen=True)
class Report:
    """What `check` found; lists hold names of files."""

    source: str
    count: int
    """Files that can be used."""
    seconds: float
    """Of all of them together."""
    shortest: float
    """In seconds, as are the next two; of the files."""
    median: float
    longest: float
    rates: dict[int, int]
    """Files at each rate in Hz, as the next at each number of channels."""
    channels: dict[int, int]
    kinds: dict[str, int]
    classes: dict[str, int]
    imbalance: float | None
    """Largest class over smallest; None without classes."""
    silence: float
    """Share of the time that is silence at the beginnings and ends of files."""
    quiet: list[str]
    """Files that never get louder than -20 dB."""
    clipped: list[str]
    skipped: list[tuple[str, str]]
    """Name and reason of what cannot be used."""
    rate: int
    """Samples a second that suit the files; of a built-in set those of its recipe, as is the next."""
    length: int
    """Samples that nine sounds in ten fit in at that rate, without their silence."""
    verdict: str

    def as_dict(self) -> dict:
        """The same as JSON takes it."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The same in sentences for a terminal."""
        spread = f": {self.shortest:.2f} to {self.longest:.2f} s, half of them below {self.median:.2f} s"
        rows = [
            f"{many(self.count, 'sound')}, {duration(self.seconds)} in all"
            + (spread if self.count > 1 else ""),
            "rates: " + _counts({f"{rate:,} Hz": n for rate, n in self.rates.items()}),
            "channels: " + _counts(self.channels) + "; files: " + _counts(self.kinds),
            f"silence at the ends: {self.silence:.0%} of the time",
        ]
        if self.classes:
            rows.append(f"{many(len(self.classes), 'class', 'classes')}: " + _counts(self.classes))
        if self.imbalance is not None and self.imbalance > IMBALANCE:
            rows.append(
                f"warning: the largest class has {self.imbalance:.0f} times as many sounds as the smallest"
            )
        for fault, names in (("clipped", self.clipped), ("very quiet", self.quiet)):
            if names:
                rows.append(f"warning: {len(names)} {fault}: " + _some(names))
        rows += listed("skipped", [f"{name}: {reason}" for name, reason in self.skipped])
        return [*rows, f"{self.verdict}; rate {self.rate} and length {self.length} suit them"]


@dataclass(frozen=True)
class _Heard:
    """One file."""

    name: str
    header: reader.Header
    peak: float
    clipped: float
    loud: float
    """Seconds between the silence at the beginning and that at the end."""


def check(source: str | Path, label_pattern: str | None = None) -> Report:
    """Read every file of a set and look it over. Args and errors: those of `data.open_sounds`."""
    heard: list[_Heard] = []
    skipped: list[tuple[str, str]] = []
    classes: Counter[str] = Counter()
    if str(source).startswith(BUILTIN):
        name = str(source).removeprefix(BUILTIN)
        if name not in builtin.SETS:
            raise UserError(f"there is no {source}; there is {', '.join(BUILTIN + n for n in builtin.SETS)}")
        for wave, kind in builtin.SETS[name](RATES[-1]):
            header = reader.Header(RATES[-1], 1, len(wave), "built in")
            heard.append(_judged(f"{kind}/{len(heard):04d}", header, [wave], RATES[-1]))
            classes[kind] += 1
        # they are there at any rate, so what was looked at says nothing; the recipe that they would get does
        taken = load(WaveRecipe, locate(recipe_for(str(source)), "music")).data
        return replace(_report(source, heard, skipped, classes), rate=taken.rate, length=taken.length)
    root, names = sound_files(source)
    wanted = labels.file_labels(root, names, label_pattern)
    for row, name in enumerate(names):
        label = wanted[row] if wanted is not None else None
        if wanted is not None and label is None:
            skipped.append((name, "has no label"))
            continue
        try:
            one = _hear(root / name, name)
        except DataError as error:
            skipped.append((name, error.reason))
            continue
        heard.append(one)
        if label is not None:
            classes[label] += 1
    if not heard:
        name, reason = skipped[0]
        raise DataError(source, f"holds no sound that can be used; {name} {reason}", "check the files")
    return _report(source, heard, skipped, classes)


def _report(
    source: str | Path, heard: list[_Heard], skipped: list[tuple[str, str]], classes: Counter[str]
) -> Report:
    durations = np.array([one.header.frames / one.header.rate for one in heard])
    loud = np.array([one.loud for one in heard])
    rate = max(fit for fit in RATES if fit <= max(np.median([one.header.rate for one in heard]), RATES[0]))
    wanted_length = float(np.quantile(loud, 0.9)) * rate
    return Report(
        source=str(source),
        count=len(heard),
        seconds=float(durations.sum()),
        shortest=float(durations.min()),
        median=float(np.median(durations)),
        longest=float(durations.max()),
        rates=dict(Counter(one.header.rate for one in heard).most_common()),
        channels=dict(Counter(one.header.channels for one in heard).most_common()),
        kinds=dict(Counter(one.header.kind for one in heard).most_common()),
        classes={name: classes[name] for name in labels.in_order(set(classes))},
        imbalance=max(classes.values()) / min(classes.values()) if classes else None,
        silence=float(1 - loud.sum() / durations.sum()),
        quiet=[one.name for one in heard if one.peak < 0.1],
        clipped=[one.name for one in heard if one.clipped > CLIPPED],
        skipped=skipped,
        rate=rate,
        length=next((length for length in LENGTHS if length >= wanted_length), LENGTHS[-1]),
        verdict=next(words for least, words in VERDICTS if len(heard) >= least),
    )


def _hear(path: Path, name: str) -> _Heard:
    header = reader.read_header(path)
    heard = _judged(name, header, reader.read_parts(path, header.rate), header.rate)
    if heard.header.frames < header.rate // 100:
        raise DataError(path, f"lasts only {heard.header.frames} sample{'s' * (heard.header.frames != 1)}")
    if heard.peak < SILENT_BELOW:
        raise DataError(path, "is silent")
    return heard


def _judged(name: str, header: reader.Header, parts: Iterable[np.ndarray], rate: int) -> _Heard:
    peak, full, frames, levels = 0.0, 0, 0, []
    for part in parts:
        size = np.abs(part)
        peak, full, frames = (
            max(peak, float(size.max())),
            full + int((size >= 0.999).sum()),
            frames + len(part),
        )
        block = max(1, rate // 100)
        levels.append(np.square(np.pad(part, (0, -len(part) % block)).reshape(-1, block)).mean(1))
    power = np.concatenate(levels) if levels else np.zeros(1)
    sounding = np.flatnonzero(power >= power.max() * 10 ** (TRIM_BELOW / 10))
    loud = min((sounding[-1] - sounding[0] + 1) / 100, frames / rate)
    header = reader.Header(header.rate, header.channels, frames, header.kind)
    return _Heard(name, header, peak, full / max(frames, 1), float(loud))


def _counts(counts: dict) -> str:
    shown = [f"{name} ({count})" for name, count in list(counts.items())[:20]]
    return ", ".join(shown) + (f" and {len(counts) - 20} more" if len(counts) > 20 else "")


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")

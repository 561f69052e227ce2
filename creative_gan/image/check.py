"""Look a set of pictures over before training: what it holds, what is wrong with it, what it is good for."""

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from creative_gan.core.errors import DataError
from creative_gan.core.wording import listed, many
from creative_gan.image.build import header_of, in_threads
from creative_gan.image.choose import FEW, suited
from creative_gan.image.data import BUILTIN, Pictures, open_pictures
from creative_gan.image.duplicates import exact_duplicates, near_duplicates
from creative_gan.image.metadata import LABEL
from creative_gan.image.sources import find

IMBALANCE = 5.0
"""Times by which the largest class may exceed the smallest without a warning."""
SHOWN = 5

# From so many different pictures on: what to expect.
VERDICTS = [
    (20_000, "large: no augmentation is needed"),
    (FEW, "large enough: use light augmentation"),
    (100, "small: use every augmentation there is"),
    (3, "very small: expect copies of the pictures; more of them would help more than anything else"),
    (0, "too few to train on: three are the least, and a hundred or more are good"),
]


@dataclass(frozen=True)
class Report:
    """What `check` found; groups of duplicates are lists of names."""

    source: str
    count: int
    different: int
    """Pictures left when exact duplicates are counted once."""
    shape: tuple[int, int, int]
    """Channels, height and width that training will see."""
    smallest: tuple[int, int]
    """Height and width, by area; of the files, as are the next three."""
    median: tuple[int, int]
    largest: tuple[int, int]
    common_sizes: list[tuple[int, int, int]]
    """Height, width and count of the most common sizes."""
    modes: dict[str, int]
    classes: dict[str, int]
    imbalance: float | None
    """Largest class over smallest; None without classes."""
    texts: int
    """Pictures with a text."""
    skipped: list[tuple[str, str]]
    duplicates: list[list[str]]
    near_duplicates: list[list[str]]
    """Groups that look the same, beyond exact duplicates."""
    verdict: str
    recipe: str
    size: tuple[int, int]
    """Height and width to train at that suit the files, in pixels."""
    fingerprint: str

    def as_dict(self) -> dict:
        """The same as JSON takes it."""
        return asdict(self)


def check(
    source: str | Path,
    size: int | tuple[int, int] | None = None,
    channels: str = "auto",
    fit: str = "crop",
    cache: Path | None = None,
    label_column: str = LABEL,
) -> Report:
    """Open a set as training would, and look it over.

    Args and errors: those of `data.open_pictures`.
    """
    pictures = open_pictures(source, size, channels, fit, cache=cache, label_column=label_column)
    sizes, modes = _headers(pictures)
    exact = exact_duplicates(pictures.pictures)
    repeated = {index for group in exact for index in group[1:]}
    near = [
        [index for index in group if index not in repeated] for group in near_duplicates(pictures.pictures)
    ]
    different = len(pictures) - len(repeated)
    by_area = sorted(sizes.elements(), key=lambda side: (side[0] * side[1], side))
    counted = Counter([] if pictures.labels is None else pictures.labels.tolist())
    classes = {name: counted[number] for number, name in enumerate(pictures.classes)}
    verdict = next(words for least, words in VERDICTS if different >= least)
    return Report(
        source=pictures.source,
        count=len(pictures),
        different=different,
        shape=pictures.shape,
        smallest=by_area[0],
        median=by_area[len(by_area) // 2],
        largest=by_area[-1],
        common_sizes=[(*side, count) for side, count in sizes.most_common(SHOWN)],
        modes=dict(modes.most_common()),
        classes=classes,
        imbalance=max(classes.values()) / max(1, min(classes.values())) if classes else None,
        texts=sum(bool(text) for text in pictures.texts or []),
        skipped=pictures.skipped,
        duplicates=[[pictures.names[index] for index in group] for group in exact],
        near_duplicates=[[pictures.names[index] for index in group] for group in near if len(group) > 1],
        verdict=verdict,
        recipe=f"image/{suited(different, pictures.shape)}",
        size=_suited(sizes),
        fingerprint=pictures.fingerprint,
    )


def lines(report: Report) -> list[str]:
    """The report as plain text."""
    channels, height, width = report.shape
    kind = {1: "grey", 3: "RGB", 4: "RGBA"}[channels]
    out = [f"{report.source}: {many(report.count, 'picture')}, opened as {_size(height, width)} {kind}"]
    common = ", ".join(f"{_size(h, w)} ({count})" for h, w, count in report.common_sizes)
    if report.smallest == report.largest and len(report.common_sizes) == 1:
        out.append(f"sizes: all {_size(*report.smallest)}")
    else:
        out.append(
            f"sizes: smallest {_size(*report.smallest)}, median {_size(*report.median)}, "
            f"largest {_size(*report.largest)}; most common {common}"
        )
    out.append("modes: " + ", ".join(f"{mode} ({count})" for mode, count in report.modes.items()))
    if report.classes:
        out.append(f"classes: {len(report.classes)}")
        widest = max(map(len, report.classes))
        out += [f"  {name:<{widest}}  {count:>6}" for name, count in report.classes.items()]
    if report.imbalance is not None and report.imbalance > IMBALANCE:
        out.append(
            f"warning: the largest class has {report.imbalance:.0f} times as many pictures as the smallest; "
            "rare classes will be learnt badly"
        )
    if report.texts:
        out.append(f"texts: {report.texts} of {many(report.count, 'picture')}")
    out += listed("skipped", [f"{name}: {reason}" for name, reason in report.skipped])
    out += listed("exact duplicates, groups", [" = ".join(group[:SHOWN]) for group in report.duplicates])
    out += listed("near duplicates, groups", [" ~ ".join(group[:SHOWN]) for group in report.near_duplicates])
    out.append(f"verdict: {many(report.different, 'different picture')}, {report.verdict}")
    out.append(f"recommended: --recipe {report.recipe.partition('/')[2]} --size {_as_option(*report.size)}")
    return out


def _headers(pictures: Pictures) -> tuple[Counter, Counter]:
    """How often each size (height, width) and each mode occurs among the files that were read."""
    if pictures.source.startswith(BUILTIN):
        channels, height, width = pictures.shape
        count = len(pictures)
        return Counter({(height, width): count}), Counter({{1: "L", 3: "RGB", 4: "RGBA"}[channels]: count})
    source = find(Path(pictures.source).expanduser())
    read = set(pictures.names)
    rows = [row for row, name in enumerate(source.names) if name in read]
    found = [header for _, header in in_threads(rows, lambda row: header_of(source, row))]
    headers = [header for header in found if not isinstance(header, DataError)]
    sizes = Counter((header.height, header.width) for header in headers)
    return sizes, Counter(header.mode for header in headers)


def _suited(sizes: Counter) -> tuple[int, int]:
    """The largest usual square that does not enlarge the median picture; a shared small size as it is."""
    shorter = sorted(min(side) for side in sizes.elements())
    if len(sizes) == 1 and shorter[0] >= 16 and max(shared := next(iter(sizes))) <= 64:
        return shared
    side = max([32] + [side for side in (64, 128) if side <= shorter[len(shorter) // 2]])
    return side, side


def _as_option(height: int, width: int) -> str:
    """As `--size` takes it."""
    return f"{height}" if height == width else f"{height}x{width}"


def _size(height: int, width: int) -> str:
    return f"{width} x {height}"

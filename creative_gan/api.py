"""Every modality by its name: what the command line and `import creative_gan` both stand on."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

PACKAGES = {
    "image": ("creative_gan.image", "ImageRecipe"),
    "music/wave": ("creative_gan.music.wave", "WaveRecipe"),
    "music/midi": ("creative_gan.music.midi", "MidiRecipe"),
    "music/roll": ("creative_gan.music.roll", "RollRecipe"),
    "text": ("creative_gan.text", "TextRecipe"),
}
"""Where each kind of model lives and the class of its recipes; all have the same files with the same functions."""

Report = Callable[[dict], None]


class Model(Protocol):
    """What all models have in common; each kind takes more arguments, such as `truncation` or `prompt`."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def classes(self) -> list[str]:
        """Names of the classes that can be asked for; empty without classes."""

    def sample(self, n: int = 1, seed: int = 0) -> list[Any]:
        """`n` new samples of a seed: Pillow images, sounds with their rate, PrettyMIDI objects or strings."""


@dataclass(frozen=True)
class Job:
    """A training that is prepared and not begun."""

    kind: str
    """A key of `PACKAGES`."""
    recipe: str
    """Its name, as `image/digits`."""
    plan: Any
    """The `Plan` of the kind's `train.py`."""
    folder: Path
    """The run's."""

    def estimate(self) -> list[str]:
        """The resolved recipe, then parameters, memory and time, as lines for a person."""
        from creative_gan.core.recipe import to_toml

        return [to_toml(self.plan.recipe), *module(self.kind, "estimate").estimate(self.plan)]

    def train(self, report: Report, new: bool = False) -> Path:
        """Trains, going on with what is in the folder unless `new`, and reports on it. Returns the model folder.

        Raises as `train`; that a report fails is only said.
        """
        model = module(self.kind, "train").train(self.plan, self.folder, report, new)
        page = self.folder / "report.html"
        # called again at the end of a run, there is nothing new to tell
        told = page.is_file() and page.stat().st_mtime_ns > (model / "config.json").stat().st_mtime_ns
        if self.plan.recipe.watch.report and not told:
            _report(self.kind, self.folder, report)
        return model


def load(source: str | Path) -> Model:
    """A model of any kind, by run folder, model folder or shipped name such as `emoji` or `image/emoji`.

    Raises:
        UserError, DataError: there is none, or it is damaged or of an unsafe kind.
    """
    from creative_gan.core import models

    folder = models.find(source)
    return module(kind_of(models.read_config(folder), folder), "model").load(source)


def train(
    recipe: str,
    data: str | Path,
    out: str | Path | None = None,
    *,
    minutes: float | None = None,
    samples: int | None = None,
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
    start: str | Path | None = None,
    device: str = "auto",
    new: bool = False,
    strict: bool = False,
    report: Report = lambda row: None,
) -> Path:
    """Trains a model, as `creative-gan image train` and its like do; the same call again goes on with the run.

    Args:
        recipe: `image/digits`, a .toml file of your own, or only `image`, `music` or `text` for what suits the data.
        data: one path, or a built-in set such as `builtin:digits`.
        out: the run's folder; else `runs/DATA`, or `runs/DATA-RECIPE` where a recipe is named.
        minutes: how long to train, about, instead of the recipe's budget.
        samples: how many samples to show in all, instead of the recipe's budget.
        seed: another one than the recipe's.
        settings: any settings of the recipe by their dotted names, as `{"game.batch": 32}`.
        start: a model or an earlier run whose weights it begins with; see `prepare`.
        device: auto, cpu, cuda or mps.
        new: start over; the older run is kept under another name.
        strict: refuse data with unreadable files instead of skipping them.
        report: called with every row of the log; rows with `say` are sentences for a person.

    Returns:
        The model folder, which `load` takes.

    Raises:
        UserError, DataError: a recipe, data or a folder that cannot be used; two budgets, or none to speak of.
        core.loop.Stopped: Ctrl-C or SIGTERM came, and all was saved.
    """
    given = budget(samples, minutes) | ({} if seed is None else {"seed": seed}) | dict(settings or {})
    kind, name = _meant(recipe, str(data))
    job = prepare(
        kind, str(data), name, out, given=given, start=None if start is None else str(start), device=device,
        strict=strict, report=report,
    )  # fmt: skip
    return job.train(report, new)


def prepare(
    kind: str,
    data: str,
    recipe: str | None = None,
    out: str | Path | None = None,
    *,
    given: Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
    start: str | None = None,
    device: str = "auto",
    strict: bool = False,
    report: Report = lambda row: None,
) -> Job:
    """Finds the recipe, opens the data and chooses the device.

    Args:
        kind: a key of `PACKAGES`.
        recipe: a shipped one of this modality or a .toml file; None for what suits the data, or that of `start`.
        given, overrides: see `core.recipe.load`.
        start: a model or an earlier run whose weights it begins with, and whose networks it has therefore.

    Raises:
        UserError, DataError: a recipe, data or a device that cannot be used.
    """
    from creative_gan.core import recipe as recipes

    group = kind.partition("/")[0]
    begun = _beginning(kind, start) if start else None
    if begun and begun.recipe and not recipe:
        path, name = begun.recipe, begun.recipe_name
    else:
        path = recipes.locate(recipe or module(kind, "choose").recipe_for(data), group)
        name = f"{group}/{path.stem}"
        if recipe is None:
            report({"say": f"recipe {name} suits this data (another with --recipe)"})
    settings = (begun.settings if begun else {}) | dict(given or {})
    wanted = recipes.load(recipe_class(kind), path, overrides, given=settings)
    training = module(kind, "train")
    plan = training.plan(data, wanted, name, device, strict)
    for line in training.remarks(plan):
        report({"say": line})
    return Job(kind, name, plan, Path(out) if out else _folder(data, path.stem if recipe else "", begun))


def budget(samples: int | None, minutes: float | None) -> dict[str, Any]:
    """How long to train, as keys of a recipe: either replaces what the recipe says.

    Raises:
        UserError: both are given, or less than there can be.
    """
    from creative_gan.core.errors import UserError, within

    if samples is not None and minutes is not None:
        raise UserError("give samples or minutes, not both")
    if samples is not None:
        within("samples", samples, 1, whole=True)
    if minutes is not None:
        within("minutes", minutes, 0, 1_000_000, above=True)
    return {"budget.samples": samples or 0, "budget.minutes": minutes or 0.0} if samples or minutes else {}


def kind_of(table: Mapping[str, Any], where: object) -> str:
    """The key of `PACKAGES` for a recipe or a model's description, which say `modality` and, in music, `kind`.

    Raises:
        UserError: there is no such kind.
    """
    from creative_gan.core.errors import UserError

    modality = table.get("modality", "image")
    kind = f"music/{table.get('kind')}" if modality == "music" else modality
    if kind not in PACKAGES:
        raise UserError(f"{where} is of the kind {kind!r}; there is {', '.join(PACKAGES)}")
    return kind


def kind_of_recipe(path: Path) -> str:
    """The key of `PACKAGES` for a recipe file.

    Raises:
        UserError: it cannot be read, or there is no such kind.
    """
    from creative_gan.core.recipe import table_of

    return kind_of(table_of(path), f"recipe {path}")


def recipe_class(kind: str) -> Any:
    """The dataclass of the recipes of a kind."""
    return vars(module(kind, "recipe"))[PACKAGES[kind][1]]


@dataclass(frozen=True)
class _Beginning:
    """What a run takes over from the model that it begins with, besides its weights."""

    name: str
    """The model's."""
    recipe: Path | None
    """That of the model's own run, if it lies in one."""
    recipe_name: str
    settings: dict[str, Any]
    """By dotted keys: what makes the same networks."""


def _folder(data: str, recipe: str, begun: _Beginning | None) -> Path:
    """Where a run of this data goes when nobody says: what was not named is not in its name either."""
    path = Path(data)
    stem = (path.name if path.is_dir() else path.stem).replace(":", "-") or "data"
    rest = f"from-{begun.name}" if begun else recipe
    return Path("runs") / (f"{stem}-{rest}" if rest else stem)


def _beginning(kind: str, start: str) -> _Beginning:
    """Raises UserError, DataError where there is no such model, or one of another kind."""
    from creative_gan.core import models
    from creative_gan.core.errors import UserError

    folder = models.find(start, kind.partition("/")[0])
    config, facts = models.read_config(folder), models.facts(folder)
    theirs = kind_of(config, folder)
    if theirs != kind:
        raise UserError(f"a run of the kind {kind} cannot begin with {start}, which is of the kind {theirs}")
    own = folder.parent / "recipe.toml"
    settings = module(kind, "model").settings(config) | {"start": start}
    recipe = own if folder.name == "model" and own.is_file() else None
    return _Beginning(facts["name"], recipe, facts["recipe"], settings)


def _report(kind: str, folder: Path, report: Report) -> None:
    """Writes the report of a run that is done, which nothing that goes wrong here can undo."""
    from creative_gan.core import dist

    if not dist.is_main():
        return
    report({"say": "writing the report"})
    try:
        path = module(kind, "report").report(folder)
    except Exception as error:
        again = f"creative-gan {kind.partition('/')[0]} report {shlex.quote(str(folder))}"
        report({"warning": f"there is no report of this run ({error}); {again} tries again"})
    else:
        report({"say": f"report: {path}"})


def module(kind: str, name: str) -> Any:
    """The file of this name in the package of a kind."""
    return import_module(f"{PACKAGES[kind][0]}.{name}")


def _meant(recipe: str, data: str) -> tuple[str, str | None]:
    """The kind, and the recipe unless it is only a kind that was named."""
    from creative_gan.core.recipe import locate

    if recipe in PACKAGES:
        return recipe, None
    if recipe == "music":
        from creative_gan.music.kinds import kind_of as kind_of_music

        return f"music/{kind_of_music(data)}", None
    path = locate(recipe)
    return kind_of_recipe(path), recipe

"""Looks at an installation: what is there, what is missing or broken, and the command that mends it.

Nothing is imported before it is its turn, for any of it may be what is broken.
"""

import importlib
import importlib.metadata
import os
import platform
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import creative_gan
from creative_gan.core.audio_guard import torchaudio
from creative_gan.core.cache import cache_folder

PYTHON = shlex.quote(sys.executable or "python")
"""The interpreter that is examined, which need not be the one that `python` or `pip` of the shell stands for."""
PIP = f"{PYTHON} -m pip install"
TORCHAUDIO = (2, 11)
"""The torch beside which the torchaudio of the extra loads."""
MODULES = {"pillow": "PIL", "scikit-learn": "sklearn", "torch-fidelity": "torch_fidelity"}
"""Packages whose module has another name."""
ENOUGH_MB, LARGE_MB = 1_000, 10_000
"""Less than this is little room for a run; more than this is a large cache."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: str
    """`ok`; `optional`: not there, and nothing needs it; `attention`: missing or broken."""
    says: str
    mend: str = ""
    """The command that mends it, or adds what is optional."""
    needed: bool = False
    """Whether trainings and samples need it."""


def examine(runs: Path) -> list[Finding]:
    """All findings, the needed ones first. `runs`: where run folders are to go; it need not exist."""
    base, extras = requirements()
    return [
        # one that is too old would not have come so far
        Finding("python", "ok", f"{platform.python_version()} at {sys.executable}"),
        Finding("creative-gan", "ok", f"{creative_gan.__version__} in {Path(creative_gan.__file__).parent}"),
        audio(),  # before the libraries: a broken one would take transformers down with it
        *(library(name, wanted) for name, wanted in base.items()),
        *device(),
        models(),
        disk(runs),
        cache(),
        fluidsynth(),
        *(extra(name, packages) for name, packages in extras.items()),
    ]


def requirements() -> tuple[dict[str, str], dict[str, list[str]]]:
    """The versions that the installed package asks for by library, and the libraries of each extra."""
    try:
        lines = importlib.metadata.requires("creative-gan") or []
    except importlib.metadata.PackageNotFoundError:  # run from a checkout
        lines = []
    base: dict[str, str] = {}
    extras: dict[str, list[str]] = {}
    for line in lines:  # such as: torch>=2.10, or: av>=15; extra == 'video'
        package, _, marker = line.partition(";")
        name, wanted = re.fullmatch(r"\s*([\w.-]+)(?:\[.*\])?\s*(.*?)\s*", package).groups()  # type: ignore[union-attr]
        group = re.search(r"extra == ['\"]([\w-]+)", marker)
        if group is None:
            base[name] = wanted
        elif group[1] not in ("dev", "torchaudio"):
            extras.setdefault(group[1], []).append(name)
    return base, extras


def library(name: str, wanted: str) -> Finding:
    """A library that is needed. `wanted`: the oldest version, as `>=2.10`."""
    mend = f"{PIP} --upgrade '{name}{wanted}'"
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "attention", "is not installed", mend, True)
    if numbers(version) < numbers(wanted):
        return Finding(name, "attention", f"{version}; {wanted} is needed", mend, True)
    try:
        module(name)
    except Exception as error:  # a broken binary can fail in any way
        again = f"{PIP} --force-reinstall '{name}{wanted}'"
        return Finding(name, "attention", f"{version} does not load: {first_line(error)}", again, True)
    return Finding(name, "ok", version, needed=True)


def module(name: str) -> None:
    """Imports a library, the part of it that is used where it would load no part by itself."""
    importlib.import_module(MODULES.get(name, name.replace("-", "_")))
    if name == "transformers":
        importlib.import_module("transformers.models.gpt2.modeling_gpt2")


def device() -> list[Finding]:
    """What networks run on, and whether it has bfloat16 units."""
    try:
        import torch

        from creative_gan.core.device import choose

        compute = choose()
        cores = f", {torch.get_num_threads()} threads" if compute.device.type == "cpu" else ""
        name = torch.cuda.get_device_name() if compute.device.type == "cuda" else compute.device.type + cores
    except Exception as error:
        return [
            Finding(
                "device",
                "attention",
                f"torch does not load: {first_line(error)}",
                f"{PIP} --force-reinstall torch",
                True,
            )
        ]
    bf16 = "bfloat16 units are used" if compute.bfloat16 else "no units; float32 is used"
    found = Finding("device", "ok", name)
    if compute.device.type == "cpu" and shutil.which("nvidia-smi"):
        says = f"{name}; there is an NVIDIA GPU that this torch ({torch.__version__}) cannot use"
        found = Finding("device", "attention", says, f"{PIP} --force-reinstall torch")
    return [found, Finding("bfloat16", "ok", bf16)]


def audio() -> Finding:
    """torchaudio, which nothing needs, and which does harm where it is broken."""
    found = torchaudio()
    if found.state == "working":
        return Finding("torchaudio", "ok", f"{found.why} works and is used")
    if found.state == "absent":
        fits = fitting_torchaudio()
        says = "is absent and nothing needs it; own functions give the same numbers"
        return Finding("torchaudio", "optional", says, f"{PIP} 'torchaudio=={fits}.*'" if fits else "")
    says = f"is broken and left aside, own functions give the same numbers ({found.why})"
    return Finding("torchaudio", "attention", says, f"{PYTHON} -m pip uninstall torchaudio")


def fitting_torchaudio() -> str:
    """The torchaudio that loads beside the torch that is installed, such as `2.11`; empty where none is known to."""
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return ""
    # of another build, such as 2.11.0+cpu, the package index has no torchaudio
    return ".".join(map(str, TORCHAUDIO)) if numbers(version)[:2] == TORCHAUDIO and "+" not in version else ""


def models() -> Finding:
    """The models that come with the package."""
    from creative_gan.core.models import DEFAULTS, shipped_names

    count = sum(len(shipped_names(modality)) for modality in DEFAULTS)
    if count:
        return Finding("models", "ok", f"{count} come with the package (creative-gan models list)")
    return Finding("models", "optional", "none come with this installation; name your own with --model")


def disk(runs: Path) -> Finding:
    """The room where run folders go."""
    there = next(folder for folder in (runs.absolute(), *runs.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(there).free // 10**6
    mend = "creative-gan doctor --out FOLDER, and train with --out in it"
    if not os.access(there, os.W_OK):
        return Finding("disk", "attention", f"{there} cannot be written", mend, True)
    if free < ENOUGH_MB:
        return Finding("disk", "attention", f"{free:,} MB free in {there}, too little for a run", mend, True)
    return Finding("disk", "ok", f"{free / 1000:,.0f} GB free in {there}", needed=True)


def cache() -> Finding:
    """Decoded data, which may be deleted at any time; trainings work without, only slower to start."""
    folder = cache_folder("pictures").parent
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.is_dir())
    if not os.access(there, os.W_OK):
        says = f"{folder} cannot be written; data are decoded anew each time"
        return Finding("cache", "attention", says, "export CREATIVE_GAN_CACHE=FOLDER")
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    size = sum(path.stat().st_size for path in files) // 10**6
    large = f"rm -r {folder}" if size > LARGE_MB else ""
    return Finding("cache", "attention" if large else "ok", f"{size:,} MB in {folder}", large)


def fluidsynth() -> Finding:
    """The better synthesiser; there is an own one."""
    try:
        from creative_gan.music.synth import has_fluidsynth

        there = has_fluidsynth()
    except Exception:  # a library that is needed is missing, which has been said above
        there = False
    if there:
        return Finding("fluidsynth", "ok", "loads and renders MIDI")
    program = {"Darwin": "brew install fluid-synth", "Windows": "choco install fluidsynth"}
    mend = f"{program.get(platform.system(), 'sudo apt install fluidsynth')} && {PIP} pyfluidsynth"
    return Finding("fluidsynth", "optional", "is absent; the package's own synthesiser renders MIDI", mend)


def extra(name: str, packages: list[str]) -> Finding:
    """An optional extra: all of its libraries, or what is missing of them."""
    missing, versions = [], []
    for package in packages:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        says = f"without {', '.join(missing)}"
        return Finding(f"extra {name}", "optional", says, f"{PIP} 'creative-gan[{name}]'")
    return Finding(f"extra {name}", "ok", ", ".join(versions))


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, `>=2.10` or `2.13.0+cpu`, to compare by."""
    found = re.search(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, found.group().split("."))) if found else ()


def first_line(error: Exception) -> str:
    """The first line that an error says, or its kind."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

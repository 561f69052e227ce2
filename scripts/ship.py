"""Trains the models that come with the package: `make models DATA=FOLDER`, or one of them with ONLY=NAME.

Each goes through the command line as anybody's would: trained in build/models/NAME (the same command goes on
with a run that was stopped), judged against held-out data, and put into creative_gan/models in half precision
with a card that says from what, how and how well.
"""

import argparse
import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from creative_gan import api
from creative_gan.core import models

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "creative_gan" / "models"
RUNS = ROOT / "build" / "models"


@dataclass(frozen=True)
class Ship:
    """One model: how it is trained and what its card must say of the data."""

    group: str
    data: str
    """Under the data folder, or builtin:."""
    options: tuple[str, ...]
    licence: str
    about: str


CC_BY = "[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/)"
CC_BY_SA_3 = "[CC BY-SA 3.0](https://creativecommons.org/licenses/by-sa/3.0/)"
CC_BY_SA_4 = "[CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/)"
OWN = "made by creative-gan itself, free of any claim"

MODELS = {
    "digits": Ship(
        "image",
        "mnist",
        ("--recipe", "digits", "--samples", "825408"),
        f"MNIST by Yann LeCun, Corinna Cortes and Christopher Burges, {CC_BY_SA_3}; these weights likewise",
        "handwritten digits, 28x28, grey, by class",
    ),
    "emoji": Ship(
        "image",
        "emoji",
        ("--recipe", "icons", "--samples", "300000"),
        f"Twemoji graphics by Twitter, Inc and other contributors, {CC_BY}",
        "emoji, 64x64 with transparency, by category",
    ),
    "art": Ship(
        "image",
        "builtin:art",
        ("--recipe", "art", "--samples", "300000"),
        OWN,
        "procedural art, 64x64, by kind",
    ),
    "spoken-digits": Ship(
        "music",
        "fsdd",
        ("--recipe", "wave-8k", "--label-pattern", "{label}_{}_{}.wav", "--samples", "215040"),
        f"Free Spoken Digit Dataset by Zohar Jackson and others, {CC_BY_SA_4}; these weights likewise",
        "spoken digits, one second at 8 kHz, by digit",
    ),
    "drums": Ship(
        "music", "builtin:drums", ("--recipe", "drums", "--samples", "160000"), OWN, "drum sounds by kind"
    ),
    "chorales": Ship(
        "music",
        "jsb",
        ("--recipe", "chorales", "--set", "budget.samples=[20000, 3200]"),
        "chorales by J. S. Bach, in the public domain",
        "chorales for four voices",
    ),
    "tunes": Ship(
        "music",
        "builtin:tunes",
        ("--recipe", "tunes", "--set", "budget.samples=[24000, 4800]"),
        OWN,
        "melodies with chords",
    ),
    "captions": Ship(
        "text",
        "coco-captions/train.txt",
        (
            *("--recipe", "captions", "--set", "budget.samples=[160000, 48000]"),
            # smaller than the recipe's network, for a package of a few megabytes
            *("--set", "network.width=256", "--set", "network.embedding=128", "--set", "network.dropout=0.4"),
        ),
        f"COCO captions by the COCO Consortium, {CC_BY}",
        "English captions of pictures",
    ),
    "tang": Ship(
        "text",
        "tang-poems/train.txt",
        ("--recipe", "tang", "--set", "budget.samples=[90048, 32000]"),
        "poems of the Tang dynasty, in the public domain",
        "Chinese couplets in the manner of the Tang",
    ),
    "verses": Ship(
        "text",
        "builtin:verses",
        ("--recipe", "builtin", "--set", "budget.samples=[60000, 9600]"),
        OWN,
        "short English verses",
    ),
}


def main() -> None:
    """Trains and packs what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", metavar="FOLDER")
    parser.add_argument("--only", nargs="*", choices=MODELS, default=list(MODELS))
    parser.add_argument(
        "--cards",
        action="store_true",
        help="only measure copying anew, and write it into the cards that are there",
    )
    parser.add_argument(
        "--run", type=Path, metavar="FOLDER", help="pack this finished run instead of training"
    )
    asked = parser.parse_args()
    for name in asked.only:
        ship = MODELS[name]
        source = ship.data if ship.data.startswith("builtin:") else str(asked.data / ship.data)
        if asked.cards:
            file = SHIPPED / ship.group / name / "README.md"
            above = file.read_text("utf-8").split(MEMORISATION)[0].rstrip()
            file.write_text(f"{above}\n\n{memorisation(file.parent, source)}", "utf-8")
            continue
        run = asked.run or RUNS / name
        if not asked.run:
            call(ship.group, "train", source, *ship.options, "--out", str(run))
        pack(name, ship, source, run)


def pack(name: str, ship: Ship, source: str, run: Path) -> None:
    """Puts the model of a run into the package, judged and documented."""
    writes = "sampler" in json.loads((run / "model" / "config.json").read_text("utf-8"))
    verdict = [between(ship.group, source, run)] if writes else []
    figures = json.loads(call(ship.group, "evaluate", "--model", str(run), "--data", source, "--json"))
    target = SHIPPED / ship.group / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(run / "model", target)
    config = json.loads((target / "config.json").read_text("utf-8"))
    trained = config["name"]  # that of the folder it was trained in, wherever it lies now
    config["name"] = name
    config["about"] = ship.about
    config["licence"] = ship.licence
    if not source.startswith("builtin:"):
        config["data"]["source"] = ship.data.split("/")[0]  # a name, for nobody else has the folder
    tensors = load_file(target / "model.safetensors")
    if writes:  # one writer is enough to write
        sampler = config["sampler"]
        tensors = {key: value for key, value in tensors.items() if key.startswith(f"{sampler}.")}
        config |= {"weights": [sampler], "critic": None}
    halves = {key: t.half() if t.is_floating_point() else t for key, t in tensors.items()}
    save_file(halves, target / "model.safetensors")
    (target / "model.safetensors").chmod(0o644)
    (target / "config.json").write_text(models.description(config), "utf-8")
    text = (target / "README.md").read_text("utf-8").replace(f"# {trained}\n", f"# {name}\n", 1)
    text = text.replace(f"--model {trained}", f"--model {name}")
    text = text.replace(f"`{Path(source).name}`", f"`{config['data']['source']}`", 1)
    parts = (text.rstrip(), card(name, ship, run, figures).rstrip(), *verdict, memorisation(target, source))
    (target / "README.md").write_text("\n\n".join(parts), "utf-8")
    size = sum(file.stat().st_size for file in target.iterdir())
    print(f"{name}: {size / 1e6:.1f} MB in {target.relative_to(ROOT)}")  # noqa: T201


def card(name: str, ship: Ship, run: Path, figures: dict[str, Any]) -> str:
    """What the card of a shipped model says beyond that of any model."""
    rows = [json.loads(line) for line in (run / "speed.jsonl").read_text("utf-8").splitlines()]
    seconds = max((row["seconds"] for row in rows if "seconds" in row), default=0.0)
    device = next((row["device"] for row in reversed(rows) if "device" in row), "a machine unknown")
    table = "\n".join(
        f"| {key} | {_number(row['value'])} | {_number(row.get('floor'))} |"
        for key, row in figures.items()
        if isinstance(row, dict) and isinstance(row.get("value"), int | float)
    )
    return f"""## Data
{ship.licence}.

## Training
```
make models ONLY={name}
```
which runs `creative-gan {ship.group} train {ship.data} {shlex.join(ship.options)}`;
{seconds:,.0f} seconds on {device}.
The weights are kept in half precision.

## Figures
On held-out data; the floor is what real data of the same size reach.

| measure | this model | floor |
| --- | --- | --- |
{table}
"""


def between(group: str, source: str, run: Path) -> str:
    """The verdict on the game and its maximum likelihood; the model samples from the winner's weights after it."""
    model = "--model", str(run), "--data", source
    found = json.loads(call(group, "evaluate", *model, "--verdict", "--json"))
    sampler = json.loads((run / "model" / "config.json").read_text("utf-8"))["sampler"]
    words = next(line for line in reversed(found["says"]) if "BLEU-4" in line or "collapse" in line)
    whose = {"mle": "maximum likelihood", "adversarial": "the game"}[sampler]
    return f"""## Verdict
At equal self-BLEU-4, over temperatures (`--verdict`): {words}. The weights are those of {whose}."""


MEMORISATION = "## Memorisation\n"


def memorisation(folder: Path, source: str) -> str:
    """What the card says of copying; it is measured with the weights that are shipped."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    found = api.module(api.kind_of(config, folder), "report").memorisation(folder, source)
    table = "\n".join(f"| {label} | {figure} |" for label, figure in found.items())
    return f"""{MEMORISATION}
New samples beside the training data, and held-out real items beside it for comparison (see docs/report.md).
The z of the three-sample test is about 0 where samples are as near to the training data as those real items are,
below -3 where they copy, and far above 3 where they are farther off, which is to say not quite like the data yet.

| measure | figure |
| --- | --- |
{table}
"""


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def call(*arguments: str) -> str:
    """Runs creative-gan; what it prints."""
    command = [sys.executable, "-m", "creative_gan", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()

"""What is trained, killed, poisoned and sampled: a small command line for each modality, a line each."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Subject:
    """A modality as the accidents see it."""

    name: str
    train: tuple[str, ...]
    """The command that trains in a second or two; `--out` is added."""
    sample: tuple[str, ...]
    """The command that makes a file; `--model`, `--seed` and `--out` are added."""
    ending: str
    """Of that file."""
    batch: int
    """Samples of a step."""
    looks: int = 3
    """Previews on the way, besides the first."""

    def training(self, folder: Path) -> tuple[str, ...]:
        """The command that trains in a folder, with a checkpoint after every step: a second holds many saves."""
        often = settings("watch.save_seconds=0", f"watch.looks={self.looks}", "watch.rows=10")
        return (*self.train, *often, *settings("watch.report=false"), "--quiet", "--out", str(folder))

    def sampling(self, model: Path, seed: int, out: Path) -> tuple[str, ...]:
        """The command that samples from a run."""
        return (*self.sample, "--model", str(model), "--seed", str(seed), "--out", str(out))


def settings(*pairs: str) -> tuple[str, ...]:
    return tuple(word for pair in pairs for word in ("--set", pair))


SUBJECTS = (
    Subject(
        "image",
        (
            *("image", "train", "builtin:digits", "--recipe", "digits", "--samples", "320"),
            *settings("game.batch=16", "network.width=4", "precision=float32"),
        ),
        ("image", "sample", "-n", "5"),
        ".png",
        16,
    ),
    Subject(
        "text",
        (
            *("text", "train", "builtin:verses", "--recipe", "builtin"),
            *settings("budget.samples=[256, 128]", "game.batch=32", "network.width=16"),
            *settings("network.embedding=8", "critic.width=8", "dense.critic_pretrain=32"),
        ),
        ("text", "generate", "-n", "5"),
        ".txt",
        32,
    ),
    Subject(
        "wave",
        (
            *("music", "train", "builtin:drums", "--recipe", "drums", "--samples", "96"),
            *settings("game.batch=8", "network.width=4", "data.length=2048"),
        ),
        ("music", "sample", "-n", "1"),
        ".wav",
        8,
        looks=1,  # a look takes longer than the steps before it
    ),
    Subject(
        "midi",
        (
            *("music", "train", "builtin:tunes", "--recipe", "tunes"),
            *settings("budget.samples=[64, 32]", "game.batch=8", "data.bars=2", "network.width=16"),
            *settings("network.embedding=8", "critic.width=8", "critic.embedding=8"),
            *settings("dense.critic_pretrain=8"),
        ),
        ("music", "sample", "-n", "1"),
        ".mid",
        8,
        looks=1,  # the same
    ),
)
SOAKED = (
    Subject(
        "waveform",
        (
            *("music", "train", "builtin:drums", "--recipe", "wave-16k", "--samples", "48"),
            *settings("game.batch=4", "network.width=4", "network.spectrogram=2", "network.period=1"),
            *settings("data.length=8192", "data.rate=8000", "precision=float32"),
        ),
        ("music", "sample", "-n", "1"),
        ".wav",
        4,
    ),
    Subject(
        "roll",
        (
            *("music", "train", "builtin:tunes", "--recipe", "roll", "--samples", "96"),
            *settings("game.batch=8", "network.width=4", "precision=float32"),
        ),
        ("music", "sample", "-n", "1"),
        ".mid",
        8,
    ),
)
"""Families of networks that take several seconds each time, and are tried by `make soak` alone."""
SOAK = float(os.environ.get("CREATIVE_GAN_SOAK", "0"))
"""1 for the full counts (`make soak`), 0.1 for a tenth of them, 0 for the short form."""
BY_NAME = {subject.name: subject for subject in SUBJECTS + SOAKED}
EACH = [
    pytest.param(subject, id=subject.name, marks=[] if subject.name == "image" else [pytest.mark.slow])
    for subject in SUBJECTS
] + [
    pytest.param(
        subject,
        id=subject.name,
        marks=[pytest.mark.slow, pytest.mark.skipif(not SOAK, reason="tried by make soak")],
    )
    for subject in SOAKED
]
"""For parametrize; `make check` leaves some to `make test`."""

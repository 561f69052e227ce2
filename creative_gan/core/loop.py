"""The only training loop: things that happen once in a while, then one step of the game."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from creative_gan.core import checkpoint, dist, health
from creative_gan.core.device import usage
from creative_gan.core.draws import Draws, derive
from creative_gan.core.errors import DataError, UserError

Batch = dict[str, Tensor]


class Game(Protocol):
    """What the loop needs of a game."""

    lr_scale: float

    def step(self, batch: Batch, draws: Draws) -> dict[str, Tensor]:
        """One update; detached scalars to log."""

    def networks(self) -> dict[str, nn.Module]:
        """What is trained and averaged, by name."""

    def state_dict(self) -> dict:
        """Everything that the next step depends on."""

    def load_state_dict(self, state: dict) -> None:
        """Goes on exactly where `state_dict` was taken."""


@dataclass(frozen=True)
class Phase:
    """A stretch of the run that plays one game; `make` builds it from the game before (None at first)."""

    name: str
    samples: int
    make: Callable[[Any], Game]


@dataclass(frozen=True)
class Watch:
    """What happens once in a while; lengths of time are in samples, so that they do not depend on the clock."""

    log_every: int
    look_every: int
    look: Callable[[Any, int], dict[str, Any]]
    """Called with the game and what was seen, at 0, on the way and at the end: previews and cheap measures, and
    a `warning` in words where something looks wrong."""
    report: Callable[[dict], None]
    """Called with every row of the log and the time it took: progress for a person."""
    save_seconds: float = 60.0


class Stopped(Exception):
    """The run was interrupted by a signal and saved; `signal` says which."""

    def __init__(self, number: int) -> None:
        self.signal = number


def train(
    folder: Path,
    phases: list[Phase],
    batches: Callable[[int, int, slice], Batch],
    batch: int,
    seed: int,
    watch: Watch,
    device: torch.device,
) -> Any:
    """Plays the phases to their end, going on from the newest checkpoint in `folder` if there is one.

    Everything that a step depends on is a function of the seed, what was seen and the checkpoint: a run that
    was stopped anywhere and called again leaves the same `metrics.jsonl` and weights as one that was not.

    Args:
        folder: the run's folder; `checkpoint/`, `metrics.jsonl` and `speed.jsonl` are written there.
        batches: (seen, batch, rows) -> this process's rows of the batch that starts at sample `seen`.
        batch: rows of a step, over all processes.

    Returns:
        The last phase's game, trained.

    Raises:
        Stopped: SIGINT or SIGTERM came; everything was saved.
        UserError: the training could not be kept finite, or a file could not be written.
    """
    run = _Run(folder, phases, watch, device)
    rows = dist.rows(batch)
    with _signals() as signalled:
        while True:
            # once in a while
            if dist.anyone(bool(signalled)):
                run.save()
                raise Stopped(signalled[0] if signalled else signal.SIGTERM)
            if run.seen >= run.phase_end:
                if not run.next_phase():
                    break
                continue
            if run.seen % batch == 0 and run.due(watch.look_every, batch):
                run.look()
            if dist.anyone(time.monotonic() - run.saved_at > watch.save_seconds):
                run.save()

            # one step
            draws = Draws(seed, run.seen, batch, rows, device)
            torch.manual_seed(
                derive(seed, dist.rank(), run.seen)
            )  # what a network draws by itself, such as dropout
            try:
                metrics = run.game.step(batches(run.seen, batch, rows), draws)
                run.check_weights()
            except health.NotFinite as trouble:
                run.roll_back(trouble)
                continue
            run.seen += batch
            run.add(metrics)
            if run.due(watch.log_every, batch):
                run.log()
    run.look()
    run.save()
    return run.game


class _Run:
    """The state of a run between two steps, and what is done with it once in a while."""

    def __init__(self, folder: Path, phases: list[Phase], watch: Watch, device: torch.device) -> None:
        self.folder, self.phases, self.watch, self.device = folder, phases, watch, device
        self.seen, self.phase, self.rollbacks = 0, 0, 0
        self.sums: dict[str, list[float]] = {}
        self.memory: dict[str, Any] = {}
        self.log_size = 0
        self.looked = -1
        self.started = self.logged_at = self.saved_at = time.monotonic()
        self.game: Game = phases[0].make(None)
        found = self._restore()
        dist.barrier()  # no process may find what another one has only now begun
        if not found:
            log = folder / "metrics.jsonl"
            if log.exists() and log.stat().st_size:
                raise UserError(
                    f"{folder} holds the log of a run but no checkpoint to go on from; --new keeps what is there "
                    "under another name and starts over"
                )
            self._truncate()
            self.save()

    @property
    def phase_end(self) -> int:
        return sum(p.samples for p in self.phases[: self.phase + 1])

    def due(self, every: int, batch: int) -> bool:
        """Whether a multiple of `every` was passed by the last step."""
        return self.seen // every != (self.seen - batch) // every

    def next_phase(self) -> bool:
        """Makes the next phase's game from this one's; False at the end of the run."""
        if self.phase + 1 >= len(self.phases):
            return False
        self.phase += 1
        self.game = self.phases[self.phase].make(self.game)
        return True

    def add(self, metrics: dict[str, Tensor]) -> None:
        """Adds a step's scalars to the sums of the row to come."""
        values = torch.stack(
            [value.detach().float() for value in metrics.values()]
        ).tolist()  # one wait for the GPU
        for key, value in zip(metrics, values, strict=True):
            total = self.sums.setdefault(key, [0.0, 0])
            total[0] += value
            total[1] += 1

    def log(self) -> None:
        """Writes the means since the last row, and says what is worrying about them."""
        means = {key: total / count for key, (total, count) in self.sums.items()}
        if dist.world() > 1:
            averaged = dist.mean(torch.tensor(list(means.values()), dtype=torch.float64))
            means = dict(zip(means, averaged.tolist(), strict=True))
        self.sums = {}
        self._write({"seen": self.seen, "phase": self.phases[self.phase].name, **means})

    def look(self) -> None:
        """Previews and cheap measures; at most once at each point of the run."""
        if self.looked == self.seen:
            return
        self.looked = self.seen
        row = self.watch.look(self.game, self.seen) if dist.is_main() else {}
        dist.barrier()
        warning = row.pop("warning", "")
        if row:
            self._write({"seen": self.seen, **row})
        told = "".join(letter for letter in warning if not letter.isdigit())
        if warning and self.memory.get("looked wrong") != told:  # not the same again at every look
            self.memory["looked wrong"] = told
            self._write({"seen": self.seen, "warning": warning})

    def save(self) -> None:
        """Writes a checkpoint, unless something in it is not finite."""
        game = self.game.state_dict()
        try:
            self.check_weights()
            health.check_state(state_of_the_optimisers=game)
        except health.NotFinite as trouble:
            self.roll_back(trouble)
            return
        for network in self.game.networks().values():
            dist.check_in_step(network)
        if dist.is_main():
            state = {
                "game": game,
                "phase": self.phase,
                "sums": self.sums,
                "memory": self.memory,
                "log_size": self.log_size,
                "looked": self.looked,
                "rollbacks": self.rollbacks,
            }
            checkpoint.save(self.folder / "checkpoint", self.seen, state)
        dist.barrier()
        self.saved_at = time.monotonic()

    def check_weights(self) -> None:
        """Raises NotFinite if a network holds what is not: it is neither shown nor exported nor saved."""
        networks = self.game.networks()
        health.check_state(**{f"weights of the {name}": n.state_dict() for name, n in networks.items()})

    def roll_back(self, trouble: health.NotFinite) -> None:
        """Goes back to the newest checkpoint with half the learning rate, at most three times."""
        self.rollbacks += 1
        if self.rollbacks > health.ROLLBACKS:
            raise UserError(f"{trouble} after {self.seen} samples; {health.ADVICE}")
        self._restore()
        self.game.lr_scale = 0.5**self.rollbacks
        text = f"{trouble}: back to {self.seen} samples seen, learning rate halved ({self.game.lr_scale:g} of it left)"
        self._write({"seen": self.seen, "warning": text})

    def _restore(self) -> bool:
        found = checkpoint.load_newest(self.folder / "checkpoint")
        if found is None:
            return False
        self.seen, state = found
        if state["phase"] < self.phase:
            self.phase, self.game = 0, self.phases[0].make(None)
        while self.phase < state["phase"]:
            self.next_phase()
        self.game.load_state_dict(state["game"])
        self.sums, self.memory = state["sums"], state["memory"]
        self.log_size, self.looked = state["log_size"], state["looked"]
        self.rollbacks = max(self.rollbacks, state["rollbacks"])
        self._truncate()
        return True

    def _truncate(self) -> None:
        """Forgets what was logged after the checkpoint: it will be logged again."""
        path = self.folder / "metrics.jsonl"
        if dist.is_main():
            with _explained(path), path.open("ab") as file:
                self.log_size = min(self.log_size, file.tell())  # somebody may have deleted it
                file.truncate(self.log_size)

    def _write(self, row: dict) -> None:
        """Appends a row to metrics.jsonl (no clock in it: two equal runs write equal files), then any warnings."""
        memory = {} if "warning" in row else self.memory
        progress = {"progress": self.seen / max(sum(p.samples for p in self.phases), 1)}
        said = [] if "warning" in row else health.warnings(row | progress, memory)
        now = time.monotonic()
        rows = [row, *({"seen": self.seen, "warning": text} for text in said)]
        if dist.is_main():
            self.log_size += _append(self.folder / "metrics.jsonl", rows)
            speed = {"seen": self.seen, "seconds": round(now - self.started, 3)} | usage(self.device)
            _append(self.folder / "speed.jsonl", [speed])
            for r in rows:
                self.watch.report(r | {"seconds": now - self.started})


def _append(path: Path, rows: list[dict]) -> int:
    """Adds lines of JSON to a file; returns how many bytes."""
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    with _explained(path), path.open("ab") as file:
        file.write(text)
    return len(text)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            path, f"cannot be written ({error.strerror})", "make room; the same command goes on"
        ) from None


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM in a list that the loop looks at; a second one ends the process at once."""
    caught: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        if caught:
            os._exit(128 + number)
        caught.append(number)

    try:
        old = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread, where signals cannot be caught
        old = {}
    try:
        yield caught
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)

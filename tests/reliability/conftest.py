"""How many of each accident are tried, and the counts of what was, printed after the last test."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.reliability import children
from tests.reliability.subjects import BY_NAME, SOAK

TRIED = "tried"
_lines: list[str] = []


@pytest.fixture(scope="session")
def many() -> Callable[[int, int], int]:
    """How often to try: many(short, full)."""
    return lambda short, full: max(short, round(full * SOAK))


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Prints a line with what was really tried, at the end of the session."""
    return lambda line: request.node.user_properties.append((TRIED, f"{request.node.name}: {line}"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Takes the lines from the reports, which come from whichever process ran the test."""
    if report.when == "call":
        _lines.extend(line for name, line in report.user_properties if name == TRIED)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _lines:
        terminalreporter.section("what was tried")
        for line in _lines:
            terminalreporter.write_line(line)
    _lines.clear()


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A run of a subject that nothing happened to; each is called `run`, as the model says its name."""

    @cache
    def run(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        code = children.call(BY_NAME[name].training(folder / "run"), folder / "log")
        assert code == 0, (folder / "log").read_text()
        return folder / "run"

    return run

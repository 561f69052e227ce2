"""torchaudio absent, broken or working: it is told, and transformers loads beside all three."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from creative_gan.core import audio_guard

ROOT = Path(__file__).parents[2]
FAULTS = {
    "OSError('libc10_cuda.so: cannot open')": "libc10_cuda.so: cannot open",
    "RuntimeError('other CUDA versions')": "other CUDA versions",
    "ImportError()": "ImportError",
    "AttributeError('torch has no attribute')": "torch has no attribute",
}


def fake(folder: Path, fault: str | None) -> Path:
    """A torchaudio that is found first; it raises `fault` when it is imported."""
    package = folder / "torchaudio"
    package.mkdir()
    raising = f"raise {fault}\n" if fault else ""
    (package / "__init__.py").write_text(f"__version__ = '2.11.0'\nimport torchaudio.part\n{raising}")
    (package / "part.py").write_text("")
    (package / "functional.py").write_text("")
    meta = folder / "torchaudio-2.11.0.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text("Name: torchaudio\nVersion: 2.11.0\n")
    return folder


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Tries torchaudio as a fresh process would that finds the fake one first."""
    real = loaded()
    monkeypatch.syspath_prepend(tmp_path)
    yield audio_guard.torchaudio.__wrapped__
    loaded()
    sys.modules.update(real)


def loaded() -> dict[str, ModuleType]:
    """Takes every torchaudio that this process has out of it: in place, for `import` looks nowhere else."""
    return {name: sys.modules.pop(name) for name in [*sys.modules] if name.split(".")[0] == "torchaudio"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_one_is_hidden_and_its_fault_told(look, tmp_path: Path, fault: str) -> None:
    fake(tmp_path, fault)
    assert importlib.util.find_spec("torchaudio") is not None
    found = look()
    assert (found.state, found.module, found.why) == ("broken", None, FAULTS[fault])
    assert importlib.util.find_spec("torchaudio") is None
    assert "torchaudio.part" not in sys.modules
    with pytest.raises(ImportError):
        import torchaudio  # noqa: F401


def test_a_working_one_is_left_alone(look, tmp_path: Path) -> None:
    fake(tmp_path, None)
    found = look()
    assert (found.state, found.why) == ("working", "2.11.0")
    assert found.module is sys.modules["torchaudio"]


def test_an_absent_one_is_no_fault(look) -> None:
    if importlib.util.find_spec("torchaudio") is not None:
        sys.modules["torchaudio"] = None  # type: ignore[assignment]  # until `look` puts back what was there
    assert look() == audio_guard.Found("absent", None, "")


def python(code: str, first_on_path: Path) -> subprocess.CompletedProcess[str]:
    """A fresh process that finds what is in this folder before anything else."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(first_on_path), str(ROOT)])}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=first_on_path, capture_output=True, text=True
    )


IMPORTING = "from transformers import GPT2LMHeadModel"
SURVIVING = """
import torch
from creative_gan.core.errors import UserError
from creative_gan.sequence.networks import TransformerGenerator
from creative_gan.sequence.tokens import Symbols
from creative_gan.text.pretrained import open_backbone
FIRST
"""
NETWORK = """
network = TransformerGenerator(Symbols(8, 0, 1, 2), 6, 8, 1, 1)
print(tuple(network(torch.ones(2, 4, dtype=torch.long)).shape))
"""
BACKBONE = """
try:
    open_backbone("hf:.", torch.device("cpu"))
except UserError as error:
    print(error)
"""


@pytest.mark.slow
def test_transformers_alone_falls_over_a_broken_one(tmp_path: Path) -> None:
    fake(tmp_path, "OSError('libc10_cuda.so')")
    assert python(IMPORTING, tmp_path).returncode != 0, "the fault that the guard is for is gone"


@pytest.mark.slow
@pytest.mark.parametrize("parts", [NETWORK + BACKBONE, BACKBONE + NETWORK], ids=["network", "backbone"])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(None, id="working", marks=pytest.mark.long),
        pytest.param("OSError('libc10_cuda.so')", id="broken"),
    ],
)
def test_what_needs_transformers_survives(tmp_path: Path, fault: str | None, parts: str) -> None:
    fake(tmp_path, fault)
    done = python(SURVIVING.replace("FIRST", parts), tmp_path)
    assert "(2, 4, 8)" in done.stdout and "no causal language model" in done.stdout, done.stderr

"""What the doctor finds where all is well, and where something is missing, old, broken or full."""

import importlib.metadata
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from creative_gan import doctor
from creative_gan.core import audio_guard

ROOT = Path(__file__).parents[1]


def found(findings: list[doctor.Finding], name: str) -> doctor.Finding:
    return next(finding for finding in findings if finding.name == name)


def test_all_is_well_here(run, tmp_path: Path):
    code, out, _ = run("doctor", "--out", tmp_path / "not/yet/there", "--json")
    said = json.loads(out)
    rows = {row["name"]: row for row in said["findings"]}
    assert code == 0 and said["well"]
    assert {"python", "creative-gan", "torch", "device", "bfloat16", "torchaudio", "fluidsynth"} <= set(rows)
    assert {"disk", "cache", "models", "transformers", "extra video", "extra metrics"} <= set(rows)
    assert rows["torch"]["needed"] and rows["torch"]["state"] == "ok"
    assert str(tmp_path) in rows["disk"]["says"] and os.environ["CREATIVE_GAN_CACHE"] in rows["cache"]["says"]
    for row in said["findings"]:
        assert row["mend"] or row["state"] == "ok" or row["name"] in ("models", "torchaudio"), row
    assert not (tmp_path / "not").exists()


def test_what_is_missing_is_said_with_the_command_that_mends_it(run, monkeypatch: pytest.MonkeyPatch):
    asked = {"numpy": ">=2", "torch": ">=99.1", "no-such-library": ">=1.5"}
    monkeypatch.setattr(doctor, "requirements", lambda: (asked, {"smell": ["numpy", "no-such-nose"]}))
    code, out, _ = run("doctor")
    assert code == 1 and "something that is needed is missing" in out
    lines = out.splitlines()
    for name, words, mend in (
        ("no-such-library", "is not installed", "install --upgrade 'no-such-library>=1.5'"),
        ("torch", ">=99.1 is needed", "install --upgrade 'torch>=99.1'"),
    ):
        at = next(i for i, line in enumerate(lines) if line.split()[1:2] == [name])
        assert lines[at].startswith("attention") and words in lines[at] and mend in lines[at + 1]
    extra = next(line for line in lines if "extra smell" in line)
    assert extra.startswith("optional") and extra.endswith("without no-such-nose")


def test_a_library_that_does_not_load_is_told_from_one_that_is_missing(tmp_path: Path, monkeypatch):
    (tmp_path / "brokenlib.py").write_text("raise OSError('libbroken.so.1: cannot open')")
    (tmp_path / "brokenlib-1.2.dist-info").mkdir()
    (tmp_path / "brokenlib-1.2.dist-info/METADATA").write_text("Name: brokenlib\nVersion: 1.2\n")
    monkeypatch.syspath_prepend(tmp_path)
    finding = doctor.library("brokenlib", ">=1.0")
    assert finding.state == "attention" and "does not load: libbroken.so.1" in finding.says
    assert "--force-reinstall 'brokenlib>=1.0'" in finding.mend


@pytest.mark.parametrize(
    ("state", "shown", "mend"),
    [
        ("working", "ok", ""),
        ("absent", "optional", ""),
        ("broken", "attention", f"{shlex.quote(sys.executable)} -m pip uninstall torchaudio"),
    ],
)
def test_torchaudio_in_its_three_states(monkeypatch: pytest.MonkeyPatch, state: str, shown: str, mend: str):
    monkeypatch.setattr(doctor, "torchaudio", lambda: audio_guard.Found(state, None, "2.11.0 or its fault"))
    finding = doctor.audio()
    assert finding.state == shown and not finding.needed and mend in finding.mend
    assert ("2.11.0 or its fault" in finding.says) == (state != "absent")


@pytest.mark.parametrize(
    ("torch", "mend"),
    [("2.13.0", ""), ("2.11.0+cpu", ""), ("2.11.0", "install 'torchaudio==2.11.*'"), (None, "")],
)
def test_torchaudio_is_recommended_only_beside_a_torch_that_it_fits(
    monkeypatch: pytest.MonkeyPatch, torch: str | None, mend: str
):
    def version(name: str) -> str:
        if name != "torch" or torch is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return torch

    monkeypatch.setattr("importlib.metadata.version", version)
    monkeypatch.setattr(doctor, "torchaudio", lambda: audio_guard.Found("absent", None, ""))
    finding = doctor.audio()
    assert "nothing needs it" in finding.says and finding.mend.endswith(mend)
    assert bool(finding.mend) == bool(mend)


def test_commands_go_to_the_interpreter_that_was_examined(tmp_path: Path):
    elsewhere = tmp_path / "an other/python"
    elsewhere.parent.mkdir()
    elsewhere.symlink_to(sys.executable)
    code = "from creative_gan import doctor; print(doctor.library('no-such-library', '>=1').mend)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
    done = subprocess.run([elsewhere, "-c", code], env=environment, capture_output=True, text=True)
    mend = done.stdout.strip()
    assert mend == f"'{elsewhere}' -m pip install --upgrade 'no-such-library>=1'", done.stderr


@pytest.mark.slow
def test_a_broken_torchaudio_leaves_the_rest_well(tmp_path: Path):
    (tmp_path / "torchaudio").mkdir()
    (tmp_path / "torchaudio/__init__.py").write_text("raise RuntimeError('different CUDA versions')\n")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, "-m", "creative_gan", "doctor", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    rows = {row["name"]: row for row in json.loads(done.stdout)["findings"]}
    assert done.returncode == 0, done.stderr
    assert "different CUDA versions" in rows["torchaudio"]["says"]
    assert rows["transformers"]["state"] == "ok"


def test_disk_and_cache_that_are_full_or_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert doctor.disk(tmp_path).state == "ok"
    monkeypatch.setattr(doctor, "ENOUGH_MB", 10**12)
    assert doctor.disk(tmp_path).state == "attention" and "too little" in doctor.disk(tmp_path).says
    monkeypatch.setenv("CREATIVE_GAN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache/pictures").mkdir(parents=True)
    (tmp_path / "cache/pictures/data").write_bytes(bytes(3_000_000))
    assert doctor.cache().says == f"3 MB in {tmp_path / 'cache'}"
    monkeypatch.setattr(doctor, "LARGE_MB", 2)
    assert doctor.cache().mend == f"rm -r {tmp_path / 'cache'}"
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert doctor.disk(tmp_path).needed and "cannot be written" in doctor.disk(tmp_path).says
    assert "CREATIVE_GAN_CACHE" in doctor.cache().mend


def test_a_gpu_that_torch_cannot_use_is_said(monkeypatch: pytest.MonkeyPatch):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this torch can use its GPU")
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    finding = doctor.device()[0]
    assert finding.state == "attention" and "NVIDIA GPU" in finding.says and "torch" in finding.mend


def test_requirements_are_those_of_the_package(monkeypatch: pytest.MonkeyPatch):
    lines = ["torch>=2.10", "pretty-midi[x] >=0.2,<1", "av>=15; extra == 'video'", "x; extra == 'dev'"]
    monkeypatch.setattr("importlib.metadata.requires", lambda name: lines)
    assert doctor.requirements() == ({"torch": ">=2.10", "pretty-midi": ">=0.2,<1"}, {"video": ["av"]})
    assert doctor.numbers(">=2.10") > doctor.numbers("2.9.1") and doctor.numbers("2.13.0+cpu") == (2, 13, 0)

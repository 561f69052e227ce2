"""The benchmark of music runs from a clone and measures what it says."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "music_speed.py"


def test_every_part_runs():
    small = ["--songs", "2", "--files", "6", "--width", "4", "--batch", "2", "--rounds", "1", "--json"]
    done = subprocess.run([sys.executable, str(SCRIPT), *small], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["songs"]["songs"] == 2 and found["songs"]["seconds"] > 0
    assert 50 < found["sound"]["sounding"] <= 61 and found["sound"]["seconds"] > 0
    assert found["files"]["files"] == 6 and found["files"]["files_a_second"] > 0
    assert found["step"]["batch"] == 2 and len(found["step"]["steps"]) == 3

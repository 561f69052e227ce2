"""Tries torchaudio once, and hides one that is there but does not load.

Its published builds load only beside a torch of the same CUDA build; beside any other, `import torchaudio`
fails, and so does `import transformers`, which imports whatever torchaudio it finds. Call `torchaudio()`
before either of them.
"""

import importlib
import sys
from dataclasses import dataclass
from functools import cache
from types import ModuleType


@dataclass(frozen=True)
class Found:
    """What became of the import."""

    state: str
    """`working`, `broken` or `absent`."""
    module: ModuleType | None
    """None unless it works."""
    why: str
    """The version of one that works, the fault of one that does not."""


@cache  # once it is hidden, it could not be told from one that was never there
def torchaudio() -> Found:
    """torchaudio where it loads; one that fails to load is hidden from all later imports."""
    try:
        module = importlib.import_module("torchaudio")
        importlib.import_module("torchaudio.functional")
    except Exception as error:  # OSError, RuntimeError and ImportError were seen
        absent = isinstance(error, ModuleNotFoundError) and error.name == "torchaudio"
        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            del sys.modules[name]
        # None makes both `import` and `importlib.util.find_spec` say that there is no such module.
        sys.modules["torchaudio"] = None  # type: ignore[assignment]
        said = (str(error).strip().splitlines() or [""])[0]
        return Found("absent", None, "") if absent else Found("broken", None, said or type(error).__name__)
    return Found("working", module, str(module.__version__))

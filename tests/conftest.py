"""What all tests share: a cache of their own, and the folder of real data where there is one."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests neither see nor fill the user's cache."""
    os.environ["CREATIVE_GAN_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data, or a skip."""
    folder = Path(os.environ.get("CREATIVE_GAN_DATA", Path(__file__).parents[1].parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no folder of real data; name it in CREATIVE_GAN_DATA")
    return folder

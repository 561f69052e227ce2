"""What the tests of piano rolls share: songs to train on."""

from pathlib import Path

import pytest

from creative_gan.music.midi.builtin import tunes
from creative_gan.music.midi.export import to_bytes


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of MIDI files."""
    folder = tmp_path_factory.mktemp("songs")
    for name, song in tunes(40):
        (folder / f"{name.replace(' ', '-').replace('/', '-')}.mid").write_bytes(to_bytes(song))
    return folder

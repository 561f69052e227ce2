"""What all tests of MIDI share: looks that are over soon."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="package")
def _few_songs_a_look() -> Iterator[None]:
    """What a look writes and counts is tested, not how near a network of a moment is to the data."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("creative_gan.music.midi.look.MEASURED", 6)
        yield

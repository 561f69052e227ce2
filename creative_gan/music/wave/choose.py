"""Which recipe suits a set of sounds, when none was named."""

from pathlib import Path

from creative_gan.core.device import choose
from creative_gan.core.errors import DataError
from creative_gan.music.wave.data import BUILTIN, sound_files
from creative_gan.music.wave.reader import read_header

LOOKED_AT = 200
LONG = 2.0
"""Seconds: what lasts longer is learned in slices of `long`."""


def recipe_for(source: str, device: str = "auto") -> str:
    """The name of a recipe for the sounds of this name: by the device, the length and the rate of the files.

    Raises:
        UserError, DataError: there is no such set, or not a sound file that can be read.
    """
    if source.startswith(BUILTIN):
        return "drums"
    if choose(device).device.type == "cpu":
        return "wave-8k"
    root, names = sound_files(Path(source))
    step = max(1, len(names) // LOOKED_AT)
    seconds, rates = [], []
    for name in names[::step]:
        try:
            header = read_header(root / name)
        except DataError:
            continue
        seconds.append(header.frames / header.rate)
        rates.append(header.rate)
    if not seconds:
        raise DataError(source, "holds no sound that can be read", "see `music check`")
    if sorted(rates)[len(rates) // 2] < 12_000:
        return "wave-8k"
    return "long" if sorted(seconds)[len(seconds) // 2] > LONG else "wave-16k"

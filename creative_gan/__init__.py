"""Train GANs on your own pictures, sounds, MIDI files or texts, and make new ones.

`load` gives a model, whose `sample` makes new things; `train` makes a model. Nothing heavy is imported before.
"""

__version__ = "0.1.0"

from creative_gan.api import Model as Model
from creative_gan.api import load as load
from creative_gan.api import train as train

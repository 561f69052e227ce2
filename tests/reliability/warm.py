"""What every child would import or make for itself, done once in the process that they are forked from."""

import creative_gan.cli
import creative_gan.core.trackers
import creative_gan.image.train
import creative_gan.music.midi.look
import creative_gan.music.midi.train
import creative_gan.music.wave.train
import creative_gan.text.train
from creative_gan.music.midi.builtin import tunes
from creative_gan.text.builtin import compose

tunes()
compose("verses")
creative_gan.music.midi.look.MEASURED = 4  # songs of a network that knows nothing are long

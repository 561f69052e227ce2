"""Train GANs on your own pictures, sounds, MIDI files or texts, and make new ones."""

__version__ = "0.1.0"

"""Sounds as waveforms: data, networks, metrics and export of GANs that make short sounds."""

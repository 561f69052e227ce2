"""Music: sounds as waveforms and songs as MIDI."""

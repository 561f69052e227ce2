"""Songs: MIDI files as token sequences, a grammar that keeps them whole, measures, pictures."""

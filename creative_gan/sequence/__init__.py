"""Token sequences, shared by MIDI and text: networks, sampling, rollouts, games and metrics."""

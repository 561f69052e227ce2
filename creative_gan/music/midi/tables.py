"""What each token is to a network of songs, as tables: a pitch of some voice, a step from the tonic, an interval."""

from functools import cache

import numpy as np

from creative_gan.music.midi.arrange import SHAPES
from creative_gan.music.midi.vocabulary import BAR, Vocabulary

KEY_SLOT = 1
"""The slot of the newest key in `kept`; those of the voices are the last ones."""
ROOT_SLOT = 5
"""The slot of the newest root, where there are chords."""


def pitches(words: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    """Voice, -1 where it is no voice's note, and pitch, 0 where it is none, of each token. Each int64 [V]."""
    voices = [index for index, line in enumerate(SHAPES[words.shape]) if line.kind == "voice"]
    notes = [(voices.index(line), value) if kind == "note" else (-1, 0) for kind, line, value in words.tokens]
    line, pitch = np.array(notes).T
    return line, pitch


@cache
def to_root(words: Vocabulary) -> np.ndarray:
    """How many semitones lie between root and melody if a token comes, where there are chords.

    Returns int64 [4, V]. The first three are a, b and c of (a + b melody + c root) mod 12: a new note counts from the
    root, a new root from the melody, and for a quality both are known. The fourth is where a token's twelve logits
    begin: notes share them, so do roots, each quality has its own; -1 if it has none.
    """
    table = np.tile([[0], [0], [0], [-1]], len(words))
    if words.slice("root") != slice(0, 0):
        for id, (kind, _, value) in enumerate(words.tokens):
            if kind == "note":
                table[:, id] = value, 0, -1, 0
            elif kind == "root":
                table[:, id] = value, -1, 0, 12
            elif kind == "quality":
                table[:, id] = 0, 1, -1, 24 + 12 * value
    return table


@cache
def relative(words: Vocabulary) -> tuple[int, np.ndarray]:
    """How many tokens there are when pitches are steps from the tonic, and what each token is then.

    Returns the size and int64 [12, V], by tonic: notes move to C by at most half an octave, roots by the
    tonic. The pitches of a band stay, because some are drums.
    """
    table = np.tile(np.arange(len(words)), (12, 1))
    size = len(words)
    lines = SHAPES[words.shape]
    for index, line in enumerate(lines):
        if line.kind == "voice":
            for pitch in range(line.low, line.high + 1):
                for tonic in range(12):
                    moved = pitch - (tonic + 6) % 12 + 6
                    table[tonic, words.id("note", pitch, index)] = size + moved - line.low + 5
            size += line.high - line.low + 12
        elif line.kind == "chord":
            for root in range(12):
                for tonic in range(12):
                    table[tonic, words.id("root", root, index)] = words.id("root", (root - tonic) % 12, index)
    return size, table


@cache
def kept(words: Vocabulary) -> np.ndarray:
    """Which tokens each slot keeps the newest of. Returns bool [V, S].

    A slot for each line's notes or chords, and one each for metre, key, tempo, beat and place (which a new
    bar or beat sets back); of a band, for track, pitch and length. Only silence of the chords ends a chord.
    """
    lines = SHAPES[words.shape]
    kinds = [("metre",), ("key",), ("tempo",), ("beat", "bar"), ("place", "beat", "bar")]
    kinds += [("root", "silence"), ("quality", "silence"), ("track",), ("pitch",), ("length",)]
    slots = [
        [
            (kind in names and (kind != "silence" or lines[line].kind == "chord"))
            or (id == BAR and "bar" in names)
            for id, (kind, line, _) in enumerate(words.tokens)
        ]
        for names in kinds
        if words.slice(names[0]) != slice(0, 0)
    ]
    slots += [
        [kind in ("note", "silence") and line == of for kind, line, _ in words.tokens]
        for of, voice in enumerate(lines)
        if voice.kind == "voice"
    ]
    return np.array(slots).T

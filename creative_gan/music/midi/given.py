"""A piece that is given to a model: as the model hears it, and as it stands in what is written."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from creative_gan.music.midi.arrange import SHAPES, arranged, in_range, lines_of
from creative_gan.music.midi.song import SIXTEENTH, Song, ordered, with_ends_on_grid
from creative_gan.music.midi.vocabulary import BAR, Vocabulary, bar_tokens


def heard(song: Song, shape: str) -> Song:
    """A given song in a shape: `arranged`, but in its voices each short gap belongs to the note before it.

    Whoever plays a melody lets go of each note a little early, and whoever learns from scores has not seen such
    gaps: as silences they would be tokens of their own, at places in the beat where nothing else happens.
    """
    fitted = arranged(song, shape)
    rows = [fitted.notes]
    for index, voice in _voices(song, shape).items():
        rows = [notes[notes[:, 3] != index] for notes in rows]
        rows.append(_run_on(with_ends_on_grid(voice), int(song.bars()[-1, :2].sum())))
    return replace(fitted, notes=ordered(np.concatenate(rows)))


def prompt(words: Vocabulary, song: Song) -> tuple[list[int], list[int]]:
    """The tokens that a piece in its shape begins with when it is to go on, the next bar's first among them.

    Returns:
        The tokens; and the lines whose notes end where that bar begins, which the tokens cannot say.
    """
    bars, _ = bar_tokens(words, song)
    _, _, metre, key = song.bars()[0].tolist()
    tokens = [*words.header(metre, key, song.tempo), *(token for bar in bars for token in bar), BAR]
    if words.shape == "band":
        return tokens, []
    return tokens, np.unique(song.notes[song.notes[:, :2].sum(1) == song.bars()[-1, :2].sum(), 3]).tolist()


def accompanied_song(song: Song, shape: str, lines: Sequence[int], made: Song) -> Song:
    """What a model made around some lines of a song that it heard; the voices among them are as long as in the song."""
    given = {index: voice for index, voice in _voices(song, shape).items() if index in lines}
    free = made.notes[~np.isin(made.notes[:, 3], list(given))]
    return replace(made, notes=ordered(np.concatenate([free, *given.values()])))


def _voices(song: Song, shape: str) -> dict[int, np.ndarray]:
    """Notes [N, 4] of each line of a shape that sings one note at a time, where it sings any."""
    voices = {}
    for index, (line, notes) in enumerate(zip(SHAPES[shape], lines_of(song, shape), strict=True)):
        if line.kind == "voice" and len(notes):
            voices[index] = in_range(_sung(notes), line)
            voices[index][:, 3] = index
    return voices


def _sung(notes: np.ndarray) -> np.ndarray:
    """The highest note of each onset, ended where the next begins."""
    notes = notes[np.lexsort((-notes[:, 1], -notes[:, 2], notes[:, 0]))]
    notes = notes[np.diff(notes[:, 0], prepend=-1) > 0]
    notes[:-1, 1] = np.minimum(notes[:-1, 1], np.diff(notes[:, 0]))
    return notes


def _run_on(notes: np.ndarray, end: int) -> np.ndarray:
    """A voice whose notes last until the next, or the end, where next to nothing is between."""
    room = np.diff(notes[:, 0], append=end)
    # a sixteenth; of long notes, which are let go of earlier, up to a fifth, but an eighth is a rest
    short = room - notes[:, 1] <= (room // 5).clip(SIXTEENTH, 2 * SIXTEENTH - 1)
    return np.column_stack([notes[:, 0], np.where(short, room, notes[:, 1]), notes[:, 2:]])

"""A piece that is given to a model: as the model hears it, and as it stands in what is written."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from creative_gan.music.midi.arrange import SHAPES, Line, arranged, in_range, lines_of
from creative_gan.music.midi.song import SIXTEENTH, Part, Song, ordered, with_ends_on_grid
from creative_gan.music.midi.vocabulary import BAR, Vocabulary, bar_tokens


def heard(song: Song, shape: str) -> Song:
    """A given song in a shape: `arranged`, but its voices keep their contour and have no short gaps.

    A voice moves by octaves as a whole, to where most of its notes are in range; only the others move by themselves.
    Whoever plays a melody lets go of each note a little early, and whoever learns from scores has not seen such
    gaps: as silences they would be tokens of their own, at places in the beat where nothing else happens.
    """
    fitted = arranged(song, shape)
    rows = [fitted.notes]
    for index, voice in _voices(song, shape).items():
        rows = [notes[notes[:, 3] != index] for notes in rows]
        rows.append(_run_on(with_ends_on_grid(voice), int(song.bars()[-1, :2].sum())))
    return replace(fitted, notes=ordered(np.concatenate(rows)))


def prompt(words: Vocabulary, song: Song, end: int) -> tuple[list[int], list[int], int, int]:
    """The tokens that a piece in its shape begins with when it is to go on, the next bar's first among them.

    Args:
        song: as it is `heard`.
        end: the tick that the next bar must not begin before, for instance because drums that are not heard go on.

    Returns:
        The tokens; the lines whose notes end where that bar begins, which the tokens cannot say; how many bars
        there were before it; and its first tick.
    """
    inside, _ = bar_tokens(words, song)
    bars = song.bars()
    start, ticks, metre, key = [int(n) for n in (bars[-1, :2].sum(), bars[-1, 1], *bars[0, 2:])]
    last = (
        np.unique(song.notes[song.notes[:, :2].sum(1) == start, 3]).tolist() if words.shape != "band" else []
    )
    silent = max(-(-(end - start) // ticks), 0)
    for _ in range(silent):
        inside.append([BAR, *(words.id("silence", 0, line) for line in last)])
        last = []
    tokens = [*words.header(metre, key, song.tempo), *(token for bar in inside for token in bar), BAR]
    return tokens, last, len(inside), start + silent * ticks


def continued_song(song: Song, shape: str, made: Song, start: int) -> Song:
    """A song as it is, and from the tick `start` on what a model that heard it made, played by who played its lines."""
    parts, players = _players(song, shape)
    new = made.notes[made.notes[:, 0] >= start]
    new = np.column_stack([new[:, :3], np.array(players)[new[:, 3]]])
    tempi = tuple(change for change in song.tempi if change[0] < start)
    if tempi and tempi[-1][1] != song.tempo:
        tempi = (*tempi, (start, song.tempo))
    notes = ordered(np.concatenate([song.notes, new]))
    return replace(made, notes=notes, parts=parts, tempo=song.tempo, tempi=tempi, struck=song.struck)


def accompanied_song(song: Song, shape: str, lines: Sequence[int], made: Song) -> Song:
    """What a model made around some lines of a song that it heard.

    The voices among these are played by who played them, with their lengths and as loud as in the song.
    """
    given = {index: voice for index, voice in _voices(song, shape).items() if index in lines}
    free = made.notes[~np.isin(made.notes[:, 3], list(given))]
    notes = ordered(np.concatenate([free, *given.values()]))
    theirs = lines_of(song, shape)
    parts, struck = [*made.parts], dict[tuple[int, int, int], int]()
    for index, voice in given.items():
        before = _sung(theirs[index])
        player = song.parts[np.bincount(before[:, 3]).argmax()]
        parts[index] = replace(parts[index], program=player.program)
        for (onset, _, pitch, _), (_, _, old, part) in zip(voice.tolist(), before.tolist(), strict=True):
            if velocity := song.struck.get((onset, old, part)):
                struck[onset, pitch, index] = velocity
    return replace(made, notes=notes, parts=tuple(parts), tempo=song.tempo, tempi=song.tempi, struck=struck)


def dropped(song: Song, shape: str) -> list[str]:
    """Names of the parts of a song of which nothing is left when its melody is accompanied."""
    kept = {*lines_of(song, shape)[0][:, 3].tolist()}
    gone = [part for index, part in enumerate(song.parts) if index not in kept]
    return [part.name or ("drums" if part.drum else f"program {part.program}") for part in gone]


def altered(song: Song, shape: str) -> str | None:
    """What becomes of the melody of a song that is to be accompanied, in half a sentence; None: it stays as it is."""
    given, line = lines_of(song, shape)[0], SHAPES[shape][0]
    if not len(given):
        return None
    sung = _sung(given)
    by = _octaves(sung[:, 2], line)
    whole = {tuple(row) for row in given[:, :3].tolist()}
    alone = int((_voices(song, shape)[0][:, 2] != sung[:, 2] + by).sum())
    cut = sum(tuple(row) not in whole for row in sung[:, :3].tolist())
    left_out = len(given) - len(sung)
    said = {
        f"all of it moves {'up' if by > 0 else 'down'} by {abs(by)} semitones": by,
        f"{alone} of its {len(given)} notes move by octaves of their own": alone,
        f"{left_out} of {len(given)} notes, which begin with higher ones, are left out": left_out,
        f"{cut} of {len(given)} notes end where the next begins": cut,
    }
    return ", ".join(words for words, number in said.items() if number) or None


def _players(song: Song, shape: str) -> tuple[tuple[Part, ...], list[int]]:
    """The parts of a song and of what goes on from it, and which of them plays each line of the shape.

    The part that played most of a line goes on with it; one that played two goes on with the first, and for the
    other there is one more part with its program.
    """
    parts, players = [*song.parts], list[int]()
    for line, notes in zip(SHAPES[shape], lines_of(song, shape), strict=True):
        # of a chord that stands for broken ones only the pitch classes are to be found again
        alike = 12 if line.kind == "chord" else 128
        theirs, ours = (rows[:, 0] * 128 + rows[:, 2] % alike for rows in (song.notes, notes))
        among = song.notes[np.isin(theirs, ours) & (song.drums() == line.part.drum)]
        most = int(np.bincount(among[:, 3]).argmax()) if len(among) else -1
        part = line.part if most < 0 else replace(line.part, program=song.parts[most].program)
        free = [most] * (most >= 0) + [i for i, one in enumerate(parts) if one == part]
        players.append(next((i for i in free if i not in players), len(parts)))
        parts += [part] * (players[-1] == len(parts))
    return tuple(parts), players


def _voices(song: Song, shape: str) -> dict[int, np.ndarray]:
    """Notes [N, 4] of each line of a shape that sings one note at a time, where it sings any."""
    voices = {}
    for index, (line, notes) in enumerate(zip(SHAPES[shape], lines_of(song, shape), strict=True)):
        if line.kind == "voice" and len(notes):
            sung = _sung(notes)
            sung[:, 2] += _octaves(sung[:, 2], line)
            voices[index] = in_range(sung, line)
            voices[index][:, 3] = index
    return voices


def _sung(notes: np.ndarray) -> np.ndarray:
    """The highest note of each onset, ended where the next begins."""
    notes = notes[np.lexsort((-notes[:, 1], -notes[:, 2], notes[:, 0]))]
    notes = notes[np.diff(notes[:, 0], prepend=-1) > 0]
    notes[:-1, 1] = np.minimum(notes[:-1, 1], np.diff(notes[:, 0]))
    return notes


def _octaves(pitch: np.ndarray, line: Line) -> int:
    """Semitones, whole octaves, as few as will do, by which a voice moves so that most of it is in the line's range."""
    shifts = sorted(range(-120, 121, 12), key=abs)
    return max(shifts, key=lambda by: ((pitch + by >= line.low) & (pitch + by <= line.high)).sum())


def _run_on(notes: np.ndarray, end: int) -> np.ndarray:
    """A voice whose notes last until the next, or the end, where next to nothing is between."""
    room = np.diff(notes[:, 0], append=end)
    # a sixteenth; of long notes, which are let go of earlier, up to a fifth, but an eighth is a rest
    short = room - notes[:, 1] <= (room // 5).clip(SIXTEENTH, 2 * SIXTEENTH - 1)
    return np.column_stack([notes[:, 0], np.where(short, room, notes[:, 1]), notes[:, 2:]])

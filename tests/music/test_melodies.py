"""Copies of melodies are found in any key, and what is no melody is no copy."""

import numpy as np

from creative_gan.core.copying import verdict
from creative_gan.music import melodies
from creative_gan.music.midi.data import load_pieces
from creative_gan.music.midi.song import Part, Song, transposed

PLANTED = 100


def test_planted_copies_are_found_in_any_key():
    train, heldout = (part.songs() for part in load_pieces("builtin:tunes").split(0.3))
    unseen, others = heldout[::2], heldout[1::2]
    rows = np.random.default_rng(0).permutation(len(train))[:PLANTED].tolist()
    fake = [transposed(train[row], i % 7 - 3) for i, row in enumerate(rows)] + others
    found = melodies.copies(train, unseen, fake)
    assert (found.copying.distance[:PLANTED] == 0).all() and found.copying.copies[:PLANTED].all()
    assert set(found.copying.closest[:PLANTED]) == set(range(PLANTED))
    assert [melodies.moves(train[i]) for i in found.copying.nearest[:PLANTED]] == [
        melodies.moves(train[row]) for row in rows
    ]
    assert verdict(found.copying, "songs").startswith("Copies")
    lengths = [len(melodies.moves(song)) for song in fake[:PLANTED]]
    assert found.spans.length[:PLANTED].tolist() == lengths
    left, right, notes = melodies.shared(fake[0], train[rows[0]])
    assert notes == lengths[0] + 1 and melodies.moves(left) == melodies.moves(right)


def test_a_few_notes_are_no_copy():
    def line(*pitches: int) -> Song:
        return Song(np.array([[24 * i, 24, pitch, 0] for i, pitch in enumerate(pitches)]), (Part("melody"),))

    short, long = [line(60), line(60, 62), line(60, 62, 64)], line(60, 62, 64, 65)
    heldout = [line(60, 62, 64, 60), line(60, 62, 64, 50)]
    found = melodies.copies([*short, long], heldout, [*short, transposed(long, 5)]).copying
    assert found.distance.tolist() == [1.0, 1.0, 1.0, 0.0] and found.copies.tolist() == [False] * 3 + [True]

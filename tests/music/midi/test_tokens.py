"""Songs under the grammar: whatever is sampled decodes, sounds as written, and survives as a MIDI file."""

import io
from dataclasses import replace

import mido
import numpy as np
import pretty_midi
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from creative_gan.music.midi.arrange import DURATIONS, SHAPES, arranged, guess_shape
from creative_gan.music.midi.chords import QUALITY_NAMES, chord_pitches, name_chord
from creative_gan.music.midi.export import to_bytes, to_midi
from creative_gan.music.midi.grammar import DONE, Grammar, rows
from creative_gan.music.midi.keys import key_number, signature, spelt
from creative_gan.music.midi.reader import parse_midi
from creative_gan.music.midi.song import (
    KEYS,
    METRES,
    PLACES,
    QUARTER,
    Part,
    Song,
    bar_ticks,
    ordered,
    transposed,
)
from creative_gan.music.midi.vocabulary import BAR, END, PAD, START, TEMPI, vocabulary


def sampled(shape: str, bars: int | None, seed: int, batch: int, longest: int) -> list[list[int]]:
    """Sequences of a generator that knows nothing but has strong whims, under the grammar."""
    words = vocabulary(shape)
    grammar, generator = Grammar(words, bars), torch.Generator().manual_seed(seed)
    whims = 3 * torch.randn(batch, len(words), generator=generator)
    state, columns = grammar.start(batch), []
    for _ in range(longest):
        allowed = grammar.allowed(state)
        assert allowed.any(1).all(), "a sequence that cannot go on"
        chance = (whims + torch.randn(whims.shape, generator=generator)).masked_fill(~allowed, -torch.inf)
        columns.append(torch.multinomial(chance.softmax(1), 1, generator=generator)[:, 0])
        state = grammar.advance(state, columns[-1])
    return torch.stack(columns, 1).tolist()


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 10**6), bars=st.sampled_from([None, 1, 3]))
def test_what_is_sampled_comes_back_from_midi_token_for_token(
    shape: str, seed: int, bars: int | None
) -> None:
    words = vocabulary(shape)
    for ids in sampled(shape, bars, seed, batch=8, longest=120):
        if END not in ids:
            words.decode(ids)
            continue
        ids = ids[: ids.index(END) + 1]
        song = words.decode(ids)
        assert words.encode(song) == ids
        assert bars is None or len(song.bars()) == bars
        if opens_short(song):
            continue
        assert words.encode(arranged(parse_midi(to_bytes(song), "made.mid"), shape)) == ids


def opens_short(song: Song) -> bool:
    """Whether its first bar is shorter than the second, which in a MIDI file is a pickup."""
    lengths = song.bars()[:2, 1].tolist()
    return (
        len(song.metres) > 1 and lengths[0] < bar_ticks(song.metres[1][1]) and song.metres[1][0] <= lengths[0]
    )


@st.composite
def bands(draw: st.DrawFn) -> Song:
    """Drums and other tracks, of any instruments, lengths and pitches; metre and key change at some bars."""
    players = draw(st.lists(st.tuples(st.integers(0, 127), st.booleans()), min_size=2, max_size=7))
    parts = (Part("", 0, True), *(Part("", program, drum) for program, drum in players))
    onset = st.builds(
        lambda quarter, place: QUARTER * quarter + place, st.integers(0, 11), st.sampled_from(PLACES)
    )
    note = st.tuples(onset, st.integers(1, 400), st.integers(0, 127), st.integers(0, len(parts) - 1))
    kick = st.tuples(onset, st.integers(1, 60), st.integers(35, 81), st.just(0))
    notes = draw(st.lists(note, min_size=3, max_size=40)) + draw(st.lists(kick, min_size=1, max_size=12))
    stretches = st.tuples(st.integers(0, len(METRES) - 1), st.integers(0, 23), st.integers(1, 3))
    now, metres, keys = 0, [], []
    for metre, key, bars in draw(st.lists(stretches, min_size=1, max_size=3)):
        metres.append((now, metre))
        keys.append((now, key))
        now += bars * bar_ticks(metre)
    return Song(ordered(np.array(notes)), parts, draw(st.sampled_from(TEMPI)), tuple(metres), tuple(keys))


@settings(max_examples=60, deadline=None)
@given(song=bands())
def test_every_band_comes_back_from_its_tokens_and_from_midi(song: Song) -> None:
    words, band = vocabulary("band"), arranged(song, "band")
    ids = words.encode(band)
    back = words.decode(ids)
    assert np.array_equal(back.notes, band.notes) and np.array_equal(back.bars(), band.bars())
    assert (back.parts, back.tempo) == (band.parts, band.tempo)
    if opens_short(back):
        return
    heard = arranged(parse_midi(to_bytes(back), "band.mid"), "band")
    assert np.array_equal(heard.notes, band.notes) and words.encode(heard) == ids


@settings(max_examples=60, deadline=None)
@given(song=bands())
def test_in_a_band_drums_stay_drums_and_the_others_keep_their_tones(song: Song) -> None:
    band, drums = arranged(song, "band"), SHAPES["band"][-1]

    def played(song: Song, drum: bool) -> set[tuple[int, int]]:
        rows = song.notes[song.drums() == drum]
        return {(onset, pitch) for onset, _, pitch, _ in rows.tolist()}

    struck = {(at, pitch) for at, pitch in played(song, True) if drums.low <= pitch <= drums.high}
    left = struck - played(band, True)
    assert played(band, True) <= struck
    # two strokes of one drum that are closer than the shortest note are one
    assert all(any((at + ticks, pitch) in struck for ticks in range(1, DURATIONS[0])) for at, pitch in left)
    tones = [{(at, pitch % 12) for at, pitch in played(one, False)} for one in (song, band)]
    assert tones[1] <= tones[0] and bool(tones[1]) == bool(tones[0])
    assert np.array_equal(arranged(band, "band").notes, band.notes)


@settings(max_examples=8, deadline=None)
@given(song=bands())
def test_the_grammar_lets_every_band_through(song: Song) -> None:
    words = vocabulary("band")
    grammar = Grammar(words)
    state = grammar.start(1)
    for i, token in enumerate(ids := words.encode(arranged(song, "band"))):
        assert grammar.allowed(state)[0, token], words.text(ids[: i + 1])
        state = grammar.advance(state, torch.tensor([token]))


@pytest.mark.parametrize("shape", SHAPES)
def test_no_note_hangs_and_none_begins_where_its_pitch_sounds(shape: str) -> None:
    for ids in sampled(shape, None, seed=5, batch=16, longest=150):
        notes = vocabulary(shape).decode(ids).notes
        assert (notes[:, 1] > 0).all()
        for part, pitch in {(note[3], note[2]) for note in notes.tolist()}:
            same = notes[(notes[:, 3] == part) & (notes[:, 2] == pitch)]
            assert (same[:-1, 0] + same[:-1, 1] <= same[1:, 0]).all()


@pytest.mark.parametrize("shape", ["lead", "chorale"])
def test_voices_play_one_note_at_a_time(shape: str) -> None:
    for ids in sampled(shape, 4, seed=8, batch=16, longest=150):
        notes = vocabulary(shape).decode(ids).notes
        for index, line in enumerate(SHAPES[shape]):
            voice = notes[notes[:, 3] == index]
            if line.kind == "voice":
                assert (voice[:-1, 0] + voice[:-1, 1] <= voice[1:, 0]).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_after_the_end_nothing_but_padding_and_ends(shape: str) -> None:
    ended = [ids for ids in sampled(shape, 1, seed=2, batch=32, longest=150) if END in ids]
    assert ended
    for ids in ended:
        assert set(ids[ids.index(END) :]) <= {PAD, END}


def test_following_a_growing_sequence_allows_what_the_states_allow() -> None:
    words = vocabulary("chorale")
    ids = torch.tensor(sampled("chorale", 2, seed=3, batch=6, longest=40))
    grammar = Grammar(words, 2)
    follow = grammar.follow()
    for t in range(40):
        expected = grammar.allowed(grammar.prime(grammar.start(6), ids[:, :t]))
        assert torch.equal(follow(ids[:, :t]), expected)
    assert torch.equal(follow(ids[:3, :5]), grammar.allowed(grammar.prime(grammar.start(3), ids[:3, :5])))


def test_states_of_some_rows_go_on_as_those_rows() -> None:
    ids = torch.tensor(sampled("band", None, seed=4, batch=6, longest=60))
    grammar = Grammar(vocabulary("band"))
    state = grammar.prime(grammar.start(6), ids[:, :30])
    picked = torch.tensor([4, 4, 1])
    again = grammar.prime(rows(state, picked), ids[picked, 30:])
    assert torch.equal(grammar.allowed(again), grammar.allowed(grammar.prime(state, ids[:, 30:]))[picked])


@pytest.mark.parametrize(("shape", "size"), [("lead", 149), ("chorale", 198), ("band", 193)])
def test_vocabularies_are_small_and_begin_with_pad_start_end(shape: str, size: int) -> None:
    words = vocabulary(shape)
    assert len(words) == size
    assert [words.word(i) for i in (PAD, START, END)] == ["<pad>", "<start>", "<end>"]
    assert all(words.id(kind, value, line) == i for i, (kind, line, value) in enumerate(words.tokens))


def lead_of(
    tune: list[tuple[int, int, int]], chords: list[tuple[int, int, int, int]], metre: str = "4/4"
) -> Song:
    rows = [(*note, 0) for note in tune]
    rows += [(at, ticks, pitch, 1) for at, ticks, root, kind in chords for pitch in chord_pitches(root, kind)]
    number = METRES.index(tuple(map(int, metre.split("/"))))
    parts = tuple(line.part for line in SHAPES["lead"])
    return Song(ordered(np.array(rows)), parts, metres=((0, number),))


def test_a_lead_sheet_in_words() -> None:
    song = lead_of(
        [(0, 24, 72), (24, 12, 74), (36, 12, 76), (48, 24, 77), (96, 96, 72)], [(0, 96, 0, 0), (96, 96, 7, 2)]
    )
    words = vocabulary("lead")
    assert words.text(words.encode(song)) == (
        "4/4 C-major ♩=120\n| M72 C major beat1 M74 place12 M76 beat2 M77 beat3 M-\n| M72 G 7 <end>"
    )


def test_a_sequence_that_was_cut_ends_where_it_was_cut() -> None:
    words = vocabulary("lead")
    ids = words.encode(lead_of([(0, 24, 72), (24, 72, 74), (96, 96, 76)], [(0, 192, 0, 0)]))
    cut = words.decode(ids[: ids.index(words.id("beat", 1)) + 2])
    assert cut.notes.tolist() == [[0, 24, 72, 0]] + [[0, 24, pitch, 1] for pitch in (36, 40, 43)]


def test_changes_of_metre_and_key_stand_at_their_bars() -> None:
    song = lead_of([(0, 96, 72), (96, 72, 74), (168, 72, 76)], [])
    song = Song(song.notes, song.parts, 92.0, ((0, 3), (96, 2)), ((0, 0), (168, 7)))
    words = vocabulary("lead")
    assert words.text(words.encode(song)) == "4/4 C-major ♩=92\n| M72\n| 3/4 M74\n| G-major M76 <end>"
    again = words.decode(words.encode(song))
    assert (again.metres, again.keys) == (song.metres, song.keys)
    back = parse_midi(to_bytes(again), "x.mid")
    assert (back.metres, back.keys) == (song.metres, song.keys)
    assert round(back.tempo) == 92


@pytest.mark.parametrize("quality", range(len(QUALITY_NAMES)))
def test_every_chord_is_named_as_what_it_is(quality: int) -> None:
    for root in range(12):
        assert name_chord(tuple(chord_pitches(root, quality))) == (root, quality)


def test_an_inverted_chord_keeps_its_root() -> None:
    assert name_chord((52, 55, 60)) == (0, QUALITY_NAMES.index(""))


def test_a_piano_piece_gives_its_highest_notes_and_its_harmony() -> None:
    rows = [(0, 48, 72, 0), (48, 48, 74, 0)] + [(12 * i, 12, (48, 52, 55, 52)[i % 4], 0) for i in range(8)]
    song = arranged(Song(ordered(np.array(rows)), (Part("piano"),)), "lead")
    tune, chords = song.notes[song.notes[:, 3] == 0], song.notes[song.notes[:, 3] == 1]
    assert {72, 74} <= set(tune[:, 2].tolist())
    assert {pitch % 12 for pitch in chords[:3, 2].tolist()} == {0, 4, 7}


def test_voices_in_fewer_tracks_stay_those_that_they_were() -> None:
    soprano, bass = [(0, 96, 72), (96, 96, 74)], [(0, 192, 45)]
    alto = [(24 * i, 24, 64 + i % 3) for i in range(8)]
    tenor = [(12, 36, 55), (48, 50, 57), (96, 96, 59)]  # the second is let go of a little late
    rows = [(*note, 0) for note in soprano + alto] + [(*note, 1) for note in tenor + bass]
    song = arranged(Song(ordered(np.array(rows)), (Part("right"), Part("left"))), "chorale")
    heard = [song.notes[song.notes[:, 3] == voice][:, :3].tolist() for voice in range(4)]
    tenor[1] = (48, 48, 57)
    assert heard == [[list(note) for note in voice] for voice in (soprano, alto, tenor, bass)]


def test_a_note_that_is_struck_again_before_it_ends_stays_in_its_voice() -> None:
    rows = [(24 * i, 36 if i % 2 == 0 else 24, 60 + i // 2, 0) for i in range(8)]
    song = arranged(Song(np.array(rows), (Part("flute"),)), "chorale")
    assert song.notes[:, [0, 2, 3]].tolist() == [[24 * i, 60 + i // 2, 0] for i in range(8)]


def test_of_more_than_four_notes_the_highest_the_lowest_and_two_between_are_voices() -> None:
    rows = [(0, 24, pitch, 0) for pitch in (45, 50, 55, 60, 65, 70)] + [(24, 24, 62, 0), (24, 24, 48, 0)]
    song = arranged(Song(ordered(np.array(rows)), (Part("organ"),)), "chorale")
    assert song.notes[:, [0, 2, 3]].tolist() == [
        *([0, 70, 0], [0, 65, 1], [0, 60, 2], [0, 45, 3]),
        *([24, 62, 0], [24, 48, 3]),
    ]


def test_roles_of_a_band() -> None:
    parts = (Part("", 33), Part("", 0, True), Part("", 56), Part("", 4))
    song = Song(np.array([(0, 24, 40, 0), (0, 5, 36, 1), (0, 23, 70, 2), (0, 26, 60, 3)]), parts)
    band = arranged(song, "band")
    heard = {(band.parts[part].name, pitch): length for _, length, pitch, part in band.notes.tolist()}
    assert heard == {("bass", 40): 24, ("drums", 36): 4, ("winds", 70): 24, ("piano", 60): 24}
    assert set(heard.values()) <= set(DURATIONS)


def test_the_shape_is_told_from_the_songs() -> None:
    voices = Song(
        np.array([(0, 24, 70 - 5 * i, i) for i in range(4)]),
        tuple(Part(str(i)) for i in range(4)),
    )
    tune = lead_of([(0, 96, 72)], [(0, 96, 0, 0)])
    drummed = Song(np.array([(0, 24, 60, 0), (0, 24, 36, 1)]), (Part("a"), Part("b", drum=True)))
    assert [guess_shape([song]) for song in (voices, tune, drummed)] == ["chorale", "lead", "band"]


def test_export_leaves_out_empty_parts_and_takes_instruments_and_a_text() -> None:
    song = lead_of([(0, 96, 72)], [])
    midi = pretty_midi.PrettyMIDI(io.BytesIO(to_bytes(song, "where it is from", [40])))
    assert [(part.name, part.program) for part in midi.instruments] == [("melody", 40)]
    assert [event.text for event in midi.text_events] == ["where it is from"]
    assert all(0 < note.velocity < 128 for note in to_midi(song).instruments[0].notes)


@pytest.mark.parametrize(
    ("asked", "key", "written"),
    [
        ("Eb minor", "Eb minor", "Ebm"),
        ("D# minor", "Eb minor", "D#m"),
        ("C#", "Db major", "C#"),
        ("Cb major", "B major", "Cb"),
        ("A#m", "Bb minor", "A#m"),
        ("Abm", "G# minor", "Abm"),
        ("G#", "Ab major", "Ab"),  # eight sharps, which nobody writes
        ("Gb", "Eb minor", "Ebm"),  # a song of the relative key
        ("Cb", "D major", "D"),
        (None, "Eb minor", "Ebm"),
        (None, "C# minor", "C#m"),
        (None, "F# major", "F#"),
    ],
)
def test_a_key_is_spelt_as_it_was_asked_for_and_else_as_usual(asked, key, written) -> None:
    song = replace(lead_of([(0, 96, 72)], []), keys=((0, KEYS.index(key)),))
    plain = to_bytes(replace(song, keys=((0, 0),)), "ünd so \u00ff")
    made = to_bytes(replace(song, signature=asked and signature(asked)), "ünd so \u00ff")
    (event,) = (e for e in mido.MidiFile(file=io.BytesIO(made)).tracks[0] if e.type == "key_signature")
    assert event.key == written
    at = plain.index(b"\xff\x59\x02") + 3
    assert made[:at] + plain[at : at + 2] + made[at + 2 :] == plain  # nothing else is another


@pytest.mark.parametrize("name", KEYS)
def test_keys_have_numbers_as_in_pretty_midi(name: str) -> None:
    assert key_number(name) == KEYS.index(name) == pretty_midi.key_name_to_key_number(spelt(KEYS.index(name)))


def test_transposing_moves_notes_and_key_but_no_drums() -> None:
    song = Song(
        np.array([(0, 24, 60, 0), (0, 24, 36, 1)]), (Part("a"), Part("b", drum=True)), keys=((0, 21),)
    )
    up = transposed(song, 5)
    assert up.notes[:, 2].tolist() == [65, 36] and up.keys == ((0, 14),)


def test_done_is_reached_only_by_the_end() -> None:
    grammar = Grammar(vocabulary("lead"))
    words = grammar.words
    ids = torch.tensor([[*words.header(3, 0, 120), BAR, words.id("note", 72, 0), END]])
    assert grammar.prime(grammar.start(1), ids)["phase"].tolist() == [DONE]

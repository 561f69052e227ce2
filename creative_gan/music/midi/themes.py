"""Themes in the public domain, in a subset of ABC notation: what the built-in tunes are varied from.

Notes `C`..`B` (C4 to B4), `c`..`b` an octave above, `'` and `,` an octave up and down, `^` and `_` a sharp
and a flat (for one note), `z` a rest, a number or fraction for the length in units, `|` a bar line, and
chord names in quotes.
"""

from dataclasses import dataclass
from fractions import Fraction
from re import Match, finditer


@dataclass(frozen=True)
class Theme:
    """A melody with chords; key as in `song.KEYS`."""

    name: str
    metre: str
    unit: int
    """Ticks of length 1."""
    key: str
    tempo: int
    abc: str


@dataclass(frozen=True)
class Heard:
    """What a theme says, in ticks of a 24th of a quarter."""

    notes: list[tuple[int, int, int]]
    """Onset, length, pitch."""
    chords: list[tuple[int, str]]
    """Onset and name, as `Am` or `G7`."""
    bars: list[int]
    """Ticks of every bar."""


_TOKEN = (
    r'"(?P<chord>[^"]+)"|(?P<bar>\|)'
    r"|(?P<sign>[\^_]?)(?P<note>[A-Ga-gz])(?P<octave>[',]*)(?P<length>\d*(?:/\d+)?)"
)
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def parsed(theme: Theme) -> Heard:
    """Read the notation of a theme."""
    notes: list[tuple[int, int, int]] = []
    chords: list[tuple[int, str]] = []
    lines, now = [0], 0
    for token in finditer(_TOKEN, theme.abc):
        if token["chord"]:
            chords.append((now, token["chord"]))
        elif token["bar"]:
            lines.append(now)
        else:
            length = int(_length(token["length"]) * theme.unit)
            if token["note"] != "z":
                notes.append((now, length, _pitch(token)))
            now += length
    return Heard(notes, chords, [b - a for a, b in zip(lines, [*lines[1:], now], strict=True) if b > a])


def _length(text: str) -> Fraction:
    over, _, under = text.partition("/")
    return Fraction(int(over or 1), int(under or 1))


def _pitch(token: Match[str]) -> int:
    pitch = 60 + _STEPS[token["note"].upper()] + 12 * token["note"].islower()
    pitch += 12 * (token["octave"].count("'") - token["octave"].count(","))
    return pitch + {"^": 1, "_": -1, "": 0}[token["sign"]]


THEMES = (
    Theme(
        "ode to joy",
        "4/4",
        24,
        "C major",
        120,
        '"C"EEFG|"G7"GFED|"C"CCDE|"G"E3/2D/2D2|"C"EEFG|"G7"GFED|"C"CCDE|"G7"D3/2C/2"C"C2|'
        '"G"DDEC|DE/2F/2EC|DE/2F/2ED|"Am"CD"G"G,2|"C"EEFG|"G7"GFED|"C"CCDE|"G7"D3/2C/2"C"C2',
    ),
    Theme(
        "frere jacques",
        "4/4",
        24,
        "C major",
        120,
        '"C"CDEC|CDEC|EFG2|EFG2|G/2A/2G/2F/2EC|G/2A/2G/2F/2EC|CG,"C"C2|"G7"CG,"C"C2',
    ),
    Theme(
        "ah vous dirai-je",
        "4/4",
        24,
        "C major",
        105,
        '"C"CCGG|"F"AA"C"G2|"F"FF"C"EE|"G7"DD"C"C2|"C"GG"F"FF|"C"EE"G"D2|"C"GG"F"FF|"C"EE"G7"D2|'
        '"C"CCGG|"F"AA"C"G2|"F"FF"C"EE|"G7"DD"C"C2',
    ),
    Theme(
        "au clair de la lune",
        "4/4",
        24,
        "C major",
        92,
        '"C"CCCD|E2"G"D2|"C"CE"G"DD|"C"C4|CCCD|E2"G"D2|"C"CE"G"DD|"C"C4|'
        '"G"DDDD|"D"A,2A,2|"G"DC"D"B,A,|"G"G,4|"C"CCCD|E2"G"D2|"C"CE"G"DD|"C"C4',
    ),
    Theme(
        "mary had a little lamb",
        "4/4",
        24,
        "C major",
        120,
        '"C"EDCD|EEE2|"G7"DDD2|"C"EGG2|EDCD|EEEE|"G7"DDED|"C"C4',
    ),
    Theme(
        "london bridge",
        "4/4",
        24,
        "C major",
        120,
        '"C"G3/2A/2GF|EFG2|"G7"DEF2|"C"EFG2|G3/2A/2GF|EFG2|"G7"D2G2|"C"EC3',
    ),
    Theme(
        "row your boat",
        "6/8",
        12,
        "C major",
        138,
        '"C"C3C3|C2DE3|E2DE2F|G6|cccGGG|EEECCC|"G7"G2FE2D|"C"C6',
    ),
    Theme(
        "old macdonald",
        "4/4",
        24,
        "G major",
        138,
        '"G"GGGD|"C"EE"G"D2|BB"D7"AA|"G"G3D|GGGD|"C"EE"G"D2|BB"D7"AA|"G"G4',
    ),
    Theme(
        "amazing grace",
        "3/4",
        24,
        "G major",
        80,
        'z2D|"G"G2B/2G/2|B2A|"C"G2E|"G"D2D|G2B/2G/2|B2A|"D7"d3|d2B|"G"d2B/2G/2|B2A|"C"G2E|"G"D2D|'
        '"Em"G2B/2G/2|"D7"B2A|"G"G3',
    ),
    Theme(
        "greensleeves",
        "6/8",
        12,
        "A minor",
        105,
        'z5A|"Am"c2de3/2^f/2e|"G"d2BG3/2A/2B|"Am"c2AA3/2^G/2A|"E"B2^GE2A|"Am"c2de3/2^f/2e|"G"d2BG3/2A/2B|'
        '"Am"c3/2B/2A"E7"^G3/2^F/2^G|"Am"A6|"C"g3g3/2^f/2e|"G"d2BG3/2A/2B|"Am"c2AA3/2^G/2A|"E"B2^GE3|'
        '"C"g3g3/2^f/2e|"G"d2BG3/2A/2B|"Am"c3/2B/2A"E7"^G3/2^F/2^G|"Am"A6',
    ),
    Theme(
        "drunken sailor",
        "4/4",
        12,
        "D minor",
        138,
        '"Dm"A2AAA2AA|A2D2F2A2|"C"G2GGG2GG|G2C2E2G2|"Dm"A2AAA2AA|A2B2c2d2|"C"c2A2G2E2|"Dm"D4D4',
    ),
    Theme(
        "yankee doodle",
        "4/4",
        24,
        "C major",
        138,
        '"C"ccde|ce"G"dG|"C"ccde|c2"G"BG|"C"ccde|"F"fedc|"G7"BGAB|"C"c2c2',
    ),
    Theme(
        "oh susanna",
        "4/4",
        12,
        "C major",
        138,
        'z6CD|"C"E2G2G3A|G2E2C3D|E2E2D2C2|"G7"D6CD|"C"E2G2G3A|G2E2C3D|E2E2"G7"D2D2|"C"C6z2|"F"F4F4|'
        'A2A4A2|"C"G2G2E2C2|"G7"D6CD|"C"E2G2G3A|G2E2C3D|E2E2"G7"D2D2|"C"C8',
    ),
    Theme(
        "when the saints",
        "4/4",
        24,
        "C major",
        160,
        'zCEF|"C"G4|zCEF|G4|zCEF|G2E2|C2E2|"G7"D4|"C"E2ED|C3C|"C7"E2G2|"F"GF3|z2EF|"C"G2E2|"G7"C2D2|"C"C4',
    ),
    Theme(
        "auld lang syne",
        "4/4",
        24,
        "F major",
        92,
        'z3C|"F"F3/2F/2FA|"C7"G3/2F/2GA|"F"F3/2F/2Ac|"Bb"d3d|"F"c3/2A/2AF|"C7"G3/2F/2GA|'
        '"Bb"F3/2D/2"C7"DC|"F"F3d|"F"c3/2A/2AF|"C7"G3/2F/2Gd|"F"c3/2A/2Ac|"Bb"d3d|"F"c3/2A/2AF|'
        '"C7"G3/2F/2GA|"Bb"F3/2D/2"C7"DC|"F"F4',
    ),
    Theme(
        "silent night",
        "6/8",
        12,
        "C major",
        80,
        '"C"G3/2A/2GE3|G3/2A/2GE3|"G7"d2dB3|"C"c2cG3|"F"A2Ac3/2B/2A|"C"G3/2A/2GE3|"F"A2Ac3/2B/2A|'
        '"C"G3/2A/2GE3|"G7"d2df3/2d/2B|"C"c3e3|c3/2G/2E"G7"G3/2F/2D|"C"C6',
    ),
    Theme(
        "jingle bells",
        "4/4",
        24,
        "C major",
        160,
        '"C"EEE2|EEE2|EGC3/2D/2|E4|"F"FFF3/2F/2|"C"FEEE/2E/2|"G7"EDDE|D2G2|"C"EEE2|EEE2|EGC3/2D/2|E4|'
        '"F"FFF3/2F/2|"C"FEEE/2E/2|"G7"GGFD|"C"C4',
    ),
    Theme(
        "deck the halls",
        "4/4",
        12,
        "C major",
        138,
        '"C"G3FE2D2|C2D2E2C2|"G7"DEFD"C"E3D|"G7"C2B,2"C"C4|G3FE2D2|C2D2E2C2|"G7"DEFD"C"E3D|"G7"C2B,2"C"C4|'
        '"G7"D3EF2D2|"C"E3FG2D2|E^FG2"G"ABc2|"D7"B2A2"G"G4|"C"G3FE2D2|C2D2E2C2|"F"AAAA"C"G3F|"G7"E2D2"C"C4',
    ),
    Theme(
        "joy to the world",
        "4/4",
        24,
        "C major",
        105,
        '"C"c2B3/2A/2|G3F|"C"E2"G7"D2|"C"C3G|"F"A3A|"G7"B3B|"C"c4|z4',
    ),
    Theme(
        "minuet in g",
        "3/4",
        12,
        "G major",
        120,
        '"G"d2GABc|d2G2G2|"C"e2cde^f|"G"g2G2G2|"C"c2dcBA|"G"B2cBAG|"D"^F2GABG|"D7"A6|"G"d2GABc|d2G2G2|'
        '"C"e2cde^f|"G"g2G2G2|"C"c2dcBA|"G"B2cBAG|"D7"A2BAG^F|"G"G6',
    ),
    Theme(
        "canon in d",
        "4/4",
        24,
        "D major",
        80,
        '"D"^f2"A"e2|"Bm"d2"F#m"^c2|"G"B2"D"A2|"G"B2"A"^c2|"D"d2"A"^c2|"Bm"B2"F#m"A2|"G"G2"D"^F2|"G"G2"A"E2',
    ),
    Theme(
        "new world largo",
        "4/4",
        24,
        "C major",
        58,
        '"C"E3/2G/2G2|E3/2D/2C2|"Dm"DE"G7"G3/2E/2|"G"D4|"C"E3/2G/2G2|E3/2D/2C2|"Dm"DE"G7"D3/2C/2|"C"C4',
    ),
    Theme(
        "wiegenlied",
        "3/4",
        24,
        "C major",
        80,
        'z2E/2E/2|"C"G2E/2E/2|G2E/2G/2|cB3/2A/2|AGD/2E/2|"G7"FDD/2E/2|F2D/2F/2|B/2A/2GB|"C"c3',
    ),
    Theme(
        "galop",
        "4/4",
        12,
        "C major",
        160,
        '"C"C4DFED|G2G2GAEF|"G7"D2D2DFED|"C"CcBA"G7"GFED|"C"C4DFED|G2G2GAEF|"G7"D2D2DFED|"C"CG"G7"DE"C"C4',
    ),
    Theme(
        "mountain king",
        "4/4",
        12,
        "A minor",
        138,
        '"Am"A,B,CDECE2|"B7"^DB,^D2"Bb"D_B,D2|"Am"A,B,CDECEA|"C"GECEG4|'
        '"Am"A,B,CDECE2|"B7"^DB,^D2"Bb"D_B,D2|"Am"A,B,CDECEA|"C"GECE"Am"A4',
    ),
    Theme(
        "emperor's hymn",
        "4/4",
        12,
        "G major",
        80,
        '"G"G3AB2A2|"D7"c2B2A^F"G"G2|"C"e2"G"d2"D7"c2"G"B2|"D"A2BGd4|"G"G3AB2A2|"D7"c2B2A^F"G"G2|'
        '"C"e2"G"d2"D7"c2"G"B2|"D"A2BGd4',
    ),
    Theme(
        "kleine nachtmusik",
        "4/4",
        12,
        "G major",
        138,
        '"G"G2zDG2zD|GDGBd2z2|"D7"c2zAc2zA|cA^FAD2z2|"G"G2zDG2zD|GDGBd2z2|"D7"c2zAc2zA|cA^FA"G"G2z2',
    ),
    Theme(
        "surprise",
        "4/4",
        12,
        "C major",
        105,
        '"C"CCEEGGE2|"G7"FFDDB,B,G,2|"C"CCEEGGE2|"D"cc^F^F"G"G4|"C"CCEEGGE2|"G7"FFDDB,B,G,2|'
        '"C"CCEEGGE2|"G7"FFDD"C"C4',
    ),
    Theme(
        "fur elise",
        "3/8",
        6,
        "A minor",
        69,
        'z4e^d|"Am"e^deBdc|A2zCEA|"E"B2zE^GB|"Am"c2zEe^d|e^deBdc|A2zCEA|"E7"B2zEcB|"Am"A6',
    ),
    Theme(
        "good king wenceslas",
        "4/4",
        24,
        "G major",
        138,
        '"G"GGGA|GGD2|"C"ED"D"E^F|"G"G2G2|GGGA|GGD2|"C"ED"D"E^F|"G"G2G2|"G"dc"D"BA|"G"BAG2|"C"ED"D"E^F|'
        '"G"G2G2|"D"DDE^F|"G"GG"D"A2|"G"dc"D"BA|"G"G2"C"c2|"G"G4',
    ),
    Theme(
        "korobeiniki",
        "4/4",
        12,
        "A minor",
        138,
        '"E"e2Bcd2cB|"Am"A2Ace2dc|"E7"B3cd2e2|"Am"c2A2A4|"Dm"zd2fa2gf|"C"e3ce2dc|"E7"B2Bcd2e2|"Am"c2A2A4',
    ),
    Theme(
        "sakura",
        "4/4",
        24,
        "A minor",
        69,
        '"Am"AAB2|AAB2|AB"F"cB|AB/2A/2F2|"Am"ECEF|EE/2C/2"E"B,2|"Am"AB"F"cB|AB/2A/2F2|"Am"ECEF|'
        'EE/2C/2"E"B,2|"Am"AAB2|AAB2|"F"EFB/2A/2F|"Am"E4',
    ),
    Theme(
        "aura lee",
        "4/4",
        24,
        "C major",
        92,
        '"C"GcBc|"D7"dAd2|"G7"cBAB|"C"c4|GcBc|"D7"dAd2|"G7"cBAB|"C"c4',
    ),
)

"""The built-in picture sets: the same everywhere, at every size, and what their captions say they are."""

import re

import numpy as np
import pytest
from PIL import Image

from creative_gan.core.errors import UserError
from creative_gan.image.builtin import NAMES, pictures

KINDS = ["circles", "landscape", "grid", "waves", "mandala", "tiles", "night", "still life"]

MEANS = [186.6, 178.1, 153.7, 168.0, 107.9, 110.6, 80.1, 206.0]

NOUNS = {
    "circles": r"^(one|two|three|four|five) .*circles? over an? \w+ gradient$",
    "landscape": r"^an? \w+ sun over (three|four|five) \w+ (hills|peaks)$",
    "grid": r"^a grid of .+ fields between \w+ bars$",
    "waves": r"( waves with | scales with ).+ under an? \w+ sky$",
    "mandala": r"^an? \w+fold mandala of .+ petals on an? \w+ ground$",
    "tiles": r"(ribbons|islands) .* \w+ tiles$",
    "night": r"^a (full|crescent|half) \w+ moon over .+ on an? \w+ night$",
    "still life": r"(bowl|vase|bottle|cup|jug|pear|apple) on a table in \w+ light$",
}


def shrink(batch: np.ndarray, factor: int) -> np.ndarray:
    n, channels, height, width = batch.shape
    cells = batch.reshape(n, channels, height // factor, factor, width // factor, factor)
    return cells.astype(np.float64).mean((3, 5))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_same_pictures_every_time_and_for_every_count(name: str) -> None:
    few, few_labels, names, few_captions = pictures(name, 32, 24)
    more, labels, again, captions = pictures(name, 32, 40)
    assert few.shape[0] == 24 and more.shape[0] == len(captions) == 40
    np.testing.assert_array_equal(few, more[:24])
    np.testing.assert_array_equal(few_labels, labels[:24])
    assert (names, few_captions) == (again, captions[:24])


def test_art_is_frozen() -> None:
    # A change of these is a change of everybody's data set.
    batch, _, _, captions = pictures("art", 64, 8)
    assert captions[0] == "two lime and tangerine circles over a citrus gradient"
    assert captions[6] == "a crescent brick moon over still water on a desert night"
    np.testing.assert_allclose(batch.mean((1, 2, 3)), MEANS, atol=0.5)


def test_art_is_the_same_composition_at_every_size() -> None:
    small, labels, _, captions = pictures("art", 64, 64)
    for size, count in ((128, 64), (256, 16)):
        large, large_labels, _, large_captions = pictures("art", size, count)
        assert captions[:count] == large_captions
        np.testing.assert_array_equal(labels[:count], large_labels)
        error = np.abs(shrink(large, size // 64) - small[:count]).mean((1, 2, 3))
        assert error.max() < 1.0, captions[error.argmax()]
    # The next picture of the same kind is another composition.
    assert np.abs(small[8:].astype(float) - small[:-8]).mean((1, 2, 3)).min() > 5.0


def test_art_keeps_its_composition_when_it_is_wide_or_tall() -> None:
    square, _, _, captions = pictures("art", 48, 16)
    for height, width in ((48, 80), (80, 48)):
        batch, _, _, others = pictures("art", (height, width), 16)
        assert batch.shape == (16, 3, height, width)
        assert others == captions
        # Circles stay round and colours stay what they are: the mean colour moves little.
        assert np.abs(batch.mean((2, 3)) - square.mean((2, 3))).max() < 40


def test_art_labels_are_balanced_and_agree_with_captions() -> None:
    batch, labels, names, captions = pictures("art", 16, 400)
    assert names == KINDS
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(np.bincount(labels), [50] * 8)
    for label, caption in zip(labels, captions, strict=True):
        assert re.search(NOUNS[names[label]], caption), caption
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", caption), caption
    assert len(set(captions)) > 300
    assert batch.dtype == np.uint8


def test_art_captions_tell_the_colours() -> None:
    batch, labels, _, captions = pictures("art", 16, 480)
    colour = batch.astype(float).mean((2, 3))
    warm = [i for i, text in enumerate(captions) if labels[i] == 0 and "ember gradient" in text]
    cool = [i for i, text in enumerate(captions) if labels[i] == 0 and "sea gradient" in text]
    assert warm and cool
    assert (colour[warm, 0] > colour[warm, 2]).all()
    assert colour[cool, 2].mean() > colour[warm, 2].mean() + 50
    night = batch[labels == 6].mean()
    assert night < 0.6 * batch[labels != 6].mean()


def test_first_thousand_pictures_differ_and_use_the_range() -> None:
    batch, _, _, _ = pictures("art", 16, 1000)
    assert len({picture.tobytes() for picture in batch}) == 1000
    assert batch.min() < 30 and batch.max() > 245
    # No picture is a blank sheet.
    assert batch.astype(float).std((2, 3)).max(1).min() > 5


def test_digits_are_those_of_scikit_learn_upscaled() -> None:
    from sklearn.datasets import load_digits

    batch, labels, names, captions = pictures("digits")
    assert batch.shape == (1797, 1, 28, 28) and batch.dtype == np.uint8
    assert names == list("0123456789") and labels.dtype == np.int64
    assert np.bincount(labels).min() >= 170
    assert captions[int(np.flatnonzero(labels == 7)[0])] == "a handwritten seven"
    assert batch.min() == 0 and batch.max() == 255
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    assert captions == [f"a handwritten {words[label]}" for label in labels]
    back = [np.asarray(Image.fromarray(digit[0]).resize((8, 8), Image.Resampling.BOX)) for digit in batch]
    source = load_digits()
    np.testing.assert_array_equal(labels, source.target)
    assert np.abs(np.stack(back) - source.images * (255 / 16)).mean() < 16


def test_digits_may_be_wide() -> None:
    assert pictures("digits", (32, 48), 3)[0].shape == (3, 1, 32, 48)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("cats",), 'no built-in picture set "cats"; use one of: art, digits'),
        (("art", 8), "cannot be 8 x 8; use sides from 16 to 1024"),
        (("art", (64, 2000)), "cannot be 64 x 2000"),
        (("art", 0), "cannot be 0 x 0"),
        (("art", 32, 0), "count = 0 asks for no picture"),
        (("digits", 28, 1798), "has 1797 pictures"),
    ],
)
def test_mistakes_are_told_in_a_sentence(arguments: tuple, sentence: str) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        pictures(*arguments)

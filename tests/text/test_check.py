"""What the check of a corpus counts and says."""

import os
from pathlib import Path

import numpy as np
import pytest

from creative_gan.text.check import check_texts, fitting_length, sentences
from creative_gan.text.data import open_texts

DATA = Path(os.environ.get("CREATIVE_GAN_DATA", Path(__file__).parents[3] / "shared" / "data"))


def test_a_small_labelled_corpus(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "text,label\n"
        + "".join(f"word{n} is here.,c{n % 2}\n" for n in range(40))
        + "bad\nword1 is here.,c1\n"
    )
    found = check_texts(open_texts(path))
    assert (found.texts, found.different) == (41, 40)
    assert found.classes == {"c0": 20, "c1": 21}
    assert found.characters["shortest"] == 14 and found.characters["longest"] == 15
    assert found.tokenizer == "word" and found.length == 8
    assert found.vocabularies["word"].size == 4 + 40 + 3
    assert 0.2 <= found.vocabularies["word"].unseen <= 0.25
    assert found.vocabularies["bpe"].unseen == 0
    text = "\n".join(sentences(found))
    assert "41 texts" in text and "; 1 is a copy of another" in text and "c0 20, c1 21" in text
    assert "a.csv line 42: has 1 columns" in text and "too few" in text


def test_the_context_holds_nearly_all() -> None:
    lengths = np.array([10] * 98 + [500] * 2)
    assert fitting_length(lengths) == 16
    assert fitting_length(np.array([7])) == 8
    assert fitting_length(np.array([8])) == 16
    assert fitting_length(np.array([5000])) == 256


def test_the_builtin_corpus_is_large_enough() -> None:
    found = check_texts(open_texts("builtin:verses-zh"), look_at=1000)
    assert found.tokenizer == "char" and found.length == 24
    assert found.verdict.endswith("are enough")


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "kind", "length"), [("coco-captions", "word", 24), ("tang-poems", "char", 32)]
)
def test_real_corpora(name: str, kind: str, length: int) -> None:
    path = DATA / name / "train.txt"
    if not path.exists():
        pytest.skip("no real data")
    found = check_texts(open_texts(path))
    assert (found.tokenizer, found.length) == (kind, length)
    assert found.verdict.endswith("are enough") and not found.skipped

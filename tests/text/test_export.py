"""Texts to the screen and to files, with their origin beside them."""

import io
import json
from pathlib import Path

import pytest

from creative_gan.core.errors import UserError
from creative_gan.text.data import open_texts
from creative_gan.text.export import write_texts

ORIGIN = {"model": "text/captions", "seed": 1}


def test_screen() -> None:
    out = io.StringIO()
    assert write_texts(["one", "二"], "-", ORIGIN, stdout=out) == []
    assert out.getvalue() == "one\n二\n"


def test_files_read_back(tmp_path: Path) -> None:
    texts = ["one, two", '三 "four"', "five"]
    for name in ("a.txt", "a.jsonl"):
        written = write_texts(texts, tmp_path / name, ORIGIN, labels=["x", "y", "x"])
        assert written == [tmp_path / name, tmp_path / f"{name}.json"]
        assert json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8")) == ORIGIN
        corpus = open_texts(tmp_path / name)
        assert corpus.texts == texts
    assert corpus.classes == ["x", "y"]


def test_texts_of_several_lines_read_back(tmp_path: Path) -> None:
    texts = ["one\ntwo", "three"]
    write_texts(texts, tmp_path / "a.txt")
    assert open_texts(tmp_path / "a.txt", unit="paragraph").texts == texts


def test_nothing_is_overwritten_unless_asked_for(tmp_path: Path) -> None:
    write_texts(["old"], tmp_path / "a.txt", ORIGIN)
    with pytest.raises(UserError, match="exists already"):
        write_texts(["new"], tmp_path / "a.txt", ORIGIN)
    (tmp_path / "b.txt.json").write_text("mine")
    with pytest.raises(UserError, match=r"b\.txt\.json exists already"):
        write_texts(["new"], tmp_path / "b.txt", ORIGIN)
    assert not (tmp_path / "b.txt").exists() and (tmp_path / "a.txt").read_text() == "old\n"
    write_texts(["new"], tmp_path / "a.txt", overwrite=True)
    assert (tmp_path / "a.txt").read_text() == "new\n"
    # An origin that speaks of other texts would be a lie.
    assert not (tmp_path / "a.txt.json").exists()


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.txt or \.jsonl"):
        write_texts(["a"], tmp_path / "a.doc")

"""Corpora: every format and every kind of broken file, splits, sequences, batches."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from creative_gan.core.errors import DataError, UserError
from creative_gan.text import data, reading
from creative_gan.text.data import encode, open_texts
from creative_gan.text.tokens import END, PAD, UNKNOWN, train_tokenizer


def put(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_of_a_text_file(tmp_path: Path, encoding: str, newline: str) -> None:
    text = newline.join(["one été", "", "  二\u3000三\x00 "[:-2], "line\u2028same", ""])
    corpus = open_texts(put(tmp_path / "a.txt", text.encode(encoding)))
    assert corpus.texts == ["one été", "二 三", "line\u2028same"]
    assert corpus.names == ["a.txt:1", "a.txt:3", "a.txt:4"]
    assert corpus.labels is None and corpus.classes == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "holds no text"),
        (b"\n \n\n", "holds no text"),
        (b"only one line\n", "holds only one text"),
        (b"good\nb\xe9d\n", r"byte 0xE9 at offset 6 \(line 2\)"),
        (b"\xef\xbb\xbfgood\nb\xe9d\n", r"byte 0xE9 at offset 9 \(line 2\)"),
        ("第一\n第二".encode("gb18030"), "is not UTF-8: byte 0xB5 at offset 0.*GB18030"),
        ("one\ntwo".encode("utf-16"), "UTF-16"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "no text.*zero byte at offset 8"),
        (b"cut short \xe4\xbd", "byte 0xE4 at offset 10"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=rf"a\.txt: .*{reason}"):
        open_texts(put(tmp_path / "a.txt", content))


def test_missing_names_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        open_texts(tmp_path / "no.txt")
    with pytest.raises(UserError, match="builtin:verses-zh"):
        open_texts("builtin:haiku")
    with pytest.raises(DataError, match=r"holds no \.csv"):
        open_texts(tmp_path)
    with pytest.raises(UserError, match="unit"):
        open_texts(tmp_path, unit="word")


def test_a_line_of_a_megabyte_is_cut_at_sentences(tmp_path: Path) -> None:
    sentence = "The quick brown fox jumps over the lazy dog. "
    corpus = open_texts(put(tmp_path / "a.txt", sentence * 25_000 + "\nshort\n" + "x" * 1_000_000))
    assert corpus.cut == 2
    long = [t for t in corpus.texts if t.startswith("The")]
    assert all(len(t) <= reading.LONGEST_TEXT and t.endswith("dog.") for t in long)
    assert sum(t.count("fox") for t in long) == 25_000
    assert sum(map(len, corpus.texts)) >= 2_000_000 and corpus.names[0] == "a.txt:1#1"


def test_too_much_for_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "LARGEST_SOURCE", 2**20)
    big = put(tmp_path / "a.txt", "line\n" * 2**18)
    for source in (big, tmp_path):
        with pytest.raises(DataError, match="at most 1 MB"):
            open_texts(source)


def test_jsonl_with_labels(tmp_path: Path) -> None:
    rows = [
        {"text": "a\nb", "label": "y"},
        {"text": "c", "label": 3},
        {"text": "d", "label": "y", "more": []},
    ]
    corpus = open_texts(put(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)) + "\n\n"))
    assert corpus.texts == ["a\nb", "c", "d"]
    assert corpus.classes == ["3", "y"]
    assert corpus.labels is not None and corpus.labels.tolist() == [1, 0, 1]


BROKEN = [
    '{"text": "a"}',
    "{no",
    "[1]",
    '{"txt": "b"}',
    '{"text": 5}',
    '{"text": "c", "label": []}',
    '{"text": "\\ud800d"}',
]


def test_broken_rows_are_listed_or_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", "\n".join(BROKEN))
    corpus = open_texts(path)
    assert corpus.texts == ["a", "d"]
    assert [where for where, _ in corpus.skipped] == [f"a.jsonl line {n}" for n in (2, 3, 4, 5, 6)]
    with pytest.raises(DataError, match="line 2 is no JSON"):
        open_texts(path, strict=True)
    with pytest.raises(DataError, match=r"holds no text \(b.jsonl line 1 is no JSON\)"):
        open_texts(put(tmp_path / "b.jsonl", "x\ny"))


def test_deeply_nested_json_is_a_broken_row(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", "[" * 200_000 + '\n{"text": "a"}\n{"text": "b"}')
    assert len(open_texts(path).skipped) == 1


def test_a_row_without_a_label_among_others(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "label,text\nx,one\n,two\ny,three\n")
    corpus = open_texts(path)
    assert corpus.texts == ["one", "three"] and len(corpus.skipped) == 1
    with pytest.raises(DataError, match=r"a\.csv:3 has no label"):
        open_texts(path, strict=True)


def test_a_few_labels_do_not_throw_the_others_away(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "label,text\nx,one\n,two\n,three\n,four\n")
    corpus = open_texts(path)
    assert corpus.texts == ["one", "two", "three", "four"] and corpus.classes == []
    assert corpus.skipped == [("a.csv:2", "has a label, but most have none, so that no label is used")]
    with pytest.raises(DataError, match=r"a\.csv:2 has a label"):
        open_texts(path, strict=True)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables(tmp_path: Path, delimiter: str) -> None:
    rows = [
        ["id", "Text", "label"],
        ["1", '"one, ""two"";\nthree"', "p"],
        ["2", "four", "q"],
        ["3", "五", "p"],
    ]
    content = "\ufeff" + "\r\n".join(delimiter.join(row) for row in rows)
    corpus = open_texts(put(tmp_path / "a.csv", content))
    assert corpus.texts == ['one, "two";\nthree', "four", "五"]
    assert corpus.labels is not None and corpus.labels.tolist() == [0, 1, 0]


def test_broken_tables(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no column 'text'.*'a,b'"):
        open_texts(put(tmp_path / "a.csv", "a,b\n1,2\n"))
    path = put(tmp_path / "b.csv", "text,label\none,x\ntwo\nthree,y\n")
    assert open_texts(path).skipped == [("b.csv line 3", "has 1 columns instead of 2")]
    big = open_texts(put(tmp_path / "c.csv", "text\n" + "word " * 200_000 + "\nshort\n"))
    assert big.cut == 1 and len(big) > 100


def test_a_folder(tmp_path: Path) -> None:
    put(tmp_path / "sea/b.txt", "wave\nshore\n")
    put(tmp_path / "sea/deep/a.txt", "one\ntwo\n\nthree\n")
    put(tmp_path / "city/c.jsonl", '{"text": "street"}')
    put(tmp_path / "city/d.txt", b"\xff\xff")
    put(tmp_path / "city/picture.png", b"\x89PNG")
    put(tmp_path / ".hidden/e.txt", "no")
    corpus = open_texts(tmp_path)
    assert corpus.texts == ["street", "wave", "shore", "one\ntwo", "three"]
    assert corpus.classes == ["city", "sea"]
    assert corpus.labels is not None and corpus.labels.tolist() == [0, 1, 1, 1, 1]
    assert len(corpus.skipped) == 2 and "0xFF at offset 0" in " ".join(why for _, why in corpus.skipped)
    with pytest.raises(DataError, match="offset 0"):
        open_texts(tmp_path, strict=True)
    put(tmp_path / "loose.txt", "no label here")
    assert open_texts(tmp_path).labels is None
    assert "one\ntwo\n\nthree" in open_texts(tmp_path, unit="file").texts
    assert "wave\nshore" in open_texts(tmp_path, unit="paragraph").texts
    assert "one" in open_texts(tmp_path, unit="line").texts


def test_split_keeps_copies_together_and_grows_gently(tmp_path: Path) -> None:
    lines = [f"line {n % 50}" for n in range(120)]
    corpus = open_texts(put(tmp_path / "a.txt", "\n".join(lines)))
    train, held = corpus.split(0.2, seed=1)
    assert not set(train.texts) & set(held.texts)
    assert len(set(held.texts)) == 10 and len(train) + len(held) == 120
    assert corpus.split(0.2, seed=1)[1].texts == held.texts != corpus.split(0.2, seed=2)[1].texts
    more = open_texts(put(tmp_path / "b.txt", "\n".join([*lines, "new"])))
    assert len(set(more.split(0.2, seed=1)[1].texts) ^ set(held.texts)) <= 2
    with pytest.raises(UserError, match="between 0 and 1"):
        corpus.split(1.0, seed=1)
    with pytest.raises(DataError, match="copies"):
        open_texts(put(tmp_path / "c.txt", "same\nsame")).split(0.5, seed=1)


def test_the_fingerprint_sees_texts_labels_and_order(tmp_path: Path) -> None:
    seen = set()
    for content in ("x,a\ny,b", "y,a\nx,b", "x,b\ny,a", "x,ab\ny,c", "x,a\ny,bc"):
        seen.add(open_texts(put(tmp_path / "a.csv", "label,text\n" + content)).fingerprint)
    assert len(seen) == 5
    assert open_texts(put(tmp_path / "other.csv", "label,text\nx,a\ny,bc\n")).fingerprint in seen


def test_sequences_end_and_are_padded(tmp_path: Path) -> None:
    corpus = open_texts(put(tmp_path / "a.csv", "text,label\na b,p\na b c d,q\n"))
    tokenizer = train_tokenizer(corpus.texts, "word")
    rows = encode(corpus, tokenizer, 6)
    assert rows.tokens.dtype == np.uint16 and rows.length.tolist() == [3, 5]
    assert rows.tokens[0, 2:].tolist() == [END, PAD, PAD, PAD]
    assert (rows.split, rows.unknown) == (0, 0)
    batch = rows.batch(np.array([1, 0, 1]))
    assert batch["real"].dtype == batch["length"].dtype == batch["label"].dtype == torch.int64
    assert batch["real"].shape == (3, 6) and batch["length"].tolist() == [5, 3, 5]
    assert batch["label"].tolist() == [1, 0, 1]
    assert tokenizer.decode(batch["real"][0].tolist()) == "a b c d"
    with pytest.raises(UserError, match="at least 2"):
        encode(corpus, tokenizer, 1)


def test_long_texts_become_rows_that_lose_nothing(tmp_path: Path) -> None:
    corpus = open_texts(
        put(tmp_path / "a.txt", "a b c. d e f g h i j k l m n o p q\nz\nr s t u\nr s t u v\n")
    )
    tokenizer = train_tokenizer(corpus.texts, "word")
    rows = encode(corpus, tokenizer, 5)
    assert rows.text.tolist() == [0, 0, 0, 0, 1, 2, 3]
    assert rows.split == 1 and rows.length.tolist() == [5, 5, 5, 5, 2, 5, 5]
    pieces = [tokenizer.decode(row.tolist()) for row in rows.tokens]
    assert pieces[0] == "a b c." and " ".join(pieces[:4]) == corpus.texts[0]
    ended = [END in row for row in rows.tokens]
    assert ended == [True, False, False, True, True, True, False]


def test_unknown_tokens_are_counted(tmp_path: Path) -> None:
    corpus = open_texts(put(tmp_path / "a.txt", "a b\nc d"))
    rows = encode(corpus, train_tokenizer(["a c"], "word"), 4)
    assert rows.unknown == 2 and (rows.tokens == UNKNOWN).sum() == 2

"""Sets of pictures from folders, zips and array files: what is found and skipped, what the cache does."""

import gzip
import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from creative_gan.core import cache as cache_module
from creative_gan.core.errors import DataError, UserError
from creative_gan.image import build, builtin
from creative_gan.image.data import open_pictures

REAL = Path(os.environ.get("CREATIVE_GAN_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CREATIVE_GAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


def paint(path: Path, seed: int = 0, size: tuple[int, int] = (20, 20), mode: str = "RGB") -> Path:
    """A picture of coloured noise, of height and width `size`."""
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, *channels), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def zipped(folder: Path, path: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, prefix + file.relative_to(folder).as_posix())
    return path


def test_folder_without_classes(folder: Path) -> None:
    for number, name in enumerate(("b.png", "a.bmp", "deep/er/c.gif")):
        paint(folder / name, number)
    (folder / "README.txt").write_text("about")
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (folder / "._a.png").write_bytes(b"\0\5\x16\7")
    paint(folder / "__MACOSX" / "x.png")
    found = open_pictures(folder)
    assert found.names == ["a.bmp", "b.png", "deep/er/c.gif"]
    assert found.shape == (3, 20, 20) and len(found) == 3
    assert found.labels is None and found.classes == [] and found.texts is None and found.skipped == []
    assert found.source == str(folder)
    wanted = np.asarray(Image.open(folder / "b.png")).transpose(2, 0, 1)
    assert np.array_equal(found.pictures[1], wanted)


def test_kind_is_told_by_content(folder: Path) -> None:
    paint(folder / "a.png").rename(folder / "a.jpg")
    paint(folder / "b.png").rename(folder / "b")
    assert open_pictures(folder, strict=True).names == ["a.jpg", "b"]


def test_class_folders(folder: Path) -> None:
    for number, name in enumerate(("dog/1.png", "cat/1.png", "cat/more/2.png", "ant/1.png")):
        paint(folder / name, number)
    found = open_pictures(folder)
    assert found.classes == ["ant", "cat", "dog"]
    assert dict(zip(found.names, found.labels, strict=True)) == {
        "ant/1.png": 0,
        "cat/1.png": 1,
        "cat/more/2.png": 1,
        "dog/1.png": 2,
    }
    paint(folder / "stray.png")
    found = open_pictures(folder)
    assert found.classes == ["ant", "cat", "dog"] and len(found) == 4
    assert found.skipped == [("stray.png", "lies in no folder of a class, as most others do")]
    (folder / "metadata.csv").write_text(
        "file_name,text\nstray.png,none\n" + "".join(f"{name},of {name}\n" for name in found.names)
    )
    assert open_pictures(folder).texts == [f"of {name}" for name in found.names]
    (folder / "metadata.csv").unlink()
    for name in "abcd":
        paint(folder / f"{name}.png")
    assert open_pictures(folder).labels is None and len(open_pictures(folder)) == 9


def test_a_class_without_a_picture_is_none(folder: Path) -> None:
    for name in ("a/1.png", "c/1.png", "c/2.png"):
        paint(folder / name)
    (folder / "b").mkdir()
    (folder / "b" / "1.png").write_text("no picture")
    found = open_pictures(folder)
    assert found.classes == ["a", "c"] and found.labels is not None and found.labels.tolist() == [0, 1, 1]
    np.savez(folder.parent / "letters.npz", images=np.zeros((3, 16, 16), np.uint8), labels=[1, 2, 2])
    letters = open_pictures(folder.parent / "letters.npz")
    assert (
        letters.classes == ["1", "2"] and letters.labels is not None and letters.labels.tolist() == [0, 1, 1]
    )


def test_parts_of_a_set_are_no_classes(folder: Path) -> None:
    for part in ("train", "Test"):
        for name in ("cat/1.png", "dog/1.png"):
            paint(folder / part / name)
    assert open_pictures(folder).classes == ["cat", "dog"]
    paint(folder / "train" / "2.png")
    found = open_pictures(folder)
    assert found.classes == ["cat", "dog"] and [name for name, _ in found.skipped] == ["train/2.png"]


def test_masks_of_whole_numbers_are_not_nearly_black(folder: Path) -> None:
    np.savez(folder / "masks.npz", images=np.arange(2).repeat(128).reshape(1, 16, 16).repeat(2, 0))
    assert set(np.unique(open_pictures(folder / "masks.npz").pictures)) == {0, 255}


def test_metadata_csv(folder: Path) -> None:
    for name in ("a.png", "sub/b.png", "c.png"):
        paint(folder / name)
    table = '\ufefffile_name,text,label\nsub/b.png,"one, two",10\na.png,,9\ngone.png,x,9\n'
    (folder / "metadata.csv").write_text(table, encoding="utf-8")
    found = open_pictures(folder)
    assert found.names == ["a.png", "sub/b.png"]
    assert found.classes == ["9", "10"] and found.labels.tolist() == [0, 1]
    assert found.texts == ["", "one, two"]
    assert dict(found.skipped) == {
        "gone.png": "is named in metadata.csv, but is not there",
        "c.png": "is not named in metadata.csv",
    }


def test_metadata_jsonl(folder: Path) -> None:
    rows = [{"file_name": f"{n}.png", "text": f"número {n}", "label": n % 2} for n in range(4)]
    for row in rows:
        paint(folder / row["file_name"])
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    found = open_pictures(folder, strict=True)
    assert found.labels.tolist() == [0, 1, 0, 1] and found.texts[3] == "número 3"


def test_another_column_may_name_the_class(folder: Path) -> None:
    paint(folder / "a.png")
    paint(folder / "b.png")
    (folder / "metadata.csv").write_text("file_name,label,kind\na.png,dark,dog\nb.png,light,cat\n")
    assert open_pictures(folder).classes == ["dark", "light"]
    found = open_pictures(folder, label_column="kind")  # and not the other one out of the cache
    assert found.classes == ["cat", "dog"] and found.labels.tolist() == [1, 0]
    with pytest.raises(
        DataError, match=r"metadata.csv: has no column 'sort' \(columns: file_name, label, kind\)"
    ):
        open_pictures(folder, label_column="sort")
    (folder / "metadata.csv").unlink()
    np.savez(folder / "one.npz", images=np.zeros((2, 16, 16), np.uint8))
    for source in (folder, folder / "one.npz", "builtin:digits"):
        with pytest.raises(DataError, match="with a column 'kind'"):
            open_pictures(source, label_column="kind")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("metadata.csv", b"name,text\na.png,x\n", "no column file_name"),
        ("metadata.csv", b"file_name\na.png\na.png\n", "second time"),
        ("metadata.csv", b"file_name\nz.png\n", "names none"),
        ("metadata.csv", "file_name\ná.png\n".encode("latin-1"), "UTF-8"),
        ("metadata.jsonl", b'{"file_name": "a.png"}\n{oops}\n', "line 2 is not JSON"),
        ("metadata.jsonl", b"[1]\n", "not a JSON object"),
    ],
)
def test_wrong_metadata_is_explained(folder: Path, name: str, content: bytes, words: str) -> None:
    paint(folder / "a.png")
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=words):
        open_pictures(folder)


def test_zip_equals_its_folder_and_is_not_unpacked(folder: Path, tmp_path: Path) -> None:
    for number, name in enumerate(("cat/1.png", "dog/1.png", "dog/2.png")):
        paint(folder / name, number)
    wanted = open_pictures(folder)
    before = sorted(tmp_path.iterdir())
    for prefix in ("", "my pictures/", "outer/inner/"):
        path = zipped(folder, tmp_path / "set.zip", prefix)
        found = open_pictures(path)
        assert found.names == wanted.names and found.classes == wanted.classes
        assert found.fingerprint == wanted.fingerprint
    assert sorted(tmp_path.iterdir()) == sorted([*before, path])


def test_zip_with_hostile_members(folder: Path, tmp_path: Path) -> None:
    picture = paint(folder / "good.png").read_bytes()
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good.png", picture)
        archive.writestr("../evil.png", picture)
        archive.writestr("/abs.png", picture)
        archive.writestr("C:\\abs.png", picture)
        archive.writestr("bomb.png", bytes(40 << 20))
        archive.writestr("__MACOSX/._good.png", b"junk")
        archive.writestr("broken.png", picture[:100])
    found = open_pictures(path)
    assert found.names == ["good.png"]
    assert {name for name, _ in found.skipped} == {
        "../evil.png", "/abs.png", "C:\\abs.png", "bomb.png", "broken.png"
    }  # fmt: skip
    with pytest.raises(DataError):
        open_pictures(path, strict=True)


def test_damaged_zip(folder: Path, tmp_path: Path) -> None:
    paint(folder / "a.png", size=(64, 64))
    paint(folder / "b.png", 1, size=(64, 64))
    path = zipped(folder, tmp_path / "set.zip")
    content = bytearray(path.read_bytes())
    content[200:220] = bytes(20)
    path.write_bytes(content)
    found = open_pictures(path)
    assert found.names == ["b.png"] and "unpacked" in found.skipped[0][1]
    path.write_bytes(content[:3000])
    with pytest.raises(DataError, match="damaged zip"):
        open_pictures(path)


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


DIGITS = np.random.default_rng(1).integers(0, 256, (12, 28, 28), np.uint8)
NUMBERS = (np.arange(12) % 3).astype(np.uint8)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_folder_and_file(folder: Path, pack: Callable[[bytes], bytes]) -> None:
    # Neither names nor endings say whether a file is packed.
    (folder / "train-images-idx3-ubyte").write_bytes(pack(idx(DIGITS)))
    (folder / "train-labels-idx1-ubyte").write_bytes(pack(idx(NUMBERS)))
    (folder / "t10k-images-idx3-ubyte").write_bytes(pack(idx(DIGITS[:2])))
    for source in (folder, folder / "train-images-idx3-ubyte"):
        found = open_pictures(source)
        assert np.array_equal(found.pictures[:, 0], DIGITS)
        assert found.labels.tolist() == NUMBERS.tolist() and found.classes == ["0", "1", "2"]
    with pytest.raises(DataError, match="labels, not pictures"):
        open_pictures(folder / "train-labels-idx1-ubyte")
    (folder / "train-labels-idx1-ubyte").unlink()
    assert open_pictures(folder / "train-images-idx3-ubyte").labels is None


def test_wrong_idx_is_explained(folder: Path) -> None:
    images = folder / "images-idx3-ubyte"
    for content, words in [
        (idx(DIGITS)[:-9], "cut off"),
        (gzip.compress(idx(DIGITS))[:-99], "cannot be unpacked"),
        (b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 2**15, 2**15), "too large"),
        (gzip.compress(b"\0\0\x08\x03" + struct.pack(">3I", 9, 99, 99)), "cut off"),
    ]:
        images.write_bytes(content)
        with pytest.raises(DataError, match=words):
            open_pictures(images)
    images.write_bytes(idx(DIGITS))
    (folder / "labels-idx1-ubyte").write_bytes(idx(NUMBERS[:5]))
    with pytest.raises(DataError, match="12 pictures, but 5 labels"):
        open_pictures(images)


def test_cifar_batches(folder: Path) -> None:
    rng = np.random.default_rng(2)
    pixels, labels = rng.integers(0, 256, (6, 3, 32, 32), np.uint8), np.array([3, 1, 4, 1, 5, 9], np.uint8)
    records = np.concatenate([labels[:, None], pixels.reshape(6, -1)], axis=1)
    (folder / "data_batch_1.bin").write_bytes(records[:4].tobytes())
    (folder / "data_batch_2.bin").write_bytes(records[4:].tobytes())
    (folder / "test_batch.bin").write_bytes(records[:1].tobytes())
    found = open_pictures(folder)
    assert np.array_equal(found.pictures, pixels)
    assert [found.classes[label] for label in found.labels[:2]] == ["cat", "automobile"]
    assert len(open_pictures(folder / "data_batch_2.bin")) == 2


@pytest.mark.parametrize(
    ("arrays", "shape"),
    [
        ({"images": DIGITS}, (1, 28, 28)),
        ({"y": NUMBERS, "x": DIGITS / np.float32(255)}, (1, 28, 28)),
        ({"x_train": DIGITS / 127.5 - 1, "y_train": NUMBERS[:, None]}, (1, 28, 28)),
        ({"noise": np.zeros(3), "pixels": np.repeat(DIGITS[..., None], 3, 3)}, (1, 28, 28)),
        ({"images": DIGITS.astype(np.uint16) * 257}, (1, 28, 28)),
        ({"images": np.repeat(DIGITS[:, None], 3, 1)}, (1, 28, 28)),
    ],
)
def test_npz(tmp_path: Path, arrays: dict[str, np.ndarray], shape: tuple[int, int, int]) -> None:
    np.savez_compressed(tmp_path / "set.npz", **arrays)
    found = open_pictures(tmp_path / "set.npz")
    assert found.shape == shape and np.array_equal(found.pictures[:, 0], DIGITS)
    if "y" in arrays or "y_train" in arrays:
        assert found.labels.tolist() == NUMBERS.tolist()


def test_wrong_npz_is_explained_and_nothing_is_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    for arrays, words in [
        ({"images": np.array([{"a": 1}] * 3, object)}, "no array of pictures"),
        ({"x": DIGITS, "y": np.array([1, "b"] * 6, object)}, ""),
        ({"images": np.full((2, 16, 16), np.nan)}, "not finite"),
        ({"images": DIGITS * 9.0 - 500}, "values from"),
        ({"images": np.zeros((4, 5, 6, 7), np.uint8)}, "does not look like"),
        ({"images": DIGITS, "labels": NUMBERS[:3]}, "labels of shape"),
    ]:
        np.savez(path, **arrays)
        if words:
            with pytest.raises(DataError, match=words):
                open_pictures(path)
        else:
            assert open_pictures(path).labels is None
    huge = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        huge, {"descr": "|u1", "fortran_order": False, "shape": (10**6, 512, 512)}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", huge.getvalue())
    with pytest.raises(DataError, match="too large"):
        open_pictures(path)


def test_channels_are_chosen_from_the_data(folder: Path) -> None:
    for number in range(10):
        Image.effect_noise((20, 20), 50).convert("RGB").save(folder / f"{number}.png")
    assert open_pictures(folder).shape[0] == 1
    paint(folder / "colour.png")
    assert open_pictures(folder).shape[0] == 3
    paint(folder / "clear.png", mode="RGBA")
    assert open_pictures(folder).shape[0] == 4
    for channels, count in (("grey", 1), ("rgb", 3), ("rgba", 4)):
        assert open_pictures(folder, channels=channels).shape[0] == count
    Image.new("RGBA", (20, 20), (1, 200, 3, 255)).save(folder / "clear.png")
    assert open_pictures(folder).shape[0] == 3


def test_told_and_chosen_channels_give_the_same_pixels(folder: Path) -> None:
    paint(folder / "a.png", size=(30, 50))
    paint(folder / "b.png", 1, size=(50, 30))
    for fit in ("crop", "pad"):
        chosen, told = open_pictures(folder, 32, fit=fit), open_pictures(folder, 32, "rgb", fit)
        assert chosen.fingerprint == told.fingerprint and np.array_equal(chosen.pictures, told.pictures)


def test_size_is_kept_where_it_is_shared_and_usable(folder: Path) -> None:
    paint(folder / "a.png", size=(48, 40))
    assert open_pictures(folder).shape == (3, 48, 40)
    assert open_pictures(folder, 16).shape == (3, 16, 16)
    assert open_pictures(folder, (16, 24)).shape == (3, 16, 24)
    paint(folder / "b.png", size=(40, 48))
    assert open_pictures(folder).shape == (3, 64, 64)
    (folder / "b.png").unlink()
    paint(folder / "a.png", size=(15, 15))
    assert open_pictures(folder).shape == (3, 64, 64)


@pytest.mark.parametrize(
    "wrong", [{"size": 8}, {"size": (64, 300)}, {"channels": "cmyk"}, {"fit": "squash"}, {"limit": 0}]
)
def test_wrong_settings(folder: Path, wrong: dict) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        open_pictures(folder, **wrong)


def test_unreadable_files_are_skipped_and_listed(folder: Path) -> None:
    for number in range(3):
        paint(folder / f"{number}.png", number)
    (folder / "text.png").write_text("no picture")
    (folder / "empty.jpg").touch()
    paint(folder / "cut.bmp")
    (folder / "cut.bmp").write_bytes((folder / "cut.bmp").read_bytes()[:500])
    found = open_pictures(folder)
    assert found.names == ["0.png", "1.png", "2.png"]
    reasons = dict(found.skipped)
    assert set(reasons) == {"text.png", "empty.jpg", "cut.bmp"}
    assert (
        reasons["empty.jpg"] == "is empty" and "text" in reasons["text.png"] and "cut" in reasons["cut.bmp"]
    )
    assert open_pictures(folder).skipped == found.skipped  # also from the cache
    with pytest.raises(DataError, match=r"cut\.bmp"):
        open_pictures(folder, strict=True)


def test_labels_and_texts_stay_with_their_pictures_when_some_are_skipped(folder: Path) -> None:
    for number in range(5):
        paint(folder / f"{number}.png", number)
    rows = "".join(f"{number}.png,t{number},c{number % 2}\n" for number in range(5))
    (folder / "metadata.csv").write_text("file_name,text,label\n" + rows)
    (folder / "1.png").write_bytes(b"")
    found = open_pictures(folder)
    assert found.texts == ["t0", "t2", "t3", "t4"] and found.labels.tolist() == [0, 0, 1, 0]


def test_nothing_to_read_is_explained(folder: Path) -> None:
    with pytest.raises(DataError, match="is empty; a folder or zip"):
        open_pictures(folder)
    with pytest.raises(DataError, match="does not exist"):
        open_pictures(folder / "nowhere")
    (folder / "a.txt").write_text("words")
    with pytest.raises(DataError, match=r"found 1 files: 1 \.txt"):
        open_pictures(folder)
    with pytest.raises(DataError, match=r"a\.txt: is of a kind that is not known"):
        open_pictures(folder / "a.txt")
    (folder / "a.png").write_text("words")
    with pytest.raises(DataError, match=r"none of which can be read as a picture \(a\.png holds text"):
        open_pictures(folder)
    paint(folder / "b.png")
    with pytest.raises(DataError, match="one picture, not a set"):
        open_pictures(folder / "b.png")


def test_pipes_and_loops_do_not_hang(folder: Path) -> None:
    paint(folder / "a.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "loop").symlink_to(folder)
    (folder / "dangling.png").symlink_to(folder / "gone.png")
    assert open_pictures(folder).names == ["a.png"]


def decodes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts how often a set is built."""
    calls: list[int] = []
    real = build.find
    monkeypatch.setattr(build, "find", lambda *source: calls.append(1) or real(*source))
    return calls


def test_cache_is_used_until_the_source_changes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paint(folder / "a.png")
    calls = decodes(monkeypatch)
    first, again = open_pictures(folder), open_pictures(folder)
    assert len(calls) == 1 and first.fingerprint == again.fingerprint
    assert np.array_equal(first.pictures, again.pictures)
    assert isinstance(again.pictures.base.base, np.memmap) and not again.pictures.flags.writeable
    open_pictures(folder, 32)
    assert len(calls) == 2
    paint(folder / "a.png", 1)
    changed = open_pictures(folder)
    assert len(calls) == 3 and changed.fingerprint != first.fingerprint
    os.utime(folder / "a.png", ns=(1, 1))
    assert open_pictures(folder).fingerprint == changed.fingerprint and len(calls) == 4


@pytest.mark.parametrize("file", ["pixels", "facts.json"])
@pytest.mark.parametrize("damage", ["cut", "remove", "empty"])
def test_damaged_cache_is_built_again(folder: Path, cache: Path, file: str, damage: str) -> None:
    paint(folder / "a.png")
    wanted = open_pictures(folder)
    pixels = np.array(wanted.pictures)
    del wanted
    (path,) = cache.rglob(file)
    if damage == "remove":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-7] if damage == "cut" else b"")
    assert np.array_equal(open_pictures(folder).pictures, pixels)
    assert len(list(cache.rglob("pixels"))) == 1  # mended, and nothing is left lying about


def test_stale_temporary_folders_are_swept(folder: Path, cache: Path) -> None:
    paint(folder / "a.png")
    for name, age in (("old.tmp", 1), ("new.tmp", None)):
        (cache / "pictures" / name).mkdir(parents=True)
        (cache / "pictures" / name / "scratch").touch()
        if age:
            for path in (cache / "pictures" / name / "scratch", cache / "pictures" / name):
                os.utime(path, (age, age))
    open_pictures(folder)
    assert [path.name for path in (cache / "pictures").glob("*.tmp")] == ["new.tmp"]


def test_unwritable_cache_falls_back_to_memory(folder: Path, tmp_path: Path) -> None:
    paint(folder / "a.png")
    wanted = open_pictures(folder)
    (tmp_path / "file").touch()
    found = open_pictures(folder, cache=tmp_path / "file")
    assert found.fingerprint == wanted.fingerprint and np.array_equal(found.pictures, wanted.pictures)


def test_full_disk_falls_back_to_memory(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paint(folder / "a.png")

    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache_module.os, "replace", full)
    assert len(open_pictures(folder)) == 1
    assert list((cache / "pictures").iterdir()) == []


def test_cache_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_module.cache_folder("pictures") == tmp_path / "cache" / "pictures"
    monkeypatch.delenv("CREATIVE_GAN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_module.cache_folder("x") == tmp_path / "xdg" / "creative-gan" / "x"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_module.cache_folder("x") == tmp_path / ".cache" / "creative-gan" / "x"


def test_fingerprint_is_of_the_content(folder: Path, tmp_path: Path) -> None:
    paint(folder / "x" / "a.png")
    paint(folder / "y" / "b.png", 1)
    copy = tmp_path / "elsewhere"
    for name in ("x/a.png", "y/b.png"):
        (copy / name).parent.mkdir(parents=True)
        (copy / name).write_bytes((folder / name).read_bytes())
    first = open_pictures(folder)
    assert open_pictures(copy).fingerprint == first.fingerprint
    assert build.fingerprint_of(first.pictures, first.labels) == first.fingerprint
    (folder / "y").rename(folder / "a")
    assert open_pictures(folder).fingerprint != first.fingerprint


def test_batch(folder: Path) -> None:
    for number in range(4):
        paint(folder / "ab"[number % 2] / f"{number}.png", number)
    found = open_pictures(folder)
    batch = found.batch(np.array([3, 0, 0]), flip=torch.tensor([False, True, False]))
    assert batch["real"].shape == (3, 3, 20, 20) and batch["real"].dtype == torch.float32
    wanted = torch.from_numpy(found.pictures[3].astype(np.float32) / 127.5 - 1)
    assert torch.allclose(batch["real"][0], wanted, atol=1e-6)
    assert torch.equal(batch["real"][1], batch["real"][2].flip(-1))
    assert not torch.equal(batch["real"][1], batch["real"][2])
    assert batch["label"].tolist() == [1, 0, 0] and batch["label"].dtype == torch.int64


def test_split_is_stratified_and_repeatable(tmp_path: Path) -> None:
    labels = np.repeat([0, 1, 2], [60, 30, 1])
    pixels = np.random.default_rng(0).integers(0, 256, (91, 16, 16), np.uint8)
    np.savez(tmp_path / "set.npz", images=pixels, labels=labels)
    found = open_pictures(tmp_path / "set.npz")
    train, held = found.split(0.2)
    assert np.bincount(held.labels).tolist() == [12, 6] and len(train) == 91 - 18
    assert sorted(train.names + held.names) == sorted(found.names)
    assert found.split(0.2)[1].names == held.names != found.split(0.2, seed=1)[1].names
    assert len({found.fingerprint, train.fingerprint, held.fingerprint}) == 3
    everything, nothing = found.split(0)
    assert len(everything) == 91 and len(nothing) == 0 and nothing.shape == found.shape
    with pytest.raises(UserError, match="holdout"):
        found.split(1.0)
    few = found.subset([5, 2])
    assert few.names == ["set.npz#5", "set.npz#2"] and np.array_equal(few.pictures[1, 0], pixels[2])


def test_limit_is_spread_over_the_classes(folder: Path) -> None:
    for number in range(40):
        paint(folder / "ab"[number // 20] / f"{number:02}.png", number)
    found = open_pictures(folder, limit=10)
    assert len(found) == 10 and set(found.labels) == {0, 1}
    assert found.names == open_pictures(folder, limit=10).names == sorted(found.names)
    assert len(open_pictures(folder, limit=99)) == 40


def test_builtin_set(monkeypatch: pytest.MonkeyPatch) -> None:
    made = (DIGITS[:, None], NUMBERS.astype(np.int64), ["a", "b", "c"], [f"text {i}" for i in range(12)])
    monkeypatch.setattr(builtin, "pictures", lambda name, size: made)
    found = open_pictures("builtin:digits")
    assert np.array_equal(found.pictures, DIGITS[:, None]) and found.texts[3] == "text 3"
    assert found.labels.tolist() == NUMBERS.tolist() and found.names[1] == "digits#1"
    assert open_pictures("builtin:digits", channels="rgb").shape == (3, 28, 28)
    assert len(open_pictures("builtin:digits", limit=5)) == 5
    monkeypatch.setattr(builtin, "pictures", None)  # from the cache now
    assert open_pictures("builtin:digits").fingerprint == found.fingerprint
    monkeypatch.undo()
    with pytest.raises(UserError, match="digits"):
        open_pictures("builtin:nothing")


@pytest.mark.slow
def test_real_builtin_set() -> None:
    found = open_pictures("builtin:digits", 16)
    assert found.shape == (1, 16, 16) and len(found.classes) == 10 and len(found.texts) == len(found)


@pytest.mark.realdata
@pytest.mark.skipif(not (REAL / "mnist").is_dir(), reason="no real data")
def test_mnist() -> None:
    found = open_pictures(REAL / "mnist")
    assert found.pictures.shape == (8000, 1, 28, 28) and found.classes == list("0123456789")
    with gzip.open(REAL / "mnist" / "train-images-idx3-ubyte.gz") as file:
        assert np.array_equal(found.pictures.ravel(), np.frombuffer(file.read()[16:], np.uint8))


@pytest.mark.realdata
@pytest.mark.skipif(not (REAL / "emoji").is_dir(), reason="no real data")
def test_emoji() -> None:
    found = open_pictures(REAL / "emoji", strict=True)
    assert found.pictures.shape == (1706, 4, 64, 64) and len(found.classes) == 10 and not found.skipped
    row = found.names.index("1f600.png")
    assert found.texts[row] == "grinning face" and found.classes[found.labels[row]] == "Smileys & Emotion"
    straight = np.asarray(Image.open(REAL / "emoji" / "1f600.png").convert("RGBA"), np.float64)
    wanted = 127.5 + (straight[..., :3] - 127.5) * straight[..., 3:] / 255
    assert np.abs(found.pictures[row, :3].transpose(1, 2, 0) - wanted).max() <= 0.5 + 1e-9

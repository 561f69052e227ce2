import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from creative_gan.core.errors import DataError, UserError
from creative_gan.core.files import ensure_free, sweep, write_bytes, write_folder


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def fill(*files: str, content: str = "new"):
    def build(folder: Path) -> None:
        for file in files:
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(content)

    return build


def test_a_file_is_written_with_the_folders_above_it_and_nothing_else(tmp_path: Path):
    write_bytes(tmp_path / "a" / "b" / "grid.png", b"picture")
    assert (tmp_path / "a" / "b" / "grid.png").read_bytes() == b"picture"
    assert names(tmp_path / "a" / "b") == ["grid.png"]


def test_what_exists_is_overwritten_only_when_asked(tmp_path: Path):
    path = tmp_path / "grid.png"
    path.write_bytes(b"old")
    with pytest.raises(UserError, match=r"grid\.png exists already; name another file or add --overwrite"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    write_bytes(path, b"new", overwrite=True)
    assert path.read_bytes() == b"new" and names(tmp_path) == ["grid.png"]


def test_a_file_that_appears_in_the_meantime_is_not_overwritten(tmp_path: Path, monkeypatch):
    path = tmp_path / "grid.png"
    monkeypatch.setattr(os, "fsync", lambda _: path.write_bytes(b"somebody else's"))
    with pytest.raises(UserError, match="exists already"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"somebody else's"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_says_how_much_is_missing(tmp_path: Path, monkeypatch, step: str):
    path = tmp_path / "grid.png"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, full)
    with pytest.raises(
        DataError, match=r"grid\.png: no space left .* 2\.5 MB or more needed and [\d.]+ MB free"
    ):
        write_bytes(path, b"x" * 2_500_000, overwrite=True)
    assert path.read_bytes() == b"old" and names(tmp_path) == ["grid.png"]


def test_a_full_disk_while_a_folder_is_built(tmp_path: Path):
    def build(folder: Path) -> None:
        (folder / "weights").write_bytes(b"x" * 1_200_000)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DataError, match=r"model: no space left .* 1\.2 MB or more needed"):
        write_folder(tmp_path / "model", build)
    assert names(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_device_is_written_to_and_not_replaced():
    write_bytes("/dev/null", b"gone")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(DataError, match="/dev/full: no space left"):
        write_bytes("/dev/full", b"x")


def test_places_that_cannot_be_written_are_explained(tmp_path: Path, monkeypatch):
    (tmp_path / "note.txt").write_text("a file")
    with pytest.raises(DataError, match=r"note.txt.grid\.png: a file stands where a folder would have to be"):
        write_bytes(tmp_path / "note.txt" / "grid.png", b"x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="folder: a folder has that name; name another place"):
        write_bytes(tmp_path / "folder", b"x")
    with pytest.raises(DataError, match="the name is too long"):
        write_bytes(tmp_path / ("x" * 300), b"x")
    for number, reason in ((errno.EACCES, "no permission"), (errno.EROFS, "read-only"), (errno.EIO, "error")):
        monkeypatch.setattr(Path, "mkdir", lambda *_, number=number, **__: raises(number))
        with pytest.raises(DataError, match=reason):
            write_bytes(tmp_path / "grid.png", b"x")
    assert names(tmp_path) == ["folder", "note.txt"]


def raises(number: int) -> None:
    raise OSError(number, os.strerror(number))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_folder_without_permission(tmp_path: Path):
    tmp_path.chmod(0o500)
    with pytest.raises(DataError, match="no permission"):
        write_bytes(tmp_path / "grid.png", b"x")
    tmp_path.chmod(0o700)


def test_the_longest_name_that_the_disk_takes_is_taken(tmp_path: Path):
    write_bytes(tmp_path / ("x" * 255), b"x")
    assert (tmp_path / ("x" * 255)).read_bytes() == b"x"


def test_a_link_is_followed(tmp_path: Path):
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to("real.png")
    write_bytes(tmp_path / "link.png", b"new", overwrite=True)
    assert (tmp_path / "link.png").is_symlink() and (tmp_path / "real.png").read_bytes() == b"new"


def test_readers_never_see_half_a_file(tmp_path: Path):
    path = tmp_path / "grid.png"
    contents = [bytes([value]) * 300_000 for value in range(4)]
    write_bytes(path, contents[0])

    def write(content: bytes) -> None:
        for _ in range(10):
            write_bytes(path, content, overwrite=True)

    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert path.read_bytes() in contents
    assert names(tmp_path) == ["grid.png"]


def test_a_folder_appears_whole(tmp_path: Path):
    def build(folder: Path) -> None:
        fill("config.json", "sub/weights")(folder)
        assert not (tmp_path / "model").exists()

    write_folder(tmp_path / "model", build)
    assert names(tmp_path) == ["model"] and names(tmp_path / "model") == ["config.json", "sub"]


def test_a_folder_that_fails_leaves_the_old_one_and_nothing_else(tmp_path: Path):
    write_folder(tmp_path / "model", fill("config.json", content="old"))

    def build(folder: Path) -> None:
        fill("config.json")(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "model", build, overwrite=True)
    assert (tmp_path / "model" / "config.json").read_text() == "old" and names(tmp_path) == ["model"]


def test_a_folder_gives_way_only_when_asked_or_empty(tmp_path: Path):
    (tmp_path / "model").mkdir()
    write_folder(tmp_path / "model", fill("config.json", content="old"))
    with pytest.raises(UserError, match="model exists already; name another folder or add --overwrite"):
        write_folder(tmp_path / "model", fill("config.json"))
    write_folder(tmp_path / "model", fill("config.json", "weights"), overwrite=True)
    assert (tmp_path / "model" / "config.json").read_text() == "new"
    assert names(tmp_path) == ["model"] and names(tmp_path / "model") == ["config.json", "weights"]


def test_a_folder_with_files_of_the_users_is_never_replaced(tmp_path: Path):
    (tmp_path / "Pictures" / "2019").mkdir(parents=True)
    (tmp_path / "Pictures" / "2019" / "holiday.jpg").write_text("dear")
    with pytest.raises(UserError, match=r"Pictures holds 2019.holiday\.jpg too, which would be lost"):
        write_folder(tmp_path / "Pictures", fill("00000.png"), overwrite=True)
    assert names(tmp_path) == ["Pictures"] and names(tmp_path / "Pictures") == ["2019"]


def test_a_file_is_not_replaced_by_a_folder(tmp_path: Path):
    (tmp_path / "model").write_text("a file")
    with pytest.raises(DataError, match="a file stands where a folder would have to be"):
        write_folder(tmp_path / "model", fill("config.json"), overwrite=True)
    assert (tmp_path / "model").read_text() == "a file"


def test_a_name_can_be_refused_before_work_starts(tmp_path: Path):
    ensure_free(tmp_path / "new.png")
    ensure_free(tmp_path)
    (tmp_path / "old.png").write_text("old")
    for taken in (tmp_path / "old.png", tmp_path):
        ensure_free(taken, overwrite=True)
        with pytest.raises(UserError, match="exists already"):
            ensure_free(taken)


def test_sweeping_clears_what_the_dead_left_and_spares_the_living(tmp_path: Path):
    script = (
        "import os, signal, sys\n"
        "from creative_gan.core.files import write_folder\n"
        "def build(folder):\n"
        "    (folder / 'weights').write_bytes(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_folder(sys.argv[1], build)\n"
    )
    run = subprocess.run([sys.executable, "-c", script, str(tmp_path / "model")])
    assert run.returncode == -signal.SIGKILL
    (left,) = names(tmp_path)

    def build(folder: Path) -> None:
        fill("weights")(folder)
        assert sweep(tmp_path) == [tmp_path / left]
        assert folder.exists()

    write_folder(tmp_path / "model", build)
    assert names(tmp_path) == ["model"] and sweep(tmp_path) == []


def test_an_old_folder_that_was_set_aside_comes_back(tmp_path: Path):
    script = (
        "import os, signal, sys\n"
        "from creative_gan.core import files\n"
        "first = os.replace\n"
        "def replace(a, b):\n"
        "    first(a, b)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "files.os.replace = replace\n"
        "files.write_folder(sys.argv[1], lambda f: (f / 'weights').write_text('new'), overwrite=True)\n"
    )
    write_folder(tmp_path / "model", fill("weights", content="old"))
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "model")])
    assert not (tmp_path / "model").exists()
    assert len(sweep(tmp_path)) == 2
    assert names(tmp_path) == ["model"] and (tmp_path / "model" / "weights").read_text() == "old"

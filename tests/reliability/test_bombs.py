"""Bombs: each is refused within a second and little memory; archives write nothing outside; no pickle ever runs."""

import io
import json
import pickle
import random
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from creative_gan.core.errors import UserError
from tests.reliability import bombs
from tests.reliability.children import call, context
from tests.reliability.readers import (
    explode,
    read_model,
    read_pictures,
    read_recipe,
    read_songs,
    read_sounds,
    read_text_model,
    read_texts,
)

SECONDS, MEGABYTES = 1.0, 256
SLOW = {"a quarter of a million notes": 10.0}
"""What takes longer: parsing a MIDI file of the largest size that is read."""
HARMLESS = {"an AIFF of 2 billion frames"}
"""What may be read: the header lies, and only what is there is looked at."""


BOMBS = [
    *((name, make, read_pictures) for name, make in bombs.PICTURES.items()),
    *((name, make, read_sounds) for name, make in bombs.SOUNDS.items()),
    *((name, make, read_songs) for name, make in bombs.SONGS.items()),
    *((name, make, read_texts) for name, make in bombs.TEXTS.items()),
    *((name, make, read_recipe) for name, make in bombs.RECIPES.items()),
    *((name, make, read_model) for name, make in bombs.WEIGHTS.items()),
]


def test_every_bomb_is_refused_within_a_second(finished: Callable[[str], Path], tmp_path: Path, tally):
    cases = list(BOMBS)
    for name, change in bombs.CONFIGS.items():
        cases.append((name, change, read_text_model))
    slowest, most, faults = 0.0, 0.0, []
    for number, (name, make, read) in enumerate(cases):
        folder = tmp_path / str(number)
        if read is read_text_model:
            shutil.copytree(finished("text") / "model", folder)
            found = json.loads((folder / "config.json").read_text())
            make = bombs.file("config.json", json.dumps(make(found)).encode())
        elif read is read_model:
            shutil.copytree(finished("image") / "model", folder)
        else:
            folder.mkdir()
        report = tmp_path / "report"
        report.unlink(missing_ok=True)
        child = context.Process(target=explode, args=(make(folder), read, report))
        child.start()
        child.join(120)
        if not report.exists():
            child.kill()
            faults.append(f"{name}: ended with {child.exitcode}")
            continue
        said, seconds, memory = json.loads(report.read_text())
        slowest, most = max(slowest, seconds), max(most, memory)
        if name in HARMLESS and said == "read, not refused":
            said = ""
        if said or seconds > SLOW.get(name, SECONDS) or memory > MEGABYTES:
            faults.append(f"{name}: {said} {seconds:.2f} s {memory:.0f} MB")
        shutil.rmtree(folder)
    tally(
        f"{len(cases)} bombs, {len(faults)} faults; the slowest took {slowest:.2f} s, the most memory was {most:.0f} MB"
    )
    assert not faults, "\n".join(faults)


PARTS = (
    "..",
    "../..",
    "/tmp",
    "a",
    "b.png",
    "C:",
    "\\\\host\\share",
    "..\\..",
    ".",
    "",
    "con",
    "nul.png",
    "a\0b",
)
PARTS += (
    "~",
    "%2e%2e",
    "....//",
    "\u202egnp.exe",
    "é" * 100,
    " ",
    "/etc/passwd",
    "metadata.csv",
    "x.npy",
    "__MACOSX",
)


def hostile_archive(rng: random.Random) -> tuple[str, bytes]:
    """A zip or tar with names, links and kinds of members that would leave the folder or lie about themselves."""
    picture = bombs.png(16, 16, b"\0" * 16 * 3)
    names = [
        "/".join(rng.choices(PARTS, k=rng.randint(1, 5))) + rng.choice(("", ".png", "/x.png"))
        for _ in range(6)
    ]
    stream = io.BytesIO()
    if rng.random() < 0.2:
        with tarfile.open(fileobj=stream, mode=rng.choice(("w", "w:gz"))) as tar:
            for name in names:
                info = tarfile.TarInfo(name.replace("\0", "") or "x")
                info.type = rng.choice((tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE))
                info.linkname = rng.choice(("../../canary", "/tmp/canary", "a"))
                info.size = len(picture) if info.type == tarfile.REGTYPE else 0
                tar.addfile(info, io.BytesIO(picture) if info.size else None)
        return rng.choice(("a.tar", "a.zip", "a.npz")), stream.getvalue()
    with zipfile.ZipFile(stream, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name in names:
            info = zipfile.ZipInfo(name or "x")
            info.external_attr = rng.choice((0, 0o120777 << 16, 0o020666 << 16, 0o104755 << 16, 0x10))
            content = rng.choice((picture, b"../../canary", b"", rng.randbytes(50)))
            try:
                archive.writestr(info, content)
            except (ValueError, UnicodeError):
                continue
    data = bytearray(stream.getvalue())
    if rng.random() < 0.5:  # sizes, offsets and flags in the directory lie
        for mark in (b"PK\1\2", b"PK\3\4", b"PK\5\6"):
            if (at := data.rfind(mark)) >= 0:
                place = at + rng.randrange(4, 46)
                data[place : place + 4] = struct.pack(
                    "<I", rng.choice((0, 1, 0xFFFF, 0xFFFFFFFF, rng.getrandbits(32)))
                )[: len(data[place : place + 4])]
    return rng.choice(("a.zip", "a.npz", "a.png")), bytes(data)


def test_hostile_archives_write_nothing_outside_their_folder(tmp_path: Path, many, tally):
    outside = tmp_path / "outside"
    inside = outside / "deep" / "in"
    inside.mkdir(parents=True)
    scratch, wanted, read = tmp_path / "scratch", many(60, 2000), 0
    rng = random.Random(5)
    for _ in range(wanted):
        name, data = hostile_archive(rng)
        (inside / name).write_bytes(data)
        for open_it in (read_pictures, read_songs):
            try:
                open_it(inside / name, scratch)
                read += 1
            except UserError:
                pass
        (inside / name).unlink()
        assert [path.name for path in sorted(outside.rglob("*"))] == ["deep", "in"], name
        assert sorted(path.name for path in tmp_path.iterdir()) in (["outside"], ["outside", "scratch"])
        assert not Path("/tmp/canary").exists()
        if scratch.exists():
            written = {path.name for path in scratch.rglob("*") if path.is_file()}
            assert written <= {"pixels", "facts.json", "tokens.npz", "songs.json"}, written
            shutil.rmtree(scratch)
    tally(f"{wanted} archives, {read} of them read in part, nothing written outside")


class Canary:
    """A pickle that would leave a file behind if anybody opened it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.path,))


def hostile_models(canary: Path) -> list[tuple[str, bytes]]:
    """Files under the names that a model, a run or a data set has, each with code in it."""
    plain = [pickle.dumps(Canary(canary), protocol=p) for p in range(6)]
    torch_zip = bombs.zipped(
        {"archive/data.pkl": plain[2], "archive/version": b"3\n", "archive/data/0": b"\0" * 4}
    )
    npy = (
        b"\x93NUMPY\1\0\x76\0"
        + b"{'descr': '|O', 'fortran_order': False, 'shape': (), }".ljust(117)
        + b"\n"
        + plain[2]
    )
    gz = __import__("gzip").compress(plain[2])
    header = struct.pack("<Q", len(plain[2])) + plain[2]
    shell = b'__import__("pathlib").Path("' + str(canary).encode() + b'").touch()'
    template = json.dumps({"auto_map": {"AutoModel": "evil.Evil"}, "trust_remote_code": True}).encode()
    made = [("model.safetensors", data) for data in (*plain, torch_zip, npy, gz, header, shell)]
    made += [(name, plain[4]) for name in ("config.json", "tokenizer.json", "preview.png", "README.md")]
    made += [(name, torch_zip) for name in ("config.json", "tokenizer.json")]
    endings = ("pt", "pth", "ckpt", "pkl", "bin", "SafeTensors", "npz", "npy", "joblib", "h5")
    made += [(f"alone/evil.{ending}", plain[2]) for ending in endings]
    made += [("config.json", template), ("config.json", shell), ("tokenizer.json", shell)]
    return made


SAMPLED = {
    "image": ("image", "sample", ".png"),
    "text": ("text", "generate", ".txt"),
    "wave": ("music", "sample", ".wav"),
    "midi": ("music", "sample", ".mid"),
}
"""How a model of each run is used: group, command and the ending of what it makes."""


def test_no_code_of_a_hostile_model_runs(finished: Callable[[str], Path], tmp_path: Path, tally):
    canary, log = tmp_path / "canary", tmp_path / "log"
    pickle.loads(pickle.dumps(Canary(canary)))
    assert canary.exists(), "the canary is no canary"
    canary.unlink()
    tried = refused = 0
    for number, (name, data) in enumerate(hostile_models(canary)):
        for modality, (group, verb, ending) in SAMPLED.items():
            folder = tmp_path / f"{number}{modality}"
            shutil.copytree(finished(modality) / "model", folder)
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(data)
            if modality == "text" and name == "preview.png":
                continue
            model = folder / name if name.startswith("alone") else folder
            out = tmp_path / f"{number}{ending}"
            code = call((group, verb, "--model", str(model), "--out", str(out)), log)
            said = log.read_text()
            harmless = name in ("preview.png", "README.md") or (
                modality != "text" and name == "tokenizer.json"
            )
            assert (code == 0) if harmless else (code == 1 and said.count("\n") == 1), (name, data[:40], said)
            assert "fault of creative-gan" not in said, (name, said)
            assert not canary.exists(), name
            refused += code == 1
        tried += 1
        for kind, command in (("image", "check"), ("text", "check")):  # and as data
            place = tmp_path / f"data{number}" / Path(name).name
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(data)
            call((kind, command, str(place)), log)
            assert not canary.exists() and "fault of creative-gan" not in log.read_text(), (
                name,
                log.read_text(),
            )
    tally(f"{tried} hostile files, in models of four kinds and as data: {refused} refused, no code ran")

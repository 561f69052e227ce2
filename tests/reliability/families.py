"""What strangers' files are: small real ones of every kind, made on the spot, and how each kind is used."""

import gzip
import io
import json
import shutil
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from creative_gan.core import provenance
from creative_gan.core.errors import UserError

Files = dict[str, bytes]
MODELLED = {"image": "image", "text": "text", "wave": "music/wave", "midi": "music/midi"}
"""The runs whose models are damaged, and their kinds."""


@dataclass(frozen=True)
class Family:
    """A kind of file."""

    seeds: Callable[[Path], Files]
    """Small files by name; the folder is that of a finished run for each modality."""
    use: Callable[[Path, Path], None]
    """Reads one, given its path and a folder for caches; raises UserError where it cannot."""


def pictures(runs: Path) -> Files:
    rng = np.random.default_rng(0)
    colours = Image.fromarray(rng.integers(0, 255, (24, 20, 3), np.uint8).repeat(2, 0).repeat(2, 1))
    modes = {"rgb": colours, "grey": colours.convert("L"), "rgba": colours.convert("RGBA")}
    modes |= {"palette": colours.convert("P"), "bits": colours.convert("1"), "wide": colours.convert("I;16")}
    files: Files = {}
    kinds = {"rgb": "PNG JPEG WEBP GIF BMP TIFF", "grey": "PNG JPEG TIFF", "rgba": "PNG WEBP TIFF"}
    kinds |= {"palette": "PNG GIF BMP", "bits": "PNG TIFF", "wide": "PNG TIFF"}
    for mode, names in kinds.items():
        for kind in names.split():
            files[f"{mode}.{kind.lower()}"] = _saved(modes[mode], kind)
    exif = Image.Exif()
    exif[0x0112] = 6
    files["turned.jpg"] = _saved(colours, "JPEG", exif=exif)
    files["progressive.jpg"] = _saved(colours, "JPEG", progressive=True)
    files["lzw.tif"] = _saved(colours, "TIFF", compression="tiff_lzw")
    files["moving.gif"] = _saved(colours, "GIF", save_all=True, append_images=[colours.rotate(90)] * 3)
    files["moving.webp"] = _saved(colours, "WEBP", save_all=True, append_images=[colours.rotate(180)])
    images = rng.integers(0, 255, (4, 16, 16), np.uint8)
    body = struct.pack(">4I", 0x803, 4, 16, 16) + images.tobytes()
    files["train-images-idx3-ubyte"] = body
    files["train-images-idx3-ubyte.gz"] = gzip.compress(body)
    for name, save in (("plain.npz", np.savez), ("packed.npz", np.savez_compressed)):
        stream = io.BytesIO()
        save(stream, images=images, labels=np.arange(4))
        files[name] = stream.getvalue()
    files["cifar.bin"] = b"".join(bytes([i]) + rng.bytes(3072) for i in range(4))
    files["set.zip"] = zipped({f"{c}/{i}.png": files["rgb.png"] for c in "ab" for i in range(2)})
    table = b"file_name,label,text\na/0.png,x,one\na/1.png,y,two\n"
    files["table.zip"] = zipped({f"a/{i}.png": files["grey.png"] for i in range(2)} | {"metadata.csv": table})
    made = sorted((runs / "image").rglob("*.png"))
    return files | {"made.png": made[0].read_bytes()}


def sounds(runs: Path) -> Files:
    import soundfile

    wave = 0.5 * np.sin(np.arange(2400) / 9) * np.hanning(2400)
    files: Files = {}
    kinds = [("WAV", k) for k in ("PCM_16", "PCM_24", "FLOAT", "ULAW", "IMA_ADPCM")]
    kinds += [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("AIFF", "PCM_16"), ("AU", "PCM_16")]
    kinds += [("CAF", "PCM_16"), ("W64", "PCM_16"), ("MP3", "MPEG_LAYER_III"), ("RF64", "PCM_16")]
    for kind, coding in kinds:
        stream = io.BytesIO()
        rate = 24000 if coding in ("OPUS", "MPEG_LAYER_III") else 8000
        soundfile.write(stream, np.stack([wave, wave], 1), rate, format=kind, subtype=coding)
        ending = {"RF64": "wav", "AIFF": "aif"}.get(kind, kind.lower())
        files[f"{kind} {coding}.{ending}"] = stream.getvalue()
    plain = files["WAV PCM_16.wav"]
    record = provenance.origin("music sample", {"seed": 1}, {"name": "x"})
    return files | {"made.wav": provenance.wav_bytes_with_origin(plain, record)}


def midi(runs: Path) -> Files:
    import pretty_midi

    files: Files = {}
    for name, programs, drums in (("one", [0], False), ("band", [0, 33, 48], True)):
        song = pretty_midi.PrettyMIDI(initial_tempo=100)
        song.time_signature_changes.append(pretty_midi.TimeSignature(3, 4, 0))
        song.key_signature_changes.append(pretty_midi.KeySignature(5, 0))
        for program in programs + ([0] if drums else []):
            part = pretty_midi.Instrument(program, is_drum=drums and program == 0)
            pitches = range(40, 64)
            part.notes = [pretty_midi.Note(80, p, i * 0.3, i * 0.3 + 0.25) for i, p in enumerate(pitches)]
            song.instruments.append(part)
        stream = io.BytesIO()
        song.write(stream)
        files[f"{name}.mid"] = stream.getvalue()
    roll = [[60 + i % 5, 55, -1, 40] for i in range(64)]
    files["roll.json"] = json.dumps({"train": [roll, roll], "valid": [roll]}).encode()
    stream = io.BytesIO()
    np.savez_compressed(stream, **{"train/0": np.array(roll), "valid/0": np.array(roll)})
    return files | {"roll.npz": stream.getvalue()}


def texts(runs: Path) -> Files:
    lines = [
        "The cat sat on the mat.",
        "A dog, an old one, barks!",
        "春眠不覺曉，處處聞啼鳥。",
        "naïve café — ω",
    ] * 6
    rows = [{"text": line, "label": "abc"[i % 3]} for i, line in enumerate(lines)]
    table = "text,label\n" + "".join(f'"{line}",{i % 2}\n' for i, line in enumerate(lines))
    return {
        "lines.txt": "\n".join(lines).encode(),
        "paragraphs.txt": "\n\n".join(f"{a}\n{a}" for a in lines).encode("utf-8-sig"),
        "rows.jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode(),
        "table.csv": table.encode(),
        "table.tsv": table.replace(",", "\t").encode(),
    }


def recipes(runs: Path) -> Files:
    from creative_gan.cli.recipes import folder

    return {
        path.relative_to(folder()).as_posix().replace("/", "-"): path.read_bytes()
        for path in folder().glob("*/*.toml")
    }


def models(runs: Path) -> Files:
    """Each file of a model, and of a checkpoint."""
    files: Files = {}
    for modality in MODELLED:
        for path in sorted((runs / modality / "model").iterdir()):
            if path.suffix in (".json", ".safetensors"):
                files[f"{modality} model {path.name}"] = path.read_bytes()
        newest = sorted((runs / modality / "checkpoint").iterdir())[-1]
        for path in sorted(newest.iterdir()):
            files[f"{modality} checkpoint {path.name}"] = path.read_bytes()
    return files


def use_pictures(path: Path, scratch: Path) -> None:
    from creative_gan.image.data import open_pictures

    provenance.read(path)
    alone = path.name.endswith((".zip", ".npz", ".bin", "ubyte", ".gz"))
    open_pictures(path if alone else path.parent, 16, cache=scratch)


def use_sounds(path: Path, scratch: Path) -> None:
    from creative_gan.music.wave.check import check
    from creative_gan.music.wave.data import open_sounds

    provenance.read(path)
    try:
        check(path)
    except UserError:
        pass
    open_sounds(path, 16000, 1024, cache=scratch)


def use_midi(path: Path, scratch: Path) -> None:
    from creative_gan.music.midi.data import load_pieces

    provenance.read(path)
    load_pieces(path, cache=scratch).batch([0])


def use_texts(path: Path, scratch: Path) -> None:
    from creative_gan.text.data import encode, open_texts
    from creative_gan.text.tokens import train_tokenizer

    found = open_texts(path)
    encode(found, train_tokenizer(found.texts), 32)


def use_recipes(path: Path, scratch: Path) -> None:
    import tomllib

    from creative_gan import api
    from creative_gan.core.recipe import load, parse, to_toml

    kind = api.recipe_class(api.kind_of_recipe(path))
    made = load(kind, path)
    assert parse(kind, tomllib.loads(to_toml(made))) == made


def use_models(path: Path, scratch: Path) -> None:
    """Puts the file into a model or a checkpoint that is whole otherwise, and uses that."""
    import warnings

    from creative_gan import api
    from creative_gan.core import checkpoint

    modality, kind, name = path.name.split(" ")
    place = scratch / modality / kind
    before = (place / name).read_bytes()
    try:
        shutil.copyfile(path, place / name)
        if kind == "checkpoint":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                checkpoint.load_newest(place.parent / "checkpoints")
        else:
            model = api.module(MODELLED[modality], "model").load(place)
            if modality != "midi":  # a song takes longer than a file may
                model.sample(1)
    finally:
        (place / name).write_bytes(before)


def lay_out(runs: Path, scratch: Path) -> None:
    """What `use_models` needs in its scratch folder."""
    for modality in MODELLED:
        shutil.copytree(runs / modality / "model", scratch / modality / "model")
        newest = sorted((runs / modality / "checkpoint").iterdir())[-1]
        shutil.copytree(newest, scratch / modality / "checkpoints" / newest.name)
        (scratch / modality / "checkpoint").symlink_to(scratch / modality / "checkpoints" / newest.name)


def zipped(files: Files, **options: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", **options) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


FAMILIES = {
    "pictures": Family(pictures, use_pictures),
    "sounds": Family(sounds, use_sounds),
    "midi": Family(midi, use_midi),
    "texts": Family(texts, use_texts),
    "recipes": Family(recipes, use_recipes),
    "models": Family(models, use_models),
}

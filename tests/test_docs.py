"""Every command in README and docs runs, every example in a help text runs, and what is named exists."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(text: str) -> list[str]:
    """The `creative-gan` lines of fenced console blocks."""
    blocks = re.findall(r"```(?:console|sh)\n(.*?)```", text, re.DOTALL)
    lines = [
        line.removeprefix("$ ").split("  #")[0].strip() for block in blocks for line in block.splitlines()
    ]
    return [line for line in lines if line.startswith("creative-gan ")]


def python(text: str) -> str:
    """The ```python blocks of a page as one program, with its trainings cut to a few steps."""
    program = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    return re.sub(r"minutes=[\d.]+", "samples=32", program)


def examples() -> list[str]:
    """The example lines of all help texts."""
    from creative_gan.cli import cli

    found = []

    def walk(command) -> None:
        help_ = command.help or ""
        found.extend(
            re.split(r"\s{3,}", line.strip())[0] for line in help_.splitlines() if "creative-gan " in line
        )
        for inner in getattr(command, "commands", {}).values():
            walk(inner)

    walk(cli)
    return sorted(set(found))


def short(line: str) -> list[str]:
    """The arguments of a command line, with trainings cut to a few steps."""
    words = shlex.split(line)[1:]
    if words[1:2] == ["train"]:
        for option in ("--minutes", "--samples"):
            if option in words:
                at = words.index(option)
                del words[at : at + 2]
        quick = ["game.batch=8", "watch.report=false", "watch.looks=1"]
        if "--from" not in words:  # which says how large the networks are
            quick.append(f"network.width={16 if words[0] == 'music' else 8}")
            quick += ["data.size=16"] if words[0] == "image" else []
        words += [word for setting in quick for word in ("--set", setting)]
        words += ["--samples", "16"]
    if words[1:2] == ["evaluate"] and "-n" not in words:
        words += ["-n", "20" if "--verdict" in words else "100"]
    return words


ELSEWHERE = {"creative-gan demo"}
"""Run by tests/test_demo.py, which looks at what it makes."""
LINES = sorted(
    ({line for page in PAGES for line in commands(page.read_text("utf-8"))} | set(examples())) - ELSEWHERE
)


@pytest.fixture(scope="module")
def furnished(
    tmp_path_factory: pytest.TempPathFactory, trained: Path, written: Path, sounding: Path, composed: Path
) -> Path:
    """A folder in which everything that the examples name is there."""
    place = tmp_path_factory.mktemp("place")
    for name in ("photos", "photos/sea", "photos/city"):
        (place / name).mkdir()
    for i in range(24):
        noise = Image.effect_noise((40, 32), 20 + i).convert("RGB")
        noise.save(place / "photos" / ("sea" if i % 2 else "city") / f"{i}.png")
    shutil.copytree(place / "photos/sea", place / "paintings")
    table = [f"{2 * i + 1}.png,{('Turner', 'Monet')[i % 2]}" for i in range(12)]
    (place / "paintings/metadata.csv").write_text("\n".join(["file_name,painter", *table]))
    # other tests have the same runs, and reports and verdicts are written into them
    named = {
        "photos": trained,
        "poems": written,
        "likelihood": written,
        "sounds": sounding,
        "songs": composed,
    }
    for name, run in named.items():
        shutil.copytree(run, place / "runs" / name)
    _record(place)
    (place / "poems.txt").write_text("\n".join(f"{i} birds sing in the morning" for i in range(40)))
    from creative_gan.cli.recipes import folder

    (place / "mine.toml").write_text((folder() / "image/few.toml").read_text())
    from creative_gan.image import export
    from creative_gan.image.model import load

    model = load(trained)
    from creative_gan.text.export import write_texts
    from creative_gan.text.model import Manner
    from creative_gan.text.model import load as load_text

    writer = load_text(written)
    write_texts(writer.sample(3), place / "new.txt", writer.origin(3, Manner()))
    for name in ("picture.png", "grid.png"):
        export.write_pictures(model.pictures(1), place / name, model.origins(1, 0, None, None))
    return place


@pytest.fixture
def place(
    furnished: Path, tmp_path: Path, shelf: Path, quick_judges: None, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """That folder, for one test alone."""
    shutil.copytree(furnished, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _record(place: Path) -> None:
    """Sounds and songs as files: folders of them, and one each."""
    (place / "sounds").mkdir()
    rng = np.random.default_rng(0)
    for i in range(12):
        wave = rng.uniform(-0.9, 0.9, 4000) * np.exp(-np.arange(4000) / (300 + 40 * i))
        soundfile.write(place / "sounds" / f"{'ab'[i % 2]}_{i}_0.wav", wave, 8000)
    soundfile.write(place / "sound.wav", wave, 8000)
    from creative_gan.music.midi.builtin import tunes
    from creative_gan.music.midi.export import to_bytes

    (place / "songs").mkdir()
    for i, (_, tune) in enumerate(tunes(12)):
        (place / "songs" / f"{i}.mid").write_bytes(to_bytes(tune))
    from creative_gan.music.midi.again import origin
    from creative_gan.music.midi.model import Manner, load
    from creative_gan.music.songs import write_song

    model, manner = load(place / "runs/songs"), Manner(bars=2)
    write_song(model.write(range(1), manner)[0], place / "song.mid", origin(model, 0, manner))


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_what_a_training_leaves_lies_where_the_next_command_looks(page: str, place: Path):
    from creative_gan import api

    lines = [shlex.split(line) for line in commands((ROOT / page).read_text("utf-8"))]
    trained = 0
    for at, words in enumerate(lines):
        if words[2] != "train" or "--out" in words:
            continue
        kind = next(kind for kind in api.PACKAGES if kind.startswith(words[1]) and _is_of(kind, words[3]))
        folder = api.prepare(kind, words[3], None, device="cpu").folder
        following = next(line for line in lines[at + 1 :] if line[1] == words[1] and "--model" in line)
        assert Path(following[following.index("--model") + 1]) == folder, following
        trained += 1
    assert trained >= 4


def _is_of(kind: str, data: str) -> bool:
    return kind == {"sounds/": "music/wave", "songs/": "music/midi"}.get(data, kind)


def test_every_help_text_has_an_example():
    from creative_gan.cli import cli

    def walk(command, name: str) -> None:
        assert "\b\n" in (command.help or "") and "creative-gan " in command.help, name
        for inner in getattr(command, "commands", {}).items():
            walk(inner[1], f"{name} {inner[0]}")

    walk(cli, "creative-gan")


@pytest.mark.parametrize("line", LINES)
def test_command_runs(line: str, place: Path, run):
    words = short(line)
    if "--out" in words:  # the examples do not see each other's files
        out = place / words[words.index("--out") + 1]
        if out.is_file():
            out.unlink()
            out.with_name(out.name + ".json").unlink(missing_ok=True)
        elif words[1] == "train":
            shutil.rmtree(out, ignore_errors=True)
    elif words[1:2] == ["train"]:  # nor what lies where it will go
        shutil.rmtree(place / "runs" / Path(words[2]).stem, ignore_errors=True)
    if words[:2] == ["recipes", "copy"]:
        (place / words[3]).unlink(missing_ok=True)
    code, _, err = run(*words)
    assert code == 0, err


@pytest.mark.parametrize(
    "page", [page for page in PAGES if python(page.read_text("utf-8"))], ids=lambda p: p.name
)
def test_python_of_a_page_runs(page: Path, place: Path, capsys: pytest.CaptureFixture[str]):
    names: dict = {}
    exec(compile(python(page.read_text("utf-8")), page.name, "exec"), names)
    if page.name == "python.md":
        assert len(names["pictures"]) == 16 and Image.open("first.png").size == names["pictures"][0].size
        assert names["folder"] == Path("runs/digits/model") and (names["folder"] / "config.json").is_file()
        assert "there is no model 'emojy'" in capsys.readouterr().out
    elif page.name == "adding.md":
        import torch

        assert names["mine_critic"](torch.zeros(3), torch.zeros(3)).shape == (3,)
    else:
        assert names["model"].classes


def test_pages_name_only_files_that_exist():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_papers_index_names_what_there_is():
    import importlib

    rows = re.findall(r"`(creative_gan[\w.]*):(\w+)`", (ROOT / "docs/papers.md").read_text("utf-8"))
    assert len(rows) > 10
    for module, name in rows:
        assert hasattr(importlib.import_module(module), name), f"{module}:{name}"


def test_papers_index_has_every_paper_that_the_package_cites():
    index = (ROOT / "docs/papers.md").read_text("utf-8")
    cited = {
        (paper, path.relative_to(ROOT).as_posix())
        for path in (ROOT / "creative_gan").rglob("*.py")
        for paper in re.findall(r"arxiv(?::|\.org/abs/)\s*(\d{4}\.\d{4,5})", path.read_text("utf-8"), re.I)
    }
    assert len({paper for paper, _ in cited}) > 40
    missing = sorted((paper, path) for paper, path in cited if f"[{paper}](" not in index)
    assert not missing, missing


def test_architecture_tree_is_that_of_the_disk():
    tree = (ROOT / "ARCHITECTURE.md").read_text("utf-8").split("```")[1].splitlines()
    folders, named = [ROOT / "creative_gan"], []
    for line in tree:
        if begun := re.match(r"  ((?:[\w/]+/ +)+)", line):
            folders = [ROOT / "creative_gan" / name for name in begun[1].split()]
        elif line and not line.startswith(" "):
            folders = [ROOT / line.split()[0]] if line.split()[0].endswith("/") else []
        for name in re.findall(r"[\w/]+\.py", line):
            assert any((folder / name).exists() for folder in [*folders, ROOT / "creative_gan", ROOT]), line
            named.append(name)
    core = {path.name for path in (ROOT / "creative_gan/core").glob("*.py")} - {"__init__.py"}
    assert core <= set(named), core - set(named)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "seed", "names"),
    [
        ("README.md", 0, ("captions", "tang")),
        ("README.zh-CN.md", 0, ("captions", "tang")),
        ("docs/text.md", 1, ("captions", "tang", "verses")),
    ],
)
def test_texts_that_are_shown_are_those_of_the_shipped_models(page: str, seed: int, names: tuple[str, ...]):
    import creative_gan

    shown = (ROOT / page).read_text("utf-8")
    for name in names:
        texts = creative_gan.load(name).sample(3, seed=seed)
        # another processor rounds otherwise, which may change one of them
        assert sum(text in shown for text in texts) >= 2, (name, texts)

"""What a person sees while a training runs."""

import pytest

from creative_gan.cli import terminal


def test_lines_name_speed_and_time_left(capsys: pytest.CaptureFixture[str]):
    report, close = terminal.progress(False, "pictures")
    report({"say": "on a cpu", "total": 1000})
    for seen, seconds in ((100, 0.0), (300, 20.0), (350, 21.0), (1000, 90.0)):
        report({"seen": seen, "phase": "game", "critic_loss": 0.5, "generator_loss": 0.7, "seconds": seconds})
    report({"seen": 1000, "warning": "look out"})
    close()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "on a cpu" and lines[-1] == "Warning: look out"
    assert lines[1] == " 10% 100/1,000  critic 0.500  generator 0.700"
    assert lines[2] == " 30% 300/1,000  10 pictures/s  1:10 left  critic 0.500  generator 0.700"
    assert len(lines) == 5  # the row a second later is not shown, the last one is


def test_quiet_and_other_ranks_say_nothing(capsys, monkeypatch):
    terminal.progress(True, "pictures")[0]({"say": "x"})
    monkeypatch.setenv("RANK", "1")
    terminal.progress(False, "pictures")[0]({"say": "x"})
    assert capsys.readouterr().err == ""


def test_a_live_bar_draws_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    report, close = terminal.progress(False, "pictures")
    report({"say": "on a cpu", "total": 100})
    for seen in (50, 100):
        report({"seen": seen, "phase": "game", "critic_loss": 0.5, "seconds": float(seen)})
    close()
    err = capsys.readouterr().err
    assert "on a cpu" in err and "100%" in err


def test_the_command_that_goes_on():
    argv = ["/usr/bin/creative-gan", "image", "train", "my photos", "--new"]
    assert terminal.resume_command(argv) == "creative-gan image train 'my photos'"
    argv[0] = "/usr/lib/python3/site-packages/creative_gan/__main__.py"
    assert terminal.resume_command(argv) == "python -m creative_gan image train 'my photos'"


@pytest.mark.parametrize("group", ["image", "music", "text"])
def test_two_budgets_are_a_wrong_command_line_everywhere(run, group: str):
    code, _, err = run(group, "train", "no-such-data", "--samples", 3, "--minutes", 2)
    assert code == 2 and "--samples or --minutes" in err


@pytest.mark.parametrize("group", ["image", "music", "text"])
def test_an_empty_name_is_not_the_folder_that_one_is_in(run, group: str, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in (("train", "--samples", 8), ("check",)):
        code, _, err = run(group, command[0], "", *command[1:])
        assert code == 2 and "DATA is empty" in err and not list(tmp_path.iterdir())

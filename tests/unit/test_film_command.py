"""focusctl timelapse film, sheet and report, of a folder, with no daemon anywhere."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import av
import pytest
from film_series import Drawn, merge, series

from focusd.cli import main
from focusd.client import Daemon
from focusd.film_cli import answers_to, own_notes
from stack.film import command, encoder, filming, measuring
from stack.merge.memory import free_now
from stack.sessions import Sessions

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    """Nobody listens, and whoever steps back here does not step back for the tests to come."""
    monkeypatch.setenv("FOCUSRAIL_SOCKET", str(tmp_path / "nobody"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(command, "_step_back", lambda: None)


@pytest.fixture
def moss(tmp_path):
    slots = [Drawn(right_px=2 * i, light=1 + 0.04 * (-1) ** i) for i in range(5)]
    return series(tmp_path, [*slots, Drawn(end="failed", reason="the lamp broke")])


def run(capsys, *words):
    code = main(["timelapse", *map(str, words)])
    seen = capsys.readouterr()
    return code, seen.out, seen.err


def test_a_film_is_made_from_a_folder_alone(moss, capsys):
    code, out, err = run(capsys, "film", moss.folder, "--fps", "10", "--size", "128x96")
    assert code == 0, err
    assert out.splitlines()[0].startswith(
        f"{moss.folder / 'film.mp4'}: 5 frames, 0.5 s at 10 a second, 128x96"
    )
    assert "drift taken out: up to 8.0 px" in out
    assert "slots without a picture: 1" in out
    assert "measured 5 of 5" in err
    assert "filmed 5 of 5" in err
    with av.open(str(moss.folder / "film.mp4")) as container:
        frames = list(container.decode(video=0))
        assert container.streams.video[0].average_rate == 10
    assert len(frames) == 5


def test_a_film_of_a_growing_series_has_the_new_stacks_too(tmp_path, capsys):
    made = series(tmp_path, [Drawn(), Drawn(right_px=1), Drawn(merged=False)])
    assert "2 frames" in run(capsys, "film", made.folder)[1]
    merge(Sessions(made.sessions).open(made.ids[2]), Drawn(right_px=2), 2)
    code, out, err = run(capsys, "film", made.folder)
    assert code == 0
    assert "3 frames" in out
    assert "measured 3 of 3" in err
    assert "measured 1 of" not in err


def test_a_picture_that_comes_meanwhile_waits_for_the_next_film(tmp_path, capsys, monkeypatch):
    made = series(tmp_path, [Drawn(), Drawn(merged=False)])
    read = filming.read_reduced

    def late(path, eighths):
        session = Sessions(made.sessions).open(made.ids[1])
        if not (session.path / "merged.jpg").exists():
            merge(session, Drawn(), 1)
        return read(path, eighths)

    monkeypatch.setattr(filming, "read_reduced", late)
    assert "1 frame," in run(capsys, "film", made.folder)[1]


def test_left_as_they_are_pictures_are_not_even_measured(moss, capsys):
    code, _, err = run(capsys, "film", moss.folder, "--no-steady", "--no-deflicker")
    assert code == 0
    assert "measured" not in err
    assert not (moss.folder / "framing.json").exists()


def test_programs_get_facts(moss, capsys):
    code, out, err = run(capsys, "film", moss.folder, "--json", "-o", moss.folder / "x.mp4")
    facts = json.loads(out)
    assert code == 0
    assert err == ""
    assert facts["frames"] == 5
    assert facts["file"].endswith("x.mp4")
    assert facts["drift_px"] == pytest.approx(8, abs=0.2)
    assert facts["area"]["of"] == [320, 240]


def test_a_series_of_which_nothing_may_be_written_is_filmed_elsewhere(moss, capsys, monkeypatch, tmp_path):
    writing, series_folder = measuring.write_durably, moss.folder

    def refused(path, data):
        if path.parent == series_folder:
            raise PermissionError(13, "Permission denied")
        writing(path, data)

    monkeypatch.setattr(measuring, "write_durably", refused)
    for again in (False, True):
        code, _, err = run(capsys, "film", moss.folder, "-o", tmp_path / "film.mp4")
        assert code == 0, err
        assert ("measured" in err) is not again
    assert (tmp_path / "film.mp4").is_file()
    assert (tmp_path / "cache/focusrail/0001-moss/framing.json").is_file()


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HOME": "/home/ada"}, Path("/home/ada/.cache/focusrail")),
        ({"HOME": "/home/ada", "XDG_CACHE_HOME": "/tmp/x"}, Path("/tmp/x/focusrail")),
        ({}, None),
    ],
)
def test_own_notes_lie_where_such_files_are_kept(environment, folder):
    assert own_notes(environment) == folder


def test_sheet_and_report_are_made_from_a_folder_alone(moss, capsys):
    assert run(capsys, "sheet", moss.folder, "--columns", "3")[0] == 0
    assert run(capsys, "report", moss.folder)[0] == 0
    assert (moss.folder / "sheet.jpg").read_bytes().startswith(b"\xff\xd8")
    assert "the lamp broke" in (moss.folder / "report.html").read_text()


def test_a_copied_series_says_what_it_misses(moss, capsys, tmp_path):
    alone = tmp_path / "usb" / "series" / "0001-moss"
    alone.parent.mkdir(parents=True)
    moss.folder.rename(alone)
    code, _, err = run(capsys, "film", alone)
    assert code == 1
    assert "say with --sessions where" in err
    assert run(capsys, "film", alone, "--sessions", moss.sessions)[0] == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("film", "--size", "8K"), 1, '"8K" is no size'),
        (("film", "-o", "film.avi"), 1, "has to end in .mp4"),
        (("film", "-o", "/nowhere/film.mp4"), 1, "cannot be written"),
        (("film", "--mask", "/nowhere.png"), 1, "/nowhere.png: No such file"),
        (("sheet", "-o", "sheet.gif"), 1, "has to end in .jpg"),
        (("film", "--fps", "0"), 2, "is no rate of frames"),
        (("film", "--fps", "1/0"), 2, "is no rate of frames"),
        (("sheet", "--columns", "0"), 2, "is no number of columns"),
    ],
)
def test_nonsense_is_answered_with_words(moss, capsys, words, code, said):
    try:
        ended = main(["timelapse", words[0], str(moss.folder), *words[1:]])
    except SystemExit as error:
        ended = error.code
    assert ended == code
    assert said in capsys.readouterr().err


def test_a_series_without_a_picture_is_told_so(tmp_path, capsys):
    made = series(tmp_path, [Drawn(end="failed", reason="no light")])
    code, _, err = run(capsys, "film", made.folder)
    assert code == 1
    assert "no merged picture yet (slot 0: no light)" in err
    empty = series(tmp_path / "empty", [])
    assert "no slot of the series has come yet" in run(capsys, "sheet", empty.folder)[2]


def test_what_is_no_series_is_told_so(tmp_path, capsys):
    assert run(capsys, "film", f"{tmp_path}/none")[0] == 3
    code, _, err = run(capsys, "film", "7")
    assert code == 5
    assert "Nobody answers" in err


def test_a_daemon_is_asked_where_a_series_lies(moss, capsys, monkeypatch):
    answers = {
        "/timelapse/all": {"series": [{"series": "0001-moss", "folder": str(moss.folder)}]},
        "/status": {"disk": {"folder": str(moss.sessions)}},
    }
    monkeypatch.setattr(Daemon, "ask", lambda _daemon, path: answers[path])
    for name in ("1", "moss", "0001-moss"):
        assert run(capsys, "film", name)[0] == 0
    code, _, err = run(capsys, "film", "fern")
    assert code == 3
    assert 'none is called "fern"; there are 0001-moss' in err


def test_a_series_answers_to_its_number_its_name_and_both():
    assert all(
        answers_to("0012-moss-on-oak", wanted) for wanted in ("12", "0012", "moss-on-oak", "0012-moss-on-oak")
    )
    others = ("1", "moss", "0012-moss", "", "0", "١٢", "9" * 5000)
    assert not any(answers_to("0012-moss-on-oak", wanted) for wanted in others)


def test_without_the_library_one_line_says_what_to_install(moss, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    code, _, err = run(capsys, "film", moss.folder)
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "-m pip install 'av>=14'" in err


def test_little_memory_is_warned_of(moss, capsys, monkeypatch):
    monkeypatch.setattr(command, "free_now", lambda: 60_000_000)
    code, _, err = run(capsys, "film", moss.folder)
    assert code == 0
    assert "60 MB is free" in err
    assert free_now() is None or free_now() > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_half_film(moss, capsys, monkeypatch, number):
    add = encoder.Encoder.add

    def interrupted(self, pixels):
        add(self, pixels)
        os.kill(os.getpid(), number)
        threading.Event().wait(5)  # until the signal comes

    monkeypatch.setattr(encoder.Encoder, "add", interrupted)
    code, _, err = run(capsys, "film", moss.folder)
    assert code == 130
    assert "nothing was written" in err
    assert {path.name for path in moss.folder.iterdir()} == {"series.json", "journal.jsonl", "framing.json"}


def test_it_steps_back_for_whoever_else_needs_the_machine(moss, tmp_path):
    code = (
        "import os; from pathlib import Path; from focusd.cli import main; main(); "
        "print(os.getpriority(os.PRIO_PROCESS, 0), Path('/proc/self/oom_score_adj').read_text())"
    )
    words = [
        sys.executable,
        "-c",
        code,
        "timelapse",
        "sheet",
        str(moss.folder),
        "-o",
        str(tmp_path / "s.jpg"),
    ]
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    nice, first_to_die = map(int, ran.stdout.split()[-2:])
    assert nice >= 10
    assert first_to_die > 900

"""`make demo` as a newcomer meets it: with small frames, in a folder of its own."""

import os
import re
import signal
import subprocess
import sys

import pytest
from daemon_process import INSECT, QUICK

from focusd import demo as demonstration

PROGRAM = """
import sys
from pathlib import Path
from focusd import demo

demo.CLONE = Path.cwd()
demo.SETTINGS = sys.argv[1:]
sys.exit(demo.main())
"""


@pytest.fixture
def demo(tmp_path):
    """Start a demo with the settings given."""
    started = []

    def start(*settings):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *settings],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def interrupt(process, number, folder):
    """Interrupt a demo on its way, and see that nothing of it is left running."""
    while not process.stdout.readline().startswith("$ focusctl goto"):
        assert process.poll() is None
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "demo: interrupted; nothing was left running"
    assert is_over(folder)


def is_over(folder):
    """Say whether the daemon that the demo in `folder` ran last is gone, with all it started."""
    try:
        os.killpg(int((folder / "demo" / "lock").read_text()), 0)
    except ProcessLookupError:
        return True
    return False


def test_a_demo_names_every_command_and_leaves_a_picture_beside_those_of_earlier_ones(demo, tmp_path):
    interrupt(demo(*QUICK), signal.SIGINT, tmp_path)
    earlier = tmp_path / "demo/sessions/0041-2026-11-23T14-05-12Z-mine"
    earlier.mkdir(parents=True)
    process = demo(*QUICK, INSECT, "simulation.subject_depth_um=200")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, ""), out
    commands = re.findall(r"^\$ (\w+) (\S+)", out, re.MULTILINE)
    assert commands == [
        ("export", commands[0][1]),
        ("focusd", "--simulate"),
        *(
            ("focusctl", name)
            for name in ("home", "goto", "mark", "goto", "mark", "status", "plan", "sim", "watch")
        ),
    ]
    named = [line.split()[-1] for line in out.splitlines()[-3:]]
    assert [path.split("/")[-1] for path in named[:2]] == ["merged.jpg", "depth.png"]
    assert all((tmp_path / path).exists() for path in named)
    assert named[2].startswith("demo/sessions/0042-")
    assert earlier.is_dir()
    assert is_over(tmp_path)


def test_a_demo_that_is_terminated_leaves_nothing_running_either(demo, tmp_path):
    interrupt(demo(*QUICK), signal.SIGTERM, tmp_path)


def test_a_demo_that_cannot_begin_says_so_in_one_line(demo):
    process = demo("axis.travel_mm=long")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    (line,) = err.strip().splitlines()
    assert line.startswith("demo: ") and "travel_mm" in line


def test_what_an_interrupt_meets_while_it_is_being_started_is_ended_too(monkeypatch):
    started = []

    class Interrupted(subprocess.Popen):
        def __init__(self, *command, **how):
            super().__init__(*command, **how)
            started.append(self)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        demonstration._focusctl("watch")
    assert [child.poll() for child in started] == [-signal.SIGKILL]

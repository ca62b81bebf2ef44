"""The walk at the shell, beside a daemon on a simulated rail."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from subprocess import PIPE

from daemon_process import Daemon, daemon

BEFORE = """\
axis:
  screw: {lead_mm: 8.0}   # of the left rail
  travel_mm: 40.0
"""
WITHOUT_SWITCHES = "  pins: {limit_near: null, limit_far: null}\n"


def walked(focusd: Daemon, config: Path, *answers: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FOCUSRAIL_SOCKET": str(focusd.socket), "XDG_STATE_HOME": str(config.parent)}
    command = [sys.executable, "-m", "focusd.cli", "setup", "--yes", "--config", str(config)]
    typed = "".join(f"{answer}\n" for answer in answers)
    return subprocess.run(
        command, env=environment, input=typed, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_walk_is_left_and_taken_up_again_and_changes_what_was_found(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(BEFORE + WITHOUT_SWITCHES)
    pins = "axis.pins={limit_near: null, limit_far: null}"
    with daemon(tmp_path, "simulation.start_mm=10.0", pins) as focusd:
        left = walked(focusd, config, "none", "none", "", "", "", "", "", "apart")
        assert left.returncode == 130, left.stdout + left.stderr
        assert config.read_text() == BEFORE + WITHOUT_SWITCHES
        rest = walked(focusd, config, "", "4.0", "30", "2", "yes")
        assert rest.returncode == 0, rest.stdout + rest.stderr
    assert "axis.invert changes" in left.stdout
    assert "so the driver makes 8 microsteps" in rest.stdout
    assert "+  travel_mm: 30.0" in rest.stdout
    after = config.read_text()
    assert "{lead_mm: 8.0, microsteps: 8}   # of the left rail" in after
    for line in ("travel_mm: 30.0", "invert: true", "home_allowed: true"):
        assert line in after
    assert not (tmp_path / "focusrail" / "setup.json").exists()


class Person:
    """Answers the walk as it is asked, with a finger on the switch that is named."""

    def __init__(self, focusd: Daemon, config: Path) -> None:
        environment = {**os.environ, "FOCUSRAIL_SOCKET": str(focusd.socket), "PYTHONUNBUFFERED": "1"}
        environment["XDG_STATE_HOME"] = str(config.parent)
        command = [sys.executable, "-m", "focusd.cli", "setup", "--yes", "--config", str(config)]
        self.focusd = focusd
        self.walk = subprocess.Popen(command, env=environment, stdin=PIPE, stdout=PIPE, text=True)
        self.said = ""

    def asked(self) -> str:
        """Read on until an answer is waited for, or the end; give what was said since the last."""
        assert self.walk.stdout is not None
        heard = ""
        while not heard.endswith(PROMPTS) and (letter := self.walk.stdout.read(1)):
            heard += letter
        self.said += heard
        return heard

    def answer(self, words: str = "") -> None:
        """Type a line."""
        assert self.walk.stdin is not None
        self.walk.stdin.write(words + "\n")
        self.walk.stdin.flush()

    def walk_through(self) -> int:
        """Answer truly to the end; give how the walk ended."""
        while (heard := self.asked()).endswith(PROMPTS):
            question = heard.rsplit("\n", 2)[-2] if heard.endswith("> ") else heard
            switch = next((name for words, name in TOUCHED.items() if words in question), None)
            if switch is not None:
                before = self.focusd.ask("/axis")["switches"]
                held = {"button": switch, "hold_s": 1.0}
                finger = threading.Thread(target=self.focusd.tell, args=("/sim/press",), kwargs=held)
                finger.start()
                while self.focusd.ask("/axis")["switches"] == before:
                    assert self.walk.poll() is None
                self.answer()
                finger.join()
            else:
                self.answer(next((told for words, told in ANSWERS.items() if words in question), ""))
        self.walk.communicate()
        return self.walk.returncode


PROMPTS = ("> ", "is free; then Enter. ")
TOUCHED = {"are farthest apart": "limit_near", "are closest together": "limit_far"}
ANSWERS = {"did lens and subject come closer": "apart", "has it really gone": "2.0", "by itself?": "yes"}


def test_a_rig_that_is_wired_wrongly_in_three_ways_is_found_out_and_then_homes(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(BEFORE)
    wrong = "simulation.miswired=[direction, limits-swapped, limits-kind]"
    with daemon(tmp_path, "simulation.start_mm=10.0", wrong) as focusd:
        assert focusd.call("POST", "/home")[1]["title"] == "Homing failed"
        first = Person(focusd, config)
        assert first.walk_through() == 0, first.said
    assert "must not move" in first.said and "the two are swapped" in first.said
    assert "limit_near: 6" in config.read_text() and "limit_active: low" in config.read_text()
    mended = ("axis.pins={limit_near: 6, limit_far: 5, limit_active: low}", "simulation.miswired=[direction]")
    with daemon(tmp_path, "simulation.start_mm=10.0", *mended) as focusd:
        second = Person(focusd, config)
        assert second.walk_through() == 0, second.said
        assert "axis.invert changes" in second.said
    assert "invert: true" in config.read_text()
    with daemon(tmp_path, mended[0], "axis.invert=true") as focusd:
        focusd.tell("/home")
        assert focusd.ask("/status")["axis"]["trust"] == "known"

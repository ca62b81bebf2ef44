"""The walk at the shell, beside a daemon on a simulated rail."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from subprocess import PIPE

from daemon_process import Daemon, daemon

from focusd.config import load_config
from simulator.world import World

CONFIG = """\
axis:
  screw: {lead_mm: 8.0}   # of the left rail
  speed: {start_mm_s: 2.5, max_mm_s: 6.0, acceleration_mm_s2: 60.0}
  homing: {fast_mm_s: 5.0, slow_mm_s: 2.5, back_off_mm: 0.2}
simulation: {scene: ruler, size_px: [320, 240], start_mm: 5.0, subject_mm: 5.0, magnification: 1.3,
  pixel_um: 6.2}
optics: {macro-2x: {magnification: 2.0, f_number: 4.0, pixel_um: 6.2}}
plans:
  default: {optics: macro-2x, settle_ms: 20, exposure: {time_us: 13000, gain: 1.0, colour_gains: [2.1, 1.7]}}
storage: {reserve_mb: 1}
panel: {light_warm_up_s: 0.02}
"""


def written(folder: Path, wrong: str) -> Path:
    config = folder / "config.yaml"
    config.write_text(CONFIG.replace("size_px", f"miswired: [{wrong}], size_px", 1))
    return config


def command(config: Path) -> list[str]:
    return [sys.executable, "-m", "focusd.cli", "setup", "--yes", "--config", str(config)]


def environment(focusd: Daemon, config: Path) -> dict[str, str]:
    state = {"FOCUSRAIL_SOCKET": str(focusd.socket), "XDG_STATE_HOME": str(config.parent)}
    return {**os.environ, **state, "PYTHONUNBUFFERED": "1"}


def walked(focusd: Daemon, config: Path, *answers: str) -> subprocess.CompletedProcess[str]:
    typed = "".join(f"{answer}\n" for answer in answers)
    return subprocess.run(
        command(config),
        env=environment(focusd, config),
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_walk_is_left_and_taken_up_again_and_ends_with_what_the_camera_measures(tmp_path: Path) -> None:
    config = written(tmp_path, "direction")
    with daemon(tmp_path, config=config) as focusd:
        wired = walked(focusd, config, "", "limit-near none, limit-far none", "led none", "")
        assert wired.returncode == 0, wired.stdout + wired.stderr
        assert "start focusd again" in wired.stdout
        too_early = walked(focusd, config)
        assert too_early.returncode == 3
        assert "focusd runs with axis.pins.limit_near 5" in too_early.stderr
    with daemon(tmp_path, config=config) as focusd:
        before = config.read_text()
        left = walked(focusd, config, "", "", "", "", "apart")
        assert left.returncode == 130, left.stdout + left.stderr
        assert config.read_text() == before
        rest = walked(focusd, config, "", "4.0", "30", "2", "no")
        assert rest.returncode == 0, rest.stdout + rest.stderr
    assert "axis.invert changes" in left.stdout
    assert "so the driver makes 8 microsteps" in rest.stdout
    after = config.read_text()
    assert "{lead_mm: 8.0, microsteps: 8}   # of the left rail" in after
    for line in ("travel_mm: 30.0", "invert: true", "limit_near: null", "led_pin: null"):
        assert line in after
    with daemon(tmp_path, config=config) as focusd:
        last = walked(focusd, config, "skip", "skip", "a coin", "100", "skip", "", "yes", "")
        assert last.returncode == 0, last.stdout + last.stderr
    assert "That was all" in last.stdout
    assert '"a coin" is no number' in last.stdout
    assert "Not measured: it is not dark" in last.stderr
    assert "Not measured: lines are seen" in last.stderr
    assert not (tmp_path / "focusrail" / "setup.json").exists()


def test_a_walk_neither_begins_nor_restarts_anything_beside_a_stack(tmp_path: Path) -> None:
    config = written(tmp_path, "")
    with daemon(tmp_path, config=config) as focusd:
        focusd.tell("/shoot", length_u=2000.0, count=40, needs="assumed", delay_s=30.0)
        busy = walked(focusd, config)
        assert busy.returncode == 4, busy.stdout + busy.stderr
        assert "shoot is under way" in busy.stderr
        focusd.tell("/abort")


class Person:
    """Answers the walk as it is asked, with a finger on the switch that is named."""

    def __init__(self, focusd: Daemon, config: Path) -> None:
        self.focusd = focusd
        self.world = World.open(focusd.state / "world")
        self.walk = subprocess.Popen(
            command(config), env=environment(focusd, config), stdin=PIPE, stdout=PIPE, text=True
        )
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
        with self.walk, closing(self.world):
            self._walk()
        return self.walk.returncode

    def _walk(self) -> None:
        while (heard := self.asked()).endswith(PROMPTS):
            for switch in TOUCHED.values():  # held until the walk has seen it
                self.world.release(switch)
            question = heard.rsplit("\n", 2)[-2] if heard.endswith("> ") else heard
            switch = next((name for words, name in TOUCHED.items() if words in question), None)
            if switch is not None:
                before = self.focusd.ask("/axis")["switches"]
                self.world.press(switch)
                while self.focusd.ask("/axis")["switches"] == before:
                    assert self.walk.poll() is None
                self.answer()
            else:
                self.answer(next((told for words, told in ANSWERS.items() if words in question), ""))


PROMPTS = ("> ", "is free; then Enter. ")
TOUCHED = {"are farthest apart": "limit_near", "are closest together": "limit_far"}
ANSWERS = {
    "did lens and subject come closer": "apart",
    "has it really gone": "2.0",
    "by itself?": "yes",
    "with fine detail": "skip",
    "How much play": "skip",
}


def test_a_rig_that_is_wired_wrongly_in_three_ways_is_found_out_and_then_homes(tmp_path: Path) -> None:
    config = written(tmp_path, "direction, limits-swapped, limits-kind")
    with daemon(tmp_path, config=config) as focusd:
        assert focusd.call("POST", "/home", allow=True)[1]["title"] == "Homing failed"
        first = Person(focusd, config)
        assert first.walk_through() == 0, first.said
    assert "the two are swapped" in first.said
    pins = load_config(config).axis.pins
    assert (pins.limit_near, pins.limit_far, pins.limit_active) == (6, 5, "low")
    # The rig is as it was; what is otherwise than the settings say has become less.
    config.write_text(config.read_text().replace(", limits-swapped, limits-kind", ""))
    with daemon(tmp_path, config=config) as focusd:
        second = Person(focusd, config)
        assert second.walk_through() == 0, second.said
        assert "axis.invert changes" in second.said
    assert load_config(config).axis.invert
    config.write_text(config.read_text().replace("[direction]", "[]"))
    with daemon(tmp_path, config=config) as focusd:
        third = Person(focusd, config)
        assert third.walk_through() == 0, third.said
        assert focusd.ask("/status")["axis"]["trust"] == "known"
    assert "That was all" in third.said

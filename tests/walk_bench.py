"""A rail as it really is under the walk, a person beside it, and what walks begin with."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rail_rig import SPEC, Rig

from focusd.settings import Config
from focusd.setup import answered, named, notes_of, question, taken_up
from focusd.switches import Switches
from focusd.walk import Walk
from focusd.walk_travel import LEAD, STRAP, TURN

DEFAULTS = named(Config().model_dump(mode="json"))
RUNNING = {**DEFAULTS, LEAD: 1.0}
"""What `rail_rig` steps by: 0.3125 µm a step."""

RING = {**DEFAULTS, "axis.kind": "ring", "axis.driver": "ULN2003", "axis.ring.microsteps": 2}
LENS = {**DEFAULTS, "axis.kind": "lens"}


@dataclass
class Bench:
    """A rail as it really is, with the daemon's belief on top, and a person beside it.

    `switches` says at which pin the near and the far switch are, `pressed_level` what they read when pressed,
    `wired` what the person answers when asked which pins are otherwise.
    """

    folder: Path
    invert: bool = False
    ratio: float = 1.0
    switches: tuple[int | None, int | None] = (5, 6)
    pressed_level: str = "high"
    wired: str = ""
    subject_side: str = "far"

    def __post_init__(self) -> None:
        spec = replace(SPEC, invert=self.invert, um_per_step=0.3125 * self.ratio, backlash_um=0.0)
        spec = replace(spec, near_switch_um=-9e5, near_end_um=-9e5, far_switch_um=9e5, far_end_um=9e5)
        self.rig = Rig(self.folder, position_um=0.0, spec=spec)
        self.before = {**RUNNING, "axis.subject_side": self.subject_side}
        self.walk = Walk(self.before)
        self.held: int | str | None = None
        self.restarts: list[dict[str, Any]] = []

    def see(self) -> Switches:
        running = self.walk.running

        def reads(pin: int | None) -> bool | None:
            level = "high" if (self.held == pin) is (self.pressed_level == "high") else "low"
            return None if pin is None else level == running["axis.pins.limit_active"]

        e_stop = None if running["axis.pins.e_stop"] is None else self.held == "e-stop"
        return Switches(reads(running["axis.pins.limit_near"]), reads(running["axis.pins.limit_far"]), e_stop)

    def moved_um(self, length_um: float) -> float:
        lead_mm, turn, microsteps = (self.walk.running[name] for name in (LEAD, TURN, STRAP))
        before_um = self.rig.carriage_um
        self.rig.axis.jog(round(length_um * turn * microsteps / lead_mm / 1000))
        return self.rig.carriage_um - before_um

    def all_through(self) -> dict[str, Any]:
        """Answer truly to the end; leave and come back between any two answers. Give what has changed."""
        for _ in range(40):
            asked = question(self.walk)
            if asked is None:
                now = self.walk.running | self.walk.changes()
                return {name: value for name, value in now.items() if value != self.before[name]}
            if not self.walk.may_ask(asked):
                self.restarts.append(self.walk.changes())
                self.walk = replace(self.walk, running=self.walk.running | self.walk.changes())
                continue
            moved_um = self.moved_um(asked.move_u) if asked.move_u else 0.0
            self.held = None
            before = self.see()
            answer = self.answer(asked.words, moved_um)
            self.walk = answered(self.walk, answer, before, self.see())
            kept = json.loads(json.dumps(notes_of(self.walk, "config.yaml")))
            self.walk = taken_up(self.walk.running, kept, "config.yaml")
        raise AssertionError(f"the walk does not end: {self.walk}")

    def answer(self, words: str, moved_um: float) -> str:
        near, far = self.switches
        if "What leads to which GPIO" in words:
            self.wired, answer = "", self.wired
            return answer
        if "Press the limit switch" in words:
            apart = "farthest apart" in words
            self.held = near if apart is (self.subject_side == "far") else far
            return "none" if self.held is None else ""
        if "Press the emergency stop" in words:
            self.held = "e-stop"
            return ""
        if "did lens and subject come closer" in words:
            return "closer" if (moved_um > 0) is (self.subject_side == "far") else "apart"
        if "has it really gone" in words:
            return f"{abs(moved_um) / 1000:.2f}"
        if "by itself?" in words:
            return "yes"
        return "skip" if "skip" in words else ""

"""Acts of the panel on the kernel's pins, next to the motion process on the same chip."""

import threading
import time
from dataclasses import replace
from pathlib import Path

from chip import Chip
from patience import wait_until
from rig import Report, Rig, open_stepper

from rail.errors import Stopped
from rail.pins import Button, PanelPins, PanelWiring, open_factory

_WIRING = PanelWiring()
_BOUNCE_S = 0.011
"""Longer than the kernel takes to see an edge here, shorter than half the button's quiet."""


class Finger:
    """Presses the button, whose contacts chatter, and notes when it was believed."""

    def __init__(self, button: Button, chip: Chip) -> None:
        self._chip = chip
        self.told: list[bool] = []
        self.told_us: list[int] = []
        self.pushed_us: list[int] = []
        button.watch(self._note)

    def push(self, down: bool) -> None:
        """Press or let go, and chatter."""
        self.pushed_us.append(time.monotonic_ns() // 1000)
        self._chip.pull(_WIRING.shoot, not down)
        time.sleep(_BOUNCE_S)
        self._chip.pull(_WIRING.shoot, down)
        time.sleep(_BOUNCE_S / 2)
        self._chip.pull(_WIRING.shoot, not down)

    def _note(self, pressed: bool) -> None:
        self.told.append(pressed)
        self.told_us.append(time.monotonic_ns() // 1000)


def press() -> Report:
    """Press while another process holds lines of the same chip: every edge must come to this one."""
    stepper = open_stepper()
    chip = Chip()
    panel = PanelPins(open_factory(Path("/run")), _WIRING)
    finger = Finger(panel.shoot, chip)
    for _ in range(5):
        for down in (True, False):
            finger.push(down)
            time.sleep(0.1)
    stepper.close()
    return {
        "told": finger.told,
        "late_us": [told - pushed for told, pushed in zip(finger.told_us, finger.pushed_us, strict=True)],
    }


def tap() -> Report:
    """Let go again while a press may still bounce: the release must not be lost."""
    chip = Chip()
    panel = PanelPins(open_factory(Path("/run")), _WIRING)
    finger = Finger(panel.shoot, chip)
    chip.pull(_WIRING.shoot, False)
    wait_until(lambda: finger.told == [True])
    time.sleep(0.005)
    chip.pull(_WIRING.shoot, True)
    time.sleep(0.1)
    return {"told": finger.told}


def lights() -> Report:
    chip = Chip()
    panel = PanelPins(open_factory(Path("/run")), _WIRING)
    seen = []
    for led, light in ((True, False), (True, True), (False, True), (False, False)):
        panel.show(led)
        panel.light(light)
        seen.append([chip.level(_WIRING.led), chip.level(_WIRING.light)])
    panel.show(True)
    panel.close()
    seen.append([chip.level(_WIRING.led), chip.level(_WIRING.light)])
    return {"seen": seen}


def dimmed() -> Report:
    """Shine for three tenths of the time, at a board that lights at low level."""
    chip = Chip()
    wiring = replace(_WIRING, light_percent=30, light_level=False, light_hz=100)
    panel = PanelPins(open_factory(Path("/run")), wiring)
    list(chip.events())
    dark = [chip.level(wiring.light)]
    panel.light(True)
    time.sleep(1.0)
    lit = [event for event in chip.events() if event.line == wiring.light and event.what == "set"]
    panel.light(False)
    time.sleep(0.1)
    list(chip.events())
    dark.append(chip.level(wiring.light))
    time.sleep(0.1)
    still = [event for event in chip.events() if event.line == wiring.light and event.what == "set"]
    return {"dark": dark, "edges": [[event.at_us, event.level] for event in lit], "afterwards": len(still)}


def stop() -> Report:
    """Press while the motion process, on the same chip, is under way."""
    rig = Rig(position_steps=30)
    panel = PanelPins(open_factory(Path("/run")), _WIRING)
    rig.home()
    panel.shoot.watch(lambda pressed: rig.axis.stop() if pressed else None)
    pressed_us: list[int] = []

    def press_on_the_way() -> None:
        wait_until(lambda: rig.carriage.position_steps > 200)
        pressed_us.append(time.monotonic_ns() // 1000)
        rig.carriage.chip.pull(_WIRING.shoot, False)

    threading.Thread(target=press_on_the_way).start()
    try:
        rig.axis.move_to(500)
    except Stopped as e:
        return rig.report(said=str(e), pressed_us=pressed_us[0])
    return rig.report(said="nothing")

"""A gpiozero pin factory whose pins are wired to the simulated world.

Devices are built on it as on a Pi. STEP, DIR and ENABLE turn the motor, the limit pins follow the
carriage, buttons follow the world's inputs, LED and light are seen in the world. Two processes may each
have a factory on the same world, the motor's pins in one of them only, as the kernel would have it.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from gpiozero.exc import GPIOPinInUse, PinPWMFixedValue
from gpiozero.pins.mock import MockFactory, MockPin, PinState

from simulator.carriage import Carriage
from simulator.clock import Clock
from simulator.four_phase import FourPhaseCarriage
from simulator.world import HELD, World

_WATCH_S = 0.02
_NOW_LOW, _NOW_HIGH = [PinState(0.0, False)], [PinState(0.0, True)]


@dataclass(frozen=True, slots=True)
class Wiring:
    """Which BCM pin goes where, and what its levels mean.

    Attributes
    ----------
    step, dir, enable, limit_near, limit_far
        The motor's pins. ENABLE is pulled to where it does not enable on the driver's board.
    enable_active_low
        The driver's ENABLE is, as usual; else its board pulls it down, and high enables.
    limits_normally_closed
        The switch ties its pin to ground until it is actuated: a broken wire reads as a limit.
    e_stop
        The emergency stop, normally closed: it ties its pin to ground until it is pressed.
    buttons
        Input (one of `simulator.world.INPUTS`) to pin; a pressed button ties its pin to ground.
    outputs
        Output (one of `simulator.world.OUTPUTS`) to pin.
    coils
        The pins of a four-phase motor's coils in their order, instead of STEP, DIR and ENABLE. The carriage
        must then be a `simulator.four_phase.FourPhaseCarriage`.
    """

    step: int = 21
    dir: int = 20
    enable: int = 16
    limit_near: int | None = 5
    limit_far: int | None = 6
    enable_active_low: bool = True
    limits_normally_closed: bool = True
    e_stop: int | None = None
    buttons: MappingProxyType[str, int] = field(default_factory=lambda: MappingProxyType({"shoot": 26}))
    outputs: MappingProxyType[str, int] = field(
        default_factory=lambda: MappingProxyType({"led": 19, "light": 13})
    )
    coils: tuple[int, int, int, int] | None = None


class _Pin(MockPin):  # type: ignore[misc]
    """A pin that keeps no history: a rig runs for weeks."""

    _state: bool

    def _change_state(self, value: bool) -> bool:
        if self._state == value:
            return False
        self._state = value
        self._last_change = self.factory.ticks()
        self.states = _NOW_HIGH if value else _NOW_LOW
        return True


class _DrivenPin(_Pin):
    """A pin that moves something; `floating` is its level while nobody drives it."""

    def __init__(self, factory: Any, info: Any, *, floating: bool, wire: Callable[[Any], None]) -> None:
        self._floating = floating
        self._wire = wire
        super().__init__(factory, info)

    def _set_function(self, value: str) -> None:
        super()._set_function(value)
        self._wire(bool(self._state) if value == "output" else self._floating)

    def _set_state(self, value: float) -> None:
        super()._set_state(value)
        self._wire(bool(value))


class _LampPin(_DrivenPin):
    """A pin that something shines at, which may be switched so fast that only its mean is seen."""

    _frequency: float | None = None

    def _get_frequency(self) -> float | None:
        return self._frequency

    def _set_frequency(self, value: float | None) -> None:
        """Switch with a duty of nothing, as lgpio begins; None: no more."""
        if value is not None and self._function != "output":
            raise PinPWMFixedValue(f"cannot start PWM on pin {self!r}")
        self._frequency = value
        self._wire(0.0)

    def _set_state(self, value: float) -> None:
        if self._frequency is None:
            super()._set_state(value)
        else:
            self._wire(int(100 * value) / 100)


class _SensingPin(_Pin):
    """A pin that follows something. Its level is read live; edges are told when the factory follows.

    Neither grounded nor pulled up, it floats: it may read anything, so it reads low, as if grounded.
    """

    def __init__(self, factory: Any, info: Any, *, grounded: Callable[[], bool]) -> None:
        self._grounded = grounded
        super().__init__(factory, info)

    def _level(self) -> bool:
        return not self._grounded() and self._pull == "up"

    def _get_state(self) -> bool:
        return bool(self._state) if self._function == "output" else self._level()

    def _set_pull(self, value: str) -> None:
        super()._set_pull(value)
        self._change_state(self._level())

    def follow(self) -> None:
        """Tell an edge when the level has changed since the last time."""
        if self._function == "input":
            (self.drive_high if self._level() else self.drive_low)()


class SimulatedFactory(MockFactory):  # type: ignore[misc]
    """A pin factory on a simulated rig.

    Parameters
    ----------
    world
        What the pins are wired to.
    clock
        The time edges are stamped with.
    carriage
        What the motor's pins move. None: another process has them, and asking for one raises
        `gpiozero.exc.GPIOPinInUse`.
    wiring
        Which pin goes where. Other pins exist and are wired to nothing.
    watch
        Look for changed inputs from a thread of its own, as a real factory does. Without it edges are
        told when `follow` is called, and on `press` and `release`.
    """

    def __init__(
        self,
        world: World,
        clock: Clock,
        carriage: Carriage | None = None,
        wiring: Wiring | None = None,
        *,
        watch: bool = False,
    ) -> None:
        super().__init__(revision="c03114", pin_class=_Pin)
        self._world = world
        self._clock = clock
        self._carriage = carriage
        self._wiring = wiring or Wiring()
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="simulated-edges", daemon=True)
        if watch:
            self._watcher.start()

    def ticks(self) -> float:
        """Give the present instant in seconds."""
        return self._clock.monotonic_ns() / 1e9

    def pin(self, name: object, pin_class: Any = None, **wired: Any) -> Any:
        """Give the pin called `name`, wired as it is."""
        for _, info in self.board_info.find_pin(name):
            if info not in self.pins:
                self.pins[info] = self._wired(info)
            return self.pins[info]
        return super().pin(name)

    def press(self, name: str, hold_s: float | None = None) -> None:
        """Press the button `name`, for `hold_s` seconds or until `release`."""
        until_ns = HELD if hold_s is None else self._clock.monotonic_ns() + int(hold_s * 1e9)
        self._world.press(name, until_ns)
        self.follow()

    def release(self, name: str) -> None:
        """Let go of the button `name`."""
        self._world.release(name)
        self.follow()

    def follow(self) -> None:
        """Tell the devices about every input whose level has changed."""
        for pin in list(self.pins.values()):
            if isinstance(pin, _SensingPin):
                pin.follow()

    def close(self) -> None:
        """Stop watching and let go of the pins."""
        self._over.set()
        if self._watcher.is_alive() and self._watcher is not threading.current_thread():
            self._watcher.join()
        super().close()

    def _watch(self) -> None:
        while not self._over.wait(_WATCH_S):
            self.follow()

    def _wired(self, info: Any) -> _Pin:
        number = int(info.name.removeprefix("GPIO"))
        wiring = self._wiring
        if wiring.coils is not None and number in wiring.coils:
            return _DrivenPin(self, info, floating=False, wire=self._coil(number, wiring.coils.index(number)))
        if wiring.coils is None and number in (wiring.step, wiring.dir, wiring.enable):
            carriage = self._motor(number)
            wire = {wiring.step: carriage.step, wiring.dir: carriage.turn, wiring.enable: self._enable}
            floating = number == wiring.enable and wiring.enable_active_low
            return _DrivenPin(self, info, floating=floating, wire=wire[number])
        if number in (wiring.limit_near, wiring.limit_far):
            return _SensingPin(self, info, grounded=self._limit(number))
        if number == wiring.e_stop:
            return _SensingPin(self, info, grounded=self._e_stop)
        for name, button in wiring.buttons.items():
            if button == number:
                return _SensingPin(self, info, grounded=self._button(name))
        for name, output in wiring.outputs.items():
            if output == number:
                return _LampPin(self, info, floating=False, wire=self._output(name))
        return _Pin(self, info)

    def _motor(self, number: int) -> Carriage:
        if self._carriage is None:
            raise GPIOPinInUse(f"GPIO{number} belongs to the motor, which another process has")
        return self._carriage

    def _enable(self, high: bool) -> None:
        self._motor(self._wiring.enable).enable(high is self._wiring.enable_active_low)

    def _coil(self, number: int, place: int) -> Callable[[bool], None]:
        carriage = self._motor(number)
        if not isinstance(carriage, FourPhaseCarriage):
            raise TypeError(f"GPIO{number} drives a coil, and a motor with a driver has none to wire")
        return partial(carriage.coil, place)

    def _limit(self, number: int) -> Callable[[], bool]:
        carriage, world = self._motor(number), self._world
        near = number == self._wiring.limit_near
        finger = "limit_near" if near else "limit_far"
        wire_off, stuck = f"{finger}_open", f"{finger}_stuck"
        closed = self._wiring.limits_normally_closed

        def grounded() -> bool:
            if world.broken(wire_off):
                return False
            touched = world.pressed(finger, self._clock.monotonic_ns())
            actuated = (touched or carriage.at_limit(near)) and not world.broken(stuck)
            return actuated != closed

        return grounded

    def _e_stop(self) -> bool:
        pressed = self._world.pressed("e_stop", self._clock.monotonic_ns())
        return not pressed and not self._world.broken("e_stop_open")

    def _button(self, name: str) -> Callable[[], bool]:
        return lambda: self._world.pressed(name, self._clock.monotonic_ns())

    def _output(self, name: str) -> Callable[[float], None]:
        return lambda part: self._world.drive(name, part, self._clock.monotonic_ns())

"""The GPIO pins, and the one place that knows gpiozero and lgpio.

gpiozero's devices are left out on purpose: they let go of their pin when they are garbage collected, and a
vertical rig must keep its motor energised. Pins of a gpiozero *factory* do not; a simulated factory fits too.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock, Timer
from typing import Any, Protocol

from rail.errors import PinsUnavailable

Factory = Any
"""A gpiozero pin factory; gpiozero ships no types."""
Pin = Any
"""A gpiozero pin."""

_CHIP_LABELS = ("pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835")
"""Pi 5; Pi 4; Pi 3 and Zero 2. The number of the chip changes with the kernel, its label does not."""


_HEADER_LINES = 28
"""GPIO 0 to 27 are on the header."""
_LINE_USED = 1
"""LG_GPIO_IS_KERNEL: somebody holds the line (lgpio.h)."""


def open_factory(run_folder: Path | None = None) -> Factory:
    """Open the Pi's own GPIO chip through lgpio; never fall back to anything else.

    lgpio changes the working directory of the process: afterwards only absolute paths mean what they say.

    Parameters
    ----------
    run_folder
        A writable folder, not on the SD card, in which lgpio may put its FIFO; None for the system's own
        temporary folder.

    Raises
    ------
    PinsUnavailable
        lgpio is not installed, no chip of a Raspberry Pi is there, or it may not be opened.
    """
    lgpio = _lgpio(run_folder)
    try:
        from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin
        from gpiozero.pins.local import LocalPiFactory
    except ImportError as e:
        raise PinsUnavailable(f"gpiozero cannot be used ({e}), so no pin can be driven") from e

    class RailPin(LGPIOPin):  # type: ignore[misc]
        """gpiozero's lgpio pin, but an output has its level from the start: ENABLE must not blink."""

        def output_with_state(self, state: bool) -> None:
            """Drive the pin at `state`; never at the other level before it."""
            lgpio.gpio_claim_output(self.factory._handle, self._number, int(state))  # noqa: SLF001

    class RailFactory(LGPIOFactory):  # type: ignore[misc]
        """gpiozero's lgpio factory, on a chip that we chose."""

        def __init__(self, chip: int) -> None:
            LocalPiFactory.__init__(self)
            self._handle = lgpio.gpiochip_open(chip)
            self._chip = chip
            self.pin_class = RailPin

    with _chip_opens(lgpio):
        return RailFactory(_find_chip(lgpio))


def line_users(run_folder: Path | None = None) -> dict[int, str]:
    """Give the GPIO lines that somebody holds now, and by what name; claims none.

    Raises `PinsUnavailable` as `open_factory` does.
    """
    lgpio = _lgpio(run_folder)
    with _chip_opens(lgpio):
        handle = lgpio.gpiochip_open(_find_chip(lgpio))
        try:
            lines = [lgpio.gpio_get_line_info(handle, number) for number in range(_HEADER_LINES)]
        finally:
            lgpio.gpiochip_close(handle)
    return {number: user for _, number, flags, _, user in lines if flags & _LINE_USED}


def _lgpio(run_folder: Path | None) -> Any:
    _give_lgpio_a_folder(run_folder)
    try:
        import lgpio
    except ImportError as e:
        raise PinsUnavailable(
            "the library lgpio is missing, so no pin can be driven; install it with "
            "`sudo apt install python3-lgpio`, or run with --simulate"
        ) from e
    return lgpio


@contextmanager
def _chip_opens(lgpio: Any) -> Iterator[None]:
    try:
        yield
    except (lgpio.error, OSError) as e:
        raise PinsUnavailable(
            f"the GPIO chip cannot be opened ({e}); add this user to the group gpio, or run with --simulate"
        ) from e


def _give_lgpio_a_folder(run_folder: Path | None) -> None:
    # On import lgpio makes a FIFO in $LG_WD, changes into it and stays there. Two processes in one folder
    # would share the FIFO and steal each other's edges, so every process gets its own.
    try:
        folder = tempfile.mkdtemp(prefix="lgpio-", dir=run_folder)
    except OSError as e:
        raise PinsUnavailable(f"lgpio needs a folder that can be written ({e})") from e
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["LG_WD"] = folder


def _find_chip(lgpio: Any) -> int:
    for number in sorted(int(path.name[8:]) for path in Path("/dev").glob("gpiochip[0-9]*")):
        handle = lgpio.gpiochip_open(number)
        _, _, _, label = lgpio.gpio_get_chip_info(handle)
        lgpio.gpiochip_close(handle)
        if label in _CHIP_LABELS:
            return number
    raise PinsUnavailable(
        "no GPIO chip of a Raspberry Pi was found under /dev/gpiochip* "
        f"(looked for {', '.join(_CHIP_LABELS)}); run with --simulate on other machines"
    )


class MotorPins(Protocol):
    """What the stepping loop needs of a motor's pins: `MotionPins`, or `rail.coils.CoilPins`.

    Attributes
    ----------
    energised
        Whether the motor is held.
    """

    energised: bool

    @property
    def raise_step(self) -> Callable[[], object]:
        """Begin a step."""
        ...

    @property
    def lower_step(self) -> Callable[[], object]:
        """End a step."""
        ...

    def face(self, far: bool) -> None:
        """Point the next steps towards the far end, or the near one."""
        ...

    def energise(self) -> None:
        """Hold the motor."""
        ...

    def release(self) -> None:
        """Let the motor go."""
        ...

    def near_pressed(self) -> bool | None:
        """Read the near limit's raw level; None where no switch is fitted."""
        ...

    def far_pressed(self) -> bool | None:
        """Read the far limit's raw level; None where no switch is fitted."""
        ...

    def close(self) -> None:
        """Give the pins back."""
        ...


@dataclass(frozen=True, slots=True)
class MotionWiring:
    """Which BCM pin does what, and which level means what.

    Attributes
    ----------
    step, dir, enable
        Outputs to the driver.
    limit_near, limit_far
        Inputs with pull-up, or None where no switch is fitted. Normally closed switches to ground read
        pressed when they open, and so does a broken wire.
    far_level
        The level of DIR that moves towards the far end.
    energised_level
        The level of ENABLE at which the motor is held.
    pressed_level
        The level of a limit input whose switch is pressed.
    """

    step: int = 21
    dir: int = 20
    enable: int = 16
    limit_near: int | None = 5
    limit_far: int | None = 6
    far_level: bool = True
    energised_level: bool = False
    pressed_level: bool = True

    def __post_init__(self) -> None:
        used = [self.step, self.dir, self.enable]
        used += [pin for pin in (self.limit_near, self.limit_far) if pin is not None]
        if len(set(used)) < len(used):
            raise ValueError(f"one pin cannot do two things: {self}")


class LimitPins:
    """The inputs of the limit switches beside a motor; None where no switch is fitted."""

    def __init__(self, factory: Factory, near: int | None, far: int | None, pressed_level: bool) -> None:
        self._near = input_pin(factory, near)
        self._far = input_pin(factory, far)
        self._pressed_level = pressed_level

    def near_pressed(self) -> bool | None:
        """Read the near limit's raw level; None where no switch is fitted."""
        return None if self._near is None else bool(self._near.state) == self._pressed_level

    def far_pressed(self) -> bool | None:
        """Read the far limit's raw level; None where no switch is fitted."""
        return None if self._far is None else bool(self._far.state) == self._pressed_level

    def close(self) -> None:
        """Give the inputs back."""
        for pin in (self._near, self._far):
            if pin is not None:
                pin.close()


class MotionPins(LimitPins):
    """The pins of one motor driver and its limit switches.

    Parameters
    ----------
    factory
        From `open_factory`, or a simulated one.
    energised
        Whether the motor is held from the first moment.

    Raises
    ------
    PinsUnavailable
        A pin does not exist or belongs to another process.
    """

    def __init__(self, factory: Factory, wiring: MotionWiring, *, energised: bool = False) -> None:
        self._wiring = wiring
        self.energised = energised
        self._step = output_pin(factory, wiring.step, False)
        self._dir = output_pin(factory, wiring.dir, wiring.far_level)
        self._enable = output_pin(factory, wiring.enable, energised == wiring.energised_level)
        super().__init__(factory, wiring.limit_near, wiring.limit_far, wiring.pressed_level)
        write = pin_writer(self._step)
        self.raise_step: Callable[[], object] = partial(write, 1)
        self.lower_step: Callable[[], object] = partial(write, 0)

    def face(self, far: bool) -> None:
        """Point the next steps towards the far end, or the near one."""
        self._dir.state = far == self._wiring.far_level

    def energise(self) -> None:
        """Hold the motor."""
        self._enable.state = self._wiring.energised_level
        self.energised = True

    def release(self) -> None:
        """Let the motor go."""
        self._enable.state = not self._wiring.energised_level
        self.energised = False

    def close(self) -> None:
        """Give the pins back.

        gpiozero turns a closed lgpio pin into an input without pull, so STEP, DIR and ENABLE float
        afterwards: only a resistor on the board decides whether the motor is held. Where it must be held,
        do not call this.
        """
        for pin in (self._enable, self._step, self._dir):
            pin.close()
        super().close()


class EmergencyPin:
    """The input of an emergency stop: normally closed to ground, so a broken wire reads pressed too."""

    def __init__(self, factory: Factory, number: int) -> None:
        self._pin = _claim(factory, number, lambda pin: pin.input_with_pull("up"))

    def pressed(self) -> bool:
        """Read the raw level: high, by the pull-up, once the contact is open."""
        return bool(self._pin.state)


@dataclass(frozen=True, slots=True)
class PanelWiring:
    """Which BCM pins the panel uses; None where nothing is fitted.

    Attributes
    ----------
    shoot
        A button to ground, with pull-up.
    led, light
        Outputs; the LED is on at high level.
    light_level
        The level at which the light shines.
    light_percent
        How much of the time it shines; below 100 it is switched `light_hz` times a second.
    """

    shoot: int | None = 26
    led: int | None = 19
    light: int | None = 13
    light_level: bool = True
    light_percent: int = 100
    light_hz: int = 2_000


class PanelPins:
    """The panel's button, LED and light."""

    def __init__(self, factory: Factory, wiring: PanelWiring) -> None:
        self.shoot = None if wiring.shoot is None else Button(input_pin(factory, wiring.shoot))
        self._led = None if wiring.led is None else output_pin(factory, wiring.led, False)
        self._wiring = wiring
        self._light = (
            None if wiring.light is None else output_pin(factory, wiring.light, not wiring.light_level)
        )

    def show(self, on: bool) -> None:
        """Turn the LED on or off."""
        if self._led is not None:
            self._led.state = on

    def light(self, on: bool) -> None:
        """Turn the light on, dimmed where it is to be, or off."""
        pin, wiring = self._light, self._wiring
        if pin is None:
            return
        if not on:
            if wiring.light_percent < 100:
                pin.frequency = None
            pin.state = not wiring.light_level
        elif wiring.light_percent < 100:
            pin.frequency = wiring.light_hz
            percent = wiring.light_percent if wiring.light_level else 100 - wiring.light_percent
            pin.state = (percent + 0.5) / 100  # which gpiozero cuts to whole percent
        else:
            pin.state = wiring.light_level

    def close(self) -> None:
        """Turn everything off and give the pins back."""
        self.show(False)
        self.light(False)
        if self.shoot is not None:
            self.shoot.close()
        for pin in (self._led, self._light):
            if pin is not None:
                pin.close()


Later = Callable[[float, Callable[[], None]], None]
"""Call the second argument in so many seconds, from any thread."""


def _later(delay_s: float, act: Callable[[], None]) -> None:
    timer = Timer(delay_s, act)
    timer.daemon = True
    timer.start()


class Button:
    """A button to ground, debounced on its raw edges.

    The first edge counts at once, because a press may mean *stop*. Edges within `quiet_s` after it are
    bounce; when the quiet is over the level is read again, so that a release during the quiet is not lost.
    Callbacks run in the GPIO library's thread or a timer's, one at a time, and must return quickly.
    """

    def __init__(self, pin: Pin, quiet_s: float = 0.02, later: Later = _later) -> None:
        self._pin = pin
        self._quiet_s = quiet_s
        self._later = later
        self._lock = Lock()
        self._quiet = False
        self._told: Callable[[bool], None] | None = None
        self.pressed = self._raw()

    def watch(self, told: Callable[[bool], None]) -> None:
        """Call `told(True)` at every press and `told(False)` at every release, from now on."""
        self._told = told
        self._pin.edges = "both"
        self._pin.when_changed = self._edge

    def close(self) -> None:
        """Stop watching and give the pin back."""
        self._told = None
        self._pin.when_changed = None
        self._pin.close()

    def _raw(self) -> bool:
        return not self._pin.state

    def _edge(self, _ticks: object, level: int) -> None:
        with self._lock:
            if not self._quiet:
                self._take(not level)

    def _settled(self) -> None:
        with self._lock:
            self._quiet = False
            if self._told is not None:
                self._take(self._raw())

    def _take(self, pressed: bool) -> None:
        if pressed == self.pressed:
            return
        self.pressed = pressed
        if self._told is not None:
            self._told(pressed)
        with suppress(RuntimeError):  # without a thread to end it there is no quiet: every edge counts
            self._later(self._quiet_s, self._settled)
            self._quiet = True


def output_pin(factory: Factory, number: int, level: bool) -> Pin:
    """Claim a pin as an output, at once at `level`; raises `PinsUnavailable`."""
    return _claim(factory, number, lambda pin: pin.output_with_state(level))


def input_pin(factory: Factory, number: int | None) -> Pin:
    """Claim a pin as an input with pull-up, None for none; raises `PinsUnavailable`."""
    return None if number is None else _claim(factory, number, lambda pin: pin.input_with_pull("up"))


def _claim(factory: Factory, number: int, set_up: Callable[[Pin], None]) -> Pin:
    try:
        pin = factory.pin(number)
        set_up(pin)
    except Exception as e:  # gpiozero's errors and lgpio's own have no base in common
        raise PinsUnavailable(
            f"GPIO {number} cannot be had ({e}); is another program using it, or does it not exist?"
        ) from e
    return pin


def pin_writer(pin: Pin) -> Callable[[int], object]:
    """Give the quickest way to set the level of an output."""
    # On lgpio, `pin.state = x` asks the kernel for the pin's mode before every write: two calls for an edge.
    if type(pin).__name__ == "RailPin":
        import lgpio

        handle, number = pin.factory._handle, pin._number  # noqa: SLF001
        return partial(lgpio.gpio_write, handle, number)

    def write(level: int) -> None:
        pin.state = level

    return write

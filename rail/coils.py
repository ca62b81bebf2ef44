"""The pins of a four-phase unipolar motor, a 28BYJ-48 on a ULN2003: steps as patterns on four coils."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rail.pins import Factory, LimitPins, output_pin, pin_writer

Pattern = tuple[int, int, int, int]
"""The level of each coil, in the order in which they follow each other around the motor."""

HALF_STEPS: tuple[Pattern, ...] = (
    (1, 0, 0, 0),
    (1, 1, 0, 0),
    (0, 1, 0, 0),
    (0, 1, 1, 0),
    (0, 0, 1, 0),
    (0, 0, 1, 1),
    (0, 0, 0, 1),
    (1, 0, 0, 1),
)
"""One coil and two in turn: finer, and weaker at every other step."""

FULL_STEPS: tuple[Pattern, ...] = HALF_STEPS[1::2]
"""Always two coils: the strongest of the simple orders."""


@dataclass(frozen=True, slots=True)
class CoilWiring:
    """Which BCM pin drives which coil, and what the levels mean.

    Attributes
    ----------
    coils
        IN1 to IN4 of the driver, high turns a coil on. In their order the motor turns.
    half_steps
        Go by half steps instead of full ones.
    far_forward
        Patterns in their order turn the axis towards the far end.
    limit_near, limit_far
        Inputs with pull-up, or None where no switch is fitted: a ring seldom has any.
    pressed_level
        The level of a limit input whose switch is pressed.
    """

    coils: tuple[int, int, int, int]
    half_steps: bool = True
    far_forward: bool = True
    limit_near: int | None = None
    limit_far: int | None = None
    pressed_level: bool = True

    def __post_init__(self) -> None:
        used = [*self.coils, *(pin for pin in (self.limit_near, self.limit_far) if pin is not None)]
        if len(self.coils) != 4 or len(set(used)) < len(used):
            raise ValueError(f"four coils need four pins, and one pin cannot do two things: {self}")

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """The patterns of one electrical turn, in order."""
        return HALF_STEPS if self.half_steps else FULL_STEPS


class CoilPins(LimitPins):
    """The coils of one motor, a `rail.pins.MotorPins`.

    The pattern is remembered while the motor is let go, and is the first one when it is held again, so that
    a rotor that stayed where it was does not move. In a new process nothing is known of the rotor: it falls
    into the nearest place that the first pattern has for it, up to two full steps away.

    Parameters
    ----------
    factory
        From `rail.pins.open_factory`, or a simulated one.
    energised
        Whether the motor is held from the first moment.

    Raises
    ------
    PinsUnavailable
        A pin does not exist or belongs to another process.
    """

    def __init__(self, factory: Factory, wiring: CoilWiring, *, energised: bool = False) -> None:
        self._wiring = wiring
        self._patterns = wiring.patterns
        self._phase = 0
        self._sense: Literal[-1, 1] = 1
        self._coils = [output_pin(factory, pin, False) for pin in wiring.coils]
        self._writers: list[Callable[[int], object]] = [pin_writer(coil) for coil in self._coils]
        super().__init__(factory, wiring.limit_near, wiring.limit_far, wiring.pressed_level)
        self._changes = {
            sense: tuple(
                _changes(self._patterns[phase], self._patterns[(phase + sense) % len(self._patterns)])
                for phase in range(len(self._patterns))
            )
            for sense in (-1, 1)
        }
        self.energised = False
        if energised:
            self.energise()

    def raise_step(self) -> None:
        """Turn the field by one step."""
        for coil, level in self._changes[self._sense][self._phase]:
            self._writers[coil](level)
        self._phase = (self._phase + self._sense) % len(self._patterns)

    def lower_step(self) -> None:
        """Leave the pattern standing: it is what holds the rotor."""

    def face(self, far: bool) -> None:
        """Let the next steps go towards the far end, or the near one."""
        self._sense = 1 if far == self._wiring.far_forward else -1

    def energise(self) -> None:
        """Hold the motor where it was let go."""
        self._show(self._patterns[self._phase])
        self.energised = True

    def release(self) -> None:
        """Turn all coils off."""
        self._show((0, 0, 0, 0))
        self.energised = False

    def close(self) -> None:
        """Give the pins back; the driver's own resistors then keep the coils off."""
        for coil in self._coils:
            coil.close()
        super().close()

    def _show(self, pattern: Pattern) -> None:
        for write, level in zip(self._writers, pattern, strict=True):
            write(level)


def _changes(old: Pattern, new: Pattern) -> tuple[tuple[int, int], ...]:
    """List what to write, off before on: between the two the field then points in between, never back."""
    changed = [(coil, new[coil]) for coil in range(4) if new[coil] != old[coil]]
    return tuple(sorted(changed, key=lambda change: change[1]))

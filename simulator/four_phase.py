"""A carriage, or a focus ring, turned by a four-phase motor: four coils and no driver between.

The rotor has eight places an electrical turn, half a step apart, and follows the field of the coils:

- It goes to the place the field points at, the short way round. Opposite to the field it does not know which
  way to turn, and stays.
- It needs time for that: what the coils do faster than the motor follows, leaves it where it was.
- Without current it stays, for its gears hold it. When current returns it is pulled to where the field then
  points, asked to or not.
"""

from simulator.carriage import Carriage, CarriageSpec, drawn, follows, turned
from simulator.clock import Clock
from simulator.world import CarriageState, World

WRITING_NS = 500_000
"""Coils that change within so short a time change together: the rotor is slower, and sees how that ends."""

_PLACES = {(1, 0): 0, (1, 1): 1, (0, 1): 2, (-1, 1): 3, (-1, 0): 4, (-1, -1): 5, (0, -1): 6, (1, -1): 7}
_TURN = 8


class FourPhaseCarriage(Carriage):
    """The one that moves the world's carriage by four coils. Told of every change of a coil, by one thread.

    The world's `motor_steps` are half steps, and so are `um_per_step` and the rates of `spec`; `edges` counts
    the patterns. `lost_steps` are those that the rotor did not follow in their direction, and those it was
    pulled by when current returned. A gear of 64:1 lets nothing run on: there is no coasting.

    Parameters
    ----------
    full_steps
        Only patterns of two coils are steps; what a single coil does in between is on the way.
    """

    def __init__(self, world: World, clock: Clock, spec: CarriageSpec, *, full_steps: bool = False) -> None:
        super().__init__(world, clock, spec)
        self._half_steps_a_step = 2 if full_steps else 1
        self._levels = [False] * 4
        self._written_ns = -WRITING_NS
        self._half_way = False
        self._before = self._state
        self._counted_before: int | None = None
        self._counted: int | None = None
        # A predecessor may have been killed with its coils on: its lines fell with it.
        self._publish(self._state._replace(enabled=False))

    def coil(self, place: int, high: bool) -> None:
        """Take a new level of the coil at `place`, 0 to 3."""
        if self._levels[place] == high:
            return
        self._levels[place] = high
        now_ns = self._clock.monotonic_ns()
        if now_ns - self._written_ns >= WRITING_NS and not self._half_way:
            self._written_ns, self._before, self._counted_before = now_ns, self.state, self._counted
        state = self._before._replace(changed_ns=now_ns, samples=self._state.samples)
        field = _field(self._levels)
        self._counted = self._counted_before
        self._half_way = field is not None and self._is_half_way(field)
        if field is None:
            self._publish(state._replace(enabled=any(self._levels)))
            return
        sense, counted = self._count(state, field)
        asked = counted.edges > state.edges
        self._publish(self._pulled(counted, field, sense, now_ns, asked=asked))

    def _count(self, state: CarriageState, field: int) -> tuple[int, CarriageState]:
        """Count a pattern that is a step, from the last one that was; give which way it leads."""
        if self._is_half_way(field):
            return 0, state
        last, self._counted = self._counted, field
        if last is None or field == last:
            return 0, state
        ahead = _short_way(field - last)
        sense = 0 if abs(ahead) == _TURN // 2 else self._sense * (1 if ahead > 0 else -1)
        return sense, state._replace(edges=state.edges + 1, net_edges=state.net_edges + sense)

    def _is_half_way(self, field: int) -> bool:
        """Say whether this is one coil between two full steps: while it stands, the step is not over."""
        return self._half_steps_a_step == 2 and field % 2 == 0

    @property
    def _sense(self) -> int:
        return -1 if self._spec.invert else 1

    def _pulled(
        self, state: CarriageState, field: int, sense: int, now_ns: int, *, asked: bool
    ) -> CarriageState:
        """Give the state after the field came to point at `field`; `asked`: by a step, of `sense`."""
        spec, waking = self._spec, not state.enabled
        steps = self._sense * _short_way(field - self._sense * state.motor_steps)
        if waking:
            state = state._replace(enabled=True, enabled_ns=now_ns)
        if steps == 0 or abs(steps) == _TURN // 2:
            return state._replace(lost_steps=state.lost_steps + asked, stalled=state.stalled or asked)
        direction = 1 if steps > 0 else -1
        interval_ns = now_ns - state.step_ns if direction == state.direction else 10**12
        rate = abs(steps) * 1e9 / max(interval_ns, 1)
        speed, lag = drawn(state, spec, rate, abs(steps))
        awake = waking or now_ns - state.enabled_ns >= spec.wake_ns
        turns = awake and follows(state, spec, rate, interval_ns, lag)
        state = state._replace(
            direction=direction,
            step_ns=now_ns,
            interval_ns=interval_ns,
            stalled=not turns,
            speed_steps_s=speed if turns else 0.0,
            lag_steps=lag if turns else 0.0,
        )
        if not turns or self._world.broken("carriage_jammed"):
            return state._replace(lost_steps=state.lost_steps + asked)
        astray = -(-abs(steps) // self._half_steps_a_step) if waking else int(asked and direction != sense)
        state = state._replace(lost_steps=state.lost_steps + astray)
        return turned(state, spec, self._world.start_um, steps)


def _field(levels: list[bool]) -> int | None:
    """Give where the coils' field points, in half steps; None where it points nowhere."""
    a, b, c, d = levels
    return _PLACES.get((a - c, b - d))


def _short_way(half_steps: int) -> int:
    """Give the turn of -3 to 4 half steps that leads there."""
    return (half_steps + 3) % _TURN - 3

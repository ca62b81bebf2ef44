"""The mechanics behind the motor's pins: driver, rotor, nut, carriage, switches and what stands in the way.

`Carriage` is told the levels of STEP, DIR and ENABLE as they change and keeps the world's record. It obeys
as a stepper does, which is not always:

- The driver misses a pulse that is too short, follows too soon on a change of DIR, or on being enabled.
- The rotor follows any pulse up to its pull-in rate. Above it, it must be brought up to speed, for it has
  inertia, its torque falls with its speed, and it lags behind pulses that gain on it. Too far behind, or
  after an interval much shorter than the one before, it is out of step, and stays so until the pulses are
  slow again. When pulses above the pull-in rate end, turn round, or slow down too quickly for it, it
  runs on.
- The nut has play, so the carriage stands still until the slack is taken up.
- The carriage ends at hard stops, and touches the specimen when it goes too far.

Everything is decided on an edge, from the instants of the edges; there is no thread and no time step.
"""

import math
from dataclasses import dataclass
from typing import Any

from simulator.clock import Clock
from simulator.world import CarriageState, World, changed


@dataclass(frozen=True, slots=True)
class CarriageSpec:
    """What the simulated rail is made of. Positions are micrometres from the near switch, near to far.

    Attributes
    ----------
    um_per_step
        Travel for one step.
    turn_steps
        Steps of an electrical turn. A driver that was without power begins at a whole number of them, and
        pulls the rotor to the nearest. 1: it begins anywhere.
    invert
        DIR high turns the motor towards near instead of far.
    pulse_ns, low_ns, dir_setup_ns, wake_ns
        Shortest STEP pulse and gap, and how long DIR and ENABLE must stand before STEP. An A4988's.
    pull_in_steps_s
        The rate at which the motor starts and stops without a ramp. Around 200 full steps a second is
        usual, 3200 steps at 1/16.
    max_steps_s
        The rate above which it never follows: it has no torque left.
    lag_steps
        How far it can be behind its pulses, or ahead, and come back: two full steps, 32 steps at 1/16.
    shortest_ratio
        An interval below this fraction of the one before is too sudden, above the pull-in rate.
    backlash_um
        Play between nut and carriage, taken up when the direction changes.
    near_switch_um, far_switch_um, switch_play_um, bounce_ns
        Where the limit switches actuate, how far back they let go, and how long their contacts chatter.
    near_end_um, far_end_um
        The hard ends.
    specimen_um
        Where the lens touches the specimen; None: there is nothing to touch.
    """

    um_per_step: float = 0.3125
    turn_steps: int = 1
    invert: bool = False
    pulse_ns: int = 1_000
    low_ns: int = 1_000
    dir_setup_ns: int = 200
    wake_ns: int = 1_000_000
    pull_in_steps_s: float = 3_000.0
    max_steps_s: float = 16_000.0
    lag_steps: float = 32.0
    shortest_ratio: float = 0.6
    backlash_um: float = 60.0
    near_switch_um: float = 0.0
    far_switch_um: float = 41_000.0
    switch_play_um: float = 80.0
    bounce_ns: int = 400_000
    near_end_um: float = -1_500.0
    far_end_um: float = 42_500.0
    specimen_um: float | None = None

    @property
    def torque_steps_s2(self) -> float:
        """How quickly the rotor gains speed from rest, and loses it from any, with all that it carries.

        The pull-in rate is the speed that it gains, and loses, while it falls behind by as much as it can.
        """
        return self.pull_in_steps_s**2 / (2 * self.lag_steps)


_REST_NS = 10**12


class Carriage:
    """The one that moves the world's carriage. Told of every change of a motor pin, by one thread.

    Raises `simulator.world.CarriageBusy` when another process does so already.
    """

    def __init__(self, world: World, clock: Clock, spec: CarriageSpec) -> None:
        world.claim_carriage()
        self._world = world
        self._clock = clock
        self._spec = spec
        self._state = world.carriage()
        if self._state.changed_ns > clock.monotonic_ns():
            self._state = _begun_anew(world.reboot(), spec, world.start_um)
        # A predecessor killed within a pulse: its line fell with it.
        self._before_pulse = changed(self._state, step_high=False)
        self._publish(_switched(self._before_pulse, spec, clock.monotonic_ns()))

    @property
    def state(self) -> CarriageState:
        """The carriage as of now, a motor that ran on without pulses included."""
        state = self._state
        if state.coast_steps and self._clock.monotonic_ns() >= state.coast_ns:
            self._publish(_coasted(state, self._spec, self._world.start_um))
        return self._state

    def enable(self, high: bool) -> None:
        """Take a new level of ENABLE; low is enabled."""
        state = self.state
        if state.enabled == high:
            now_ns = self._clock.monotonic_ns()
            self._publish(changed(state, changed_ns=now_ns, enabled=not high, enabled_ns=now_ns))

    def turn(self, high: bool) -> None:
        """Take a new level of DIR."""
        state = self.state
        if state.dir_high != high:
            now_ns = self._clock.monotonic_ns()
            self._publish(changed(state, changed_ns=now_ns, dir_high=high, dir_ns=now_ns))

    def step(self, high: bool) -> None:
        """Take a new level of STEP; the driver acts on the rising edge."""
        state = self.state
        if state.step_high == high:
            return
        now_ns = self._clock.monotonic_ns()
        if high:
            self._before_pulse = state
            jammed = self._world.broken("carriage_jammed") or self._world.broken("motor_unpowered")
            self._publish(_risen(state, self._spec, self._world.start_um, now_ns, jammed=jammed))
        elif now_ns - state.step_ns < self._spec.pulse_ns:
            self._publish(_missed(state, self._before_pulse, now_ns))
        else:
            self._publish(changed(state, changed_ns=now_ns, step_high=False, fall_ns=now_ns))

    def at_limit(self, near: bool) -> bool:
        """Say whether the near (or far) switch is actuated now; its contacts chatter at first."""
        state = self.state
        closed = state.near_closed if near else state.far_closed
        since_ns = self._clock.monotonic_ns() - (state.near_changed_ns if near else state.far_changed_ns)
        swing_ns = self._spec.bounce_ns // 4 or 1
        return closed != (since_ns < self._spec.bounce_ns and since_ns // swing_ns % 2 == 1)

    def _publish(self, state: CarriageState) -> None:
        if state.carriage_um != self._state.carriage_um:
            self._world.trace(self._state.samples, state.changed_ns, state.carriage_um)
            state = changed(state, samples=self._state.samples + 1)
        self._world.record(state)
        self._state = state


def _begun_anew(state: CarriageState, spec: CarriageSpec, start_um: float) -> CarriageState:
    """Give the state once the driver has its power again: the rotor follows it to where it begins."""
    half = spec.turn_steps // 2
    steps = half - (state.motor_steps + half) % spec.turn_steps
    return turned(state, spec, start_um, steps) if steps else state


def _risen(
    state: CarriageState, spec: CarriageSpec, start_um: float, now_ns: int, *, jammed: bool
) -> CarriageState:
    """Give the state after a rising edge of STEP at `now_ns`."""
    direction = 1 if state.dir_high != spec.invert else -1
    interval_ns = max(now_ns - state.step_ns, 1)
    speed, lag = drawn(state, spec, 1e9 / interval_ns)
    if state.coast_steps and (direction != state.direction or lag < -spec.lag_steps):
        state = _coasted(changed(state, coast_ns=now_ns), spec, start_um)
    if direction != state.direction:
        interval_ns, speed, lag = _REST_NS, 0.0, 0.0
    seen = (
        state.enabled
        and now_ns - state.enabled_ns >= spec.wake_ns
        and now_ns - state.dir_ns >= spec.dir_setup_ns
        and now_ns - state.fall_ns >= spec.low_ns
    )
    in_step = follows(state, spec, 1e9 / interval_ns, interval_ns, lag)
    values: dict[str, Any] = {
        "changed_ns": now_ns,
        "edges": state.edges + 1,
        "net_edges": state.net_edges + direction,
        "direction": direction,
        "step_ns": now_ns,
        "interval_ns": interval_ns,
        "step_high": True,
        "stalled": seen and not in_step,
        "speed_steps_s": speed if in_step else 0.0,
        "lag_steps": lag if in_step else 0.0,
        "coast_steps": 0,
    }
    if jammed or not seen or not in_step:
        return changed(state, **values, lost_steps=state.lost_steps + 1, blocked=False)
    moved = turned(state, spec, start_um, direction, **values)
    return _running(moved, spec, start_um) if speed > spec.pull_in_steps_s else moved


def drawn(state: CarriageState, spec: CarriageSpec, rate: float, steps: int = 1) -> tuple[float, float]:
    """Give speed and lag of the rotor after `steps` more at `rate`, damped so that it does not swing."""
    speed, lag = state.speed_steps_s, state.lag_steps
    if max(speed, rate) <= spec.pull_in_steps_s:
        return rate, 0.0
    seconds, torque = steps / rate, spec.torque_steps_s2
    wanted = rate + math.copysign(math.sqrt(torque * abs(lag)), lag)
    most = speed + torque * max(0.0, 1 - speed / spec.max_steps_s) * seconds
    reached = min(max(wanted, speed - torque * seconds), most)
    return reached, lag + steps - (speed + reached) / 2 * seconds


def follows(state: CarriageState, spec: CarriageSpec, rate: float, interval_ns: int, lag: float) -> bool:
    """Say whether the rotor is in step with a pulse at `rate`, so long after the one before."""
    return rate <= spec.pull_in_steps_s or (
        not state.stalled
        and rate <= spec.max_steps_s
        and interval_ns >= spec.shortest_ratio * state.interval_ns
        and lag <= spec.lag_steps
    )


def _missed(state: CarriageState, before: CarriageState, now_ns: int) -> CarriageState:
    """Give the state after a pulse too short to be seen: an edge more, a step lost, else as before."""
    return changed(
        before,
        changed_ns=now_ns,
        enabled=state.enabled,
        enabled_ns=state.enabled_ns,
        dir_high=state.dir_high,
        dir_ns=state.dir_ns,
        edges=state.edges,
        net_edges=state.net_edges,
        lost_steps=before.lost_steps + 1,
        step_high=False,
        fall_ns=now_ns,
    )


def turned(
    state: CarriageState, spec: CarriageSpec, start_um: float, steps: int, **values: Any
) -> CarriageState:
    """Give the state after the rotor turned by `steps`, as far as the ends let it, with other new values."""
    taken, carriage_um = _reached(state, spec, start_um, steps)
    blocked = taken != steps
    crashed = blocked and not state.blocked
    touches = spec.specimen_um is not None and state.carriage_um <= spec.specimen_um < carriage_um
    moved = changed(
        state,
        **values,
        carriage_um=carriage_um,
        motor_steps=state.motor_steps + taken,
        lost_steps=state.lost_steps + abs(steps - taken),
        nearest_um=min(state.nearest_um, carriage_um),
        farthest_um=max(state.farthest_um, carriage_um),
        crashes_near=state.crashes_near + (crashed and steps < 0),
        crashes_far=state.crashes_far + (crashed and steps > 0),
        blocked=blocked,
        specimen_contacts=state.specimen_contacts + touches,
    )
    return _switched(moved, spec, moved.changed_ns)


def _reached(state: CarriageState, spec: CarriageSpec, start_um: float, steps: int) -> tuple[int, float]:
    """Give how many of some steps the ends let the rotor take, and where the carriage is then."""
    taken = steps
    while not spec.near_end_um <= (carriage_um := _follow(state, spec, start_um, taken)) <= spec.far_end_um:
        taken -= 1 if steps > 0 else -1
        if taken == 0:
            return 0, state.carriage_um
    return taken, carriage_um


def _follow(state: CarriageState, spec: CarriageSpec, start_um: float, steps: int) -> float:
    """Give where the nut takes the carriage: pushed from behind, or pulled once the play is used up."""
    nut_um = start_um + (state.motor_steps + steps) * spec.um_per_step
    return min(max(state.carriage_um, nut_um), nut_um + spec.backlash_um)


def _running(state: CarriageState, spec: CarriageSpec, start_um: float) -> CarriageState:
    """Add what happens when no pulse follows: the rotor runs on until it is slow enough."""
    steps = math.ceil((state.speed_steps_s**2 - spec.pull_in_steps_s**2) / (2 * spec.torque_steps_s2))
    coast_um = _reached(state, spec, start_um, steps * state.direction)[1] - state.carriage_um
    return changed(
        state, coast_ns=state.changed_ns + 2 * state.interval_ns, coast_um=coast_um, coast_steps=steps
    )


def _coasted(state: CarriageState, spec: CarriageSpec, start_um: float) -> CarriageState:
    """Give the state after the rotor ran on: every step of it uncommanded, the rotor at rest."""
    steps = state.coast_steps
    moved = turned(state, spec, start_um, steps * state.direction, changed_ns=state.coast_ns)
    at_rest = {"direction": 0, "coast_steps": 0, "speed_steps_s": 0.0, "lag_steps": 0.0}
    return changed(moved, lost_steps=state.lost_steps + steps, **at_rest)


def _switched(state: CarriageState, spec: CarriageSpec, now_ns: int) -> CarriageState:
    """Let the carriage actuate the limit switches, or leave them."""
    near_play_um = spec.switch_play_um if state.near_closed else 0.0
    far_play_um = spec.switch_play_um if state.far_closed else 0.0
    near = state.carriage_um <= spec.near_switch_um + near_play_um
    far = state.carriage_um >= spec.far_switch_um - far_play_um
    if (near, far) == (state.near_closed, state.far_closed):
        return state
    return changed(
        state,
        near_closed=near,
        far_closed=far,
        near_changed_ns=now_ns if near != state.near_closed else state.near_changed_ns,
        far_changed_ns=now_ns if far != state.far_closed else state.far_changed_ns,
    )

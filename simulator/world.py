"""The simulated world: one memory-mapped file that every process of a rig looks at.

The carriage writes where it is; the camera, the tests and `focusctl sim state` read it; buttons and
faults are set from outside. Nothing here locks a reader or trusts a writer to live:

- The carriage's record is kept twice and written alternately, each copy with a number and a checksum.
  A reader takes the newest copy that checks out, so a torn one, or one whose writer was killed half-way,
  is never seen.
- The trajectory is a ring. Its entry is written before the record that counts it, and a reader starts
  again when what it copied may have been overwritten meanwhile.
- Inputs, outputs and faults are single 8-byte words, each a whole truth in itself.
- The file appears under its name complete (temporary file, rename), and says its version.
"""

import fcntl
import mmap
import os
import struct
import weakref
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

VERSION = 1
RING_LENGTH = 65_536
"""Steps remembered: 20 s at 3000 steps a second."""

INPUTS = ("shoot", "abort", "mark", "jog_near", "jog_far", "e_stop", "limit_near", "limit_far")
"""Whatever a finger can press."""

OUTPUTS = ("led", "light")
"""Whatever the panel drives, as its pin's level."""

FAULTS = (
    "limit_near_stuck",
    "limit_far_stuck",
    "limit_near_open",
    "limit_far_open",
    "carriage_jammed",
    "camera_timeout",
    "camera_missing_metadata",
    "exposure_drift",
    "e_stop_open",
    "camera_unproven",
    "camera_stuck",
    "motor_unpowered",
    "pi_hot",
    "under_voltage",
)
"""What can be broken from outside.

`limit_*_stuck`: the switch's lever is jammed, it never reports the carriage. `limit_*_open`: its wire is
off, the pull-up decides. `e_stop_open`: so is the emergency stop's. `carriage_jammed`: the motor cannot
move it. `motor_unpowered`: the motor's supply is off, and its driver's with it. `camera_timeout`: the
ribbon is loose, no frame comes and nothing says so. `camera_missing_metadata`: frames come without the
optional keys. `camera_unproven`: they come without their exposure time. `camera_stuck`: the driver hangs,
starting and stopping never return. `exposure_drift`: every frame is exposed a line shorter than the one
before. `pi_hot`: the Pi stands in the sun. `under_voltage`: its supply is too weak.
"""

_INPUTS, _OUTPUTS, _FAULTS = (
    {name: place for place, name in enumerate(names)} for names in (INPUTS, OUTPUTS, FAULTS)
)

HELD = 2**63 - 1
"""An input pressed until it is released."""


class WorldError(Exception):
    """The world's file cannot be used. `path` says which."""

    def __init__(self, message: str, *, path: Path) -> None:
        super().__init__(message)
        self.path = path


class WorldMismatch(WorldError):
    """The file is of another version, or not a world at all."""


class CarriageBusy(WorldError):
    """Another process moves this carriage already."""


class TrajectoryLost(WorldError):
    """The trajectory does not reach back to the instant asked for."""


@dataclass(frozen=True, slots=True)
class Resonance:
    """How the carriage sways after each step: a spring and a damper between nut and camera.

    Attributes
    ----------
    hertz
        Frequency of the sway.
    decay_ms
        Time in which it falls to 37 %.
    across
        Movement across the axis for each micrometre along it: the carriage tips as it sways.
    """

    hertz: float = 35.0
    decay_ms: float = 30.0
    across: float = 3.0


class Driven(NamedTuple):
    """What an output is.

    Attributes
    ----------
    part, before
        Which part of the time it is high, 0 to 1, now and before it was last changed.
    since_ns
        When that was, a millisecond early at the most.
    """

    part: float
    before: float
    since_ns: int


class CarriageState(NamedTuple):
    """All that is known of the carriage after one event. Micrometres count from the near switch, near to far.

    Attributes
    ----------
    changed_ns
        When this became true.
    carriage_um, motor_steps
        Where the carriage is, sway apart; steps the rotor really took since the world began.
    edges, net_edges
        Rising edges of STEP counted, in all and far minus near.
    lost_steps
        Edges that the rotor did not follow, and steps it ran on uncommanded.
    nearest_um, farthest_um
        The extremes ever reached.
    crashes_near, crashes_far, blocked
        How often the carriage ran into a hard end, and whether the last step pushed against one.
    specimen_contacts
        How often it touched the specimen.
    near_closed, far_closed, near_changed_ns, far_changed_ns
        Whether each limit switch is actuated, and since when.
    enabled, enabled_ns, dir_high, dir_ns, step_high, fall_ns
        The driver's inputs and when they changed.
    direction, step_ns, interval_ns
        The last edge: which way (+1 far, -1 near, 0 none yet), when, how long after the one before.
    stalled
        The rotor has fallen out of step and waits for slow pulses.
    speed_steps_s, lag_steps
        How fast the rotor turned at the last edge, and how far it was behind its pulses; negative: ahead.
    coast_ns, coast_um, coast_steps
        What follows if no edge comes before `coast_ns`: the rotor runs on so far. Zero steps: nothing.
    samples
        Entries ever written to the trajectory.
    """

    changed_ns: int = 0
    carriage_um: float = 0.0
    motor_steps: int = 0
    edges: int = 0
    net_edges: int = 0
    lost_steps: int = 0
    nearest_um: float = 0.0
    farthest_um: float = 0.0
    crashes_near: int = 0
    crashes_far: int = 0
    blocked: bool = False
    specimen_contacts: int = 0
    near_closed: bool = False
    far_closed: bool = False
    near_changed_ns: int = 0
    far_changed_ns: int = 0
    enabled: bool = False
    enabled_ns: int = 0
    dir_high: bool = False
    dir_ns: int = 0
    step_high: bool = False
    fall_ns: int = 0
    direction: int = 0
    step_ns: int = 0
    interval_ns: int = 0
    stalled: bool = False
    speed_steps_s: float = 0.0
    lag_steps: float = 0.0
    coast_ns: int = 0
    coast_um: float = 0.0
    coast_steps: int = 0
    samples: int = 0


_PLACES = {name: place for place, name in enumerate(CarriageState._fields)}


def changed(state: CarriageState, **values: Any) -> CarriageState:
    """Give a state with other values: as `_replace` does, but quicker, for every edge asks for it."""
    fields = list(state)
    for name, value in values.items():
        fields[_PLACES[name]] = value
    return tuple.__new__(CarriageState, fields)


_MAGIC = b"FRWORLD\0"
_REMEDY = "delete it to begin afresh"
_HEADER = struct.Struct("@8sqdddd")
_CODES = {int: "q", float: "d", bool: "?"}
_RECORD = struct.Struct("@q" + "".join(_CODES[kind] for kind in CarriageState.__annotations__.values()))
_CHECK = struct.Struct("@I")
_SLOT_BYTES = 512
_SLOTS_AT = 4096
_WORDS_AT = 8192
_RING_AT = 16_384
_BYTES = _RING_AT + 16 * RING_LENGTH
_RING_MARGIN = 1024
_READ_TRIES = 1000
_MEMORY_DECAYS = 8


class World:
    """One rig's file, mapped. `World.create` makes it, `World.open` joins it.

    Attributes
    ----------
    path
        The file.
    start_um
        Where the carriage stood when the world began.
    resonance
        How the carriage sways.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._let_go = weakref.finalize(self, os.close, self._file)
        if os.fstat(self._file).st_size != _BYTES:
            raise WorldMismatch(f"{path} is not a simulated world of this program; {_REMEDY}", path=path)
        self._map = mmap.mmap(self._file, _BYTES)
        self.start_um, self.resonance = self._read_header()
        words = memoryview(self._map)[_WORDS_AT:_RING_AT].cast("q")
        self._inputs = words[:64]
        self._outputs = words[64:128]
        self._faults = words[128:192]
        self._ring_ns = np.frombuffer(self._map, np.int64, RING_LENGTH, _RING_AT)
        self._ring_um = np.frombuffer(self._map, np.float64, RING_LENGTH, _RING_AT + 8 * RING_LENGTH)
        ring = memoryview(self._map)[_RING_AT:]  # quicker than an array for single entries
        self._trace_ns, self._trace_um = ring[: 8 * RING_LENGTH].cast("q"), ring[8 * RING_LENGTH :].cast("d")
        self._written = self._newest()[0]

    @classmethod
    def create(cls, path: Path, *, position_um: float = 0.0, resonance: Resonance | None = None) -> "World":
        """Make a new world at `path`, in place of any old one, its carriage at rest at `position_um`."""
        resonance = resonance or Resonance()
        content = bytearray(_BYTES)
        _HEADER.pack_into(
            content, 0, _MAGIC, VERSION, position_um, resonance.hertz, resonance.decay_ms, resonance.across
        )
        state = CarriageState(
            carriage_um=position_um, nearest_um=position_um, farthest_um=position_um, samples=1
        )
        content[_SLOTS_AT : _SLOTS_AT + _RECORD.size + _CHECK.size] = _sealed(0, state)
        struct.pack_into("@d", content, _RING_AT + 8 * RING_LENGTH, position_um)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_bytes(content)
        draft.replace(path)
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> "World":
        """Join the world at `path`. Raises `WorldMismatch`, or `WorldError` where there is none."""
        try:
            return cls(path)
        except FileNotFoundError as error:
            raise WorldError(f"there is no simulated world at {path}", path=path) from error

    def close(self) -> None:
        """Let go of the file; the world goes on."""
        del self._inputs, self._outputs, self._faults
        del self._trace_ns, self._trace_um, self._ring_ns, self._ring_um
        self._map.close()
        self._let_go()

    # --- the carriage, written by one process -------------------------------------------------------------

    def claim_carriage(self) -> None:
        """Become the one that moves the carriage, until `close` or death. Raises `CarriageBusy`."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CarriageBusy(
                f"another process moves the carriage of {self.path}", path=self.path
            ) from error
        self._written = self._newest()[0]

    def record(self, state: CarriageState) -> None:
        """Publish the carriage's new state. Only for the process that claimed it."""
        self._written += 1
        at = _SLOTS_AT + _SLOT_BYTES * (self._written % 2)
        self._map[at : at + _RECORD.size + _CHECK.size] = _sealed(self._written, state)

    def trace(self, samples: int, instant_ns: int, position_um: float) -> None:
        """Write trajectory entry number `samples`; the record that counts it comes after."""
        self._trace_ns[samples % RING_LENGTH] = instant_ns
        self._trace_um[samples % RING_LENGTH] = position_um

    def reboot(self) -> CarriageState:
        """Begin time anew, the machine's clock having started from zero: same place, same counts."""
        old = self.carriage()
        at_once = [0 if name.endswith("_ns") else value for name, value in old._asdict().items()]
        state = CarriageState._make(at_once)._replace(direction=0, coast_steps=0, samples=1)
        self.trace(0, 0, state.carriage_um)
        self.record(state)
        return state

    # --- the carriage, read by all ------------------------------------------------------------------------

    def carriage(self) -> CarriageState:
        """Give the newest whole record."""
        return self._newest()[1]

    def trajectory(self, since_ns: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Give the trajectory from the last entry at or before `since_ns`.

        Instants and positions, shape `(n,)`; from each instant on the nut's end of the spring is at that
        position. A motor that overran is included. Raises `TrajectoryLost`.
        """
        for _ in range(_READ_TRIES):
            state = self.carriage()
            length = min(state.samples, RING_LENGTH - _RING_MARGIN)
            places = np.arange(state.samples - length, state.samples) % RING_LENGTH
            instants_ns, positions_um = self._ring_ns[places], self._ring_um[places]
            kept = self.carriage().samples - state.samples < _RING_MARGIN
            if kept and bool(np.all(np.diff(instants_ns) >= 0)):
                break
        else:
            raise WorldMismatch(f"{self.path} is damaged; {_REMEDY}", path=self.path)
        first = int(np.searchsorted(instants_ns, since_ns, side="right")) - 1
        if first < 0:
            raise TrajectoryLost(
                f"the trajectory in {self.path} does not reach back to {since_ns} ns", path=self.path
            )
        instants_ns, positions_um = instants_ns[first:], positions_um[first:]
        if state.coast_steps:
            instants_ns = np.append(instants_ns, state.coast_ns)
            positions_um = np.append(positions_um, state.carriage_um + state.coast_um)
        return instants_ns, positions_um

    def motion_um(self, instants_ns: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give where the camera really was at each of `instants_ns`, along the axis and across it.

        Each step of the nut excites the spring between nut and camera; the responses add up:
        `x(t) = nut(t) - sum(d_i * exp(-u/T) * (cos(w*u) + sin(w*u) / (w*T)))`, `u = t - t_i`.
        """
        wanted_ns = np.atleast_1d(np.asarray(instants_ns, np.int64))
        decay_s, angular = self.resonance.decay_ms / 1e3, 2 * np.pi * self.resonance.hertz
        memory_ns = int(_MEMORY_DECAYS * decay_s * 1e9)
        steps_ns, nut_um = self.trajectory(max(0, int(wanted_ns.min()) - memory_ns))
        since_s = (wanted_ns[:, None] - steps_ns[None, 1:]) / 1e9
        begun = since_s >= 0
        since_s = np.where(begun, since_s, 0.0)
        swing = np.exp(-since_s / decay_s) * (
            np.cos(angular * since_s) + np.sin(angular * since_s) / (angular * decay_s)
        )
        sway_um = -np.sum(np.diff(nut_um) * swing * begun, axis=1)
        at_um = nut_um[np.searchsorted(steps_ns, wanted_ns, side="right") - 1]
        return at_um + sway_um, sway_um * self.resonance.across

    def position_um_at(self, instant_ns: int) -> float:
        """Give where the camera really was, or is, at `instant_ns`, sway included."""
        return float(self.motion_um(instant_ns)[0][0])

    # --- inputs, outputs and faults: words that anybody sets ----------------------------------------------

    def press(self, name: str, until_ns: int = HELD) -> None:
        """Press the input `name` (one of `INPUTS`), to be let go by itself at `until_ns`."""
        self._inputs[_place(name, _INPUTS, "input")] = until_ns

    def release(self, name: str) -> None:
        """Let go of the input `name`."""
        self.press(name, 0)

    def pressed(self, name: str, now_ns: int) -> bool:
        """Say whether the input `name` is pressed now."""
        return now_ns < self._inputs[_place(name, _INPUTS, "input")]

    def drive(self, name: str, part: float, now_ns: int) -> None:
        """Set the output `name` (one of `OUTPUTS`): which part of the time it is high, 0 to 1."""
        place, level = _place(name, _OUTPUTS, "output"), round(1000 * part)
        before = self._outputs[place] % 1024
        if level != before:
            self._outputs[place] = (now_ns // 1_000_000 * 1024 + before) * 1024 + level

    def driven(self, name: str) -> bool:
        """Say whether the output `name` is high, be it by turns."""
        return self.part_driven(name) > 0

    def part_driven(self, name: str) -> float:
        """Give which part of the time the output `name` is high."""
        return self.output(name).part

    def output(self, name: str) -> Driven:
        """Give what the output `name` is, and has been."""
        rest, level = divmod(self._outputs[_place(name, _OUTPUTS, "output")], 1024)
        since_ms, before = divmod(rest, 1024)
        return Driven(level / 1000, before / 1000, since_ms * 1_000_000)

    def break_down(self, name: str) -> None:
        """Switch the fault `name` (one of `FAULTS`) on."""
        self._faults[_place(name, _FAULTS, "fault")] = 1

    def mend(self, name: str) -> None:
        """Switch the fault `name` off."""
        self._faults[_place(name, _FAULTS, "fault")] = 0

    def broken(self, name: str) -> bool:
        """Say whether the fault `name` is on."""
        return bool(self._faults[_place(name, _FAULTS, "fault")])

    def report(self, now_ns: int) -> dict[str, object]:
        """Give everything as plain values, for `focusctl sim state`."""
        return {
            "position_um": round(self.position_um_at(now_ns), 3),
            "carriage": self.carriage()._asdict(),
            "inputs": {name: self.pressed(name, now_ns) for name in INPUTS},
            "outputs": {name: self.driven(name) for name in OUTPUTS},
            "faults": {name: self.broken(name) for name in FAULTS},
        }

    # --- the file -----------------------------------------------------------------------------------------

    def _read_header(self) -> tuple[float, Resonance]:
        magic, version, start_um, hertz, decay_ms, across = _HEADER.unpack_from(self._map)
        if (magic, version) != (_MAGIC, VERSION):
            raise WorldMismatch(
                f"{self.path} is a simulated world of version {version}, this program makes version "
                f"{VERSION}; {_REMEDY}",
                path=self.path,
            )
        return start_um, Resonance(hertz, decay_ms, across)

    def _newest(self) -> tuple[int, CarriageState]:
        """Read both copies until one is whole; give the later one with its number."""
        for _ in range(_READ_TRIES):
            copies = [copy for slot in (0, 1) if (copy := self._copy(_SLOTS_AT + _SLOT_BYTES * slot))]
            if copies:
                return max(copies)
        raise WorldMismatch(f"{self.path} is damaged; {_REMEDY}", path=self.path)

    def _copy(self, at: int) -> tuple[int, CarriageState] | None:
        content = self._map[at : at + _RECORD.size + _CHECK.size]
        if _CHECK.unpack_from(content, _RECORD.size)[0] != zlib.crc32(content[: _RECORD.size]):
            return None
        number, *values = _RECORD.unpack_from(content)
        return number, CarriageState(*values)


def _sealed(number: int, state: CarriageState) -> bytes:
    content = _RECORD.pack(number, *state)
    return content + _CHECK.pack(zlib.crc32(content))


def _place(name: str, known: Mapping[str, int], what: str) -> int:
    try:
        return known[name]
    except KeyError as error:
        raise ValueError(f"there is no {what} {name!r}; there are {', '.join(known)}") from error

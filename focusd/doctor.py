"""Looks the rig over without moving anything: from inside the daemon where one runs, else from here.

What is looked at is gathered here; what it means is said by `focusd.verdicts`.
"""

import os
import platform
import resource
from collections.abc import Iterator
from pathlib import Path

from camera.memory import read_memory
from focusd.axis_settings import Axis as AxisConfig
from focusd.board import Board
from focusd.config import load_config
from focusd.errors import ConfigInvalid
from focusd.hardware import board_model, open_driver
from focusd.host import clock_set, read_mount, write_speed
from focusd.host_verdicts import of_clock, of_disk_speed, of_memory, of_mount, of_versions, of_vitals
from focusd.house import House
from focusd.places import config_file, state_to_look_at
from focusd.settings import Config, wired_pins
from focusd.switches import Switches
from focusd.verdicts import (
    Health,
    Rights,
    Verdict,
    of_camera,
    of_complaints,
    of_disk,
    of_driver,
    of_lateness,
    of_pins,
    of_position,
    of_rights,
    of_stored_position,
    of_switch_pressed_afar,
    of_switches,
)
from focusd.versions import versions_here
from rail.axis import Position, Trust
from rail.boards import clean_steps_s
from rail.errors import DriverFault, PinsUnavailable
from rail.pins import input_pin, line_users, open_factory
from rail.position_store import FilePositionStore
from rail.stepper_axis import StepperAxis
from rail.tmc2209 import Tmc2209


def examine_running(house: House) -> Iterator[Verdict]:
    """Look over a rig whose daemon runs.

    Asks neither pins nor camera anything, and tries the disk only at rest, so it disturbs no stack.
    """
    now, rig = house.operator.now(), house.rig
    simulated = ", with a simulated rig" if rig.simulation is not None else ""
    yield Verdict("daemon", Health.GOOD, f"focusd {house.versions['focusrail']} runs{simulated}")
    if house.operator.lost is not None:
        yield Verdict("motion", Health.BAD, house.operator.lost, "start focusd again, then home")
    if isinstance(rig.axis, StepperAxis):
        yield from of_complaints(rig.complaints)
        yield from _of_driver(house.config.axis, rig.driver)
        yield from _of_motor(rig.axis, now.position)
    if now.emergency:
        words = "an emergency stop is in force: nothing moves"
        yield Verdict(
            "emergency stop", Health.BAD, words, "see that the rig is safe, then focusctl acknowledge"
        )
    if attention := house.timelapse.attention:
        yield Verdict("time-lapse", Health.BAD, attention, "focusctl timelapse status")
    yield of_position(now.position, house.config.axis.scale.unit)
    yield of_camera(now.camera)
    yield of_disk(str(house.sessions.root), now.free_bytes, now.reserve_bytes)
    yield from of_mount(str(house.sessions.root), read_mount(house.sessions.root))
    if now.job is None and house.merges.progress() is None and (now.free_bytes or 0) > now.reserve_bytes:
        yield of_disk_speed(write_speed(house.sessions.root))
    yield from _of_host(house.config, rig.board)


def _of_host(config: Config, board: Board) -> Iterator[Verdict]:
    yield of_clock(clock_set())
    yield of_memory(read_memory())
    yield from of_vitals(board.vitals(), config.board.limits)
    yield of_versions(versions_here(), platform.python_version())


def _of_driver(axis: AxisConfig, driver: Tmc2209 | None) -> Iterator[Verdict]:
    """Ask the motor's driver how it is, where it can be asked; it goes on with what it does."""
    if axis.uart is None or driver is None:
        return
    try:
        driver.look()
    except DriverFault as error:
        yield of_driver(axis.uart.port, str(error))
    else:
        yield of_driver(axis.uart.port, None)


def _of_motor(axis: StepperAxis, position: Position) -> Iterator[Verdict]:
    report, settings, length_u = axis.look(), axis.settings, axis.scale.length_u
    yield of_lateness(report.late_steps, report.max_late_ns)
    switches = Switches(report.limits.near, report.limits.far, report.emergency_pressed)
    yield from of_switches(switches, axis.scale.unit)
    if position.trust is Trust.KNOWN:
        near_steps, far_steps = settings.ends_steps
        yield from of_switch_pressed_afar(
            switches,
            position_u=length_u(position.steps),
            ends_u=(length_u(near_steps), length_u(far_steps)),
            play_u=length_u(settings.run_up_steps + settings.clearance_steps),
        )


def examine_alone(unanswered: str, path: Path | None = None, state: Path | None = None) -> Iterator[Verdict]:
    """Look over a rig whose daemon does not answer: its configuration, chip, pins, switches, and its rights.

    Parameters
    ----------
    unanswered
        Why no daemon answered, in words: there may be none, or none for this user.
    path
        The configuration; None: where a daemon would find it.
    state
        Where the position is stored; None: where systemd's daemon stores it, else one that this user starts.
    """
    yield Verdict("daemon", Health.DOUBTFUL, unanswered)
    try:
        path = config_file(path)
        config = load_config(path)
    except ConfigInvalid as error:
        yield Verdict("configuration", Health.BAD, "; ".join(error.problems), f"edit {error.source}")
        return
    state = state or state_to_look_at()
    yield Verdict("configuration", Health.GOOD, str(path) if path else "none, so the built-in defaults hold")
    yield _of_board(board_model())
    yield from _of_host(config, Board())
    sessions = Path(config.storage.sessions or state / "sessions")
    if sessions.is_dir():
        yield from of_mount(str(sessions), read_mount(sessions))
    if config.axis.kind == "lens":
        return
    yield from of_rights(_own_rights())
    yield from _of_wiring(config)
    yield from _of_driver(config.axis, open_driver(config.axis))
    stored = FilePositionStore(state / "position.json").load()
    yield of_stored_position(stored, config.axis.scale.unit, self_holding=config.axis.self_holding)


def _of_board(model: str) -> Verdict:
    if rate := clean_steps_s(model):
        return Verdict("board", Health.GOOD, f"{model}, which steps cleanly up to {rate} a second")
    words = f"{model or 'no Raspberry Pi'}: how fast it steps cleanly is not known"
    return Verdict("board", Health.DOUBTFUL, words, "set axis.cap_steps_s, or run focusd --simulate here")


def _of_wiring(config: Config) -> Iterator[Verdict]:
    """Ask the chip who holds its lines, and the switches what they read; only inputs are claimed."""
    try:
        users = line_users()
        yield Verdict("GPIO chip", Health.GOOD, "found, and may be used")
        yield from of_pins(wired_pins(config), users)
        if users.keys().isdisjoint(wired_pins(config).values()):
            yield from of_switches(_read_switches(config), config.axis.scale.unit)
    except PinsUnavailable as error:
        yield Verdict("GPIO chip", Health.BAD, str(error))


def _read_switches(config: Config) -> Switches:
    factory, pins = open_factory(), config.axis.pins
    pressed_level = pins.limit_active == "high"

    def read(name: str, number: int | None, active: bool) -> bool | None:
        pin = input_pin(factory, number) if name in config.axis.parts else None
        return None if pin is None else bool(pin.state) is active

    try:
        return Switches(
            read("limit_near", pins.limit_near, pressed_level),
            read("limit_far", pins.limit_far, pressed_level),
            read("e_stop", pins.e_stop, True),
        )
    finally:
        factory.close()


def _own_rights() -> Rights:
    if os.geteuid() == 0:
        return Rights(priority=99, locked_bytes=2**63 - 1)
    priority, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
    locked_bytes, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return Rights(priority, 2**63 - 1 if locked_bytes == resource.RLIM_INFINITY else locked_bytes)

"""What the doctor says of each thing it has looked at: pure functions from facts to plain words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from focusd.now import OPENING, CameraFacts
from focusd.sizes import size_words
from focusd.switches import Switches
from rail.axis import Position, Trust
from rail.position_store import StoredPosition
from rail.process import LOCKED_BYTES
from rail.screw import Unit
from stack.readiness import to_know


class Health(StrEnum):
    """How a thing is."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    """It works, and not as well as it could."""
    BAD = "bad"
    """Something cannot be done until this is put right."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one thing, and what to do about it; nothing where all is well."""

    thing: str
    health: Health
    words: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Rights:
    """What the system permits a process: real-time priority, and bytes of memory that stay in memory."""

    priority: int
    locked_bytes: int


NEEDED_PRIORITY = 40

_UNIT = "with the systemd unit in systemd/focusd.service it is; by hand: LimitRTPRIO=50 and LimitMEMLOCK=1G"


def of_rights(rights: Rights) -> Iterator[Verdict]:
    """Judge what the motion process would be permitted."""
    if rights.priority >= NEEDED_PRIORITY:
        yield Verdict("real time", Health.GOOD, f"permitted up to priority {rights.priority}")
    else:
        yield Verdict(
            "real time", Health.DOUBTFUL, "not permitted: under load, moves take longer and may shake", _UNIT
        )
    if rights.locked_bytes >= LOCKED_BYTES:
        yield Verdict("locked memory", Health.GOOD, f"permitted, {_memory_words(rights.locked_bytes)}")
    else:
        words = f"{_memory_words(rights.locked_bytes)} permitted: moves may stall when memory is short"
        yield Verdict("locked memory", Health.DOUBTFUL, words, _UNIT)


def of_complaints(complaints: Sequence[str]) -> Iterator[Verdict]:
    """Judge what the running motion process was not permitted."""
    for complaint in complaints:
        yield Verdict("motion", Health.DOUBTFUL, complaint, _UNIT)
    if not complaints:
        yield Verdict("motion", Health.GOOD, "the motion process runs, with all it asked the system for")


def of_driver(port: str, problem: str | None) -> Verdict:
    """Judge the motor's driver by what it says of itself."""
    if problem is None:
        return Verdict("driver", Health.GOOD, f"answers at {port}, and has nothing to complain of")
    return Verdict("driver", Health.BAD, problem, "see docs/wiring.md; nothing moves until it answers")


def of_lateness(late_steps: int, max_late_ns: int) -> Verdict:
    """Judge how steps came so far."""
    if not late_steps:
        return Verdict("steps", Health.GOOD, "none came late so far")
    words = f"{late_steps} came late so far, the latest by {max_late_ns / 1e6:.1f} ms: moves took longer"
    remedy = "go slower (axis.speed, axis.cap_steps_s), or load the Pi less"
    return Verdict("steps", Health.DOUBTFUL, words, remedy)


def of_pins(wanted: Mapping[str, int], users: Mapping[int, str]) -> Iterator[Verdict]:
    """Judge whether the configured pins, by setting, are free; `users` are the programs that hold lines."""
    taken = {name: pin for name, pin in wanted.items() if pin in users}
    for name, pin in taken.items():
        yield Verdict(
            "pins",
            Health.BAD,
            f"GPIO {pin} ({name}) is in use by {users[pin] or 'an unnamed program'}",
            "end that program, take its overlay out of /boot/firmware/config.txt, or wire another pin",
        )
    if not taken:
        yield Verdict("pins", Health.GOOD, f"all {len(wanted)} that are configured are free")


def of_switches(switches: Switches, unit: Unit) -> Iterator[Verdict]:
    """Judge what the switches read; a ring, which counts in degrees, has none at its ends."""
    near, far = switches.near, switches.far
    if near is None and far is None:
        if unit != "deg":
            words = "none is fitted: nothing but soft limits ends a move"
            yield Verdict("limits", Health.DOUBTFUL, words, _FIT)
    elif near and far:
        yield Verdict(
            "limits",
            Health.BAD,
            "both read pressed, so nothing moves",
            "look for a broken wire or a loose plug, and at axis.pins.limit_active; normally-closed switches "
            "to ground are active high",
        )
    else:
        states = ", ".join(f"{end} {_state(pressed)}" for end, pressed in (("near", near), ("far", far)))
        yield Verdict("limits", Health.GOOD, f"{states}; touch one by hand and ask again to see it change")
    if switches.e_stop:
        words = "pressed, or its wire is broken: nothing moves"
        yield Verdict("emergency stop", Health.BAD, words, "release it, look at its wire")
    elif switches.e_stop is False:
        yield Verdict("emergency stop", Health.GOOD, "released")


_FIT = "fit a normally-closed switch at the end away from the subject: docs/wiring.md"


def of_switch_pressed_afar(
    switches: Switches, position_u: float, ends_u: tuple[float, float], play_u: float
) -> Iterator[Verdict]:
    """Judge a switch that reads pressed while the axis, whose place is known, stands far from it.

    `ends_u` are the places of the near and the far switch, `play_u` what may lie between a switch and where
    the axis is believed to be.
    """
    for end, pressed, place_u in (("near", switches.near, ends_u[0]), ("far", switches.far, ends_u[1])):
        away_u = abs(position_u - place_u)
        if pressed and away_u > play_u:
            yield Verdict(
                "limits",
                Health.BAD,
                f"the {end} switch reads pressed though the axis should be {away_u:.4g} µm away from it",
                "look for a jammed lever or a broken wire; if the axis was moved by hand, home it again",
            )


def of_position(position: Position, unit: Unit) -> Verdict:
    """Judge what is known of the axis's place."""
    match position.trust:
        case Trust.KNOWN:
            return Verdict("position", Health.GOOD, "known")
        case Trust.ASSUMED:
            words = "assumed: stored at rest before the motor was let go or the power went"
            return Verdict("position", Health.DOUBTFUL, words, to_know(unit))
        case Trust.UNKNOWN:
            words = "unknown: only short, slow, relative moves are possible"
            return Verdict("position", Health.DOUBTFUL, words, to_know(unit))


def of_stored_position(stored: StoredPosition | None, unit: Unit, *, self_holding: bool) -> Verdict:
    """Say what a daemon that starts now would know of the axis's place."""
    if stored is None:
        words = "none is stored: it will be unknown"
    elif stored.moving:
        words = "the last move was cut short: it will be unknown"
    elif stored.trust is Trust.UNKNOWN or not self_holding:
        words = "it will be unknown"
    else:
        words = "stored at rest: it will be assumed until its reference is found"
        return Verdict("position", Health.GOOD, words)
    return Verdict("position", Health.DOUBTFUL, words, to_know(unit))


def of_camera(camera: CameraFacts) -> Verdict:
    """Judge the camera as the daemon has it, and say what it gives."""
    if camera.problem == OPENING:
        return Verdict("camera", Health.DOUBTFUL, OPENING, "ask again in a moment")
    if camera.problem is not None:
        return Verdict(
            "camera", Health.BAD, camera.problem, "see the camera by `rpicam-hello --list-cameras`"
        )
    size = " of {} x {} pixels".format(*camera.size_px) if camera.size_px else ""
    words = f"{camera.model or 'ready'}: frames{size}, {1e9 / camera.frame_ns:.1f} a second at most"
    return Verdict("camera", Health.GOOD, words)


def of_disk(folder: str, free_bytes: int | None, reserve_bytes: int) -> Verdict:
    """Judge the room for sessions; None: the disk does not say."""
    if free_bytes is None:
        return Verdict("disk", Health.BAD, f"{folder} is gone, or its disk is failing", "connect that disk")
    words = f"{size_words(free_bytes)} free in {folder}, of which {size_words(reserve_bytes)} are kept free"
    if free_bytes > reserve_bytes:
        return Verdict("disk", Health.GOOD, words)
    return Verdict("disk", Health.BAD, words, "focusctl sessions rm, or storage.sessions on another disk")


def _state(pressed: bool | None) -> str:
    return "not fitted" if pressed is None else "pressed" if pressed else "open"


def _memory_words(size_bytes: int) -> str:
    return "all memory" if size_bytes >= 2**60 else f"{size_bytes / 2**20:.0f} MiB"

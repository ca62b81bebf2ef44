"""Settings that cannot both be meant."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from posixpath import normpath

from focusd.axis_settings import ENDLESS_TURNS, Axis, CustomDriver, DriverUart, FocusMotor, step_rates
from focusd.problems import shown
from focusd.settings import Config, Span, Storage, wired_pins
from rail.drivers import CUSTOM, DRIVERS
from rail.focus import table_problems

PITCH_FOLLOWS_FROM = {"rail": ("magnification",), "ring": (), "lens": ("focal_mm", "f_number")}
"""By the kind of axis, what optics must say for a pitch by overlap; on a ring there is none."""


def contradictions(config: Config) -> Iterator[str]:
    """Give a sentence for each pair of settings that cannot both be meant."""
    yield from _axis_contradictions(config.axis)
    yield from _pin_contradictions(config)
    yield from _optics_contradictions(config)
    yield from _plan_contradictions(config)
    yield from _storage_contradictions(config.storage)
    yield from _delivery_contradictions(config)
    yield from _series_contradictions(config)
    yield from _simulation_contradictions(config)


def _axis_contradictions(axis: Axis) -> Iterator[str]:
    if axis.kind == "lens":
        yield from _lens_contradictions(axis.lens)
        return
    if axis.driver not in (*DRIVERS, CUSTOM):
        yield f"axis.driver: {shown(axis.driver)} is not one of {', '.join([*DRIVERS, CUSTOM])}"
    elif axis.driver != CUSTOM and axis.custom_driver != CustomDriver():
        yield f"axis.custom_driver: is only looked at where axis.driver is {CUSTOM}, and it is {axis.driver}"
    if axis.uart is not None:
        yield from _uart_contradictions(axis, axis.uart)
    if axis.four_phase and axis.microsteps > 2:
        group = "ring" if axis.kind == "ring" else "screw"
        yield (
            f"axis.{group}.microsteps: {axis.microsteps} is more than {axis.driver} can do; "
            "give 2 for half steps or 1 for full ones"
        )
    if axis.gravity and axis.idle_release_s is not None:
        yield "axis.idle_release_s: must be null where axis.gravity is true: a released carriage would fall"
    elif not axis.self_holding and axis.idle_release_s is not None:
        yield (
            "axis.idle_release_s: must be null where axis.self_holding is false: released, the carriage may "
            "move, and its place is forgotten"
        )
    yield from _ring_contradictions(axis) if axis.kind == "ring" else _rail_contradictions(axis)


def _uart_contradictions(axis: Axis, uart: DriverUart) -> Iterator[str]:
    if axis.driver != "TMC2209":
        yield f"axis.uart: only a TMC2209 is talked to, and axis.driver is {axis.driver}; set it to null"
    try:
        uart.current  # noqa: B018 - made to see whether it can be
    except ValueError as error:
        yield f"axis.uart: {error}"


def _rail_contradictions(axis: Axis) -> Iterator[str]:
    if axis.keep_out_mm >= axis.travel_mm:
        yield (
            f"axis.keep_out_mm: {axis.keep_out_mm:g} leaves nothing of axis.travel_mm ({axis.travel_mm:g}); "
            "it must be smaller"
        )
    elif _steps_kept_clear(axis) > axis.steps(axis.travel_mm):
        yield (
            f"axis.travel_mm: {axis.travel_mm:g} leaves no room: keep_out_mm ({axis.keep_out_mm:g}), "
            f"homing.back_off_mm ({axis.homing.back_off_mm:g}), backlash_um ({axis.backlash_um:g}) and "
            f"run_up_um ({axis.run_up_um:g}) together must be less"
        )
    if axis.steps(back_off_mm := axis.homing.back_off_mm) < 1:
        step_mm = float(axis.scale.per_step) / 1000
        yield (
            f"axis.homing.back_off_mm: {back_off_mm:g} is less than a step; with this screw {step_mm:g} or "
            "more is needed"
        )
    yield from _rail_speed_contradictions(axis)


def _rail_speed_contradictions(axis: Axis) -> Iterator[str]:
    speed, homing = axis.speed, axis.homing
    if speed.start_mm_s > speed.max_mm_s:
        yield (
            f"axis.speed.start_mm_s: {speed.start_mm_s:g} is faster than "
            f"axis.speed.max_mm_s ({speed.max_mm_s:g})"
        )
    for name, faster_mm_s in (
        ("homing.fast_mm_s", homing.fast_mm_s),
        ("speed.start_mm_s", speed.start_mm_s),
    ):
        if homing.slow_mm_s > faster_mm_s:
            yield f"axis.homing.slow_mm_s: {homing.slow_mm_s:g} is faster than axis.{name} ({faster_mm_s:g})"
    fastest_steps_s, starting_steps_s = step_rates(axis.timing, axis.microsteps)
    for name, speed_mm_s in (("speed.max_mm_s", speed.max_mm_s), ("homing.fast_mm_s", homing.fast_mm_s)):
        if (steps_s := axis.steps(speed_mm_s)) > fastest_steps_s:
            fastest_mm_s = float(axis.scale.per_step) * fastest_steps_s / 1000
            yield (
                f"axis.{name}: {speed_mm_s:g} mm/s is {steps_s} steps a second with this screw; "
                f"{fastest_steps_s} ({fastest_mm_s:.3g} mm/s) is the most: go slower, or use fewer microsteps"
            )
    if (steps_s := axis.steps(speed.start_mm_s)) > starting_steps_s:
        yield (
            f"axis.speed.start_mm_s: {speed.start_mm_s:g} mm/s is {steps_s} steps a second with this screw; "
            f"the motor of {axis.driver} starts at {starting_steps_s} at the most"
        )


def _steps_kept_clear(axis: Axis) -> int:
    """Give how much of the travel no move may end in, as `rail.axis_settings.AxisSettings.reach` has it."""
    lengths_mm = (axis.keep_out_mm, axis.homing.back_off_mm, axis.backlash_um / 1000, axis.run_up_um / 1000)
    return sum(axis.steps(length_mm) for length_mm in lengths_mm)


def _ring_contradictions(axis: Axis) -> Iterator[str]:
    ring, at = axis.ring, "axis.ring"
    if axis.home_allowed:
        yield "axis.home_allowed: must be false where axis.kind is ring: a ring has no switch to home to"
    if axis.gravity:
        yield "axis.gravity: must be false where axis.kind is ring: nothing falls when a ring is let go"
    if ring.ends_deg is not None and not ring.ends_deg[0] <= 0 <= ring.ends_deg[1]:
        near_deg, far_deg = ring.ends_deg
        yield (
            f"{at}.ends_deg: {near_deg:g} to {far_deg:g} does not hold 0, the mark; give the nearer end "
            "first, as so many degrees before the mark: [-5, 270]"
        )
    most_deg = 360 * ENDLESS_TURNS
    if ring.ends_deg is not None and max(map(abs, ring.ends_deg)) > most_deg:
        yield f"{at}.ends_deg: is more than {ENDLESS_TURNS} turns from the mark; null: there are no ends"
    near_deg, far_deg = ring.reach_deg
    if ring.backlash_deg + ring.run_up_deg >= far_deg - near_deg:
        yield f"{at}.ends_deg: {near_deg:g} to {far_deg:g} leaves no room for backlash_deg and run_up_deg"
    speed = ring.speed
    if speed.start_deg_s > speed.max_deg_s:
        yield f"{at}.speed.start_deg_s: {speed.start_deg_s:g} is faster than max_deg_s ({speed.max_deg_s:g})"
    fastest_steps_s, starting_steps_s = step_rates(axis.timing, axis.microsteps)
    for name, speed_deg_s, most_steps_s in (
        ("max_deg_s", speed.max_deg_s, fastest_steps_s),
        ("start_deg_s", speed.start_deg_s, starting_steps_s),
    ):
        if (steps_s := ring.steps(speed_deg_s)) > most_steps_s:
            most_deg_s = float(ring.scale.per_step) * most_steps_s
            yield (
                f"{at}.speed.{name}: {speed_deg_s:g} deg/s is {steps_s} steps a second with these gears; "
                f"{most_steps_s} ({most_deg_s:.3g} deg/s) is the most here: go slower"
            )
    if ring.distances is not None:
        yield from (f"{at}.distances: {problem}" for problem in table_problems(ring.distances))


def _lens_contradictions(lens: FocusMotor) -> Iterator[str]:
    step_d = float(Fraction(lens.step_d))
    if lens.stride_d < step_d:
        yield f"axis.lens.stride_d: {lens.stride_d:g} is less than a step, axis.lens.step_d ({step_d:g})"
    if lens.ends_d is None:
        return
    near_d, far_d = lens.ends_d
    if not near_d > far_d >= 0:
        yield (
            f"axis.lens.ends_d: {near_d:g} to {far_d:g} does not run from near to far; give the nearer end, "
            "which has more dioptres, first: [10, 0]"
        )
    elif near_d - far_d <= lens.run_up_d:
        yield f"axis.lens.ends_d: {near_d:g} to {far_d:g} leaves no room for run_up_d ({lens.run_up_d:g})"


def _pin_contradictions(config: Config) -> Iterator[str]:
    users: dict[int, list[str]] = {}
    for name, pin in wired_pins(config).items():
        users.setdefault(pin, []).append(name)
    for pin, names in users.items():
        if len(names) > 1:
            yield f"{' and '.join(names)}: are all GPIO {pin}; each needs a pin of its own"


def _optics_contradictions(config: Config) -> Iterator[str]:
    for name, lens in config.optics.items():
        if (lens.f_number is None) == (lens.numerical_aperture is None):
            yield f"optics.{name}: give either f_number or numerical_aperture, and not both"
        if lens.magnification is None and lens.focal_mm is None:
            yield f"optics.{name}: give magnification, or focal_mm for a lens that is focused, or both"


def _plan_contradictions(config: Config) -> Iterator[str]:
    if "default" not in config.plans:
        yield "plans: has no plan named default, which is what the shoot button starts"
    for name, plan in config.plans.items():
        at = f"plans.{name}"
        if plan.optics is not None and plan.optics not in config.optics:
            known = ", ".join(config.optics) or "none"
            yield f"{at}.optics: {shown(plan.optics)} is not among optics: {known}"
        if plan.spacing.overlap is not None and plan.optics in config.optics:
            lens, kind = config.optics[plan.optics], config.axis.kind
            if unsaid := [name for name in PITCH_FOLLOWS_FROM[kind] if getattr(lens, name) is None]:
                yield (
                    f"{at}.optics: {plan.optics} does not say {' and '.join(unsaid)}, which the pitch of a "
                    f"{kind} follows from; name optics that do, or give a pitch or a count"
                )
        yield from (f"{at}.range: {problem}" for problem in range_problems(plan.range))
        given = [key for key, value in plan.spacing.model_dump().items() if value is not None]
        if len(given) != 1:
            stands = " and ".join(given) or "none"
            yield f"{at}.spacing: give exactly one of overlap, pitch_u, count, not {stands}"
        if plan.spacing.overlap is not None and plan.optics is None:
            yield f"{at}.spacing: overlap needs {at}.optics, for the depth of field"
        if plan.corrected and plan.optics is None:
            yield f"{at}.corrected: needs {at}.optics, whose white field and dark frame are meant"
        if plan.aim.stops is not None and plan.aim.clipped_percent is not None:
            yield f"{at}.aim: give stops or clipped_percent, not both"


def range_problems(span: Span) -> Iterator[str]:
    """Give a sentence for each way in which `span` says two things at once."""
    ways = [
        "near_u and far_u" if (span.near_u, span.far_u) != (None, None) else "",
        "length_u" if span.length_u is not None else "",
        "around_u" if span.around_u is not None else "",
    ]
    if len(given := [way for way in ways if way]) > 1:
        yield f"give only one of {', '.join(given)}"
    if (span.near_u is None) != (span.far_u is None):
        yield "near_u and far_u belong together; give both"


def _storage_contradictions(storage: Storage) -> Iterator[str]:
    if storage.sessions is not None and not storage.sessions.startswith("/"):
        # It would count from where focusd was started: as a service, from a folder that goes when it stops.
        sessions = shown(storage.sessions)
        yield f"storage.sessions: {sessions} is no whole path, such as /srv/disk/stacks, or null"
        return
    if storage.mount in ("auto", "none"):
        return
    if not storage.mount.startswith("/"):
        mount = shown(storage.mount)
        yield f"storage.mount: {mount} is neither auto, none nor a whole path, such as /srv/disk"
    elif storage.sessions is None or not Path(storage.sessions).is_relative_to(storage.mount):
        sessions = shown(storage.sessions) if storage.sessions else "null"
        yield f"storage.sessions: {sessions} does not lie below storage.mount, {shown(storage.mount)}"


def _delivery_contradictions(config: Config) -> Iterator[str]:
    before = set[str]()
    for place in (delivery.to for delivery in config.delivery):
        if (plainly := normpath(place)) in before:
            yield f"delivery: {shown(place)} is given twice"
        before.add(plainly)
        if ":" not in place.split("/", 1)[0] and not place.startswith("/"):
            yield (
                f"delivery: {shown(place)} is neither a whole path, /media/stick/stacks, nor user@host:folder"
            )


def _series_contradictions(config: Config) -> Iterator[str]:
    if (series := config.timelapse.series) is None:
        return
    if series.plan not in config.plans:
        yield f"timelapse.series.plan: {shown(series.plan)} is not among plans: {', '.join(config.plans)}"
    if series.until is not None and series.for_s is not None:
        yield "timelapse.series: give only one of until and for_s"


def _simulation_contradictions(config: Config) -> Iterator[str]:
    simulation = config.simulation
    if simulation.scene == "replay" and simulation.replay_folder is None:
        yield "simulation.replay_folder: is missing; the replay scene takes its pictures from there"
    for name, place_mm in (("start_mm", simulation.start_mm), ("subject_mm", simulation.subject_mm)):
        if config.axis.kind == "rail" and place_mm > config.axis.travel_mm:
            yield f"simulation.{name}: {place_mm:g} lies beyond axis.travel_mm ({config.axis.travel_mm:g})"

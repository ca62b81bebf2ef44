"""Everything the daemon consists of, put together in one place and taken apart in order."""

import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from focusd.aftermath import aftermath
from focusd.bench import Bench
from focusd.boot import ThisBoot
from focusd.calibrations import Calibrations
from focusd.card import Card
from focusd.carriers import carrier_to
from focusd.delivery import Deliveries, Destination
from focusd.durations import duration_words
from focusd.encoding import FORMATS, Encoding
from focusd.events import EventHub
from focusd.eye import Eye
from focusd.finder import Finder
from focusd.hardware import Rig, open_rig
from focusd.heartbeat import Heartbeat, motion_silence_s
from focusd.jobs import Resume
from focusd.journals import Journals
from focusd.light import Light
from focusd.marks import HomingConsent, MarkBook
from focusd.merges import MergeProgress, Merges
from focusd.now import Glance, Progress
from focusd.operator import Operator
from focusd.panel import Panel
from focusd.paused import Paused, ResumeAtBoot, goes_on, left_over, paused
from focusd.places import of_rig
from focusd.plans import PlanRequest, fields_asked_for, plan_asked_for
from focusd.redo import Redo
from focusd.rhythm import Rhythm
from focusd.room import has_room_to_merge
from focusd.settings import Config, Delivery, Storage
from focusd.shadings import Shadings
from focusd.stacks import Stacks
from focusd.studio import Record, Studio
from focusd.surveyor import Surveyor
from focusd.timelapse import Timelapse
from rail.stepper_axis import StepperAxis
from stack.disk import Disk, expected_below, places_in_fstab
from stack.merge.memory import Job, fits_beside_shooting, free_now
from stack.merge.settings import Kind, method_named
from stack.plan import StackPlan
from stack.session import Session
from stack.sessions import Sessions
from stack.vitals import Strain, strain
from stack.writer import ThreadedWriter

_log = logging.getLogger(__name__)

LIBRARIES = ("focusrail", "numpy", "opencv-python-headless", "gpiozero", "picamera2")
"""Whose versions every session records."""

NO_SWITCH_ON_A_RING = (
    "a focus ring has no switch to home to: turn it to its mark with `focusctl jog` and say that it is there "
    "with `focusctl zero`, or shoot a length from here"
)


def line_of(glance: Glance, merge: MergeProgress | None) -> str:
    """Say in a line what goes on: `shoot: shooting slice 12 of 80, 3:20 left; merging 10 of 11 slices`."""
    if glance.emergency:
        return "emergency stop in force: nothing moves until `focusctl acknowledge`"
    if glance.job:
        doing = f"{glance.job}: {_progress_words(glance.progress)}"
    else:
        doing = glance.paused.words if glance.paused else "at rest"
    if merge is None:
        return doing
    left = f", {duration_words(merge.seconds_left)} left" if merge.seconds_left else ""
    return f"{doing}; merging {merge.merged} of {merge.saved} slices{left}"


def _progress_words(progress: Progress) -> str:
    words = progress.phase or "starting"
    if progress.index is not None:
        words += f" slice {progress.index + 1} of {progress.slices}"
    if progress.seconds_left is not None:
        words += f", {duration_words(progress.seconds_left)} left"
    return words


@dataclass(frozen=True, slots=True)
class House:
    """What the faces of the daemon ask; `config_file` is what `config` was read from, if from any file."""

    config: Config
    rig: Rig
    operator: Operator
    studio: Studio
    book: MarkBook
    sessions: Sessions
    merges: Merges
    redo: Redo
    deliveries: Deliveries
    hub: EventHub
    panel: Panel
    versions: dict[str, str]
    calibrations: Calibrations
    finder: Finder
    timelapse: Timelapse
    shadings: Shadings
    config_file: Path | None = None

    def line(self) -> str:
        """Say in a line how things are."""
        line, attention = line_of(self.operator.glance(), self.merges.progress()), self.timelapse.attention
        return f"{line}; the time-lapse needs attention: {attention}" if attention else line

    def silent(self) -> str | None:
        """Say who has given no sign of life for longer than may be; None while all live."""
        if self.operator.silent():
            return "the operator's thread has given no sign of life: something hangs that should not"
        return None

    def lost(self) -> str | None:
        """Say why nothing can be done any more; None while all is well."""
        return self.operator.lost or self._motion_lost()

    def _motion_lost(self) -> str | None:
        axis = self.rig.axis
        if not isinstance(axis, StepperAxis):
            return None
        # Looked at first: a run that ends in between has looked again by then.
        moving, looked_ns = axis.moving(), axis.look().looked_ns
        silent_s = motion_silence_s(self.rig.clock.monotonic_ns(), looked_ns, moving=moving)
        if silent_s is None:
            return None
        return f"the motion process has not looked at its inputs for {silent_s:.0f} s: it hangs, or is gone"

    def close(self) -> None:
        """End in order: motion, camera, journal; then the children; then the lamp; then whoever listens.

        Whatever takes long comes after motion: a supervisor that has waited enough ends the rest by force.
        """
        with ExitStack() as last_first:
            last_first.callback(self.hub.close)
            if self.rig.simulation is not None:
                last_first.callback(self.rig.simulation.close)
            last_first.callback(self.rig.panel.close)
            last_first.callback(self.panel.close)
            last_first.callback(self.merges.close)
            last_first.callback(self.deliveries.close)
            last_first.callback(self.timelapse.close)  # what it does now may take minutes
            last_first.callback(self.operator.close)
            last_first.callback(self.finder.close)
            last_first.callback(self.timelapse.end)


def open_house(
    config: Config,
    state_folder: Path,
    run_folder: Path | None,
    *,
    simulate: bool,
    config_file: Path | None = None,
) -> House:
    """Open the rig and start all threads; to be called from the main thread.

    Raises `rail.errors.PinsUnavailable` and `focusd.errors.StartFailed`.
    """
    disk = disk_of(config.storage, state_folder)
    sessions = Sessions(disk.root)
    hub, versions = EventHub(), versions_here()
    consent = HomingConsent(
        of_rig(state_folder, "homing-allowed", simulate=simulate),
        configured=config.axis.home_allowed or config.axis.kind == "lens",  # nothing is in a lens's way
        impossible=NO_SWITCH_ON_A_RING if config.axis.kind == "ring" else None,
    )
    with ExitStack() as undo:
        rig = open_rig(config, state_folder, run_folder, simulate=simulate, home_allowed=consent.given())
        if rig.simulation is not None:
            undo.callback(rig.simulation.close)
        undo.callback(rig.panel.close)
        until_operated = undo.enter_context(ExitStack())
        until_operated.callback(rig.axis.close)
        writer = ThreadedWriter()
        until_operated.callback(writer.close)
        journals = Journals(rig.clock)
        limits = config.board.limits

        def strained(before: Strain | None) -> Strain | None:
            return strain(rig.board.vitals(), limits, before)

        after = aftermath(
            (sys.executable, "-m", "stack.merge", "follow", *_merge_options(config)),
            {one.to: _destination(one) for one in config.delivery},
            journals,
            hub.publish,
            strained=strained,
            has_room=partial(has_room_to_merge, disk),
            crowded=partial(crowded, config),
        )
        merges, deliveries = after.merges, after.deliveries
        undo.callback(merges.close)
        undo.callback(deliveries.close)
        warm_up_s = config.panel.light_warm_up_s if config.panel.light_pin is not None else 0.0
        light = Light(rig.panel.light, round(warm_up_s * 1e9), rig.clock)
        heartbeat = Heartbeat(rig.clock)
        eye = Eye(partial(rig.open_camera, heartbeat.beat))
        marks_file = of_rig(state_folder, "marks.json", simulate=simulate)
        book = MarkBook(marks_file, rig.axis, hub.publish)
        finder, shadings = Finder(rig.clock), Shadings(state_folder / "shading")
        studio = Studio(
            axis=rig.axis,
            eye=eye,
            light=light,
            clock=rig.clock,
            writer=writer,
            disk=disk,
            sessions=sessions,
            journals=journals,
            merges=merges if config.merge.follow else None,
            book=book,
            consent=consent,
            record=_record(config, versions, simulate=simulate),
            finish=after.finish,
            vitals=rig.board.vitals,
            limits=limits,
            see=finder.see,
            shadings=shadings,
        )
        calibrations = Calibrations(state_folder / "calibrations")
        plans = {
            name: plan.model_dump(mode="json", exclude_defaults=True) for name, plan in config.plans.items()
        }
        surveyor = Surveyor(rig.axis, eye, light, rig.clock, config.axis, plans, calibrations, finder.see)
        operator = _operator(
            config, rig, eye, studio, surveyor, book, consent, hub, merges, finder, light, heartbeat
        )
        panel = _panel(config, rig, Bench(config, operator, merges, hub, rig.clock))
        undo.callback(panel.close)
        card = Card(
            sessions,
            journals,
            disk.free_bytes,
            config.storage.reserve_mb * 1_000_000,
            partial(work_on, operator, merges),
            hub.publish,
            after.finish,
            rig.clock,
        )
        stacks = _stacks(config, rig, studio, operator, strained)
        timelapse = Timelapse(
            state_folder / "series",
            sessions,
            stacks,
            card,
            hub,
            rig.clock,
            Rhythm(ThisBoot.found(), rig.clock, config.timelapse.clock_wait_s),
            config.timelapse.series,
            simulated=simulate,
        )
        undo.callback(timelapse.close)
        left = take_up(sessions, studio, hub, config.resume)
        redo = Redo(sessions, merges, lambda: operator.session)
        if config.merge.follow:
            redo.make_up()
        if left is not None:
            operator.order(Resume(left.session))
        operator.start()
        until_operated.pop_all()  # its thread gives back axis and writer, and nobody else
        undo.callback(operator.close)
        panel.start()
        deliveries.start(sessions)
        timelapse.begin()
        undo.pop_all()
        return House(
            config,
            rig,
            operator,
            studio,
            book,
            sessions,
            merges,
            redo,
            deliveries,
            hub,
            panel,
            versions,
            calibrations,
            finder,
            timelapse,
            shadings,
            config_file,
        )


def disk_of(storage: Storage, state_folder: Path) -> Disk:
    """Give the disk that sessions go to, their folder made; raises `DiskNotMounted` where it is not there.

    From here on it must stay what it is now: one that is pulled out is not replaced by the one below. A link
    counts for what it leads to.
    """
    own = state_folder / "sessions"
    root = Path(storage.sessions or own).resolve()
    if storage.sessions is None and not own.is_symlink():
        below = None
    elif storage.mount == "auto":
        below = expected_below(root, places_in_fstab())
    else:
        below = Path(storage.mount).resolve()
    anywhere = storage.mount == "none"
    disk = Disk(root, None if anywhere else below)
    disk.check()
    root.mkdir(parents=True, exist_ok=True)
    return disk if anywhere else disk.held()


def _destination(configured: Delivery) -> Destination:
    carrier = carrier_to(configured.to, same_disk=configured.same_disk)
    return Destination(configured.to, carrier, whole=configured.what == "all")


def _operator(
    config: Config,
    rig: Rig,
    eye: Eye,
    studio: Studio,
    surveyor: Surveyor,
    book: MarkBook,
    consent: HomingConsent,
    hub: EventHub,
    merges: Merges,
    finder: Finder,
    light: Light,
    heartbeat: Heartbeat,
) -> Operator:
    """Make the owner of axis and camera; a lens is part of its camera, and held while that is open."""
    lens = config.axis.kind == "lens"
    return Operator(
        rig.axis,
        eye,
        studio,
        surveyor,
        book,
        consent,
        hub,
        merges.merged,
        idle_release_s=None if lens else config.axis.idle_release_s,
        prepare=eye.camera if lens else lambda: None,
        heartbeat=heartbeat,
        finder=finder,
        light=light,
    )


def _stacks(
    config: Config,
    rig: Rig,
    studio: Studio,
    operator: Operator,
    strained: Callable[[Strain | None], Strain | None],
) -> Stacks:
    """Say how a series comes by its stacks."""

    def make(request: Mapping[str, Any]) -> tuple[StackPlan, Mapping[str, str]]:
        asked = PlanRequest.model_validate(request)
        return plan_asked_for(config, asked), fields_asked_for(config, asked)

    return Stacks(
        make=make,
        seconds=lambda plan, fields: studio.preview(plan, fields).cost.seconds,
        weight=studio.weight,
        order=operator.order,
        shooting=lambda: operator.session,
        strained=strained,
        scale=rig.axis.scale,
        reach=lambda: rig.axis.reach,
    )


def work_on(operator: Operator, merges: Merges, session: Session) -> str | None:
    """Say what is being done with a session now, in words such as "being shot"; None: nothing."""
    if operator.session == session.id:
        return "being shot"
    return {"running": "being merged", "waiting": "about to be merged"}.get(merges.stage(session) or "")


def _record(config: Config, versions: dict[str, str], *, simulate: bool) -> Record:
    """Say what every session records of this daemon."""
    return Record(
        configuration=config.model_dump(mode="json"),
        versions=versions,
        encoding=Encoding(FORMATS[config.camera.format], config.camera.jpeg_quality),
        reserve_bytes=config.storage.reserve_mb * 1_000_000,
        simulated=simulate,
    )


def _panel(config: Config, rig: Rig, bench: Bench) -> Panel:
    """Connect button and lamp."""
    panel = Panel(
        bench.ask,
        moving=bench.moving,
        shown=bench.shown,
        set_lamp=rig.panel.show,
        long_press_ns=round(config.panel.long_press_s * 1e9),
        clock=rig.clock,
    )
    if rig.panel.shoot is not None:
        rig.panel.shoot.watch(panel.edge)
    return panel


def _merge_options(config: Config) -> tuple[str, ...]:
    merge = config.merge
    options = {"nice": merge.nice, "timeout": merge.timeout_s, "method": merge.method, "memory": merge.memory}
    return tuple(word for name, value in options.items() for word in (f"--{name}", str(value)))


def crowded(config: Config, session: Session, free: Callable[[], int | None] = free_now) -> bool:
    """Say whether memory is too short to merge a session while it is shot."""
    form, method = FORMATS[config.camera.format], method_named(config.merge.method)
    width_px, height_px = session.size_px or (0, 0)
    kind = Kind.LAYERS if form.suffix == ".jpg" else Kind.WHOLE
    return not fits_beside_shooting(Job(width_px * height_px, form.bits, kind, method), free())


def take_up(sessions: Sessions, studio: Studio, hub: EventHub, at_boot: ResumeAtBoot) -> Paused | None:
    """Tell of the stack that an earlier daemon left unfinished; give it if it is to go on by itself."""
    left = left_over(sessions) if at_boot != "never" else None
    if left is None:
        return None
    session, state = left
    waits = paused(session, state)
    hindrance = studio.elsewhere(session) or (waits.words_of_loss if session.layout.adrift else None)
    by_itself = hindrance is None and goes_on(state, at_boot)
    words = hindrance or waits.words
    _log.warning("%s", words)
    facts = {"session": waits.session, "saved": waits.saved, "slices": waits.slices, "reason": waits.why}
    hub.publish("stack_interrupted", **facts, words=words, goes_on=by_itself)
    if hindrance is None:
        studio.paused = waits
    return waits if by_itself else None


def versions_here() -> dict[str, str]:
    """Give the versions of ourselves and of what stands under us, as far as it is installed."""
    found = {}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found

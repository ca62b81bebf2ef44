"""The daemon put together: everything made in order, and undone again where something fails on the way."""

import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from focusd.aftermath import Aftermath, aftermath
from focusd.bench import Bench
from focusd.boot import ThisBoot
from focusd.card import Card
from focusd.carriers import Places, carrier_to
from focusd.encoding import FORMATS
from focusd.errands import Destination
from focusd.events import EventHub
from focusd.ground import Ground, open_ground
from focusd.house import House, work_on
from focusd.jobs import Resume
from focusd.panel import Panel
from focusd.paused import Paused, ResumeAtBoot, goes_on, left_over, paused
from focusd.plans import fields_asked_for, placed, plan_asked_for, plan_on_record
from focusd.redo import Redo
from focusd.rhythm import Rhythm
from focusd.room import has_room_to_merge
from focusd.settings import Config, Delivery
from focusd.stacks import Stacks
from focusd.studio import Studio
from focusd.timelapse import Timelapse
from focusd.versions import versions_here
from focusd.workshop import Workshop, furnished
from stack.merge.memory import Job, fits_beside_shooting, free_now
from stack.merge.settings import Kind, method_named
from stack.plan import StackPlan
from stack.session import Session
from stack.sessions import Sessions
from stack.writer import ThreadedWriter

_log = logging.getLogger(__name__)


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
    versions = versions_here()
    with ExitStack() as undo:
        ground = open_ground(config, state_folder, run_folder, undo, simulate=simulate)
        until_operated = undo.enter_context(ExitStack())
        until_operated.callback(ground.rig.axis.close)
        writer = ThreadedWriter()
        until_operated.callback(writer.close)
        after = _aftermath(ground)
        undo.callback(after.merges.close)
        undo.callback(after.deliveries.close)
        workshop = furnished(ground, after, writer, versions)
        operator = workshop.operator
        panel = _panel(ground, Bench(config, operator, after.merges, ground.hub, ground.rig.clock))
        undo.callback(panel.close)
        timelapse = _timelapse(ground, after, workshop)
        undo.callback(timelapse.close)
        redo = Redo(ground.sessions, after.merges, lambda: operator.session)
        undo.callback(redo.close)
        _go_on(ground, workshop)
        operator.start()
        until_operated.pop_all()  # its thread gives back axis and writer, and nobody else
        undo.callback(operator.close)
        panel.start()
        if config.merge.follow:
            redo.start()
        after.deliveries.start(ground.sessions, held_up=lambda: redo.looking)
        timelapse.begin()
        undo.pop_all()
        return House(
            config=config,
            rig=ground.rig,
            operator=operator,
            studio=workshop.studio,
            book=workshop.book,
            sessions=ground.sessions,
            merges=after.merges,
            redo=redo,
            deliveries=after.deliveries,
            hub=ground.hub,
            panel=panel,
            versions=versions,
            calibrations=workshop.calibrations,
            finder=workshop.finder,
            timelapse=timelapse,
            shadings=workshop.shadings,
            config_file=config_file,
        )


def _aftermath(ground: Ground) -> Aftermath:
    """Start what follows a stack."""
    config, places = ground.config, Places()
    return aftermath(
        (sys.executable, "-m", "stack.merge", "follow", *_merge_options(config)),
        {one.to: _destination(one, places) for one in config.delivery},
        ground.journals,
        ground.hub.publish,
        strained=ground.strained,
        has_room=partial(has_room_to_merge, ground.disk),
        crowded=partial(crowded, config),
    )


def _destination(configured: Delivery, places: Places) -> Destination:
    carrier = carrier_to(configured.to, same_disk=configured.same_disk, places=places)
    return Destination(configured.to, carrier, whole=configured.what == "all")


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


def _timelapse(ground: Ground, after: Aftermath, workshop: Workshop) -> Timelapse:
    """Take up the series that runs, if any."""
    config, clock = ground.config, ground.rig.clock
    card = Card(
        ground.sessions,
        ground.journals,
        ground.disk.free_bytes,
        ground.reserve_bytes,
        partial(work_on, workshop.operator, after.merges),
        ground.hub.publish,
        after.finish,
        clock,
    )
    return Timelapse(
        ground.state_folder / "series",
        ground.sessions,
        _stacks(ground, after, workshop),
        card,
        ground.hub,
        clock,
        Rhythm(ThisBoot.found(), clock, config.timelapse.clock_wait_s),
        config.timelapse.series,
        simulated=ground.simulated,
    )


def _stacks(ground: Ground, after: Aftermath, workshop: Workshop) -> Stacks:
    """Say how a series comes by its stacks."""
    config, axis = ground.config, ground.rig.axis

    def make(request: Mapping[str, Any]) -> tuple[StackPlan, Mapping[str, str]]:
        asked = plan_on_record(request)
        return plan_asked_for(config, asked), fields_asked_for(config, asked)

    return Stacks(
        make=make,
        placed=lambda request, plan: placed(request, plan, workshop.book.marks),
        seconds=lambda plan, fields: workshop.foresight.preview(plan, fields).cost.seconds,
        weight=workshop.foresight.weight,
        order=workshop.operator.order,
        shooting=lambda: workshop.operator.session,
        strained=ground.strained,
        scale=axis.scale,
        grid=axis.grid,
        reach=lambda: axis.reach,
        rests=lambda: workshop.operator.rests,
        busy=lambda: workshop.operator.busy,
        camera_problem=lambda: workshop.operator.now().camera.problem,
        sensor=lambda: workshop.operator.now().camera.sensor,
        merge_problem=lambda: after.merges.problem,
    )


def _panel(ground: Ground, bench: Bench) -> Panel:
    """Connect button and lamp."""
    pins = ground.rig.panel
    panel = Panel(
        bench.ask,
        moving=bench.moving,
        shown=bench.shown,
        set_lamp=pins.show,
        long_press_ns=round(ground.config.panel.long_press_s * 1e9),
        clock=ground.rig.clock,
    )
    if pins.shoot is not None:
        pins.shoot.watch(panel.edge)
    return panel


def _go_on(ground: Ground, workshop: Workshop) -> None:
    """See to the stack that an earlier daemon left unfinished."""
    left = take_up(ground.sessions, workshop.studio, ground.hub, ground.config.resume)
    if left is not None:
        workshop.operator.order(Resume(left.session))


def take_up(sessions: Sessions, studio: Studio, hub: EventHub, at_boot: ResumeAtBoot) -> Paused | None:
    """Tell of the stack that an earlier daemon left unfinished; give it if it is to go on by itself."""
    try:
        left = left_over(sessions) if at_boot != "never" else None
    except OSError as error:  # what is wrong with one journal must not keep the rig from all others
        _log.warning("whether the newest stack was left unfinished is not known: %s", error)
        return None
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

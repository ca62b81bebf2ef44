"""What works with axis and camera: the operator, and all that it uses or is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from focusd.aftermath import Aftermath
from focusd.archive import Archive, Record
from focusd.calibrations import Calibrations
from focusd.darkroom import Darkroom
from focusd.encoding import FORMATS, Encoding
from focusd.eye import Eye
from focusd.finder import Finder
from focusd.foresight import Foresight
from focusd.ground import Ground
from focusd.heartbeat import Heartbeat
from focusd.instruments import Instruments
from focusd.light import Light
from focusd.marks import MarkBook
from focusd.operator import Operator
from focusd.places import of_rig
from focusd.settings import Camera
from focusd.shadings import Shadings
from focusd.specimens import Specimens
from focusd.studio import Studio
from focusd.surveyor import Surveyor
from stack.writer import SliceWriter


@dataclass(frozen=True, slots=True)
class Workshop:
    """The operator, what it shoots with, what that comes to, and what it remembers."""

    operator: Operator
    studio: Studio
    foresight: Foresight
    book: MarkBook
    calibrations: Calibrations
    finder: Finder
    shadings: Shadings


def furnished(ground: Ground, after: Aftermath, writer: SliceWriter, versions: Mapping[str, str]) -> Workshop:
    """Make all of it; nothing moves or begins yet. Operator and writer are the caller's to close."""
    config, rig, folder = ground.config, ground.rig, ground.state_folder
    heartbeat = Heartbeat(rig.clock)
    eye = Eye(rig.open_camera, heartbeat.beat)
    light = Light(rig.panel.light, _warm_up_ns(ground), rig.clock)
    own = partial(of_rig, folder, simulate=ground.simulated)
    book = MarkBook(own("marks.json"), rig.axis, ground.hub.publish)
    finder, shadings = Finder(rig.clock), Shadings(own("shading"))
    calibrations = Calibrations(own("calibrations"))
    instruments = Instruments(rig.axis, eye, light, rig.clock, finder.see)
    archive = Archive(ground.disk, ground.sessions, ground.journals, _record(ground, versions))
    darkroom = Darkroom(eye, finder.see, shadings, _encoding(config.camera))
    specimens = Specimens(ground.sessions)
    foresight = Foresight(instruments, archive, specimens, darkroom, book, ground.consent)
    studio = Studio(
        instruments,
        archive,
        foresight,
        darkroom,
        writer,
        merges=after.merges if config.merge.follow else None,
        finish=after.finish,
        vitals=rig.board.vitals,
        limits=config.board.limits,
    )
    plans = {name: plan.model_dump(mode="json", exclude_defaults=True) for name, plan in config.plans.items()}
    surveyor = Surveyor(instruments, config.axis, plans, calibrations)
    lens = config.axis.kind == "lens"  # a lens is part of its camera, and held while that is open
    operator = Operator(
        instruments,
        studio,
        surveyor,
        book,
        ground.consent,
        ground.hub,
        after.merges.merged,
        idle_release_s=None if lens else config.axis.idle_release_s,
        prepare=partial(eye.camera_with, rig.axis) if lens else lambda: None,
        heartbeat=heartbeat,
        finder=finder,
    )
    return Workshop(operator, studio, foresight, book, calibrations, finder, shadings)


def _warm_up_ns(ground: Ground) -> int:
    panel = ground.config.panel
    return round(panel.light_warm_up_s * 1e9) if panel.light_pin is not None else 0


def _encoding(camera: Camera) -> Encoding:
    return Encoding(FORMATS[camera.format], camera.jpeg_quality)


def _record(ground: Ground, versions: Mapping[str, str]) -> Record:
    """Say what every session records of this daemon."""
    return Record(
        configuration=ground.config.model_dump(mode="json"),
        versions=versions,
        reserve_bytes=ground.reserve_bytes,
        simulated=ground.simulated,
    )

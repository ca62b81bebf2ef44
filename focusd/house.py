"""Everything the daemon consists of, as its faces see it; taken apart in order."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from focusd.calibrations import Calibrations
from focusd.delivery import Deliveries
from focusd.durations import duration_words
from focusd.events import EventHub
from focusd.finder import Finder
from focusd.hardware import Rig
from focusd.heartbeat import motion_silence_s
from focusd.marks import MarkBook
from focusd.merges import MergeProgress, Merges
from focusd.now import Glance, Progress
from focusd.operator import Operator
from focusd.panel import Panel
from focusd.redo import Redo
from focusd.settings import Config
from focusd.shadings import Shadings
from focusd.studio import Studio
from focusd.timelapse import Timelapse
from rail.stepper_axis import StepperAxis
from stack.session import Session
from stack.sessions import Sessions


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
            last_first.callback(self.redo.close)
            last_first.callback(self.deliveries.close)
            last_first.callback(self.timelapse.close)  # what it does now may take minutes
            last_first.callback(self.operator.close)
            if self.rig.simulation is not None:
                last_first.callback(self.rig.simulation.give_up)
            last_first.callback(self.finder.close)
            last_first.callback(self.timelapse.end)


def work_on(operator: Operator, merges: Merges, session: Session) -> str | None:
    """Say what is being done with a session now, in words such as "being shot"; None: nothing."""
    if operator.session == session.id:
        return "being shot"
    return {"running": "being merged", "waiting": "about to be merged"}.get(merges.stage(session) or "")

"""A Pi on paper for time-lapses: true time, clocks that may be wrong, power that may go, a disk that fills.

Its operator shoots real sessions with real journals and real (tiny) files; nothing of a series is imitated.
"""

import hashlib
import json
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from camera.camera import Exposure
from focusd.card import Card
from focusd.errors import Busy
from focusd.events import EventHub
from focusd.jobs import Abandon, Accepted, Resume, Shoot
from focusd.journals import Journals
from focusd.rhythm import Rhythm
from focusd.series import Asked
from focusd.stacks import Stacks
from focusd.timelapse import Timelapse
from rail.axis import Position, Reach, Trust
from rail.screw import Scale
from simulator.clock import VirtualClock
from stack.errors import DiskNotMounted, PlanRefused
from stack.layout import lay_out
from stack.merge.versions import choose, version_numbers
from stack.plan import Between, Count, Marks, StackPlan
from stack.record import exposure_record
from stack.retention import Weight
from stack.schedule import Schedule
from stack.session import Facts
from stack.sessions import Sessions
from stack.timelapse import every_series

SCALE = Scale("um", Fraction(5, 16))
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
HALF_HOUR_S = 1800.0
STACK_S = 300.0
MERGE_S = 200.0
SLICE_BYTES, PICTURE_BYTES, RESERVE_BYTES = 1000, 800, 5000
WEIGHT = Weight(3 * SLICE_BYTES, PICTURE_BYTES)
EXPOSURE = Exposure(8000, 1.0, (2.0, 1.5))


class PaperDisk:
    """Counts what is written to it, and what goes."""

    def __init__(self, size_bytes):
        self.size_bytes = size_bytes
        self.used_bytes = 0

    def free_bytes(self):
        return self.size_bytes - self.used_bytes

    def lightened(self, session):
        """Take off what a session's slices weighed."""
        self.used_bytes -= sum(saved.bytes for saved in session.state().saved.values())


class PaperOperator:
    """Shoots stacks of three slices on paper, 300 s each, and merges each in 200 s."""

    plan = StackPlan("week", Between(100, 200), Count(3))

    def __init__(self, sessions, clock, disk):
        self.sessions = sessions
        sessions.root.mkdir(parents=True, exist_ok=True)
        self.clock = clock
        self.disk = disk
        self.session = None
        self.done_ns = 0
        self.refusal = None
        self.failing = False
        self.merging = {}
        self.shares = None
        self.rechecked = ()
        self.exposure = EXPOSURE
        self.sensor = None
        self.plans = []
        for session in sessions.all()[-2:]:  # what a cut left unmerged is made up for
            with suppress(OSError):
                state = session.state()
                if state.phase == "done" and not (state.merges and state.merges[-1].ended):
                    self.merging[session.id] = clock.monotonic_ns() + round(MERGE_S * 1e9)

    def order(self, order):
        if self.session is not None:
            raise Busy("shoot")
        job = Future()
        job.accepted = Future()
        match order:
            case Shoot(plan) if self.refused() is None:
                self.plans.append(plan)
                layout = lay_out(plan, SCALE, Position(0, Trust.KNOWN), Marks())
                facts = Facts(camera={"sensor": self.sensor} if self.sensor else {})
                self._begin(job, self.sessions.create(plan, layout, SCALE, facts), "stack_started")
            case Resume(wanted):
                self._begin(job, self.sessions.open(wanted), "stack_resumed")
            case Abandon(wanted, reason):
                self._write(self.sessions.open(wanted), "stack_aborted", reason=reason)
            case Shoot():
                job.accepted.set_exception(PlanRefused(self.refused()))
        return job

    def shooting(self):
        return self.session

    def seconds(self, plan, fields):
        return STACK_S

    def refused(self):
        """Say why no stack can begin now."""
        if self.disk.free_bytes() - RESERVE_BYTES < self.weight.bytes:
            return "the disk has no room"
        return self.refusal

    def work_on(self, session):
        if session.id == self.session:
            return "being shot"
        return "being merged" if session.id in self.merging else None

    def work(self, now_ns):
        for name, done_ns in list(self.merging.items()):
            if now_ns >= done_ns:
                del self.merging[name]
                self._merge(self.sessions.open(name))
        if self.session is None or now_ns < self.done_ns:
            return
        session, self.session = self.sessions.open(self.session), None
        if self.failing:
            self._write(session, "stack_failed", error="the camera is gone")
            return
        exposure = exposure_record(session.plan.exposure or self.exposure)
        self._write(session, "exposure_locked", exposure=exposure, size_px=[4, 3])
        self._save_all(session, exposure)
        for event, facts in self.rechecked:
            self._write(session, event, **facts)
        self._write(session, "stack_done", slices=session.layout.slices)
        self.merging[session.id] = now_ns + round(MERGE_S * 1e9)

    def _save_all(self, session, exposure):
        for index in range(3):
            self._save(session, index, exposure, bytes([index]) * SLICE_BYTES)

    def _save(self, session, index, exposure, data):
        file = session.slice_name(index)
        (session.path / file).write_bytes(data)
        self.disk.used_bytes += len(data)
        sha256 = hashlib.sha256(data).hexdigest()
        place = {"position_steps": session.layout.positions_steps[index], "position_u": 0.0}
        facts = {"index": index, "file": file, "sha256": sha256, "bytes": len(data), "began_ns": index}
        self._write(session, "slice_saved", exposure=exposure, **facts, **place)

    def _merge(self, session):
        data = b"picture " * (PICTURE_BYTES // 8)
        folder = session.path / "merges" / str(1 + len(version_numbers(session.path)))
        folder.mkdir()
        (folder / "merged.jpg").write_bytes(data)
        self.disk.used_bytes += len(data)
        file = f"merges/{folder.name}/merged.jpg"
        (folder / "merge.json").write_text(json.dumps(self._told(session)))
        choose(session.path, int(folder.name))
        self._write(session, "merge_started")
        facts = {"merge": int(folder.name), "files": [file], "slices": 3, "seconds": MERGE_S}
        self._write(session, "merge_done", sha256={file: hashlib.sha256(data).hexdigest()}, **facts)

    def _told(self, session):
        """Say what the merge measured: what is sharp where, as the test has it."""
        shares = self.shares or (0.01, 0.98, 0.01)
        coverage = {"first": shares[0], "last": shares[-1], "gaps": [], "sure": 0.5}
        slices = [{"index": index, "share": share} for index, share in enumerate(shares)]
        return {"coverage": coverage, "slices": slices}

    def _begin(self, job, session, event):
        self.session = session.id
        self.done_ns = self.clock.monotonic_ns() + round(STACK_S * 1e9)
        self._write(session, event, **({"slices": 3} if event == "stack_started" else {"missing": []}))
        job.accepted.set_result(Accepted(session.id, str(session.path), 3, 0, STACK_S))

    def _write(self, session, event, **facts):
        with session.journal(self.clock) as journal:
            journal.append(event, **facts)


class Machine:
    """A Pi: the true time goes on whatever happens to it; its clocks are what it believes."""

    weight = WEIGHT
    operator_class = PaperOperator

    def __init__(self, folder, disk_bytes=10**9, wanted=None, *, simulated=False):
        self.folder = folder
        self.simulated = simulated
        self.wanted = wanted
        self.scale = SCALE
        self.grid = SCALE.exact
        self.true_s = 0.0
        self.boots = 0
        self.disk = PaperDisk(disk_bytes)
        self.strain = None
        self.weigh = lambda plan: self.weight
        self.camera_problem = None
        self.merge_problem = None
        self.switch_on()

    def switch_on(self, wrong_by_s=0.0, synchronised=True):
        self.boots += 1
        self.id = f"boot {self.boots}"
        self.clock = VirtualClock(5_000_000_000)
        self.wrong_by_s, self.sync = wrong_by_s, synchronised
        sessions = Sessions(self.folder / "sessions")
        self.operator = self.operator_class(sessions, self.clock, self.disk)
        self.operator.weight = self.weight
        self.hub = EventHub()
        self.timelapse = Timelapse(
            self.folder / "series",
            self.operator.sessions,
            Stacks(
                make=lambda request: (self.operator.plan, {}),
                placed=lambda request, plan: {**request, "near_u": 1.0, "far_u": 2.0},
                seconds=lambda plan, fields: self.operator.seconds(plan, fields),
                weight=lambda plan: self.weigh(plan),
                order=lambda order: self.operator.order(order),
                shooting=lambda: self.operator.shooting(),
                strained=lambda before: self.strain,
                scale=self.scale,
                grid=self.grid,
                reach=lambda: Reach(0, 10_000),
                busy=lambda: self.operator.session is not None,
                camera_problem=lambda: self.camera_problem,
                sensor=lambda: self.operator.sensor,
                merge_problem=lambda: self.merge_problem,
            ),
            Card(
                self.operator.sessions,
                Journals(self.clock),
                self.disk.free_bytes,
                RESERVE_BYTES,
                self.operator.work_on,
                self.hub.publish,
                self.disk.lightened,
                self.clock,
            ),
            self.hub,
            self.clock,
            Rhythm(self, self.clock, 120.0),
            self.wanted,
            simulated=self.simulated,
        )

    def now(self):
        return NOON + timedelta(seconds=self.true_s + self.wrong_by_s)

    def synchronised(self):
        return self.sync

    def cut(self, off_s, **how):
        """Take the power, leave it off for a while, give it back."""
        self.timelapse.close()  # the kernel gives the journal's lock back with the process
        self.true_s += off_s
        self.switch_on(**how)

    def let(self, seconds, step_s=20.0):
        """Let time pass, the daemon looking now and then."""
        end_s = self.true_s + seconds
        while self.true_s < end_s:
            step = min(step_s, end_s - self.true_s)
            self.true_s += step
            self.clock.pass_ns(round(step * 1e9))
            self.operator.work(self.clock.monotonic_ns())
            self.timelapse.tick()

    @property
    def slots(self):
        series = every_series(self.folder / "series")[0]
        return {slot.number: slot.end.value for slot in series.state().slots.values()}


def asked(every_s=HALF_HOUR_S, *, manner=None, **schedule):
    """Ask for a series of the paper plan."""
    how = {} if manner is None else {"manner": manner}
    return Asked("week", Schedule(every_s, **schedule), {"plan": "default"}, **how)


def gone():
    """Be a disk that was pulled out: to be called in place of what asks it."""
    raise DiskNotMounted("no disk is mounted at /mnt/x", root=None)

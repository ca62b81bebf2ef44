import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from daemon_rig import PLAN, DaemonRig, phase

from camera.camera import Camera
from camera.errors import CameraTimeout, CameraUnavailable
from focusd.errors import Busy, Refused
from focusd.finder import WANTED_NS
from focusd.heartbeat import PATIENCE_S
from focusd.jobs import Acknowledge, Goto, Home, Job, Jog, Order, Resume, Zero
from focusd.marks import MarkBook
from focusd.operator import _count_ended
from focusd.paused import DAEMON_ENDED
from rail.axis import Position, Trust
from rail.errors import (
    BeyondReach,
    EmergencyStopInForce,
    Halted,
    HomingNotAllowed,
    MotionLost,
    PositionUnknown,
    Stopped,
)
from simulator.picamera2 import Picamera2
from stack.errors import StopAsked
from stack.plan import Count, Marks
from stack.report import warnings
from stack.session_state import Phase


@pytest.fixture
def rig(tmp_path: Path) -> DaemonRig:
    return DaemonRig(tmp_path)


# --- moving ---------------------------------------------------------------------------------------------


def test_nothing_homes_until_the_owner_has_said_that_it_is_safe(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path, home_allowed=False)
    with pytest.raises(HomingNotAllowed, match="--allow"):
        rig.tell(Home()).ended.result(0)
    assert rig.rail.edges == 0
    assert rig.tell(Home(allow=True)).ended.result(0).trust is Trust.KNOWN
    assert rig.consent.given()
    assert rig.told("refused", "job_ended") == ["refused", "job_ended", "job_ended"]


def test_an_absolute_place_is_refused_while_the_position_is_unknown(rig: DaemonRig) -> None:
    with pytest.raises(PositionUnknown, match="focusctl home"):
        rig.tell(Goto(1000.0)).ended.result(0)
    assert rig.rail.edges == 0
    assert rig.tell(Jog(-50.0)).ended.result(0).steps == -160
    rig.home()
    assert rig.tell(Goto(1000.0)).ended.result(0).steps == 3200


def test_a_job_over_the_place_is_on_record(rig: DaemonRig) -> None:
    rig.home()
    place = rig.tell(Goto(1000.0)).ended.result(0)
    stored = rig.rail.store.load()
    assert stored is not None
    assert (stored.moving, stored.steps, stored.trust) == (False, place.steps, Trust.KNOWN)


def test_a_place_by_the_owners_word_is_as_good_as_a_homed_one(rig: DaemonRig) -> None:
    assert rig.tell(Zero(600.0)).ended.result(0) == Position(1920, Trust.KNOWN)
    assert rig.rail.edges == 0
    assert rig.tell(Goto(700.0)).ended.result(0) == Position(2240, Trust.KNOWN)
    with pytest.raises(BeyondReach, match="travel"):
        rig.tell(Zero(3_001.0)).ended.result(0)


def test_marks_lapse_when_places_count_from_elsewhere_and_only_then(rig: DaemonRig) -> None:
    rig.marked()
    rig.tell(Goto(600.0)).ended.result(0)
    same = rig.tell(Zero(600.0))
    assert (rig.book.marks, same.marks_lapsed) == (Marks(600.0, 680.0), None)
    other = rig.tell(Zero(500.0))
    assert rig.book.marks == Marks()
    assert "mark again" in rig.last("marks_lapsed")["reason"] == other.marks_lapsed
    assert rig.tell(Zero(400.0)).marks_lapsed is None, "there were none any more"


def test_marks_set_where_the_axis_only_seemed_to_stand_are_never_gone_to_from_its_reference(
    rig: DaemonRig,
) -> None:
    """The motor was let go, the screw turned by hand, and the subject marked by what the camera saw there."""
    rig.home()
    rig.axis.release()
    rig.book.mark("near", 1_600.0)
    rig.book.mark("far", 1_680.0)
    edges = rig.rail.edges
    assert "mark them again" in str(rig.shoot().accepted.exception(0))
    assert rig.rail.edges == edges
    again = MarkBook(rig.folder / "marks.json", rig.axis, rig.hub.publish)
    assert again.marks == Marks(1_600.0, 1_680.0, assumed=True)
    homing = rig.tell(Home())
    assert rig.book.marks == Marks()
    assert "only assumed" in rig.last("marks_lapsed")["reason"] == homing.marks_lapsed


def test_marks_set_at_a_known_place_outlast_a_rest_without_current_and_the_homing_after_it(
    rig: DaemonRig,
) -> None:
    rig.marked()
    rig.axis.release()
    rig.home()
    assert rig.book.marks == Marks(600.0, 680.0)


def test_nothing_is_declared_while_another_job_runs(rig: DaemonRig) -> None:
    rig.operator.order(Home())
    for order in (Zero(), Acknowledge()):
        with pytest.raises(Busy, match="home is running"):
            rig.operator.order(order)


def test_after_an_emergency_stop_orders_are_refused_until_it_is_acknowledged(rig: DaemonRig) -> None:
    rig.home()
    rig.rail.world.press("e_stop")
    rig.rail.stepper.watch()
    assert rig.operator.now().emergency
    with pytest.raises(EmergencyStopInForce, match="still pressed"):
        rig.tell(Acknowledge()).ended.result(0)
    rig.rail.world.release("e_stop")
    with pytest.raises(EmergencyStopInForce, match="focusctl acknowledge"):
        rig.tell(Jog(10.0)).ended.result(0)
    assert rig.last("refused")["kind"] == "jog"
    assert rig.tell(Acknowledge()).ended.result(0).trust is Trust.ASSUMED
    assert rig.tell(Jog(10.0)).ended.result(0).trust is Trust.ASSUMED


def test_a_jog_shorter_than_a_step_is_refused_in_words(rig: DaemonRig) -> None:
    with pytest.raises(Refused, match=r"0\.1 µm is less than one step of this axis, 0\.3125 µm"):
        rig.tell(Jog(0.1)).ended.result(0)


def test_a_second_order_is_refused_by_the_name_of_the_first(rig: DaemonRig) -> None:
    rig.operator.order(Home())
    with pytest.raises(Busy, match="home is running"):
        rig.operator.order(Jog(10.0))


def test_a_stop_before_the_job_has_begun_is_not_lost(rig: DaemonRig) -> None:
    job = rig.operator.order(Home())
    assert rig.operator.stop() == "home"
    rig.operator.work_once()
    with pytest.raises(StopAsked):
        job.ended.result(0)
    assert rig.rail.world.carriage().edges == 0
    assert rig.last("job_ended")["ending"] == "stopped"


def test_a_stop_in_a_move_ends_it_and_keeps_the_position(rig: DaemonRig) -> None:
    rig.home()
    lost = rig.rail.lost_steps
    rig.rail.after_edges(500, rig.operator.stop)
    with pytest.raises(Stopped):
        rig.tell(Goto(2000.0)).ended.result(0)
    assert (rig.operator.now().last_error, rig.operator.glance().failed) == (None, False)
    position = rig.axis.position()
    assert position.trust is Trust.KNOWN
    assert 400 < position.steps < 2000
    assert rig.rail.lost_steps == lost
    assert rig.tell(Goto(1000.0)).ended.result(0).steps == 3200


def test_a_stop_is_acknowledged_at_once_whatever_the_operator_does(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path)
    opening, go_on = threading.Event(), threading.Event()

    def open_slowly() -> Camera:
        opening.set()
        go_on.wait(20)
        raise CameraUnavailable("no camera")

    rig.eye._open_camera = open_slowly
    rig.operator.start()
    assert opening.wait(20)
    job = rig.operator.order(Home())
    took_s = []
    for _ in range(5):  # a busy machine may interrupt one of them, and not every one
        began_s = time.monotonic()
        assert rig.operator.stop() == "home"
        took_s.append(time.monotonic() - began_s)
    assert min(took_s) < 0.1
    go_on.set()
    with pytest.raises(StopAsked):
        job.ended.result(20)
    rig.operator.close()
    assert rig.rail.world.carriage().edges == 0


# --- when things fail -----------------------------------------------------------------------------------


def test_a_camera_that_does_not_let_go_ends_its_stack_and_nothing_else(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.marked()
    camera = rig.eye.camera()

    def hang(*_asked: object) -> None:
        raise CameraTimeout("the driver hangs", waited_s=5.0)

    monkeypatch.setattr(camera, "capture", hang)
    monkeypatch.setattr(camera, "close", hang)
    assert isinstance(rig.shoot().ended.exception(0), CameraTimeout)
    assert rig.last("job_ended")["ending"] == "failed"
    assert rig.operator.now().camera.problem == "the driver hangs"
    assert rig.tell(Goto(700.0)).ended.result(0).trust is Trust.KNOWN


def test_marks_lapse_when_the_position_is_lost(rig: DaemonRig) -> None:
    rig.marked()
    rig.rail.after_edges(700, rig.rail.stepper.halt)
    assert rig.tell(Goto(2500.0)).ended.exception(0) is not None
    assert rig.axis.position().trust is Trust.UNKNOWN
    assert rig.book.marks == Marks()
    assert rig.told("marks_lapsed") == ["marks_lapsed"]
    assert rig.operator.now().last_error is not None
    with pytest.raises(PositionUnknown):
        rig.book.mark("near", None)


def test_a_camera_that_is_missing_is_asked_for_again_at_the_next_stack(rig: DaemonRig) -> None:
    rig.marked()
    good, broken = rig.eye._open_camera, True

    def open_camera() -> Camera:
        if broken:
            raise CameraUnavailable("no camera was found; look at its ribbon")
        return good()

    rig.eye._open_camera = open_camera
    assert isinstance(rig.shoot().accepted.exception(0), CameraUnavailable)
    assert rig.operator.now().camera.problem == "no camera was found; look at its ribbon"
    broken = False
    assert rig.shoot().ended.exception(0) is None
    assert rig.operator.now().camera.problem is None


def test_a_wedged_camera_fails_the_stack_and_is_opened_anew_for_the_rest_of_it(rig: DaemonRig) -> None:
    rig.marked()
    world = rig.sim.world
    rig.on("slice_saved", lambda: world.break_down("camera_timeout"), index=1)
    job = rig.shoot()
    assert isinstance(job.ended.exception(0), CameraTimeout)
    assert phase(rig) is Phase.FAILED
    assert rig.lights == [True, False]
    world.mend("camera_timeout")
    rig.hub.after(0)
    assert rig.tell(Resume("1")).ended.exception(0) is None
    assert phase(rig) is Phase.DONE
    assert rig.cameras == 2


def test_a_job_that_fails_unforeseen_is_told_and_the_next_one_runs(rig: DaemonRig) -> None:
    def broken(steps: int) -> None:
        raise ZeroDivisionError("a defect")

    jog, rig.axis.jog = rig.axis.jog, broken
    assert isinstance(rig.tell(Jog(10.0)).ended.exception(0), ZeroDivisionError)
    assert rig.last("job_ended")["reason"] == "ZeroDivisionError: a defect"
    rig.axis.jog = jog
    assert rig.tell(Jog(10.0)).ended.exception(0) is None


def defect(*_given: object) -> None:
    raise ZeroDivisionError("a defect")


def test_what_nobody_ordered_may_fail_and_the_next_order_is_taken_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look through the camera, the light that goes out after it, a motor let go after a rest."""
    rig = DaemonRig(tmp_path, idle_release_s=0)
    rig.eye.camera()
    monkeypatch.setattr(rig.eye.camera(), "look", defect)
    monkeypatch.setattr(rig.axis, "release", defect)
    rig.operator.look()
    assert rig.operator.work_once()
    assert rig.operator.now().last_error == "ZeroDivisionError: a defect"
    monkeypatch.setattr(rig.operator._light, "_switch", defect)
    rig.operator._chores.do(time.monotonic() + 60)
    assert rig.operator.glance().failed
    assert rig.operator._chores.idle_s(time.monotonic()) is None, "what failed is not tried again and again"
    assert rig.tell(Jog(10.0)).ended.exception(0) is None
    assert not rig.operator.glance().failed


def test_an_order_is_in_the_inbox_before_an_end_can_be(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the end nothing is taken any more, and whoever waits for the order would wait for ever."""
    put, end_waits = rig.operator._inbox.put, []

    class Inbox:
        def put(self, wanted: Job) -> None:
            end_waits.append(rig.operator._lock.locked())
            put(wanted)

    monkeypatch.setattr(rig.operator, "_inbox", Inbox())
    rig.operator.order(Jog(10.0))
    assert end_waits == [True]


def test_a_session_waits_for_a_known_position_where_homing_is_not_allowed(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path, home_allowed=False)
    rig.tell(Home(allow=True)).ended.result(0)
    rig.book.mark("near", 600.0)
    rig.book.mark("far", 680.0)
    rig.on("slice_saved", rig.operator.stop, index=1)
    rig.shoot()
    rig.rail.after_edges(700, rig.rail.stepper.halt)
    rig.tell(Goto(2500.0))
    (tmp_path / "consent").unlink()
    edges = rig.rail.world.carriage().edges
    with pytest.raises(HomingNotAllowed, match="can go on once the position is known"):
        rig.tell(Resume("1")).accepted.result(0)
    assert rig.rail.world.carriage().edges == edges
    assert phase(rig) is Phase.PAUSED


def test_after_a_long_rest_the_motor_cools(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path, idle_release_s=0.01)
    released = threading.Event()
    release = rig.axis.release

    def let_go() -> None:
        homed = rig.axis.position().trust is Trust.KNOWN
        release()
        if homed:  # a rest before homing lets go too
            released.set()

    rig.axis.release = let_go
    rig.operator.start()
    rig.operator.order(Home()).ended.result(20)
    assert released.wait(20)
    rig.operator.close()
    assert rig.axis.position().trust is Trust.ASSUMED


# --- steps that were lost ---------------------------------------------------------------------------------


def test_homing_again_after_the_last_slice_finds_the_steps_a_jam_cost(rig: DaemonRig) -> None:
    rig.marked()
    before_steps = rig.rail.lost_steps
    acts = {1: rig.rail.world.break_down, 2: rig.rail.world.mend}
    rig.on("slice_saved", lambda: acts.get(rig.last("slice_saved")["index"], str)("carriage_jammed"))
    rig.shoot(replace(PLAN, recheck=True)).ended.result(0)
    lost_u = rig.axis.scale.length_u(rig.rail.lost_steps - before_steps)
    state = rig.sessions.open(1).state()
    assert lost_u > 10
    assert (state.phase, state.missed_u) == (Phase.DONE, lost_u)
    assert "lost steps" in " ".join(warnings(rig.sessions.open(1).layout, state))


def test_a_stack_without_loss_is_rechecked_without_a_word(rig: DaemonRig) -> None:
    rig.marked()
    rig.shoot(replace(PLAN, recheck=True)).ended.result(0)
    session = rig.sessions.open(1)
    assert session.state().missed_u == 0
    assert warnings(session.layout, session.state()) == []


def test_nothing_is_rechecked_unasked(rig: DaemonRig) -> None:
    rig.marked()
    rig.shoot().ended.result(0)
    assert rig.sessions.open(1).state().missed_u is None


def test_homing_says_what_was_lost_since_the_last_time(rig: DaemonRig) -> None:
    assert rig.tell(Home()).missed_u is None
    assert rig.tell(Home()).missed_u == 0


def test_a_motion_process_that_is_lost_is_lost_for_good_and_nothing_else_is(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rig.operator._thread, "is_alive", lambda: True)

    def lost(_steps: int) -> None:
        raise MotionLost("the motion process 7 is lost", position=rig.axis.position())

    monkeypatch.setattr(rig.axis, "jog", defect)
    rig.tell(Jog(10.0))
    assert rig.operator.lost is None
    monkeypatch.setattr(rig.axis, "jog", lost)
    rig.tell(Jog(10.0))
    assert rig.operator.lost == "the motion process 7 is lost"


HALTED = Halted("a limit", position=Position(0, Trust.UNKNOWN))


@pytest.mark.parametrize(
    ("order", "error", "trust", "ended"),
    [
        (Jog(1.0), None, Trust.UNKNOWN, False),
        (Jog(1.0), StopAsked("asked"), Trust.UNKNOWN, False),
        (Jog(1.0), HALTED, Trust.UNKNOWN, True),
        (Acknowledge(), None, Trust.UNKNOWN, True),
        (Home(), None, Trust.KNOWN, True),
        (Jog(1.0), None, Trust.ASSUMED, True),
    ],
)
def test_a_count_from_anywhere_ends_with_current_or_with_a_reference(
    order: Order, error: Exception | None, trust: Trust, ended: bool
) -> None:
    assert _count_ended(Job(order, 0), error, trust) is ended


@pytest.mark.parametrize("begin", ["order", "look"])
def test_a_thread_that_hangs_before_it_is_heard_is_noticed(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch, begin: str
) -> None:
    rig.eye.camera()
    rig.heartbeat.rest()  # as it does when it waits
    seen = []

    def hang() -> None:
        seen.append(rig.operator.silent())
        rig.clock.sleep_until_ns(rig.clock.monotonic_ns() + round((PATIENCE_S + 1) * 1e9))
        seen.append(rig.operator.silent())
        raise CameraTimeout("it hung", waited_s=PATIENCE_S)

    monkeypatch.setattr(rig.operator, "_prepare", hang)
    monkeypatch.setattr(rig.eye.camera(), "look", hang)
    if begin == "order":
        rig.tell(Jog(10.0))
    else:
        rig.operator.look()
        rig.operator.work_once()
    assert seen == [False, True]


def test_a_thread_that_waits_for_orders_is_never_taken_for_one_that_hangs(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    class Inbox:
        def get(self, timeout: float | None) -> None:
            rig.clock.sleep_until_ns(rig.clock.monotonic_ns() + round((PATIENCE_S + 1) * 1e9))
            seen.append(rig.operator.silent())

    monkeypatch.setattr(rig.operator, "_inbox", Inbox())
    rig.heartbeat.beat()
    assert not rig.operator.work_once()
    assert seen == [False]


def test_the_light_goes_out_when_nobody_looks_any_more(rig: DaemonRig) -> None:
    rig.eye.camera()
    rig.finder.want()
    rig.operator.look()
    rig.operator.work_once()
    now_s, idle_s = time.monotonic(), rig.operator._chores.idle_s(time.monotonic())
    assert idle_s is not None
    assert 0 < idle_s <= WANTED_NS / 1e9
    rig.operator._chores.do(now_s)
    assert rig.lights == [True]
    rig.operator._chores.do(now_s + WANTED_NS / 1e9)
    assert rig.lights == [True, False]
    assert rig.operator._chores.idle_s(now_s) is None


def test_what_was_seen_at_rest_is_not_shown_at_work_nor_the_other_way_round(rig: DaemonRig) -> None:
    rig.marked()
    rig.eye.camera()
    rig.finder.want()
    rig.operator.look()
    rig.operator.work_once()
    shown = [rig.finder.latest.frame is not None]
    for event in ("job_started", "slice_saved", "job_ended"):
        rig.on(event, lambda: shown.append(rig.finder.latest.frame is not None))
    rig.finder.want()
    rig.shoot(replace(PLAN, spacing=Count(2)))
    assert shown == [True, False, True, True, False]


def test_when_the_motor_that_is_let_go_does_not_keep_the_place_marks_lapse_at_once(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.marked()
    monkeypatch.setattr(rig.axis, "release", rig.rail.axis._reckoning.lose)
    rig.operator._release()
    assert rig.book.marks == Marks()


# --- what is due at rest, and the end --------------------------------------------------------------------


def test_homing_says_how_far_off_it_was_only_where_the_place_was_known(rig: DaemonRig) -> None:
    assert rig.tell(Home()).missed_u is None
    rig.axis.release()
    assert rig.tell(Home()).missed_u is None
    assert rig.tell(Home()).missed_u == 0


def test_nothing_is_due_before_its_time_and_what_is_due_first_is_waited_for(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path, idle_release_s=100)
    rig.home()
    now_s = time.monotonic()
    rig.operator._chores.release_due_s = now_s + 100
    assert rig.operator._chores.idle_s(now_s) == 100
    rig.operator._chores.dark_due_s = now_s + 15
    assert rig.operator._chores.idle_s(now_s) == 15
    assert rig.operator._chores.idle_s(now_s + 20) == 0
    rig.lights.clear()
    rig.operator._chores.do(now_s + 14)
    assert (rig.lights, rig.axis.position().trust) == ([], Trust.KNOWN)
    rig.operator._chores.do(now_s + 15)
    assert (rig.lights, rig.operator._chores.idle_s(now_s + 15)) == ([False], 85)
    rig.operator._chores.do(now_s + 100)
    assert rig.axis.position().trust is Trust.ASSUMED
    assert rig.operator._chores.idle_s(now_s) is None


def test_after_every_order_the_rest_begins_anew(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path, idle_release_s=100)
    rig.operator._chores.release_due_s = None
    rig.home()
    due_s = rig.operator._chores.release_due_s
    assert due_s is not None
    assert 90 < due_s - time.monotonic() <= 100


def test_what_ends_the_daemon_is_refused_and_stopped_for(rig: DaemonRig) -> None:
    assert not rig.operator.busy
    job = rig.operator.order(Jog(50.0))
    assert rig.operator.busy
    rig.operator.close()
    assert job.stop.reason == DAEMON_ENDED
    assert rig.operator.lost is None
    with pytest.raises(Refused, match="is ending"):
        rig.operator.order(Jog(50.0))
    rig.operator.look()
    rig.operator.work()
    assert isinstance(job.ended.exception(0), StopAsked)
    assert rig.rail.edges == 0


def test_a_camera_that_fails_and_does_not_close_ends_the_order_and_not_the_operator(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = Picamera2.close

    def clinging(self: Picamera2) -> None:
        close(self)
        if rig.rail.world.broken("camera_timeout"):
            raise OSError("Device or resource busy")

    monkeypatch.setattr(Picamera2, "close", clinging)
    rig.marked()
    rig.on("exposure_locked", lambda: rig.rail.world.break_down("camera_timeout"))
    rig.shoot()
    assert rig.told("stack_failed", "job_ended") == ["job_ended", "stack_failed", "job_ended"]
    rig.rail.world.mend("camera_timeout")
    assert rig.tell(Goto(620.0)).ended.exception(0) is None


def test_the_end_of_the_daemon_does_not_wait_for_a_frame_that_is_only_looked_at(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up: list[str] = []
    monkeypatch.setattr(rig.eye, "cancel", lambda: given_up.append("exposure"))
    rig.operator.look()
    rig.operator.close()
    assert given_up == ["exposure"]
    rig.operator.work_once()
    assert rig.lights == []


def test_as_the_daemon_ends_the_motor_goes_first_and_slices_are_seen_saved_whatever_fails(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []

    def failing(what: str) -> Callable[[], None]:
        def close() -> None:
            closed.append(what)
            raise OSError(f"{what} is gone")

        return close

    for what, part in (("studio", rig.studio), ("eye", rig.eye), ("axis", rig.axis)):
        monkeypatch.setattr(part, "close", failing(what))
    rig.operator.close()
    with pytest.raises(OSError, match="is gone"):
        rig.operator.work()
    assert closed == ["axis", "eye", "studio"]


def test_marks_of_a_place_that_the_power_took_lapse_as_the_daemon_starts(tmp_path: Path) -> None:
    marks = {"near_u": 600.0, "far_u": 680.0, "assumed": False}
    (tmp_path / "marks.json").write_text(json.dumps(marks))
    rig = DaemonRig(tmp_path)
    assert rig.book.marks == Marks(600.0, 680.0)
    rig.operator.close()
    rig.operator.work()
    assert (rig.book.marks, rig.told("marks_lapsed")) == (Marks(), ["marks_lapsed"])

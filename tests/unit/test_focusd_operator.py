"""One job at a time, stops that are never lost, and what the operator outlives."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from daemon_rig import PLAN, DaemonRig, phase

from camera.camera import Camera
from camera.errors import CameraTimeout, CameraUnavailable, CaptureCancelled
from camera.patience import within
from focusd.errors import Busy, Refused
from focusd.heartbeat import PATIENCE_S
from focusd.jobs import Goto, Home, Job, Jog, Resume
from focusd.paused import DAEMON_ENDED
from rail.axis import Trust
from rail.errors import (
    MotionLost,
    Stopped,
)
from simulator.picamera2 import Picamera2
from stack.errors import StopAsked
from stack.plan import Count
from stack.session_state import Phase


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

    def open_slowly(_heard: object) -> Camera:
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


def test_a_camera_that_hangs_as_it_opens_does_not_hold_up_the_end(rig: DaemonRig) -> None:
    """A supervisor ends by force what has not ended within 30 s; twice as long is waited for a camera."""
    opening, comes_back = threading.Event(), threading.Event()

    def hang() -> Camera:
        opening.set()
        comes_back.wait(20)
        raise CameraUnavailable("it is not told any more")

    rig.eye._open_camera = lambda heard: within(20, hang, "has not opened", heard)
    rig.operator.start()
    assert opening.wait(20)
    began_s = time.monotonic()
    rig.operator.close()
    assert time.monotonic() - began_s < 10
    assert rig.eye.facts.problem == "The camera is not waited for any more: focusd is ending."
    comes_back.set()


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


def test_a_camera_that_does_not_let_go_ends_the_daemon_like_any_other(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang() -> None:
        raise CameraTimeout("the driver hangs", waited_s=5.0)

    monkeypatch.setattr(rig.eye.camera(), "close", hang)
    rig.operator.close()
    rig.operator.work()
    assert rig.eye.facts.problem is None


def test_a_camera_that_is_missing_is_asked_for_again_at_the_next_stack(rig: DaemonRig) -> None:
    rig.marked()
    good, broken = rig.eye._open_camera, True

    def open_camera(heard: Callable[[], object]) -> Camera:
        if broken:
            raise CameraUnavailable("no camera was found; look at its ribbon")
        return good(heard)

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


def test_a_stack_whose_frame_is_given_up_as_the_daemon_ends_waits_for_the_next(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that ended for any other reason is taken for one that somebody paused, and stays so."""

    def cut_at_once() -> None:
        raise CaptureCancelled("the exposure was given up")

    rig.marked()
    monkeypatch.setattr(rig.eye, "end", cut_at_once)
    monkeypatch.setattr(rig.eye.camera(), "capture", lambda *_given: rig.operator.close())
    rig.shoot()
    state = rig.sessions.open(1).state()
    assert (state.phase, state.reason) == (Phase.PAUSED, DAEMON_ENDED)


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

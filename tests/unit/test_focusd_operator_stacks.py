"""Stacks as the operator shoots them: accepted, stopped, gone on with, given up."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from camera_bench import SIZE_PX
from daemon_rig import PLAN, DaemonRig, phase

from camera.errors import CameraTimeout
from focusd.errors import Refused
from focusd.heartbeat import PATIENCE_S
from focusd.jobs import Acknowledge, Goto, Jog, Resume, Shoot
from focusd.now import CameraFacts
from focusd.wishes import _Wish
from rail.axis import Trust
from stack.errors import NoSuchSession, NotResumable, PlanRefused, StopAsked
from stack.optics import Optics
from stack.plan import FromHere, Pitch, StackPlan
from stack.session import Session
from stack.session_state import Phase
from stack.stop import StopKind


def test_a_stack_between_the_marks(rig: DaemonRig) -> None:
    rig.marked()
    job = rig.shoot()
    accepted = job.accepted.result(0)
    assert accepted.slices == 5
    assert rig.told("stack_started", "exposure_locked", "slice_saved", "stack_done", "job_ended")[1:] == [
        "stack_started",
        "exposure_locked",
        *["slice_saved"] * 5,
        "stack_done",
        "job_ended",
    ]
    assert phase(rig) is Phase.DONE
    assert rig.merges.fed == [(accepted.session, [*(f"slices/000{n}.jpg" for n in range(5)), "end"])]
    assert rig.lights == [True, False]
    assert rig.finished == [accepted.session]
    assert rig.sessions.open(1).size_px == SIZE_PX, "what its merge takes is told by it"
    assert job.ended.result(0).trust is Trust.KNOWN


def test_what_a_listener_heard_before_acceptance_is_all_it_missed(rig: DaemonRig) -> None:
    rig.marked()
    job = rig.shoot()
    assert next(iter(rig.hub.after(job.since).events))["event"] == "job_started"


def test_a_plan_without_marks_is_refused_and_nothing_moves(rig: DaemonRig) -> None:
    rig.home()
    before = rig.rail.world.carriage().edges
    job = rig.shoot()
    with pytest.raises(PlanRefused, match="near end is not marked"):
        job.accepted.result(0)
    assert rig.rail.world.carriage().edges == before
    assert rig.sessions.ids() == ()
    assert rig.last("refused")["kind"] == "shoot"
    assert rig.lights == []


def test_a_full_disk_refuses_a_plan(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path, reserve_bytes=10**18)
    rig.marked()
    with pytest.raises(PlanRefused, match="must keep"):
        rig.shoot().accepted.result(0)


def test_a_stopped_stack_goes_on_where_it_was_and_looks_as_if_nothing_had_happened(rig: DaemonRig) -> None:
    rig.marked()
    rig.on("slice_saved", rig.operator.stop, index=1)
    first = rig.shoot()
    assert phase(rig) is Phase.PAUSED
    assert rig.last("job_ended")["ending"] == "paused"
    rig.tell(Resume(None)).ended.result(0)
    state = rig.sessions.open(1).state()
    assert state.phase is Phase.DONE
    assert [state.saved[index].index for index in range(5)] == [0, 1, 2, 3, 4]
    assert len({saved.exposure for saved in state.saved.values()}) == 1
    session = first.accepted.result(0).session
    names = [f"slices/000{n}.jpg" for n in range(5)]
    assert rig.merges.fed == [(session, [*names[:2], "dropped"]), (session, [*names, "end"])]


def test_a_paused_stack_that_was_removed_waits_no_more(rig: DaemonRig) -> None:
    """A press goes on with what waits: once it is told that this is gone, the next begins a stack."""
    rig.marked()
    rig.on("slice_saved", rig.operator.stop, index=1)
    rig.shoot()
    waits = rig.operator.glance().paused
    assert waits is not None
    rig.sessions.remove(rig.sessions.open(waits.session))
    with pytest.raises(NoSuchSession):
        rig.tell(Resume(waits.session)).accepted.result(0)
    assert rig.operator.glance().paused is None


def let_cool(rig: DaemonRig) -> None:
    rig.operator._release()


def press_the_emergency_stop(rig: DaemonRig) -> None:
    rig.rail.world.press("e_stop")
    rig.rail.stepper.watch()
    rig.rail.world.release("e_stop")
    rig.tell(Acknowledge()).ended.result(0)


def home_and_lose_the_position(rig: DaemonRig) -> None:
    rig.home()
    rig.rail.after_edges(700, rig.rail.stepper.halt)
    assert rig.tell(Goto(2500.0)).ended.exception(0) is not None


@pytest.mark.parametrize("meanwhile", [let_cool, press_the_emergency_stop, home_and_lose_the_position])
def test_what_was_counted_from_where_it_stood_goes_on_only_while_the_motor_was_held(
    rig: DaemonRig, meanwhile: Callable[[DaemonRig], None]
) -> None:
    rig.on("slice_saved", rig.operator.stop, index=1)
    rig.shoot(replace(PLAN, range=FromHere(80)))
    rig.tell(Jog(20)).ended.result(0)
    assert rig.operator.glance().paused is not None
    meanwhile(rig)
    assert rig.operator.glance().paused is None
    stood = rig.axis.position()
    assert stood.trust is Trust.UNKNOWN
    with pytest.raises(NotResumable, match="count is lost"):
        rig.tell(Resume("1")).ended.result(0)
    assert rig.axis.position() == stood


def test_an_aborted_stack_is_over(rig: DaemonRig) -> None:
    rig.marked()
    rig.on("slice_saved", lambda: rig.operator.stop(StopKind.ABORT), index=1)
    rig.shoot()
    assert phase(rig) is Phase.ABORTED
    with pytest.raises(NotResumable):
        rig.tell(Resume(None)).accepted.result(0)


def test_an_abort_after_the_stop_ends_the_paused_stack(rig: DaemonRig) -> None:
    rig.marked()
    rig.on("slice_saved", rig.operator.stop, index=1)
    rig.shoot()
    assert rig.operator.abort("the button was held") == "the paused stack"
    rig.operator.work_once()
    assert phase(rig) is Phase.ABORTED
    assert rig.operator.abort() is None


def test_an_abort_that_comes_while_a_paused_stack_is_still_written_up_ends_it(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.marked()
    rig.on("slice_saved", rig.operator.stop, index=1)
    told: list[str | None] = []
    written_up: list[str] = []

    def write_up(session: Session) -> None:
        written_up.append(session.id)
        if not told:
            told.append(rig.operator.abort("the button was held"))

    monkeypatch.setattr(rig.studio, "_finish", write_up)
    rig.shoot()
    assert told == ["shoot"]
    assert len(written_up) == 2, "the second says that it goes on no more"
    assert phase(rig) is Phase.ABORTED
    assert rig.operator.glance().paused is None
    assert rig.told("stack_paused", "stack_aborted", "job_ended")[-3:] == [
        "stack_paused",
        "stack_aborted",
        "job_ended",
    ]


def test_a_stack_that_goes_on_is_not_ended_by_what_was_wished_of_it_before(rig: DaemonRig) -> None:
    rig.marked()
    rig.on("slice_saved", rig.operator.stop, index=1)
    rig.shoot()
    (session,) = rig.sessions.all()
    unwritten = rig.studio._wishes._unwritten
    unwritten[session.id] = _Wish(session, "stack_aborted", "enough")
    rig.tell(Resume(None)).ended.result(0)
    assert (phase(rig), unwritten) == (Phase.DONE, {})


def test_a_stack_is_shown_before_whoever_ordered_it_hears_that_it_has_begun(rig: DaemonRig) -> None:
    """A time-lapse that hears of it looks at once whether it is being shot."""
    rig.marked()
    shown: list[str | None] = []
    for order in (Shoot(PLAN), Resume(None)):
        rig.on("slice_saved", rig.operator.stop, index=1)
        job = rig.operator.order(order)
        job.accepted.add_done_callback(lambda _: shown.append(rig.operator.session))
        rig.operator.work_once()
    assert shown == [rig.sessions.ids()[0]] * 2


def test_an_abort_of_what_runs_leaves_the_stack_that_waits(rig: DaemonRig) -> None:
    rig.marked()
    rig.on("slice_saved", rig.operator.stop, index=1)
    rig.shoot()
    job = rig.operator.order(Jog(10.0))
    assert rig.operator.abort("the button was held") == "jog"
    rig.operator.work_once()
    assert isinstance(job.ended.exception(0), StopAsked)
    assert phase(rig) is Phase.PAUSED
    assert rig.operator.glance().paused is not None


def test_a_stop_gives_up_the_exposure_and_an_order_the_frame_that_is_only_looked_at(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up: list[str] = []
    monkeypatch.setattr(rig.eye, "cancel", lambda: given_up.append("exposure"))
    monkeypatch.setattr(rig.axis, "stop", lambda: given_up.append("motion"))
    assert rig.operator.stop() is None
    rig.operator.order(Jog(10.0))
    assert given_up == []
    assert rig.operator.stop() == "jog"
    assert given_up == ["motion", "exposure"]
    rig.operator.work_once()
    given_up.clear()
    rig.operator.look()
    rig.operator.look()
    assert rig.operator._inbox.qsize() == 1
    rig.operator.order(Jog(10.0))
    assert given_up == ["exposure"]


def test_an_order_that_came_after_a_look_was_asked_for_does_not_wait_for_it(rig: DaemonRig) -> None:
    rig.eye.camera()
    rig.finder.want()
    rig.operator.look()
    job = rig.operator.order(Jog(50.0))
    rig.operator.work_once()
    assert (rig.lights, rig.finder.latest.number) == ([], 0)
    rig.operator.work_once()
    assert job.ended.done()
    rig.operator.look()
    rig.operator.work_once()
    assert (rig.lights, rig.finder.latest.number) == ([True], 1)


def test_look_after_look_sees_a_frame_also_after_a_stop(rig: DaemonRig) -> None:
    rig.eye.camera()
    rig.finder.want()
    for number in (1, 2, 3):
        rig.eye.cancel()  # as a stop does, which no order may follow
        rig.operator.look()
        rig.operator.work_once()
        assert (rig.finder.latest.number, rig.finder.latest.problem) == (number, None)
        assert rig.finder.latest.frame is not None


def test_a_camera_that_is_wedged_as_somebody_looks_is_opened_anew_and_no_order_has_failed(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wedged() -> None:
        raise CameraTimeout("it hung", waited_s=PATIENCE_S)

    rig.eye.camera()
    monkeypatch.setattr(rig.eye, "frame", wedged)
    rig.operator.look()
    rig.operator.work_once()
    now = rig.operator.now()
    assert (now.camera.problem, now.last_error) == ("it hung", None)
    assert now.camera.sensor == "imx477", "the next stack of a series is exposed by it"
    rig.eye.camera()
    assert (rig.cameras, rig.operator.now().camera.problem) == (2, None)


def test_a_rehearsal_moves_and_leaves_nothing(rig: DaemonRig) -> None:
    rig.marked()
    job = rig.shoot(StackPlan("dry", PLAN.range, PLAN.spacing, settle_ms=10, rehearse=True))
    assert job.kind == "rehearse"
    assert job.accepted.result(0).session is None
    assert rig.sessions.ids() == ()
    assert rig.axis.position().steps == 1920


def test_a_relative_plan_needs_no_home(rig: DaemonRig) -> None:
    rig.shoot(StackPlan("here", FromHere(60.0), Pitch(20.0), settle_ms=200)).ended.result(0)
    assert phase(rig) is Phase.DONE
    assert rig.axis.position().trust is Trust.UNKNOWN


def test_while_a_stack_is_shot_anybody_sees_how_far_it_is(rig: DaemonRig) -> None:
    rig.marked()
    seen = []
    rig.on("slice_saved", lambda: seen.append(rig.operator.now()), index=2)
    rig.shoot()
    (now,) = seen
    assert (now.job, now.progress.phase, now.progress.index, now.progress.slices) == (
        "shoot",
        "shooting",
        2,
        5,
    )
    assert now.progress.session == rig.sessions.ids()[0]
    assert rig.operator.now().job is None
    assert rig.operator.session is None


def test_a_stack_that_begins_has_its_name_before_anything_follows_it(rig: DaemonRig) -> None:
    rig.marked()
    sessions = []
    rig.on("stack_started", lambda: sessions.append(rig.operator.session))
    rig.shoot()
    assert sessions == list(rig.sessions.ids())


def test_what_a_stack_weighs_is_not_known_before_a_camera_was_opened(rig: DaemonRig) -> None:
    """It weighed nothing, so that as many more fitted on the disk as it had bytes."""
    rig.marked()
    foresight = rig.studio._foresight
    rig.eye.close()
    rig.eye.facts = CameraFacts()
    with pytest.raises(Refused, match="is known once a camera was opened"):
        foresight.weight(PLAN)
    rig.eye.camera()
    assert foresight.weight(PLAN).slices_bytes > 0


def test_a_plan_whose_optics_tell_other_pixels_than_the_camera_is_told_wrong(rig: DaemonRig) -> None:
    rig.marked()
    rig.eye.camera()
    pixel_um = rig.eye.camera().identity.pixel_um or 0
    doubts = [
        rig.studio.preview(replace(PLAN, optics=Optics(2, f_number=4, pixel_um=um)), {}).doubt
        for um in (pixel_um, 2 * pixel_um)
    ]
    assert doubts[0] is None
    assert "the camera's frames are 3.1 µm apart" in (doubts[1] or "")
    rig.shoot()
    assert rig.sessions.open(1).facts.camera["pixel_um"] == pixel_um

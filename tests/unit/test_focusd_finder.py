"""Looking through the camera: what is shown, at what cost, and that it disturbs nothing."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from daemon_rig import DaemonRig
from hypothesis import given
from hypothesis import strategies as st

from camera.camera import Exposure, Frame
from camera.errors import CameraUnavailable
from camera.view import View
from focusd import preview_api
from focusd.errors import Refused
from focusd.finder import KEPT, SHARE_AT_REST, SHARE_AT_WORK, WANTED_NS, Budget, Finder
from focusd.jobs import Goto, Home, Shoot
from rail.axis import Trust
from simulator.clock import VirtualClock
from stack.plan import Between, Pitch, StackPlan

EXPOSURE = Exposure(8000, 1.0, (2.0, 1.5))


def frame(level: int = 100) -> Frame:
    return Frame(np.full((48, 64, 3), level, np.uint8), 0, 1, EXPOSURE, {})


class Worker:
    """A thread's processor time, which passes when a picture is made."""

    def __init__(self, clock: VirtualClock, cost_ns: int) -> None:
        self.clock, self.cost_ns, self.spent_ns = clock, cost_ns, 0

    def __call__(self) -> int:
        """Say how much was spent: every second time that is asked, a piece of work has ended."""
        self.asked = not getattr(self, "asked", False)
        if not self.asked:
            self.spent_ns += self.cost_ns
            self.clock.pass_ns(self.cost_ns)
        return self.spent_ns


# --- the budget -----------------------------------------------------------------------------------------


@given(
    costs_ns=st.lists(st.integers(1_000_000, 500_000_000), min_size=5, max_size=40),
    share=st.sampled_from([SHARE_AT_REST, SHARE_AT_WORK]),
)
def test_however_long_pictures_take_they_keep_to_their_share(costs_ns: list[int], share: float) -> None:
    budget, now_ns = Budget(), 0
    for cost_ns in costs_ns:
        now_ns += budget.wait_ns(now_ns) + cost_ns
        budget.spend(now_ns, cost_ns, share)
    assert sum(costs_ns) <= share * (now_ns + budget.wait_ns(now_ns)) * 1.001


def test_nobody_waits_for_a_budget_that_was_not_spent() -> None:
    budget = Budget()
    budget.spend(0, 100, SHARE_AT_WORK)
    assert (budget.wait_ns(0), budget.wait_ns(500), budget.wait_ns(10_000)) == (900, 400, 0)


def test_ten_who_look_cost_no_more_than_one() -> None:
    clock = VirtualClock()
    worker = Worker(clock, 40_000_000)
    finder = Finder(clock, worker)
    finder.want()
    began_ns, shown = clock.monotonic_ns(), 0
    while clock.monotonic_ns() - began_ns < 10_000_000_000:
        finder.want()
        finder.see(frame())
        for view in [View(), View(peaking=True)] * 5:
            clock.pass_ns(round(finder.wait_s(view) * 1e9))
            finder.show(view, SHARE_AT_WORK)
            shown += 1
        clock.pass_ns(1_000_000)
    clock.pass_ns(finder.budget.wait_ns(clock.monotonic_ns()))
    assert worker.spent_ns <= 1.01 * SHARE_AT_WORK * (clock.monotonic_ns() - began_ns)
    assert shown > 100


# --- frames ---------------------------------------------------------------------------------------------


def test_frames_are_kept_only_while_somebody_looks() -> None:
    clock = VirtualClock()
    finder = Finder(clock)
    finder.see(frame())
    assert finder.latest.frame is None
    finder.want()
    finder.see(frame())
    assert finder.latest.frame is not None
    clock.pass_ns(WANTED_NS + 1)
    finder.see(frame())
    assert finder.latest.frame is None


def test_the_latest_frame_alone_is_held_and_a_few_pictures_of_it() -> None:
    finder = Finder(VirtualClock())
    finder.want()
    frames = [frame(level) for level in (10, 200)]
    for one in frames:
        finder.see(one)
    for width_px in range(64, 64 + 3 * KEPT):
        finder.show(View(width_px=width_px), 1.0)
    assert finder.latest.frame is frames[1]
    assert len(finder._shown) == KEPT


def test_pictures_of_an_earlier_frame_are_never_shown_for_a_later_one() -> None:
    finder = Finder(VirtualClock())
    finder.want()
    finder.see(frame(10))
    first = finder.show(View(), 1.0)
    finder.see(frame(200))
    second = finder.show(View(), 1.0)
    assert first is not None
    assert second is not None
    assert (first[0], second[0]) == (1, 2)
    assert first[1].jpeg != second[1].jpeg
    assert finder.show(View(), 1.0) == second


# --- with the rig ---------------------------------------------------------------------------------------


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[DaemonRig]:
    rig = DaemonRig(tmp_path)
    rig.finder.want()
    yield rig
    rig.eye.close()


def looked(rig: DaemonRig) -> None:
    rig.operator.look()
    rig.operator.work_once()


def test_at_rest_a_look_shows_what_the_camera_sees_and_exposes_by_itself(rig: DaemonRig) -> None:
    rig.eye.camera()
    looked(rig)
    assert rig.finder.latest.frame is not None
    assert (rig.finder.latest.number, rig.finder.latest.problem) == (1, None)
    rig.marked()
    rig.shoot()
    camera = rig.eye.camera()
    assert camera.exposure is not None
    looked(rig)
    assert camera.exposure is None
    assert rig.told("job_started").count("job_started") == 2


def test_a_look_is_no_order_and_no_order_waits_for_it(rig: DaemonRig) -> None:
    rig.eye.camera()
    rig.operator.look()
    rig.operator.look()
    job = rig.operator.order(Home())
    began_ns = rig.clock.monotonic_ns()
    rig.operator.work_once()
    assert rig.clock.monotonic_ns() - began_ns < 1_000_000
    assert rig.finder.latest.number == 0
    rig.operator.work_once()
    job.ended.result(0)


def test_an_order_ends_a_look_that_was_begun(rig: DaemonRig) -> None:
    rig.eye.camera()
    rig.operator.look()
    rig.clock.once(lambda: True, lambda: rig.operator.order(Home()))
    rig.operator.work_once()
    assert rig.finder.latest.frame is None
    rig.operator.work_once()
    assert rig.last("job_ended")["ending"] == "done"


def test_whoever_hears_of_a_frame_may_ask_for_the_next_at_once(rig: DaemonRig) -> None:
    rig.eye.camera()
    with rig.finder.listening(rig.operator.look):
        looked(rig)
    rig.operator.close()
    assert rig.operator.work_once()
    assert not rig.operator.work_once()


def test_a_frame_that_was_let_go_unseen_is_no_news(rig: DaemonRig) -> None:
    rig.eye.camera()
    looked(rig)
    assert rig.finder.latest.is_later(0)
    rig.finder.turn_over()
    assert not rig.finder.latest.is_later(0)
    looked(rig)
    assert rig.finder.latest.is_later(1)
    assert not rig.finder.latest.is_later(2)
    rig.finder.turn_over()
    rig.finder.close()
    assert rig.finder.latest.is_later(2)


def test_a_camera_that_is_not_open_is_not_opened_to_look(rig: DaemonRig) -> None:
    problem = rig.operator.now().camera.problem
    for _ in range(3):
        looked(rig)
        assert rig.cameras == 0
        assert rig.finder.latest.problem == (
            f"the camera is not open, and the next stack opens it anew: {problem}"
        )
        assert rig.operator.now().camera.problem == problem


def test_a_camera_that_hangs_while_somebody_looks_is_given_up_and_opened_for_the_next_stack(
    rig: DaemonRig,
) -> None:
    rig.marked()
    rig.eye.camera()
    rig.rail.world.break_down("camera_timeout")
    looked(rig)
    assert "No frame came" in (rig.finder.latest.problem or "")
    assert rig.eye.facts.problem is not None
    rig.rail.world.mend("camera_timeout")
    rig.shoot()
    assert rig.last("job_ended")["ending"] == "done"
    assert rig.cameras == 2


def test_a_stack_that_is_watched_is_the_same_stack_in_the_same_time(tmp_path: Path) -> None:
    def shot(watched: bool) -> tuple[int, list[int], list[dict[str, object]]]:
        folder = tmp_path / str(watched)
        folder.mkdir()
        rig = DaemonRig(folder)
        rig.marked()
        numbers: list[int] = []

        def watch() -> None:
            rig.finder.want()
            rig.operator.look()
            numbers.append(rig.finder.latest.number)

        if watched:
            rig.finder.want()
            rig.on("slice_saved", watch)
        began_ns = rig.clock.monotonic_ns()
        rig.shoot()
        assert rig.operator._inbox.empty(), "a look was asked for while the rig worked"
        (session,) = rig.sessions.all()
        saved = session.state().saved
        exposures = [vars_of(saved[index].exposure) for index in sorted(saved)]
        return rig.clock.monotonic_ns() - began_ns, numbers, exposures

    alone_ns, _, alone = shot(False)
    watched_ns, numbers, watched = shot(True)
    assert watched == alone
    assert watched_ns == alone_ns
    assert numbers == [1, 2, 3, 4, 5]


def vars_of(exposure: Exposure | None) -> dict[str, object]:
    assert exposure is not None
    return {"time_us": exposure.time_us, "gain": exposure.gain, "colour_gains": exposure.colour_gains}


def test_looking_does_not_keep_the_motor_from_cooling(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path, idle_release_s=100)
    rig.home()
    rig.eye.camera()

    def looked_through() -> Trust:
        rig.operator.look()
        rig.operator.work_once()
        return rig.axis.position().trust

    due_s = rig.operator._chores.release_due_s
    assert (looked_through(), rig.operator._chores.release_due_s) == (Trust.KNOWN, due_s)
    rig.operator._chores.release_due_s = time.monotonic()
    assert looked_through() is Trust.ASSUMED


def test_an_order_that_came_during_a_look_finds_the_motor_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = DaemonRig(tmp_path, idle_release_s=100)
    rig.home()
    rig.eye.camera()
    rig.operator._chores.release_due_s = time.monotonic()
    take = rig.operator._frame
    monkeypatch.setattr(rig.operator, "_frame", lambda: (take(), rig.operator.order(Goto(700.0)))[0])
    rig.operator.look()
    rig.operator.work_once()
    assert rig.axis.position().trust is Trust.KNOWN


def test_what_is_wrong_with_the_camera_is_told_to_whoever_looks(tmp_path: Path) -> None:
    def absent() -> Frame:
        raise CameraUnavailable("no camera was found")

    finder = Finder(VirtualClock())
    heard = []
    with finder.listening(lambda: heard.append(finder.latest.problem)), pytest.raises(CameraUnavailable):
        finder.look(absent)
    assert heard == ["no camera was found"]


def test_whoever_looks_in_vain_is_told_so(rig: DaemonRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_api, "PATIENCE_S", 0.05)
    watch = preview_api._Watch(rig.finder, rig.operator)
    with pytest.raises(Refused, match="there is no picture: none was taken"):
        asyncio.run(watch.picture(View(width_px=160), 0))


def test_nobody_waits_for_a_picture_of_a_daemon_that_is_ending(rig: DaemonRig) -> None:
    watch = preview_api._Watch(rig.finder, rig.operator)

    async def picture() -> None:
        await asyncio.wait_for(watch.picture(View(width_px=160), watch.latest()), 1)

    async def ends_meanwhile() -> None:
        looking = asyncio.create_task(picture())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        rig.finder.close()
        rig.finder.turn_over()  # a job that is stopped with the daemon comes to rest
        rig.finder.forget()
        await looking

    with pytest.raises(Refused, match="there is no picture: the daemon is ending"):
        asyncio.run(ends_meanwhile())
    with pytest.raises(Refused, match="there is no picture: the daemon is ending"):
        asyncio.run(picture())


# --- the light ------------------------------------------------------------------------------------------


def test_the_light_is_on_while_somebody_looks_and_out_a_while_after(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path)
    rig.tell(Home())
    rig.lights.clear()
    for _ in range(2):
        rig.operator.look()
        rig.operator.work_once()
    assert rig.lights == [True]
    now_s = time.monotonic()
    rig.operator._chores.do(now_s + WANTED_NS / 1e9 - 1)
    assert rig.lights == [True]
    rig.operator._chores.do(now_s + WANTED_NS / 1e9 + 1)
    assert rig.lights == [True, False]


def test_a_stack_after_a_look_ends_in_the_dark(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path)
    rig.tell(Home())
    rig.operator.look()
    rig.operator.work_once()
    rig.tell(Shoot(StackPlan("beetle", Between(1000.0, 1040.0), Pitch(20.0), settle_ms=200)))
    assert (rig.lights[-1], rig.operator.now().lit) == (False, False)

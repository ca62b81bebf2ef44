from dataclasses import replace
from pathlib import Path

import pytest
from daemon_rig import PLAN, DaemonRig

from camera.camera import Exposure
from focusd.heartbeat import MOTION_PATIENCE_S, PATIENCE_S, Heartbeat, motion_silence_s
from focusd.house import line_of
from focusd.merges import MergeProgress
from focusd.now import Glance, Progress
from stack.plan import Count


class Held:
    def __init__(self) -> None:
        self.s = 0.0

    def monotonic_ns(self) -> int:
        return round(self.s * 1e9)

    def sleep_until_ns(self, at_ns: int) -> None:
        raise AssertionError("nobody waits here")


def test_who_rests_is_never_overdue() -> None:
    clock = Held()
    heartbeat = Heartbeat(clock)
    clock.s = 1e6
    assert not heartbeat.overdue()
    heartbeat.beat()
    clock.s += PATIENCE_S + 1
    assert heartbeat.overdue()
    heartbeat.rest()
    assert not heartbeat.overdue()


def test_a_declared_silence_holds_whatever_is_heard_meanwhile() -> None:
    clock = Held()
    heartbeat = Heartbeat(clock)
    heartbeat.beat(1000)
    clock.s = 10
    heartbeat.beat()
    clock.s = 1000 + PATIENCE_S
    assert not heartbeat.overdue()
    clock.s += 1
    assert heartbeat.overdue()


def test_the_status_line_says_how_far_things_are() -> None:
    progress = Progress("shooting", "0001", 11, 80, 200.4)
    shooting = Glance("shoot", progress, failed=False, emergency=False)
    merge = MergeProgress("0001", 10, 11)
    words = "shoot: shooting slice 12 of 80, 3:20 left; merging 10 of 11 slices"
    assert line_of(shooting, merge) == words
    slow = MergeProgress("0001", 3, 11, slice_s=12.5)
    assert line_of(shooting, slow).endswith("merging 3 of 11 slices, 1:40 left")
    assert line_of(Glance(None, Progress(), failed=False, emergency=False), None) == "at rest"
    assert "emergency" in line_of(Glance("home", Progress(), failed=False, emergency=True), None)


def test_a_motion_process_that_steps_is_left_to_the_operator_and_a_resting_one_must_look() -> None:
    late_ns = round((MOTION_PATIENCE_S + 1) * 1e9)
    assert motion_silence_s(late_ns, 0, moving=False) == MOTION_PATIENCE_S + 1
    assert motion_silence_s(late_ns, 0, moving=True) is None
    assert motion_silence_s(late_ns, late_ns - 50_000_000, moving=False) is None


def test_an_operator_that_hangs_in_a_stack_is_noticed_and_one_at_rest_never(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path)
    rig.marked()
    seen: list[bool] = []

    def hang() -> None:
        seen.append(rig.operator.silent())
        rig.clock.sleep_until_ns(rig.clock.monotonic_ns() + round((PATIENCE_S + 60) * 1e9))
        seen.append(rig.operator.silent())

    rig.on("slice_saved", hang, index=1)
    rig.shoot().ended.result(0)
    assert seen == [False, True]
    rig.operator._heartbeat.rest()  # as it does when it waits for the next order
    rig.clock.sleep_until_ns(rig.clock.monotonic_ns() + 10**15)
    assert not rig.operator.silent()


@pytest.mark.parametrize(("part", "action"), [("eye", "try_camera"), ("axis", "release")])
def test_an_operator_that_hangs_before_the_first_order_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, action: str
) -> None:
    rig = DaemonRig(tmp_path, idle_release_s=0)
    seen: list[bool] = []

    def hang() -> None:
        rig.clock.sleep_until_ns(rig.clock.monotonic_ns() + round((PATIENCE_S + 1) * 1e9))
        seen.append(rig.operator.silent())
        rig.operator.close()

    monkeypatch.setattr(getattr(rig, part), action, hang)
    rig.operator.work()
    assert seen == [True]


def test_a_long_way_is_no_silence_and_the_patience_begins_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = DaemonRig(tmp_path)
    moving = [True]
    monkeypatch.setattr(rig.axis, "moving", lambda: moving[0])
    rig.heartbeat.beat()
    seen = []
    for still in (True, True, False, False):
        moving[0] = still
        rig.clock.sleep_until_ns(rig.clock.monotonic_ns() + round(0.9 * PATIENCE_S * 1e9))
        seen.append(rig.operator.silent())
    assert seen == [False, False, False, True]


def test_a_long_way_that_ends_as_it_is_looked_at_leaves_the_operator_at_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What rests is silent for good; a watchdog must not end it for that."""
    rig = DaemonRig(tmp_path)

    def ends() -> bool:
        rig.heartbeat.rest()
        return True

    rig.heartbeat.beat()
    rig.clock.sleep_until_ns(rig.clock.monotonic_ns() + round((PATIENCE_S + 1) * 1e9))
    monkeypatch.setattr(rig.axis, "moving", ends)
    assert not rig.operator.silent()
    rig.clock.sleep_until_ns(rig.clock.monotonic_ns() + 10**15)
    assert not rig.heartbeat.overdue()


def test_long_exposures_are_no_silence(tmp_path: Path) -> None:
    """To lock an exposure takes eight frames of it at least, and nothing is told meanwhile."""
    rig = DaemonRig(tmp_path)
    rig.marked()
    seen: list[bool] = []
    sleep_until_ns = rig.clock.sleep_until_ns

    def look_and_sleep(instant_ns: int) -> None:
        sleep_until_ns(instant_ns)
        seen.append(rig.operator.silent())

    rig.clock.sleep_until_ns = look_and_sleep  # type: ignore[method-assign]
    long = Exposure(round(PATIENCE_S / 4 * 1e6), 1.0, (2.0, 1.8))
    rig.shoot(replace(PLAN, exposure=long, spacing=Count(2))).accepted.result(0)
    assert rig.clock.monotonic_ns() > 8 * long.time_us * 1000
    assert not any(seen)


def test_a_long_delay_is_no_silence(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path)
    rig.marked()
    seen: list[bool] = []
    rig.on("progress", lambda: seen.append(rig.operator.silent()))
    rig.shoot(replace(PLAN, delay_s=10 * PATIENCE_S)).ended.result(0)
    assert seen
    assert not any(seen)

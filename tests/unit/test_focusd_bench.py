from pathlib import Path
from typing import cast

from daemon_rig import DaemonRig

from focusd.bench import Bench
from focusd.config import load_config
from focusd.jobs import Acknowledge, Home
from focusd.merges import Merges
from focusd.panel import REFUSAL_NS, Mood, Request


class Resting:
    """Merges of which none runs."""

    def progress(self) -> None:
        return None


def bench_of(rig: DaemonRig) -> Bench:
    config = load_config(None, ["plans.default={spacing: {pitch_u: 20}}"])
    return Bench(config, rig.operator, cast(Merges, Resting()), rig.hub, rig.clock)


def test_a_press_shoots_the_default_plan_between_the_marks(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path)
    rig.marked()
    bench = bench_of(rig)
    bench.ask(Request.SHOOT)
    assert bench.moving()
    rig.operator.work_once()
    assert rig.told("stack_done") == ["stack_done"]
    assert not bench.moving()
    assert bench.shown(rig.clock.monotonic_ns()) is Mood.READY


def test_a_press_that_is_refused_shows_for_a_while_and_is_told(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path)
    rig.home()
    bench = bench_of(rig)
    bench.ask(Request.SHOOT)
    rig.operator.work_once()
    now_ns = rig.clock.monotonic_ns()
    assert bench.shown(now_ns) is Mood.REFUSED
    assert bench.shown(now_ns + REFUSAL_NS) is Mood.READY
    assert "not marked" in rig.last("refused")["reason"]


def test_a_press_while_the_daemon_ends_is_refused_and_hurts_nobody(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path)
    bench = bench_of(rig)
    rig.operator.close()
    bench.ask(Request.SHOOT)
    assert bench.shown(rig.clock.monotonic_ns()) is Mood.REFUSED
    assert "takes no more orders" in rig.last("refused")["reason"]


def test_a_press_stops_and_a_long_one_ends_for_good(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path)
    rig.marked()
    bench = bench_of(rig)
    rig.on("slice_saved", lambda: bench.ask(Request.STOP), index=1)
    bench.ask(Request.SHOOT)
    rig.operator.work_once()
    assert rig.last("stack_paused")["reason"] == "the button was pressed"
    bench.ask(Request.ABORT)
    rig.operator.work_once()
    assert rig.last("stack_aborted")["reason"] == "the button was held"


def test_a_press_that_stops_homing_shows_no_refusal(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path)
    bench = bench_of(rig)
    rig.rail.after_edges(20, lambda: bench.ask(Request.STOP))
    rig.tell(Home())
    assert rig.last("job_ended")["ending"] == "stopped"
    assert bench.shown(rig.clock.monotonic_ns()) is Mood.READY


def test_an_emergency_stop_ends_what_runs_and_is_told_once_by_lamp_and_event(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path)
    rig.marked()
    bench = bench_of(rig)
    now_ns = rig.clock.monotonic_ns()

    def pressed() -> None:
        rig.rail.world.press("e_stop")
        rig.rail.stepper.watch()
        assert [bench.shown(now_ns) for _ in range(3)] == [Mood.EMERGENCY] * 3

    rig.on("slice_saved", pressed, index=1)
    rig.shoot()
    assert rig.last("job_ended")["ending"] == "paused"
    assert "emergency stop" in rig.last("job_ended")["reason"]
    assert rig.told("emergency_stop") == ["emergency_stop"]
    rig.rail.world.release("e_stop")
    assert bench.shown(now_ns) is Mood.EMERGENCY
    rig.tell(Acknowledge()).ended.result(0)
    assert bench.shown(now_ns) is not Mood.EMERGENCY
    assert rig.told("emergency_stop", "emergency_acknowledged") == [
        "emergency_stop",
        "emergency_acknowledged",
    ]

"""Stacks and the reference: a position that must be known, and steps that were lost on the way."""

from dataclasses import replace
from pathlib import Path

import pytest
from daemon_rig import PLAN, DaemonRig, phase

from focusd.jobs import Acknowledge, Goto, Home, Job, Jog, Order, Resume
from focusd.operator import _count_ended
from rail.axis import Position, Trust
from rail.errors import (
    Halted,
    HomingNotAllowed,
)
from stack.errors import StopAsked
from stack.faults import faults
from stack.report import warnings
from stack.session_state import Phase


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


def test_a_carriage_that_never_comes_home_again_is_told_with_the_stack(rig: DaemonRig) -> None:
    rig.marked()
    rig.on("slice_saved", lambda: rig.rail.world.break_down("carriage_jammed"), index=1)
    rig.shoot(replace(PLAN, recheck=True)).ended.result(0)
    session = rig.sessions.open(1)
    assert (session.state().phase, session.state().missed_u) == (Phase.DONE, None)
    told = faults(session.entries())[0].words
    assert "lost steps on the way is not known: the near limit switch did not close" in told
    assert "did not close" in rig.last("recheck_failed")["error"]


def test_nothing_is_rechecked_unasked(rig: DaemonRig) -> None:
    rig.marked()
    rig.shoot().ended.result(0)
    assert rig.sessions.open(1).state().missed_u is None


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

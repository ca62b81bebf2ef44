"""Where the axis is sent, and where it goes afterwards."""

from dataclasses import replace
from typing import Any

import pytest
from stack_rig import PLAN, Rig

from rail.axis import Arrival, Position, Trust
from stack.ending import EndingKind
from stack.errors import AxisAstray
from stack.plan import AroundHere, Park
from stack.session_state import Phase


def test_an_axis_that_comes_to_rest_elsewhere_is_not_photographed(
    inline_rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = inline_rig
    astray = Arrival(Position(1031, Trust.KNOWN), 0)
    move_to = rig.rail.move_to
    monkeypatch.setattr(rig.rail, "move_to", lambda steps: astray if steps == 1020 else move_to(steps))
    ending = rig.shoot(rig.session())
    assert isinstance(ending.error, AxisAstray)
    assert len(rig.camera.captured) == 2


@pytest.mark.parametrize(
    ("after", "where", "rest"),
    [
        (Park.START, PLAN.range, 1000),
        (Park.STAY, PLAN.range, 1050),
        (Park.PARK, PLAN.range, 0),
        (Park.START, AroundHere(50), 400),
    ],
)
def test_the_axis_goes_where_the_plan_wants_it_afterwards(
    inline_rig: Rig, after: Park, where: Any, rest: int
) -> None:
    inline_rig.rail.move_to(400)
    inline_rig.shoot(inline_rig.session(replace(PLAN, range=where, after=after)))
    assert inline_rig.rail.motor_steps == rest


def test_it_parks_away_from_a_subject_at_the_near_end(inline_rig: Rig) -> None:
    inline_rig.kit.subject_side = "near"
    inline_rig.shoot(inline_rig.session(replace(PLAN, after=Park.PARK)))
    assert inline_rig.rail.motor_steps == 40_000


def test_a_stack_is_done_though_parking_fails(inline_rig: Rig) -> None:
    rig, session = inline_rig, inline_rig.session()
    rig.telling = lambda event: rig.ask() if event["event"] == "stack_done" else None
    ending = rig.shoot(session)
    assert ending.kind is EndingKind.DONE
    assert len(ending.trouble) == 1 and "not parked" in ending.trouble[0]
    assert session.state().phase is Phase.DONE

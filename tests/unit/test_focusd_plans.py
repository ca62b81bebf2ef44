from typing import Any

import pytest
from pydantic import ValidationError

from camera.camera import Exposure
from focusd.config import load_config
from focusd.errors import RequestInvalid, Unknown
from focusd.plans import PlanRequest, placed, plan_asked_for, plan_on_record
from focusd.problems import problems_of
from rail.axis import Trust
from stack.errors import PlanRefused
from stack.optics import Optics
from stack.plan import (
    AroundHere,
    Between,
    BetweenMarks,
    Count,
    FromHere,
    FromOptics,
    Marks,
    Park,
    Pitch,
    StackPlan,
)

FIXED = {"time_us": 800, "gain": 2.0, "colour_gains": (2.0, 1.5)}
CONFIG = load_config(
    None,
    [
        "plans.wide={range: {near_u: 100, far_u: 900}, spacing: {pitch_u: 20}, after: park, delay_s: 2}",
        "plans.here={range: {around_u: 50}, spacing: {count: 5}, exposure: "
        "{time_us: 800, gain: 2, colour_gains: [2, 1.5]}}",
    ],
)


def asked(**request: Any) -> StackPlan:
    return plan_asked_for(CONFIG, PlanRequest.model_validate(request))


def test_the_default_plan_lies_between_the_marks_and_takes_its_pitch_from_the_optics() -> None:
    plan = asked()
    assert (plan.name, plan.range, plan.spacing) == ("default", BetweenMarks(), FromOptics(0.75))
    assert plan.optics == Optics(2.0, 4.0, None, 3.1, 0.55)
    assert (plan.after, plan.settle_ms, plan.exposure, plan.rehearse) == (Park.START, 150, None, False)


@pytest.mark.parametrize("kind", ["ring", "lens"])
@pytest.mark.parametrize(("planned", "typed"), [(True, None), (False, True)])
def test_only_a_rail_has_a_switch_to_recheck_by(kind: str, planned: bool, typed: bool | None) -> None:
    config = CONFIG.model_copy(
        update={
            "axis": CONFIG.axis.model_copy(update={"kind": kind}),
            "plans": {"default": CONFIG.plans["here"].model_copy(update={"recheck": planned})},
        }
    )
    with pytest.raises(PlanRefused, match=r"recheck .* only a rail"):
        plan_asked_for(config, PlanRequest(recheck=typed))
    assert not plan_asked_for(config, PlanRequest(recheck=False)).recheck


@pytest.mark.parametrize(("typed", "found"), [(None, True), (False, False), (True, True)])
def test_a_plan_that_is_to_be_rechecked_is_unless_somebody_says_otherwise(
    typed: bool | None, found: bool
) -> None:
    config = load_config(None, ["plans.default={recheck: true, spacing: {count: 5}}"])
    assert plan_asked_for(config, PlanRequest(recheck=typed)).recheck is found


@pytest.mark.parametrize(
    ("plan", "marks", "range"),
    [
        ("default", Marks(500.0, 700.0), Between(500.0, 700.0)),
        ("default", Marks(500.0, 700.0, assumed=True), BetweenMarks()),
        ("default", Marks(500.0), BetweenMarks()),
        ("wide", Marks(500.0, 700.0), Between(100, 900)),
        ("here", Marks(500.0, 700.0), AroundHere(50)),
    ],
)
def test_a_series_goes_by_the_places_of_the_marks_for_those_may_lapse(
    plan: str, marks: Marks, range: object
) -> None:
    assert asked(**placed({"plan": plan}, asked(plan=plan), marks)).range == range


def test_a_series_on_record_that_another_version_asked_for_is_refused_as_any_request_is() -> None:
    """What is refused is a stack that failed; anything else kept focusd from starting."""
    with pytest.raises(RequestInvalid, match="tilt_deg: "):
        plan_on_record({"plan": "default", "tilt_deg": 3})


def test_a_named_plan_is_what_the_configuration_says() -> None:
    plan = asked(plan="wide")
    assert (plan.range, plan.spacing, plan.after, plan.delay_s) == (
        Between(100, 900),
        Pitch(20),
        Park.PARK,
        2,
    )
    here = asked(plan="here")
    assert (here.range, here.spacing, here.optics) == (AroundHere(50), Count(5), None)
    assert here.exposure == Exposure(800, 2.0, (2.0, 1.5))


@pytest.mark.parametrize(
    ("request_", "field", "value"),
    [
        ({"length_u": -80.0}, "range", FromHere(-80.0)),
        ({"around_u": 80.0}, "range", AroundHere(80.0)),
        ({"near_u": 1.0, "far_u": 2.0}, "range", Between(1.0, 2.0)),
        ({"overlap": 0.5}, "spacing", FromOptics(0.5)),
        ({"pitch_u": 5.0}, "spacing", Pitch(5.0)),
        ({"count": 7}, "spacing", Count(7)),
        ({"after": "stay"}, "after", Park.STAY),
        ({"delay_s": 0.0}, "delay_s", 0.0),
        ({"settle_ms": 0}, "settle_ms", 0),
        ({"name": "beetle"}, "name", "beetle"),
        ({"rehearse": True}, "rehearse", True),
        ({"optics": "macro-2x"}, "optics", Optics(2.0, 4.0, None, 3.1, 0.55)),
    ],
)
def test_a_request_changes_one_thing_and_leaves_the_rest(
    request_: dict[str, Any], field: str, value: object
) -> None:
    plan, base = asked(plan="wide", **request_), asked(plan="wide")
    assert getattr(plan, field) == value
    others = {"name", "range", "spacing", "after", "delay_s", "settle_ms", "rehearse", "optics"} - {field}
    assert [getattr(plan, other) for other in others] == [getattr(base, other) for other in others]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"near_u": 1.0}, "near_u and far_u belong together"),
        ({"near_u": 1.0, "far_u": 2.0, "length_u": 3.0}, "give only one of near_u and far_u, length_u"),
        ({"pitch_u": 1.0, "count": 3}, "give only one of pitch_u, count"),
        ({"stops": 1.0, "clipped_percent": 2.0}, "give stops or clipped_percent, not both"),
        ({"stops": 1.0, "exposure": FIXED}, "stops says how bright a metered picture is"),
        ({"clipped_percent": 1.0, "exposure": FIXED}, "clipped_percent says how bright a metered picture is"),
    ],
)
def test_a_request_that_contradicts_itself_is_refused(request_: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanRefused, match=words):
        asked(**request_)


def test_a_plan_whose_exposure_is_fixed_is_not_made_brighter() -> None:
    with pytest.raises(PlanRefused, match="this exposure is given"):
        asked(plan="here", stops=1.0)


@pytest.mark.parametrize("around_u", [0.0, -2000.0])
def test_around_here_is_a_length_and_said_to_be_one_where_it_is_not(around_u: float) -> None:
    with pytest.raises(ValidationError) as caught:
        PlanRequest.model_validate({"around_u": around_u})
    words = f"around_u: {around_u} is not a number above 0, or null"
    assert problems_of(caught.value, PlanRequest) == (words,)


def test_a_plan_needs_a_known_place_unless_it_or_the_request_says_otherwise() -> None:
    assert [asked().needs, asked(needs="assumed").needs] == [Trust.KNOWN, Trust.ASSUMED]
    config = CONFIG.model_copy(
        update={"plans": {"default": CONFIG.plans["default"].model_copy(update={"needs": "assumed"})}}
    )
    assert plan_asked_for(config, PlanRequest()).needs is Trust.ASSUMED
    assert plan_asked_for(config, PlanRequest(needs="known")).needs is Trust.KNOWN
    assert asked(length_u=100).needs is Trust.UNKNOWN


@pytest.mark.parametrize("name", ["甲虫\u3000左", "می\u200cخواهم", "\U0001f469\u200d\U0001f52c", "a\u00a0b"])
def test_a_name_may_be_of_any_script(name: str) -> None:
    assert PlanRequest.model_validate({"name": name}).name == name


def test_an_unknown_plan_or_lens_is_refused_with_those_there_are() -> None:
    with pytest.raises(Unknown, match="it has default, wide, here"):
        asked(plan="night")
    with pytest.raises(Unknown, match="it has macro-2x"):
        asked(optics="zoom")


@pytest.mark.parametrize("name", ["moss\nand stone", "moss \x1b[31m", "\u202emoss", " "])
def test_a_name_is_printable_and_on_one_line(name: str) -> None:
    """It stands on pages, in terminals and in an XMP, which a control character keeps from being read."""
    with pytest.raises(ValidationError) as caught:
        PlanRequest.model_validate({"name": name})
    words = "name: give 1 to 60 printable characters on one line"
    assert problems_of(caught.value, PlanRequest) == (words,)

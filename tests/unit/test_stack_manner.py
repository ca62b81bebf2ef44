"""How a series exposes its stacks, and that it is written down as it was asked for."""

from fractions import Fraction

import pytest

from camera.aim import SensorReach, tethered
from camera.camera import Aim, Exposure, Tether
from rail.screw import Scale
from stack.following import Seen
from stack.manner import AS_USUAL, Exposing, Manner, WhenHot, exposed, manner_of, manner_record, moved
from stack.plan import Between, BetweenMarks, Count, FromOptics, Pitch, StackPlan
from stack.record import plan_of, plan_record
from stack.retention import Keep

FIRST, LAST = Exposure(8000, 1.0, (2.0, 1.5)), Exposure(16_000, 1.0, (2.0, 1.5))
PLAN = StackPlan("moss", BetweenMarks(), Count(10), aim=Aim(stops=0.5))
REACH = SensorReach(100, 1_000_000, 1.0, 16.0)


def test_the_first_stack_is_metered_freely():
    for exposure in Exposing:
        assert exposed(PLAN, Manner(exposure), None, None) == PLAN


def test_what_the_plan_fixes_stays():
    fixed = StackPlan("moss", BetweenMarks(), Count(10), exposure=LAST)
    assert exposed(fixed, Manner(Exposing.RAMP), FIRST, LAST) == fixed


def test_every_way_to_expose_is_another_plan():
    plans = {way: exposed(PLAN, Manner(way), FIRST, LAST) for way in Exposing}
    assert plans[Exposing.LOCK_FIRST].exposure == FIRST
    assert plans[Exposing.PER_STACK].aim == Aim(0.5, None, Tether(FIRST))
    assert plans[Exposing.RAMP].aim == Aim(0.5, None, Tether(LAST, 0.33))
    assert all(plan.exposure is None for way, plan in plans.items() if way is not Exposing.LOCK_FIRST)


@pytest.mark.parametrize(
    ("metered_us", "stops", "light_us"),
    [(8000, 0.5, 8000), (32_000, 0.5, 8000 * 2**0.5), (1000, 0.5, 8000 / 2**0.5), (32_000, None, 32_000)],
)
def test_a_tethered_exposure_goes_as_far_as_it_may_in_the_colours_of_before(metered_us, stops, light_us):
    metered = Exposure(metered_us, 1.0, (1.7, 1.9))
    found = tethered(metered, Tether(FIRST, stops), REACH)
    assert found.time_us * found.gain == pytest.approx(light_us, rel=0.001)
    assert found.colour_gains == FIRST.colour_gains


def test_night_comes_by_time_first_and_by_gain_when_time_is_long():
    found, steps = FIRST, 0
    while found.time_us * found.gain < 7e5:
        found = tethered(Exposure(1_000_000, 8.0, (1.0, 1.0)), Tether(found, 0.5), REACH)
        steps += 1
        assert found.gain == pytest.approx(1.0, abs=1e-3) or found.time_us >= 100_000
    assert steps == 13


@pytest.mark.parametrize("stops", [0, -1, 8.1])
def test_a_tether_has_some_length(stops):
    with pytest.raises(ValueError, match="more than 0, up to 8"):
        Tether(FIRST, stops)


def test_a_plan_with_a_tether_is_read_as_it_was_written():
    for way in Exposing:
        plan = exposed(PLAN, Manner(way), FIRST, LAST)
        assert plan_of(plan_record(plan)) == plan


def test_a_manner_is_read_as_it_was_written_and_an_older_series_is_as_usual():
    manner = Manner(Exposing.RAMP, 0.5, True, Keep(10), WhenHot.SKIP, True)
    assert manner_of(manner_record(manner)) == manner
    assert manner_of({}) == AS_USUAL == Manner(keep=Keep(1))
    with pytest.raises(ValueError, match="every:N"):
        manner_of({"keep": "some"})


def test_a_range_that_moved_keeps_its_slices_as_close():
    scale, seen = Scale("um", Fraction(5, 16)), Seen(3200, 6400, 320)
    assert moved(PLAN, scale, seen).range == Between(1000.0, 2000.0)
    assert moved(PLAN, scale, seen).spacing == Pitch(100.0)
    by_optics = StackPlan("moss", BetweenMarks(), FromOptics(0.7))
    assert moved(by_optics, scale, seen).spacing == FromOptics(0.7)

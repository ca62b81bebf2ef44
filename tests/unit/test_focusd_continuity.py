"""What a stack must have in common with the rig that would go on with it."""

from fractions import Fraction
from types import SimpleNamespace

import pytest
from series_machine import EXPOSURE, SCALE, PaperOperator

from camera.camera import CameraIdentity
from focusd.continuity import check_camera, check_grid, check_rig, check_settings, check_shading
from rail.axis import Position, Trust
from rail.screw import Scale
from simulator.clock import VirtualClock
from stack.errors import NotResumable
from stack.layout import lay_out
from stack.plan import Marks
from stack.record import exposure_record
from stack.session import Facts
from stack.sessions import Sessions

JPEG = {"camera": {"format": "jpeg"}}


@pytest.fixture
def stack(tmp_path):
    """Make a stack with a slice saved, or none."""
    root = tmp_path / "sessions"
    root.mkdir()
    operator = PaperOperator(Sessions(root), VirtualClock(), SimpleNamespace(used_bytes=0))

    def made(saved=True, **facts):
        layout = lay_out(operator.plan, SCALE, Position(0, Trust.KNOWN), Marks())
        session = operator.sessions.create(operator.plan, layout, SCALE, Facts(**facts))
        operator._write(session, "stack_started", slices=3)
        if saved:
            operator._save(session, 0, exposure_record(EXPOSURE), b"slice")
        return session

    return made


def refusal(check, session, *what, **named):
    """Give why a stack may not go on; None where it may."""
    try:
        check(session, *what, **named)
    except NotResumable as error:
        assert error.session == session.id
        return str(error)
    return None


@pytest.mark.parametrize("before", [None, False, True])
@pytest.mark.parametrize("now", [False, True])
def test_it_goes_on_on_its_own_kind_of_rig(stack, before, now):
    words = refusal(check_rig, stack(simulated=before), simulated=now)
    assert (words is not None) is (before is (not now))


def test_it_goes_on_by_the_same_count_of_places(stack):
    session = stack(grid="0.3125 um a step, from near")
    assert refusal(check_grid, session, SCALE, "0.3125 um a step, from near") is None
    assert refusal(check_grid, stack(grid=None), SCALE, "any") is None
    assert refusal(check_grid, session, Scale("um", Fraction(5, 8)), "0.3125 um a step, from near") == (
        f"the places of session {session.id} are counted in steps of 0.3125 µm, and the axis takes steps "
        "of 0.625 µm now: set it back to go on with it, or merge what there is"
    )
    assert refusal(check_grid, session, SCALE, "0.3125 um a step, from far") == (
        f"the places of session {session.id} are counted as `0.3125 um a step, from near`, and the axis "
        "counts as `0.3125 um a step, from far` now, so that they mean others: set axis.invert, "
        "axis.subject_side and axis.travel_mm back to go on with it, or merge what there is"
    )


@pytest.mark.parametrize(
    ("before", "saved", "goes_on"),
    [(JPEG, True, False), (JPEG, False, True), ({"camera": {"format": "png"}}, True, True), ({}, True, True)],
)
def test_it_goes_on_in_the_format_of_what_is_saved(stack, before, saved, goes_on):
    session = stack(saved, configuration=before)
    words = refusal(check_settings, session, {"camera": {"format": "png"}})
    assert words == (
        None
        if goes_on
        else f"the slices of session {session.id} were shot with camera.format: jpeg, and it is png now: set "
        "it back to go on with it, or merge what there is"
    )


@pytest.mark.parametrize(
    ("before", "saved", "goes_on"),
    [("imx477", True, True), ("imx708", True, False), ("imx708", False, True), (None, True, True)],
)
def test_it_goes_on_with_the_sensor_that_what_is_saved_was_shot_with(stack, before, saved, goes_on):
    session = stack(saved, camera={"sensor": before} if before else {})
    words = refusal(check_camera, session, CameraIdentity("Raspberry Pi", "HQ", "imx477"))
    assert words == (
        None
        if goes_on
        else f"the slices of session {session.id} were shot with the sensor imx708, and this camera has "
        "imx477: connect that one again to go on with it, or merge what there is"
    )


@pytest.mark.parametrize(
    ("before", "saved", "goes_on"),
    [(180, True, True), (0, True, False), (0, False, True), (None, True, True)],
)
def test_it_goes_on_the_same_way_up(stack, before, saved, goes_on):
    session = stack(saved, camera={"sensor": "imx477", "rotation_deg": before})
    words = refusal(check_camera, session, CameraIdentity("Raspberry Pi", "HQ", "imx477", 0, 180))
    assert words == (
        None
        if goes_on
        else f"the slices of session {session.id} were shot with the camera's rotation at 0 degrees, and "
        "that is 180 now, so that the rest would stand on their heads: set it back in "
        "/boot/firmware/config.txt to go on with it, or merge what there is"
    )


@pytest.mark.parametrize(
    ("before", "now", "saved", "goes_on"),
    [
        (None, None, True, True),
        ("a", "a", True, True),
        ("a", "b", True, False),
        ("a", None, True, False),
        (None, "a", True, False),
        ("a", "b", False, True),
    ],
)
def test_it_goes_on_under_the_correction_of_what_is_saved(stack, before, now, saved, goes_on):
    session = stack(saved, camera={"shading": before and {"sha256": before}})
    words = refusal(check_shading, session, now and SimpleNamespace(record={"sha256": now}))
    assert words == (
        None
        if goes_on
        else f"the slices of session {session.id} are corrected by a white field or dark frame that was "
        "taken anew since: shoot it anew, or merge what there is"
    )

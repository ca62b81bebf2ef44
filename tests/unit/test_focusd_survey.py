"""Measuring as a job of the daemon: what is kept, what is left behind, and how it ends."""

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest
from calibration_rig import CalibrationRig, Truth

from focusd.axis_settings import Axis
from focusd.calibrations import PLOT
from focusd.errors import Refused, Unknown
from focusd.jobs import Goto, Job, Measure, Zero
from focusd.surveys import BacklashSurvey, RangeSurvey, Setting, SettleSurvey, Survey
from rail.axis import Trust
from rail.errors import BeyondReach, PositionUnknown, Stopped
from stack.errors import NotMeasured, StopAsked
from stack.optics import Optics
from stack.plan import BetweenMarks, FromOptics, StackPlan

OPTICS = Optics(magnification=2.0, f_number=4.0, pixel_um=3.0)
PLAN = StackPlan("default", BetweenMarks(), FromOptics(), optics=OPTICS, settle_ms=300)
SETTING = Setting("default", PLAN, "macro-2x")
BACKLASH = BacklashSurvey(SETTING, span_u=300.0, pitch_u=10.0)


@pytest.fixture
def rig(tmp_path: Path) -> CalibrationRig:
    rig = CalibrationRig(tmp_path, Truth(backlash_um=45.0, decay_ms=20.0))
    rig.home()
    rig.tell(Goto(1050.0)).ended.result(0)
    return rig


def measured(rig: CalibrationRig, survey: Survey) -> Job:
    return rig.tell(Measure(survey))


def test_play_is_measured_kept_and_proposed_and_the_rig_is_as_before(rig: CalibrationRig) -> None:
    measured(rig, BACKLASH).ended.result(0)
    found = rig.calibrations.show(rig.last("measured")["calibration"])
    assert found["figures"]["backlash_u"] == pytest.approx(45.0, abs=0.6)
    assert found["proposals"] == [{"keys": ["axis", "backlash_um"], "value": 46.0}]
    assert "44.8 µm ± 0.1 µm" in found["words"][0]
    assert rig.lights == [True, False]
    assert rig.axis.position().steps == 3360
    assert rig.told("job_ended")[-1:] and rig.last("job_ended")["ending"] == "done"


def test_settling_is_measured_between_slices_of_the_plan(rig: CalibrationRig) -> None:
    measured(rig, SettleSurvey(SETTING, rounds=4, watch_s=0.5)).ended.result(0)
    found = rig.calibrations.show("0001-settle")
    (proposal,) = found["proposals"]
    assert proposal["keys"] == ["plans", "default", "settle_ms"]
    assert 10 <= proposal["value"] <= 120
    assert rig.axis.position().steps == 3360


def test_the_evidence_is_a_drawing_that_can_be_read(rig: CalibrationRig) -> None:
    measured(rig, BACKLASH).ended.result(0)
    drawn = (Path(rig.calibrations.show("0001-backlash")["folder"]) / PLOT).read_text()
    root = ElementTree.fromstring(drawn)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"to far", "back"} <= set(texts)
    assert len(re.findall("<circle", drawn)) == 2 * 31


def test_progress_is_told_picture_by_picture(rig: CalibrationRig) -> None:
    phases = []
    rig.on("measuring", lambda: phases.append(rig.operator.now().progress))
    measured(rig, BACKLASH).ended.result(0)
    told = [event for event in rig.hub.after(0).events if event["event"] == "measuring"]
    assert [event["done"] for event in told] == list(range(1, 62))
    assert phases[0].phase == "measuring"


def test_a_stop_ends_it_keeps_the_position_and_puts_the_light_out(rig: CalibrationRig) -> None:
    asked_ns: list[int] = []

    def stop() -> None:
        if rig.last("measuring")["done"] == 5:
            asked_ns.append(rig.clock.monotonic_ns())
            rig.operator.stop()

    rig.on("measuring", stop)
    with pytest.raises((Stopped, StopAsked)):
        measured(rig, BACKLASH).ended.result(0)
    assert rig.clock.monotonic_ns() - asked_ns[0] < 100_000_000
    assert rig.last("job_ended")["ending"] == "stopped"
    assert rig.lights == [True, False]
    assert rig.axis.position().trust == "known"
    assert rig.calibrations.names() == []
    rig.tell(Goto(1050.0)).ended.result(0)


def test_a_camera_that_fails_ends_it_with_the_light_out(rig: CalibrationRig) -> None:
    rig.on("measuring", lambda: rig.rail.world.break_down("camera_timeout"))
    measured(rig, BACKLASH)
    assert rig.last("job_ended")["ending"] == "failed"
    assert rig.lights == [True, False]


def test_a_way_into_the_keep_out_is_refused_and_nothing_moves(rig: CalibrationRig) -> None:
    rig.tell(Goto(2500.0)).ended.result(0)
    edges = rig.rail.edges
    with pytest.raises(BeyondReach):
        measured(rig, BACKLASH).ended.result(0)
    assert (rig.rail.edges, rig.lights) == (edges, [True, False])


def test_a_span_and_pitch_that_make_no_sense_are_refused(rig: CalibrationRig) -> None:
    for survey in (BacklashSurvey(SETTING, 300.0, 100.0), BacklashSurvey(SETTING, 300.0, 0.1)):
        with pytest.raises(Refused, match="--pitch"):
            measured(rig, survey).ended.result(0)


def test_what_shows_nothing_proposes_nothing(rig: CalibrationRig) -> None:
    rig.tell(Goto(2200.0)).ended.result(0)
    with pytest.raises(NotMeasured, match="sharp"):
        measured(rig, BACKLASH).ended.result(0)
    assert rig.calibrations.names() == []


def test_findings_are_numbered_and_a_name_is_no_path(rig: CalibrationRig) -> None:
    for _ in range(2):
        measured(rig, BACKLASH).ended.result(0)
    assert rig.calibrations.names() == ["0001-backlash", "0002-backlash"]
    kept = json.loads((rig.calibrations.root / "0002-backlash" / "result.json").read_bytes())
    assert kept["kind"] == "backlash"
    for name in ("0009-backlash", "../marks.json", "0001-backlash/.."):
        with pytest.raises(Unknown):
            rig.calibrations.show(name)


RANGE = RangeSurvey(SETTING, around_u=600.0, pitch_u=25.0)


def test_the_ends_of_the_subject_are_found_with_a_picture_of_either(rig: CalibrationRig) -> None:
    measured(rig, RANGE).ended.result(0)
    found = rig.calibrations.show("0001-range")
    figures = found["figures"]
    # Homing touched its switch on the way back: on the way there the carriage lags by the play.
    near_u, far_u = (place_um + rig.truth.backlash_um for place_um in (1000, 1100))
    assert figures["sharp_near_u"] == pytest.approx(near_u, abs=12)
    assert figures["sharp_far_u"] == pytest.approx(far_u, abs=12)
    assert near_u - 40 <= figures["near_u"] < near_u
    assert far_u < figures["far_u"] <= far_u + 40
    assert figures["open_ends"] == []
    drawn = found["plot"]
    assert drawn["x_label"] == "position, mm"
    assert [mark["x"] for mark in drawn["marks"]] == [figures["near_u"] / 1000, figures["far_u"] / 1000]
    pictures = {name: Path(found["folder"], name).read_bytes() for name in found["files"] if "jpg" in name}
    assert sorted(pictures) == ["far-sharp.jpg", "far.jpg", "near-sharp.jpg", "near.jpg"]
    assert all(jpeg.startswith(b"\xff\xd8") for jpeg in pictures.values())
    assert (rig.axis.position().steps, rig.lights) == (3360, [True, False])


def test_a_subject_that_goes_on_beyond_the_way_is_said_to(rig: CalibrationRig) -> None:
    survey = RangeSurvey(SETTING, near_u=1040.0, far_u=1400.0, pitch_u=20.0, save_as="card")
    measured(rig, survey).ended.result(0)
    found = rig.calibrations.show("0001-range")
    assert found["figures"]["open_ends"] == ["near"]
    assert found["proposals"] == []
    assert any("beyond the near end" in words for words in found["words"])


def test_a_plan_between_the_ends_is_proposed_like_the_one_it_was_made_with(rig: CalibrationRig) -> None:
    rig.surveyor._plans = {"default": {"optics": "macro-2x"}, "card": {}}
    for name in ("beetle", "card"):
        measured(rig, replace(RANGE, save_as=name)).ended.result(0)
    (new,) = rig.calibrations.show("0001-range")["proposals"]
    (old,) = rig.calibrations.show("0002-range")["proposals"]
    assert new["keys"] == ["plans", "beetle"]
    assert new["value"]["optics"] == "macro-2x"
    assert old["keys"] == ["plans", "card", "range"]
    assert old["value"].keys() == {"near_u", "far_u"}


def test_it_looks_no_farther_than_the_axis_reaches(rig: CalibrationRig) -> None:
    measured(rig, RangeSurvey(SETTING, around_u=90_000.0, pitch_u=50.0)).ended.result(0)
    reach = rig.axis.reach
    carriage = rig.rail.carriage.state
    assert carriage.crashes_near == carriage.crashes_far == 0
    assert carriage.farthest_um <= reach.farthest_steps * 0.3125 + 1


def test_what_was_found_is_kept_though_it_stood_where_no_move_may_end(rig: CalibrationRig) -> None:
    rig.tell(Zero(100.0)).ended.result(0)
    assert not rig.axis.reach.holds(rig.axis.position().steps)
    measured(rig, RangeSurvey(SETTING, near_u=320.0, far_u=420.0, pitch_u=20.0)).ended.result(0)
    assert rig.calibrations.names() == ["0001-range"]
    assert rig.axis.position().steps == rig.axis.reach.nearest_steps


@pytest.mark.parametrize(
    "survey",
    [
        RangeSurvey(SETTING, near_u=1000.0, far_u=900.0),
        RangeSurvey(SETTING, around_u=600.0, pitch_u=0.5),
        RangeSurvey(SETTING, around_u=600.0, pitch_u=400.0),
        RangeSurvey(SETTING, around_u=600.0, pitch_u=0.01),
    ],
)
def test_a_way_that_makes_no_sense_is_refused(rig: CalibrationRig, survey: RangeSurvey) -> None:
    edges = rig.rail.edges
    with pytest.raises(Refused, match="--"):
        measured(rig, survey).ended.result(0)
    assert rig.rail.edges == edges


def test_how_far_a_ring_without_ends_may_turn_is_not_guessed(tmp_path: Path) -> None:
    class EndlessRig(CalibrationRig):
        axis_settings = Axis(kind="ring", driver="ULN2003")

    ring = EndlessRig(tmp_path, Truth(backlash_um=45.0, decay_ms=20.0))
    ring.home()
    ring.tell(Goto(1050.0)).ended.result(0)
    edges = ring.rail.edges
    with pytest.raises(Refused, match=r"axis\.ring\.ends_deg.*--around"):
        measured(ring, RangeSurvey(SETTING)).ended.result(0)
    assert ring.rail.edges == edges
    measured(ring, RANGE).ended.result(0)


def test_places_are_not_looked_for_while_none_means_anything(tmp_path: Path) -> None:
    lost = CalibrationRig(tmp_path)
    with pytest.raises(PositionUnknown, match="focusctl home"):
        measured(lost, RANGE).ended.result(0)
    assert (lost.rail.edges, lost.lights[-1]) == (0, False)


def test_no_plan_is_kept_of_places_that_are_only_assumed(rig: CalibrationRig) -> None:
    """The screw may have been turned by hand; whoever shoots the plan later homes first."""
    rig.axis.release()
    edges = rig.rail.edges
    with pytest.raises(Refused, match="only assumed"):
        measured(rig, replace(RANGE, save_as="beetle")).ended.result(0)
    assert rig.rail.edges == edges
    assert measured(rig, RANGE).ended.result(0).trust is Trust.ASSUMED


def test_a_way_is_said_in_the_unit_of_the_axis(rig: CalibrationRig) -> None:
    with pytest.raises(Refused, match=r"µm apart, would be taken over \d+ µm;"):
        measured(rig, RangeSurvey(SETTING, around_u=600.0, pitch_u=400.0)).ended.result(0)

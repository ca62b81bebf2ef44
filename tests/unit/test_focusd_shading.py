"""White field and dark frame on a rig whose lens and sensor have faults: taken, kept, applied, recorded."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from calibration_rig import SIZE_PX, CalibrationRig, Card

from focusd.errors import Refused
from focusd.jobs import Goto, Job, Measure, Resume, Shoot
from focusd.surveys import DarkSurvey, FlatSurvey, Setting, Survey
from simulator.rig import SimulatedRig
from stack.errors import NotMeasured, NotResumable
from stack.optics import Optics
from stack.plan import Between, Pitch, StackPlan

HOT, CORNER = 40, 0.5
OPTICS = Optics(magnification=2.0, f_number=4.0, pixel_um=3.0)
PLAN = StackPlan("default", Between(1000.0, 1040.0), Pitch(20.0), OPTICS, settle_ms=200, shading="macro/2x")
SETTING = Setting("default", PLAN, "macro/2x")
WHITE = np.full(SIZE_PX[::-1], 0.3, np.float32)


@pytest.fixture
def rig(tmp_path: Path) -> CalibrationRig:
    rig = CalibrationRig(tmp_path, scene=lambda: Card(texture=WHITE))
    rig.home()
    rig.tell(Goto(1000.0)).ended.result(0)
    beset(rig, ambient=1.0)
    return rig


def beset(rig: CalibrationRig, **more: object) -> None:
    """Give the rig a camera with dark corners and hot pixels."""
    camera = replace(rig.sim.spec.camera, corner_light=CORNER, hot_pixels=HOT, **more)
    rig.eye.close()
    rig.sim = SimulatedRig(
        rig.rail.world, rig.clock, replace(rig.sim.spec, camera=camera), Card(texture=WHITE)
    )


def measured(rig: CalibrationRig, survey: Survey) -> Job:
    return rig.tell(Measure(survey))


def kept(rig: CalibrationRig, survey: Survey) -> None:
    """Measure, and say yes to what was found."""
    measured(rig, survey).ended.result(0)
    rig.shadings.adopt(rig.calibrations.root / rig.calibrations.names()[-1], "macro/2x")


def both_taken(rig: CalibrationRig) -> None:
    kept(rig, FlatSurvey(SETTING, 8))
    beset(rig, ambient=0.0)
    kept(rig, DarkSurvey(SETTING, 4))
    beset(rig, ambient=1.0)


def slices(rig: CalibrationRig, number: int) -> list[np.ndarray]:
    folder = rig.sessions.open(number).path / "slices"
    return [
        simplejpeg.decode_jpeg(path.read_bytes(), colorspace="BGR") for path in sorted(folder.glob("*.jpg"))
    ]


def corner_and_middle(picture: np.ndarray) -> float:
    return float(picture[:12, :12].mean() / picture[84:96, 114:126].mean())


def test_a_white_field_says_how_dark_the_corners_are_and_proposes_to_correct_them(
    rig: CalibrationRig,
) -> None:
    edges = rig.rail.edges
    measured(rig, FlatSurvey(SETTING, 8)).ended.result(0)
    found = rig.calibrations.show("0001-flat")
    assert found["figures"]["least_light"] == pytest.approx(CORNER, abs=0.06)
    assert found["proposals"] == [{"keys": ["plans", "default", "corrected"], "value": True}]
    assert (rig.rail.edges, rig.lights) == (edges, [True, False])


def test_a_dark_frame_is_taken_without_light_and_finds_the_hot_pixels(rig: CalibrationRig) -> None:
    beset(rig, ambient=0.0)
    measured(rig, DarkSurvey(SETTING, 4)).ended.result(0)
    assert rig.calibrations.show("0001-dark")["figures"]["hot_pixels"] == pytest.approx(HOT, abs=2)
    jpeg = (rig.calibrations.root / "0001-dark" / "dark.jpg").read_bytes()
    picture = simplejpeg.decode_jpeg(jpeg, colorspace="GRAY")[..., 0]
    spots = cv2.connectedComponents((picture > 200).astype(np.uint8))[0] - 1
    assert HOT - 8 <= spots <= HOT + 2, "each is a spot of its own, unless two are neighbours"
    assert np.median(picture) < 100
    assert True not in rig.lights


def test_a_corrected_stack_is_even_and_without_hot_pixels_and_says_by_what(rig: CalibrationRig) -> None:
    both_taken(rig)
    bright = replace(rig.eye.camera().meter(rig.clock.monotonic_ns()), time_us=20_000, gain=1.0)
    for plan in (replace(PLAN, shading=None, exposure=bright), replace(PLAN, exposure=bright)):
        rig.tell(Shoot(plan)).ended.result(0)
    (plain, *_), (mended, *rest) = slices(rig, 1), slices(rig, 2)
    assert corner_and_middle(plain) < 0.8
    assert [corner_and_middle(one) for one in (mended, *rest)] == pytest.approx([1.0] * 3, abs=0.03)
    assert rig.sessions.open(1).facts.camera.get("shading") is None
    record = rig.sessions.open(2).facts.camera["shading"]
    assert (record["optics"], record["white_field"], len(record["sha256"])) == ("macro/2x", True, 64)
    assert record["hot_pixels"] == pytest.approx(HOT, abs=2)
    assert max(record["dark_light"]) < 0.01


def test_a_plan_to_be_corrected_by_nothing_is_refused_before_anything_moves(rig: CalibrationRig) -> None:
    edges = rig.rail.edges
    with pytest.raises(Refused, match="calibrate flat"):
        rig.tell(Shoot(PLAN)).accepted.result(0)
    assert (rig.rail.edges, rig.sessions.ids()) == (edges, ())


def test_a_plan_to_be_corrected_by_nothing_is_not_shown_as_one_that_can_be_shot(rig: CalibrationRig) -> None:
    rig.eye.camera()
    with pytest.raises(Refused, match="calibrate flat"):
        rig.studio.preview(PLAN, {})
    rehearsed = rig.studio.preview(replace(PLAN, rehearse=True), {})
    assert rehearsed.layout.slices == 3, "a rehearsal photographs nothing that would be corrected"
    kept(rig, FlatSurvey(SETTING, 2))
    assert rig.studio.preview(PLAN, {}).layout == rehearsed.layout


def test_a_stack_does_not_go_on_with_another_correction(rig: CalibrationRig) -> None:
    both_taken(rig)
    rig.on("slice_saved", rig.operator.stop, index=0)
    rig.tell(Shoot(PLAN))
    rig.listening.close()
    beset(rig, ambient=1.0, seed=9)
    kept(rig, FlatSurvey(SETTING, 2))
    with pytest.raises(NotResumable, match="taken anew"):
        rig.tell(Resume(None)).accepted.result(0)


def test_light_in_the_dark_frame_and_no_light_in_the_white_one_keep_nothing(rig: CalibrationRig) -> None:
    with pytest.raises(NotMeasured, match="cap"):
        measured(rig, DarkSurvey(SETTING, 2)).ended.result(0)
    with pytest.raises(Refused):
        rig.shadings.find("macro/2x", SIZE_PX)


def test_what_was_found_counts_only_once_somebody_has_said_yes(rig: CalibrationRig) -> None:
    measured(rig, FlatSurvey(SETTING, 2)).ended.result(0)
    with pytest.raises(Refused, match="calibrate flat"):
        rig.shadings.find("macro/2x", SIZE_PX)
    rig.shadings.adopt(rig.calibrations.root / "0001-flat", "macro/2x")
    assert rig.shadings.find("macro/2x", SIZE_PX).record["white_field"]
    with pytest.raises(Refused, match="no white field"):
        rig.shadings.adopt(rig.calibrations.root, "macro/2x")


def test_a_file_that_cannot_be_read_is_refused_and_replaced(rig: CalibrationRig) -> None:
    kept(rig, FlatSurvey(SETTING, 2))
    (path,) = (rig.folder / "shading").iterdir()
    path.write_bytes(b"not this")
    with pytest.raises(Refused, match="anew"):
        rig.shadings.find("macro/2x", SIZE_PX)
    kept(rig, FlatSurvey(SETTING, 2))
    assert rig.shadings.find("macro/2x", SIZE_PX).record["white_field"]

"""Micrometres for a pixel: by rulers at any angle, by a travel across, and not where neither is seen."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from calibration_rig import SIZE_PX, CalibrationRig, Card, Truth

from focusd.errors import Refused
from focusd.jobs import Goto, Measure
from focusd.surveys import ScaleSurvey, Setting
from stack.calibrate.scale import Measured, line_distance_px, shift_a_length
from stack.errors import NotMeasured
from stack.optics import Optics
from stack.plan import BetweenMarks, FromOptics, StackPlan

OPTICS = Optics(magnification=2.0, f_number=4.0, pixel_um=3.0)
SETTING = Setting(
    "default", StackPlan("default", BetweenMarks(), FromOptics(), OPTICS, settle_ms=300), "macro-2x"
)


def ruler(
    distance_px: float, angle_deg: float = 0.0, size_px: tuple[int, int] = (640, 480), blur_px: float = 1.0
) -> np.ndarray:
    """Draw dark lines on a light card, 0 to 1: every tenth and fifth longer, as on a stage micrometer."""
    width, height = size_px
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    angle = np.deg2rad(angle_deg)
    along = (x - width / 2) * np.cos(angle) + (y - height / 2) * np.sin(angle)
    across = np.abs((y - height / 2) * np.cos(angle) - (x - width / 2) * np.sin(angle))
    number = np.round(along / distance_px)
    reach = np.where(number % 10 == 0, 0.45, np.where(number % 5 == 0, 0.35, 0.25)) * height
    ink = (np.abs(along - number * distance_px) < max(0.6, 0.12 * distance_px)) & (across < reach)
    return cv2.GaussianBlur(np.where(ink, 0.1, 0.7).astype(np.float32), (0, 0), blur_px)


def seen(plane: np.ndarray, noise: float = 2.0) -> np.ndarray:
    noisy = 255 * plane + noise * np.random.default_rng(2).standard_normal(plane.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("distance_px", [7.3, 16.0, 33.4, 58.9])
@pytest.mark.parametrize("angle_deg", [0.0, 7.0, 45.0, 90.0])
def test_the_lines_of_a_ruler_are_measured_at_any_angle(distance_px: float, angle_deg: float) -> None:
    found = line_distance_px(seen(ruler(distance_px, angle_deg)))
    assert found.value == pytest.approx(distance_px, rel=0.004)
    assert found.error < 0.03 * distance_px


def test_a_blurred_ruler_is_still_a_ruler() -> None:
    assert line_distance_px(seen(ruler(24.0, 3.0, blur_px=6.0))).value == pytest.approx(24.0, rel=0.005)


def test_what_is_left_of_a_ruler_out_of_focus_gives_no_number() -> None:
    with pytest.raises(NotMeasured, match="into focus"):
        line_distance_px(seen(ruler(24.0, 3.0, blur_px=20.0), noise=0.5))


@pytest.mark.parametrize(
    "plane",
    [np.full((480, 640), 0.5, np.float32), np.random.default_rng(1).random((480, 640)).astype(np.float32)],
)
def test_where_there_are_no_lines_there_is_no_number(plane: np.ndarray) -> None:
    with pytest.raises(NotMeasured, match="ruler"):
        line_distance_px(seen(plane))


def test_a_texture_is_no_ruler() -> None:
    noise = np.random.default_rng(5).standard_normal((480, 640)).astype(np.float32)
    blobs = cv2.GaussianBlur(noise, (0, 0), 20)
    with pytest.raises(NotMeasured, match="ruler"):
        line_distance_px(seen(0.5 + 0.4 * blobs / np.abs(blobs).max()))


def test_a_shift_that_does_not_follow_the_axis_is_no_number() -> None:
    places_u = [0.0, 10.0, 20.0, 30.0]
    with pytest.raises(NotMeasured, match="line of sight"):
        shift_a_length(places_u, [(0.0, 0.0), (0.2, 0.0), (0.1, 0.1), (0.3, 0.0)])
    with pytest.raises(NotMeasured, match="evenly"):
        shift_a_length(places_u, [(0.0, 0.0), (30.0, 0.0), (2.0, 0.0), (40.0, 0.0)])


def test_a_shift_is_measured_whichever_way_the_picture_moves() -> None:
    places_u = np.linspace(0, 80, 9)
    shifts = [(0.3 * place, -0.4 * place) for place in places_u]
    assert shift_a_length(list(places_u), shifts).value == pytest.approx(0.5)
    assert Measured(0.5, 0.01).into(1.0) == Measured(2.0, 0.04)


def rig_before(folder: Path, scene: Card) -> CalibrationRig:
    rig = CalibrationRig(folder, Truth(decay_ms=10.0), scene=lambda: scene)
    rig.home()
    rig.tell(Goto(1000.0)).ended.result(0)
    return rig


@pytest.mark.parametrize("um_a_px", [0.8, 3.1])
def test_a_travel_across_the_picture_gives_the_magnification(tmp_path: Path, um_a_px: float) -> None:
    rig = rig_before(tmp_path, Card(across_px_um=1 / um_a_px))
    rig.tell(Measure(ScaleSurvey(SETTING, travel_u=60 * um_a_px))).ended.result(0)
    found = rig.calibrations.show("0001-scale")
    assert found["figures"]["um_a_px"] == pytest.approx(um_a_px, rel=0.01)
    (proposal,) = found["proposals"]
    assert proposal["keys"] == ["optics", "macro-2x", "magnification"]
    assert proposal["value"] == pytest.approx(3.0 / um_a_px, rel=0.01)
    assert (rig.axis.position().steps, rig.lights) == (3200, [True, False])


def test_a_ruler_before_the_camera_gives_it_too(tmp_path: Path) -> None:
    card = Card(900.0, 1100.0, blur_um=500.0, texture=0.5 * ruler(12.5, 4.0, SIZE_PX, 0.7))
    rig = rig_before(tmp_path, card)
    edges = rig.rail.edges
    rig.tell(Measure(ScaleSurvey(SETTING, division_um=10.0))).ended.result(0)
    figures = rig.calibrations.show("0001-scale")["figures"]
    assert figures["um_a_px"] == pytest.approx(0.8, rel=0.01)
    assert abs(rig.rail.edges - edges) == 0


def test_so_do_two_ends_that_somebody_points_at(tmp_path: Path) -> None:
    rig = rig_before(tmp_path, Card())
    survey = ScaleSurvey(SETTING, length_um=500.0, ends_px=((20.0, 30.0), (170.0, 230.0)))
    rig.tell(Measure(survey)).ended.result(0)
    assert rig.calibrations.show("0001-scale")["figures"]["um_a_px"] == pytest.approx(2.0)


def test_an_axis_along_the_line_of_sight_is_told_to_use_a_ruler(tmp_path: Path) -> None:
    rig = rig_before(tmp_path, Card(900.0, 1100.0, blur_um=200.0))
    with pytest.raises(NotMeasured, match="--division"):
        rig.tell(Measure(ScaleSurvey(SETTING, travel_u=100.0))).ended.result(0)


def test_a_plan_without_optics_has_no_scale(tmp_path: Path) -> None:
    rig = rig_before(tmp_path, Card())
    bare = Setting("bare", StackPlan("bare", BetweenMarks(), FromOptics()), None)
    with pytest.raises(Refused, match="bare names no optics"):
        rig.tell(Measure(ScaleSurvey(bare, travel_u=100.0))).ended.result(0)

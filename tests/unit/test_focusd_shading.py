"""White field and dark frame on a rig whose lens and sensor have faults: taken, kept, applied, recorded."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from calibration_rig import SIZE_PX, CalibrationRig, Card

from camera.camera import CameraIdentity, Exposure
from camera.shading import Shading, linear
from camera.taken import Taken, taken_of
from focusd.errors import Refused
from focusd.jobs import Goto, Job, Measure, Resume, Shoot
from focusd.shadings import Kept, Shadings
from focusd.surveys import DarkSurvey, FlatSurvey, Setting, Survey
from focusd.views import plan_view
from simulator.rig import SimulatedRig
from stack.correction import correction_doubts, correction_words
from stack.errors import NotMeasured, NotResumable, StopAsked
from stack.optics import Optics
from stack.plan import Between, Pitch, StackPlan
from stack.report import report
from stack.report_page import report_html
from stack.session_state import fold

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


def found(rig: CalibrationRig, optics: Optics = OPTICS, **other_camera: object) -> Kept:
    camera = replace(rig.eye.camera().identity, **other_camera)
    return rig.shadings.find("macro/2x", optics, camera, SIZE_PX)


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


@pytest.mark.parametrize("survey", [FlatSurvey(SETTING, 4), DarkSurvey(SETTING, 4)])
def test_a_stop_that_comes_with_the_last_frame_is_heard_before_it_is_counted(
    rig: CalibrationRig, survey: Survey
) -> None:
    """What is counted then takes a small board seconds, for which the end of focusd had to wait."""
    beset(rig, ambient=float(isinstance(survey, FlatSurvey)))

    def stop_at_the_last() -> None:
        if rig.last("measuring")["done"] == 4:
            rig.operator.stop()

    rig.on("measuring", stop_at_the_last)
    with pytest.raises(StopAsked):
        measured(rig, survey).ended.result(0)
    assert (rig.calibrations.names(), rig.lights[-1:]) == ([], [False])


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
    with pytest.raises(Refused, match="calibrate flat"):
        rig.studio.preview(PLAN, {})
    rig.eye.camera()
    with pytest.raises(Refused, match="calibrate flat"):
        rig.studio.preview(PLAN, {})
    rehearsed = rig.studio.preview(replace(PLAN, rehearse=True), {})
    assert rehearsed.layout.slices == 3, "a rehearsal photographs nothing that would be corrected"
    kept(rig, FlatSurvey(SETTING, 2))
    assert rig.studio.preview(PLAN, {}).layout == rehearsed.layout


def test_before_the_camera_is_open_a_plan_says_that_its_correction_may_not_fit(rig: CalibrationRig) -> None:
    rig.shadings.keep("macro/2x", Shading((64, 48), np.ones((48, 64, 3), np.float32)))
    preview = rig.studio.preview(PLAN, {})
    assert "not known before that is open" in (preview.doubt or "")
    assert plan_view(PLAN, preview, rig.axis.scale, None)["bytes"] is None
    assert rig.studio.preview(replace(PLAN, rehearse=True), {}).doubt is None
    rig.eye.camera()
    with pytest.raises(Refused, match="frames of"):
        rig.studio.preview(PLAN, {})


def test_a_stack_does_not_go_on_with_another_correction(rig: CalibrationRig) -> None:
    both_taken(rig)
    rig.on("slice_saved", rig.operator.stop, index=0)
    rig.tell(Shoot(PLAN))
    rig.listening.close()
    beset(rig, ambient=1.0, seed=9)
    kept(rig, FlatSurvey(SETTING, 2))
    with pytest.raises(NotResumable, match="taken anew"):
        rig.tell(Resume(None)).accepted.result(0)


def test_a_corrected_stack_is_to_go_on_with_its_camera_and_not_with_a_white_field_taken_anew(
    rig: CalibrationRig,
) -> None:
    both_taken(rig)
    rig.on("slice_saved", rig.operator.stop, index=0)
    rig.tell(Shoot(PLAN))
    rig.listening.close()
    beset(rig, ambient=1.0, model="imx708")
    with pytest.raises(NotResumable, match="has imx708: connect that one again to go on with it"):
        rig.tell(Resume(None)).accepted.result(0)
    beset(rig, ambient=1.0, model="imx477")
    assert rig.tell(Resume(None)).accepted.result(0).saved == 1


def test_light_in_the_dark_frame_and_no_light_in_the_white_one_keep_nothing(rig: CalibrationRig) -> None:
    with pytest.raises(NotMeasured, match="cap"):
        measured(rig, DarkSurvey(SETTING, 2)).ended.result(0)
    with pytest.raises(Refused):
        found(rig)


def test_what_was_found_counts_only_once_somebody_has_said_yes(rig: CalibrationRig) -> None:
    measured(rig, FlatSurvey(SETTING, 2)).ended.result(0)
    with pytest.raises(Refused, match="calibrate flat"):
        found(rig)
    rig.shadings.adopt(rig.calibrations.root / "0001-flat", "macro/2x")
    assert found(rig).record["white_field"]
    with pytest.raises(Refused, match="no white field"):
        rig.shadings.adopt(rig.calibrations.root, "macro/2x")


def test_a_file_that_cannot_be_read_is_refused_and_replaced(rig: CalibrationRig) -> None:
    kept(rig, FlatSurvey(SETTING, 2))
    (path,) = (rig.folder / "shading").iterdir()
    path.write_bytes(b"not this")
    with pytest.raises(Refused, match="anew"):
        found(rig)
    kept(rig, FlatSurvey(SETTING, 2))
    assert found(rig).record["white_field"]


GREY = np.full((4, 4, 3), 1.0, np.float32)
HERE = CameraIdentity("Raspberry Pi", "imx477", "imx477", 0, 180)
GRANTED = Exposure(20_000, 1.0, (2.0, 2.0))
TAKEN = Taken("imx477", 0, 180, GRANTED, f_number=4.0, magnification=2.0, sensor_c=31.0)
FIELD = Shading(SIZE_PX, gains=GREY, field_taken=TAKEN)
NO_HOT = np.zeros((0, 2), np.int32)


@pytest.mark.parametrize(
    ("optics", "camera", "why"),
    [
        ({}, {}, None),
        ({"magnification": 2.05}, {}, None),
        ({"pixel_um": 1.5}, {}, None),
        ({"f_number": 11.0}, {}, "it was taken at f/4, and that is f/11 now"),
        (
            {"f_number": None, "numerical_aperture": 0.1},
            {},
            "it was taken at f/4, and that is NA 0.1 now",
        ),
        ({"magnification": 3.0}, {}, "it was taken at a magnification of 2, and that is 3 now"),
        (
            {},
            {"sensor": "imx708"},
            "it was taken with the imx477 of camera.index 0, and this is the imx708 of camera.index 0",
        ),
        (
            {},
            {"index": 1},
            "it was taken with the imx477 of camera.index 0, and this is the imx477 of camera.index 1",
        ),
        (
            {},
            {"rotation_deg": 0},
            "it was taken with the camera's rotation at 180 degrees, and that is 0 now, so that its pictures "
            "stand on their head",
        ),
    ],
)
def test_a_white_field_holds_for_its_camera_and_its_lens_alone(tmp_path, optics, camera, why):
    shadings = Shadings(tmp_path)
    shadings.keep("2x", FIELD)
    now = (replace(OPTICS, **optics), replace(HERE, **camera), SIZE_PX)
    if why is None:
        assert shadings.find("2x", *now).record["field_taken"] == TAKEN.record()
        return
    with pytest.raises(Refused) as refused:
        shadings.find("2x", *now)
    assert str(refused.value) == (
        f"the plan is to be corrected, and the white field of 2x does not fit: {why}. Take it anew with "
        "`focusctl calibrate flat`, or set corrected: false"
    )


def test_a_dark_frame_holds_for_its_camera_and_any_lens(tmp_path: Path) -> None:
    shadings = Shadings(tmp_path)
    shadings.keep("2x", Shading(SIZE_PX, hot=NO_HOT, dark_taken=TAKEN))
    assert shadings.find("2x", replace(OPTICS, f_number=11.0), HERE, SIZE_PX).record["hot_pixels"] == 0
    with pytest.raises(Refused, match=r"the dark frame of 2x does not fit: .*`focusctl calibrate dark`"):
        shadings.find("2x", OPTICS, replace(HERE, index=1), SIZE_PX)


def test_each_of_the_two_is_held_to_the_camera_that_took_it(tmp_path: Path) -> None:
    shadings, other = Shadings(tmp_path), replace(HERE, index=1)
    shadings.keep("2x", FIELD)
    shadings.keep("2x", Shading(SIZE_PX, hot=NO_HOT, dark_taken=replace(TAKEN, index=1)))
    for camera, misfit in ((HERE, "dark frame"), (other, "white field")):
        with pytest.raises(Refused, match=misfit):
            shadings.find("2x", OPTICS, camera, SIZE_PX)


@pytest.mark.parametrize(
    ("was", "now", "reasons"),
    [
        ((4.0, None, 2.0), (4.0, None, 1.89), 1),
        ((4.0, None, 2.0), (4.0, None, 1.91), 0),
        ((4.0, None, 2.0), (4.0, None, 2.11), 1),
        ((4.0, None, 2.0), (4.0, None, None), 0),
        ((4.0, None, None), (4.0, None, 2.0), 0),
        ((None, 0.1, 2.0), (None, 0.28, 2.0), 1),
        ((None, 0.1, 2.0), (None, 0.1, 2.0), 0),
    ],
)
def test_a_lens_is_another_by_its_aperture_or_where_both_are_told_its_magnification(was, now, reasons):
    names = ("f_number", "numerical_aperture", "magnification")
    taken = replace(TAKEN, **dict(zip(names, was, strict=True)))
    assert len(list(taken.other_lens(*now))) == reasons


def exposed(time: float = 1.0, gain: float = 1.0, red: float = 1.0, blue: float = 1.0) -> Exposure:
    """Give so many times as much of everything as `GRANTED` has."""
    return Exposure(round(GRANTED.time_us * time), GRANTED.gain * gain, (2.0 * red, 2.0 * blue))


def test_darkness_comes_out_alike_within_half_as_much_again_of_everything() -> None:
    for one in ("time", "gain", "red", "blue"):
        alike = [TAKEN.as_dark(exposed(**{one: factor})) for factor in (0.6, 0.7, 1.0, 1.4, 1.6)]
        assert alike == [False, True, True, True, False]


def test_a_dark_frame_falls_short_of_more_light_or_more_heat_and_never_of_less() -> None:
    def shortfalls(exposure: Exposure, sensor_c: float | None, taken: Taken = TAKEN) -> int:
        return len(list(taken.shortfalls(exposure, sensor_c)))

    for one in ("time", "gain"):
        assert [shortfalls(exposed(**{one: factor}), None) for factor in (0.1, 1.05, 1.2)] == [0, 0, 1]
    assert [shortfalls(GRANTED, sensor_c) for sensor_c in (None, 10.0, 38.9, 39.0)] == [0, 0, 0, 1]
    assert shortfalls(GRANTED, 80.0, replace(TAKEN, sensor_c=None)) == 0


def test_an_exposure_without_light_is_not_read_for_one() -> None:
    assert taken_of(TAKEN.record()) == TAKEN
    for unlit in (exposed(time=0), exposed(gain=0), exposed(red=0), exposed(blue=-1)):
        with pytest.raises(ValueError, match="lights nothing"):
            taken_of(replace(TAKEN, exposure=unlit).record())


def test_what_is_taken_anew_replaces_its_like_and_leaves_the_other_as_it_was_known(tmp_path: Path) -> None:
    shadings, later = Shadings(tmp_path), replace(TAKEN, sensor_c=40.0)
    light = np.full(3, 0.05, np.float32)
    dark = Shading(SIZE_PX, hot=np.array([[3, 5]], np.int32), dark=light, dark_taken=TAKEN)

    def known_after(shading: Shading) -> tuple[object, ...]:
        shadings.keep("2x", shading)
        record = shadings.find("2x", OPTICS, HERE, shading.size_px).record
        names = ("white_field", "hot_pixels", "dark_light", "field_taken", "dark_taken")
        return tuple(record.get(name) for name in names)

    was, anew, told = TAKEN.record(), later.record(), [0.05] * 3
    assert known_after(dark) == (False, 1, told, None, was)
    assert known_after(FIELD) == (True, 1, told, was, was)
    assert known_after(replace(FIELD, field_taken=later)) == (True, 1, told, anew, was)
    assert known_after(replace(dark, dark=2 * light, dark_taken=later)) == (True, 1, [0.1] * 3, anew, anew)
    assert known_after(replace(dark, dark=None, dark_taken=None)) == (True, 1, None, anew, None)
    assert known_after(replace(FIELD, field_taken=None)) == (True, 1, None, None, None)
    other_size = (SIZE_PX[0] // 2, SIZE_PX[1] // 2)
    assert known_after(replace(dark, size_px=other_size)) == (False, 1, told, None, was)
    with pytest.raises(Refused, match=r"with frames of .* \(the one there is is of \d+ x \d+ pixels\)"):
        shadings.find("2x", OPTICS, HERE, SIZE_PX)


def test_of_one_from_before_that_was_kept_the_size_is_all_that_is_known(tmp_path: Path) -> None:
    shadings = Shadings(tmp_path)
    shadings.keep("2x", replace(FIELD, field_taken=None))
    kept = shadings.find("2x", replace(OPTICS, f_number=11.0), replace(HERE, sensor="imx708"), SIZE_PX)
    assert kept.record["white_field"]
    assert "field_taken" not in kept.record


def test_another_camera_of_the_same_size_shoots_nothing_with_this_white_field(rig: CalibrationRig) -> None:
    kept(rig, FlatSurvey(SETTING, 1))
    assert found(rig).shading.field_taken == replace(TAKEN, exposure=rig.eye.camera().exposure)
    beset(rig, model="imx708")
    rig.eye.camera()
    with pytest.raises(Refused, match="imx708"):
        rig.studio.preview(PLAN, {})
    with pytest.raises(Refused, match="imx708"):
        rig.tell(Shoot(PLAN)).accepted.result(0)
    assert rig.sessions.ids() == ()


def test_darkness_is_subtracted_from_slices_that_are_exposed_as_the_dark_frame_was(
    rig: CalibrationRig,
) -> None:
    middles = []
    for gain in (16.0, 1.0):
        taken = replace(TAKEN, exposure=replace(GRANTED, gain=gain))
        dark = Shading(SIZE_PX, hot=NO_HOT, dark=np.full(3, 0.05, np.float32), dark_taken=taken)
        rig.shadings.keep("macro/2x", dark)
        rig.tell(Shoot(replace(PLAN, exposure=GRANTED))).ended.result(0)
        middles.append(linear(np.median(slices(rig, len(middles) + 1)[0], axis=(0, 1)), 255).max())
    otherwise, alike = middles
    assert alike == pytest.approx((otherwise - 0.05) / 0.95, abs=0.01)


def test_a_report_says_what_was_taken_out_and_where_the_dark_frame_falls_short(rig: CalibrationRig) -> None:
    short = replace(TAKEN, exposure=Exposure(1_000, 1.0, (2.0, 2.0)))
    rig.shadings.keep("macro/2x", Shading(SIZE_PX, None, NO_HOT, np.zeros(3, np.float32), None, short))
    rig.tell(Shoot(replace(PLAN, exposure=GRANTED))).ended.result(0)
    session = rig.sessions.open(1)
    state, shading = session.state(), session.facts.camera["shading"]
    told = report(session, state)
    assert told["warnings"] == [
        "More pixels may shine by themselves than were mended: the dark frame was taken with 1 ms at gain 1, "
        "and the slices with 19.995 ms at gain 1. Take it anew with `focusctl calibrate dark`, in that heat "
        "and with that exposure in the plan."
    ]
    assert "0 hot pixels, not the light of darkness, exposed otherwise" in report_html(told)
    assert list(correction_doubts(shading, replace(state, exposure=short.exposure))) == []
    heated = {index: replace(state.saved[index], sensor_c=heat_c) for index, heat_c in ((0, 45.0), (1, 31.0))}
    warm = replace(state, exposure=short.exposure, saved=heated)
    (warned,) = correction_doubts(shading, warm)
    assert "the dark frame was taken with the sensor at 31 °C, and it came to 45" in warned
    assert {one.sensor_c for one in state.saved.values()} <= {31.0, None}


def test_of_sessions_from_before_a_report_says_what_they_say() -> None:
    before = {"white_field": True, "hot_pixels": 3, "dark_light": [0.1, 0.1, 0.1]}
    state = fold([], 3)
    for one in (before, {**before, "dark_taken": {"in": "other words"}}):
        assert list(correction_doubts(one, replace(state, exposure=GRANTED))) == []
        assert correction_words(one, GRANTED) == "shading and dust, 3 hot pixels, the light of darkness"


def test_what_a_session_does_not_tell_raises_no_doubt() -> None:
    dark = {"hot_pixels": 3, "dark_light": [0.1, 0.1, 0.1], "dark_taken": TAKEN.record()}
    unlit = replace(TAKEN, exposure=exposed(time=0)).record()
    state = fold([], 3)
    for one in (dark, {**dark, "dark_taken": None}, {**dark, "dark_taken": unlit}):
        assert correction_words(one, None) == "3 hot pixels, the light of darkness"
        assert list(correction_doubts(one, state)) == []
        assert list(correction_doubts(one, replace(state, exposure=GRANTED))) == []

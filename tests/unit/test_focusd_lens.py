"""The daemon around a camera's own lens: open or not, failing, stopped, gone on with."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from calibration_rig import SIZE_PX, Card
from daemon_rig import DaemonRig
from lens_rig import SCALE, SETTINGS, SPEC, LensRig, camera_spec
from tools import library

from camera.configuration import PicamSettings
from camera.errors import CameraUnavailable
from camera.lens import LensAxis
from camera.picam import PicamCamera
from focusd.axis_settings import Axis
from focusd.config import load_config
from focusd.contradictions import contradictions
from focusd.errors import ConfigInvalid
from focusd.hardware import lens_settings, with_lens
from focusd.jobs import Goto, Jog, Measure, Resume, Zero
from focusd.marks import MarkBook
from focusd.surveys import ScaleSurvey, Setting, SettleSurvey
from rail.axis import Trust
from rail.errors import Halted, MoveRefused
from rail.pins import PanelPins, PanelWiring
from simulator.pins import SimulatedFactory
from simulator.rig import SimulatedRig
from stack.errors import PlanRefused
from stack.optics import Optics
from stack.plan import Between, BetweenMarks, Pitch, StackPlan

PLAN = StackPlan("beetle", BetweenMarks(), Pitch(0.5), settle_ms=0)


class LensDaemonRig(DaemonRig):
    """A daemon's rig whose axis is the camera's lens."""

    camera_spec = SPEC

    def build(self, folder: Path, home_allowed: bool) -> None:
        self.lens = LensRig(folder, spec=self.camera_spec, opened=False)
        self.clock, self.axis, self.sim = self.lens.clock, self.lens.axis, self.lens.sim
        self.panel = PanelPins(SimulatedFactory(self.lens.world, self.clock), PanelWiring())

    def prepare(self) -> object:
        return self.eye.camera_with(self.lens.axis)

    def open_camera(self, heard: Callable[[], object] = lambda: None) -> PicamCamera:
        self.cameras += 1
        return with_lens(
            PicamCamera(self.sim.picamera2, PicamSettings(), self.clock, heard=heard), self.lens.axis
        )


@pytest.fixture
def rig(tmp_path):
    return LensDaemonRig(tmp_path)


def marked(rig):
    rig.eye.camera()
    rig.book.mark("near", 8.0)
    rig.book.mark("far", 6.0)


def test_a_job_opens_the_camera_that_the_lens_is_a_part_of(rig):
    assert rig.axis.position().trust is Trust.UNKNOWN
    assert rig.tell(Goto(4.0)).ended.result(0).trust is Trust.KNOWN
    assert rig.cameras == 1
    assert rig.tell(Jog(0.5)).ended.result(0).steps == -144
    assert rig.cameras == 1


def test_before_its_camera_was_opened_nobody_knows_how_far_a_lens_goes(rig):
    plan = replace(PLAN, range=Between(8.0, 6.0))
    with pytest.raises(PlanRefused) as refusal:
        rig.studio.preview(plan, {})
    assert refusal.value.reasons == (
        "how far the axis goes is not known yet: a lens knows its place once its camera is open; `focusctl "
        "status` says what keeps it",
    )


def test_a_camera_that_fails_under_a_move_is_opened_anew_by_the_next(rig):
    rig.tell(Goto(4.0)).ended.result(0)
    rig.lens.world.break_down("camera_timeout")
    with pytest.raises(Halted, match="the lens cannot be moved: No frame came"):
        rig.tell(Goto(6.0)).ended.result(0)
    assert "No frame came" in rig.eye.facts.problem
    rig.lens.world.mend("camera_timeout")
    assert rig.tell(Goto(6.0)).ended.result(0).steps == -192
    assert rig.cameras == 2
    assert rig.lens.optical_d() == pytest.approx(6.0, abs=0.15)


@pytest.mark.parametrize("event", ["stack_started", "slice_saved", "stack_done"])
def test_a_lens_lost_to_a_frame_without_its_times_is_found_again_by_the_next_stack(rig, event):
    """Its camera works and stays open, and every later stack was refused: it was never mounted again."""
    marked(rig)
    rig.on(event, lambda: rig.lens.world.break_down("camera_unproven"))
    rig.shoot(PLAN)
    rig.listening.close()
    rig.lens.world.mend("camera_unproven")
    assert rig.axis.position().trust is Trust.UNKNOWN
    rig.shoot(PLAN).ended.result(0)


def test_a_camera_without_a_focus_motor_is_given_back_and_said_so(tmp_path):
    class HighQuality(LensDaemonRig):
        camera_spec = camera_spec(lens=None, model="imx477")

    rig = HighQuality(tmp_path)
    for _ in range(2):  # the second time it is not still in use
        with pytest.raises(CameraUnavailable, match="has no focus motor"):
            rig.tell(Goto(4.0)).ended.result(0)


def test_a_stack_that_is_stopped_on_the_way_is_gone_on_with_at_the_same_places(rig):
    marked(rig)
    rig.on("slice_saved", rig.operator.stop, index=1)
    rig.shoot(PLAN)
    assert rig.told("stack_paused") == ["stack_paused"]
    rig.listening.close()
    rig.tell(Resume(None)).ended.result(0)
    (session,) = rig.sessions.all()
    places_d = [saved.position_u for _, saved in sorted(session.state().saved.items())]
    assert places_d == [8.0, 7.5, 7.0, 6.5, 6.0]


def test_marks_keep_through_a_new_camera_and_the_wrong_way_round(rig):
    rig.eye.camera()
    rig.book.mark("near", 6.0)
    assert rig.book.mark("far", 8.0)[0].near_u == 8.0
    rig.eye.close()
    rig.tell(Goto(7.0)).ended.result(0)
    assert (rig.book.marks.near_u, rig.book.marks.far_u) == (8.0, 6.0)


def test_marks_keep_through_a_restart_for_they_count_from_infinity(rig):
    """A time-lapse between marks goes on by itself after a power cut."""
    marked(rig)
    again = MarkBook(rig.folder / "marks.json", rig.axis, rig.hub.publish)
    rig.axis.close()
    assert rig.axis.position().trust is Trust.UNKNOWN
    assert again.lapse() is None
    assert (again.marks.near_u, again.marks.far_u) == (8.0, 6.0)


class SeenRig(LensDaemonRig):
    """The same before a card, and its lens given another time to come to rest."""

    axis_settings = Axis(kind="lens")
    settle_ns = 100_000_000

    def build(self, folder, home_allowed):
        super().build(folder, home_allowed)
        self.lens.axis = self.axis = LensAxis(SCALE, replace(SETTINGS, settle_ns=self.settle_ns), self.clock)
        spec = camera_spec(size_px=SIZE_PX, line_ns=82_285)
        card = Card(near_um=600.0, far_um=600.0, blur_um=4.0)
        self.sim = SimulatedRig(self.lens.world, self.clock, spec, card)


@pytest.mark.parametrize("configured_ms", [0, 100])
def test_what_a_lens_is_given_to_settle_does_not_colour_how_long_it_takes(tmp_path, configured_ms):
    """With what it waited for already it seemed at rest at once, and slices would have shown it ringing."""
    rig = type("Rig", (SeenRig,), {"settle_ns": configured_ms * 1_000_000})(tmp_path)
    rig.tell(Goto(6.0)).ended.result(0)
    setting = Setting("default", PLAN, None)
    rig.tell(Measure(SettleSurvey(setting, move_u=0.5, rounds=4, watch_s=0.4))).ended.result(0)
    (proposal,) = rig.calibrations.show("0001-settle")["proposals"]
    assert proposal["keys"] == ["axis", "lens", "settle_ms"]
    assert 130 <= proposal["value"] <= 180  # it rings by 35 Hz, and this card shows a hundredth of a dioptre
    assert rig.axis.settings.settle_ns == configured_ms * 1_000_000


def test_a_scale_through_a_lens_holds_at_one_focus_and_is_written_nowhere(rig):
    """That of another distance is another: micrometres of one focus would be told at every other."""
    optics = Optics(0.5, f_number=1.8, pixel_um=1.4, focal_mm=4.74)
    setting = Setting("beetle", replace(PLAN, optics=optics), "camera-module-3")
    rig.tell(Goto(7.0)).ended.result(0)
    rig.tell(Measure(ScaleSurvey(setting, length_um=500.0, ends_px=((20, 30), (50, 70))))).ended.result(0)
    found = rig.calibrations.show("0001-scale")
    assert (found["figures"]["um_a_px"], found["proposals"]) == (10.0, [])
    assert "it holds at 7 dioptres alone" in found["words"][-1]

    marked(rig)
    rig.shoot(setting.plan)
    slices = sorted(rig.sessions.all()[0].path.glob("slices/*.jpg"))
    exif = library("piexif").load(str(slices[0]))
    comment = json.loads(exif["Exif"][library("piexif").ExifIFD.UserComment][8:])
    assert (comment["unit"], comment.get("um_a_px")) == ("d", None)


def test_there_is_nothing_to_zero(rig):
    with pytest.raises(MoveRefused, match="nothing to zero"):
        rig.tell(Zero()).ended.result(0)


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("axis.lens.ends_d=[0, 10]", "does not run from near to far"),
        ("axis.lens.ends_d=[5, 5]", "does not run from near to far"),
        ("axis.lens.ends_d=[5, 4.9]", "leaves no room for run_up_d"),
        ("axis.lens.stride_d=0.02", "less than a step, axis.lens.step_d (0.03125)"),
        (
            "plans.default.optics=macro-2x",
            "plans.default.optics: macro-2x does not say focal_mm, which the pitch of a lens follows from",
        ),
    ],
)
def test_what_a_lens_cannot_be_is_told(override, problem):
    lens = load_config(None, ["axis.kind=lens", "plans.default.optics=camera-module-3"])
    assert list(contradictions(lens)) == []
    with pytest.raises(ConfigInvalid) as refusal:
        load_config(None, ["axis.kind=lens", "plans.default.optics=camera-module-3", override])
    assert problem in str(refusal.value)


def test_what_a_person_writes_in_dioptres_becomes_steps():
    config = load_config(
        None, ["axis.kind=lens", "plans.default.optics=camera-module-3", "axis.lens.ends_d=[10, 2]"]
    )
    settings = lens_settings(config.axis)
    assert (settings.ends_steps, settings.stride_steps) == ((-320, -64), 64)
    assert (settings.run_up_steps, settings.settle_ns) == (8, 100_000_000)
    wide = replace(
        config.axis.scale, per_step=load_config(None, ["axis.lens.step_d=0.07"]).axis.lens.scale.per_step
    )
    assert wide.length_u(-100) == 7.0

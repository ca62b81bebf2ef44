"""A camera's own lens as an axis: where it says it is, where it is, and what it does when it cannot."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lens_rig import COIL, SCALE, SETTINGS, LensRig, camera_spec

from camera.camera import CameraIdentity
from camera.errors import CameraUnavailable
from camera.lens import LENS_POSITION, STRIDE_GUESS_NS, LensAxis, LensSettings, strides
from rail.axis import Reach, Trust
from rail.errors import BeyondReach, Halted, MoveRefused, Stopped
from rail.screw import lens_scale
from simulator.clock import VirtualClock

FRICTION_D = COIL.friction_d
NEAR_ENOUGH_D = 0.1
"""What a move of two dioptres may leave: a fifth of the depth of field."""


@pytest.fixture
def rig(tmp_path):
    return LensRig(tmp_path)


def steps(place_d):
    return SCALE.nearest_steps(place_d)


def test_its_place_is_known_and_reported_as_soon_as_the_camera_is_open(rig):
    assert rig.axis.position().trust is Trust.KNOWN
    assert SCALE.length_u(rig.axis.position().steps) == COIL.start_d
    assert rig.axis.reach == Reach(steps(COIL.most_d - 0.25), 0)


@pytest.mark.parametrize("place_d", [12.0, 0.0, 3.28125])
def test_the_lens_itself_is_at_rest_when_a_move_says_so(rig, place_d):
    """Frames report the command, which the lens follows 30 ms later, and rings."""
    arrival = rig.axis.move_to(steps(place_d))
    swings = [rig.optical_d(arrival.at_rest_ns + ms * 1_000_000) for ms in range(60)]
    assert max(swings) - min(swings) < NEAR_ENOUGH_D
    # approached from near, it lags behind on the near side
    assert swings[-1] == pytest.approx(place_d + FRICTION_D, abs=NEAR_ENOUGH_D)


def test_places_that_single_precision_does_not_hold_are_recognised(tmp_path):
    """libcamera reports 0.7 dioptres as 0.699999988."""
    rig = LensRig(tmp_path, scale=lens_scale(Fraction(7, 100)))
    for place_steps in (-150, -10, -11, -23, -1, 0):
        assert rig.axis.move_to(place_steps).position.steps == place_steps


def test_without_its_settling_time_a_move_would_end_while_the_lens_still_rings(tmp_path):
    rig = LensRig(tmp_path, settings=replace(SETTINGS, settle_ns=0))
    arrival = rig.axis.move_to(steps(12.0))
    assert abs(rig.optical_d(arrival.at_rest_ns) - 12.0) > 3 * NEAR_ENOUGH_D


def test_mode_and_position_go_with_one_request(rig, monkeypatch):
    sent = []
    monkeypatch.setattr(rig.camera, "steer", lambda controls: sent.append(dict(controls)))
    with pytest.raises(Halted, match="it reports 1 30 frames later"):
        rig.axis.move_to(steps(3.0))
    assert len(sent) == 3
    assert all(controls == {"AfMode": 0, "AfSpeed": 1, LENS_POSITION: 3.0} for controls in sent)


def test_a_module_without_a_choice_of_speed_is_moved_all_the_same(rig):
    del rig.camera._picam._limits["AfSpeed"]  # as of some that others make
    assert rig.axis.move_to(steps(4.0)).position.steps == steps(4.0)


def test_a_lens_left_in_autofocus_obeys(rig):
    rig.camera.steer({"AfMode": 2})
    assert rig.axis.move_to(steps(4.0)).position.steps == steps(4.0)
    assert rig.optical_d() == pytest.approx(4.0 + FRICTION_D, abs=NEAR_ENOUGH_D)


def test_a_command_lost_on_its_way_is_sent_again(rig, monkeypatch):
    steer, lost = rig.camera.steer, []

    def lossy(controls):
        if len(lost) < 2:
            lost.append(controls)
        else:
            steer(controls)

    monkeypatch.setattr(rig.camera, "steer", lossy)
    assert rig.axis.jog(8).position.steps == steps(COIL.start_d) + 8
    assert rig.axis.position().trust is Trust.KNOWN


def test_a_frame_from_before_the_command_proves_nothing(tmp_path):
    """Stopped and sent back, the lens goes nevertheless, and the frame that waits is from before it went."""
    rig = LensRig(tmp_path, spec=camera_spec(shortest_frame_us=200_000))
    here = rig.axis.position().steps
    later_ns = rig.clock.monotonic_ns() + 250_000_000
    rig.clock.once(lambda: rig.clock.monotonic_ns() > later_ns, rig.axis.stop)
    with pytest.raises(Stopped):
        rig.axis.jog(-64)
    rig.axis.arm()
    arrival = rig.axis.jog(64)
    rig.camera.report(rig.clock.monotonic_ns() + 2_000_000_000)
    for ms in range(0, 1000, 50):
        glass_d = rig.optical_d(arrival.at_rest_ns + ms * 1_000_000)
        assert glass_d == pytest.approx(SCALE.length_u(here), abs=FRICTION_D + NEAR_ENOUGH_D)


def test_a_stop_is_heard_within_a_tenth_of_a_second_however_slow_the_frames_are(tmp_path):
    rig = LensRig(tmp_path, spec=camera_spec(shortest_frame_us=2_000_000))
    stopped_ns = []

    def stop():
        stopped_ns.append(rig.clock.monotonic_ns())
        rig.axis.stop()

    later_ns = rig.clock.monotonic_ns() + 3_000_000_000
    rig.clock.once(lambda: rig.clock.monotonic_ns() > later_ns, stop)
    with pytest.raises(Stopped):
        rig.axis.move_to(steps(12.0))
    assert rig.clock.monotonic_ns() - stopped_ns[0] <= 100_000_000


def test_a_stop_during_the_rest_is_heard_too(tmp_path):
    rig = LensRig(tmp_path, settings=replace(SETTINGS, settle_ns=5_000_000_000))
    began_ns = rig.clock.monotonic_ns()
    rig.clock.once(lambda: rig.clock.monotonic_ns() > began_ns + 2_000_000_000, rig.axis.stop)
    with pytest.raises(Stopped):
        rig.axis.jog(-8)
    assert rig.clock.monotonic_ns() - began_ns <= 2_150_000_000


def test_every_place_is_approached_from_the_near_side(rig):
    rig.axis.move_to(steps(5.0))
    came_to_um = rig.world.carriage().carriage_um
    for before_d in (6.0, 4.0, 5.0, 14.0, 5.03125):
        rig.axis.move_to(steps(before_d))
        rig.axis.move_to(steps(5.0))
        assert rig.world.carriage().carriage_um == pytest.approx(came_to_um)


def test_a_lens_that_does_not_move_is_an_error_in_bounded_time(rig):
    began_ns = rig.clock.monotonic_ns()
    rig.world.break_down("camera_missing_metadata")
    rig.world.break_down("camera_timeout")
    with pytest.raises(Halted, match="No frame came"):
        rig.axis.move_to(steps(5.0))
    assert rig.clock.monotonic_ns() - began_ns < 10_000_000_000
    assert rig.axis.position().trust is Trust.UNKNOWN


def test_frames_that_do_not_say_where_the_lens_is_are_no_proof(rig):
    rig.world.break_down("camera_missing_metadata")
    with pytest.raises(Halted, match="do not say where it is"):
        rig.axis.move_to(steps(5.0))


def test_without_its_camera_nothing_moves_until_it_is_open_again(rig):
    rig.axis.move_to(steps(5.0))
    rig.world.break_down("camera_timeout")
    with pytest.raises(Halted):
        rig.axis.jog(8)
    with pytest.raises(MoveRefused, match="not open"):
        rig.axis.home()
    rig.world.mend("camera_timeout")
    rig.camera.close()
    rig.open_camera()
    assert rig.axis.position().trust is Trust.KNOWN
    assert rig.axis.move_to(steps(5.0)).position.steps == steps(5.0)


def test_a_camera_opened_anew_brings_its_lens_back_to_where_it_was(rig):
    rig.axis.move_to(steps(5.0))
    rig.camera.close()
    rig.open_camera()
    assert rig.axis.position().steps == steps(5.0)


def test_home_is_infinity_where_the_coil_rests(rig):
    assert rig.axis.home().position.steps == 0
    assert rig.axis.subject_side == "near"


def test_what_a_lens_has_not_is_refused_in_words(rig):
    with pytest.raises(MoveRefused, match="nothing to zero"):
        rig.axis.zero()
    with pytest.raises(BeyondReach, match=r"15 dioptres is 0\.25 dioptres beyond the near end"):
        rig.axis.move_to(steps(15.0))
    with pytest.raises(MoveRefused, match="nothing to release"):
        rig.axis.release()
    assert not rig.axis.emergency()
    assert rig.axis.acknowledge() == rig.axis.position()


def test_from_outside_the_reach_it_may_be_jogged_in_and_not_further_out(rig):
    """Stopped in the run-up to its nearest place."""
    nearest_steps = rig.axis.reach.nearest_steps
    rig.clock.once(lambda: rig.axis.position().steps < nearest_steps, rig.axis.stop)
    with pytest.raises(Stopped):
        rig.axis.move_to(nearest_steps)
    rig.axis.arm()
    outside_steps = rig.axis.position().steps
    assert outside_steps < nearest_steps
    assert rig.axis.jog(4).position.steps == outside_steps + 4 < nearest_steps
    with pytest.raises(BeyondReach):
        rig.axis.jog(-1)
    assert rig.axis.jog(4).position.steps == nearest_steps


def test_its_ends_may_be_narrowed(tmp_path):
    rig = LensRig(tmp_path, settings=replace(SETTINGS, ends_steps=(steps(8.0), steps(2.0))))
    assert rig.axis.reach == Reach(steps(7.75), steps(2.0))
    assert rig.axis.position().steps == steps(2.0)


def test_a_camera_without_a_focus_motor_is_refused_in_words(tmp_path):
    with pytest.raises(CameraUnavailable, match="has no focus motor"):
        LensRig(tmp_path, spec=camera_spec(lens=None, model="imx477"))


@pytest.mark.parametrize("model", ["imx708_wide", "imx708_wide_noir"])
def test_steps_finer_than_the_lens_has_are_refused(tmp_path, model):
    with pytest.raises(CameraUnavailable, match=r"no finer step than 0\.07 dioptres"):
        LensRig(tmp_path, spec=camera_spec(model=model))


def test_ends_that_leave_nothing_are_refused(tmp_path):
    with pytest.raises(CameraUnavailable, match="leaves this lens nothing"):
        LensRig(tmp_path, settings=replace(SETTINGS, ends_steps=(steps(30.0), steps(20.0))))


@pytest.mark.parametrize("changed", [{"stride_steps": 0}, {"run_up_steps": -1}, {"settle_ns": -1}])
def test_settings_that_make_no_sense_are_refused(changed):
    with pytest.raises(ValueError, match="strides of nothing"):
        replace(SETTINGS, **changed)
    assert replace(SETTINGS, stride_steps=1, run_up_steps=0, settle_ns=0).stride_steps == 1


@given(st.integers(-500, 500), st.integers(-500, 500), st.integers(1, 100))
def test_strides_lead_to_the_target_and_none_is_too_long(from_steps, to_steps, longest_steps):
    places = [from_steps, *strides(from_steps, to_steps, longest_steps)]
    ways = [after - before for before, after in pairwise(places)]
    assert places[-1] == to_steps
    assert all(abs(way) <= longest_steps for way in ways)
    assert sum(map(abs, ways)) == abs(to_steps - from_steps)


def test_no_camera_yet(tmp_path):
    settings = LensSettings((-320, 0), stride_steps=64, run_up_steps=8, settle_ns=0)
    axis = LensAxis(lens_scale(Fraction(1, 32)), settings, clock=None)
    assert axis.position().trust is Trust.UNKNOWN
    assert not axis.moving()
    with pytest.raises(MoveRefused):
        axis.check(-10)


class Paper:
    """A camera on paper: its lens is at once where it is told to be, and each frame says so."""

    def __init__(self, sensor="imx708", limits=(0.0, 10.0, 1.0)):
        self.identity = CameraIdentity("Raspberry Pi", sensor, sensor)
        self.limits = {LENS_POSITION: limits}.get
        self.told_d = []
        self.frames = 0

    def steer(self, controls):
        self.told_d.append(controls[LENS_POSITION])

    def report(self):
        self.frames += 1
        return {LENS_POSITION: self.told_d[-1]}

    def frame_duration_ns(self):
        return 70_000_000

    def cancel(self):
        self.told_d.append("cancel")

    def arm(self):
        self.told_d.append("arm")

    def heard(self):
        """Give what it was told since the last time."""
        told_d, self.told_d = self.told_d, self.told_d[-1:]
        return told_d[1:]


def mounted(step_d=Fraction(1, 32), **limits):
    paper, axis = Paper(**limits), LensAxis(lens_scale(step_d), SETTINGS, VirtualClock())
    axis.mount(paper)
    return paper, axis


def test_a_run_up_is_taken_where_the_friction_is_not_taken_up_yet_and_only_there():
    """The run-up is a quarter of a dioptre; places are sent to one by one."""
    paper, axis = mounted()
    assert paper.told_d == [1.0]
    axis.move_to(steps(0.875))
    assert paper.heard() == [1.125, 0.875]
    axis.move_to(steps(0.84375))
    assert paper.heard() == [0.84375]
    axis.move_to(steps(0.84375))
    assert paper.heard() == [0.84375], "looked at again, as a frame may be old"
    axis.jog(-4)
    assert paper.heard() == [0.96875]
    axis.jog(2)
    axis.move_to(steps(0.84375))
    assert paper.heard() == [0.90625, 1.09375, 0.84375]
    axis.move_to(steps(0.84375 + 0.5))
    assert paper.heard() == [1.59375, 1.34375]
    axis.move_to(steps(8.0))
    assert paper.heard() == [3.34375, 5.34375, 7.34375, 8.25, 8.0]


def test_a_camera_whose_lens_does_not_reach_so_near_begins_where_it_does_by_itself():
    _, axis = mounted()
    axis.move_to(steps(9.0))
    far = Paper(limits=(0.0, 5.0, 1.0))
    axis.mount(far)
    assert (far.told_d, axis.reach) == ([1.0], Reach(steps(4.75), 0))
    axis.mount(Paper(limits=(0.0, 5.0, 8.0)))
    assert axis.position().steps == steps(1.0), "where it was"
    _, other = mounted(limits=(0.0, 5.0, 8.0))
    assert other.position().steps == steps(4.75)


def test_steps_are_as_fine_as_the_lens_has_and_no_finer():
    assert mounted()[1].position().trust is Trust.KNOWN
    with pytest.raises(CameraUnavailable, match=r"no finer step than 0\.03125 dioptres"):
        mounted(Fraction(1, 33))
    assert mounted(Fraction(1, 33), sensor="ov64a40")[1].position().trust is Trust.KNOWN


def test_how_long_a_move_takes_is_told_by_its_strides():
    _, axis = mounted()
    assert [axis.duration_ns(count) for count in (0, 1, 64, -65)] == [
        0,
        70_000_000 + SETTINGS.settle_ns,
        70_000_000 + SETTINGS.settle_ns,
        2 * 70_000_000 + SETTINGS.settle_ns,
    ]
    axis.close()
    assert axis.duration_ns(-65) == 2 * STRIDE_GUESS_NS + SETTINGS.settle_ns


def test_closed_it_has_no_camera_and_no_place():
    paper, axis = mounted()
    axis.close()
    axis.stop()
    axis.arm()
    assert paper.told_d == [1.0]
    assert axis.position().trust is Trust.UNKNOWN
    with pytest.raises(MoveRefused, match="is not open"):
        axis.move_to(steps(0.5))


def test_a_stop_ends_the_wait_for_a_frame_and_holds_until_it_is_armed():
    paper, axis = mounted()
    moving = []
    paper.report = lambda: moving.append(axis.moving()) or {LENS_POSITION: paper.told_d[-1]}
    axis.move_to(steps(0.5))
    assert (moving, axis.moving()) == ([True], False)
    paper.heard()
    axis.stop()
    for move in (axis.move_to, axis.jog):
        with pytest.raises(Stopped, match="arm the axis first"):
            move(-1)
    axis.arm()
    assert paper.heard() == ["cancel", "arm"]
    assert axis.jog(-1).position.steps == steps(0.5) - 1


def test_a_stop_that_comes_with_the_frame_that_ends_a_stride_lets_no_other_begin():
    paper, axis = mounted()

    def report():
        arrived_d = paper.told_d[-1]
        axis.stop()
        return {LENS_POSITION: arrived_d}

    paper.report = report
    with pytest.raises(Stopped):
        axis.move_to(steps(6.0))
    assert paper.heard() == [3.0, "cancel"]


def test_a_lens_that_is_not_where_it_is_told_is_asked_three_times_ten_frames():
    paper, axis = mounted()
    paper.report = lambda: {LENS_POSITION: 7.0}
    with pytest.raises(Halted, match=r"was sent to 0\.5 dioptres and it reports 7 30 frames later"):
        axis.jog(16)
    assert paper.told_d[1:] == [0.5] * 3
    assert axis.position().trust is Trust.UNKNOWN

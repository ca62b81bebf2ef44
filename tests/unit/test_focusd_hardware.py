"""What a person writes of a rig, and what rail, pins and panel are told of it: every setting arrives."""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from rail_rig import Rig

from camera import picam
from camera.configuration import PicamSettings
from camera.memory import Memory, read_memory
from focusd import hardware
from focusd.board import Board
from focusd.config import load_config
from focusd.errors import StartFailed
from focusd.hardware import (
    _camera_opener,
    _first_words,
    axis_settings,
    lens_settings,
    make_safe,
    motion_description,
    motion_wiring,
    open_axis,
    open_driver,
    open_rig,
    panel_wiring,
    speed_complaints,
    standstill,
)
from focusd.settings import Config
from rail.axis_settings import AxisSettings
from rail.coils import CoilWiring
from rail.drivers import DriverTiming
from rail.errors import DriverFault, MoveRefused, PinsUnavailable
from rail.pins import MotionWiring, PanelWiring
from rail.profile import Ramp
from rail.stepper import Standstill
from rail.tmc2209 import MotorCurrent, Tuning
from simulator.clock import VirtualClock

SCREW = "axis.screw={lead_mm: 1.0, full_steps_a_turn: 400, microsteps: 8}"
"""3200 steps a millimetre."""

PINS = (
    "axis.pins={step: 4, dir: 7, enable: 8, limit_near: 9, limit_far: 10, e_stop: 11, enable_active: high, "
    "limit_active: low}"
)


def rail(*overrides: str) -> Config:
    return load_config(None, [SCREW, *overrides])


def test_every_setting_of_a_rail_arrives_in_steps() -> None:
    axis = rail(
        "axis.travel_mm=60",
        "axis.keep_out_mm=3",
        "axis.subject_side=near",
        "axis.backlash_um=50",
        "axis.run_up_um=25",
        "axis.homing={fast_mm_s: 0.5, slow_mm_s: 0.05, back_off_mm: 0.5}",
        "axis.speed={start_mm_s: 0.1, max_mm_s: 0.75, acceleration_mm_s2: 2, jerk_mm_s3: 10}",
        "axis.gravity=true",
        "axis.self_holding=false",
        "axis.idle_release_s=null",
        "axis.invert=true",
    ).axis
    assert axis_settings(axis, home_allowed=True) == AxisSettings(
        travel_steps=192_000,
        keep_out_steps=9_600,
        subject_side="near",
        backlash_steps=160,
        margin_steps=80,
        clearance_steps=1_600,
        ramp=Ramp(320, 2_400, 6_400, 32_000),
        homing_ramp=Ramp(320, 1_600, 6_400, 32_000),
        touch_steps_s=160,
        gravity=True,
        self_holding=False,
        home_allowed=True,
        turn_steps=32,
        forgets_pattern=False,
        near_end_steps=None,
        inverted=True,
    )


def test_every_setting_of_a_ring_arrives_in_steps() -> None:
    axis = load_config(
        None,
        [
            "axis.kind=ring",
            "axis.driver=ULN2003",
            "axis.ring={gear: 64, microsteps: 2, ends_deg: [-9, 261], backlash_deg: 4.5, run_up_deg: 2.25, "
            "speed: {start_deg_s: 22.5, max_deg_s: 45, acceleration_deg_s2: 90}}",
            "axis.subject_side=near",
            "axis.self_holding=false",
            "axis.idle_release_s=null",
        ],
    ).axis
    ramp = Ramp(256, 512, 1_024)
    assert axis_settings(axis, home_allowed=False) == AxisSettings(
        travel_steps=3_072,
        keep_out_steps=0,
        subject_side="near",
        backlash_steps=51,
        margin_steps=26,
        clearance_steps=0,
        ramp=ramp,
        homing_ramp=ramp,
        touch_steps_s=256,
        gravity=False,
        self_holding=False,
        home_allowed=False,
        turn_steps=8,
        forgets_pattern=True,
        near_end_steps=-102,
        inverted=False,
    )


def test_no_speed_becomes_none_at_all() -> None:
    """A step is 5 µm here, and the slowest that may be written a fifth of a step a second."""
    slow = "{start_mm_s: 0.001, max_mm_s: 0.001, acceleration_mm_s2: 0.001, jerk_mm_s3: 0.001}"
    homing = "{fast_mm_s: 0.001, slow_mm_s: 0.001, back_off_mm: 0.3}"
    screw = "axis.screw={lead_mm: 1.0, full_steps_a_turn: 200, microsteps: 1}"
    settings = axis_settings(
        load_config(None, [screw, f"axis.speed={slow}", f"axis.homing={homing}"]).axis, home_allowed=False
    )
    assert (settings.ramp, settings.homing_ramp) == (Ramp(1, 1, 1, 1), Ramp(1, 1, 1, 1))
    assert settings.touch_steps_s == 1
    turned = "axis.ring={gear: 1, speed: {start_deg_s: 0.001, max_deg_s: 0.001, acceleration_deg_s2: 0.001}}"
    ring = load_config(None, ["axis.kind=ring", "axis.driver=ULN2003", turned]).axis
    assert axis_settings(ring, home_allowed=False).ramp == Ramp(1, 1, 1)


@pytest.mark.parametrize("holds", [True, False])
@pytest.mark.parametrize("kind", [(), ("axis.kind=ring", "axis.driver=ULN2003")])
def test_whether_the_axis_holds_itself_is_the_owners_word(kind: tuple[str, ...], holds: bool) -> None:
    axis = load_config(None, [*kind, f"axis.self_holding={holds}", "axis.idle_release_s=null"]).axis
    settings = axis_settings(axis, home_allowed=False)
    assert (settings.self_holding, settings.gravity) == (holds, False)


def test_where_no_board_is_known_no_speed_is_complained_of() -> None:
    assert list(speed_complaints(rail().axis, None)) == []


def test_an_axis_that_cannot_be_ends_the_start_in_words() -> None:
    impossible = rail().axis.model_copy(update={"keep_out_mm": 39.9})
    with pytest.raises(StartFailed, match="the axis cannot work as configured: a travel of 128000 steps"):
        axis_settings(impossible, home_allowed=False)


def test_every_pin_and_level_arrives() -> None:
    wiring = MotionWiring(
        step=4,
        dir=7,
        enable=8,
        limit_near=9,
        limit_far=10,
        far_level=True,
        energised_level=True,
        pressed_level=False,
    )
    config = rail(PINS)
    assert motion_wiring(config.axis) == wiring
    assert motion_description(config, None, Path("/run/focusrail")) == {
        "timing": {
            "name": "A4988",
            "pulse_ns": 1_000,
            "low_ns": 1_000,
            "dir_setup_ns": 200,
            "wake_ns": 1_000_000,
            "fastest_full_steps_s": None,
            "starting_full_steps_s": None,
            "four_phase": False,
        },
        "gravity": False,
        "wiring": {
            "step": 4,
            "dir": 7,
            "enable": 8,
            "limit_near": 9,
            "limit_far": 10,
            "far_level": True,
            "energised_level": True,
            "pressed_level": False,
        },
        "e_stop": 11,
        "standstill": {"pull_in_steps_s": 1_600, "full_step_steps": 8},
        "reversal_pause_ms": 20,
        "run_folder": "/run/focusrail",
        "simulation": None,
    }
    ring = load_config(None, ["axis.kind=ring", "axis.driver=ULN2003", "axis.invert=true", PINS]).axis
    assert motion_wiring(ring) == CoilWiring((17, 27, 22, 23), True, False, None, None, False)
    light = "light_pin: 14, light_active: low, light_percent: 40, light_pwm_hz: 900"
    panel = load_config(None, [f"panel={{shoot_pin: 2, led_pin: 3, {light}}}"])
    assert panel_wiring(panel) == PanelWiring(2, 3, 14, False, 40, 900)


def test_the_times_of_a_driver_are_never_cut_short() -> None:
    times = "{pulse_us: 1.0001, low_us: 2.0001, dir_setup_us: 3.0001, wake_ms: 4.0000001}"
    timing = rail("axis.driver=custom", f"axis.custom_driver={times}").axis.timing
    assert timing == DriverTiming("custom", 1_001, 2_001, 3_001, 4_000_001)


def test_what_a_motor_starts_at_is_its_drivers_word_before_the_owners() -> None:
    pull_in = "axis.pull_in_full_steps_s=100"
    ring = load_config(None, ["axis.kind=ring", "axis.driver=ULN2003", pull_in]).axis
    assert standstill(ring) == Standstill(600, 2)
    assert standstill(rail(pull_in).axis) == Standstill(800, 8)
    fast = "axis.speed={start_mm_s: 0.5, max_mm_s: 0.6}"
    assert standstill(rail(pull_in, fast).axis) == Standstill(1_600, 8)


def test_a_lens_without_ends_of_its_own_has_those_it_is_made_with() -> None:
    optics = "plans.default.optics=camera-module-3"
    short = "axis.lens={stride_d: 0.04, run_up_d: 0.125, settle_ms: 30}"
    settings = lens_settings(load_config(None, ["axis.kind=lens", optics, short]).axis)
    assert settings.ends_steps is None
    assert (settings.stride_steps, settings.run_up_steps, settings.settle_ns) == (1, 4, 30_000_000)


def test_ends_that_lie_between_two_steps_of_a_lens_are_rounded_inwards() -> None:
    optics, ends = "plans.default.optics=camera-module-3", "axis.lens.ends_d=[10.01, 1.99]"
    settings = lens_settings(load_config(None, ["axis.kind=lens", optics, ends]).axis)
    assert settings.ends_steps == (-320, -64)


def test_a_driver_is_talked_to_where_it_is_told_of() -> None:
    assert open_driver(rail().axis) is None
    uart = (
        "axis.uart={port: /dev/ttyAMA4, address: 2, run_ma: 700, hold_ma: 200, sense_ohm: 0.15, quiet: false}"
    )
    axis = rail("axis.driver=TMC2209", uart).axis
    assert axis.tuning == Tuning(MotorCurrent(700, 200, 0.15), 8, False)
    drivers = [open_driver(axis), open_driver(axis, "/tmp/other")]
    assert [driver and (driver._line._name, driver._address) for driver in drivers] == [
        ("/dev/ttyAMA4", 2),
        ("/tmp/other", 2),
    ]


class Silent:
    """A driver that does not answer."""

    def check(self) -> None:
        raise DriverFault("the driver does not answer")


def test_a_driver_that_is_not_well_at_the_start_keeps_from_moving_and_not_from_starting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        _first_words(Silent())  # type: ignore[arg-type]
    assert "does not answer; nothing moves before that" in caplog.text
    stepper = Rig(tmp_path).stepper
    folder = tmp_path / "state"
    folder.mkdir()
    axis = open_axis(
        rail(),
        stepper,
        folder,
        simulate=False,
        home_allowed=True,
        cap_steps_s=700,
        driver=Silent(),  # type: ignore[arg-type]
    )
    assert axis.settings == axis_settings(rail().axis, home_allowed=True, cap_steps_s=700)
    assert axis.settings.ramp.max_steps_s == 700
    with pytest.raises(MoveRefused, match="does not answer"):
        axis.jog(10)


@pytest.mark.parametrize(
    ("form", "bits", "raw"), [("jpeg", 8, False), ("tiff16", 16, False), ("dng", 8, True)]
)
def test_a_camera_is_opened_as_it_is_described(
    monkeypatch: pytest.MonkeyPatch, form: str, bits: Literal[8, 16], raw: bool
) -> None:
    opened = []
    monkeypatch.setattr(picam, "PicamCamera", lambda *given, **named: opened.append((given, named)))
    monkeypatch.setattr(picam, "load_picamera2", lambda: "picamera2")
    config = rail(f"camera={{index: 1, size_px: [800, 600], format: {form}, tries: 5, mains_hz: 60}}")
    clock, heard = VirtualClock(), object()
    _camera_opener(config, None, clock)(heard)  # type: ignore[arg-type]
    settings = PicamSettings(1, (800, 600), 5, bits=bits, raw=raw, mains_hz=60)
    assert opened == [(("picamera2", settings, clock), {"memory": read_memory, "heard": heard})]


def test_a_simulated_camera_has_the_memory_it_is_told_and_its_lens_is_the_axis(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened, lens = [], object()
    monkeypatch.setattr(picam, "PicamCamera", lambda *given, **named: opened.append(named) or given[0])
    monkeypatch.setattr(hardware, "with_lens", lambda *given: given)
    simulation: Any = SimpleNamespace(load_picamera2=lambda: "simulated")
    for told in ("512", "null"):
        config = rail(f"simulation.memory_mb={told}")
        camera = _camera_opener(config, simulation, VirtualClock(), lens)(print)  # type: ignore[arg-type]
        assert camera == ("simulated", lens)
    assert opened[0]["memory"]() == Memory(512_000_000, None, None)
    assert opened[1]["memory"] is read_memory


def test_a_driver_is_spoken_to_before_its_motor_is_held_and_belongs_to_the_axis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    order: list[str] = []
    stepper: Any = Rig(tmp_path).stepper
    stepper.complaints = ("no real-time priority",)

    def start(command: list[str], *, silence_s: float) -> Any:
        order.append(f"{command[2]}, silent for {silence_s:g} s")
        return stepper

    def open_driver(_axis: object, port: str | None) -> Silent:
        order.append(f"driver at {port}")
        return Silent()

    monkeypatch.setattr(hardware, "StepperProcess", start)
    monkeypatch.setattr(hardware, "open_driver", open_driver)
    config = rail("axis.reversal_pause_ms=4999", "axis.cap_steps_s=900")
    with caplog.at_level(logging.WARNING):
        rig = open_rig(config, tmp_path, None, simulate=True, home_allowed=True)
    assert rig.simulation is not None
    assert order == [f"driver at {rig.simulation.driver_port}", "focusd.motion, silent for 10 s"]
    assert "nothing moves before that" in caplog.text
    assert isinstance(rig.driver, Silent)
    assert rig.complaints[0] == "no real-time priority"
    assert rig.axis.settings == axis_settings(config.axis, home_allowed=True, cap_steps_s=900)
    with pytest.raises(MoveRefused, match="does not answer"):
        rig.axis.jog(10)
    rig.simulation.close()


def test_a_start_that_fails_half_way_ends_the_motion_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []
    process = SimpleNamespace(complaints=(), close=lambda: closed.append(True))

    def taken(*_given: object) -> None:
        raise PinsUnavailable("GPIO 13 cannot be had")

    monkeypatch.setattr(hardware, "StepperProcess", lambda *_given, **_named: process)
    monkeypatch.setattr(hardware, "PanelPins", taken)
    with pytest.raises(PinsUnavailable, match="GPIO 13"):
        open_rig(rail(), tmp_path, None, simulate=True, home_allowed=True)
    assert closed == [True]


@pytest.mark.parametrize("overrides", [(), ("axis.kind=lens", "plans.default.optics=camera-module-3")])
def test_a_rig_is_opened_as_it_is_described(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    config = load_config(None, [*overrides, "axis.cap_steps_s=1200"])
    rig = open_rig(config, tmp_path, None, simulate=True, home_allowed=True)
    try:
        assert isinstance(rig.board, Board)
        assert rig.simulation is not None
        if overrides:
            assert (rig.axis.subject_side, rig.complaints) == ("near", ())
        else:
            assert rig.axis.settings == axis_settings(config.axis, home_allowed=True, cap_steps_s=1_200)
            assert "axis.speed.max_mm_s is 1440 steps a second and moves go at 1200" in " ".join(
                rig.complaints
            )
            assert rig.axis.jog(10).position.steps == 10
    finally:
        rig.axis.close()
        assert rig.simulation is not None
        rig.simulation.close()
    make_safe(config, tmp_path, None, simulate=True)

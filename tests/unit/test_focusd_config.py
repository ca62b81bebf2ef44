from dataclasses import asdict
from datetime import time
from pathlib import Path

import pytest

from focusd.axis_settings import DriverUart
from focusd.config import load_config
from focusd.errors import ConfigInvalid
from focusd.hardware import (
    axis_settings,
    motion_description,
    motion_wiring,
    panel_wiring,
    silence_s,
    speed_cap,
    speed_complaints,
    standstill,
)
from focusd.settings import Config, Delivery, SeriesRequest
from focusd.simulated import carriage_spec, panel_and_motor, scene_spec
from rail.drivers import CUSTOM, DRIVERS, DriverTiming
from rail.process import SILENCE_S
from rail.stepper import Standstill

ROOT_FILE = Path(__file__).parents[2] / "config.yaml"


def problems(*overrides: str) -> list[str]:
    with pytest.raises(ConfigInvalid) as caught:
        load_config(None, overrides)
    return list(caught.value.problems)


def of_text(folder: Path, text: str) -> list[str]:
    path = folder / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigInvalid, match="cannot be used") as caught:
        load_config(path)
    return list(caught.value.problems)


def test_the_file_at_the_root_says_the_defaults() -> None:
    assert load_config(ROOT_FILE) == Config()


def test_the_file_at_the_root_names_every_setting() -> None:
    text = ROOT_FILE.read_text()

    def names(tree: object) -> set[str]:
        if not isinstance(tree, dict):
            return set()
        return set(tree) | set().union(*(names(branch) for branch in tree.values()))

    unspoken = {"near_u", "far_u", "length_u", "around_u", "pitch_u", "count", "overlap"}
    missing = {name for name in names(Config().model_dump()) - unspoken if f"{name}:" not in text}
    assert missing == set()


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        (
            "axis.screw.microsteps=3",
            "axis.screw.microsteps: 3 is not one of 1, 2, 4, 8, 16, 32, 64, 128, 256",
        ),
        ("axis.travel_mm=-4", "axis.travel_mm: -4 is not a number from 0.1 up to 1000"),
        ("axis.travel_mm=forty", 'axis.travel_mm: "forty" is not a number from 0.1 up to 1000'),
        ("axis.travel_mm=.nan", "axis.travel_mm: nan is not a number from 0.1 up to 1000"),
        ("axis.travel_mm=2026-11-23", 'axis.travel_mm: "2026-11-23" is not a number from 0.1 up to 1000'),
        ("axis.invert=1", "axis.invert: 1 is not true or false"),
        ("axis.tarvel_mm=9", "axis.tarvel_mm: axis has no such setting; did you mean travel_mm?"),
        ("axis.pins.step=28", "axis.pins.step: 28 is not a whole number from 0 up to 27"),
        ("axis.pins=3", "axis.pins: 3 is not a group of settings"),
        (
            'plans={default: {spacing: {pitch_u: 9}}, "": {spacing: {pitch_u: 9}}}',
            'plans: "" names none: give 1 to 60 printable characters on one line',
        ),
        (
            'optics={"a\\tb": {f_number: 4}}',
            'optics: "a\tb" names none: give 1 to 60 printable characters on one line',
        ),
        ("panel.led_pin=true", "panel.led_pin: true is not a whole number from 0 up to 27, or null"),
        ("merge.nice=2.5", "merge.nice: 2.5 is not a whole number from 0 up to 19"),
        (
            "plans.default.exposure={gain: 2.0, colour_gains: [2.1, 1.7]}",
            "plans.default.exposure.time_us: is missing; it takes a whole number from 1 up to 600000000",
        ),
        ("plans.default.range=mraks", 'plans.default.range: "mraks" is not a group of settings'),
        (
            "simulation.size_px=[320]",
            "simulation.size_px[1]: is missing; it takes an even number from 32 up to 16384",
        ),
        (
            "axis.driver=DM542",
            'axis.driver: "DM542" is not one of A4988, DRV8825, TMC2209, ULN2003, custom',
        ),
        (
            "axis.keep_out_mm=50",
            "axis.keep_out_mm: 50 leaves nothing of axis.travel_mm (40); it must be smaller",
        ),
        (
            "panel.led_pin=21",
            "axis.pins.step and panel.led_pin: are all GPIO 21; each needs a pin of its own",
        ),
        (
            "plans.default.optics=lens",
            'plans.default.optics: "lens" is not among optics: macro-2x, camera-module-3',
        ),
        (
            "plans.default.spacing.count=9",
            "plans.default.spacing: give exactly one of overlap, pitch_u, count, not overlap and count",
        ),
        (
            "plans.default.range={near_u: 3}",
            "plans.default.range: near_u and far_u belong together; give both",
        ),
        (
            "axis.speed.max_mm_s=3",
            "axis.speed.max_mm_s: 3 mm/s is 4800 steps a second with this screw; 3000 (1.88 mm/s) is the "
            "most: go slower, or use fewer microsteps",
        ),
        (
            "axis.homing.slow_mm_s=0.5",
            "axis.homing.slow_mm_s: 0.5 is faster than axis.speed.start_mm_s (0.2)",
        ),
        (
            "axis.gravity=true",
            "axis.idle_release_s: must be null where axis.gravity is true: a released carriage would fall",
        ),
        (
            "axis.self_holding=false",
            "axis.idle_release_s: must be null where axis.self_holding is false: released, the carriage may "
            "move, and its place is forgotten",
        ),
        (
            "axis.uart={run_ma: 400}",
            "axis.uart: only a TMC2209 is talked to, and axis.driver is A4988; set it to null",
        ),
        (
            "axis.keep_out_mm=40",
            "axis.keep_out_mm: 40 leaves nothing of axis.travel_mm (40); it must be smaller",
        ),
        (
            "axis.keep_out_mm=39.6",
            "axis.travel_mm: 40 leaves no room: keep_out_mm (39.6), homing.back_off_mm (0.3), backlash_um "
            "(100) and run_up_um (20) together must be less",
        ),
        (
            "plans.default.exposure={time_us: 8000, colour_gains: [2.1, 0]}",
            "plans.default.exposure.colour_gains[1]: 0 is not a number above 0 up to 32",
        ),
        (
            "plans.default.fields={Sex: female}",
            'plans.default.fields: "Sex" cannot name a field: use a small letter and up to 39 more small '
            "letters, digits and underscores",
        ),
        (
            "storage.mount=srv",
            'storage.mount: "srv" is neither auto, none nor a whole path, such as /srv/disk',
        ),
        (
            "storage.sessions=stacks",
            'storage.sessions: "stacks" is no whole path, such as /srv/disk/stacks, or null',
        ),
        (
            "storage={mount: /srv/disk, sessions: ~/stacks}",
            'storage.sessions: "~/stacks" is no whole path, such as /srv/disk/stacks, or null',
        ),
        (
            "storage.mount=/srv/disk",
            'storage.sessions: null does not lie below storage.mount, "/srv/disk"',
        ),
        (
            "storage={mount: /srv/disk, sessions: /srv/diskette/stacks}",
            'storage.sessions: "/srv/diskette/stacks" does not lie below storage.mount, "/srv/disk"',
        ),
        (
            "optics.bare={f_number: 4}",
            "optics.bare: give magnification, or focal_mm for a lens that is focused, or both",
        ),
        (
            "optics.both={magnification: 2, f_number: 4, numerical_aperture: 0.1}",
            "optics.both: give either f_number or numerical_aperture, and not both",
        ),
        (
            "delivery=[{to: /media/stick}, {to: /media/stick/}]",
            'delivery: "/media/stick/" is given twice',
        ),
        (
            "delivery=[{to: stacks}]",
            'delivery: "stacks" is neither a whole path, /media/stick/stacks, nor user@host:folder',
        ),
        ("simulation.subject_mm=60", "simulation.subject_mm: 60 lies beyond axis.travel_mm (40)"),
        (
            "simulation.scene=replay",
            "simulation.replay_folder: is missing; the replay scene takes its pictures from there",
        ),
        (
            "travel_mm",
            '--set "travel_mm": write it as key.path=value, such as axis.travel_mm=60',
        ),
        (
            'timelapse.series={name: moss, every_s: 1800, window: ["06:00", 20]}',
            'timelapse.series.window[1]: write a time of day as in "20:00"',
        ),
        (
            'timelapse.series={name: moss, every_s: 1800, window: ["06:00", "20:00+02:00"]}',
            'timelapse.series.window[1]: write a time of day as in "20:00"',
        ),
        (
            "timelapse.series={name: moss, every_s: 1800, until: tomorrow}",
            'timelapse.series.until: "tomorrow" is not a date and time such as 2026-12-01T08:00, or null',
        ),
        (
            "timelapse.series={plan: mos, every_s: 1800}",
            'timelapse.series.plan: "mos" is not among plans: default',
        ),
        (
            "timelapse.series={every_s: 1800, for_s: 9000, until: 2027-01-01T00:00}",
            "timelapse.series: give only one of until and for_s",
        ),
        ("axis.screw=", "axis.screw: nothing stands below it; delete it, or give some of its settings"),
        ("delivery=/media/x", 'delivery: "/media/x" is not a list, each a group of settings'),
        ("axis.pins.step=021", 'axis.pins.step: "021" is not a whole number from 0 up to 27'),
        ("axis.travel_mm=1:30", 'axis.travel_mm: "1:30" is not a number from 0.1 up to 1000'),
        (
            "axis.travel_mm=" + "9" * 5000,
            f'axis.travel_mm: "{"9" * 59}…" is not a number from 0.1 up to 1000',
        ),
        (
            'axis.ring.gear="1e999999999"',
            'axis.ring.gear: "1e999999999" is not a number or a fraction such as 60/20',
        ),
        (
            "axis.ring.gear=" + "9" * 5000,
            f'axis.ring.gear: "{"9" * 40}" is not a number or a fraction such as 60/20',
        ),
        (
            "axis.driver=" + "x" * 5000,
            f'axis.driver: "{"x" * 59}…" is not one of {", ".join([*DRIVERS, CUSTOM])}',
        ),
        ("axis.invert.x=1", '--set "axis.invert.x=1": invert is a value, not a group of settings'),
    ],
)
def test_a_problem_names_the_path_the_value_and_what_would_be_right(override: str, problem: str) -> None:
    assert problems(override) == [problem]


def test_a_series_may_be_shot_in_a_window_of_the_day(tmp_path: Path) -> None:
    text = 'timelapse: {series: {name: moss, every_s: 1800, window: [06:00, "20:00"]}}'
    (tmp_path / "c.yaml").write_text(text)
    series = load_config(tmp_path / "c.yaml").timelapse.series
    assert series is not None
    assert series.window == (time(6), time(20))


@pytest.mark.parametrize(
    "override",
    [
        "storage={mount: /srv/disk, sessions: /srv/disk/stacks}",
        "storage.mount=none",
        "delivery=[{to: /media/stick/stacks}, {to: 'nas:stacks'}]",
        "optics.objective={magnification: 10, numerical_aperture: 0.25}",
        "axis.ring.gear=2.6666666666666665",
        "axis.ring.gear=0.0012345678901234567",
    ],
)
def test_settings_that_agree_are_no_problem(override: str) -> None:
    assert load_config(None, [override]) != load_config(None)


def test_what_is_not_said_of_a_series_or_a_destination_is_as_the_file_at_the_root_tells() -> None:
    assert SeriesRequest(every_s=1800.0).model_dump() == {
        "plan": "default",
        "name": None,
        "every_s": 1800.0,
        "count": None,
        "until": None,
        "for_s": None,
        "start_at": None,
        "window": None,
        "missed": "skip",
        "overlaps": False,
        "exposure": "lock-first",
        "ramp_stops": 0.33,
        "range": "fixed",
        "keep": "merged+slices",
        "hot": "wait",
    }
    assert Delivery(to="/media/stick").model_dump() == {
        "to": "/media/stick",
        "what": "all",
        "same_disk": False,
    }
    assert DriverUart().model_dump() == {
        "port": "/dev/serial0",
        "address": 0,
        "run_ma": 600,
        "hold_ma": 300,
        "sense_ohm": 0.11,
        "quiet": True,
    }


def test_the_way_back_from_the_home_switch_is_a_step_at_the_least() -> None:
    coarse = "axis.screw={lead_mm: 50, full_steps_a_turn: 200, microsteps: 1}"
    assert load_config(None, [coarse, "axis.homing.back_off_mm=0.2"]).axis.homing.back_off_mm == 0.2
    assert problems(coarse, "axis.homing.back_off_mm=0.1") == [
        "axis.homing.back_off_mm: 0.1 is less than a step; with this screw 0.25 or more is needed"
    ]


@pytest.mark.parametrize("side", ["near", "far"])
def test_every_travel_that_is_taken_can_be_gone_by(side: str) -> None:
    """As short as one may be beside 2 mm of keep-out, and a step shorter: refused then, not at the start."""
    step_mm = 2.0 / 3200
    least_mm = 2.0 + 0.3 + 0.1 + 0.02
    simulated = ("simulation.start_mm=0", "simulation.subject_mm=0", f"axis.subject_side={side}")
    reach = axis_settings(
        load_config(None, [*simulated, f"axis.travel_mm={least_mm}"]).axis, home_allowed=True
    ).reach
    assert reach.nearest_steps == reach.farthest_steps
    (problem,) = problems(*simulated, f"axis.travel_mm={least_mm - step_mm}")
    assert problem.startswith("axis.travel_mm: 2.41")


def test_every_problem_is_told_at_once() -> None:
    assert len(problems("axis.uart={run_ma: 100}")) == 2
    assert len(problems("axis.travel_mm=0", "axis.screw.lead_mm=0", "camera.index=9", "plans.a.after=x")) == 4
    assert len(problems("axis.keep_out_mm=99", "panel.led_pin=26", "plans.a.optics=b")) == 3


def bomb(group: str) -> str:
    """Write ten lines that mean a thousand million values."""
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {group.format(', '.join([f'*a{n - 1}'] * 10))}" for n in range(1, 10)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("axis:\n  invert: true\n  invert: false\n", "line 3: invert is given twice, first in line 2"),
        ("axis: {invert: true\n", "line 2, column 1: expected ',' or '}', but got '<stream end>'"),
        ("- 3\n", "it holds no settings; write them as `name: value`"),
        ("axis:\n  3: true\n", "line 2: the name 3 must be text; put it in quotes"),
        ("axis: !!binary aGVsbG8=\n", 'line 1: "aGVsbG8=" cannot be read as !!binary'),
        (bomb("[{}]"), "it holds, or its aliases stand for, more than"),
        (bomb("{{<<: [{}]}}"), "it holds, or its aliases stand for, more than"),
        ("axis: &a [*a]\n", "line 1, column 7: found unconstructable recursive node"),
        ("axis: " + "[" * 3000, "it is nested too deeply"),
        ("axis: !!python/object:os.system {}\n", "line 1: what stands here cannot be read"),
        ("axis:\n  travel_mm: !!int 0o9\n", 'line 2: "0o9" cannot be read as !!int: write it without a tag'),
        ("axis:\n  travel_mm: !!int 1:30\n", 'line 2: "1:30" cannot be read as !!int'),
        ("axis:\n  travel_mm: !!int\n", 'line 2: "" cannot be read as !!int'),
        ("axis:\n  travel_mm: !!float x\n", 'line 2: "x" cannot be read as !!float'),
        ("axis:\n  invert: !!bool x\n", 'line 2: "x" cannot be read as !!bool'),
        ("axis: !!int [1]\n", "line 1: what stands here cannot be read as !!int"),
        ("axis: !!map x\n", 'line 1: "x" cannot be read as !!map'),
        ("axis: !!map [1]\n", "line 1: what stands here cannot be read as !!map"),
        ("axis: !!timestamp 2026-99-99\n", 'line 1: "2026-99-99" cannot be read as !!timestamp'),
        ("axis: =\n", 'line 1: "=" cannot be read as !!value: write it without a tag, and in quotes'),
        ('axis:\n  kind: "\\U00110000"\n', "line 2: what is escaped there is no letter"),
        ('axis: "\\UFFFFFFFF"\n', "line 1: what is escaped there is no letter"),
        ("axis: \a\n", "not YAML: unacceptable character #x0007"),
        ('storage:\n  sessions: "/srv/\\0"\n', "line 2: a text holds '\\x00', which no path or name can"),
        ('plans: {"\\ud800": {}}\n', "line 1: a text holds '\\ud800', which no path or name can"),
    ],
)
def test_bad_yaml_is_told_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    (told,) = of_text(tmp_path, text)
    assert told.startswith(problem)


@pytest.mark.parametrize("kind", ["rail", "ring"])
def test_which_way_the_motor_turns_is_known_where_positions_are_kept(kind: str) -> None:
    axis = Config().axis.model_copy(update={"kind": kind, "invert": True})
    assert axis_settings(axis, home_allowed=False).inverted


def test_the_motion_process_is_waited_for_as_long_as_it_is_told_to_wait() -> None:
    slow = ["axis.driver=custom", "axis.custom_driver.wake_ms=10000", "axis.reversal_pause_ms=5000"]
    assert silence_s(load_config(None, slow).axis) == SILENCE_S + 15


def test_no_speed_exceeds_what_the_board_steps_cleanly_and_that_is_said() -> None:
    axis = Config().axis
    cap_steps_s = speed_cap(axis, "Raspberry Pi Zero 2 W Rev 1.0")
    assert cap_steps_s == 800
    settings = axis_settings(axis, home_allowed=True, cap_steps_s=cap_steps_s)
    assert (settings.ramp.max_steps_s, settings.homing_ramp.max_steps_s) == (800, 800)
    told = list(speed_complaints(axis, cap_steps_s))
    assert len(told) == 2
    assert "axis.speed.max_mm_s is 1440 steps a second and moves go at 800" in told[0]


def test_a_cap_of_the_owners_own_goes_before_the_boards() -> None:
    axis = load_config(None, ["axis.cap_steps_s=3000"]).axis
    assert speed_cap(axis, "Raspberry Pi Zero 2 W Rev 1.0") == 3000
    assert list(speed_complaints(axis, 3000)) == []
    assert speed_cap(Config().axis, "") is None
    assert axis_settings(axis, home_allowed=True).ramp.max_steps_s == 1440


def test_a_cap_below_the_start_speed_lowers_that_too() -> None:
    settings = axis_settings(Config().axis, home_allowed=True, cap_steps_s=100)
    assert (settings.ramp.start_steps_s, settings.ramp.max_steps_s, settings.touch_steps_s) == (100, 100, 100)


def test_a_jerk_makes_the_ramp_an_s() -> None:
    axis = load_config(None, ["axis.speed.jerk_mm_s3=80"]).axis
    assert axis_settings(axis, home_allowed=True).ramp.jerk_steps_s3 == 128_000


def test_ordinary_speeds_are_below_what_a_stall_can_harm() -> None:
    axis = Config().axis
    assert standstill(axis) == Standstill(pull_in_steps_s=3200, full_step_steps=16)
    assert axis_settings(axis, home_allowed=True).ramp.max_steps_s < 3200


def test_an_emergency_stop_needs_a_pin_of_its_own() -> None:
    assert load_config(None, ["axis.pins.e_stop=12"]).axis.pins.e_stop == 12
    assert len(problems("axis.pins.e_stop=26")) == 1


def test_a_tag_that_says_what_stands_there_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("axis: !!map {travel_mm: !!int 60, invert: !!bool true, driver: !!str DRV8825}\n")
    axis = load_config(path).axis
    assert (axis.travel_mm, axis.invert, axis.driver) == (60, True, "DRV8825")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"cannot be read: No such file or directory$"):
        load_config(tmp_path / "none.yaml")


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"axis: \xff\xfe")
    with pytest.raises(ConfigInvalid, match=r"cannot be read: it is no text in UTF-8$"):
        load_config(tmp_path / "c.yaml")


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("# nothing\n")
    assert load_config(tmp_path / "c.yaml") == Config()


def test_groups_may_be_shared(tmp_path: Path) -> None:
    text = "plans:\n  default: &d {optics: macro-2x, delay_s: 2.0}\n  slow: {<<: *d, settle_ms: 900}\n"
    (tmp_path / "c.yaml").write_text(text)
    slow = load_config(tmp_path / "c.yaml").plans["slow"]
    assert (slow.optics, slow.delay_s, slow.settle_ms) == ("macro-2x", 2.0, 900)


def test_overrides_reach_into_what_the_file_does_not_name(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("axis: {travel_mm: 60.0}\n")
    overrides = ["plans.default.after=park", "axis.screw.lead_mm=4", "plans.default.range={around_u: 800}"]
    config = load_config(tmp_path / "c.yaml", overrides)
    assert (config.axis.travel_mm, config.axis.screw.lead_mm) == (60.0, 4.0)
    assert config.plans["default"].optics == "macro-2x"
    assert config.plans["default"].after == "park"
    assert config.plans["default"].range.around_u == 800.0


def test_millimetres_become_whole_steps_of_the_screw() -> None:
    axis = load_config(None, ["axis.screw.lead_mm=1", "axis.screw.microsteps=8"]).axis
    settings = axis_settings(axis, home_allowed=True)
    assert (settings.travel_steps, settings.keep_out_steps, settings.backlash_steps) == (64_000, 3_200, 160)
    assert (settings.ramp.start_steps_s, settings.ramp.max_steps_s) == (320, 1440)
    assert settings.touch_steps_s == 240


def test_a_simulated_rail_is_wired_and_made_as_the_configuration_says() -> None:
    config = load_config(
        None, ["axis.invert=true", "axis.pins.step=2", "panel.light_pin=null", "axis.travel_mm=30"]
    )
    carriage, wiring = carriage_spec(config), panel_and_motor(config)
    motion = motion_wiring(config.axis)
    assert (carriage.invert, motion.far_level) == (True, False)
    assert carriage.um_per_step == 0.625
    assert (carriage.pull_in_steps_s, carriage.max_steps_s, carriage.lag_steps) == (3_200.0, 16_000.0, 32.0)
    assert carriage.far_switch_um == 30_000.0
    assert (wiring.step, wiring.outputs, wiring.buttons) == (2, {"led": 19}, {"shoot": 26})
    assert panel_wiring(config).light is None
    assert (scene_spec(config).near_um, scene_spec(config).far_um) == (19_250.0, 20_750.0)


def test_a_driver_of_ones_own_gets_no_less_than_its_data_sheet_asks_for() -> None:
    data = "axis.custom_driver={pulse_us: 2.5001, low_us: 3, dir_setup_us: 15, wake_ms: 0.5}"
    axis = load_config(None, ["axis.driver=custom", data]).axis
    assert axis.timing == DriverTiming("custom", 2501, 3000, 15_000, 500_000)
    assert motion_description(load_config(None, ["axis.driver=custom", data]), None, None)[
        "timing"
    ] == asdict(axis.timing)


def test_data_of_a_driver_that_is_not_ones_own_are_no_silent_nothing() -> None:
    with pytest.raises(ConfigInvalid, match=r"axis\.custom_driver: is only looked at"):
        load_config(None, ["axis.custom_driver.pulse_us=9"])

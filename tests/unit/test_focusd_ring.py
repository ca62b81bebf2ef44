"""A focus ring as the configuration describes it, down to its pins and mechanics."""

import io
from fractions import Fraction
from pathlib import Path

import pytest

from focusd.axis_screens import axis_screen
from focusd.config import load_config
from focusd.errors import ConfigInvalid, Refused
from focusd.ground import NO_SWITCH_ON_A_RING
from focusd.hardware import axis_settings, motion_description, motion_wiring, open_axis
from focusd.marks import HomingConsent
from focusd.plans import PlanRequest, plan_asked_for
from focusd.settings import Config
from focusd.simulated import carriage_spec, motor_pins
from focusd.terminal import Terminal
from focusd.units import check_unit
from rail.axis import Position, Trust
from rail.coils import CoilWiring
from rail.errors import HomingNotAllowed
from rail.pins import MotionWiring
from rail.position_store import FilePositionStore, StoredPosition
from rail.screw import Scale
from stack.errors import PlanRefused
from stack.layout import lay_out
from stack.plan import Count, Marks

RING = ("axis.kind=ring", "axis.driver=ULN2003")


def ring(*overrides: str) -> Config:
    return load_config(None, [*RING, *overrides])


def problems(*overrides: str) -> list[str]:
    with pytest.raises(ConfigInvalid) as caught:
        ring(*overrides)
    return list(caught.value.problems)


def test_a_rings_grid_is_exact() -> None:
    slow = "axis.ring.speed={start_deg_s: 5, max_deg_s: 20}"
    scale = ring("axis.ring.pulley=60/20", slow).axis.scale
    assert scale == Scale("deg", 360 / (Fraction(25_792, 405) * 3 * 64))
    assert ring("axis.ring.gear=64", "axis.ring.microsteps=1").axis.scale.length_u(2048) == 360.0


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("axis.kind=belt", 'axis.kind: "belt" is not one of rail, ring, lens'),
        ("axis.ring.gear=1/0", 'axis.ring.gear: "1/0" is not a number or a fraction such as 60/20'),
        ("axis.ring.pulley=-2", "axis.ring.pulley: -2 is not from 0.001 up to 10000"),
        ("axis.ring.gear=true", "axis.ring.gear: true is not text"),
        (
            "axis.ring.microsteps=4",
            "axis.ring.microsteps: 4 is more than ULN2003 can do; give 2 for half steps or 1 for full ones",
        ),
        (
            "axis.ring.ends_deg=[5, 90]",
            "axis.ring.ends_deg: 5 to 90 does not hold 0, the mark; give the nearer end first, as so many "
            "degrees before the mark: [-5, 270]",
        ),
        (
            "axis.ring.ends_deg=[-1, 1]",
            "axis.ring.ends_deg: -1 to 1 leaves no room for backlash_deg and run_up_deg",
        ),
        (
            "axis.ring.ends_deg=[0, 9000]",
            "axis.ring.ends_deg: is more than 10 turns from the mark; null: there are no ends",
        ),
        (
            "axis.ring.speed.max_deg_s=100",
            "axis.ring.speed.max_deg_s: 100 deg/s is 1132 steps a second with these gears; 1000 (88.3 deg/s) "
            "is the most here: go slower",
        ),
        (
            "axis.ring.speed={start_deg_s: 60, max_deg_s: 80}",
            "axis.ring.speed.start_deg_s: 60 deg/s is 679 steps a second with these gears; 600 (53 deg/s) is "
            "the most here: go slower",
        ),
        (
            "axis.ring.speed.start_deg_s=51",
            "axis.ring.speed.start_deg_s: 51 is faster than max_deg_s (50)",
        ),
        (
            "axis.home_allowed=true",
            "axis.home_allowed: must be false where axis.kind is ring: a ring has no switch to home to",
        ),
        (
            "axis.ring.distances=[[0, 500], [90, 300], [80, 200]]",
            "axis.ring.distances: must be in order of degrees, each given once",
        ),
        (
            "panel.led_pin=27",
            "axis.pins.coils[1] and panel.led_pin: are all GPIO 27; each needs a pin of its own",
        ),
        (
            "axis.pins.coils=[17, 17, 22, 23]",
            "axis.pins.coils[0] and axis.pins.coils[1]: are all GPIO 17; each needs a pin of its own",
        ),
    ],
)
def test_what_a_ring_cannot_be_is_told(override: str, problem: str) -> None:
    assert problems(override) == [problem]


def test_pins_that_a_rig_does_not_have_are_in_nobodys_way() -> None:
    assert ring("panel.led_pin=21", "panel.light_pin=5").panel.led_pin == 21
    assert load_config(None, ["panel.led_pin=17"]).panel.led_pin == 17


def test_a_rails_limits_say_nothing_of_a_ring() -> None:
    assert ring("axis.travel_mm=1.0", "axis.keep_out_mm=2.0").axis.kind == "ring"
    assert ring("simulation.subject_mm=900").simulation.subject_mm == 900.0


def test_a_rail_may_have_four_coils_too() -> None:
    slow = "axis.speed={start_mm_s: 0.1, max_mm_s: 0.2}"
    homing = "axis.homing={fast_mm_s: 0.2, slow_mm_s: 0.05}"
    screw = "axis.screw={lead_mm: 0.03, full_steps_a_turn: 32, microsteps: 2}"
    told = problems(
        "axis.kind=rail", slow, homing, "axis.screw={lead_mm: 0.05, full_steps_a_turn: 32, microsteps: 4}"
    )
    assert [problem.split(":")[0] for problem in told] == ["axis.screw.microsteps"]
    config = ring("axis.kind=rail", slow, homing, screw.replace("0.03", "0.05"))
    wiring = motion_wiring(config.axis)
    assert isinstance(wiring, CoilWiring)
    assert (wiring.coils, wiring.half_steps, wiring.limit_near) == ((17, 27, 22, 23), True, 5)


def test_degrees_become_whole_steps_of_the_ring() -> None:
    axis = ring("axis.ring.gear=64", "axis.ring.ends_deg=[-9, 261]").axis
    settings = axis_settings(axis, home_allowed=False)
    steps_a_turn = 4096
    assert settings.near_end_steps == -round(9 / 360 * steps_a_turn)
    assert settings.near_end_steps + settings.travel_steps == round(261 / 360 * steps_a_turn)
    assert settings.reach.nearest_steps == settings.near_end_steps + settings.run_up_steps
    assert settings.run_up_steps == round(2 / 360 * 4096) + round(0.5 / 360 * 4096)
    assert (settings.ramp.start_steps_s, settings.ramp.max_steps_s) == (284, 569)
    assert not settings.home_allowed


def test_a_ring_without_ends_reaches_ten_turns_either_way() -> None:
    settings = axis_settings(ring("axis.ring.gear=64").axis, home_allowed=False)
    assert (settings.near_end_steps, settings.travel_steps) == (-40_960, 81_920)


def test_a_ring_is_wired_and_made_as_the_configuration_says() -> None:
    config = ring("axis.invert=true", "axis.pins.coils=[1, 2, 3, 4]", "axis.ring.gear=64")
    wiring, carriage = motion_wiring(config.axis), carriage_spec(config)
    assert wiring == CoilWiring((1, 2, 3, 4), half_steps=True, far_forward=False)
    assert motor_pins(config)["coils"] == (1, 2, 3, 4)
    assert carriage.invert
    assert carriage.um_per_step == pytest.approx(100 * 360 / 4096)
    assert (carriage.pull_in_steps_s, carriage.max_steps_s, carriage.lag_steps) == (600.0, 1000.0, 4.0)
    full = ring("axis.ring.microsteps=1", "axis.ring.gear=64")
    assert carriage_spec(full).um_per_step == carriage.um_per_step
    assert motion_description(full, None, None)["wiring"]["half_steps"] is False


def test_a_ring_may_be_turned_by_any_driver() -> None:
    config = load_config(None, ["axis.kind=ring", "axis.ring={full_steps_a_turn: 200, gear: 1, pulley: 3}"])
    wiring = motion_wiring(config.axis)
    assert isinstance(wiring, MotionWiring)
    assert (wiring.limit_near, wiring.limit_far) == (None, None)
    assert motor_pins(config)["coils"] is None


class Counter:
    """As much of a stepper as an axis asks for at power-up."""

    def count_steps(self) -> int:
        return 0

    def emergency(self) -> bool:
        return False


@pytest.mark.parametrize(("driver", "trust"), [("ULN2003", Trust.UNKNOWN), ("A4988", Trust.ASSUMED)])
def test_a_rotor_that_a_new_process_pulls_elsewhere_is_not_trusted(
    tmp_path: Path, driver: str, trust: Trust
) -> None:
    config = ring(f"axis.driver={driver}")
    scale = config.axis.scale
    stored = StoredPosition(700, Trust.KNOWN, moving=False, grid=f"{scale.per_step} {scale.unit}")
    FilePositionStore(tmp_path / "position.json").save(stored)
    axis = open_axis(config, Counter(), tmp_path, simulate=False, home_allowed=False)  # type: ignore[arg-type]
    assert axis.position().trust is trust


def test_a_length_in_another_unit_is_refused_with_words() -> None:
    with pytest.raises(Refused, match=r"focus ring.*millimetres.*give degrees, as in 12\.5deg"):
        check_unit("um", ring().axis.scale)
    with pytest.raises(Refused, match=r"a rail.*in degrees.*4mm"):
        check_unit("deg", Config().axis.scale)
    check_unit(None, ring().axis.scale)
    check_unit("deg", ring().axis.scale)


def test_a_plan_in_millimetres_is_refused_on_a_ring() -> None:
    with pytest.raises(Refused, match="focus ring"):
        plan_asked_for(ring(), PlanRequest(unit="um", length_u=4000.0, count=3))


def test_a_plan_in_degrees_is_laid_out_on_the_rings_grid() -> None:
    config = ring("axis.ring.gear=64")
    plan = plan_asked_for(config, PlanRequest(unit="deg", near_u=90.0, far_u=180.0, count=11))
    layout = lay_out(plan, config.axis.scale, Position(0, Trust.KNOWN), Marks())
    assert plan.spacing == Count(11)
    assert (layout.positions_steps[0], layout.positions_steps[-1]) == (1024, 2048)
    assert layout.dof_u is None


def test_optics_give_no_pitch_in_degrees() -> None:
    config = ring()
    with pytest.raises(PlanRefused, match=r"no pitch in degrees .* give a pitch or a count"):
        lay_out(
            plan_asked_for(config, PlanRequest(around_u=10.0)),
            config.axis.scale,
            Position(0, Trust.KNOWN),
            Marks(),
        )


def test_a_ring_without_ends_has_no_place_to_park_at() -> None:
    request = PlanRequest(length_u=9.0, count=3, after="park")
    with pytest.raises(PlanRefused, match="no place to park"):
        plan_asked_for(ring(), request)
    assert plan_asked_for(ring("axis.ring.ends_deg=[0, 270]"), request).after == "park"


def test_a_ring_has_no_switch_to_recheck_by() -> None:
    with pytest.raises(PlanRefused, match=r"recheck .* only a rail"):
        plan_asked_for(ring(), PlanRequest(length_u=9.0, count=3, recheck=True))


def test_nobodys_word_makes_a_ring_home(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("homing is allowed\n")
    consent = HomingConsent(tmp_path / "word", configured=True, impossible=NO_SWITCH_ON_A_RING)
    assert not consent.given()
    for refused in (consent.check, consent.give):
        with pytest.raises(HomingNotAllowed, match="no switch to home to"):
            refused()


def test_what_is_sharp_where_is_known_only_when_it_was_measured() -> None:
    assert ring().axis.distances is None
    table = ring("axis.ring.distances=[[0, 300], [90, 600]]").axis.distances
    assert table is not None
    assert table.distance_mm(0) == 300.0
    assert load_config(None, ["axis.ring.distances=[[0, 300], [90, 600]]"]).axis.distances is None


def test_what_people_read_of_a_ring_is_in_degrees() -> None:
    axis = {
        "unit": "deg",
        "position_u": 15.017,
        "trust": "known",
        "nearest_u": -27.5,
        "farthest_u": 60.0,
        "near_end_u": -30.0,
        "far_end_u": 60.0,
        "counts_from": "mark",
        "subject_mm": 266.5,
        "step_u": 0.0883,
        "speed": {"start_u_s": 25.0, "max_u_s": 50.0, "homing_u_s": 50.0, "touch_u_s": 25.0},
        "switches": {"near": None, "far": None},
    }
    lines = list(axis_screen(axis, Terminal(io.StringIO())))
    assert lines[0] == "position   15.017 ° (sharp at 266.5 mm), known  reach -27.5 ° to 60 °"
    assert lines[1] == "travel     -30 ° to 60 °, counted from its mark"
    assert "speed      starts at 25 °/s, goes up to 50 °/s" in lines
    assert "steps      0.088 ° each; unknown late so far, the latest by 0.0 ms" in lines
    assert not any("m/s" in line or "µm" in line for line in lines)

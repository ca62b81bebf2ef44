from fractions import Fraction

import pytest
from gpiozero.pins.mock import MockFactory, MockPin
from hypothesis import given
from hypothesis import strategies as st
from ring_rig import COILS, RAMP, RingRig

from rail.coils import FULL_STEPS, HALF_STEPS, CoilPins, CoilWiring
from rail.drivers import DRIVERS
from rail.errors import PinsUnavailable
from rail.profile import Ramp
from rail.screw import ring_scale
from rail.stepper import Ending


def shown(factory):
    return tuple(int(factory.pin(coil).state) for coil in COILS)


def pattern_numbers(pins, factory, patterns, steps):
    numbers = []
    for _ in range(steps):
        pins.raise_step()
        pins.lower_step()
        numbers.append(patterns.index(shown(factory)))
    return numbers


PLACES = {(1, 0): 0, (1, 1): 1, (0, 1): 2, (-1, 1): 3, (-1, 0): 4, (-1, -1): 5, (0, -1): 6, (1, -1): 7}


def ways(patterns):
    """Give by how many eighths of an electrical turn the field moves from pattern to pattern."""
    places = [PLACES[a - c, b - d] for a, b, c, d in patterns]
    return {(after - before) % 8 for before, after in zip(places, places[1:] + places[:1], strict=True)}


def test_the_field_turns_by_the_same_angle_every_step():
    assert ways(HALF_STEPS) == {1}
    assert ways(FULL_STEPS) == {2}


@pytest.mark.parametrize(("half_steps", "patterns"), [(True, HALF_STEPS), (False, FULL_STEPS)])
@pytest.mark.parametrize("far_forward", [True, False])
def test_the_patterns_follow_each_other_one_way_and_back(half_steps, patterns, far_forward):
    factory = MockFactory()
    pins = CoilPins(
        factory, CoilWiring(COILS, half_steps=half_steps, far_forward=far_forward), energised=True
    )
    sense, count = 1 if far_forward else -1, len(patterns)
    pins.face(far=True)
    assert pattern_numbers(pins, factory, patterns, 9) == [sense * n % count for n in range(1, 10)]
    pins.face(far=False)
    assert pattern_numbers(pins, factory, patterns, 9) == [sense * n % count for n in range(8, -1, -1)]


def test_all_coils_are_off_until_it_is_energised_and_after_its_release():
    factory = MockFactory()
    pins = CoilPins(factory, CoilWiring(COILS))
    assert shown(factory) == (0, 0, 0, 0) and not pins.energised
    pins.energise()
    assert shown(factory) == HALF_STEPS[0] and pins.energised
    pins.release()
    assert shown(factory) == (0, 0, 0, 0) and not pins.energised


def test_energising_again_shows_the_pattern_that_was_let_go():
    factory = MockFactory()
    pins = CoilPins(factory, CoilWiring(COILS), energised=True)
    for _ in range(3):
        pins.raise_step()
    before = shown(factory)
    pins.release()
    pins.energise()
    assert shown(factory) == before == HALF_STEPS[3]


def test_a_full_step_never_shows_a_field_that_points_back():
    seen = []

    class Coil(MockPin):
        def _set_state(self, value):
            super()._set_state(value)
            seen.append(shown(self.factory))

    factory = MockFactory(pin_class=Coil)
    pins = CoilPins(factory, CoilWiring(COILS, half_steps=False), energised=True)
    seen.clear()
    for far in (True, False):
        pins.face(far)
        pins.raise_step()
    between, after, between_again, before = seen
    assert (before, after) == FULL_STEPS[:2]
    assert between == between_again == HALF_STEPS[2]


def test_limit_switches_are_read_where_they_are_fitted():
    factory = MockFactory()
    for pin, wiring in ((5, CoilWiring(COILS, limit_near=5)), (6, CoilWiring(COILS, limit_far=6))):
        pins = CoilPins(factory, wiring)
        fitted, missing = pins.near_pressed, pins.far_pressed
        if wiring.limit_near is None:
            fitted, missing = missing, fitted
        assert fitted() is True
        factory.pin(pin).drive_low()
        assert fitted() is False
        assert missing() is None
        pins.close()


@pytest.mark.parametrize("wiring", [{"coils": (1, 2, 3, 3)}, {"coils": COILS, "limit_far": COILS[0]}])
def test_one_pin_cannot_have_two_tasks(wiring):
    with pytest.raises(ValueError, match="two things"):
        CoilWiring(**wiring)


def test_a_pin_that_does_not_exist_is_named():
    with pytest.raises(PinsUnavailable, match="GPIO 99"):
        CoilPins(MockFactory(), CoilWiring((17, 27, 22, 99)))


def test_a_turn_of_the_ring_is_exact_in_steps_of_the_true_gear():
    scale = ring_scale(32, 2, Fraction(25_792, 405))
    assert scale.unit == "deg"
    assert scale.per_step * 64 * 25_792 == 360 * 405
    assert ring_scale(32, 2, Fraction(64)).length_u(4096) == 360.0


@pytest.fixture(params=[True, False], ids=["half", "full"])
def ring(request, tmp_path):
    rig = RingRig(tmp_path, half_steps=request.param)
    rig.stepper.energise()
    rig.clock.sleep_until_ns(rig.clock.monotonic_ns() + 10**9)
    return rig


def test_the_motor_follows_every_pattern_and_the_count_is_exact(ring):
    half_steps = 1 if ring.half_steps else 2
    ramp = RAMP if ring.half_steps else Ramp(200, 450, 800)
    before, lost = ring.world.carriage().motor_steps, ring.lost_steps
    run = ring.stepper.run(701, ramp)
    assert (run.issued_steps, run.ending) == (701, Ending.DONE)
    assert ring.world.carriage().motor_steps - before == 701 * half_steps
    ring.stepper.run(-900, ramp)
    after = ring.world.carriage()
    assert (after.edges, after.net_edges) == (1601, -199)
    assert after.motor_steps - before == -199 * half_steps
    assert ring.lost_steps == lost


def test_the_first_step_waits_until_the_rotor_is_in_its_place(tmp_path):
    ring = RingRig(tmp_path)
    woken_ns = ring.clock.monotonic_ns()
    run = ring.stepper.run(1, RAMP)
    assert run.at_rest_ns - woken_ns >= DRIVERS["ULN2003"].wake_ns
    assert ring.lost_steps == 0


def test_a_ring_let_go_and_held_again_has_not_moved(ring):
    ring.stepper.run(3, RAMP.slowest())
    place = ring.world.carriage()
    ring.stepper.release()
    assert not ring.world.carriage().enabled
    ring.stepper.energise()
    assert ring.world.carriage().enabled
    assert ring.world.carriage().motor_steps == place.motor_steps
    assert ring.lost_steps == place.lost_steps


def test_patterns_faster_than_the_motor_follows_lose_steps(ring):
    lost = ring.lost_steps
    ring.stepper.run(200, Ramp(2_000, 2_000, 1))
    assert ring.lost_steps > lost


def test_the_drivers_data_keep_to_what_the_motor_follows():
    timing, others = DRIVERS["ULN2003"], [d for d in DRIVERS.values() if not d.four_phase]
    assert timing.four_phase
    assert timing.starting_full_steps_s <= 300
    assert timing.fastest_full_steps_s <= 500
    assert all(d.fastest_full_steps_s is None for d in others)


@given(distances=st.lists(st.integers(-40, 40), max_size=8), half_steps=st.booleans())
def test_any_walk_ends_where_the_patterns_say(tmp_path_factory, distances, half_steps):
    ring = RingRig(tmp_path_factory.mktemp("ring"), half_steps=half_steps)
    ring.stepper.energise()
    ring.clock.sleep_until_ns(ring.clock.monotonic_ns() + 10**9)
    before, lost = ring.world.carriage().motor_steps, ring.lost_steps
    for distance in distances:
        ring.stepper.run(distance, RAMP.slowest() if half_steps else Ramp(200, 200, 1))
    walked = ring.world.carriage().motor_steps - before
    assert walked == sum(distances) * (1 if half_steps else 2)
    assert ring.stepper.count_steps() == sum(distances)
    assert ring.lost_steps == lost
    ring.factory.close()

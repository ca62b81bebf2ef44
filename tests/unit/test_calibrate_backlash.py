"""The play of a screw: found in sweeps of rigs with a known one, and refused where it cannot be seen."""

from pathlib import Path

import numpy as np
import pytest
from calibration_rig import CalibrationRig, Card, Truth

from rail.errors import BeyondReach
from stack.calibrate.backlash import interpolated, play
from stack.calibrate.curves import Sweep, telling
from stack.calibrate.probe import both_ways
from stack.errors import NotMeasured

PLACES_U = np.arange(0.0, 401.0, 10.0)


def curves(places_u: np.ndarray, *, noise: float = 0.01, seed: int = 1) -> np.ndarray:
    """Give the sharpness of tiles that are in focus all along the way, and of some that never are."""
    random = np.random.default_rng(seed)
    peaks_u = np.linspace(60, 340, 24)
    shape = 3 + 200 / (1 + ((places_u[:, None] - peaks_u) / 25) ** 2)
    flat = np.full((len(places_u), 8), 3.0)
    seen = np.hstack([shape, flat])
    return seen * np.exp(noise * random.standard_normal(seen.shape))


def swept(play_u: float, *, noise: float = 0.01) -> tuple[Sweep, Sweep]:
    """Give both ways over a screw with so much play: on the way back the carriage waits at the far end."""
    there = Sweep(PLACES_U, curves(PLACES_U, noise=noise))
    back_u = np.minimum(PLACES_U + play_u, PLACES_U[-1])
    return there, Sweep(PLACES_U, curves(back_u, noise=noise, seed=2))


@pytest.mark.parametrize("play_u", [0.0, 3.0, 20.0, 47.0, 60.0, 140.0])
def test_play_is_found_within_its_error(play_u: float) -> None:
    found = play(*swept(play_u), step_u=0.3125)
    assert abs(found.play_u - play_u) <= 4 * found.error_u
    assert found.error_u < 1.5
    assert found.tiles == 24
    assert play_u <= found.ample_u <= play_u + 4


def test_more_noise_is_a_larger_error() -> None:
    quiet, loud = (play(*swept(50.0, noise=noise), step_u=0.01) for noise in (0.003, 0.06))
    assert loud.error_u > 3 * quiet.error_u
    assert abs(loud.play_u - 50.0) <= 4 * loud.error_u


def test_a_light_that_drifts_meanwhile_changes_nothing() -> None:
    there, back = swept(35.0)
    brighter = Sweep(back.places_u, 1.3 * back.detail)
    assert play(there, brighter, 0.3125).play_u == pytest.approx(35.0, abs=1.0)


def test_play_beyond_what_the_sweep_can_show_is_no_number() -> None:
    with pytest.raises(NotMeasured, match="--span"):
        play(*swept(330.0), step_u=0.3125)


def test_a_picture_that_never_changes_tells_nothing() -> None:
    flat = Sweep(PLACES_U, np.full((len(PLACES_U), 12), 5.0))
    assert not telling(flat).any()
    with pytest.raises(NotMeasured, match="sharp"):
        play(flat, flat, step_u=0.3125)


def test_interpolation_is_exact_on_a_parabola() -> None:
    index = np.arange(0.0, 10.0)
    between = np.array([1.25, 4.5, 7.9])
    assert interpolated(index**2, between) == pytest.approx(between**2)


@pytest.mark.parametrize("backlash_um", [0.0, 20.0, 60.0, 130.0])
def test_rigs_with_other_play_are_found_to(tmp_path: Path, backlash_um: float) -> None:
    rig = CalibrationRig(tmp_path, Truth(backlash_um=backlash_um))
    rig.home()
    there, back = both_ways(rig.probe(), 3360, 30, 32)
    found = play(there, back, 0.3125)
    assert found.play_u == pytest.approx(backlash_um, abs=0.6)
    assert rig.rail.carriage.state.crashes_far == rig.rail.carriage.state.crashes_near == 0


def test_it_needs_nothing_to_be_sharp_within_the_way(tmp_path: Path) -> None:
    rig = CalibrationRig(tmp_path, Truth(backlash_um=40.0), scene=lambda: Card(830.0, 880.0))
    rig.home()
    assert play(*both_ways(rig.probe(), 3360, 30, 32), 0.3125).play_u == pytest.approx(40.0, abs=3.0)


def test_a_way_out_of_reach_is_refused_before_anything_moves(tmp_path: Path) -> None:
    rig = CalibrationRig(tmp_path)
    rig.home()
    probe, edges = rig.probe(), rig.rail.edges
    for middle in (rig.axis.reach.farthest_steps - 100, rig.axis.reach.nearest_steps + 600):
        with pytest.raises(BeyondReach):
            both_ways(probe, middle, 30, 32)
    assert rig.rail.edges == edges

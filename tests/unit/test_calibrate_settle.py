"""How long a rig shakes: read off pictures of rigs that shake for a known time."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from calibration_rig import CalibrationRig, Truth, still_after_ms
from hypothesis import given
from hypothesis import strategies as st

from stack.calibrate.probe import looks_after_moves
from stack.calibrate.settle import FEWEST, STILL_PX, Look, settling
from stack.calibrate.shift import shift_px
from stack.errors import NotMeasured

REST = [Look(700.0 + i, 0.02 + 0.001 * (i % 3), 0.001 * (i % 2)) for i in range(FEWEST)]


def picture(seed: int = 1, shape: tuple[int, int] = (120, 160)) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return 128 + 160 * cv2.GaussianBlur(noise, (0, 0), 1.5)


def moved(plane: np.ndarray, right: float, down: float) -> np.ndarray:
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float64)
    return cv2.warpAffine(
        plane, matrix, plane.shape[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )


def developed(plane: np.ndarray, seed: int) -> np.ndarray:
    noise = 2 * np.random.default_rng(seed).standard_normal(plane.shape)
    return np.clip(plane + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("right", [0.0, 0.1, -0.37, 0.5, 3.25, -7.8])
@pytest.mark.parametrize("down", [0.0, -0.2, 5.6])
def test_a_shift_is_found_to_a_small_part_of_a_pixel(right: float, down: float) -> None:
    plane = picture()
    found = shift_px(developed(plane, 2), developed(moved(plane, right, down), 3))
    assert found == pytest.approx((right, down), abs=0.08)


def test_a_picture_without_detail_has_not_moved() -> None:
    flat = np.full((80, 80), 90, np.uint8)
    assert shift_px(flat, flat) == (0.0, 0.0)


def test_the_time_lies_between_the_last_restless_look_and_the_first_still_one() -> None:
    shaking = [Look(ms, STILL_PX + 0.5, 0.0) for ms in (5.0, 40.0, 80.0)]
    found = settling([Look(60.0, 0.05, 0.0), *shaking, Look(90.0, 0.1, 0.01), *REST], 1000.0)
    assert (found.settle_ms, found.error_ms) == (85.0, 5.0)
    assert found.proposed_ms == 110


def test_a_blurred_look_is_restless_though_it_lies_in_its_place() -> None:
    found = settling([Look(50.0, 0.0, 0.3), Look(70.0, 0.0, 0.0), *REST], 1000.0)
    assert found.settle_ms == 60.0


def test_a_rig_that_never_shakes_settles_before_the_first_look() -> None:
    found = settling([Look(8.0, 0.02, 0.0), *REST], 1000.0)
    assert (found.settle_ms, found.error_ms) == (4.0, 4.0)


def test_noise_at_rest_is_not_taken_for_a_shake() -> None:
    noisy = [Look(600.0 + i, 0.1 * (i % 5), 0.0) for i in range(30)]
    assert settling([Look(5.0, 0.4, 0.0), *noisy], 1000.0).settle_ms < 10


@pytest.mark.parametrize(
    ("looks", "words"),
    [
        (REST[1:], "--rounds"),
        ([*REST, Look(650.0, 0.9, 0.0)], "--watch"),
        ([Look(ms, 2.0 * (ms % 2), 0.0) for ms in range(600, 650)], "shakes the table"),
    ],
)
def test_what_cannot_be_told_is_said(looks: list[Look], words: str) -> None:
    with pytest.raises(NotMeasured, match=words):
        settling(looks, 1000.0)


@given(st.lists(st.tuples(st.floats(0, 599), st.floats(0, 3), st.floats(-1, 1)), max_size=30))
def test_every_look_after_the_time_found_is_still(figures: list[tuple[float, float, float]]) -> None:
    looks = [Look(*figure) for figure in figures]
    found = settling([*looks, *REST], 1000.0)
    later = [look for look in looks if look.delay_ms > found.settle_ms + found.error_ms]
    assert all(look.shift_px <= found.within_px and look.blur <= found.within_blur for look in later)
    assert found.proposed_ms >= found.settle_ms + found.error_ms


@pytest.mark.parametrize("decay_ms", [8.0, 30.0, 110.0])
def test_rigs_that_shake_for_longer_are_found_to(tmp_path: Path, decay_ms: float) -> None:
    rig = CalibrationRig(tmp_path, Truth(decay_ms=decay_ms, um_a_px=1.0))
    rig.home()
    probe = rig.probe()
    probe.go(3360)
    found = settling(looks_after_moves(probe, 96, 8, 700_000_000), 700.0)
    probe.go(3264)
    arrival = probe.go(3360)
    rig.clock.pass_ns(1_600_000_000)
    true_ms = still_after_ms(rig.rail.world, arrival.at_rest_ns, STILL_PX * rig.truth.um_a_px)
    # An exposure averages over a part of the sway, so pictures may be still before the rig is.
    assert found.settle_ms == pytest.approx(true_ms, abs=8 + 0.2 * true_ms)
    assert true_ms * 0.9 <= found.proposed_ms <= 1.5 * true_ms + 25

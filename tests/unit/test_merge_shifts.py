import cv2
import numpy as np

from stack.merge.shifts import shifts

BLOCK_PX = 20
SIZE = (240, 320)


def light():
    return np.random.default_rng(1).uniform(0, 255, SIZE).astype(np.float32)


def said_across(still, moved):
    """Give by how much each column of blocks says it moved to the right, pixels."""
    known = np.ones(SIZE, np.float32)
    said = shifts((still, known), (moved, known), BLOCK_PX)
    grid = (SIZE[0] // BLOCK_PX, SIZE[1] // BLOCK_PX)
    weights = np.trace(said.information, axis1=1, axis2=2).reshape(grid)
    return np.average(said.moved[:, 0].reshape(grid), axis=0, weights=weights)


def test_blur_that_jumps_at_an_outline_moves_nothing():
    sharp, blurred = (cv2.GaussianBlur(light(), (0, 0), sigma_px) for sigma_px in (3, 3.3))
    half = SIZE[1] // 2
    one_side = np.hstack([sharp[:, :half], blurred[:, half:]])
    across = said_across(sharp, one_side)
    assert abs(across).max() < 0.01
    assert abs(across.mean()) < 0.001


def test_a_shift_is_told_though_blur_jumps():
    sharp, blurred = (cv2.GaussianBlur(light(), (0, 0), sigma_px) for sigma_px in (3, 3.3))
    half = SIZE[1] // 2
    moved = cv2.warpAffine(
        np.hstack([sharp[:, :half], blurred[:, half:]]), np.float32([[1, 0, 0.2], [0, 1, 0]]), SIZE[::-1]
    )
    across = said_across(sharp, moved)[1:-1]
    assert abs(across - 0.2).max() < 0.02

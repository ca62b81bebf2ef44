import numpy as np

from stack.sight import frame_fault


def test_a_subject_on_black_and_one_on_white_are_frames_like_any_other() -> None:
    for ground, subject in ((0, 120), (255, 90)):
        pixels = np.full((480, 640, 3), ground, np.uint8)
        pixels[200:280, 280:360] = subject
        assert frame_fault(pixels) is None
    noise = np.random.default_rng(1).integers(0, 12, (480, 640, 3)).astype(np.uint8)
    assert "black" in (frame_fault(noise) or "")

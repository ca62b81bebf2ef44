"""By how much pictures are lighter than those before, whatever is to be seen on them."""

import numpy as np
import pytest
from film_series import SIZE, Drawn, drawn

from stack.film.decoding import Reduced
from stack.film.light import ANEW, UNKNOWN, LightMeter
from stack.merge.similarity import Similarity

BLACK = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
WHITE = np.full_like(BLACK, 255)


def meter(*pictures, mask=None):
    one = LightMeter(SIZE, Similarity(), mask)
    return [one.step(Reduced(picture, 8), Similarity()) for picture in pictures]


def lit(light, **more):
    return drawn(Drawn(light=light, **more))


@pytest.mark.parametrize("light", [0.5, 0.95, 1.05, 1.4])
def test_a_lamp_is_measured_to_a_hundredth_of_a_stop(light):
    first, second = meter(lit(1.0), lit(light))
    assert first == ANEW
    # A pixel value to the power of 2.2 is light; squared it is near enough.
    assert np.allclose(second.stops, np.log2(light) * 2 / 2.2, atol=0.02)


def test_what_grows_does_not_count_for_the_lamp():
    _, step = meter(lit(1.0, radius=20), lit(1.05, radius=60))
    assert np.allclose(step.stops, np.log2(1.05) * 2 / 2.2, atol=0.02)


def test_a_mask_says_what_counts():
    mask = np.full((SIZE[1], SIZE[0]), 255, np.uint8)
    mask[:, SIZE[0] // 3 :] = 0
    changed = lit(1.0)
    changed[:, SIZE[0] // 3 :] //= 2
    assert np.abs(meter(lit(1.0), changed, mask=mask)[1].stops).max() < 0.02
    assert np.max(meter(lit(1.0), changed)[1].stops) < -1
    tiny = np.zeros_like(mask)
    tiny[:20, :20] = 255
    assert np.max(meter(lit(1.0), changed, mask=tiny)[1].stops) < -1, (
        "too small a mask is not asked for the lamp"
    )


@pytest.mark.parametrize("blank", [BLACK, WHITE])
def test_what_is_black_or_white_all_over_is_skipped(blank):
    found = meter(blank, lit(1.0), blank, blank, blank, lit(1.1))
    assert [found[n] for n in (0, 2, 3, 4)] == [UNKNOWN] * 4
    assert found[1] == ANEW
    assert np.allclose(found[5].stops, np.log2(1.1) * 2 / 2.2, atol=0.02)


def halves(dark_side, rest):
    """Half of a picture is black, the other as it is: on the other side it is the other way round."""
    picture = lit(1.0) if rest else lit(0.9)
    picture[:, dark_side] = 0
    return picture


def test_one_picture_like_nothing_before_it_may_be_an_accident_and_two_are_a_new_light():
    left, right = np.s_[: SIZE[0] // 2], np.s_[SIZE[0] // 2 :]
    found = meter(halves(left, True), halves(right, True), halves(left, False))
    assert found[1] == UNKNOWN
    assert np.allclose(found[2].stops, np.log2(0.9) * 2 / 2.2, atol=0.02)
    found = meter(halves(left, True), halves(right, True), halves(right, True), halves(right, False))
    assert found[1:3] == [UNKNOWN, ANEW]
    assert np.allclose(found[3].stops, np.log2(0.9) * 2 / 2.2, atol=0.02)


def test_a_channel_that_cannot_be_compared_goes_with_the_others():
    first, second = lit(1.0), lit(1.2)
    first[..., 0] = second[..., 0] = 0
    blue, green, _ = meter(first, second)[1].stops
    assert blue == pytest.approx(green, abs=0.02)
    assert green > 0.2

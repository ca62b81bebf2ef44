"""Beside an outline a smooth place seems to be in focus with it: it is to be doubted, and nothing else is."""

import cv2
import numpy as np
import pytest
from rendered import Shake, Surface, _texture, render
from test_merge_outlines import SIZE, canvas, merged

from stack.merge.depthview import GREY, coloured
from stack.merge.leaks import NOWHERE, doubted

SHAPE = (200, 300)
UNIT, NOISE = 128.0, 0.5


def leaking(picture):
    """Give how sure focus is of a picture that one slice has all detail of, and the amplitude of that."""
    light = picture.astype(np.float32)
    amplitude = cv2.GaussianBlur(cv2.absdiff(light, cv2.GaussianBlur(light, (0, 0), 2)), (0, 0), 4)
    return np.clip(255 * (amplitude - 1), 0, 255).astype(np.uint8), (amplitude * UNIT).astype(np.int16)


def grained(shape=SHAPE):
    """Give grains of two pixels, and hardly any light that is as even as a smooth place's."""
    grains = np.random.default_rng(3).integers(0, 256, (shape[0] // 2, shape[1] // 2))
    return np.kron(grains, np.ones((2, 2))).astype(np.uint8)


def test_smooth_ground_beside_a_bar_is_doubted_and_the_bar_is_not():
    picture = np.full(SHAPE, 120, np.uint8)
    picture[:, 140:160] = 20
    sure, amplitude = leaking(picture)
    found = doubted(sure, amplitude, UNIT, NOISE, picture)
    assert (sure[:, 131:137] == 255).all()  # it seemed to be in focus
    assert (found[:, 131:135] < NOWHERE).all()
    assert (found[:, 165:170] < NOWHERE).all()
    assert (found[:, 138:162] == sure[:, 138:162]).all()


def test_what_an_outline_encloses_is_not_doubted():
    picture = np.full(SHAPE, 120, np.uint8)
    cv2.circle(picture, (150, 100), 14, 20, 5)
    sure, amplitude = leaking(picture)
    found = doubted(sure, amplitude, UNIT, NOISE, picture)
    inside = np.s_[98:102, 148:152]
    assert (found[inside] == sure[inside]).all()
    assert (found[inside] > NOWHERE).all()


def test_what_is_rough_is_not_doubted_though_it_ends_at_what_is_smooth():
    picture = np.full(SHAPE, 120, np.uint8)
    picture[:, 100:] = grained()[:, 100:]
    sure, amplitude = leaking(picture)
    found = doubted(sure, amplitude, UNIT, NOISE, picture)
    assert (found[:, 104:] == sure[:, 104:]).mean() > 0.99


def test_coarse_grain_is_not_doubted_though_little_of_its_detail_is_fine():
    """A quarter of what is judged is its own, more than is left of noise; and its gaps join nothing."""
    grain = _texture(*SHAPE, np.random.default_rng(3), 0.5, grain=3.0)[..., 1]
    picture = np.full(SHAPE, 120, np.uint8)
    picture[:, 100:] = np.rint(255 * grain ** (1 / 2.2))[:, 100:]
    sure, amplitude = leaking(picture)
    found = doubted(sure, amplitude, UNIT, NOISE, picture)
    inside = np.s_[:, 108:]
    assert (found == sure)[inside][sure[inside] > NOWHERE].mean() > 0.95


def test_smooth_ground_is_doubted_though_it_is_noisy():
    picture = np.full(SHAPE, 120.0)
    picture[:, 140:160] = 20
    picture += np.random.default_rng(1).normal(0, NOISE, SHAPE)
    picture = np.rint(picture).astype(np.uint8)
    sure, amplitude = leaking(picture)
    found = doubted(sure, amplitude, UNIT, NOISE, picture)
    for beside in (np.s_[:, 131:135], np.s_[:, 165:170]):
        assert (found[beside] < NOWHERE).mean() > 0.99


@pytest.mark.parametrize(("gap_px", "open_to_it"), [(10, False), (14, True)])
def test_an_outline_encloses_what_its_own_blur_shuts_in(gap_px, open_to_it):
    picture = np.full(SHAPE, 120, np.uint8)
    cv2.circle(picture, (150, 100), 14, 20, 5)
    picture[100 - gap_px // 2 : 100 + gap_px // 2, 150:180] = 120
    sure, amplitude = leaking(picture)
    found = doubted(sure, amplitude, UNIT, NOISE, picture)
    inside = np.s_[98:102, 144:148]
    assert (found[inside] < sure[inside]).all() if open_to_it else (found[inside] == sure[inside]).all()


@pytest.mark.parametrize(("apart_px", "told"), [(24, False), (28, True)])
def test_ground_between_two_bars_tells_of_itself_where_there_is_room(apart_px, told):
    """Out of reach of both, a strip of it must be in focus nowhere; a slit may be so by chance."""
    picture, left = grained(), 150 - apart_px // 2
    picture[:, left - 20 : left + apart_px + 20] = 20
    picture[:, left : left + apart_px] = 120
    sure, amplitude = leaking(picture)
    assert (sure[:, 150] < NOWHERE).all()
    found = doubted(sure, amplitude, UNIT, NOISE, picture)
    assert (found[:, left + 4 : left + 7] < NOWHERE).all() == told


def test_strips_meet_without_a_seam():
    tall = grained((300, 60))
    tall[:, 30:] = 120
    sure, amplitude = leaking(tall)
    whole = doubted(sure, amplitude, UNIT, NOISE, tall)
    # 38 rows less: what begins a strip in the one lies within a strip of the other.
    part = doubted(sure[38:], amplitude[38:], UNIT, NOISE, tall[38:])
    assert (whole[60:] == part[22:]).mean() > 0.999


@pytest.fixture(scope="module")
def stalk():
    """A rough stalk, five slices near, before smooth ground that is never in focus."""
    y, x = canvas()
    covered = (np.abs(x - 0.5 * y.shape[1]) < 12).astype(np.float32)
    rough = _texture(*y.shape, np.random.default_rng(5), 0.6)
    ground = Surface(np.full((*y.shape, 3), 0.3, np.float32), np.ones_like(y), y * 0 + 40)
    return render([ground, Surface(rough, covered, y * 0 + 3)], 9, 2.6, SIZE, Shake(noise=0.3, seed=5))


def test_a_stalk_is_as_thin_in_what_is_sure_as_it_is(stalk):
    result = merged(stalk)
    true = (stalk.depth < 9).astype(np.uint8)[result.crop.rows, result.crop.columns]
    away_px = cv2.distanceTransform(1 - true, cv2.DIST_L2, 5)
    told = result.confidence >= NOWHERE
    assert told[true > 0].mean() > 0.97
    assert told[(away_px > 4) & (away_px < 9)].mean() < 0.1
    assert (result.depth > 0)[(away_px > 4) & (away_px < 10)].mean() > 0.9  # filled all the same
    picture = coloured(result.depth, result.confidence)[: len(true)]
    assert (picture[(away_px > 4) & (away_px < 9)] == GREY).mean() > 0.9
    assert (picture[true > 0] == GREY).all(axis=-1).mean() < 0.03

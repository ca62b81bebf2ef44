"""Where a subject begins and ends: found on subjects whose ends are known, and said where they are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stack.calibrate.curves import Sweep
from stack.calibrate.extent import extent
from stack.errors import NotMeasured

PLACES_U = np.arange(0.0, 2001.0, 40.0)


def swept(peaks_u: np.ndarray, *, detail: float = 200.0, noise: float = 0.01, seed: int = 1) -> Sweep:
    """Sweep over tiles that are each sharpest at a place of their own, 35 um deep."""
    curves = 3 + detail / (1 + ((PLACES_U[:, None] - peaks_u) / 35) ** 2)
    return Sweep(PLACES_U, curves * np.exp(noise * np.random.default_rng(seed).standard_normal(curves.shape)))


def joined(*sweeps: Sweep) -> Sweep:
    return Sweep(PLACES_U, np.hstack([one.detail for one in sweeps]))


@settings(max_examples=40)
@given(first=st.floats(60, 900), length=st.floats(60, 1000), seed=st.integers(0, 99))
def test_both_ends_are_found_to_a_part_of_the_pitch(first: float, length: float, seed: int) -> None:
    found = extent(swept(np.linspace(first, first + length, 90), seed=seed))
    assert found.first_u == pytest.approx(first, abs=20)
    assert found.last_u == pytest.approx(first + length, abs=20)
    assert not (found.first_open or found.last_open)


def test_a_subject_that_goes_on_is_open_there() -> None:
    found = extent(swept(np.linspace(-200, 1500, 90)))
    assert (found.first_open, found.last_open) == (True, False)
    found = extent(swept(np.linspace(500, 2300, 90)))
    assert (found.first_open, found.last_open) == (False, True)


def test_one_tile_alone_is_not_taken_for_an_end() -> None:
    found = extent(joined(swept(np.linspace(700, 1300, 150)), swept(np.array([100.0, 1900.0]))))
    assert 650 < found.first_u < 760
    assert 1240 < found.last_u < 1350


def test_light_that_blurs_into_a_bare_tile_is_not_taken_for_a_subject() -> None:
    bare = swept(np.full(40, 1700.0), detail=6.0)
    found = extent(joined(swept(np.linspace(700, 1300, 60)), bare))
    assert found.last_u < 1350


def test_a_bare_tile_that_grows_brighter_all_the_way_leaves_no_end_open() -> None:
    growing = Sweep(PLACES_U, np.repeat(np.linspace(3, 60, len(PLACES_U))[:, None], 20, axis=1))
    found = extent(joined(swept(np.linspace(700, 1300, 60)), growing))
    assert not found.last_open
    assert found.last_u < 1350


def test_the_tile_that_is_sharp_at_an_end_is_named() -> None:
    found = extent(swept(np.array([900.0, 400.0, 1500.0, 1000.0, 700.0])))
    assert (found.first_tile, found.last_tile) == (1, 2)


@pytest.mark.parametrize("sweep", [swept(np.full(60, 9000.0)), swept(np.array([500.0, 600.0]))])
def test_where_nothing_was_sharp_there_is_no_subject(sweep: Sweep) -> None:
    with pytest.raises(NotMeasured, match="--around"):
        extent(sweep)

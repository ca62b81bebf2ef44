import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.film.errors import SizeRefused
from stack.film.size import check_size, window
from stack.film.steadying import Area

TWELVE = Area(-0.5, -0.5, 4055.5, 3039.5)


@pytest.mark.parametrize(
    ("area", "asked", "size"),
    [
        (TWELVE, "1080p", (1440, 1080)),
        (TWELVE, "720p", (960, 720)),
        (TWELVE, "2160p", (2880, 2160)),
        (TWELVE, "full", (4056, 3040)),
        (TWELVE, "1920x1080", (1920, 1080)),
        (Area(10.3, 7, 331.1, 248), "1080p", (320, 240)),
        (Area(0, 0, 3040, 4056), "1080p", (1080, 1440)),
        (Area(0, 0, 4000, 2250), "1080p", (1920, 1080)),
    ],
)
def test_the_size_is_even_fits_and_enlarges_nothing(area, asked, size):
    found = window(area, asked)
    assert (found.width_px, found.height_px) == size
    assert asked == "1920x1080" or found.scale <= 1


@given(
    st.floats(-50, 50),
    st.floats(-50, 50),
    st.floats(500, 5000),
    st.floats(500, 5000),
    st.sampled_from(["720p", "1080p", "2160p", "full", "640x480"]),
)
def test_every_pixel_of_the_film_lies_within_the_common_area(left, top, width, height, asked):
    area = Area(left, top, left + width, top + height)
    found = window(area, asked)
    edges = np.array([[-0.5, -0.5], [found.width_px - 0.5, found.height_px - 0.5]])
    (x0, y0), (x1, y1) = found.to_first(edges)
    assert x0 >= area.left - 1e-6
    assert y0 >= area.top - 1e-6
    assert x1 <= area.right + 1e-6
    assert y1 <= area.bottom + 1e-6
    assert (x0 + x1) == pytest.approx(area.left + area.right, abs=1e-6)
    assert not found.width_px % 2
    assert not found.height_px % 2


@pytest.mark.parametrize("asked", ["1081x720", "40x40", "9000x1000", "8K", "", "1080", "0x0", "-2x2"])
def test_nonsense_is_refused_before_any_work(asked):
    with pytest.raises(SizeRefused):
        check_size(asked)


def test_pictures_with_nothing_in_common_make_no_film():
    with pytest.raises(SizeRefused, match="--no-steady"):
        window(Area(100, 100, 110, 400), "1080p")

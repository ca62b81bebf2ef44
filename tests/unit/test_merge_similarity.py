import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stack.merge.similarity import Similarity
from stack.merge.stream import common_area

near = st.floats(-40, 40)
similarities = st.builds(
    lambda scale, turn, tx, ty: Similarity(scale * np.cos(turn), scale * np.sin(turn), tx, ty),
    st.floats(0.8, 1.25),
    st.floats(-0.1, 0.1),
    near,
    near,
)
POINTS = np.array([[0.0, 0.0], [99.0, 0.0], [37.5, 61.25], [-3.0, 8.0]])


@given(similarities, similarities)
def test_after_is_one_mapping_and_then_the_other(a, b):
    assert np.allclose(a.after(b)(POINTS), a(b(POINTS)))


@given(similarities)
def test_inverse_undoes(a):
    assert np.allclose(a.inverse()(a(POINTS)), POINTS)


@given(similarities)
def test_power_is_doing_it_so_many_times(a):
    assert np.allclose(a.power(3)(POINTS), a(a(a(POINTS))))
    assert np.allclose(a.power(0.5).power(2)(POINTS), a(POINTS))
    assert np.allclose(a.power(-1)(a(POINTS)), POINTS)


def test_a_mere_shift_has_powers():
    assert Similarity(tx=2, ty=-1).power(3.5) == Similarity(tx=7, ty=-3.5)


@given(similarities)
def test_matrix_is_the_mapping(a):
    assert np.allclose(np.column_stack([POINTS, np.ones(4)]) @ a.matrix.T, a(POINTS))


@given(similarities, st.sampled_from([2.0, 3.0, 4.0, 0.5]))
def test_reduced_is_the_same_mapping_of_smaller_pixels(a, factor):
    def shrink(points):
        return (points + 0.5) / factor - 0.5

    assert np.allclose(a.reduced(factor)(shrink(POINTS)), shrink(a(POINTS)))


@given(st.lists(similarities, max_size=4))
def test_every_slice_has_all_pixels_of_the_common_area(slices):
    width, height = 200, 150
    crop = common_area(slices, width, height)
    assert crop.left >= 0
    assert crop.top >= 0
    assert crop.left + crop.width_px <= width
    assert crop.top + crop.height_px <= height
    if not crop.width_px or not crop.height_px:
        return
    right, bottom = crop.left + crop.width_px - 1, crop.top + crop.height_px - 1
    corners = np.array(
        [[crop.left, crop.top], [right, crop.top], [right, bottom], [crop.left, bottom]], float
    )
    for one in slices:
        places = one(corners)
        assert (places > -1e-6).all()
        assert (places < np.array([width - 1, height - 1]) + 1e-6).all()


def test_the_first_slice_alone_is_not_cropped():
    crop = common_area([Similarity()], 64, 48)
    assert (crop.left, crop.top, crop.width_px, crop.height_px) == (0, 0, 64, 48)

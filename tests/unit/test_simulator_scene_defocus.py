import numpy as np
import pytest

from simulator.defocus import Sheet, disc, on_the_grain

PX_PER_UM = 0.05
FOCUS_UM = 1000.0


def flat(light, depth_um):
    """Give a sheet that lies in one plane."""
    return Sheet(light, np.full(light.shape[:2], depth_um, np.float32))


def point(side=512, value=50.0):
    light = np.zeros((side, side, 4), np.float32)
    light[side // 2, side // 2] = (value, value, value, 1)
    return light


def on_canvas(seen, box, side):
    canvas = np.zeros((side, side, 4), np.float32)
    canvas[box.index] = seen
    return canvas


def radius_of(picture):
    """Give the radius of the disc whose light is spread as widely as in `picture`."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    total = picture.sum(dtype=np.float64)
    middle_x, middle_y = (picture * x).sum() / total, (picture * y).sum() / total
    return np.sqrt((picture * ((x - middle_x) ** 2 + (y - middle_y) ** 2)).sum() / total * 2)


@pytest.mark.parametrize("side", (-1, 1))
@pytest.mark.parametrize("radius_px", (2.0, 3.5, 5.0, 7.3, 12.0, 18.0, 25.0, 40.0, 65.0, 100.0))
def test_a_point_becomes_a_disc_of_the_radius_the_lens_formula_gives(radius_px, side):
    sheet = flat(point(), FOCUS_UM + side * radius_px / PX_PER_UM)
    seen, box = sheet.seen(FOCUS_UM, PX_PER_UM)
    assert radius_of(on_canvas(seen, box, 512)[..., 1]) == pytest.approx(radius_px, rel=0.05, abs=0.2)


def test_the_disc_is_a_disc_not_a_hill():
    light = np.zeros((512, 512, 4), np.float32)
    light[254:258, 254:258] = (50, 50, 50, 1)
    seen, box = flat(light, FOCUS_UM + 30 / PX_PER_UM).seen(FOCUS_UM, PX_PER_UM)
    picture = on_canvas(seen, box, 512)[..., 1]
    y, x = np.mgrid[:512, :512]
    away = np.hypot(x - 255.5, y - 255.5)
    inside, outside = picture[away < 22], picture[away > 40]
    assert inside.std() < 0.1 * inside.mean()
    assert outside.max() < 0.05 * inside.mean()


@pytest.mark.parametrize("defocus_um", (0, 10, 40, 90, 200, 450, 900, 2000))
def test_blur_keeps_all_light(defocus_um):
    seen, _ = flat(point(value=80.0), FOCUS_UM - defocus_um).seen(FOCUS_UM, PX_PER_UM)
    assert seen[..., 0].sum() == pytest.approx(80, rel=1e-3)


def test_a_point_in_focus_is_left_alone():
    light = point()
    seen, box = flat(light, FOCUS_UM).seen(FOCUS_UM, PX_PER_UM)
    np.testing.assert_allclose(on_canvas(seen, box, 512), light, atol=1e-5)


def test_a_leaning_surface_shows_neither_seams_nor_holes():
    side = 512
    light = np.ones((side, side, 4), np.float32)
    depth = np.tile(np.linspace(0, 2000, side, dtype=np.float32), (side, 1))
    seen, _ = Sheet(light, depth).seen(FOCUS_UM, PX_PER_UM)
    inner = seen[64:-64, 64:-64]
    assert inner.min() > 0.98
    assert inner.max() < 1.01


def test_a_curved_surface_is_sharp_only_where_its_depth_says():
    side = 512
    random = np.random.default_rng(5)
    light = np.ones((side, side, 4), np.float32)
    light[..., :3] = random.random((side, side, 1), np.float32)
    y, x = np.mgrid[:side, :side].astype(np.float32) - side / 2
    depth = FOCUS_UM - 400 + np.hypot(x, y) * 4
    seen, _ = Sheet(light, depth.astype(np.float32)).seen(FOCUS_UM, PX_PER_UM)
    error = np.abs(seen - light)[..., 0]
    defocus_px = np.abs(depth - FOCUS_UM) * PX_PER_UM
    well_inside = np.hypot(x, y) < 190
    assert error[(defocus_px < 0.2) & well_inside].mean() < 0.05
    assert error[(defocus_px > 4) & well_inside].mean() > 0.2


def test_strands_of_two_depths_in_one_place_keep_their_own_blur():
    side = 512
    light, depth = np.zeros((side, side, 4), np.float32), np.full((side, side), FOCUS_UM, np.float32)
    # Near and far pixels alternate: their mean depth is the focus, but neither is in focus.
    light[256, 200:312] = 1
    depth[256, 200:312:2], depth[256, 201:312:2] = FOCUS_UM - 600, FOCUS_UM + 600
    seen, box = Sheet(light, depth).seen(FOCUS_UM, PX_PER_UM)
    picture = on_canvas(seen, box, side)[..., 3]
    assert picture.sum() == pytest.approx(112, rel=1e-3)
    assert picture.max() < 0.05


def test_a_kernel_sums_to_one_at_any_radius():
    for radius in (0, 0.2, 0.7, 1.1, 3, 9.9):
        assert disc(radius).sum() == pytest.approx(1, abs=1e-5)


def test_a_sheet_off_the_grain_or_empty_is_refused():
    with pytest.raises(ValueError, match="grain"):
        Sheet(np.ones((100, 128, 4), np.float32), np.ones((100, 128), np.float32))
    with pytest.raises(ValueError, match="nothing on it"):
        Sheet(np.zeros((128, 128, 4), np.float32), np.ones((128, 128), np.float32))
    assert [on_the_grain(n) for n in (1, 32, 33)] == [32, 32, 64]

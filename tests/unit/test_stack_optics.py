"""The formulas of depth of field against what others have published."""

import pytest

from stack.optics import (
    Optics,
    classic_depth_d,
    classic_depth_um,
    depth_of_field_d,
    depth_of_field_u,
    depth_of_field_um,
    pitch_u,
    wave_depth_d,
    wave_depth_um,
)


def two_digits(value: float) -> float:
    return float(f"{value:.2g}")


@pytest.mark.parametrize(
    ("f_number", "magnification", "f_eff"),
    [(2.8, 1, 5.6), (2.8, 2, 8.4), (2.8, 3, 11.2), (2.8, 4, 14.0), (2.8, 5, 16.8), (16, 1, 32)],
)
def test_effective_f_number_is_canons(f_number: float, magnification: float, f_eff: float) -> None:
    assert Optics(magnification, f_number=f_number).effective_f_number == pytest.approx(f_eff)


# Littlefield's table of microscope objectives; wavelength 0.55 um
NA_TABLE = [
    (0.10, 55.0), (0.14, 28.1), (0.15, 24.4), (0.20, 13.8), (0.21, 12.5), (0.24, 9.55),
    (0.25, 8.80), (0.28, 7.02), (0.30, 6.11), (0.40, 3.44), (0.42, 3.12), (0.50, 2.20),
    (0.55, 1.82), (0.60, 1.53), (0.65, 1.30), (0.70, 1.12), (0.75, 0.98),
]  # fmt: skip


@pytest.mark.parametrize(("aperture", "published_um"), NA_TABLE)
def test_wave_depth_of_objectives(aperture: float, published_um: float) -> None:
    optics = Optics(10, numerical_aperture=aperture)
    depth_um = wave_depth_um(optics.effective_f_number, 10)
    assert depth_um == pytest.approx(published_um, abs=0.0051 if published_um < 10 else 0.051)


@pytest.mark.parametrize("magnification", [4, 10, 20])
def test_wave_depth_of_an_objective_does_not_depend_on_magnification(magnification: float) -> None:
    optics = Optics(magnification, numerical_aperture=0.28)
    assert wave_depth_um(optics.effective_f_number, magnification) == pytest.approx(7.0153, abs=1e-4)


# Zerene's table 2-A, in millimetres; two cells the page itself has changed are left out
F_NUMBERS = (2, 2.8, 4, 5.6, 8, 11, 16, 22)
ZERENE_2A = {
    2.0: (0.020, 0.039, 0.079, 0.16, 0.32, 0.60, 1.3, 2.4),
    2.5: (0.017, 0.034, 0.069, 0.14, 0.28, 0.52, 1.1, 2.1),
    3.5: (None, None, 0.058, 0.11, 0.23, 0.44, 0.93, 1.8),
    5.0: (0.013, 0.025, 0.051, 0.099),
    14.0: (0.010, 0.020, 0.040, 0.079, 0.16, 0.31, 0.65, 1.2),
    20.0: (0.0097, 0.019, 0.039, 0.076, 0.16, 0.29, 0.62, 1.2),
}


@pytest.mark.parametrize(
    ("magnification", "f_number", "published_mm"),
    [
        (magnification, f_number, cell)
        for magnification, cells in ZERENE_2A.items()
        for f_number, cell in zip(F_NUMBERS, cells, strict=False)
        if cell is not None
    ],
)
def test_wave_depth_matches_zerenes_table(magnification: float, f_number: float, published_mm: float) -> None:
    f_eff = Optics(magnification, f_number=f_number).effective_f_number
    assert two_digits(wave_depth_um(f_eff, magnification) / 1000) == published_mm


@pytest.mark.parametrize(
    ("magnification", "f_number", "published_um", "tolerance_um"),
    [(1, 16, 2253, 0.5), (5, 2.8, 24.8, 0.05), (5, 4, 50.7, 0.05), (2.5, 4, 69, 0.5)],
)
def test_wave_depth_of_single_published_cases(
    magnification: float, f_number: float, published_um: float, tolerance_um: float
) -> None:
    f_eff = Optics(magnification, f_number=f_number).effective_f_number
    assert wave_depth_um(f_eff, magnification) == pytest.approx(published_um, abs=tolerance_um)


CLASSIC = [
    # magnification, f-number, circle in um, published um, tolerance
    (1, 16, 30, 1920, 0.5),
    (5, 2.8, 18, 24.2, 0.05), (5, 4, 18, 34.6, 0.1),
    (1, 11, 15, 660, 0.5), (2, 8, 15, 180, 0.5), (3, 5.6, 15, 75, 0.5), (4, 4, 15, 37.5, 0.05),
    (5, 4, 15, 28.8, 0.05),
    (1, 8, 35, 1120, 0.5), (2, 8, 35, 420, 0.5), (3, 8, 35, 249, 0.5), (4, 8, 35, 175, 0.5),
    (5, 8, 35, 134, 0.5),
    (1, 16, 35, 2240, 0.5), (5, 16, 35, 269, 0.5), (5, 2.83, 35, 48, 0.5),
    (1, 1, 19, 76, 0.5), (5, 1, 19, 9.1, 0.05), (10, 1, 19, 4.2, 0.05), (2, 4, 19, 114, 0.5),
    (2.5, 4, 44.6, 200, 0.5),
]  # fmt: skip


@pytest.mark.parametrize(("magnification", "f_number", "circle_um", "published_um", "tolerance_um"), CLASSIC)
def test_classic_depth_of_published_cases(
    magnification: float, f_number: float, circle_um: float, published_um: float, tolerance_um: float
) -> None:
    f_eff = Optics(magnification, f_number=f_number).effective_f_number
    assert classic_depth_um(f_eff, magnification, circle_um) == pytest.approx(published_um, abs=tolerance_um)


@pytest.mark.parametrize(
    ("magnification", "f_number", "wave_um", "classic_um"),
    [
        (0.5, 4, 316.8, 148.8),
        (1, 2.8, 69.0, 34.7),
        (1, 4, 140.8, 49.6),
        (1, 5.6, 276, 69.4),
        (2, 2.8, 38.8, 13.0),
        (2, 4, 79.2, 18.6),
        (3, 2.8, 30.7, 7.7),
    ],
)
def test_on_the_pis_small_pixels_diffraction_sets_the_depth(
    magnification: float, f_number: float, wave_um: float, classic_um: float
) -> None:
    optics = Optics(magnification, f_number=f_number, pixel_um=1.55)
    f_eff = optics.effective_f_number
    assert wave_depth_um(f_eff, magnification) == pytest.approx(wave_um, abs=0.06 if wave_um < 100 else 0.5)
    assert classic_depth_um(f_eff, magnification, optics.circle_of_confusion_um) == pytest.approx(
        classic_um, abs=0.06
    )
    assert depth_of_field_um(optics) == wave_depth_um(f_eff, magnification)


def test_on_coarse_pixels_the_sensor_sets_the_depth() -> None:
    optics = Optics(5, f_number=2.8, pixel_um=20)
    f_eff = optics.effective_f_number
    assert depth_of_field_um(optics) == classic_depth_um(f_eff, 5, 40) > wave_depth_um(f_eff, 5)


def test_a_published_depth_that_forgot_to_square_the_aperture_is_not_ours() -> None:
    # a 4x/0.10 objective on 7 um circles was published as 40.5 um; squared it is 55 by diffraction alone
    assert depth_of_field_um(Optics(4, numerical_aperture=0.10)) == pytest.approx(55.0)


def test_total_depth_is_both_sides_of_focus() -> None:
    # makers of objectives give one side: 10x/0.28 is sold as 3.5 um
    assert depth_of_field_um(Optics(10, numerical_aperture=0.28)) == pytest.approx(2 * 3.5, abs=0.05)


def test_pitch_is_the_overlap_times_the_depth() -> None:
    optics = Optics(2, f_number=4, pixel_um=3.1)
    assert pitch_u(depth_of_field_um(optics)) == pytest.approx(0.75 * 79.2)
    assert pitch_u(depth_of_field_um(optics), 1.0) == pytest.approx(79.2)


@pytest.mark.parametrize("overlap", [0, -0.5, 1.01, float("nan")])
def test_an_overlap_that_leaves_gaps_is_refused(overlap: float) -> None:
    with pytest.raises(ValueError, match="overlap"):
        pitch_u(79.2, overlap)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"magnification": 2}, "either f_number or numerical_aperture"),
        ({"magnification": 2, "f_number": 4, "numerical_aperture": 0.1}, "not both"),
        ({"magnification": 0, "f_number": 4}, "magnification"),
        ({"magnification": 2, "f_number": float("inf")}, "f_number"),
        ({"magnification": 2, "f_number": 4, "pixel_um": -1}, "pixel_um"),
        ({"magnification": 2, "numerical_aperture": 1.0}, "below 1"),
    ],
)
def test_optics_that_cannot_be_are_refused(given: dict[str, float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Optics(**given)


# A lens that is focused: Raspberry Pi's Camera Module 3 (4.74 mm f/1.8, 1.4 um pixels), and a 16 mm lens on
# the HQ camera (1.55 um pixels); a circle of two pixels, wavelength 0.55 um
FOCUSED = [
    (4.74, 1.8, 2.8, 0.449, 0.317),
    (16.0, 1.4, 3.1, 0.0339, 0.0168),
    (16.0, 2.8, 3.1, 0.0678, 0.0674),
    (16.0, 4.0, 3.1, 0.0969, 0.1375),
    (16.0, 8.0, 3.1, 0.194, 0.55),
]


@pytest.mark.parametrize(("focal_mm", "f_number", "circle_um", "classic_d", "wave_d"), FOCUSED)
def test_depths_of_lenses_that_are_focused(
    focal_mm: float, f_number: float, circle_um: float, classic_d: float, wave_d: float
) -> None:
    assert classic_depth_d(f_number, focal_mm, circle_um) == pytest.approx(classic_d, rel=3e-3)
    assert wave_depth_d(f_number, focal_mm) == pytest.approx(wave_d, rel=3e-3)
    optics = Optics(focal_mm=focal_mm, f_number=f_number, pixel_um=circle_um / 2)
    assert depth_of_field_d(optics) == pytest.approx(max(classic_d, wave_d), rel=3e-3)


def test_a_depth_in_dioptres_is_that_of_geometry_at_any_distance() -> None:
    """The two distances whose blur is just c, from the lens equation itself, not from its derivative."""
    focal_mm, f_number, circle_mm = 16.0, 4.0, 0.0031
    for focused_mm in (300.0, 1_000.0, 5_000.0):
        image_mm = 1 / (1 / focal_mm - 1 / focused_mm)
        shift_mm = circle_mm * f_number * image_mm / focal_mm
        ends = [1 / focal_mm - 1 / (image_mm + side * shift_mm) for side in (1, -1)]
        depth_d = 1000 * abs(ends[0] - ends[1])
        assert depth_d == pytest.approx(classic_depth_d(f_number, focal_mm, 1000 * circle_mm), rel=0.06)


def test_the_depth_is_given_in_the_unit_of_the_axis_or_not_at_all() -> None:
    macro, focused = Optics(2, f_number=4), Optics(focal_mm=4.74, f_number=1.8, pixel_um=1.4)
    assert depth_of_field_u(macro, "um") == depth_of_field_um(macro)
    assert depth_of_field_u(focused, "d") == depth_of_field_d(focused)
    assert depth_of_field_u(macro, "d") is None
    assert depth_of_field_u(focused, "um") is None
    assert depth_of_field_u(macro, "deg") is None
    assert depth_of_field_u(Optics(focal_mm=4.74, numerical_aperture=0.2), "d") is None


def test_optics_that_say_nothing_are_none() -> None:
    with pytest.raises(ValueError, match="magnification or focal_mm"):
        Optics(f_number=4)
    with pytest.raises(ValueError, match="needs the magnification"):
        depth_of_field_um(Optics(focal_mm=16, f_number=4))


def test_a_lens_in_words() -> None:
    assert Optics(2, f_number=4).words == "2x f/4"
    assert Optics(10, numerical_aperture=0.28).words == "10x NA 0.28"
    assert Optics(focal_mm=4.74, f_number=1.8).words == "4.74 mm f/1.8"


def test_optics_that_tell_other_pixels_than_the_camera_are_told_so() -> None:
    optics = Optics(2, f_number=4, pixel_um=3.1)
    assert [optics.pixel_doubt(um) for um in (None, 3.1, 3.0)] == [None] * 3
    doubt = optics.pixel_doubt(1.55) or ""
    assert doubt.startswith(
        "the optics' pixel_um is 3.1, and the pixels of the camera's frames are 1.55 µm apart"
    )

import math
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusd.durations import duration_s, duration_us, duration_words
from focusd.lengths import Length, extent, length, length_words
from focusd.typed_values import count, number
from rail.screw import Scale


def length_um(typed):
    found = length(typed)
    assert found.unit == ("um" if found.value_u else found.unit)
    return found.value_u


@pytest.mark.parametrize(
    ("typed", "um"),
    [
        ("4mm", 4000.0),
        ("250um", 250.0),
        ("-0.5mm", -500.0),
        ("−0.5mm", -500.0),
        ("+2 mm", 2000.0),
        (".3125um", 0.3125),
        ("4.1mm", 4100.0),
        ("12 µm", 12.0),
        ("12 μm", 12.0),
        ("0", 0.0),
        ("-0", 0.0),
    ],
)
def test_a_length_is_read_as_it_is_meant(typed, um):
    assert length_um(typed) == um


@pytest.mark.parametrize(
    "typed", ["4", "-1.5", "4 cm", "4m", "", "mm", "1e3um", "4mm 2um", "--4mm", "nan", "1_0um"]
)
def test_what_could_be_meant_otherwise_is_refused(typed):
    with pytest.raises(ValueError, match=r"mm|um"):
        length_um(typed)


@pytest.mark.parametrize(
    ("read", "typed", "words"),
    [
        (length, "1,5mm", '"1,5mm" is not a length: write its decimals after a point: 1.5mm'),
        (duration_s, "1,5s", '"1,5s" is not a duration: write its decimals after a point: 1.5s'),
        (number, "−0,5", '"-0,5" is not a number: write it as in -0.5'),
        (number, "1,2,3", '"1,2,3" is not a number: write it as in 0.5'),
    ],
)
def test_a_decimal_comma_is_told_what_to_write(read, typed, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        read(typed)


@pytest.mark.parametrize(
    ("read", "typed", "words"),
    [
        (count, "0", "0 is not a whole number from 1 up"),
        (count, "−3", "-3 is not a whole number from 1 up"),
        (extent, "0um", '"0um" is none: give a length above zero'),
        (extent, "−2mm", '"-2mm" is none: give a length above zero'),
    ],
)
def test_what_there_can_be_none_of_is_refused(read, typed, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        read(typed)


@pytest.mark.parametrize(
    ("um", "words"),
    [
        (250.0, "250 µm"),
        (0.0, "0 µm"),
        (-0.04, "0 µm"),
        (58.75, "58.8 µm"),
        (999.94, "999.9 µm"),
        (999.96, "1 mm"),
        (-4250.0, "-4.25 mm"),
        (20_134.4, "20.1344 mm"),
    ],
)
def test_a_length_is_written_to_a_tenth_of_a_micrometre(um, words):
    assert length_words(um) == words


@given(st.integers(-(10**7), 10**7))
def test_what_a_refusal_says_can_be_typed_too(steps):
    scale = Scale("um", Fraction(5, 16))
    assert math.isclose(length_um(scale.say(steps)), scale.length_u(steps), rel_tol=1e-5)


@given(st.floats(-1e7, 1e7))
def test_what_is_written_can_be_typed_back(um):
    assert math.isclose(length_um(length_words(um)), um, abs_tol=0.050001)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("12.5deg", Length(12.5, "deg")),
        ("-90 deg", Length(-90.0, "deg")),
        ("0.044°", Length(0.044, "deg")),
        ("0deg", Length(0.0, "deg")),
        ("4mm", Length(4000.0, "um")),
        ("0", Length(0.0, None)),
    ],
)
def test_a_turn_of_a_ring_is_no_length_of_a_rail(typed, found):
    assert length(typed) == found


@pytest.mark.parametrize(
    ("turn_deg", "words"), [(12.5, "12.5 °"), (-0.0442, "-0.044 °"), (360.0, "360 °"), (0.0, "0 °")]
)
def test_a_turn_is_written_to_a_thousandth_of_a_degree(turn_deg, words):
    assert length_words(turn_deg, "deg") == words


@given(st.floats(-4000, 4000))
def test_a_turn_that_is_written_can_be_typed_back(turn_deg):
    assert math.isclose(length(length_words(turn_deg, "deg")).value_u, turn_deg, abs_tol=0.00050001)


@given(st.integers(-(10**8), 10**8))
def test_a_tenth_of_a_micrometre_survives_exactly(tenths):
    assert length_um(length_words(tenths / 10)) == tenths / 10


@given(st.decimals(-10_000, 10_000, places=4))
def test_millimetres_and_micrometres_agree(number):
    assert length_um(f"{number:f}mm") == length_um(f"{number * 1000:f}um")


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("3s", 3.0),
        ("3", 3.0),
        ("500ms", 0.5),
        ("2min", 120.0),
        ("10m", 600.0),
        ("1h", 3600.0),
        ("1/125", 0.008),
        ("1/2 s", 0.5),
    ],
)
def test_a_duration_is_read_as_it_is_meant(typed, seconds):
    assert duration_s(typed) == seconds


def test_an_exposure_time_is_read_in_whole_microseconds():
    assert [duration_us(typed) for typed in ("8ms", "1/3", "250us", "1/8000")] == [8000, 333_333, 250, 125]


@pytest.mark.parametrize("typed", ["-3s", "3 days", "1/0", "", "s", "1//2"])
def test_what_is_no_duration_is_refused(typed):
    with pytest.raises(ValueError, match="not a duration"):
        duration_s(typed)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0:00"), (9.6, "0:10"), (59.6, "1:00"), (750, "12:30"), (3723, "1:02:03"), (-1, "0:00")],
)
def test_a_duration_is_written_to_the_second(seconds, words):
    assert duration_words(seconds) == words


@pytest.mark.parametrize(
    ("typed", "dioptres"),
    [("0.5d", 0.5), ("-2 dpt", -2.0), ("1dioptre", 1.0), ("0.03125 dioptres", 0.03125), ("4diopters", 4.0)],
)
def test_dioptres_are_read_as_they_are_meant(typed, dioptres):
    assert length(typed) == Length(dioptres, "d")


def test_dioptres_are_written_so_that_they_can_be_typed_back():
    assert length_words(4.5, "d") == "4.5 dioptres"
    assert length_words(1 / 32, "d") == "0.03125 dioptres"
    assert length(length_words(-0.25, "d")) == Length(-0.25, "d")

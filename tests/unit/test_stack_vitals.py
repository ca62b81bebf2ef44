"""A Pi that is too hot, or short of power: when it rests, when it goes on, and what is noted of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.vitals import COOL_BY_C, Limits, Strain, Vitals, strain, strain_words, vitals_of, vitals_record

LIMITS = Limits(too_hot_c=80.0, power_patience_s=60.0)
FINE = Vitals(55.0, under_voltage=False)


@pytest.mark.parametrize(
    ("vitals", "before", "found"),
    [
        (Vitals(), None, None),
        (FINE, None, None),
        (Vitals(80.0), None, None),
        (Vitals(80.1), None, Strain.HEAT),
        (Vitals(75.1), Strain.HEAT, Strain.HEAT),
        (Vitals(75.0), Strain.HEAT, None),
        (Vitals(79.0), Strain.POWER, None),
        (Vitals(50.0, under_voltage=True), None, Strain.POWER),
        (Vitals(None, under_voltage=True), Strain.HEAT, Strain.POWER),
    ],
)
def test_it_rests_from_the_limit_until_it_has_cooled(
    vitals: Vitals, before: Strain | None, found: Strain | None
) -> None:
    assert strain(vitals, LIMITS, before) is found


def test_without_a_limit_it_never_rests_for_heat() -> None:
    assert strain(Vitals(120.0), Limits(too_hot_c=None)) is None


@given(st.lists(st.floats(20, 110), min_size=2, max_size=60))
def test_a_temperature_that_hovers_makes_it_rest_once(temperatures_c: list[float]) -> None:
    """Between two changes of mind the temperature has crossed the whole way from limit to cool."""
    found, changed_at_c = None, 0.0
    for temperature_c in temperatures_c:
        now = strain(Vitals(temperature_c), LIMITS, found)
        if now is not found:
            assert changed_at_c == 0 or abs(temperature_c - changed_at_c) >= COOL_BY_C
            changed_at_c = temperature_c
        found = now


@pytest.mark.parametrize(("earlier", "now"), [(True, False), (True, None), (False, True), (None, True)])
def test_a_supply_that_was_too_low_for_part_of_a_time_was_too_low_in_it(
    earlier: bool | None, now: bool | None
) -> None:
    assert Vitals(60.0, now).after(Vitals(50.0, earlier)) == Vitals(60.0, under_voltage=True)


def test_words_name_the_figures_and_what_to_do() -> None:
    words = strain_words(Strain.HEAT, Vitals(86.4), LIMITS)
    assert all(part in words for part in ("86 °C", "above 80 °C", "cooled to 75 °C", "heat sink"))
    assert "power supply" in strain_words(Strain.POWER, FINE, LIMITS)


def test_they_are_written_down_and_read_also_where_an_older_version_wrote_none() -> None:
    assert vitals_of(vitals_record(Vitals(61.5, under_voltage=True))) == Vitals(61.5, under_voltage=True)
    assert vitals_of({}) == Vitals()

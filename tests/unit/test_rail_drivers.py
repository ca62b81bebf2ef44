import pytest

from rail.drivers import DRIVERS


@pytest.mark.parametrize(
    ("name", "pulse_ns", "dir_setup_ns", "wake_ns"),
    [
        ("A4988", 1_000, 200, 1_000_000),
        ("DRV8825", 1_900, 650, 1_700_000),
        ("TMC2209", 100, 60, 130_000_000),
    ],
)
def test_no_driver_is_asked_for_more_than_its_data_sheet_promises(name, pulse_ns, dir_setup_ns, wake_ns):
    timing = DRIVERS[name]
    assert timing.name == name
    assert min(timing.pulse_ns, timing.low_ns) >= pulse_ns
    assert timing.dir_setup_ns >= dir_setup_ns
    assert timing.wake_ns >= wake_ns

import pytest

from rail.boards import clean_steps_s


@pytest.mark.parametrize(
    ("model", "steps_s"),
    [
        ("Raspberry Pi Zero 2 W Rev 1.0", 800),
        ("Raspberry Pi 3 Model B Plus Rev 1.3", 800),
        ("Raspberry Pi 4 Model B Rev 1.5", 1500),
        ("Raspberry Pi 400 Rev 1.0", 1500),
        ("Raspberry Pi Compute Module 4 Rev 1.1", 1500),
        ("Raspberry Pi 5 Model B Rev 1.0", 2500),
        ("Raspberry Pi 500 Rev 1.0", 2500),
        ("Raspberry Pi 50", None),
        ("Some other board", None),
        ("", None),
    ],
)
def test_what_a_board_steps_cleanly(model, steps_s):
    assert clean_steps_s(model) == steps_s

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camera import lock
from camera.camera import Exposure
from camera.lock import HELD, WINDOW, Deviation, deviations, to_apply


@dataclass(frozen=True)
class Sensor:
    """How sensors round, after their published register formulas."""

    line_us: float
    codes: int
    """gain = codes / (codes - code)"""

    def take(self, asked: Exposure) -> dict[str, object]:
        time_us = math.floor(asked.time_us / self.line_us) * self.line_us
        code = math.floor(self.codes - self.codes / float(np.float32(asked.gain)))
        gain = self.codes / (self.codes - code)
        return {
            "SensorTimestamp": 5_000_000_000,
            "ExposureTime": int(time_us),
            "AnalogueGain": float(np.float32(gain)),
            "DigitalGain": asked.time_us * asked.gain / (time_us * gain),
            "ColourGains": tuple(float(np.float32(gain)) for gain in asked.colour_gains),
            "AeState": 0,
        }


IMX477 = Sensor(28.571, 1024)
IMX708 = Sensor(26.290, 1024)
IMX219 = Sensor(18.904, 256)
LINE_US = 28.6
LOCKED = Exposure(9990, 2.0, (2.1, 1.6))


def frame(**changes: object) -> dict[str, object]:
    """A frame that matches LOCKED, but for `changes`; None takes a key away."""
    whole = {
        "SensorTimestamp": 5_000_000_000,
        "ExposureTime": 9990,
        "AnalogueGain": 2.0,
        "DigitalGain": 1.0,
        "ColourGains": (2.1, 1.6),
        "AeState": 0,
    } | changes
    return {key: value for key, value in whole.items() if value is not None}


@given(
    sensor=st.sampled_from([IMX477, IMX708, IMX219]),
    time_us=st.integers(60, 20_000_000),
    gain=st.floats(1.0, 10.0),
)
def test_a_granted_exposure_asked_for_again_is_granted_again(
    sensor: Sensor, time_us: int, gain: float
) -> None:
    granted = lock.exposure_of(sensor.take(to_apply(Exposure(time_us, gain, (2.1, 1.6)))))

    assert lock.exposure_of(sensor.take(to_apply(granted))) == granted


@given(sensor=st.sampled_from([IMX477, IMX708, IMX219]), time_us=st.integers(60, 1_000_000))
def test_a_time_is_granted_to_within_a_line(sensor: Sensor, time_us: int) -> None:
    granted = lock.exposure_of(sensor.take(to_apply(replace(LOCKED, time_us=time_us))))

    assert -sensor.line_us - 1 < granted.time_us - time_us <= 1


def test_a_frame_like_the_lock_has_no_deviation() -> None:
    assert deviations(lock.figures(frame()), frame(), LINE_US) == ()


@pytest.mark.parametrize(
    ("key", "inside", "outside", "deviation"),
    [
        ("ExposureTime", 9990 - 28, 9990 - 29, Deviation("ExposureTime", 9990, 9961, 28.6)),
        ("AnalogueGain", 2.0199, 2.0201, Deviation("AnalogueGain", 2.0, 2.0201, 0.02)),
        ("DigitalGain", 1.0049, 1.0051, Deviation("DigitalGain", 1.0, 1.0051, 0.005)),
        ("ColourGains", (2.11, 1.6), (2.111, 1.6), Deviation("ColourGains red", 2.1, 2.111, 0.0105)),
        ("ColourGains", (2.1, 1.593), (2.1, 1.591), Deviation("ColourGains blue", 1.6, 1.591, 0.008)),
    ],
)
def test_each_figure_is_held_to_its_tolerance(
    key: str, inside: object, outside: object, deviation: Deviation
) -> None:
    held = lock.figures(frame())
    (found,) = deviations(held, frame(**{key: outside}), LINE_US)

    assert deviations(held, frame(**{key: inside}), LINE_US) == ()
    assert (found.key, found.asked, found.got) == (deviation.key, deviation.asked, deviation.got)
    assert found.tolerance == pytest.approx(deviation.tolerance)


def test_a_long_exposure_is_held_to_its_fraction_not_to_a_line() -> None:
    held = {"ExposureTime": 1_000_000.0}

    assert deviations(held, frame(ExposureTime=998_001), LINE_US) == ()
    assert [found.key for found in deviations(held, frame(ExposureTime=997_999), LINE_US)] == ["ExposureTime"]


def test_every_deviation_is_named() -> None:
    taken = frame(ExposureTime=5000, AnalogueGain=4.0, ColourGains=(1.0, 1.0))

    assert [found.key for found in deviations(lock.figures(frame()), taken, LINE_US)] == [
        "ExposureTime",
        "AnalogueGain",
        "ColourGains red",
        "ColourGains blue",
    ]


def test_digital_gain_is_held_where_it_is_told() -> None:
    assert deviations(lock.figures(frame()), frame(DigitalGain=None), LINE_US) == ()


@pytest.mark.parametrize("key", ["ExposureTime", "ColourGains", "AnalogueGain"])
def test_a_figure_gone_missing_is_a_deviation(key: str) -> None:
    found = deviations(lock.figures(frame()), frame(**{key: None}), LINE_US)

    assert found
    assert {deviation.got for deviation in found} == {None}
    assert "missing" in str(found[0])


def test_a_figure_that_is_no_number_is_a_deviation() -> None:
    assert deviations(lock.figures(frame()), frame(AnalogueGain=math.nan), LINE_US) != ()


def test_a_sensor_that_never_told_a_figure_is_not_held_to_it() -> None:
    mono = frame(ColourGains=None, DigitalGain=None)

    assert deviations(lock.figures(mono), mono, LINE_US) == ()
    assert lock.exposure_of(mono) == Exposure(9990, 2.0, (1.0, 1.0))


@pytest.mark.parametrize(("state", "found"), [(None, 0), (0, 0), (1, 1), (2, 1)])
def test_automatic_exposure_at_work_is_a_deviation(state: int | None, found: int) -> None:
    assert len(lock.automatic(frame(AeState=state))) == found


def test_a_frame_begins_an_exposure_before_its_timestamp_and_ends_a_readout_after() -> None:
    assert lock.began_ns(frame()) == 5_000_000_000 - 9_990_000
    assert lock.ended_ns(frame(), 86_900) == 5_000_000_000 + 86_900_000


def test_missing_proof_is_named() -> None:
    assert lock.missing(frame()) == ()
    assert lock.missing(frame(SensorTimestamp=None, AnalogueGain=None, SensorTemperature=None)) == (
        "SensorTimestamp",
        "AnalogueGain",
    )


def test_digital_gain_becomes_time() -> None:
    assert lock.metered(frame(DigitalGain=1.5)) == Exposure(14_985, 2.0, (2.1, 1.6))
    assert lock.metered(frame(DigitalGain=None)) == LOCKED


class TestSettled:
    CONVERGED = frame(AeState=2)

    def test_a_full_window_that_agrees(self) -> None:
        assert lock.settled([self.CONVERGED] * WINDOW, LINE_US)

    def test_not_before_the_window_is_full(self) -> None:
        assert not lock.settled([self.CONVERGED] * (WINDOW - 1), LINE_US)

    @pytest.mark.parametrize("state", [0, 1])
    def test_not_while_one_frame_searches_or_is_still_manual(self, state: int) -> None:
        assert not lock.settled([frame(AeState=state), *[self.CONVERGED] * (WINDOW - 1)], LINE_US)

    def test_by_figures_alone_where_the_state_is_not_told(self) -> None:
        assert lock.settled([frame(AeState=None)] * WINDOW, LINE_US)

    @pytest.mark.parametrize(
        "changes",
        [
            {"ExposureTime": 9700},
            {"AnalogueGain": 1.9},
            {"DigitalGain": 1.03},
            {"ColourGains": (2.07, 1.6)},
            {"ColourGains": (2.1, 1.57)},
        ],
    )
    def test_not_while_a_figure_creeps(self, changes: dict[str, object]) -> None:
        assert not lock.settled([frame(AeState=2, **changes), *[self.CONVERGED] * (WINDOW - 1)], LINE_US)


class TestGranted:
    ASKED = lock.figures_asked(LOCKED)

    def test_a_full_window_that_shows_what_was_asked(self) -> None:
        assert lock.granted(self.ASKED, [frame()] * WINDOW, LINE_US) == LOCKED

    @pytest.mark.parametrize(
        "oldest",
        [[], [frame(ExposureTime=8000)], [frame(AeState=2)], [frame(DigitalGain=1.02)]],
        ids=["too few", "the old time", "still automatic", "digital gain on its way"],
    )
    def test_not_yet(self, oldest: list[dict[str, object]]) -> None:
        assert lock.granted(self.ASKED, oldest + [frame()] * (WINDOW - 1), LINE_US) is None

    def test_only_the_latest_window_counts(self) -> None:
        frames = [frame(ExposureTime=8000)] * 5 + [frame()] * WINDOW

        assert lock.granted(self.ASKED, frames, LINE_US) == LOCKED

    def test_a_coarse_gain_code_as_it_is(self) -> None:
        coarse = [frame(AnalogueGain=1.96)] * WINDOW

        assert lock.granted(self.ASKED, coarse, LINE_US) == replace(LOCKED, gain=1.96)

    def test_never_what_no_rounding_explains(self) -> None:
        assert lock.granted(self.ASKED, [frame(AnalogueGain=1.9)] * 50, LINE_US) is None


@pytest.mark.parametrize("sense", [1, -1])
@pytest.mark.parametrize("figure", ["time_us", "gain", "red", "blue"])
def test_an_exposure_is_the_same_within_a_hundredth_of_every_figure(figure: str, sense: int) -> None:
    def off_by(part: float) -> Exposure:
        factor = 1 + sense * part
        if figure in ("red", "blue"):
            red, blue = LOCKED.colour_gains
            gains = (red * factor, blue) if figure == "red" else (red, blue * factor)
            return replace(LOCKED, colour_gains=gains)
        return replace(LOCKED, **{figure: getattr(LOCKED, figure) * factor})

    assert lock.same_exposure(LOCKED, off_by(0.0)) and lock.same_exposure(LOCKED, off_by(0.008))
    assert not lock.same_exposure(LOCKED, off_by(0.012))


@pytest.mark.parametrize(
    ("time_us", "gain", "seen"),
    [
        (9990, 2.0, False),
        (9981, 2.0, False),
        (9979, 2.0, True),
        (10_001, 2.0, True),
        (4995, 4.0, False),
        (9990, 1.99, True),
    ],
)
def test_rounding_is_told_by_light_and_not_by_time_or_gain(time_us: int, gain: float, seen: bool) -> None:
    assert lock.rounded(LOCKED, replace(LOCKED, time_us=time_us, gain=gain)) is seen


class TestAssumed:
    FRAME_US = 33_000

    def test_a_frame_without_its_exposure_began_a_whole_frame_and_what_was_asked_before_its_stamp(
        self,
    ) -> None:
        told = lock.assumed({"SensorTimestamp": 5_000_000_000}, LOCKED, self.FRAME_US)
        assert told["Assumed"] == ("ExposureTime", "AnalogueGain")
        assert lock.exposure_of(told) == replace(LOCKED, colour_gains=(1.0, 1.0))
        assert lock.began_ns(told) == 5_000_000_000 - 33_000_000 - 9_990_000

    def test_what_a_frame_says_stands(self) -> None:
        told = lock.assumed({"SensorTimestamp": 5_000_000_000, "AnalogueGain": 4.0}, LOCKED, self.FRAME_US)
        assert (told["AnalogueGain"], told["Assumed"]) == (4.0, ("ExposureTime",))

    @pytest.mark.parametrize("whole", [frame(), {"AnalogueGain": 2.0}])
    def test_nothing_is_added_to_a_frame_that_says_how_or_not_even_when(
        self, whole: dict[str, object]
    ) -> None:
        assert lock.assumed(whole, LOCKED, self.FRAME_US) == whole


def test_every_figure_has_a_tolerance_of_at_most_one_level() -> None:
    """1 % of light moves an sRGB mid-tone by less than one level of 255."""
    assert set(HELD) == {"ExposureTime", "AnalogueGain", "DigitalGain", "ColourGains red", "ColourGains blue"}
    assert all(255 * (0.5 - 0.5 * (1 - fraction) ** (1 / 2.4)) < 1 for fraction in HELD.values())

"""The doctor's verdicts, one by one, and what it says of whole rigs, right and wrong."""

import pytest

from focusd import places
from focusd.config import load_config
from focusd.doctor import examine_alone
from focusd.now import CameraFacts
from focusd.settings import wired_pins
from focusd.switches import Switches
from focusd.verdicts import (
    Health,
    Rights,
    of_camera,
    of_complaints,
    of_disk,
    of_driver,
    of_lateness,
    of_pins,
    of_position,
    of_rights,
    of_stored_position,
    of_switch_pressed_afar,
    of_switches,
)
from rail.axis import Position, Trust
from rail.position_store import FilePositionStore, StoredPosition
from rail.process import LOCKED_BYTES

GOOD, DOUBTFUL, BAD = Health.GOOD, Health.DOUBTFUL, Health.BAD


def healths(verdicts):
    return [verdict.health for verdict in verdicts]


@pytest.mark.parametrize(
    ("rights", "found"),
    [
        (Rights(99, 2**63 - 1), [GOOD, GOOD]),
        (Rights(40, LOCKED_BYTES), [GOOD, GOOD]),
        (Rights(39, LOCKED_BYTES), [DOUBTFUL, GOOD]),
        (Rights(50, LOCKED_BYTES - 1), [GOOD, DOUBTFUL]),
        (Rights(50, 8 * 2**20), [GOOD, DOUBTFUL]),
        (Rights(0, 0), [DOUBTFUL, DOUBTFUL]),
    ],
)
def test_rights_are_judged_by_what_the_motion_process_asks_for(rights, found):
    assert healths(of_rights(rights)) == found


@pytest.mark.parametrize(
    ("switches", "found", "word"),
    [
        (Switches(False, False, None), [GOOD], "near open, far open"),
        (Switches(True, False, None), [GOOD], "near pressed"),
        (Switches(True, True, None), [BAD], "both read pressed"),
        (Switches(None, None, None), [DOUBTFUL], "none is fitted"),
        (Switches(False, None, False), [GOOD, GOOD], "far not fitted"),
        (Switches(False, False, True), [GOOD, BAD], "near open"),
    ],
)
def test_switches_are_judged_by_what_they_read(switches, found, word):
    verdicts = list(of_switches(switches, "um"))
    assert healths(verdicts) == found and word in verdicts[0].words


@pytest.mark.parametrize(
    ("switches", "position_u", "ends"),
    [
        (Switches(True, False, None), 400.0, []),
        (Switches(True, False, None), 9000.0, ["near"]),
        (Switches(False, True, None), 9000.0, ["far"]),
        (Switches(False, True, None), 39_800.0, []),
        (Switches(False, False, None), 9000.0, []),
    ],
)
def test_a_switch_that_nothing_can_be_pressing_is_bad(switches, position_u, ends):
    verdicts = list(of_switch_pressed_afar(switches, position_u, (0.0, 40_000.0), 420.0))
    assert [verdict.words.split()[1] for verdict in verdicts] == ends
    assert all(verdict.health is BAD for verdict in verdicts)


def test_pins_that_others_hold_are_named_with_their_holder():
    wanted = {"axis.pins.step": 21, "axis.pins.dir": 20, "panel.led_pin": 19}
    (free,) = of_pins(wanted, {2: "i2c"})
    assert free.health is GOOD and "3" in free.words
    (held,) = of_pins(wanted, {21: "spi1 CE0", 2: "i2c"})
    assert held.health is BAD and "GPIO 21 (axis.pins.step) is in use by spi1 CE0" in held.words


@pytest.mark.parametrize(
    ("stored", "self_holding", "health", "word"),
    [
        (None, True, DOUBTFUL, "none is stored"),
        (StoredPosition(9, Trust.KNOWN, False, ""), True, GOOD, "assumed"),
        (StoredPosition(9, Trust.KNOWN, True, ""), True, DOUBTFUL, "cut short"),
        (StoredPosition(9, Trust.UNKNOWN, False, ""), True, DOUBTFUL, "unknown"),
        (StoredPosition(9, Trust.KNOWN, False, ""), False, DOUBTFUL, "unknown"),
    ],
)
def test_a_stored_position_is_worth_what_the_axis_will_make_of_it(stored, self_holding, health, word):
    verdict = of_stored_position(stored, "um", self_holding=self_holding)
    assert (verdict.health, word in verdict.words) == (health, True)


def test_a_ring_has_no_switches_to_fit_and_none_to_home_to():
    assert list(of_switches(Switches(None, None, None), "deg")) == []
    for trust in (Trust.ASSUMED, Trust.UNKNOWN):
        verdict = of_position(Position(0, trust), "deg")
        assert "`focusctl zero`" in verdict.remedy and "focusctl home" not in verdict.remedy


def test_everything_that_is_not_good_says_what_to_do():
    verdicts = [
        *of_rights(Rights(0, 0)),
        *of_complaints(["no real-time priority"]),
        of_lateness(3, 5_000_000),
        *of_pins({"axis.pins.step": 21}, {21: ""}),
        *of_switches(Switches(True, True, True), "um"),
        *of_switches(Switches(None, None, None), "um"),
        *(of_position(Position(0, trust), "um") for trust in Trust if trust is not Trust.KNOWN),
        of_disk("/x", 1, 2),
    ]
    assert all(verdict.health is not GOOD and verdict.remedy for verdict in verdicts)


def test_room_is_told_in_the_units_that_it_is_configured_in():
    words = of_disk("/x", 69_100_000_000, 500_000_000).words
    assert words == "69 GB free in /x, of which 500 MB are kept free"


@pytest.mark.parametrize(
    ("free_bytes", "health", "words"),
    [
        (None, BAD, "/x is gone, or its disk is failing"),
        (500_000_000, BAD, "500 MB free in /x, of which 500 MB are kept free"),
        (500_000_001, GOOD, "500 MB free in /x, of which 500 MB are kept free"),
    ],
)
def test_a_disk_is_judged_by_what_must_stay_free(free_bytes, health, words):
    verdict = of_disk("/x", free_bytes, 500_000_000)
    assert (verdict.health, verdict.words) == (health, words)


@pytest.mark.parametrize(
    ("verdict", "health"),
    [
        (of_complaints([]), GOOD),
        ([of_lateness(0, 0)], GOOD),
        ([of_lateness(1, 5_000_000)], DOUBTFUL),
        ([of_driver("/dev/serial0", None)], GOOD),
        ([of_driver("/dev/serial0", "it is too hot")], BAD),
        ([of_camera(CameraFacts())], DOUBTFUL),
        ([of_camera(CameraFacts(problem="no camera was found"))], BAD),
        ([of_camera(CameraFacts("imx477", (4056, 3040), None, 100_000_000))], GOOD),
        ([of_camera(CameraFacts(problem=None))], GOOD),
    ],
)
def test_motion_driver_and_camera_are_judged_by_what_they_say(verdict, health):
    assert [one.health for one in verdict] == [health]


def test_a_camera_that_is_well_says_what_it_gives():
    words = of_camera(CameraFacts("imx477", (4056, 3040), None, 100_000_000)).words
    assert words == "imx477: frames of 4056 x 3040 pixels, 10.0 a second at most"


def test_all_pins_of_a_rig_are_asked_about():
    pins = wired_pins(load_config(None))
    assert pins["axis.pins.step"] == 21 and pins["panel.shoot_pin"] == 26
    ring = wired_pins(load_config(None, ["axis.kind=ring", "axis.driver=ULN2003"]))
    assert [ring[f"axis.pins.coils[{place}]"] for place in range(4)] == [17, 27, 22, 23]
    assert "axis.pins.step" not in ring


def test_without_a_daemon_it_looks_at_what_there_is(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("axis: {travel_mm: 60}\n")
    FilePositionStore(tmp_path / "position.json").save(StoredPosition(9, Trust.KNOWN, True, ""))
    verdicts = {verdict.thing: verdict for verdict in examine_alone("nobody answers", config, tmp_path)}
    assert (verdicts["daemon"].health, verdicts["daemon"].words) == (DOUBTFUL, "nobody answers")
    assert verdicts["configuration"].words == str(config)
    assert "cut short" in verdicts["position"].words


def test_without_a_daemon_it_looks_where_the_service_keeps_its_state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "mine"))
    monkeypatch.setattr(places, "SYSTEM_STATE", tmp_path / "services")
    config = tmp_path / "config.yaml"
    config.write_text("axis: {travel_mm: 60}\n")

    def position() -> str:
        return {one.thing: one.words for one in examine_alone("nobody answers", config)}["position"]

    assert "none is stored" in position()
    (tmp_path / "services").mkdir()
    FilePositionStore(tmp_path / "services" / "position.json").save(StoredPosition(9, Trust.KNOWN, True, ""))
    assert "cut short" in position()


def test_a_configuration_that_cannot_be_used_is_the_first_thing_to_mend(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("axis: {travel_mm: far}\n")
    assert [
        (verdict.thing, verdict.health) for verdict in examine_alone("nobody answers", config, tmp_path)
    ] == [
        ("daemon", DOUBTFUL),
        ("configuration", BAD),
    ]

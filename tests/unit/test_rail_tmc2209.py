"""The driver that can be talked to: over a serial port of the system's, to a chip that was written apart."""

import logging
import os
from dataclasses import replace
from importlib import import_module
from resource import RLIMIT_NOFILE, getrlimit, setrlimit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rail_rig import SETTINGS, Rig

from rail.axis import Trust
from rail.errors import DriverFault, DriverForgot, Halted, MoveRefused
from rail.serial_line import SerialLine
from rail.tmc2209 import MotorCurrent, Register, Tmc2209, Tuning, crc8, read_datagram, read_reply
from simulator.tmc2209 import ChipOnLine, Tmc2209Chip
from simulator.world import World

CURRENT = MotorCurrent(run_ma=800, hold_ma=400, sense_ohm=0.11)
TUNING = Tuning(CURRENT, microsteps=32)


class Direct:
    """A line without a port between."""

    def __init__(self, chip: Tmc2209Chip) -> None:
        self.chip = chip
        self.mangled = 0

    def ask(self, sent: bytes, answer_bytes: int) -> bytes:
        if self.mangled:
            self.mangled -= 1
            sent = bytes((sent[0], sent[1], sent[2] ^ 4, *sent[3:]))
        return sent + self.chip.take(sent)


@pytest.fixture
def chip():
    return Tmc2209Chip()


@pytest.fixture
def driver(chip):
    return Tmc2209(Direct(chip), 0, TUNING)


def test_it_is_told_its_microsteps_current_and_chopper_over_a_real_port(chip):
    line = ChipOnLine(chip)
    port = SerialLine(line.port)
    try:
        assert (chip.microsteps, round(chip.run_ma)) == (8, 1768)
        Tmc2209(port, 0, TUNING).check()
        assert (chip.microsteps, chip.quiet) == (32, True)
        assert 770 < chip.run_ma <= 800
        assert 370 < chip.hold_ma <= 400
        Tmc2209(port, 0, Tuning(MotorCurrent(1500, 1500, 0.11), 256, quiet=False)).check()
        assert (chip.microsteps, chip.quiet) == (256, False)
        assert 1440 < chip.run_ma <= 1500
    finally:
        port.close()
        line.close()


def test_a_port_that_is_not_there_is_named_with_what_to_do():
    with pytest.raises(DriverFault, match=r"/dev/nowhere .* raspi-config"):
        SerialLine("/dev/nowhere").ask(b"", 0)


def test_a_want_of_open_files_is_not_taken_for_a_port_that_may_not_be_used():
    import_module("serial")  # which takes files, too
    most, hard = getrlimit(RLIMIT_NOFILE)
    setrlimit(RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(DriverFault, match="too many files open") as caught:
            SerialLine("/dev/null").ask(b"", 0)
    finally:
        setrlimit(RLIMIT_NOFILE, (most, hard))
    assert "dialout" not in str(caught.value)


def test_a_port_on_which_nobody_answers_is_no_driver():
    own, theirs = os.openpty()
    port = SerialLine(os.ttyname(theirs))
    try:
        with pytest.raises(DriverFault, match="does not answer at UART address 0: is the motor's supply on"):
            Tmc2209(port, 0, TUNING).check()
    finally:
        port.close()
        os.close(own)
        os.close(theirs)


def test_an_adapter_that_is_pulled_out_is_a_fault_of_the_driver_and_is_used_again_once_it_is_back(tmp_path):
    """What the system says then is no OSError: a stopped move kept its place, and nobody opened it again."""
    port = SerialLine(str(tmp_path / "ttyUSB0"))
    for _ in range(2):
        own, theirs = os.openpty()
        port_path = tmp_path / "ttyUSB0"
        port_path.unlink(missing_ok=True)
        port_path.symlink_to(os.ttyname(theirs))
        assert port.ask(b"", 0) == b""
        os.close(own)
        with pytest.raises(DriverFault, match="to the motor's driver cannot be used"):
            port.ask(b"", 0)
        os.close(theirs)


def test_datagrams_are_those_of_the_data_sheet():
    assert read_datagram(0, Register.GCONF).hex() == "05000048"
    assert crc8(bytes.fromhex("05ff0200000000")) == Tmc2209Chip().take(read_datagram(0, Register.IFCNT))[-1]


@given(st.binary(max_size=12), st.integers(0, 2**32 - 1))
def test_an_answer_is_found_behind_an_echo_and_a_torn_one_is_none(noise, value):
    content = bytes((0x05, 0xFF, Register.GSTAT)) + value.to_bytes(4, "big")
    answer = content + bytes((crc8(content),))
    assert read_reply(noise + answer, Register.GSTAT) == value
    assert read_reply(answer[:-1], Register.GSTAT) is None
    for bit in range(8 * len(answer)):
        torn = bytearray(answer)
        torn[bit // 8] ^= 1 << bit % 8
        assert read_reply(bytes(torn), Register.GSTAT) is None


@given(st.integers(1, 3000), st.integers(0, 100), st.sampled_from([0.075, 0.11, 0.15]))
def test_the_motor_never_gets_more_than_it_was_given(run_ma, hold_percent, sense_ohm):
    try:
        current = MotorCurrent(run_ma, max(1, run_ma * hold_percent // 100), sense_ohm)
    except ValueError as e:
        assert "out of range" in str(e)
        return
    full_v = 0.180 if current.fine else 0.325
    for scale, asked_ma in zip(current.scales, (current.run_ma, current.hold_ma), strict=True):
        given_ma = 1000 * (scale + 1) / 32 * full_v / (sense_ohm + 0.02) / 2**0.5
        assert 0 <= scale <= 31
        assert scale == 0 or given_ma <= asked_ma + 1e-6
        assert given_ma > asked_ma - 1000 / 32 * full_v / (sense_ohm + 0.02) / 2**0.5 - 1e-6


def test_a_current_out_of_range_says_which_range():
    with pytest.raises(ValueError, match=r"3000 mA is out of range: .* 1 to 1767 mA"):
        MotorCurrent(3000, 100, 0.11)
    with pytest.raises(ValueError, match="holding at 500 mA is more than running at 400 mA"):
        MotorCurrent(400, 500, 0.11)


def test_a_disturbance_or_two_on_the_line_is_got_over(chip, driver):
    driver._line.mangled = 2
    driver.check()
    chip.deaf_for = 2
    driver.check()
    assert chip.microsteps == 32


def test_a_write_that_does_not_arrive_is_noticed_by_the_chips_own_count(chip, driver, monkeypatch):
    monkeypatch.setattr(chip, "_write", lambda register, value: None)
    with pytest.raises(DriverFault, match="does not take what is written to GCONF"):
        driver.check()


def test_what_is_read_back_must_be_what_was_told(chip, driver, monkeypatch):
    monkeypatch.setitem(__import__("simulator.tmc2209").tmc2209._WRITABLE, 0x6C, 0x00FF_FFFF)
    with pytest.raises(DriverFault, match="does not keep what it is told: CHOPCONF is 0x000"):
        driver.check()


def test_one_at_another_address_does_not_answer(chip):
    with pytest.raises(DriverFault, match="address 2"):
        Tmc2209(Direct(chip), 2, TUNING).check()


def test_a_driver_that_lost_its_power_is_told_again_and_it_is_said_once(chip, driver):
    driver.check()
    chip.lose_power()
    assert chip.microsteps == 8
    with pytest.raises(DriverForgot):
        driver.look()
    assert chip.microsteps == 8
    with pytest.raises(DriverForgot, match="told them again"):
        driver.check()
    assert chip.microsteps == 32
    driver.check()


@pytest.mark.parametrize(
    ("trouble", "words"), [(0b10, "too hot and has switched off"), (0b100, "short"), (0b10_0000, "short")]
)
def test_what_a_driver_switches_off_for_is_said(chip, driver, trouble, words):
    driver.check()
    chip.troubles = trouble
    with pytest.raises(DriverFault, match=words):
        driver.check()
    chip.troubles = 0
    driver.check()


def test_a_driver_that_gets_hot_is_told_of_once(chip, driver, caplog):
    driver.check()
    chip.troubles = 1
    with caplog.at_level(logging.WARNING):
        driver.check()
        driver.check()
        chip.troubles = 0
        driver.check()
    assert [record.message.partition(" is ")[2] for record in caplog.records] == [
        "getting too hot",
        "cool again",
    ]


# --- under an axis ----------------------------------------------------------------------------------------


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path, position_um=310.0)
    rig.driver = Tmc2209(Direct(Tmc2209Chip(rig.world)), 0, TUNING)
    rig.switch_on()
    rig.axis.home()
    return rig


def test_a_motor_without_supply_is_noticed_before_it_is_stepped(rig):
    rig.axis.rest()
    edges = rig.edges
    rig.world.break_down("motor_unpowered")
    with pytest.raises(MoveRefused, match=r"supply on.* so the position is assumed"):
        rig.axis.move_to(1_500)
    assert rig.edges == edges
    rig.world.mend("motor_unpowered")
    with pytest.raises(MoveRefused, match="told them again"):
        rig.axis.move_to(1_500)
    assert rig.axis.move_to(1_500).position.trust is Trust.ASSUMED


def test_one_that_fails_in_a_move_ends_it_with_an_unknown_position(rig):
    rig.axis.move_to(1_500)
    lost = rig.lost_steps
    rig.after_edges(100, lambda: rig.world.break_down("motor_unpowered"))
    with pytest.raises(Halted, match="Steps may be lost, so the position is unknown"):
        rig.axis.move_to(2_500)
    assert rig.lost_steps > lost
    assert rig.axis.position().trust is Trust.UNKNOWN


@pytest.mark.parametrize("let_go", ["release", "close"])
def test_a_motor_whose_driver_is_off_is_let_go_where_it_is(tmp_path, let_go):
    rig = Rig(tmp_path, position_um=310.0, settings=replace(SETTINGS, turn_steps=64))
    rig.driver = Tmc2209(Direct(Tmc2209Chip(rig.world)), 0, TUNING)
    rig.switch_on()
    rig.axis.home()
    rig.axis.move_to(1_501)
    rig.axis.rest()
    edges = rig.edges
    rig.world.break_down("motor_unpowered")
    getattr(rig.axis, let_go)()
    assert rig.edges == edges
    assert not rig.world.carriage().enabled


def test_the_owner_cannot_vouch_for_a_motor_that_is_off(rig):
    rig.axis.rest()
    rig.world.break_down("motor_unpowered")
    with pytest.raises(MoveRefused, match="supply"):
        rig.axis.zero()


def test_the_world_takes_the_chips_power_too(tmp_path):
    world = World.create(tmp_path / "world")
    chip = Tmc2209Chip(world)
    Tmc2209(Direct(chip), 0, TUNING).check()
    world.break_down("motor_unpowered")
    assert chip.take(read_datagram(0, Register.GSTAT)) == b""
    world.mend("motor_unpowered")
    assert read_reply(chip.take(read_datagram(0, Register.GSTAT)), Register.GSTAT) == 1

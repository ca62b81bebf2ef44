"""Reading a Pi's temperature and supply from files like the kernel's."""

from pathlib import Path

import pytest

from focusd.board import Board
from simulator.board import sysfs
from simulator.world import World
from stack.vitals import Limits, Strain, Vitals, strain


class Sys:
    """A folder like /sys, and a board that reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def board(self) -> Board:
        return Board(lambda path: (self.folder / path).read_text())


@pytest.fixture
def pi(tmp_path: Path) -> Sys:
    pi = Sys(tmp_path)
    pi.write("class/thermal/thermal_zone0/temp", "54530\n")
    pi.write("class/hwmon/hwmon0/name", "cpu_thermal\n")
    pi.write("class/hwmon/hwmon2/name", "rpi_volt\n")
    pi.write("class/hwmon/hwmon2/in0_lcrit_alarm", "0\n")
    return pi


def test_a_pi_is_read(pi: Sys) -> None:
    board = pi.board()
    assert board.vitals() == Vitals(54.53, under_voltage=False)
    pi.write("class/hwmon/hwmon2/in0_lcrit_alarm", "1\n")
    pi.write("class/thermal/thermal_zone0/temp", "-2500\n")
    assert board.vitals() == Vitals(-2.5, under_voltage=True)


def test_what_is_not_offered_or_cannot_be_read_is_not_known(tmp_path: Path, pi: Sys) -> None:
    assert Sys(tmp_path / "desk").board().vitals() == Vitals()
    board = pi.board()
    pi.write("class/thermal/thermal_zone0/temp", "")
    (pi.folder / "class/hwmon/hwmon2/in0_lcrit_alarm").unlink()
    assert board.vitals() == Vitals()


def test_the_real_files_are_asked_for_without_harm() -> None:
    vitals = Board().vitals()
    assert vitals.temperature_c is None or -50 < vitals.temperature_c < 150


def test_the_simulated_pi_can_be_heated_and_starved(tmp_path: Path) -> None:
    world = World.create(tmp_path / "world")
    board = Board(sysfs(world))
    assert strain(board.vitals(), Limits()) is None
    world.break_down("pi_hot")
    assert strain(board.vitals(), Limits()) is Strain.HEAT
    world.mend("pi_hot")
    world.break_down("under_voltage")
    assert strain(board.vitals(), Limits()) is Strain.POWER
    world.close()

"""A TMC2209 by its UART: current, microsteps and chopper told and read back, and what it says of itself.

Registers, datagrams and the formula of the current are those of the data sheet (Trinamic, TMC2209 rev. 1.09,
chapters 4, 5 and 9). The pulses still go through STEP and DIR; nothing here is in their way.
"""

import logging
import math
from dataclasses import dataclass
from enum import IntEnum
from threading import Lock
from typing import Final, Protocol

from rail.errors import DriverFault, DriverForgot

_log = logging.getLogger(__name__)

TRIES: Final = 3
"""How often a datagram is sent before a driver counts as silent: one may meet a disturbance."""

_SYNC, _MASTER, _WRITE = 0x05, 0xFF, 0x80
_REPLY_BYTES = 8


class Register(IntEnum):
    """The registers that are used, by their address."""

    GCONF = 0x00
    GSTAT = 0x01
    IFCNT = 0x02
    IHOLD_IRUN = 0x10
    CHOPCONF = 0x6C
    DRV_STATUS = 0x6F


_SPREAD_CYCLE, _PDN_DISABLE, _MSTEP_REG_SELECT, _MULTISTEP_FILT = 1 << 2, 1 << 6, 1 << 7, 1 << 8
_RESET, _PUMP_UNDER_VOLTAGE = 1 << 0, 1 << 2
_CLEAR_ALL = 0b111
_HOT, _TOO_HOT, _SHORT = 1 << 0, 1 << 1, 0b1111 << 2
_INTERPOLATE, _FINE_SENSE = 1 << 28, 1 << 17
_CHOPPER: Final = 2 << 15 | 5 << 4 | 3
"""Comparator blank time 32 clocks, hysteresis 5 and 0, off time 3: as the chip itself has it, and quiet."""
_HOLD_DELAY: Final = 8 << 16
"""From run to hold current within a second or so: neither jerk nor heat."""
_FINE_V, _COARSE_V = 0.180, 0.325
_INNER_OHM = 0.020
_FORGOT = "the motor's driver was without power and forgot its current and microsteps"


class Line(Protocol):
    """A serial line to the driver, on which what is sent may come back as an echo."""

    def ask(self, sent: bytes, answer_bytes: int) -> bytes:
        """Send, then give what came, an echo included: all within a moment, and nothing where nothing came.

        `answer_bytes` is what the driver sends when it answers. Raises `rail.errors.DriverFault` where the
        line itself cannot be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class MotorCurrent:
    """The motor's current, in milliamperes RMS, and the resistors by which the driver measures it.

    Raises `ValueError` for a current that these resistors do not allow.
    """

    run_ma: int
    hold_ma: int
    sense_ohm: float

    def __post_init__(self) -> None:
        if self.hold_ma > self.run_ma:
            raise ValueError(f"holding at {self.hold_ma} mA is more than running at {self.run_ma} mA")
        most_ma = math.floor(self._ma(32, _COARSE_V))
        if not 1 <= self.run_ma <= most_ma:
            raise ValueError(
                f"{self.run_ma} mA is out of range: with sense resistors of {self.sense_ohm:g} ohms the "
                f"driver gives 1 to {most_ma} mA"
            )

    @property
    def fine(self) -> bool:
        """Whether the driver may measure with its finer range, in which 32 steps of current are smaller."""
        return self.run_ma <= self._ma(32, _FINE_V)

    @property
    def scales(self) -> tuple[int, int]:
        """The settings IRUN and IHOLD, 0 to 31, never above what was asked for: a hot motor harms."""
        full_v = _FINE_V if self.fine else _COARSE_V
        run, hold = (math.floor(ma / self._ma(1, full_v)) - 1 for ma in (self.run_ma, self.hold_ma))
        return max(0, run), max(0, hold)

    def _ma(self, scale: int, full_v: float) -> float:
        """Give the current of a setting (1 to 32): section 9 of the data sheet."""
        return 1000 * scale / 32 * full_v / (self.sense_ohm + _INNER_OHM) / math.sqrt(2)


@dataclass(frozen=True, slots=True)
class Tuning:
    """What the driver is told.

    Attributes
    ----------
    microsteps
        A power of two up to 256. The driver makes 256 of each full step by itself whatever is said here.
    quiet
        StealthChop, silent and smooth; else SpreadCycle, which has more torque at speed and sings.
    """

    current: MotorCurrent
    microsteps: int
    quiet: bool = True

    @property
    def registers(self) -> dict[Register, int]:
        """What each register must hold, in the order of writing: 32 bits each."""
        run, hold = self.current.scales
        resolution = 8 - (self.microsteps.bit_length() - 1)
        return {
            Register.GCONF: _PDN_DISABLE
            | _MSTEP_REG_SELECT
            | _MULTISTEP_FILT
            | (0 if self.quiet else _SPREAD_CYCLE),
            Register.CHOPCONF: _CHOPPER
            | _INTERPOLATE
            | resolution << 24
            | (_FINE_SENSE if self.current.fine else 0),
            Register.IHOLD_IRUN: _HOLD_DELAY | run << 8 | hold,
        }


class Tmc2209:
    """One driver on a line.

    Parameters
    ----------
    address
        0 to 3, by its pins MS1 and MS2.
    """

    def __init__(self, line: Line, address: int, tuning: Tuning) -> None:
        self._line = line
        self._address = address
        self._tuning = tuning
        self._lock = Lock()
        self._tuned = False
        self._hot = False

    def check(self) -> None:
        """See that the driver is there, has what it was told, and is well; tell it at the first time.

        Raises
        ------
        DriverForgot
            It lost its power since it was told, and so did the motor. It has been told again.
        DriverFault
            It does not answer, does not take what it is told, or has switched itself off.
        """
        with self._lock:
            if not self._tuned:
                self._tell()
                self._tuned = True
            elif self._read(Register.GSTAT) & _RESET:
                self._tell()
                raise DriverForgot(f"{_FORGOT}; it has been told them again")
            self._examine()

    def look(self) -> None:
        """See how the driver is and leave it so; from any thread. Raises `DriverFault`, `DriverForgot`."""
        with self._lock:
            if self._read(Register.GSTAT) & _RESET and self._tuned:
                raise DriverForgot(_FORGOT)
            self._examine()

    def _examine(self) -> None:
        status, general = self._read(Register.DRV_STATUS), self._read(Register.GSTAT)
        if general & _PUMP_UNDER_VOLTAGE:
            raise DriverFault("the motor's driver has too little voltage: look at the motor's supply")
        if status & _SHORT:
            raise DriverFault(
                "the motor's driver sees a short circuit and has switched off: switch the supply off, look "
                "at the motor's wires"
            )
        if status & _TOO_HOT:
            raise DriverFault(
                "the motor's driver is too hot and has switched off: let it cool, lower its current "
                "(axis.uart.run_ma), fit a heat sink"
            )
        if bool(status & _HOT) != self._hot:
            self._hot = not self._hot
            _log.warning("the motor's driver is %s", "getting too hot" if self._hot else "cool again")

    def _tell(self) -> None:
        """Write every register and read back what can be read."""
        for register, value in self._tuning.registers.items():
            self._write(register, value)
        for register in (Register.GCONF, Register.CHOPCONF):
            wanted, found = self._tuning.registers[register], self._read(register)
            if found != wanted:
                raise DriverFault(
                    f"the motor's driver does not keep what it is told: {register.name} is {found:#010x} "
                    f"instead of {wanted:#010x}; is it a TMC2209, and alone at address {self._address}?"
                )
        self._write(Register.GSTAT, _CLEAR_ALL)

    def _write(self, register: Register, value: int) -> None:
        """Write until the driver has counted it: it counts each datagram that came through whole."""
        counted = self._read(Register.IFCNT)
        for _ in range(TRIES):
            self._line.ask(write_datagram(self._address, register, value), 0)
            if self._read(Register.IFCNT) != counted:
                return
        raise DriverFault(f"the motor's driver answers, and does not take what is written to {register.name}")

    def _read(self, register: Register) -> int:
        for _ in range(TRIES):
            came = self._line.ask(read_datagram(self._address, register), _REPLY_BYTES)
            if (value := read_reply(came, register)) is not None:
                return value
        raise DriverFault(
            f"the motor's driver does not answer at UART address {self._address}: is the motor's supply on, "
            "and PDN_UART wired to RX, and through 1 kilohm to TX?"
        )


def crc8(content: bytes) -> int:
    """Give the checksum of a datagram: x^8 + x^2 + x + 1, each byte from its lowest bit (section 4.2)."""
    crc = 0
    for byte in content:
        for bit in range(8):
            feed = (crc >> 7) ^ (byte >> bit & 1)
            crc = crc << 1 & 0xFF ^ (0x07 if feed else 0)
    return crc


def read_datagram(address: int, register: Register) -> bytes:
    """Give the request for a register's content."""
    return _sealed(bytes((_SYNC, address, register)))


def write_datagram(address: int, register: Register, value: int) -> bytes:
    """Give the order to set a register to `value`, 32 bits."""
    return _sealed(bytes((_SYNC, address, register | _WRITE)) + value.to_bytes(4, "big"))


def read_reply(came: bytes, register: Register) -> int | None:
    """Find the driver's answer in what came, behind an echo or noise; None: there is no whole one."""
    head = bytes((_SYNC, _MASTER, register))
    at = came.rfind(head)
    reply = came[at : at + _REPLY_BYTES]
    if at < 0 or len(reply) < _REPLY_BYTES or crc8(reply[:-1]) != reply[-1]:
        return None
    return int.from_bytes(reply[3:7], "big")


def _sealed(content: bytes) -> bytes:
    return content + bytes((crc8(content),))

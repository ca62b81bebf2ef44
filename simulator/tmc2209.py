"""A TMC2209 at the other end of a serial line: it checks, counts, keeps and forgets as the real chip does.

Transmitter and receiver of the line share the chip's one pin, so all that is sent comes back before any
answer. A datagram with a wrong checksum, or for another address, is passed over without a word. Behaviour and
values after a reset are those of the data sheet (Trinamic, TMC2209 rev. 1.09, chapters 4 and 5); nothing is
shared with the code that talks to it.
"""

import os
import threading
import tty
from dataclasses import dataclass, field
from functools import reduce

from simulator.world import World

_AFTER_RESET = {0x00: 0x0000_0101, 0x10: 0x0001_1F10, 0x6C: 0x1000_0053}
_WRITABLE = {0x00: 0x3FF, 0x03: 0xF00, 0x10: 0xF_1F1F, 0x11: 0xFF, 0x13: 0xF_FFFF, 0x6C: 0xFFFF_FFFF}
_READABLE = {0x00, 0x01, 0x02, 0x06, 0x6C, 0x6F}
_VERSION = 0x21 << 24
_STRAPPED_MICROSTEPS = 8
_STANDSTILL = 1 << 31


@dataclass
class Tmc2209Chip:
    """The registers and what datagrams do to them.

    Attributes
    ----------
    world
        Where its supply may fail, as the fault `motor_unpowered`; None: it does not.
    address
        0 to 3.
    troubles
        Bits of DRV_STATUS to raise, such as `0b10` for being too hot.
    deaf_for
        So many of the next datagrams are lost on the way.
    """

    world: World | None = None
    address: int = 0
    troubles: int = 0
    deaf_for: int = 0
    _registers: dict[int, int] = field(default_factory=lambda: dict(_AFTER_RESET))
    _status: int = 0b001
    _written: int = 0
    _powered: bool = True

    @property
    def microsteps(self) -> int:
        """What a pulse is worth: by register only where it was told that its straps do not count."""
        by_register = self._registers[0x00] >> 7 & 1
        return 2 ** (8 - (self._registers[0x6C] >> 24 & 0xF)) if by_register else _STRAPPED_MICROSTEPS

    @property
    def quiet(self) -> bool:
        """Whether it chops by StealthChop."""
        return not self._registers[0x00] >> 2 & 1

    @property
    def run_ma(self) -> float:
        """The motor's current in motion with resistors of 0.11 ohms, in milliamperes RMS."""
        return self._current_ma(self._registers[0x10] >> 8 & 0x1F)

    @property
    def hold_ma(self) -> float:
        """The motor's current at rest, likewise."""
        return self._current_ma(self._registers[0x10] & 0x1F)

    def lose_power(self) -> None:
        """Be off for a moment, and forget."""
        self._registers, self._status, self._written = dict(_AFTER_RESET), 0b001, 0

    def take(self, datagram: bytes) -> bytes:
        """Give the answer to a whole datagram; nothing where there is none."""
        if not self._is_powered():
            return b""
        if self.deaf_for:
            self.deaf_for -= 1
            return b""
        if _remainder(datagram[:-1]) != datagram[-1] or datagram[1] != self.address:
            return b""
        register = datagram[2] & 0x7F
        if datagram[2] & 0x80:
            self._write(register, int.from_bytes(datagram[3:7], "big"))
            return b""
        answer = bytes((0x05, 0xFF, register)) + self._read(register).to_bytes(4, "big")
        return answer + bytes((_remainder(answer),))

    def _is_powered(self) -> bool:
        powered = self.world is None or not self.world.broken("motor_unpowered")
        if not powered and self._powered:
            self.lose_power()
        self._powered = powered
        return powered

    def _write(self, register: int, value: int) -> None:
        self._written = (self._written + 1) % 256
        if register == 0x01:
            self._status &= ~value
        elif register in _WRITABLE:
            self._registers[register] = value & _WRITABLE[register]

    def _read(self, register: int) -> int:
        computed = {
            0x01: self._status,
            0x02: self._written,
            0x06: _VERSION,
            0x6F: _STANDSTILL | self.troubles,
        }
        return computed.get(register, self._registers.get(register, 0)) if register in _READABLE else 0

    def _current_ma(self, setting: int) -> float:
        volts = 0.180 if self._registers[0x6C] >> 17 & 1 else 0.325
        return 1000 * (setting + 1) / 32 * volts / 0.13 / 2**0.5


class ChipOnLine:
    """A chip behind a serial port that the system really has.

    Attributes
    ----------
    port
        The port's name, to be opened as any other.
    """

    def __init__(self, chip: Tmc2209Chip) -> None:
        self._chip = chip
        self._own, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self.port = os.ttyname(self._theirs)
        threading.Thread(target=self._serve, name="tmc2209", daemon=True).start()

    def close(self) -> None:
        """Pull the plug."""
        os.close(self._theirs)

    def _serve(self) -> None:
        received = b""
        try:
            while came := os.read(self._own, 64):
                os.write(self._own, came)
                received += came
                while len(received) >= 4 and len(received) >= (length := 8 if received[2] & 0x80 else 4):
                    datagram, received = received[:length], received[length:]
                    os.write(self._own, self._chip.take(datagram))
        except OSError:  # the plug was pulled
            os.close(self._own)


def _remainder(content: bytes) -> int:
    """Divide by x^8 + x^2 + x + 1, bits in the order of the wire, lowest first."""
    bits = [byte >> place & 1 for byte in content for place in range(8)]
    return reduce(lambda rest, bit: (rest << 1 ^ (0x107 if (rest >> 7 ^ bit) & 1 else 0)) & 0xFF, bits, 0)

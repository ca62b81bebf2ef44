"""The serial port to a motor's driver, and the one place that knows pyserial."""

import errno
import sys
import termios
from importlib import import_module
from typing import Any, Final

from rail.errors import DriverFault

BAUD: Final = 115_200
ANSWER_S: Final = 0.1
"""A request and its answer take 1 ms at this rate; on a busy machine they may be seen much later."""


class SerialLine:
    """A `rail.tmc2209.Line` on a port such as `/dev/serial0`, which is opened when it is first used.

    Transmitter and receiver share the driver's one pin, so that all that is sent is received again.
    """

    def __init__(self, port: str) -> None:
        self._name = port
        self._port: Any = None

    def ask(self, sent: bytes, answer_bytes: int) -> bytes:
        """Send, and give echo and answer as far as they came; see `rail.tmc2209.Line.ask`."""
        try:
            port = self._opened()
            port.reset_input_buffer()
            port.write(sent)
            port.flush()
            came: bytes = port.read(len(sent) + answer_bytes)
        except (OSError, termios.error) as e:  # pyserial lets the latter through: of an adapter pulled out
            self.close()
            what_to_do = (
                "restart focusd, which has too many files open"
                if {errno.EMFILE, errno.ENFILE}.intersection(e.args)
                else "enable it with raspi-config (login shell: no, hardware: yes), and let the user be in "
                "the group dialout"
            )
            raise DriverFault(
                f"the serial port {self._name} to the motor's driver cannot be used ({e}): {what_to_do}"
            ) from e
        return came

    def close(self) -> None:
        """Give the port back; the next use opens it again."""
        if self._port is not None:
            self._port.close()
            self._port = None

    def _opened(self) -> Any:
        if self._port is None:
            try:
                serial = import_module("serial")
            except ImportError as e:
                raise DriverFault(
                    "to talk to the motor's driver takes pyserial: sudo apt install python3-serial, or "
                    f"{sys.executable} -m pip install pyserial"
                ) from e
            self._port = serial.Serial(self._name, BAUD, timeout=ANSWER_S, write_timeout=1, exclusive=True)
        return self._port

"""The board that focusd runs on, as Linux tells of it: its temperature and its supply.

`vcgencmd get_throttled` would tell as much, but needs a device of its own and the firmware's time; the kernel
polls the firmware already and offers what it heard as files.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from stack.vitals import Vitals

ReadSysfs = Callable[[str], str]
"""Gives the content of a file below /sys; raises `OSError`."""

_TEMPERATURE: Final = "class/thermal/thermal_zone0/temp"
_SUPPLY_NAME: Final = "rpi_volt"
_MONITORS: Final = 16
"""So many hardware monitors are looked at for the one of the supply."""


def read_sysfs(path: str) -> str:
    """Read a file of this machine's."""
    return Path("/sys", path).read_text()


class Board:
    """Reads a board's vitals; what it does not offer, as on a desk's computer, is None."""

    def __init__(self, read: ReadSysfs = read_sysfs) -> None:
        self._read = read
        self._alarm = self._find_alarm()

    def vitals(self) -> Vitals:
        """Look now; takes well under a millisecond."""
        millidegrees = self._number(_TEMPERATURE)
        alarm = None if self._alarm is None else self._number(self._alarm)
        return Vitals(
            temperature_c=None if millidegrees is None else millidegrees / 1000,
            under_voltage=None if alarm is None else alarm != 0,
        )

    def _find_alarm(self) -> str | None:
        """Find the supply's monitor by its name: numbers are given in the order of discovery."""
        for number in range(_MONITORS):
            folder = f"class/hwmon/hwmon{number}"
            if self._text(f"{folder}/name") == _SUPPLY_NAME:
                return f"{folder}/in0_lcrit_alarm"
        return None

    def _number(self, path: str) -> int | None:
        text = self._text(path)
        return int(text) if text is not None and text.removeprefix("-").isdecimal() else None

    def _text(self, path: str) -> str | None:
        try:
            return self._read(path).strip()
        except (OSError, UnicodeDecodeError):
            return None

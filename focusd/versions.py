"""Which versions of ourselves and of what stands under us are installed."""

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("focusrail", "numpy", "opencv-python-headless", "gpiozero", "picamera2")
"""Whose versions every session records."""


def versions_here() -> dict[str, str]:
    """Give the versions, as far as they are found."""
    found = {}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found

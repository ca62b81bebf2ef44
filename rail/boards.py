"""How fast each Raspberry Pi can step without being late."""

from collections.abc import Mapping

CLEAN_STEPS_S: Mapping[str, int] = {
    "Raspberry Pi Zero 2": 800,
    "Raspberry Pi 3": 800,
    "Raspberry Pi 4": 1500,
    "Raspberry Pi 400": 1500,
    "Raspberry Pi Compute Module 4": 1500,
    "Raspberry Pi 5": 2500,
    "Raspberry Pi 500": 2500,
    "Raspberry Pi Compute Module 5": 2500,
}
"""Steps a second, by how a board calls itself: what a Python loop, woken by the kernel, keeps up with."""


def clean_steps_s(model: str) -> int | None:
    """Give the fastest stepping of a board, by the name in its device tree; None for one we do not know."""
    return next((rate for name, rate in CLEAN_STEPS_S.items() if f"{model} ".startswith(f"{name} ")), None)

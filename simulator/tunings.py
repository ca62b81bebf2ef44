"""Tunings: the parts a caller may want to change, what adapts from frame to frame; and which is in force."""

from typing import Any


def _tuning(n_iter: int | None, ce_enable: int) -> dict[str, Any]:
    algorithms: list[dict[str, Any]] = [
        {"rpi.contrast": {"ce_enable": ce_enable}},
        {"rpi.denoise": {"normal": {"tdn": {"deviation": 1.5, "threshold": 0.1}}}},
    ]
    if n_iter is not None:
        algorithms.append({"rpi.alsc": {"n_iter": n_iter, "luminance_strength": 0.8}})
    return {"version": 2.0, "target": "pisp", "algorithms": algorithms}


TUNINGS = {
    "imx477.json": _tuning(100, 1),
    "imx708.json": _tuning(100, 1),
    "imx708_wide.json": _tuning(100, 1),
    "imx296.json": _tuning(100, 1),
    "imx296_mono.json": _tuning(100, 1),
    "imx477_scientific.json": _tuning(None, 0),
}


class TuningInForce:
    """What libcamera goes by: it reads a tuning when it looks for cameras first, and no other afterwards.

    Attributes
    ----------
    value
        None for libcamera's own choice.
    """

    def __init__(self) -> None:
        self.value: Any = None
        self._read = False

    def read(self, tuning: Any) -> None:
        """Look for cameras; once it has, another tuning changes nothing."""
        if not self._read:
            self.value = tuning
        self._read = True

    def forget(self) -> None:
        """End with the last camera that was closed."""
        self._read = False
        self.value = None

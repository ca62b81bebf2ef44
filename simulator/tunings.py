"""The parts of libcamera's tuning files that a caller may want to change: what adapts from frame to frame."""

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
    "imx477_scientific.json": _tuning(None, 0),
}

"""What a camera can be told, and what it says of itself, as libcamera lists them."""

import struct
from typing import Any

from simulator.sensor import CameraSpec
from simulator.voice_coil import VoiceCoilSpec

_MONO = 5
_COLOUR = ("AwbEnable", "AwbMode", "ColourGains", "Saturation")
_FOREIGN = {"AeEnable", "Brightness", "Contrast", "ExposureTime", "ExposureTimeMode", "Saturation"}
_FLAGS = {"AeEnable", "AwbEnable"}
_FRACTIONS = {
    "AnalogueGain",
    "Brightness",
    "ColourGains",
    "Contrast",
    "ExposureValue",
    "LensPosition",
    "Saturation",
    "Sharpness",
}
_FIXED: dict[str, Any] = {
    "Location": 2,
    "Rotation": 180,
    "ColorFilterArrangement": 0,
}


def properties(spec: CameraSpec) -> dict[str, Any]:
    """Give what does not change; a camera on USB says little."""
    if not spec.native:
        return {"Model": spec.model, "Location": 2}
    every = {
        **_FIXED,
        "Model": spec.model,
        "UnitCellSize": (spec.cell_nm, spec.cell_nm),
        "PixelArraySize": spec.whole_px or spec.size_px,
    }
    return {**every, "ColorFilterArrangement": _MONO} if spec.mono else every


def limits(spec: CameraSpec) -> dict[str, tuple[Any, Any, Any]]:
    """Give least, most and default of each control that a camera has."""
    longest_us = 694_422_939  # what an IMX477 can do
    lens = spec.lens
    every: dict[str, tuple[Any, Any, Any]] = {
        **({} if lens is None else _lens_limits(lens)),
        "AeEnable": (False, True, True),
        "AeExposureMode": (0, 3, 0),
        "AeMeteringMode": (0, 3, 0),
        "AnalogueGain": (1.0, spec.largest_gain, 1.0),
        "AnalogueGainMode": (0, 1, 0),
        "AwbEnable": (False, True, None),
        "AwbMode": (0, 7, 0),
        "Brightness": (-1.0, 1.0, 0.0),
        "ColourGains": (0.0, 32.0, None),
        "Contrast": (0.0, 32.0, 1.0),
        "ExposureTime": (-(-spec.line_ns // 1000), longest_us, 20_000),
        "ExposureTimeMode": (0, 1, 0),
        "ExposureValue": (-8.0, 8.0, 0.0),
        "FrameDurationLimits": (spec.shortest_frame_us, longest_us, 33_333),
        "HdrMode": (0, 4, 0),
        "NoiseReductionMode": (0, 4, 0),
        "Saturation": (0.0, 32.0, 1.0),
        "ScalerCrop": ((0, 0, 64, 64), (0, 0, *spec.size_px), (0, 0, *spec.size_px)),
        "Sharpness": (0.0, 16.0, 1.0),
    }
    absent = (*spec.lacking, *(_COLOUR if spec.mono else ()))
    if not spec.native:  # what a webcam has
        absent = (*absent, *(every.keys() - _FOREIGN))
    return {name: limit for name, limit in every.items() if name not in absent}


def cast(name: str, value: Any) -> Any:
    """Give a control's value as libcamera has it, whose fractions are in single precision.

    Raises `RuntimeError`, as pybind11 does, for one of another type.
    """
    if isinstance(value, tuple | list):
        return tuple(cast(name, each) for each in value)
    fraction = name in _FRACTIONS
    if isinstance(value, int | float if fraction or name in _FLAGS else int):
        return single(value) if fraction else value
    raise RuntimeError(f"Unable to cast Python instance of type {type(value)} to C++ type")


def single(value: float) -> float:
    """Give what single precision leaves of a value."""
    (left,) = struct.unpack("f", struct.pack("f", value))
    return float(left)


def _lens_limits(lens: VoiceCoilSpec) -> dict[str, tuple[Any, Any, Any]]:
    return {"AfMode": (0, 2, 0), "AfSpeed": (0, 1, 0), "LensPosition": (0.0, lens.most_d, lens.start_d)}

"""What a camera says of a frame, as libcamera names it."""

from typing import Any

from simulator.controls import single
from simulator.sensor import CameraSpec
from simulator.stream import Shot
from simulator.world import World


def describe(shot: Shot, spec: CameraSpec, world: World) -> dict[str, Any]:
    """Give a shot's metadata, fractions in single precision; a camera on USB says little."""
    if not spec.native:
        return {"SensorTimestamp": shot.stamp_ns}
    missing = world.broken("camera_missing_metadata")
    metadata: dict[str, Any] = {
        "SensorTimestamp": shot.stamp_ns,
        "ExposureTime": shot.exposure_ns // 1000,
        "AnalogueGain": single(shot.gain),
        "ColourGains": tuple(map(single, shot.colour_gains)),
        "SensorBlackLevels": (4096, 4096, 4096, 4096),
        "ColourCorrectionMatrix": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        "ScalerCrop": (0, 0, *spec.size_px),
    }
    if not missing:
        metadata |= {
            "DigitalGain": single(shot.digital_gain),
            "FrameDuration": shot.frame_ns // 1000,
            "AeState": shot.ae_state,
            "Lux": single(400.0 * shot.light),
            "ColourTemperature": 4200,
        }
        if shot.lens_d is not None:
            metadata |= {"LensPosition": single(shot.lens_d), "AfState": 0}
        if shot.number % 7:  # the sensor does not send it with every frame
            metadata["SensorTemperature"] = 31.0
    if world.broken("camera_unproven"):
        del metadata["ExposureTime"]
    if spec.mono:
        del metadata["ColourGains"]
    return metadata

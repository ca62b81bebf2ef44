"""Opening a camera with a tuning that does not change from frame to frame, and asking it for its name."""

from contextlib import suppress
from functools import partial
from typing import Any, cast

from camera.camera import CameraIdentity
from camera.configuration import OFF, is_native
from camera.errors import CameraUnavailable
from camera.library import OpenPicamera2, Picamera2


def open_steadily(open_picamera2: OpenPicamera2, index: int) -> Picamera2:
    """Open camera `index` with a tuning that does not change from frame to frame."""
    library: Any = open_picamera2.func if isinstance(open_picamera2, partial) else open_picamera2
    cameras = library.global_camera_info()
    if index >= len(cameras):
        raise CameraUnavailable(
            f"There is no camera {index}; {len(cameras)} found. Check the ribbon cable at both ends, with "
            "the power off, and that 'rpicam-hello --list-cameras' shows the camera."
        )
    try:
        return open_picamera2(index, tuning=_steady_tuning(library, cameras[index]["Model"]))
    except RuntimeError as error:
        raise CameraUnavailable(
            f"Camera {index} ({cameras[index]['Model']}) cannot be opened: {error} "
            "Another program may have it: 'sudo fuser -v /dev/media*' shows which."
        ) from error


def _steady_tuning(library: Any, model: str) -> dict[str, Any] | None:
    """Load a sensor's tuning and freeze what no control does: adaptive lens shading and contrast.

    None where there is no file for this sensor: libcamera then chooses by itself.
    """
    try:
        tuning = cast(dict[str, Any], library.load_tuning_file(f"{model}.json"))
    except RuntimeError:
        return None
    for algorithm, name in (("rpi.alsc", "n_iter"), ("rpi.contrast", "ce_enable")):
        with suppress(KeyError, StopIteration):  # a tuning for science or monochrome sensors lacks them
            library.find_tuning_algo(tuning, algorithm)[name] = OFF
    return tuning


def identity_of(picam: Picamera2) -> CameraIdentity:
    """Say which camera this is, as far as it does."""
    sensor = str(picam.camera_properties.get("Model", "unknown"))
    make = "Raspberry Pi" if is_native(picam) else "unknown"
    return CameraIdentity(make, sensor, sensor)

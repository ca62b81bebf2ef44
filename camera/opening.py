"""Opening a camera with a tuning that does not change from frame to frame, and asking it for its name."""

import errno
from contextlib import suppress
from functools import partial
from typing import Any, cast

from camera.camera import CameraIdentity
from camera.configuration import OFF, is_native
from camera.errors import CameraUnavailable
from camera.library import Library, OpenPicamera2, Picamera2
from camera.streams import raw_format


def open_steadily(open_picamera2: OpenPicamera2, index: int) -> Picamera2:
    """Open camera `index` with what no control freezes frozen: adaptive lens shading and contrast.

    That takes its tuning, which bears its name, and only an open camera tells its name. libcamera reads a
    tuning when it looks for cameras first, so one that is given after any of them was listed or opened is
    ignored in silence (raspberrypi/picamera2 issue 886); closing the last camera lets libcamera forget them
    (picamera2 0.3.38, `CameraManager.cleanup`). So the camera is opened, asked, closed and opened again.
    """
    camera = _open(open_picamera2, index, None)
    tuning = _steady_tuning(_library(open_picamera2), camera)
    if tuning is None:  # libcamera chooses by itself
        return camera
    _close(camera, index)
    return _open(open_picamera2, index, tuning)


def identity_of(picam: Picamera2, index: int) -> CameraIdentity:
    """Say which camera this is, as far as it does."""
    properties = picam.camera_properties
    sensor, rotation_deg = str(properties.get("Model", "unknown")), properties.get("Rotation")
    make = "Raspberry Pi" if is_native(picam) else "unknown"
    return CameraIdentity(make, sensor, sensor, index, None if rotation_deg is None else int(rotation_deg))


def _open(open_picamera2: OpenPicamera2, index: int, tuning: dict[str, Any] | None) -> Picamera2:
    try:
        return open_picamera2(index, tuning=tuning)
    except (RuntimeError, OSError) as error:  # the latter from /dev/dma_heap
        what_to_do = (
            "That is no fault of the camera's: restart focusd, which has too many files open."
            if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)
            else "Check with 'rpicam-hello --list-cameras' that it is there; if not, the ribbon cable at "
            "both ends, with the power off; if it is, another program may have it: "
            "'sudo fuser -v /dev/media*' shows which."
        )
        raise CameraUnavailable(f"Camera {index} cannot be opened: {error}. {what_to_do}") from error


def _close(camera: Picamera2, index: int) -> None:
    try:
        camera.close()
    except RuntimeError as error:
        raise CameraUnavailable(
            f"Camera {index} was opened and does not let go ({error}): reboot, and see that no other program "
            "uses it."
        ) from error


def _library(open_picamera2: OpenPicamera2) -> Library:
    inner = open_picamera2.func if isinstance(open_picamera2, partial) else open_picamera2
    return cast(Library, inner)


def _steady_tuning(library: Library, camera: Picamera2) -> dict[str, Any] | None:
    """Load the tuning of an open camera and freeze what adapts; None where there is no file for it."""
    if not is_native(camera):
        return None
    try:
        tuning = library.load_tuning_file(f"{_tuning_name(camera)}.json")
    except RuntimeError:
        return None
    for algorithm, name in (("rpi.alsc", "n_iter"), ("rpi.contrast", "ce_enable")):
        with suppress(KeyError, StopIteration):  # a tuning for science or monochrome sensors lacks them
            library.find_tuning_algo(tuning, algorithm)[name] = OFF
    return tuning


def _tuning_name(camera: Picamera2) -> str:
    """Name the tuning as libcamera does (0.7.1, `pipeline/rpi/common`); one without colours has its own."""
    model = str(camera.camera_properties["Model"])
    form = raw_format(str(camera.sensor_format))
    return f"{model}_mono" if form and form.pattern == "MONO" else model

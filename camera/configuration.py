"""One configuration for the whole stack: asked for once, in full resolution, and compared with what came.

Modes are never switched: that stops the camera, hands its buffers back and starts anew, and what was locked
has to be proven again. Nor is `sensor_modes` ever asked: picamera2 (0.3.38) reconfigures the camera for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from camera.errors import CameraUnavailable
from camera.library import Picamera2
from camera.memory import BUFFERS, Memory, buffers_that_fit, refused, shortage
from camera.streams import Board, Stream, main_format, raw_format, refusal

OFF: Final = 0
"""NoiseReductionModeOff and HdrModeOff."""

QUIET: Final[Mapping[str, object]] = {
    # On a Pi 5 every other mode blends the frame before into this one, and that one was focused elsewhere.
    "NoiseReductionMode": OFF,
    "HdrMode": OFF,
    # Sharpening comes after merging: before it, it lends noise and halos to the measure of sharpness.
    "Sharpness": 0.0,
}
AUTOMATIC: Final[Mapping[str, object]] = {"AeEnable": True, "AwbEnable": True}

UNKNOWN_FRAME_US: Final = 200_000
"""A camera on USB does not say how long a frame takes: not longer than this, at five a second."""

FOREIGN_FORMATS: Final = ("RGB888", "XRGB8888", "BGR888", "YUV420", "NV12", "MJPEG")
"""What pictures can be made of; a Pi's own camera gives what it is asked for."""


@dataclass(frozen=True, slots=True)
class PicamSettings:
    """How the camera is used.

    Attributes
    ----------
    index
        Which camera, 0 for the first.
    size_px
        Width and height of a frame, both even; None for all the sensor has.
    tries
        How many frames in a row may differ from the lock before a slice is given up, 1 or more.
    bits
        Of a colour; 16 on a Pi 5 only.
    raw
        Whether frames bring their raw pixels along.
    mains_hz
        Frequency of the mains where lamps on it light the subject, 50 or 60: metered exposure times are then
        whole multiples of a lamp's flicker.
    """

    index: int = 0
    size_px: tuple[int, int] | None = None
    tries: int = 3
    bits: Literal[8, 16] = 8
    raw: bool = False
    mains_hz: Literal[50, 60] | None = None


@dataclass(frozen=True, slots=True)
class Configured:
    """What the camera granted.

    Attributes
    ----------
    main, raw
        Its streams; `raw` is None for a camera without one.
    sensor_bits
        Of a raw pixel, as the sensor reads it.
    readout_us
        Bound of the time from the first row to the last, on any sensor: a frame cannot be shorter.
    line_us
        The time from one row to the next, or somewhat more.
    pixel_um
        Distance between the pixels of a frame, on the sensor; None where the sensor does not tell its own.
    """

    main: Stream
    raw: Stream | None
    sensor_bits: int
    readout_us: int
    line_us: float
    pixel_um: float | None = None

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of a frame."""
        width, height = self.main["size"]
        return int(width), int(height)


def is_native(picam: Picamera2) -> bool:
    """Say whether a camera is on the Pi's own connector: only those have a colour filter they can name."""
    return "ColorFilterArrangement" in picam.camera_properties


def known(picam: Picamera2, controls: Mapping[str, object]) -> dict[str, object]:
    """Leave out what this camera does not offer: picamera2 refuses it."""
    offered = picam.camera_controls
    return {name: value for name, value in controls.items() if name in offered}


def configure(picam: Picamera2, settings: PicamSettings, memory: Memory) -> Configured:
    """Configure full-resolution stills with everything that must be right in the first frame.

    Raises `CameraUnavailable` when memory does not hold a frame, or the camera grants something else.
    """
    _check_sensor(picam, settings)
    board = Board(deep=picam.platform.name == "PISP", frugal=memory.frugal)
    resolution = picam.sensor_resolution
    asked = picam.create_still_configuration(
        {"format": main_format(board, settings.bits), "size": settings.size_px or resolution},
        # Wanted or not: without a raw stream libcamera sets aside four raw buffers of its own (0.7.1,
        # pipeline/rpi/vc4), and unless it is asked for unpacked, a Pi 5 works on one squeezed with loss.
        raw={"size": resolution, "format": _unpacked(picam.sensor_format)},
        buffer_count=BUFFERS,
        controls=known(picam, {**QUIET, **AUTOMATIC}),
        display=None,
        encode=None,
        queue=True,
    )
    if not board.deep:
        asked["buffer_count"] = buffers_that_fit(asked, memory)
        if asked["buffer_count"] < 1:
            raise CameraUnavailable(shortage(asked, memory))
    _configure(picam, asked, memory)
    return _granted(picam, {**asked, "main": {**asked["main"], "size": settings.size_px or resolution}})


def _configure(picam: Picamera2, asked: dict[str, Any], memory: Memory) -> None:
    """Configure with as many buffers as `asked` says, or with fewer where the kernel has no memory for them.

    picamera2 writes what it grants into the very streams it was handed (0.3.38, `_update_stream_config`), so
    these are copies: compared with themselves, they would always be as asked.
    """
    for count in range(asked["buffer_count"], 0, -1):
        streams = {name: asked[name] and dict(asked[name]) for name in ("main", "raw")}
        try:
            return picam.configure({**asked, **streams, "buffer_count": count})
        except OSError as error:  # from the kernel's heap (picamera2 0.3.38, dma_heap.py)
            denied = error
    raise CameraUnavailable(refused(asked, memory, denied)) from denied


def _check_sensor(picam: Picamera2, settings: PicamSettings) -> None:
    """Refuse what would crop or coarsen the picture unnoticed."""
    properties, resolution = picam.camera_properties, tuple(picam.sensor_resolution)
    model, whole = str(properties.get("Model", "")), tuple(properties.get("PixelArraySize", resolution))
    if model.startswith("imx708") and resolution != whole:
        raise CameraUnavailable(
            f"The sensor offers {resolution[0]} x {resolution[1]} of its {whole[0]} x {whole[1]} pixels: its "
            "HDR mode is on. Switch it off with 'v4l2-ctl --set-ctrl wide_dynamic_range=0 -d "
            "/dev/v4l-subdev0' (or the number that has this control), and open the camera anew."
        )
    if settings.bits != 8 and picam.platform.name != "PISP":
        raise CameraUnavailable(
            f"{settings.bits} bits a colour come from a Pi 5's image processor only, and this board gives 8: "
            "save 8-bit files, or raw ones."
        )


def _granted(picam: Picamera2, asked: Mapping[str, Any]) -> Configured:
    granted = picam.camera_configuration()
    if not is_native(picam) and granted["main"]["format"] in FOREIGN_FORMATS:
        asked = {**asked, "main": {**asked["main"], "format": granted["main"]["format"]}}
    if why := refusal(asked, granted):
        raise CameraUnavailable(why)
    raw = granted.get("raw")
    limits = picam.camera_controls.get("FrameDurationLimits", (UNKNOWN_FRAME_US,))
    readout_us, rows = int(limits[0]), (raw or granted["main"])["size"][1]
    form = raw_format(raw["format"]) if raw else None
    sensor = granted.get("sensor") or {}
    return Configured(
        main=granted["main"],
        raw=raw,
        sensor_bits=int(sensor.get("bit_depth") or (form.bits if form else 8)),
        readout_us=readout_us,
        line_us=readout_us / rows,
        pixel_um=_pixel_um(picam, granted["main"]),
    )


def _pixel_um(picam: Picamera2, main: Stream) -> float | None:
    """Give the distance between a frame's pixels: the sensor's, where it is not scaled down.

    What is scaled is the largest part of the sensor with a frame's proportions (libcamera 0.7.1,
    `pipeline/rpi`).
    """
    properties, resolution = picam.camera_properties, picam.sensor_resolution
    whole = properties.get("PixelArraySize", resolution)
    if (cell_nm := properties.get("UnitCellSize")) is None or tuple(resolution) != tuple(whole):
        return None  # what it shows of itself may be a part, or binned
    ratios = [int(whole) / int(side) for whole, side in zip(resolution, main["size"], strict=True)]
    return float(cell_nm[0]) / 1000 * min(ratios)


def _unpacked(sensor_format: str) -> str:
    form = raw_format(str(sensor_format))
    return form.unpacked if form else str(sensor_format)

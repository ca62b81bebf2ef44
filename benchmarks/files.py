"""Measure how long a slice's files take to encode, against the bare library and against a copy of the pixels.

`python benchmarks/files.py [--size 4056x3040] [--rounds 7]`

The slice is the simulator's fly with a sensor's noise, for noise is what files are filled with. Printed a
format: the median of all rounds in milliseconds, megabytes, and two ratios: to the bare library (simplejpeg,
OpenCV's PNG at compression 1, OpenCV's TIFF uncompressed, for a DNG that of the mosaic; none of them writes
EXIF or a profile) and to the floor, a copy of the 8-bit picture into memory that is there. Everything
on one thread, as the writer has it.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from camera.camera import CameraIdentity, Exposure, Mosaic
from camera.files import encode_dng, encode_jpeg, encode_png, encode_tiff
from camera.tags import SliceTags
from simulator.rig import RigSpec, virtual_rig
from simulator.sensor import CameraSpec

TAGS = SliceTags(
    index=6,
    slices=40,
    position_u=20_012.5,
    unit="um",
    taken_at=datetime.now(UTC),
    exposure=Exposure(9990, 1.333, (2.1, 1.7)),
    identity=CameraIdentity("Raspberry Pi", "imx477", "imx477"),
    optics="2x f/4",
    software="focusrail",
    magnification=2.0,
    f_number=4.0,
    um_a_px=0.775,
)
Encode = Callable[[], object]


def photographed(size_px: tuple[int, int]) -> tuple[np.ndarray, Mosaic]:
    """Give a slice of the simulated fly, and its raw pixels."""
    with tempfile.TemporaryDirectory() as folder:
        rig, _ = virtual_rig(Path(folder), RigSpec(camera=CameraSpec(size_px=size_px), start_um=20_000.0))
        camera = rig.picamera2(0)
        raw = {"format": "SRGGB12"}
        camera.configure(camera.create_still_configuration({"format": "RGB888"}, raw=raw, buffer_count=2))
        camera.start()
        request = camera.capture_request(flush=rig.clock.monotonic_ns() + 2_000_000_000)
        pixels, array = request.make_array("main"), request.make_array("raw")
        sensor = np.ascontiguousarray(array).view(np.uint16)[:, : size_px[0]]
        return pixels, Mosaic(sensor.copy(), "RGGB", int(sensor.max()), (256.0,) * 4)


def bare(suffix: str, pixels: np.ndarray, *options: int) -> Encode:
    """Give OpenCV's encoder by itself."""
    return lambda: cv2.imencode(suffix, pixels, list(options))[1].tobytes()


def median_ms(encode: Encode, rounds: int) -> float:
    """Give the median time of a call, after one to warm up."""
    encode()
    times_ms = []
    for _ in range(rounds):
        began_s = time.perf_counter()
        encode()
        times_ms.append(1000 * (time.perf_counter() - began_s))
    return statistics.median(times_ms)


def main() -> None:
    """Print the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--size", default="4056x3040", metavar="WIDTHxHEIGHT")
    asked.add_argument("--rounds", type=int, default=7)
    arguments = asked.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    cv2.setNumThreads(1)
    pixels, mosaic = photographed((width, height))
    deep = pixels.astype(np.uint16) * 257 + (mosaic.pixels[..., None] & 0xFF)
    jpeg = {"quality": 95, "colorspace": "BGR", "colorsubsampling": "444"}
    fast, plain = cv2.IMWRITE_PNG_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION
    rows: dict[str, tuple[Encode, Encode]] = {
        "jpeg": (lambda: encode_jpeg(pixels, TAGS), lambda: simplejpeg.encode_jpeg(pixels, **jpeg)),
        "png": (lambda: encode_png(pixels, TAGS), bare(".png", pixels, fast, 1)),
        "png16": (lambda: encode_png(deep, TAGS), bare(".png", deep, fast, 1)),
        "tiff16": (lambda: encode_tiff(deep, TAGS), bare(".tif", deep, plain, 1)),
        "dng": (lambda: encode_dng(mosaic, TAGS, None), bare(".tif", mosaic.pixels, plain, 1)),
    }
    there = np.empty_like(pixels)
    floor_ms = median_ms(lambda: np.copyto(there, pixels), arguments.rounds)
    print(f"{width} x {height}, median of {arguments.rounds}, one thread; a copy takes {floor_ms:.1f} ms")
    print(f"{'':8}{'ms':>8}{'MB':>8}{'/ bare':>8}{'/ copy':>8}")
    for name, (encode, alone) in rows.items():
        took_ms = median_ms(encode, arguments.rounds)
        alone_ms = median_ms(alone, arguments.rounds)
        size_mb = len(encode()) / 1e6  # type: ignore[arg-type]
        print(f"{name:8}{took_ms:8.0f}{size_mb:8.1f}{took_ms / alone_ms:8.2f}{took_ms / floor_ms:8.1f}")


if __name__ == "__main__":
    main()

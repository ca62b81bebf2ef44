"""What lets the real picamera2 run on libcamera's virtual camera, which gives NV12 alone and no raw pixels.

Imported before a camera is opened. Nothing of what is tested is touched: not its event loop, nor its jobs,
requests, controls or time-outs.
"""

import mmap
import os
from typing import Any

import libcamera
import picamera2.picamera2 as library
from picamera2.allocators.dmaallocator import DmaAllocator


def _modes(camera: Any) -> list[dict[str, Any]]:
    """Give the camera's modes by a role that it has; raw pixels it has none."""
    configuration = camera.camera.generate_configuration([libcamera.StreamRole.StillCapture])
    formats = configuration.at(0).formats
    return [
        {"format": str(form), "size": (size.width, size.height)}
        for form in formats.pixel_formats
        for size in formats.sizes(form)
    ]


class TwoPlanes(DmaAllocator):
    """Allocates as picamera2 does, but names brightness and colour as two planes: libcamera writes both."""

    def allocate(self, libcamera_config: Any, _use_case: Any) -> None:
        """Allocate the buffers of every stream."""
        self.libcamera_fds: list[int] = []
        self.cleanup()
        for fd in self.open_fds:
            os.close(fd)
        self.frame_buffers, self.open_fds = {}, []
        for config in libcamera_config:
            self.frame_buffers[config.stream] = [self._buffer(config) for _ in range(config.buffer_count)]

    def _buffer(self, config: Any) -> Any:
        fd = self.dmaHeap.alloc("virtual", config.frame_size).get()
        self.open_fds.append(fd)
        bright = config.stride * config.size.height
        planes = []
        for offset, length in ((0, bright), (bright, config.frame_size - bright)):
            plane = libcamera.FrameBuffer.Plane()
            plane.fd, plane.offset, plane.length = fd, offset, length
            planes.append(plane)
        first = planes[0].fd
        self.libcamera_fds.append(first)
        self.mapped_buffers_used[first] = False
        buffer = libcamera.FrameBuffer(planes)
        access = mmap.PROT_READ | mmap.PROT_WRITE
        self.mapped_buffers[buffer] = mmap.mmap(first, config.frame_size, mmap.MAP_SHARED, access)
        return buffer


library.Picamera2._get_raw_modes = _modes
library.DmaAllocator = TwoPlanes

# picamera2 0.3.38 names two controls that libcamera 0.4 does not have yet.
for later, earlier in (("ExposureTimeMode", "ExposureTime"), ("AnalogueGainMode", "AnalogueGain")):
    if not hasattr(libcamera.controls, later):
        setattr(libcamera.controls, later, getattr(libcamera.controls, earlier))

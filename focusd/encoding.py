"""A frame as the JPEG of a slice, which says where and how it was taken."""

from functools import partial
from importlib.metadata import version

from camera.camera import CameraIdentity, Frame, eight_bits
from stack.optics import Optics
from stack.shoot import Encode, SliceLabel


def encoder(camera: CameraIdentity, optics: Optics | None, jpeg_quality: int) -> Encode:
    """Give what turns a frame into a JPEG that says where and how it was taken."""
    return partial(_jpeg, camera, optics, f"focusrail {version('focusrail')}", jpeg_quality)


def _jpeg(
    camera: CameraIdentity,
    optics: Optics | None,
    software: str,
    quality: int,
    frame: Frame,
    label: SliceLabel,
) -> bytes:
    from camera.files import encode_jpeg
    from camera.tags import SliceTags

    tags = SliceTags(
        index=label.index,
        slices=label.slices,
        position_u=label.position_u,
        unit=label.unit,
        taken_at=label.taken_at,
        exposure=frame.exposure,
        identity=camera,
        optics=optics.words if optics else "",
        software=software,
        magnification=optics.magnification if optics else None,
        f_number=optics.f_number if optics else None,
    )
    return encode_jpeg(eight_bits(frame.pixels), tags, quality)

"""What becomes of a frame on the disk: the formats of a slice, and what each file says of itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Literal, cast

from camera.camera import CameraIdentity, Frame, eight_bits
from stack.optics import Optics
from stack.slice_files import Encode, SliceLabel

if TYPE_CHECKING:
    from camera.tags import SliceTags

FormatName = Literal["jpeg", "png", "png16", "tiff16", "dng"]


@dataclass(frozen=True, slots=True)
class SliceFormat:
    """How a slice is saved.

    Attributes
    ----------
    suffix
        Of the file that is merged.
    bytes_a_pixel
        Room to set aside for all its files.
    bits
        Of a colour; 16 on a Pi 5 only.
    raw
        Whether a DNG stands beside it.
    """

    suffix: str
    bytes_a_pixel: int
    bits: Literal[8, 16] = 8
    raw: bool = False


FORMATS: Final[Mapping[str, SliceFormat]] = {
    "jpeg": SliceFormat(".jpg", 1),
    "png": SliceFormat(".png", 3),
    "png16": SliceFormat(".png", 6, bits=16),
    "tiff16": SliceFormat(".tif", 6, bits=16),
    "dng": SliceFormat(".jpg", 3, raw=True),
}


@dataclass(frozen=True, slots=True)
class Encoding:
    """How this daemon saves slices.

    Attributes
    ----------
    form
        The format.
    jpeg_quality
        1 to 100; of JPEGs.
    """

    form: SliceFormat
    jpeg_quality: int

    def encoder(self, camera: CameraIdentity, optics: Optics | None) -> Encode:
        """Give what turns a frame into the file that is merged."""
        source = _source(camera, optics)
        match self.form.suffix:
            case ".png":
                return partial(_png, source)
            case ".tif":
                return partial(_tiff, source)
            case _:
                return partial(_jpeg, source, self.jpeg_quality)

    def companions(self, camera: CameraIdentity, optics: Optics | None) -> Mapping[str, Encode]:
        """Give what turns a frame into the other files of a slice, by suffix."""
        return {".dng": partial(_dng, _source(camera, optics))} if self.form.raw else {}


@dataclass(frozen=True, slots=True)
class _Source:
    """What all slices of a stack have alike."""

    camera: CameraIdentity
    optics: Optics | None
    software: str

    def tags(self, frame: Frame, label: SliceLabel) -> "SliceTags":
        from camera.tags import SliceTags

        optics = self.optics
        scaled = None if label.unit == "d" else optics  # focused by its camera, a lens has many scales
        return SliceTags(
            index=label.index,
            slices=label.slices,
            position_u=label.position_u,
            unit=label.unit,
            taken_at=label.taken_at,
            exposure=frame.exposure,
            identity=self.camera,
            optics=optics.words if optics else "",
            software=self.software,
            magnification=scaled.magnification if scaled else None,
            f_number=optics.f_number if optics else None,
            focal_mm=optics.focal_mm if optics else None,
            um_a_px=scaled.um_a_px if scaled else None,
        )


def _source(camera: CameraIdentity, optics: Optics | None) -> _Source:
    return _Source(camera, optics, f"focusrail {version('focusrail')}")


def _jpeg(source: _Source, quality: int, frame: Frame, label: SliceLabel) -> bytes:
    from camera.files import encode_jpeg

    return encode_jpeg(eight_bits(frame.pixels), source.tags(frame, label), quality)


def _png(source: _Source, frame: Frame, label: SliceLabel) -> bytes:
    from camera.files import encode_png

    return encode_png(frame.pixels, source.tags(frame, label))


def _tiff(source: _Source, frame: Frame, label: SliceLabel) -> bytes:
    from camera.files import encode_tiff

    return encode_tiff(frame.pixels, source.tags(frame, label))


def _dng(source: _Source, frame: Frame, label: SliceLabel) -> bytes:
    from camera.files import encode_dng

    if frame.mosaic is None:
        raise ValueError("the camera gave no raw pixels with this frame")
    correction = cast(Sequence[float] | None, frame.metadata.get("ColourCorrectionMatrix"))
    return encode_dng(frame.mosaic, source.tags(frame, label), correction)

"""Depth of field, and the pitch between slices that follows from it.

Of a magnified image, where the camera moves: in micrometres on the subject's side, for a lens in air with a
pupil ratio of one. Of a thin lens that is focused: in dioptres, in which it is the same at every distance.
"""

import math
from dataclasses import dataclass

from rail.screw import Unit

CIRCLE_OF_CONFUSION_PX = 2.0
"""A blur no wider than two pixels cannot be told from sharp: the sampling limit of the sensor."""

PIXELS_ALIKE = 0.05
"""Part by which pixels may be told otherwise than a camera tells them: its makers round."""

DEFAULT_OVERLAP = 0.75
"""Pitch as a part of the depth of field; 0.7 to 0.75 is what macro photographers and lens makers advise."""


@dataclass(frozen=True, slots=True)
class Optics:
    """What decides how deep one slice is sharp.

    Attributes
    ----------
    magnification
        Size on the sensor over size of the subject, above zero; what a depth in micrometres follows from.
    f_number
        As marked on the lens (focused at infinity). Give this or `numerical_aperture`, not both.
    numerical_aperture
        On the subject's side, as engraved on a microscope objective; below 1 in air.
    pixel_um
        Distance between the frame's pixels, binning included.
    wavelength_um
        Green by default.
    focal_mm
        Focal length, above zero; what a depth in dioptres follows from.
    """

    magnification: float | None = None
    f_number: float | None = None
    numerical_aperture: float | None = None
    pixel_um: float = 1.55
    wavelength_um: float = 0.55
    focal_mm: float | None = None

    def __post_init__(self) -> None:
        if (self.f_number is None) == (self.numerical_aperture is None):
            raise ValueError("give either f_number or numerical_aperture, and not both")
        if self.magnification is None and self.focal_mm is None:
            raise ValueError("give the magnification or focal_mm, or both")
        for name in (
            "magnification",
            "f_number",
            "numerical_aperture",
            "pixel_um",
            "wavelength_um",
            "focal_mm",
        ):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be above zero, not {value}")
        if self.numerical_aperture is not None and self.numerical_aperture >= 1:
            raise ValueError(f"numerical_aperture in air is below 1, not {self.numerical_aperture}")

    @property
    def effective_f_number(self) -> float:
        """The f-number that the sensor sees: N (m + 1), or m / (2 NA)."""
        magnification = _given(self.magnification, "the magnification")
        if self.f_number is not None:
            return self.f_number * (magnification + 1)
        return magnification / (2 * _given(self.numerical_aperture, "the aperture"))

    @property
    def words(self) -> str:
        """The lens in words, in ASCII: `2x f/4`, `10x NA 0.28`, `4.74 mm f/1.8`."""
        known = (
            f"{self.magnification:g}x" if self.magnification is not None else "",
            f"{self.focal_mm:g} mm" if self.focal_mm is not None else "",
            f"f/{self.f_number:g}" if self.f_number is not None else f"NA {self.numerical_aperture:g}",
        )
        return " ".join(filter(None, known))

    @property
    def um_a_px(self) -> float | None:
        """Micrometres of the subject for a pixel of the frame; None without a magnification."""
        return self.pixel_um / self.magnification if self.magnification is not None else None

    def pixel_doubt(self, pixel_um: float | None) -> str | None:
        """Say that a camera tells other pixels of its frames; None where they fit, or it tells none."""
        if pixel_um is None or abs(self.pixel_um / pixel_um - 1) <= PIXELS_ALIKE:
            return None
        return (
            f"the optics' pixel_um is {self.pixel_um:g}, and the pixels of the camera's frames are "
            f"{pixel_um:.3g} µm apart: how large a pixel is on the subject and how deep a slice is sharp are "
            "told wrong. Set pixel_um to that; a magnification that was measured with the other, "
            "`focusctl calibrate scale` measures anew"
        )

    @property
    def circle_of_confusion_um(self) -> float:
        """The widest blur on the sensor that still counts as sharp."""
        return CIRCLE_OF_CONFUSION_PX * self.pixel_um


def classic_depth_um(effective_f_number: float, magnification: float, circle_um: float) -> float:
    """Give the total depth of field of geometrical optics: 2 c f_eff / m².

    Front and back together. It knows nothing of diffraction, so it is too small where the Airy disc is wider
    than the circle of confusion. Canon's table for the MP-E 65
    follows it, with c = 0.035 mm.
    """
    return 2 * circle_um * effective_f_number / magnification**2


def wave_depth_um(effective_f_number: float, magnification: float, wavelength_um: float = 0.55) -> float:
    """Give the total depth of field of wave optics: 4 λ f_eff² / m², which is λ / NA².

    Within it the wavefront errs by a quarter of a wave at most, and contrast drops by about 26 % at worst
    (Rik Littlefield, Zerene Systems, "Depth of field calculator"). It knows nothing of the sensor, so it is
    too small where the pixels are coarser than diffraction.
    """
    return 4 * wavelength_um * (effective_f_number / magnification) ** 2


def depth_of_field_um(optics: Optics) -> float:
    """Give the total depth of field a pitch is taken from: the larger of classic and wave.

    Each formula leaves one cause of blur out and so errs on the small side; the true depth is at least the
    larger of the two. A pitch below that cannot leave an unsharp band between slices, and a pitch from the
    smaller one would only cost frames. (MicroscopyU adds the two: coarser still, and without that guarantee.)
    """
    f_eff, m = optics.effective_f_number, _given(optics.magnification, "the magnification")
    return max(
        classic_depth_um(f_eff, m, optics.circle_of_confusion_um),
        wave_depth_um(f_eff, m, optics.wavelength_um),
    )


def classic_depth_d(f_number: float, focal_mm: float, circle_um: float) -> float:
    """Give the total depth of field of a thin lens that is focused, in dioptres: 2 c N / f².

    From 1/f = 1/u + 1/v: a blur of c on the sensor is a change of c N of the image distance v, front and
    back, and that is a change of c N / f² of 1/u, whatever the distance u of the subject is, as long as that
    is many focal lengths. So slices lie evenly in dioptres, not in millimetres.
    """
    return 2 * circle_um * f_number / focal_mm**2


def wave_depth_d(f_number: float, focal_mm: float, wavelength_um: float = 0.55) -> float:
    """Give the same by wave optics: 4 λ N² / f², a quarter of a wave of error at most."""
    return 4 * wavelength_um * (f_number / focal_mm) ** 2


def depth_of_field_d(optics: Optics) -> float:
    """Give the total depth of field of a lens that is focused, in dioptres: the larger of classic and wave.

    Raises ValueError for optics without focal length and f-number.
    """
    focal_mm = _given(optics.focal_mm, "the focal length")
    f_number = _given(optics.f_number, "the f-number")
    return max(
        classic_depth_d(f_number, focal_mm, optics.circle_of_confusion_um),
        wave_depth_d(f_number, focal_mm, optics.wavelength_um),
    )


def depth_of_field_u(optics: Optics, unit: Unit) -> float | None:
    """Give the total depth of field in an axis's unit; None where the optics do not say.

    The degrees of a focus ring mean something else on every lens, so in them it is never known.
    """
    if unit == "um" and optics.magnification is not None:
        return depth_of_field_um(optics)
    if unit == "d" and optics.focal_mm is not None and optics.f_number is not None:
        return depth_of_field_d(optics)
    return None


def pitch_u(depth_u: float, overlap: float = DEFAULT_OVERLAP) -> float:
    """Give the largest advisable distance between slices: `overlap` times the depth of field.

    Parameters
    ----------
    depth_u
        The depth of field, in any unit.
    overlap
        The pitch as a part of the depth of field, above 0 and up to 1. At 0.75 the sharp zones of neighbours
        share a quarter of their depth; at 1 they touch; smaller is finer.
    """
    if not 0 < overlap <= 1:
        raise ValueError(
            f"overlap is the pitch as a part of the depth of field, above 0 and up to 1, not {overlap}"
        )
    return overlap * depth_u


def _given(value: float | None, what: str) -> float:
    if value is None:
        raise ValueError(f"the depth of field needs {what}, and these optics do not say it")
    return value

"""What a camera is asked for, and what is made of what it grants, on cameras of paper."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from camera.configuration import Configured, PicamSettings, configure, is_native, known
from camera.errors import CameraUnavailable
from camera.memory import Memory

ROOM = Memory(8_000_000_000, None, None)
SMALL = Memory(400_000_000, 64_000_000, 60_000_000)
WHOLE = (4056, 3040)


@dataclass
class Paper:
    """A camera that grants what it is asked for, but for `grants`."""

    platform_name: str = "PISP"
    model: str = "imx477"
    resolution: tuple[int, int] = WHOLE
    pixel_array: tuple[int, int] = WHOLE
    raw: str = "SRGGB12_CSI2P"
    native: bool = True
    grants: dict[str, Any] = field(default_factory=dict)
    camera_controls: dict[str, Any] = field(
        default_factory=lambda: {
            "AeEnable": (False, True, True),
            "AwbEnable": (False, True, True),
            "NoiseReductionMode": (0, 4, 0),
            "HdrMode": (0, 4, 0),
            "Sharpness": (0.0, 16.0, 1.0),
            "FrameDurationLimits": (100_000, 1_000_000, 33_333),
        }
    )
    configured: dict[str, Any] = field(default_factory=dict)

    @property
    def platform(self) -> Any:
        return SimpleNamespace(name=self.platform_name)

    @property
    def camera_properties(self) -> dict[str, Any]:
        pattern = {"ColorFilterArrangement": 0, "UnitCellSize": (1550, 1550)} if self.native else {}
        return {"Model": self.model, "PixelArraySize": self.pixel_array, **pattern}

    @property
    def sensor_resolution(self) -> tuple[int, int]:
        return self.resolution

    @property
    def sensor_format(self) -> str:
        return self.raw

    def create_still_configuration(self, main: dict[str, Any], **rest: Any) -> dict[str, Any]:
        return {"main": dict(main), **rest}

    def configure(self, config: dict[str, Any]) -> None:
        self.configured = config

    def camera_configuration(self) -> dict[str, Any]:
        return {**self.configured, "sensor": {"bit_depth": 12}, **self.grants}


def configured(paper: Paper, memory: Memory = ROOM, **settings: Any) -> Configured:
    return configure(paper, PicamSettings(**settings), memory)  # type: ignore[arg-type]


def test_all_that_must_be_right_in_the_first_frame_is_asked_for_at_once() -> None:
    paper = Paper()
    assert configured(paper) == Configured(
        main={"format": "RGB888", "size": WHOLE},
        raw={"format": "SRGGB12", "size": WHOLE},
        sensor_bits=12,
        readout_us=100_000,
        line_us=100_000 / 3040,
        pixel_um=1.55,
    )
    assert paper.configured == {
        "main": {"format": "RGB888", "size": WHOLE},
        "raw": {"size": WHOLE, "format": "SRGGB12"},
        "buffer_count": 2,
        "controls": {
            "NoiseReductionMode": 0,
            "HdrMode": 0,
            "Sharpness": 0.0,
            "AeEnable": True,
            "AwbEnable": True,
        },
        "display": None,
        "encode": None,
        "queue": True,
    }


def test_a_smaller_picture_is_made_of_the_whole_sensor() -> None:
    paper = Paper()
    granted = configured(paper, size_px=(2028, 1520), bits=16)
    assert (granted.size_px, granted.main["format"]) == ((2028, 1520), "RGB161616")
    assert paper.configured["raw"]["size"] == WHOLE
    assert granted.line_us == 100_000 / 3040, "by the sensor's rows"


@pytest.mark.parametrize(
    ("size_px", "pixel_um"),
    [(None, 1.55), ((2028, 1520), 3.1), ((2028, 1080), 3.1), ((1520, 1520), 3.1), ((4056, 2160), 1.55)],
)
def test_pixels_are_as_far_apart_as_what_is_scaled_of_the_sensor(
    size_px: tuple[int, int] | None, pixel_um: float
) -> None:
    assert configured(Paper(), size_px=size_px).pixel_um == pytest.approx(pixel_um)
    binned_or_cropped = Paper(model="imx519", resolution=(2028, 1520))
    assert configured(binned_or_cropped).pixel_um is None, "nobody says which it is"
    assert configured(Paper(native=False)).pixel_um is None


def test_controls_that_a_camera_does_not_have_are_not_sent_to_it() -> None:
    paper = Paper(camera_controls={"AeEnable": (False, True, True)})
    assert known(paper, {"AeEnable": True, "HdrMode": 0}) == {"AeEnable": True}  # type: ignore[arg-type]
    assert configured(paper).readout_us == 200_000
    assert paper.configured["controls"] == {"AeEnable": True}


def test_where_memory_is_short_frames_are_smaller_and_fewer() -> None:
    paper = Paper("VC4", resolution=(3280, 2464), pixel_array=(3280, 2464), raw="SBGGR10_CSI2P")
    granted = configured(paper, SMALL)
    assert (granted.main["format"], paper.configured["buffer_count"]) == ("YUV420", 1)
    tiny = Memory(400_000_000, 32_000_000, 30_000_000)
    with pytest.raises(CameraUnavailable, match=r"One frame takes 45 MB .* sets 32 MB aside \(30 MB"):
        configured(paper, tiny)
    assert configured(Paper(), tiny).main["format"] == "YUV420", "on a Pi 5 they come from all of it"


def test_a_sensor_in_its_hdr_mode_is_refused_and_another_crop_is_not() -> None:
    half = (2304, 1296)
    with pytest.raises(
        CameraUnavailable, match=r"offers 2304 x 1296 of its 4608 x 2592 pixels.*wide_dynamic_range=0"
    ):
        configured(Paper(model="imx708_wide", resolution=half, pixel_array=(4608, 2592)))
    assert (
        configured(Paper(model="imx708", resolution=(4608, 2592), pixel_array=(4608, 2592))).raw is not None
    )
    assert configured(Paper(model="imx519", resolution=half, pixel_array=(4608, 2592))).size_px == half


@pytest.mark.parametrize("bits", [8, 16])
def test_sixteen_bits_come_from_a_pi_5_alone(bits: int) -> None:
    old = Paper("VC4")
    if bits == 16:
        with pytest.raises(CameraUnavailable, match="16 bits a colour come from a Pi 5"):
            configured(old, bits=16)
        assert old.configured == {}
    else:
        assert configured(old).main["format"] == "RGB888"


def test_a_camera_on_usb_gives_what_it_has_and_a_pis_own_what_it_was_asked_for() -> None:
    grants = {"main": {"format": "MJPEG", "size": (1920, 1080)}, "raw": None, "sensor": None}
    usb = Paper(native=False, raw="MJPEG", resolution=(1920, 1080), pixel_array=(1920, 1080), grants=grants)
    assert not is_native(usb)  # type: ignore[arg-type]
    granted = configured(usb)
    assert granted == Configured({"format": "MJPEG", "size": (1920, 1080)}, None, 8, 100_000, 100_000 / 1080)
    strange = {**grants, "main": {"format": "H264", "size": (1920, 1080)}}
    with pytest.raises(CameraUnavailable, match=r"offers 1920 x 1080 \(H264\)"):
        configured(Paper(native=False, raw="MJPEG", resolution=(1920, 1080), grants=strange))
    with pytest.raises(CameraUnavailable, match=r"offers 1920 x 1080 \(MJPEG\)"):
        configured(Paper(resolution=(1920, 1080), grants=grants))
    with pytest.raises(CameraUnavailable, match="offers 1280 x 720"):
        configured(
            Paper(
                native=False, raw="MJPEG", grants={**grants, "main": {"format": "MJPEG", "size": (1280, 720)}}
            )
        )


def test_the_sensors_bits_are_its_own_word_or_those_that_are_stored() -> None:
    stored = {"raw": {"format": "SRGGB16", "size": WHOLE}}
    assert configured(Paper(grants=stored)).sensor_bits == 12
    for silent in ({}, {"bit_depth": None}, None):
        assert configured(Paper(grants={**stored, "sensor": silent})).sensor_bits == 16

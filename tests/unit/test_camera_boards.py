"""Every board and every sensor: the same scene, whatever the streams it comes through."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from camera_bench import SPEC, Ladder, camera_rig, jump

from camera.camera import Exposure, Frame, eight_bits
from camera.configuration import PicamSettings
from camera.errors import CameraUnavailable
from camera.memory import Memory
from camera.picam import PicamCamera
from camera.shading import linear
from simulator.rig import SimulatedRig
from simulator.scene import View
from simulator.sensor import CameraSpec

ASKED = Exposure(8_000, 1.0, (2.1, 1.7))
LARGE = Memory(4_000_000_000, 512_000_000, 300_000_000)
SMALL = Memory(430_000_000, 256_000_000, 1_000_000)

VC4 = replace(SPEC.camera, platform="VC4")
PI_5 = replace(SPEC.camera, platform="PISP")
GLOBAL = replace(PI_5, model="imx296", global_shutter=True, offset_ns=14_260)
MONO = replace(PI_5, model="imx296", mono=True)
WEBCAM = replace(VC4, model="webcam", native=False)


def rig_of(folder: Path, camera: CameraSpec) -> SimulatedRig:
    rig, _ = camera_rig(folder, replace(SPEC, camera=camera))
    jump(rig, 500.0)
    return rig


def opened(rig: SimulatedRig, memory: Memory = LARGE, **settings: object) -> PicamCamera:
    return PicamCamera(rig.picamera2, PicamSettings(**settings), rig.clock, lambda: memory)  # type: ignore[arg-type]


def shot(folder: Path, camera: CameraSpec, memory: Memory = LARGE, **settings: object) -> Frame:
    rig = rig_of(folder, camera)
    eye = opened(rig, memory, **settings)
    eye.lock(ASKED)
    frame = eye.capture(rig.clock.monotonic_ns() + 500_000_000)
    eye.close()
    return frame


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    return shot(tmp_path_factory.mktemp("reference"), VC4).pixels.mean(axis=(0, 1))


@pytest.mark.parametrize("camera", [VC4, PI_5, GLOBAL], ids=["Pi 4", "Pi 5", "global shutter"])
@pytest.mark.parametrize("memory", [LARGE, SMALL], ids=["4 GB", "512 MB"])
def test_pixels_are_the_same_on_every_board(
    tmp_path: Path, reference: np.ndarray, camera: CameraSpec, memory: Memory
) -> None:
    frame = shot(tmp_path, camera, memory)

    assert (frame.pixels.dtype, frame.pixels.shape) == (np.uint8, (120, 160, 3))
    assert np.abs(frame.pixels.mean(axis=(0, 1)) - reference).max() < 1
    assert frame.mosaic is None


def test_sixteen_bits_on_a_pi_5(tmp_path: Path, reference: np.ndarray) -> None:
    pixels = shot(tmp_path, PI_5, bits=16).pixels

    assert pixels.dtype == np.uint16
    assert len(np.unique(pixels[..., 1])) > 256
    assert np.abs(eight_bits(pixels).mean(axis=(0, 1)) - reference).max() < 1


def test_sixteen_bits_elsewhere_are_refused_not_feigned(tmp_path: Path) -> None:
    with pytest.raises(CameraUnavailable, match="this board gives 8"):
        opened(rig_of(tmp_path, VC4), bits=16)


class Card(Ladder):
    """A card of one colour: blue, green, red."""

    def render(self, focus_um: float, view: View = View()) -> np.ndarray:  # noqa: B008
        return np.full((*reversed(SPEC.camera.size_px), 3), COLOUR, np.float32)


COLOUR = (0.1, 0.3, 0.6)


@pytest.mark.parametrize(
    ("camera", "memory", "bits"),
    [(VC4, LARGE, 8), (VC4, SMALL, 8), (PI_5, LARGE, 8), (PI_5, LARGE, 16)],
    ids=["Pi 4", "Zero 2", "Pi 5", "16 bits"],
)
def test_colours_are_in_our_order(tmp_path: Path, camera: CameraSpec, memory: Memory, bits: int) -> None:
    rig, clock = camera_rig(tmp_path, replace(SPEC, camera=camera))
    rig.__dict__["scene"] = Card()
    eye = opened(rig, memory, bits=bits)
    granted = eye.lock(ASKED)
    light = linear(eye.capture(clock.monotonic_ns()).pixels, 2**bits - 1).mean(axis=(0, 1))

    assert light == pytest.approx(np.array(COLOUR) * granted.time_us / 10_000, rel=0.03)


@pytest.mark.parametrize(
    ("camera", "white"),
    [
        (VC4, 4095),
        (PI_5, 65_520),
        (replace(VC4, model="imx708", bits=10), 1023),
        (replace(PI_5, model="imx708", bits=10), 65_472),
    ],
    ids=["Pi 4", "Pi 5", "10 bits on a Pi 4", "10 bits on a Pi 5"],
)
def test_raw_pixels_come_along_when_asked_for(tmp_path: Path, camera: CameraSpec, white: int) -> None:
    frame = shot(tmp_path, camera, raw=True)
    mosaic, card = frame.mosaic, 0.3 * frame.exposure.time_us / 10_000
    assert mosaic is not None
    black = mosaic.black_levels[0]
    light = (mosaic.pixels - black) / (mosaic.white - black)

    assert (mosaic.pattern, mosaic.white, mosaic.pixels.shape) == ("BGGR", white, (120, 160))
    assert mosaic.pixels.flags.owndata
    # The card reflects 0.3 at 500 µm; red and blue are dimmer by what white balance makes up for.
    assert light[0::2, 1::2].mean() == pytest.approx(card, rel=0.01)
    assert light[1::2, 1::2].mean() == pytest.approx(card / 2.1, rel=0.02)
    assert light[0::2, 0::2].mean() == pytest.approx(card / 1.7, rel=0.02)


def test_a_sensor_without_colours(tmp_path: Path) -> None:
    frame = shot(tmp_path, MONO, raw=True)

    assert frame.exposure.colour_gains == (1.0, 1.0)
    assert (frame.pixels[..., 0] == frame.pixels[..., 2]).all()
    assert frame.mosaic is not None
    assert frame.mosaic.pattern == "MONO"


def test_unpacked_raw_is_asked_for(tmp_path: Path) -> None:
    """Unless it is, a Pi 5 works on raw pixels squeezed to 8 bits, and all pictures come from those."""
    rig = rig_of(tmp_path, PI_5)
    camera = opened(rig)

    assert camera._picam.camera_configuration()["raw"]["format"] == "SBGGR16"


@pytest.mark.parametrize("camera", [VC4, PI_5], ids=["Pi 4", "Pi 5"])
def test_packed_raw_is_refused(tmp_path: Path, camera: CameraSpec) -> None:
    rig = rig_of(tmp_path, replace(camera, packs_raw=True))
    with pytest.raises(CameraUnavailable, match=r"raw pixels as they are \(SRGGB12\)"):
        opened(rig)
    assert rig.camera_taken.acquire(blocking=False), "it was left open"


def test_a_size_adjusted_without_a_word_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CameraUnavailable, match="offers 80 x 60"):
        opened(rig_of(tmp_path, replace(VC4, adjusts=True)))


def test_memory_that_holds_no_frame_is_told_before_configuring(tmp_path: Path) -> None:
    rig = rig_of(tmp_path, VC4)
    with pytest.raises(CameraUnavailable, match="this board sets 16 MB aside"):
        opened(rig, replace(LARGE, cma_total_bytes=16_050_000))


def test_with_memory_for_one_frame_slices_are_as_fresh(tmp_path: Path) -> None:
    rig = rig_of(tmp_path, VC4)
    camera = opened(rig, replace(LARGE, cma_total_bytes=16_150_000))
    camera.lock(ASKED)
    after_ns = rig.clock.monotonic_ns() + 1_000_000_000

    assert camera._picam.camera_configuration()["buffer_count"] == 1
    assert camera.capture(after_ns).began_ns >= after_ns


@pytest.mark.parametrize(
    ("platform", "words"), [("VC4", "512 MB of contiguous memory"), ("PISP", "board's memory")]
)
def test_memory_that_is_there_but_not_free_is_made_do_with_or_told(
    tmp_path: Path, platform: str, words: str
) -> None:
    tight = replace(SPEC.camera, platform=platform, memory_bytes=120_000)
    memory = LARGE if platform == "VC4" else replace(LARGE, cma_total_bytes=None)
    rig = rig_of(tmp_path, tight)
    camera = opened(rig, memory)
    assert camera._picam.camera_configuration()["buffer_count"] == 1
    camera.close()
    rig = rig_of(tmp_path / "tighter", replace(tight, memory_bytes=60_000))
    with pytest.raises(CameraUnavailable, match=f"0 MB of this .*{words}.*Cannot allocate memory.*reboot"):
        opened(rig, memory)
    assert rig.camera_taken.acquire(blocking=False), "it was left open"


def test_a_pi_5_is_not_bound_by_contiguous_memory(tmp_path: Path) -> None:
    opened(rig_of(tmp_path, PI_5), replace(LARGE, cma_total_bytes=16_050_000))


def test_hdr_in_the_sensor_is_told_with_what_to_do(tmp_path: Path) -> None:
    rig = rig_of(tmp_path, replace(PI_5, model="imx708_wide", whole_px=(4608, 2592)))
    with pytest.raises(CameraUnavailable, match="wide_dynamic_range=0"):
        opened(rig)


class TestWebcam:
    """On USB: no raw stream, no colour gains, no frame durations, no frame that says how it was exposed."""

    def test_it_takes_what_the_plan_says(self, tmp_path: Path) -> None:
        frame = shot(tmp_path, WEBCAM)

        assert frame.pixels.shape == (120, 160, 3)
        assert frame.exposure.time_us == ASKED.time_us
        assert frame.metadata["Assumed"] == ("ExposureTime", "AnalogueGain")

    def test_its_frames_are_fresh_by_a_whole_frame(self, tmp_path: Path) -> None:
        rig = rig_of(tmp_path, WEBCAM)
        camera = opened(rig)
        camera.lock(ASKED)
        for _ in range(5):
            after_ns = rig.clock.monotonic_ns() + 10_000_000
            frame = camera.capture(after_ns)
            assert frame.began_ns >= after_ns
            assert frame.ended_ns <= rig.clock.monotonic_ns()

    def test_it_cannot_be_metered(self, tmp_path: Path) -> None:
        rig = rig_of(tmp_path, WEBCAM)
        with pytest.raises(CameraUnavailable, match="does not say how it exposes"):
            opened(rig).meter(rig.clock.monotonic_ns())


def test_a_global_shutter_shows_one_place_in_all_rows(tmp_path: Path) -> None:
    """The carriage moves on as soon as a frame is there: no row has seen it move."""
    rig = rig_of(tmp_path, GLOBAL)
    camera = opened(rig)
    granted = camera.lock(ASKED)
    lines = (1000 * granted.time_us - 14_260) // SPEC.camera.line_ns
    frame = camera.capture(rig.clock.monotonic_ns() + 300_000_000)

    assert (
        abs(granted.time_us - (lines + 1) * SPEC.camera.line_ns / 1000 - 14.26) <= 1
        or abs(granted.time_us - lines * SPEC.camera.line_ns / 1000 - 14.26) <= 1
    )
    assert [camera.lock(granted) for _ in range(3)] == [granted] * 3
    assert np.ptp(frame.pixels.mean(axis=(1, 2))) < 2


def test_raw_files_of_a_camera_without_raw_pixels_are_refused_before_anything_moves(tmp_path: Path) -> None:
    with pytest.raises(CameraUnavailable, match="no raw pixels"):
        opened(rig_of(tmp_path, WEBCAM), raw=True)

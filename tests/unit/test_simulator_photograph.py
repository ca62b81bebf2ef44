from dataclasses import replace

import cv2
import numpy as np
import pytest
from picamera2_bench import MS_NS, QUIET, SIZE, Bench, Ramp, seen_um


class Colours(Ramp):
    """Blue, green and red of 0.1, 0.3 and 0.7."""

    def render(self, focus_um, view):
        return np.tile(np.array([0.1, 0.3, 0.7], np.float32), (SIZE[1], SIZE[0], 1))


BLUE, GREEN, RED = 89, 149, 218  # the sRGB curve of these


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("RGB888", (BLUE, GREEN, RED)),
        ("BGR888", (RED, GREEN, BLUE)),
        ("XRGB8888", (BLUE, GREEN, RED, 255)),
        ("XBGR8888", (RED, GREEN, BLUE, 255)),
    ],
)
def test_formats_are_in_the_real_ones_order(tmp_path, name, expected):
    bench = Bench(tmp_path, scene=Colours()).start(format=name)
    pixels, _ = bench.fresh()
    assert pixels.shape == (120, 160, len(expected))
    assert np.abs(pixels[50, 50].astype(int) - expected).max() <= 1


def test_yuv420_is_planar_full_range_and_padded(tmp_path):
    bench = Bench(tmp_path, scene=Colours()).start(format="YUV420")
    pixels, _ = bench.fresh()
    assert pixels.shape == (180, 192)
    luma = 0.299 * RED + 0.587 * GREEN + 0.114 * BLUE
    assert pixels[10, 10] == pytest.approx(luma, abs=2)
    chroma = pixels[120:].reshape(2, 60, 96)
    assert chroma[0, 5, 5] == pytest.approx(128 + 0.564 * (BLUE - luma), abs=2)
    assert chroma[1, 5, 5] == pytest.approx(128 + 0.713 * (RED - luma), abs=2)


def test_wrong_colour_gains_tint_and_gain_saturates(tmp_path):
    bench = Bench(tmp_path, scene=Colours()).start({"ColourGains": (1.0, 1.5), "AnalogueGain": 1.0})
    pixels, _ = bench.fresh()
    assert pixels[0, 0, 2] == pytest.approx(round(255 * (1.055 * 0.35 ** (1 / 2.4) - 0.055)), abs=1)
    bench.picam.set_controls({"AnalogueGain": 8.0, "ColourGains": (2.0, 1.5)})
    bench.frames(10)
    pixels, _ = bench.fresh()
    assert pixels[0, 0].tolist()[1:] == [255, 255]


def raw_of(bench):
    with bench.picam.captured_request(flush=True) as request:
        return request.make_array("raw")


@pytest.mark.parametrize(("platform", "name", "scale"), [("VC4", "SBGGR12", 1), ("PISP", "SBGGR16", 16)])
def test_raw_is_linear_with_its_black_level(tmp_path, platform, name, scale):
    bench = Bench(tmp_path, replace(QUIET, platform=platform), Colours()).start()
    raw = raw_of(bench).view(np.uint16)
    assert bench.picam.camera_configuration()["raw"]["format"] == name
    assert raw.shape == (120, 160)
    levels = (raw[:2, :2] / scale - 256.0) / (4095 - 256)
    assert levels == pytest.approx(np.array([[0.1 / 1.5, 0.3], [0.3, 0.7 / 2.0]]), abs=1e-3)


def test_packed_raw_is_three_bytes_for_two_pixels(tmp_path):
    spec = replace(QUIET, platform="VC4")
    plain = raw_of(Bench(tmp_path / "plain", spec, Colours()).start()).view(np.uint16)
    bench = Bench(tmp_path / "packed", spec, Colours()).start(raw_format="SRGGB12_CSI2P")
    packed = raw_of(bench)
    assert bench.picam.camera_configuration()["raw"]["format"] == "SBGGR12_CSI2P"
    assert packed.shape == (120, 256)
    triples = packed[:, :240].reshape(120, 80, 3).astype(int)
    first, second = triples[..., 0] << 4 | triples[..., 2] & 15, triples[..., 1] << 4 | triples[..., 2] >> 4
    assert (np.dstack([first, second]).reshape(120, 160) == plain).all()


def test_a_pi_5_squeezes_packed_raw_with_loss(tmp_path):
    bench = Bench(tmp_path, scene=Ramp()).start(raw_format="SRGGB12_CSI2P")
    assert bench.picam.camera_configuration()["raw"]["format"] == "BGGR_PISP_COMP1"
    assert raw_of(bench).shape == (120, 192)


def test_noise_is_that_of_the_electrons_and_fresh_in_every_frame(tmp_path):
    spec = replace(QUIET, full_well_e=1000.0, read_noise_e=5.0)
    bench = Bench(tmp_path, spec).start({"AnalogueGain": 2.0})
    raws = []
    for _ in range(2):
        with bench.picam.captured_request(flush=True) as request:
            codes = request.make_array("raw").view(np.uint16)[::2, 1::2] / 16
            raws.append((codes - 256.0) / (4095 - 256))
    assert raws[0].mean() == pytest.approx(0.4, rel=0.01)
    expected = np.sqrt(0.4 * 2 / 1000 + (5 * 2 / 1000) ** 2)
    assert raws[0].std() == pytest.approx(expected, rel=0.05)
    assert np.abs(np.corrcoef(raws[0].ravel(), raws[1].ravel())[0, 1]) < 0.1


def test_mains_flicker_bands_short_exposures_and_spares_long_ones(tmp_path):
    spec = replace(QUIET, flicker_percent=30.0)
    bench = Bench(tmp_path, spec).start({"ExposureTime": 1_000, "AnalogueGain": 8.0})
    short, _ = bench.fresh()
    rows = short[:, :, 1].mean(axis=1)
    assert np.ptp(rows) > 20
    bench.picam.set_controls({"ExposureTime": 10_000, "AnalogueGain": 1.0})
    bench.frames(10)
    steady, _ = bench.fresh()
    assert np.ptp(steady[:, :, 1].mean(axis=1)) < 1


def test_noise_reduction_left_on_mixes_in_the_frame_before(tmp_path):
    bench = Bench(tmp_path).start({"NoiseReductionMode": 2})
    bench.frames(5)
    moves, ghosts_um, clean_um = 6, [], []
    for n in range(1, moves + 1):
        bench.clock.pass_ns((200 + 7 * n) * MS_NS)  # another phase of the frame each time
        bench.move(25, rate=5000)
        ghosts_um.append(1000 + 25 * n - seen_um(bench.fresh()[0]).mean())
    bench.picam.set_controls({"NoiseReductionMode": 0})
    bench.frames(8)
    for n in range(moves + 1, 2 * moves + 1):
        bench.clock.pass_ns((200 + 7 * n) * MS_NS)
        bench.move(25, rate=5000)
        clean_um.append(1000 + 25 * n - seen_um(bench.fresh()[0]).mean())
    assert max(ghosts_um) > 5
    assert np.abs(clean_um).max() < 4


def test_the_lamp_lights_the_scene_when_it_is_the_only_light(tmp_path):
    bench = Bench(tmp_path, replace(QUIET, ambient=0.02, lamp=1.0)).start()
    dark, _ = bench.fresh()
    bench.world.drive("light", True, bench.clock.monotonic_ns())
    bench.frames(5)
    bright, _ = bench.fresh()
    assert dark.mean() < 25 < 100 < bright.mean()


@pytest.mark.parametrize("low", [False, True], ids=["shines while high", "shines while low"])
def test_a_frame_is_lit_as_the_lamp_was_during_its_exposure(tmp_path, low):
    """However late somebody asks: a frame from before is dark, and one of a cold LED too bright."""
    bench = Bench(tmp_path, replace(QUIET, ambient=0.1, lamp=1.0, lamp_low=low))
    bench.world.drive("light", low, bench.clock.monotonic_ns())
    bench.start(buffer_count=4)
    bench.frames(2)
    before_ns = bench.clock.monotonic_ns()
    bench.clock.pass_ns(90 * MS_NS)
    bench.world.drive("light", not low, on_ns := bench.clock.monotonic_ns())
    lit = [(each["SensorTimestamp"], each["Lux"] / 400) for each in bench.frames(40)]
    dark = [light for at_ns, light in lit if at_ns < on_ns]
    assert dark == pytest.approx([0.1] * len(dark)) and len(dark) > 1
    assert lit[0][0] - before_ns < 50 * MS_NS
    cold = [light for at_ns, light in lit if 10 * MS_NS < at_ns - on_ns < 40 * MS_NS]
    assert cold and all(1.15 < light < 1.21 for light in cold)
    assert lit[-1][1] == pytest.approx(1.1, abs=0.001)


def test_a_smaller_main_stream_is_scaled_and_keeps_circles_round(tmp_path):
    class Disc(Ramp):
        def render(self, focus_um, view):
            picture = np.zeros((SIZE[1], SIZE[0], 3), np.float32)
            cv2.circle(picture, (80, 60), 40, (1.0, 1.0, 1.0), -1)
            return picture

    bench = Bench(tmp_path, scene=Disc()).start(size=(80, 80))
    pixels, _ = bench.fresh()
    assert pixels.shape == (80, 80, 3)
    lit = pixels[:, :, 1] > 128
    assert lit[40].sum() == pytest.approx(lit[:, 40].sum(), abs=1)

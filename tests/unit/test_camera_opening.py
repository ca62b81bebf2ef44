"""What a PicamCamera asks for when it opens, and what it says when it cannot."""

import errno
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from camera_bench import SPEC
from camera_studio import ASKED, Studio, Unruly, studio_in

from camera.errors import CameraUnavailable
from camera.picam import load_picamera2


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    yield from studio_in(tmp_path)


class TestOpening:
    def test_controls_are_set_before_the_camera_starts(self, studio: Studio) -> None:
        studio.camera()
        names = [name for name, _ in studio.picam2.told]
        (configured,) = studio.picam2.times_told("configure")

        assert names == ["configure", "start"]
        assert configured["controls"]["AeEnable"] is True
        assert configured["controls"]["AwbEnable"] is True
        assert configured["controls"]["Sharpness"] == 0
        assert configured["controls"]["HdrMode"] == 0

    def test_noise_reduction_is_off(self, studio: Studio) -> None:
        studio.camera()

        assert studio.picam2.times_told("configure")[0]["controls"]["NoiseReductionMode"] == 0

    def test_it_is_configured_once_for_all(self, studio: Studio) -> None:
        camera = studio.locked()
        camera.meter(studio.soon_ns())
        camera.lock(ASKED)
        camera.capture(studio.soon_ns())

        assert len(studio.picam2.times_told("configure")) == 1
        assert len(studio.picam2.times_told("start")) == 1

    def test_the_raw_stream_and_the_queue_are_kept(self, studio: Studio) -> None:
        studio.camera()
        (configured,) = studio.picam2.times_told("configure")

        assert configured["raw"]["size"] == studio.picam2.sensor_resolution
        assert (configured["queue"], configured["buffer_count"]) == (True, 2)

    def test_lens_shading_and_contrast_do_not_adapt(self, studio: Studio) -> None:
        """libcamera ignores a tuning that it is given after it has looked for cameras."""
        studio.camera()
        tuning = studio.rig.tuning.value

        assert studio.find_tuning_algo(tuning, "rpi.alsc")["n_iter"] == 0
        assert studio.find_tuning_algo(tuning, "rpi.contrast")["ce_enable"] == 0

    def test_a_sensor_without_tuning_file_opens_with_none(self, studio: Studio) -> None:
        def missing(name: str) -> Any:
            raise RuntimeError("Tuning file not found")

        studio.load_tuning_file = missing
        studio.camera()

        assert studio.rig.tuning.value is None

    def test_a_tuning_without_lens_shading_opens(self, studio: Studio) -> None:
        studio.load_tuning_file = lambda name: {"version": 2.0, "algorithms": []}
        studio.camera()

        assert studio.rig.tuning.value == {"version": 2.0, "algorithms": []}

    @pytest.mark.parametrize(
        ("model", "mono", "name"),
        [("imx477", False, "imx477"), ("imx708_wide", False, "imx708_wide"), ("imx296", True, "imx296_mono")],
    )
    def test_each_sensor_has_its_own_tuning(self, tmp_path: Path, model: str, mono: bool, name: str) -> None:
        asked: list[str] = []
        studio = Studio(tmp_path, replace(SPEC, camera=replace(SPEC.camera, model=model, mono=mono)))
        load = studio.load_tuning_file
        studio.load_tuning_file = lambda file: load(asked.append(file) or file)
        studio.camera()

        assert asked == [f"{name}.json"]

    def test_no_camera_says_where_to_look(self, studio: Studio) -> None:
        with pytest.raises(CameraUnavailable, match="No camera number 3 found"):
            studio.camera(index=3)

    def test_a_camera_somebody_else_has_says_so(self, studio: Studio) -> None:
        studio.rig.camera_taken.acquire()
        with pytest.raises(CameraUnavailable, match="another program may have it"):
            studio.camera()

    @pytest.mark.parametrize(
        ("stream", "granted", "words"),
        [
            ("main", {"size": (96, 64)}, "offers 96 x 64"),
            ("main", {"format": "XBGR8888"}, "XBGR8888"),
            ("raw", {"size": (80, 60)}, "reads its sensor out in 80 x 60"),
        ],
    )
    def test_a_silently_adjusted_configuration_is_refused(
        self, studio: Studio, stream: str, granted: dict[str, Any], words: str
    ) -> None:
        class Adjusting(Unruly):
            def camera_configuration(self) -> dict[str, Any]:
                config = self._picam2.camera_configuration()
                return config | {stream: config[stream] | granted}

        studio.wrap = Adjusting
        with pytest.raises(CameraUnavailable, match=words):
            studio.camera()
        assert studio.picam2.closed == 1

    def test_a_sensor_read_out_in_part_is_refused(self, studio: Studio) -> None:
        """picamera2 says what it granted in the very streams that it was asked with."""

        class Cropping(Unruly):
            def configure(self, config: dict[str, Any]) -> None:
                super().configure(config)
                config["raw"]["size"] = (80, 60)

        studio.wrap = Cropping
        with pytest.raises(CameraUnavailable, match="reads its sensor out in 80 x 60 instead of 160 x 120"):
            studio.camera()

    def test_a_heap_that_may_not_be_opened_says_so(
        self, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def denied(*_: Any, **__: Any) -> Any:
            raise PermissionError(13, "Permission denied", "/dev/dma_heap/vidbuf_cached")

        monkeypatch.setattr(Studio, "__call__", denied)
        with pytest.raises(CameraUnavailable, match=r"cannot be opened.*dma_heap/vidbuf_cached"):
            studio.camera()

    @pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
    def test_a_want_of_open_files_is_not_taken_for_a_loose_cable(
        self, studio: Studio, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        def denied(*_: Any, **__: Any) -> Any:
            raise OSError(number, "Too many open files", "/dev/dma_heap/vidbuf_cached")

        monkeypatch.setattr(Studio, "__call__", denied)
        with pytest.raises(CameraUnavailable, match="too many files open") as caught:
            studio.camera()
        assert "cable" not in str(caught.value)

    def test_a_camera_that_does_not_start_is_closed(self, studio: Studio) -> None:
        class Stillborn(Unruly):
            def start(self, **how: Any) -> None:
                raise RuntimeError("Failed to start camera: Cannot allocate memory")

        studio.wrap = Stillborn
        with pytest.raises(CameraUnavailable, match="Cannot allocate memory"):
            studio.camera()
        assert studio.picam2.closed == 1

    def test_without_picamera2_it_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "picamera2", None)

        with pytest.raises(CameraUnavailable, match="sudo apt install python3-picamera2"):
            load_picamera2()

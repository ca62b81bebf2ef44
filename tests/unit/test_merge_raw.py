import sys

import numpy as np
import piexif
import pytest
from merge_stacks import rig_stack
from test_camera_files import CORRECTION, TAGS

from camera.camera import Mosaic
from camera.files import encode_dng
from stack.merge import raw
from stack.merge.command import main
from stack.merge.errors import PhotoUnreadable
from stack.merge.photos import Shape, photo_shape, read_photo
from stack.merge.tags import read_tags

pytest.importorskip("rawpy")


def mosaic_of(frame):
    """What a sensor with 12 bits would have read of a picture, blue-green-red with sRGB's curve."""
    linear = (frame.astype(np.float64) / 255) ** 2.2 * 0.8
    codes = np.empty(frame.shape[:2])
    for (top, left), channel in {(0, 0): 2, (0, 1): 1, (1, 0): 1, (1, 1): 0}.items():
        codes[top::2, left::2] = linear[top::2, left::2, channel]
    return Mosaic(np.rint(256 + codes * (4095 - 256)).astype(np.uint16), "RGGB", 4095, (256.0,) * 4)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for i, frame in enumerate(rig_stack().frames[:3]):
        (tmp_path / f"in/{i:04}.dng").write_bytes(encode_dng(mosaic_of(frame), TAGS, CORRECTION))
    return tmp_path / "in"


def test_a_raw_file_is_developed_to_sixteen_bits(folder):
    path = folder / "0000.dng"
    pixels = read_photo(path)
    assert photo_shape(path) == Shape(400, 300, 16)
    assert (pixels.dtype, pixels.shape) == (np.uint16, (300, 400, 3))
    grey, wanted = pixels.mean(axis=2), rig_stack().frames[0].mean(axis=2)
    inner = np.s_[8:-8, 8:-8]
    assert np.corrcoef(grey[inner].ravel(), wanted[inner].ravel())[0, 1] > 0.95


def test_a_bright_spot_in_one_slice_does_not_darken_the_rest(folder):
    frame = np.full((300, 400, 3), 90, np.uint8)
    read = []
    for spot in (120, 255):
        frame[10:20, 10:20] = spot
        (folder / "spot.dng").write_bytes(encode_dng(mosaic_of(frame), TAGS, CORRECTION))
        read.append(read_photo(folder / "spot.dng")[200, 200].astype(int))
    assert np.abs(read[0] - read[1]).max() <= 2


def test_raw_slices_merge_to_a_deep_picture_with_their_exif(folder, tmp_path):
    assert main([str(folder), "-o", str(tmp_path / "a.tif")]) == 0
    assert read_photo(tmp_path / "a.tif").dtype == np.uint16
    exif = piexif.load(read_tags(tmp_path / "a.tif").exif)
    assert exif["Exif"][piexif.ExifIFD.LensModel] == b"macro-2x"


def test_a_raw_file_that_is_none_is_named(folder):
    path = folder / "0000.dng"
    path.write_bytes(path.read_bytes()[:200])
    for read in (photo_shape, read_photo):
        with pytest.raises(PhotoUnreadable, match=r"0000\.dng") as refused:
            read(path)
        assert "b'" not in str(refused.value)


def test_without_rawpy_it_is_said_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(PhotoUnreadable, match=f"{sys.executable} -m pip install rawpy"):
        raw.develop(folder / "0000.dng", b"")

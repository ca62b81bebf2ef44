import json
import struct

import cv2
import numpy as np
import piexif
import pytest

from stack.merge.errors import OutputRefused
from stack.merge.output import check_output, write_picture
from stack.merge.photos import read_photo, tiff_tags
from stack.merge.tags import Tags, merged_tags, read_tags

GRADIENT = np.dstack([np.tile(np.arange(0, 256, dtype=np.uint8), (64, 1))] * 3)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_written_as_they_are(tmp_path, suffix):
    pixels = GRADIENT.astype(np.uint16) * 250 + 7
    write_picture(tmp_path / f"a{suffix}", pixels, Tags(), 95)
    assert (read_photo(tmp_path / f"a{suffix}") == pixels).all()


def test_a_jpeg_of_sixteen_bits_has_eight(tmp_path):
    write_picture(tmp_path / "a.jpg", GRADIENT.astype(np.uint16) * 257, Tags(), 95)
    assert np.abs(read_photo(tmp_path / "a.jpg").astype(int) - GRADIENT).max() <= 3


PROFILE = bytes(range(256)) * 300
"""As long as one that takes two segments of a JPEG."""
PLACE = {
    piexif.GPSIFD.GPSVersionID: (2, 3, 0, 0),
    piexif.GPSIFD.GPSLatitudeRef: b"S",
    piexif.GPSIFD.GPSLatitude: ((48, 1), (6, 1), (30, 1)),
    piexif.GPSIFD.GPSAltitudeRef: 1,
    piexif.GPSIFD.GPSAltitude: (30, 1),
}


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_exif_and_profile_of_the_reference_go_with_it(tmp_path, suffix):
    reference = piexif.dump(
        {
            "0th": {piexif.ImageIFD.Make: b"Raspberry Pi", piexif.ImageIFD.ImageDescription: b"slice 1 of 9"},
            "Exif": {
                piexif.ExifIFD.ExposureTime: (1, 125),
                piexif.ExifIFD.PixelXDimension: 999,
                piexif.ExifIFD.UserComment: b"ASCII\0\0\0" + json.dumps({"slice": 0}).encode(),
            },
            "GPS": PLACE,
        }
    )
    written = merged_tags(Tags(reference, PROFILE), (256, 64), "merged from 9 slices", {"method": "pyramid"})
    write_picture(tmp_path / f"a{suffix}", GRADIENT, written, 95)
    read = read_tags(tmp_path / f"a{suffix}")
    assert read.icc == PROFILE
    tags = piexif.load(read.exif)
    assert tags["0th"][piexif.ImageIFD.Make] == b"Raspberry Pi"
    assert tags["0th"][piexif.ImageIFD.ImageDescription] == b"merged from 9 slices"
    assert tags["Exif"][piexif.ExifIFD.ExposureTime] == (1, 125)
    assert tags["Exif"][piexif.ExifIFD.PixelXDimension] == 256
    assert tags["Exif"][piexif.ExifIFD.UserComment] == b'ASCII\0\0\0{"method": "pyramid"}'
    assert tags["0th"][piexif.ImageIFD.Software].startswith(b"focusrail")
    assert tags["GPS"] == PLACE
    assert np.abs(read_photo(tmp_path / f"a{suffix}").astype(int) - GRADIENT).max() <= (suffix == ".jpg") * 3


def test_each_directory_of_exif_ends_with_that_no_other_follows():
    """Readers warned of values that stood where the next directory is named."""
    said = {"0th": {piexif.ImageIFD.YCbCrPositioning: 1}, "Exif": {piexif.ExifIFD.ExposureTime: (1, 125)}}
    block = merged_tags(Tags(piexif.dump(said)), (256, 64), "merged", {}).exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}[block[:2]]
    (first,) = struct.unpack_from(f"{order}I", block, 4)
    (exif,) = tiff_tags(block)[34665]
    for at in (first, exif):
        (entries,) = struct.unpack_from(f"{order}H", block, at)
        behind = at + 2 + 12 * entries
        assert struct.unpack_from(f"{order}I", block, behind) == (0,)
        values = (struct.unpack_from(f"{order}8xI", block, at + 2 + 12 * entry) for entry in range(entries))
        assert behind not in {value for (value,) in values}
    assert tiff_tags(block)[piexif.ImageIFD.YCbCrPositioning] == (1,), "which readers ask for of a JPEG"


@pytest.mark.parametrize("broken", [None, b"Exif\0\0nonsense", b"Exif\0\0MM\0*\xff\xff\xff\xff"])
def test_exif_that_cannot_be_read_costs_no_picture(broken):
    tags = piexif.load(merged_tags(Tags(broken), (256, 64), "merged", {}).exif)
    assert tags["0th"][piexif.ImageIFD.ImageDescription] == b"merged"


def test_a_failed_write_leaves_the_old_file_and_no_part(tmp_path, monkeypatch):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputRefused, match="No space left"):
        write_picture(path, GRADIENT, Tags(), 95)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.jpg"]


@pytest.mark.parametrize(
    ("name", "why"), [("a.gif", "no format"), ("a", "no format"), ("none/a.jpg", "No such")]
)
def test_what_cannot_be_written_is_refused_before_any_work(tmp_path, name, why):
    with pytest.raises(OutputRefused, match=why):
        check_output(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_order_of_bytes_in_a_jpeg_is_what_others_expect(tmp_path):
    colour = np.full((32, 32, 3), (10, 120, 240), np.uint8)
    write_picture(tmp_path / "a.jpg", colour, merged_tags(Tags(), (32, 32), "x", {}), 98)
    assert np.abs(cv2.imread(str(tmp_path / "a.jpg")).astype(int) - colour).max() <= 3

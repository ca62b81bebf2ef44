import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import cv2
import numpy as np
import piexif
import pytest
import simplejpeg
from numpy.typing import NDArray

from camera.camera import CameraIdentity, Exposure
from camera.files import SliceTags, encode_jpeg, encode_png

TAGS = SliceTags(
    index=6,
    slices=40,
    position_u=20_012.5,
    unit="um",
    taken_at=datetime(2026, 11, 23, 15, 5, 12, 345_678, timezone(timedelta(hours=1))),
    exposure=Exposure(9990, 1.333, (2.1, 1.6)),
    identity=CameraIdentity("Raspberry Pi", "imx477", "imx477"),
    optics="macro-2x",
    software="focusrail 0.1.0",
    magnification=2.0,
    f_number=4.0,
)


def gradient(height: int = 37, width: int = 53) -> NDArray[np.uint8]:
    row, column = np.mgrid[:height, :width]
    return np.stack([5 * row, 4 * column, 250 - 2 * (row + column)], axis=2).astype(np.uint8)


def checkers() -> NDArray[np.uint8]:
    """Red and blue by turns, a pixel each: gone when colour is subsampled."""
    row, column = np.mgrid[:32, :32]
    red = (row + column) % 2 == 0
    return np.where(red[..., None], (20, 20, 220), (220, 20, 20)).astype(np.uint8)


def exif_of_png(png: bytes) -> dict[str, dict[int, object]]:
    chunks, at = {}, 8
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        chunks[png[at + 4 : at + 8]] = png[at + 8 : at + 8 + size]
        at += 12 + size
    assert list(chunks) == [b"IHDR", b"sRGB", b"eXIf", b"IDAT", b"IEND"]
    return piexif.load(b"Exif\0\0" + chunks[b"eXIf"])  # type: ignore[no-any-return]


def test_a_jpeg_shows_what_went_in() -> None:
    decoded = cv2.imdecode(np.frombuffer(encode_jpeg(gradient(), TAGS), np.uint8), cv2.IMREAD_COLOR)

    assert decoded.shape == (37, 53, 3)
    assert np.abs(decoded.astype(int) - gradient()).max() <= 6


def test_a_jpeg_keeps_colour_in_full() -> None:
    jpeg = encode_jpeg(checkers(), TAGS)

    assert simplejpeg.decode_jpeg_header(jpeg) == (32, 32, "YCbCr", "444")
    assert np.abs(simplejpeg.decode_jpeg(jpeg, "BGR").astype(int) - checkers()).mean() < 12


def test_quality_decides_the_size() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)

    assert len(encode_jpeg(noise, TAGS, quality=60)) < len(encode_jpeg(noise, TAGS, quality=95))


@pytest.mark.parametrize(
    "read", [lambda p: piexif.load(encode_jpeg(p, TAGS)), lambda p: exif_of_png(encode_png(p, TAGS))]
)
def test_exif_says_how_and_where(read) -> None:  # type: ignore[no-untyped-def]
    exif = read(gradient())
    image, photo = exif["0th"], exif["Exif"]

    assert image[piexif.ImageIFD.ImageDescription] == b"slice 7 of 40 at 20012.5 um"
    assert image[piexif.ImageIFD.Make] == b"Raspberry Pi"
    assert image[piexif.ImageIFD.Model] == b"imx477"
    assert image[piexif.ImageIFD.Software] == b"focusrail 0.1.0"
    assert Fraction(*photo[piexif.ExifIFD.ExposureTime]) == Fraction(9990, 1_000_000)
    assert photo[piexif.ExifIFD.ISOSpeedRatings] == 133
    assert Fraction(*photo[piexif.ExifIFD.FNumber]) == 4
    assert photo[piexif.ExifIFD.LensModel] == b"macro-2x"
    assert photo[piexif.ExifIFD.ColorSpace] == 1
    assert (photo[piexif.ExifIFD.PixelXDimension], photo[piexif.ExifIFD.PixelYDimension]) == (53, 37)
    assert json.loads(photo[piexif.ExifIFD.UserComment].removeprefix(b"ASCII\0\0\0")) == {
        "slice": 6,
        "slices": 40,
        "position": 20_012.5,
        "unit": "um",
        "gain": 1.333,
        "colour_gains": [2.1, 1.6],
        "magnification": 2.0,
        "sensor": "imx477",
    }


def test_the_time_is_utc_whatever_zone_it_came_in() -> None:
    exif = piexif.load(encode_jpeg(gradient(), TAGS))
    photo = exif["Exif"]

    assert exif["0th"][piexif.ImageIFD.DateTime] == b"2026:11:23 14:05:12"
    assert photo[piexif.ExifIFD.DateTimeOriginal] == b"2026:11:23 14:05:12"
    assert photo[piexif.ExifIFD.OffsetTimeOriginal] == b"+00:00"
    assert photo[piexif.ExifIFD.SubSecTimeOriginal] == b"345"


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        replace(TAGS, taken_at=datetime(2026, 11, 23))


def test_what_is_not_known_is_not_said() -> None:
    tags = replace(
        TAGS, optics="", magnification=None, f_number=None, taken_at=datetime(2026, 1, 2, tzinfo=UTC)
    )
    photo = piexif.load(encode_jpeg(gradient(), tags))["Exif"]

    assert piexif.ExifIFD.FNumber not in photo
    assert piexif.ExifIFD.LensModel not in photo
    assert "magnification" not in json.loads(photo[piexif.ExifIFD.UserComment][8:])


def test_names_beyond_ascii_survive() -> None:
    tags = replace(TAGS, optics="Mikroskop 4× Ø", identity=CameraIdentity("Übel & Söhne", "ü", "ü"))
    exif = piexif.load(encode_jpeg(gradient(), tags))

    assert exif["Exif"][piexif.ExifIFD.LensModel].decode() == "Mikroskop 4× Ø"
    assert exif["0th"][piexif.ImageIFD.Make].decode() == "Übel & Söhne"


def test_a_png_is_the_very_pixels() -> None:
    decoded = cv2.imdecode(np.frombuffer(encode_png(gradient(), TAGS), np.uint8), cv2.IMREAD_COLOR)

    assert np.array_equal(decoded, gradient())


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.uint16),
        np.zeros((8, 16, 3), np.uint8)[:, ::2],
    ],
    ids=["grey", "alpha", "16 bit", "strided"],
)
@pytest.mark.parametrize("encode", [encode_jpeg, encode_png])
def test_other_pixels_are_refused(encode, pixels) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="contiguous uint8"):
        encode(pixels, TAGS)

"""Files of slices, opened again with other people's tools."""

import ast
import io
import json
import struct
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import piexif
import pytest
import simplejpeg
from numpy.typing import NDArray
from tools import library, needs

import camera.files
from camera.camera import CameraIdentity, Exposure, Mosaic, eight_bits
from camera.dng import dng_tags
from camera.files import encode_dng, encode_jpeg, encode_png, encode_tiff
from camera.icc import D50_XYZ, srgb_profile, srgb_to_xyz
from camera.library import Picamera2, Request
from camera.tags import SliceTags
from stack.merge.photos import Shape, photo_shape, read_photo
from stack.merge.tags import read_tags

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
    focal_mm=50.0,
    um_a_px=1.55,
)
MOSAIC = Mosaic(
    np.random.default_rng(1).integers(256, 4096, (70, 96), dtype=np.uint16),
    "GBRG",
    4095,
    (255.0, 256.0, 257.0, 258.5),
)
CORRECTION = (1.9, -0.6, -0.3, -0.4, 1.7, -0.3, 0.0, -0.7, 1.7)


def gradient(height: int = 37, width: int = 53) -> NDArray[np.uint8]:
    row, column = np.mgrid[:height, :width]
    return np.stack([5 * row, 4 * column, 250 - 2 * (row + column)], axis=2).astype(np.uint8)


def checkers() -> NDArray[np.uint8]:
    """Red and blue by turns, a pixel each: gone when colour is subsampled."""
    row, column = np.mgrid[:32, :32]
    red = (row + column) % 2 == 0
    return np.where(red[..., None], (20, 20, 220), (220, 20, 20)).astype(np.uint8)


FILES: dict[str, Callable[[], bytes]] = {
    "a.jpg": lambda: encode_jpeg(gradient(), TAGS),
    "a.png": lambda: encode_png(gradient(), TAGS),
    "a16.png": lambda: encode_png(gradient().astype(np.uint16) * 257, TAGS),
    "a.tif": lambda: encode_tiff(gradient(), TAGS),
    "a16.tif": lambda: encode_tiff(gradient().astype(np.uint16) * 257, TAGS),
    "a.dng": lambda: encode_dng(MOSAIC, TAGS, CORRECTION),
    "mono.dng": lambda: encode_dng(Mosaic(MOSAIC.pixels, "MONO", 1023, (64.0,) * 4), TAGS, None),
}


def exif_of_png(png: bytes) -> dict[str, dict[int, object]]:
    chunks, at = {}, 8
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        chunks[png[at + 4 : at + 8]] = png[at + 8 : at + 8 + size]
        at += 12 + size
    assert list(chunks) == [b"IHDR", b"iCCP", b"eXIf", b"pHYs", b"IDAT", b"IEND"]
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
    assert Fraction(*photo[piexif.ExifIFD.FocalLength]) == 50
    assert photo[piexif.ExifIFD.LensModel] == b"macro-2x"
    assert float(Fraction(*image[piexif.ImageIFD.XResolution])) == pytest.approx(10_000 / 1.55)
    assert image[piexif.ImageIFD.ResolutionUnit] == 3  # a centimetre
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
        "um_a_px": 1.55,
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


def test_a_lens_in_dioptres_says_how_far_the_subject_is() -> None:
    for place_d, metres in ((4.0, Fraction(1, 4)), (0.0, Fraction(0xFFFFFFFF))):
        exif = piexif.load(encode_jpeg(gradient(), replace(TAGS, unit="d", position_u=place_d)))
        assert Fraction(*exif["Exif"][piexif.ExifIFD.SubjectDistance]) == metres
        assert exif["0th"][piexif.ImageIFD.ImageDescription] == f"slice 7 of 40 at {place_d:g} d".encode()


@pytest.mark.parametrize("encode", [encode_png, encode_tiff])
@pytest.mark.parametrize("bits", [8, 16])
def test_png_and_tiff_are_the_very_pixels_in_8_and_16_bits(encode, bits) -> None:  # type: ignore[no-untyped-def]
    pixels = gradient(150) if bits == 8 else gradient(150).astype(np.uint16) * 257 - 3
    file = np.frombuffer(encode(pixels, TAGS), np.uint8)
    decoded = cv2.imdecode(file, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)

    assert decoded.dtype == pixels.dtype
    assert np.array_equal(decoded, pixels)


@pytest.mark.parametrize("file", ["a.jpg", "a.png", "a16.png", "a.tif", "a16.tif"])
def test_the_merge_reads_what_is_saved(file: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.write_bytes(FILES[file]())

    assert photo_shape(path) == Shape(53, 37, 16 if "16" in file else 8)
    exif = piexif.load(read_tags(path).exif)
    assert exif["0th"][piexif.ImageIFD.ImageDescription] == b"slice 7 of 40 at 20012.5 um"
    assert exif["Exif"][piexif.ExifIFD.LensModel] == b"macro-2x"
    assert np.abs(eight_bits(read_photo(path)).astype(int) - gradient()).max() <= (
        6 if file == "a.jpg" else 0
    )


def exiftool(path: Path, *options: str) -> dict[str, Any]:
    """Give what exiftool reads of a file, by group and name."""
    done = subprocess.run(
        ["exiftool", "-json", "-G1", "-n", *options, str(path)], capture_output=True, text=True, check=True
    )
    (found,) = json.loads(done.stdout)
    return dict(found)


@needs("exiftool")
@pytest.mark.parametrize("file", FILES)
def test_exiftool_opens_it_without_complaint(file: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.write_bytes(FILES[file]())
    found = exiftool(path, "-validate", "-warning", "-error")
    told = exiftool(path)

    assert found["ExifTool:Validate"] == "0 0 0", found
    assert told["ExifIFD:ExposureTime"] == pytest.approx(0.00999)
    assert told["Composite:SubSecDateTimeOriginal"] == "2026:11:23 14:05:12.345+00:00"
    assert told["ExifIFD:FocalLength"] == 50
    assert told["IFD0:XResolution"] == pytest.approx(10_000 / 1.55, abs=0.01)
    if not file.endswith(".dng"):
        assert told["ICC_Profile:ProfileDescription"] == "sRGB IEC61966-2.1"


def test_a_raw_developer_finds_in_a_dng_what_the_sensor_read(tmp_path: Path) -> None:
    rawpy = library("rawpy")
    path = tmp_path / "a.dng"
    path.write_bytes(encode_dng(MOSAIC, TAGS, CORRECTION))
    with rawpy.imread(str(path)) as raw:
        assert np.array_equal(raw.raw_image, MOSAIC.pixels)
        pattern = [[chr(raw.color_desc[colour]) for colour in row] for row in raw.raw_pattern]
        assert ["".join(row) for row in pattern] == ["GB", "RG"]
        assert raw.white_level == 4095
        # by colour: red, green beside red, blue, green beside blue
        blacks = {int(colour): level for colour, level in enumerate(raw.black_level_per_channel)}
        assert sorted(blacks.values()) == [255, 256, 257, 258]
        assert raw.camera_whitebalance[:3] == pytest.approx([2.1, 1.0, 1.6], rel=1e-3)


def test_developing_a_dng_gives_back_the_colours_it_was_made_from(tmp_path: Path) -> None:
    """Patches of known linear sRGB, as a sensor would see them, come out as they went in."""
    rawpy = library("rawpy")
    patches = np.array(
        [(0.5, 0.5, 0.5), (0.5, 0.2, 0.1), (0.1, 0.4, 0.15), (0.1, 0.15, 0.45), (0.18, 0.18, 0.18)]
    )
    gains = np.array([2.1, 1.0, 1.6])
    seen = (np.linalg.inv(np.reshape(CORRECTION, (3, 3))) @ patches.T).T / gains
    scene = np.repeat(np.repeat(seen[None], 64, axis=0), 64, axis=1)
    mosaic = scene[..., 1].copy()
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = scene[0::2, 0::2, 0], scene[1::2, 1::2, 2]
    codes = np.rint(256 + mosaic * (4095 - 256)).astype(np.uint16)
    path = tmp_path / "a.dng"
    path.write_bytes(encode_dng(Mosaic(codes, "RGGB", 4095, (256.0,) * 4), TAGS, CORRECTION))
    with rawpy.imread(str(path)) as raw:
        developed = raw.postprocess(
            use_camera_wb=True,
            no_auto_bright=True,
            gamma=(1, 1),
            output_bps=16,
            highlight_mode=rawpy.HighlightMode.Clip,
        )
    middles = developed[32, 32::64].astype(float)
    # developers scale to their own liking; colours are ratios to grey
    assert middles / middles[0] == pytest.approx(patches / patches[0], abs=0.02)


def test_colours_that_nobody_corrected_are_taken_for_srgb() -> None:
    red_of_dng = dng_tags(replace(MOSAIC, pattern="RGGB"), "x", TAGS.exposure, None)
    plain = dng_tags(replace(MOSAIC, pattern="RGGB"), "x", TAGS.exposure, (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))

    assert red_of_dng == plain


@pytest.mark.parametrize(
    ("pattern", "in_order"),
    [("RGGB", [1, 2, 3, 4]), ("BGGR", [4, 3, 2, 1]), ("GRBG", [2, 1, 4, 3]), ("GBRG", [3, 4, 1, 2])],
)
def test_every_pixel_of_the_pattern_has_its_own_black(pattern: str, in_order: list[int]) -> None:
    mosaic = Mosaic(MOSAIC.pixels, pattern, 4095, (1.0, 2.0, 3.0, 4.0))
    _, levels = dng_tags(mosaic, "x", TAGS.exposure, None)[50714]

    assert [Fraction(*level) for level in levels] == in_order


def test_the_profile_is_srgb_seen_from_a_desk_lit_by_d50() -> None:
    """As the ICC publishes it: "sRGB.pdf", table 2."""
    published = [[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]]

    assert srgb_to_xyz(D50_XYZ) == pytest.approx(np.array(published), abs=2e-4)
    assert srgb_to_xyz(D50_XYZ).sum(axis=1) == pytest.approx(np.array(D50_XYZ), abs=1e-9)
    assert srgb_to_xyz() @ np.ones(3) == pytest.approx(np.array([0.9505, 1.0, 1.0891]), abs=2e-4)
    profile = srgb_profile()
    assert int.from_bytes(profile[:4], "big") == len(profile) < 3000
    assert profile[36:40] == b"acsp"


def test_colours_keep_through_the_profile() -> None:
    imagecms = library("PIL.ImageCms")
    own = imagecms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    image = library("PIL.Image").fromarray(gradient())
    through = imagecms.profileToProfile(image, own, imagecms.createProfile("sRGB"))

    assert np.abs(np.asarray(through).astype(int) - gradient()).max() <= 1


@pytest.mark.parametrize("part", [-1, 20])
def test_a_file_that_is_not_whole_is_never_handed_on(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever makes them: strips that end elsewhere than the file are what a well-known writer makes."""
    real = camera.files.tiff
    monkeypatch.setattr(camera.files, "tiff", lambda *given: real(*given)[:part] + b"")
    with pytest.raises((ValueError, struct.error)):
        encode_tiff(gradient(), TAGS)
    encode = simplejpeg.encode_jpeg
    monkeypatch.setattr(simplejpeg, "encode_jpeg", lambda *given, **named: encode(*given, **named)[:-1])
    with pytest.raises(ValueError, match="not whole"):
        encode_jpeg(gradient(), TAGS)


def test_nothing_of_ours_lets_picamera2_write_a_file() -> None:
    """Handed a path that is no str, its `save` writes no EXIF and says nothing: nobody can hand it one."""
    savers = {"save", "save_dng", "capture_file", "capture_image", "switch_mode_and_capture_file", "helpers"}
    for path in Path(camera.files.__file__).parent.glob("*.py"):
        names = {
            node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)
        }
        assert not names & savers, path
    assert not {name for name in vars(Request) | vars(Picamera2) if name in savers}


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((8, 16, 3), np.uint8)[:, ::2],
    ],
    ids=["grey", "alpha", "real", "strided"],
)
@pytest.mark.parametrize("encode", [encode_jpeg, encode_png, encode_tiff])
def test_other_pixels_are_refused(encode, pixels) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="contiguous uint8"):
        encode(pixels, TAGS)


def test_16_bits_are_too_many_for_a_jpeg() -> None:
    with pytest.raises(ValueError, match="contiguous uint8"):
        encode_jpeg(np.zeros((8, 8, 3), np.uint16), TAGS)

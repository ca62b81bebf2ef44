import struct
import zlib

import numpy as np
import piexif
import pytest
import simplejpeg

from stack.merge.spaces import space_of_exif, space_of_png
from stack.merge.tags import profile_of, read_tags

ADOBE = [[0.60974, 0.31111, 0.01947], [0.20528, 0.62567, 0.06087], [0.14919, 0.06322, 0.74457]]
"""Red, green and blue as Adobe's own profile has them."""
SRGB_PLACES = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
ADOBE_PLACES = (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
LINEAR, USUAL, MACINTOSH = 100_000, 45_455, 55_556


def told(profile):
    """Give a profile's primaries and its exponent."""
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {}
    for entry in range(132, 132 + 12 * count, 12):
        name, at, length = struct.unpack_from(">4sII", profile, entry)
        tags[name] = profile[at : at + length]
    primaries = [np.frombuffer(tags[name], ">i4", 3, 8) / 65536 for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    assert len(profile) == int.from_bytes(profile[:4], "big")
    assert tags[b"rTRC"] == tags[b"gTRC"] == tags[b"bTRC"]
    return np.array(primaries), struct.unpack_from(">H", tags[b"rTRC"], 12)[0] / 256


def interoperable(index, space=65535):
    """Give the EXIF of a camera's JPEG that is so by that index."""
    of_picture = {piexif.ExifIFD.ColorSpace: space}
    return piexif.dump({"Exif": of_picture, "Interop": {piexif.InteropIFD.InteroperabilityIndex: index}})


def test_a_jpeg_that_a_camera_says_is_adobe_rgb_is_that(tmp_path):
    data = simplejpeg.encode_jpeg(np.full((16, 16, 3), 90, np.uint8), colorspace="BGR")
    piexif.insert(interoperable(b"R03"), data, str(tmp_path / "_DSC0001.JPG"))
    primaries, exponent = told(read_tags(tmp_path / "_DSC0001.JPG").icc)
    assert primaries == pytest.approx(np.array(ADOBE), abs=1e-4)
    assert exponent == 563 / 256
    assert profile_of(tmp_path / "_DSC0001.JPG") == read_tags(tmp_path / "_DSC0001.JPG").icc


@pytest.mark.parametrize(
    "exif",
    [
        None,
        interoperable(b"R98"),
        interoperable(b"R03", space=1),
        piexif.dump({"0th": {piexif.ImageIFD.Model: b"R03"}}),
        b"Exif\0\0MM\0*\xff\xff\xff\xffR03",
    ],
    ids=["none", "sRGB", "converted since", "elsewhere", "broken"],
)
def test_other_exif_names_no_space(exif):
    assert space_of_exif(exif) is None


def png_with(path, **chunks):
    """Write the head of a PNG that has these chunks."""
    kinds = {kind.encode(): content for kind, content in chunks.items()}
    framed = (
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in kinds.items()
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(framed))
    return path


def gamma(value):
    return struct.pack(">I", value)


def places(values):
    return struct.pack(">8I", *values)


def test_a_png_is_of_the_light_and_the_primaries_that_it_tells(tmp_path):
    read = read_tags(png_with(tmp_path / "a.png", gAMA=gamma(LINEAR), cHRM=places(ADOBE_PLACES)))
    primaries, exponent = told(read.icc)
    assert primaries == pytest.approx(np.array(ADOBE), abs=1e-4)
    assert exponent == 1
    profile = zlib.compress(b"a profile")
    own = png_with(tmp_path / "b.png", gAMA=gamma(LINEAR), iCCP=b"own\0\0" + profile)
    assert read_tags(own).icc == b"a profile"
    assert read_tags(png_with(tmp_path / "c.png", sRGB=b"\0", gAMA=gamma(LINEAR))).icc is None


@pytest.mark.parametrize(
    ("gamma_chunk", "places_chunk", "exponent"),
    [
        (None, None, None),
        (gamma(USUAL), None, None),
        (gamma(USUAL), places(SRGB_PLACES), None),
        (gamma(45_000), places((31_300, *SRGB_PLACES[1:])), None),
        (gamma(LINEAR), None, 1),
        (gamma(MACINTOSH), places(SRGB_PLACES), 1.8),
        (None, places(ADOBE_PLACES), 2.2),
        (gamma(0), None, None),
        (gamma(1), None, None),
        (gamma(LINEAR), bytes(32), None),
        (gamma(LINEAR), places((33_333, 33_333) * 4), None),
        (b"\0", b"\0", None),
    ],
)
def test_what_is_nearly_srgb_is_left_so_and_nonsense_is_passed_over(gamma_chunk, places_chunk, exponent):
    profile = space_of_png(gamma_chunk, places_chunk)
    assert (profile and told(profile)[1]) == (exponent and pytest.approx(exponent, abs=1 / 256))

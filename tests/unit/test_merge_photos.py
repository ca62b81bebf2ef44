import struct

import cv2
import numpy as np
import piexif
import pytest
import simplejpeg

from camera.tiff import Kind, tiff
from stack.merge.errors import PhotoUnreadable
from stack.merge.output import write_picture
from stack.merge.photos import Shape, is_photo, photo_shape, photos_in, read_photo
from stack.merge.tags import Tags, read_tags


def picture(dtype, shape=(48, 64, 3)):
    random = np.random.default_rng(1)
    return random.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def saved(path, pixels, *how):
    data = cv2.imencode(path.suffix, pixels, how)[1].tobytes()
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lossless_files_give_the_pixels_they_were_made_of(tmp_path, suffix, dtype):
    pixels = picture(dtype)
    path = saved(tmp_path / f"a{suffix}", pixels)
    read = read_photo(path)
    assert read.dtype == dtype
    assert (read == pixels).all()
    assert photo_shape(path) == Shape(64, 48, 8 * pixels.itemsize)


def test_a_grey_picture_gets_three_equal_channels(tmp_path):
    pixels = picture(np.uint16, (48, 64))
    read = read_photo(saved(tmp_path / "a.png", pixels))
    assert read.shape == (48, 64, 3)
    assert (read == pixels[..., None]).all()


def test_a_jpeg_is_blue_green_red(tmp_path):
    pixels = np.full((48, 64, 3), (200, 100, 20), np.uint8)
    (tmp_path / "a.JPG").write_bytes(simplejpeg.encode_jpeg(pixels, colorspace="BGR", quality=98))
    assert photo_shape(tmp_path / "a.JPG") == Shape(64, 48, 8)
    assert np.abs(read_photo(tmp_path / "a.JPG").astype(int) - pixels).max() <= 3
    assert read_tags(tmp_path / "a.JPG").exif is None


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("kept", [0.999, 0.97, 0.5, 0.1, 0.0])
def test_a_file_cut_short_is_refused_by_name(tmp_path, suffix, kept):
    path = saved(tmp_path / f"torn{suffix}", picture(np.uint8, (240, 320, 3)))
    whole = path.read_bytes()
    path.write_bytes(whole[: min(len(whole) - 2, int(len(whole) * kept))])
    with pytest.raises(PhotoUnreadable, match="torn") as refused:
        read_photo(path)
    assert refused.value.path == path


def test_a_jpeg_whose_end_is_missing_but_marked_is_refused(tmp_path):
    """Half the data and an end marker: what a decoder alone would fill with grey."""
    path = saved(tmp_path / "torn.jpg", picture(np.uint8, (240, 320, 3)))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + b"\xff\xd9")
    with pytest.raises(PhotoUnreadable):
        read_photo(path)


def test_a_png_is_read_only_with_its_end(tmp_path):
    path = saved(tmp_path / "a.png", picture(np.uint8))
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(PhotoUnreadable, match="its end is missing"):
        read_photo(path)


def test_a_tiff_is_read_only_if_it_reaches_as_far_as_it_says(tmp_path):
    entries = [
        (256, 4, 1, 64),
        (257, 4, 1, 48),
        (258, 4, 1, 8),
        (259, 4, 1, 1),
        (262, 4, 1, 1),
        (273, 4, 1, 200),
        (277, 4, 1, 1),
        (278, 4, 1, 48),
        (279, 4, 1, 64 * 48),
    ]
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    whole = (b"II*\0" + struct.pack("<I", 8) + body + bytes(4)).ljust(200, b"\0") + bytes([77] * 64 * 48)
    (tmp_path / "a.tif").write_bytes(whole)
    assert (read_photo(tmp_path / "a.tif") == 77).all()
    (tmp_path / "a.tif").write_bytes(whole[:-64])
    with pytest.raises(PhotoUnreadable, match="its end is missing"):
        read_photo(tmp_path / "a.tif")


def test_a_png_with_a_flipped_bit_is_refused(tmp_path):
    path = saved(tmp_path / "a.png", picture(np.uint8))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    with pytest.raises(PhotoUnreadable):
        read_photo(path)


@pytest.mark.parametrize(
    "content", [b"", b"not a picture", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"II*\0" + b"\xff" * 9]
)
def test_what_is_no_picture_is_refused(tmp_path, content):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    for read in (read_photo, photo_shape):
        with pytest.raises(PhotoUnreadable):
            read(path)


def test_a_jpeg_of_more_than_8_bits_is_called_so_and_not_damaged(tmp_path):
    path = saved(tmp_path / "a.jpg", picture(np.uint8))
    whole = bytearray(path.read_bytes())
    whole[whole.index(b"\xff\xc0") + 4] = 12
    path.write_bytes(whole)
    for read in (read_photo, photo_shape):
        with pytest.raises(PhotoUnreadable, match="jpg: it is a JPEG of 12 bits, which is not read: save it"):
            read(path)


def test_a_lossless_jpeg_is_called_so_and_not_damaged(tmp_path):
    path = saved(tmp_path / "a.jpg", picture(np.uint8))
    path.write_bytes(path.read_bytes().replace(b"\xff\xc0", b"\xff\xc3", 1))
    for read in (read_photo, photo_shape):
        with pytest.raises(PhotoUnreadable, match="jpg: it is a lossless JPEG, which is not read: save it"):
            read(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(PhotoUnreadable, match="No such file"):
        read_photo(tmp_path / "none.jpg")


def test_floating_point_pixels_are_refused(tmp_path):
    path = saved(tmp_path / "a.tif", np.ones((8, 8, 3), np.float32), cv2.IMWRITE_TIFF_COMPRESSION, 1)
    with pytest.raises(PhotoUnreadable, match="no whole numbers of 8 or 16 bit"):
        read_photo(path)


USUAL = {258: 16, 259: 1, 262: 2, 277: 3, 284: 1}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({254: 1}, "its first picture is a thumbnail"),
        ({259: 50000}, "compressed in a way that is not read"),
        ({284: 2}, "its colours lie apart"),
        ({262: 0}, "its white is 0"),
        ({339: 2}, "no whole numbers"),
        ({262: 8}, "save it flattened, as RGB or grey"),  # CIELAB
        ({262: 1, 277: 2}, "save it flattened, as RGB or grey"),
        ({258: 8, 262: 9}, "save it flattened, as RGB or grey"),  # ICCLAB
        ({258: 8, 277: 5}, "save it flattened, as RGB or grey"),
    ],
)
def test_a_tiff_that_would_be_read_as_something_else_is_refused(tmp_path, said, why):
    tags = {tag: (Kind.SHORT, value) for tag, value in (USUAL | said).items()}
    (tmp_path / "a.tif").write_bytes(tiff(picture(np.uint16), tags, {}))
    for read in (read_photo, photo_shape):
        with pytest.raises(PhotoUnreadable, match=why):
            read(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("meaning", [0, 1, 2], ids=["unknown", "associated", "transparency"])
def test_what_is_transparent_in_a_tiff_is_as_bright_as_it_is_stored(tmp_path, dtype, meaning):
    pixels = picture(dtype, (48, 64, 4))
    tags = USUAL | {258: [8 * pixels.itemsize] * 4, 277: 4, 338: meaning}
    (tmp_path / "a.tif").write_bytes(
        tiff(pixels, {tag: (Kind.SHORT, value) for tag, value in tags.items()}, {})
    )
    assert (read_photo(tmp_path / "a.tif") == pixels[..., 2::-1]).all()


def paged(path, *sizes_px, role=0):
    """Write a TIFF of several pictures, of which only the first has pixels; the others are of some role."""
    directories = []
    for width_px, height_px in sizes_px:
        entries = {254: role if directories else 0, 256: width_px, 257: height_px, 258: 8, 262: 1}
        entries |= {273: 8, 279: width_px * height_px}
        packed = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
        directories.append(struct.pack("<H", len(entries)) + packed)
    at = 8 + sizes_px[0][0] * sizes_px[0][1]
    data = b"II*\0" + struct.pack("<I", at) + bytes(at - 8)
    for number, directory in enumerate(directories, start=1):
        at += len(directory) + 4
        data += directory + struct.pack("<I", at if number < len(directories) else 0)
    path.write_bytes(data)
    return path


def test_a_tiff_of_several_slices_is_refused(tmp_path):
    path = paged(tmp_path / "a.tif", (64, 48), (64, 48), (32, 24), (64, 48))
    for read in (read_photo, photo_shape):
        with pytest.raises(PhotoUnreadable, match="it holds 3 pictures of one size: save each as a file"):
            read(path)


def test_a_tiff_is_read_beside_the_small_ones_and_the_masks_of_itself(tmp_path):
    assert read_photo(paged(tmp_path / "a.tif", (64, 48), (32, 24), (16, 12))).shape == (48, 64, 3)
    assert read_photo(paged(tmp_path / "b.tif", (64, 48), (64, 48), role=4)).shape == (48, 64, 3)


def test_a_tiff_whose_pictures_go_round_in_a_circle_is_read(tmp_path):
    path = paged(tmp_path / "a.tif", (64, 48))
    data = path.read_bytes()
    path.write_bytes(data[:-4] + data[4:8])
    assert photo_shape(path) == Shape(64, 48, 8)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_are_as_stored_whatever_the_orientation(tmp_path, suffix, orientation):
    tags = Tags(piexif.dump({"0th": {piexif.ImageIFD.Orientation: orientation}}))
    pixels = np.full((48, 64, 3), 90, np.uint8)
    pixels[:24, :32] = 10
    write_picture(tmp_path / f"a{suffix}", pixels, tags, 95)
    read = read_photo(tmp_path / f"a{suffix}")
    assert read.shape == pixels.shape
    assert np.abs(read.astype(int) - pixels).max() <= 3


def test_names_of_photographs(tmp_path):
    names = ["a.jpg", "b.JPEG", "c.Png", "d.tiff", ".hidden.jpg", "e.txt", "f", ".g.jpg.1234.part"]
    assert [name for name in names if is_photo(tmp_path / name)] == names[:4]


def test_size_of_a_big_endian_tiff(tmp_path):
    entries = [(256, 4, 1, 640), (257, 4, 1, 480), (273, 4, 1, 8), (279, 4, 1, 0)]
    body = struct.pack(">H", len(entries)) + b"".join(struct.pack(">HHII", *entry) for entry in entries)
    (tmp_path / "a.tif").write_bytes(b"MM\0*" + struct.pack(">I", 8) + body + bytes(4))
    assert photo_shape(tmp_path / "a.tif") == Shape(640, 480, 8)


def test_numbers_in_names_count_as_numbers(tmp_path):
    names = ["IMG 2.jpg", "IMG 9.JPG", "img 10.jpg", "IMG 10b.jpg", "IMG 100.jpg", "x2y1.png", "x2y10.png"]
    names += ["\u0663.jpg"]  # a number that is not written in these figures is a word
    for name in sorted(names):
        (tmp_path / name).touch()
    assert [path.name for path in photos_in(tmp_path)] == names


def test_a_raw_file_counts_for_nothing_beside_a_picture_whose_name_is_written_otherwise(tmp_path):
    for name in ("IMG_1.DNG", "img_1.jpg", "IMG_2.DNG"):
        (tmp_path / name).touch()
    assert [path.name for path in photos_in(tmp_path)] == ["img_1.jpg", "IMG_2.DNG"]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_a_shape_is_seen_without_reading_the_picture(tmp_path, monkeypatch, suffix):
    path = saved(tmp_path / f"a{suffix}", picture(np.uint8, (480, 640, 3)))
    monkeypatch.setattr("stack.merge.photos.load", None)
    assert photo_shape(path) == Shape(640, 480, 8)

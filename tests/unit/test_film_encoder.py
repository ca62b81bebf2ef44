"""The MP4: decoded again, byte order looked at, and nothing left of one that was not finished."""

import os
import sys
from fractions import Fraction

import av
import numpy as np
import pytest

from stack.film.encoder import Encoder, check_encoder
from stack.film.errors import EncoderMissing, FilmRefused

SIZE = (192, 108)
PATCHES = np.array(
    [[30, 40, 200], [40, 180, 50], [190, 60, 40], [128, 128, 128], [240, 240, 240], [16, 16, 16]]
)
"""Blue, green, red."""


def patches():
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    for number, colour in enumerate(PATCHES):
        picture[:, number * 32 : number * 32 + 32] = colour
    return picture


def boxes(data):
    """Give the names of the boxes of an MP4 in their order."""
    found, at = [], 0
    while at < len(data):
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8].decode()
        found.append(name)
        at += length if length != 1 else int.from_bytes(data[at + 8 : at + 16], "big")
    return found


def film(path, frames, fps=Fraction(25), quality="good"):
    with Encoder(path, SIZE, fps, quality) as encoder:
        for frame in frames:
            encoder.add(frame)


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001), Fraction(5, 2)])
def test_what_is_written_can_be_decoded_frame_by_frame(tmp_path, fps):
    frames = [np.full((SIZE[1], SIZE[0], 3), 8 * number, np.uint8) for number in range(1, 24)]
    film(tmp_path / "film.mp4", frames, fps)
    with av.open(str(tmp_path / "film.mp4")) as container:
        (stream,) = container.streams
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.codec_context.profile in ("Main", "High")
        assert (stream.width, stream.height) == SIZE
        assert stream.average_rate == fps
        decoded = [frame.to_ndarray(format="rgb24").mean() for frame in container.decode(stream)]
    assert len(decoded) == len(frames)
    assert np.allclose(decoded, [frame.mean() for frame in frames], atol=3)


def test_its_index_stands_in_front_of_its_pictures(tmp_path):
    film(tmp_path / "film.mp4", [patches()] * 3)
    names = boxes((tmp_path / "film.mp4").read_bytes())
    assert names[0] == "ftyp"
    assert names.index("moov") < names.index("mdat")


def test_colours_are_those_of_the_pictures_by_bt709_and_said_to_be(tmp_path):
    film(tmp_path / "film.mp4", [patches()] * 4, quality="best")
    with av.open(str(tmp_path / "film.mp4")) as container:
        (stream,) = container.streams
        coder = stream.codec_context
        assert (coder.colorspace, coder.color_primaries, coder.color_trc, coder.color_range) == (1, 1, 1, 1)
        frame = next(container.decode(stream)).to_ndarray(format="yuv420p")
    height, width = SIZE[::-1]
    y = frame[:height].astype(float)
    u, v = (plane.reshape(height // 2, width // 2) for plane in np.split(frame[height:].ravel(), 2))
    for number, (blue, green, red) in enumerate(PATCHES):
        light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        wanted = (
            16 + light * 219 / 255,
            128 + (blue - light) / 1.8556 * 224 / 255,
            128 + (red - light) / 1.5748 * 224 / 255,
        )
        found = y[50, number * 32 + 16], u[25, number * 16 + 8], v[25, number * 16 + 8]
        assert np.allclose(found, wanted, atol=2.5), number


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_film_that_is_broken_off_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"the film of yesterday")
    with pytest.raises(error), Encoder(path, SIZE, Fraction(25), "good") as encoder:
        for _ in range(12):
            encoder.add(patches())
        raise error
    assert path.read_bytes() == b"the film of yesterday"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_cleared_and_what_another_writes_is_not(tmp_path):
    """Whatever the clock says: the one at work may seem to be years old, and the abandoned one new."""
    path = tmp_path / "film.mp4"
    with Encoder(path, SIZE, Fraction(25), "good") as at_work:
        (part,) = tmp_path.iterdir()
        os.utime(part, (1_000_000, 1_000_000))
        abandoned = tmp_path / ".film.mp4.0a0a0a0a.part"
        abandoned.write_bytes(b"half a film")
        film(path, [patches()])
        assert sorted(tmp_path.iterdir()) == sorted([part, path])
        at_work.add(patches())
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(FilmRefused, match="No such file"):
        film(tmp_path / "nowhere" / "film.mp4", [patches()])


def test_a_disk_that_is_full_is_told(tmp_path, monkeypatch):
    encoder = Encoder(tmp_path / "film.mp4", SIZE, Fraction(25), "good")

    def full(_frame):
        raise OSError(28, "No space left on device")

    with pytest.raises(FilmRefused, match="No space left"), encoder:
        monkeypatch.setattr(encoder, "_stream", type("Stream", (), {"encode": staticmethod(full)}))
        encoder.add(patches())
    assert list(tmp_path.iterdir()) == []


def test_without_the_library_one_line_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(EncoderMissing, match=r"-m pip install 'av>=14'"):
        check_encoder()

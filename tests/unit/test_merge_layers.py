import cv2
import numpy as np
import pytest
import simplejpeg
from merge_stacks import rig_stack
from rendered import psnr

import stack.merge.resolution
from stack.merge.canvas import TILE_COLUMNS, TILE_ROWS, WHOLE, LayersCanvas, Share
from stack.merge.errors import PhotoUnreadable
from stack.merge.focus import COARSE
from stack.merge.frames import in_layers, read_layers, read_layers_sparingly
from stack.merge.merging import best_in_layers
from stack.merge.resolution import deciding_factor
from stack.merge.settings import MergeSettings, Method
from stack.merge.similarity import Similarity
from stack.merge.stream import Merge


def merged(frames, settings=None):
    merge = Merge(settings)
    for index, frame in enumerate(frames):
        merge.add(index, frame)
    return merge.finish(16)


def smooth_in_colour(frame):
    """Give a frame as 4:2:0 has it: colour no finer than two pixels."""
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(frame), 100, "BGR", "420")
    return simplejpeg.decode_jpeg(data, "BGR")


def tinted(frame, gains):
    return np.clip(np.rint(frame * np.array(gains)), 0, 255).astype(np.uint8)


@pytest.fixture(params=[2, 4])
def judged_smaller(request, monkeypatch):
    """Let sharpness be judged at a half, or a quarter, as of large pictures."""
    monkeypatch.setattr(stack.merge.resolution, "DECIDING_PIXELS", 400 * 300 // (2.5 * request.param**2 / 4))
    assert deciding_factor(400 * 300) == request.param
    return request.param


def test_in_layers_it_is_the_picture_that_whole_slices_give(judged_smaller):
    frames = [smooth_in_colour(frame) for frame in rig_stack().frames]
    whole = merged(frames)
    layers = merged([in_layers(frame) for frame in frames])
    assert layers.crop == whole.crop
    assert psnr(layers.pixels / 257, whole.pixels / 257) > 40


def test_a_light_that_changes_its_colour_leaves_no_cast(judged_smaller):
    """Brightness is kept apart from colour, so a gain of one colour must reach both."""
    frames = [smooth_in_colour(frame) for frame in rig_stack(flicker=0.0).frames]
    frames = [tinted(frame, (1 + 0.015 * i, 1, 1 - 0.015 * i)) for i, frame in enumerate(frames)]
    whole = merged(frames)
    layers = merged([in_layers(frame) for frame in frames])
    difference = cv2.blur(layers.pixels / 257 - whole.pixels / 257, (9, 9))
    assert np.abs(difference).mean() < 0.25


def test_one_slice_of_odd_size_in_layers_is_itself(monkeypatch):
    monkeypatch.setattr(stack.merge.resolution, "DECIDING_PIXELS", 10_000)
    ramp = cv2.resize(np.random.default_rng(2).integers(40, 220, (5, 6, 3), np.uint8), (301, 201))
    pixels = merged([in_layers(ramp)]).pixels
    assert pixels.shape == (201, 301, 3)
    assert np.abs(pixels / 257 - ramp).max() < 6


@pytest.mark.parametrize("reading", [read_layers, read_layers_sparingly])
@pytest.mark.parametrize("subsampling", ["420", "444"])
def test_a_jpeg_is_read_in_layers_as_if_it_were_taken_apart(tmp_path, subsampling, reading):
    smooth = cv2.GaussianBlur(rig_stack().frames[0][:299, :399], (0, 0), 2)
    path = tmp_path / "a.jpg"
    path.write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(smooth), 95, "BGR", subsampling))
    read, apart = reading(path), in_layers(cv2.imread(str(path)))
    assert read.shape == (299, 399, 3)
    assert read.colour.shape == apart.colour.shape == (149, 199, 3)
    assert np.abs(read.brightness.astype(int) - apart.brightness).max() <= 2
    assert np.abs(read.colour.astype(int) - apart.colour).max() <= 6


def test_a_jpeg_cut_short_is_no_layers_either(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(simplejpeg.encode_jpeg(rig_stack().frames[0], 90, "BGR")[:-4000])
    with pytest.raises(PhotoUnreadable, match="cut short"):
        read_layers(path)


def test_small_pictures_lossless_ones_and_the_pyramid_are_merged_whole(tmp_path):
    large = np.zeros((1800, 2000, 3), np.uint8)
    for name in ("a.jpg", "a.png"):
        cv2.imwrite(str(tmp_path / name), large)
    cv2.imwrite(str(tmp_path / "small.jpg"), large[:600])
    assert best_in_layers(tmp_path / "a.jpg", MergeSettings())
    assert not best_in_layers(tmp_path / "a.jpg", MergeSettings(method=Method.PYRAMID))
    assert not best_in_layers(tmp_path / "a.png", MergeSettings())
    assert not best_in_layers(tmp_path / "small.jpg", MergeSettings())


def test_a_slice_is_laid_where_it_matters_and_with_care_where_it_brings_detail():
    mean = np.zeros((TILE_ROWS // 4, 3 * TILE_COLUMNS // 4), np.float32)
    detail = mean.copy()
    tiles = mean.shape[1] // 3
    mean[:, tiles + 2 :] = 0.5
    detail[:, 2 * tiles + 2 :] = 5
    weight = np.full((TILE_ROWS, 3 * TILE_COLUMNS), WHOLE / 2, np.uint16)
    found = list(Share(weight, mean, detail, 1).tiles((TILE_ROWS, 3 * TILE_COLUMNS)))
    assert [(tile.columns.start // TILE_COLUMNS, tile.careful) for tile in found] == [(1, False), (2, True)]


def test_a_slice_that_has_no_share_anywhere_changes_nothing():
    """The last of hundreds, sharp nowhere: a merge ended in a traceback there."""
    canvas, frame = LayersCanvas(64, 64), in_layers(np.full((64, 64, 3), 90, np.uint8))
    gains = np.ones(3)
    for part in (1.0, 0.001):
        mean = np.full((32 // COARSE,) * 2, part, np.float32)
        weight = np.full((32, 32), round(part * WHOLE), np.uint16)
        canvas.blend(frame, Similarity(), gains, Share(weight, mean, mean, 2))
        frame = in_layers(np.full((64, 64, 3), 200, np.uint8))
    assert (canvas.part(slice(0, 64), slice(0, 64), np.uint8) == 90).all()

"""Maps are packed beside the work on the picture, or after it where memory is short."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from test_merge_outlines import ball

from stack.merge.memory import WorkingSet, needed_bytes
from stack.merge.merging import Merging, Photo, job
from stack.merge.photos import Pixels
from stack.merge.products import Maps
from stack.merge.settings import MergeSettings, Method


def photos(folder: Path) -> list[Photo]:
    """Give slices of a ball before ground that it veils."""
    taken = []
    for index, frame in enumerate(ball().frames):
        path = folder / f"{index}.png"
        cv2.imwrite(str(path), frame)
        taken.append(Photo(index, path, path.name))
    return taken


@pytest.mark.parametrize("method", [Method.WEIGHTED, Method.DEPTHMAP])
def test_maps_that_are_packed_beside_the_work_on_the_picture_are_the_last(
    tmp_path: Path, method: Method
) -> None:
    merging = Merging(MergeSettings(method=method))
    for photo in photos(tmp_path):
        merging.add(photo)
    maps = Maps(None, None)
    result = merging.finish(settled=maps.pack)
    assert result.blur_px_a_slice is not None
    files = maps.files()
    assert sorted(files) == ["confidence", "depth", "depth_preview"]
    for name, plane in (("depth", result.depth), ("confidence", result.confidence)):
        packed = cv2.imdecode(np.frombuffer(files[name][1], np.uint8), cv2.IMREAD_UNCHANGED)
        assert packed.dtype == plane.dtype
        assert (packed == plane).all()


@pytest.mark.parametrize("working_set", WorkingSet)
def test_maps_wait_for_the_picture_where_memory_is_short(tmp_path: Path, working_set: WorkingSet) -> None:
    slices = photos(tmp_path)
    limit_bytes = needed_bytes(job(slices[0].path, MergeSettings()), working_set) + 1_000_000
    merging = Merging(MergeSettings(), limit_bytes=limit_bytes)
    for photo in slices:
        merging.add(photo)
    pictures: list[Pixels] = []
    result = merging.finish(settled=lambda merged: pictures.append(merged.pixels.copy()))
    final = [bool((picture == result.pixels).all()) for picture in pictures]
    assert final == [working_set is WorkingSet.SMALL]

"""Maps are packed beside the work on the picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from test_merge_outlines import ball

from stack.merge.merging import Merging, Photo
from stack.merge.products import Maps
from stack.merge.settings import MergeSettings, Method


@pytest.mark.parametrize("method", [Method.WEIGHTED, Method.DEPTHMAP])
def test_maps_that_are_packed_beside_the_work_on_the_picture_are_the_last(
    tmp_path: Path, method: Method
) -> None:
    merging = Merging(MergeSettings(method=method))
    for index, frame in enumerate(ball().frames):
        path = tmp_path / f"{index}.png"
        cv2.imwrite(str(path), frame)
        merging.add(Photo(index, path, path.name))
    maps = Maps(None, None)
    result = merging.finish(settled=maps.pack)
    assert result.blur_px_a_slice is not None
    files = maps.files()
    assert sorted(files) == ["confidence", "depth", "depth_preview"]
    for name, plane in (("depth", result.depth), ("confidence", result.confidence)):
        packed = cv2.imdecode(np.frombuffer(files[name][1], np.uint8), cv2.IMREAD_UNCHANGED)
        assert packed.dtype == plane.dtype
        assert (packed == plane).all()

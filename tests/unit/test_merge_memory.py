import os
import subprocess
import sys
from pathlib import Path

FEED = """
import resource, sys
import numpy as np
import cv2
from stack.merge.stream import Merge
cv2.setNumThreads(1)
height, width = 600, 800
random = np.random.default_rng(1)
texture = cv2.resize(random.integers(0, 255, (150, 200, 3), np.uint8), (width, height))
merge = Merge()
for index in range(int(sys.argv[1])):
    merge.add(index, np.clip(texture + random.integers(0, 9, texture.shape), 0, 255).astype(np.uint8))
merge.finish()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
FRAME_KB = 600 * 800 * 3 / 1024


def peak_kb(slices):
    # The peak is inherited across exec, so the child must not be a copy of a big parent: a fresh interpreter.
    root = Path(__file__).resolve().parents[2]
    launch = "import os,sys; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    done = subprocess.run(
        [sys.executable, "-c", launch, "-c", FEED, str(slices)],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
        env={**os.environ, "MALLOC_ARENA_MAX": "1"},
    )
    return int(done.stdout)


def test_memory_does_not_grow_with_the_number_of_slices():
    few, many = peak_kb(8), peak_kb(40)
    # 32 slices more: kept, even as one byte a pixel, they would be 15 MB; as frames 45 MB.
    assert many - few < 6 * FRAME_KB

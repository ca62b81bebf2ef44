"""Many hands: parts of a picture that do not depend on each other, worked on at the same time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import cv2

Part = TypeVar("Part")


def each(work: Callable[[Part], object], parts: Iterable[Part]) -> None:
    """Do the work on every part, with as many threads as OpenCV may have; raise what any of it raises."""
    hands = cv2.getNumThreads()
    if hands <= 1:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(hands, "merge") as pool:
        for _ in pool.map(work, parts):
            pass

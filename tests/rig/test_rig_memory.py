"""A stack of 12 megapixels on a board of 512 MB, which the kernel lets have no more than such a board has."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))

from footprint import STACK_MB, limited_mb
from memory_group import NoGroups

pytestmark = pytest.mark.rig


@pytest.mark.timeout(600)
def test_a_large_stack_is_shot_and_merged_within_the_memory_of_a_small_board() -> None:
    try:
        most_mb, _ = limited_mb(STACK_MB, (4056, 3040), 4)
    except NoGroups as error:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(error))
    assert most_mb < STACK_MB

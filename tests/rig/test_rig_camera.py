"""The adapter over the real picamera2, on libcamera's virtual camera: every promise, none left out."""

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest
from machine import CACHE

pytestmark = pytest.mark.rig

HERE = Path(__file__).resolve().parent
CONTRACT = HERE.parent / "contract" / "test_camera.py"
ROOT = CACHE / "camera"


@pytest.fixture(scope="module")
def system() -> Path:
    """The file system with the camera's libraries."""
    if os.geteuid() != 0:
        pytest.skip(f"only root may enter {ROOT}")
    if not ROOT.with_suffix(".from").exists():
        why = f"`make rig` has not made {ROOT}"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)
    return ROOT


def promises() -> set[str]:
    """Name the tests of the contract."""
    names = (node.name for node in ast.parse(CONTRACT.read_text()).body if isinstance(node, ast.FunctionDef))
    return {name for name in names if name.startswith("test_")}


LENIENT = ("-W", "default::DeprecationWarning")
"""picamera2 0.3.38 itself does what Python 3.13 warns of."""
PYTEST = (
    "python3",
    "-m",
    "pytest",
    "-c",
    "/source/pyproject.toml",
    "-p",
    "no:cacheprovider",
    "-m",
    "virtual",
    *LENIENT,
)


@pytest.mark.timeout(300)
def test_the_adapter_keeps_every_promise_over_the_real_picamera2(system: Path) -> None:
    command = (
        *PYTEST,
        "-m",
        "virtual",
        "-rp",
        "--basetemp",
        "/tmp/pytest",
        "/source/tests/contract/test_camera.py",
    )
    looked = subprocess.run([HERE / "look", system, *command], capture_output=True, text=True, check=False)
    kept = set(re.findall(r"^PASSED .*::(test_\w+)\[virtual\]$", looked.stdout, re.MULTILINE))
    assert kept == promises(), looked.stdout + looked.stderr

"""What only a Pi can run is at least found, and imported, everywhere."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACES = ("tests/contract/test_camera.py", "tests/pi/test_pi_camera.py")


def promises_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return {name for name in names if name.startswith("test_")}


def test_every_test_of_a_camera_waits_for_a_pi() -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-m",
        "pi",
        "--collect-only",
        "-p",
        "no:cacheprovider",
        *PLACES,
    ]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    collected = set(found.stdout.split())
    wanted = {f"{file}::{name}[real]" for file in PLACES for name in promises_of(file)}
    assert found.returncode == 0, found.stdout + found.stderr
    assert wanted and wanted <= collected

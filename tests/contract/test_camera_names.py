"""The names we use of picamera2 exist, with these parameters, in every class that claims to be one.

The real package cannot be imported without libcamera, so its source is read instead: from where it is
installed, or unpacked at $FOCUSRAIL_PICAMERA2 (`pip download --no-deps picamera2`).
"""

import ast
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import pytest

Names = dict[str, dict[str, list[str] | None]]
"""For each class, its methods' parameters; None for a property or an attribute."""

USED: Names = {
    "Picamera2": {
        "__init__": ["camera_num", "tuning"],
        "global_camera_info": [],
        "load_tuning_file": ["tuning_file"],
        "find_tuning_algo": ["tuning", "name"],
        "camera_controls": None,
        "camera_properties": None,
        "sensor_resolution": None,
        "create_still_configuration": [
            "main",
            "raw",
            "buffer_count",
            "controls",
            "display",
            "encode",
            "queue",
        ],
        "configure": ["camera_config"],
        "camera_configuration": [],
        "start": ["show_preview"],
        "set_controls": ["controls"],
        "capture_request": ["wait", "flush"],
        "wait": ["job", "timeout"],
        "cancel_all_and_flush": [],
        "close": [],
    },
    "CompletedRequest": {"get_metadata": [], "make_array": ["name"], "release": []},
}


def simulated() -> Path:
    return Path(__file__).parents[2] / "simulator"


def installed() -> Path | None:
    if unpacked := os.environ.get("FOCUSRAIL_PICAMERA2"):
        return Path(unpacked)
    spec = importlib.util.find_spec("picamera2")
    return Path(spec.origin).parent if spec and spec.origin else None


def names_in(folder: Path) -> Names:
    """Read the classes in a folder's modules, without importing any."""
    found: Names = {}
    for path in sorted(folder.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name in USED:
                found.setdefault(node.name, {}).update(members(node))
    return found


def members(definition: ast.ClassDef) -> dict[str, list[str] | None]:
    found: dict[str, list[str] | None] = {}
    for node in ast.walk(definition):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.setdefault(node.attr, None)
    for node in definition.body:
        if isinstance(node, ast.FunctionDef):
            decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
            if "property" in decorators:
                found[node.name] = None
            elif "overload" not in decorators:
                arguments = [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
                found[node.name] = [name for name in arguments if name != "self"]
                if node.args.kwarg:  # it checks names itself, and the contract suite calls it
                    found[node.name] = USED[definition.name].get(node.name)
    return found


def lacking(found: Names) -> list[str]:
    """Say what `found` lacks of `USED`."""
    gaps = []
    for owner, used in USED.items():
        for name, parameters in used.items():
            has = found.get(owner, {}).get(name, "nothing")
            if has == "nothing" or (has is None) != (parameters is None):
                gaps.append(f"{owner}.{name}")
            else:
                gaps += [f"{owner}.{name}({wanted}=)" for wanted in set(parameters or []) - set(has or [])]
    return gaps


@pytest.mark.parametrize("where", [simulated, installed])
def test_it_has_the_names_we_use(where: Callable[[], Path | None]) -> None:
    folder = where()
    if folder is None:
        pytest.skip("picamera2 is not here; FOCUSRAIL_PICAMERA2 may name its unpacked source")

    assert lacking(names_in(folder)) == []


def test_a_lack_would_be_seen() -> None:
    found = {owner: dict(used) for owner, used in USED.items()}
    found["Picamera2"]["capture_request"] = ["wait"]
    del found["CompletedRequest"]["release"]

    assert lacking(found) == ["Picamera2.capture_request(flush=)", "CompletedRequest.release"]

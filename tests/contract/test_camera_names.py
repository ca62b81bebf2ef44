"""Every name we use of picamera2 exists in the real one, with the parameters that we give it.

What we use is what `camera/library.py` declares; the simulator claims no name that the real one does not
have. The real package cannot be imported without libcamera, so its source is read instead: as `make` put it
beside the test tools, from where it is installed, or unpacked at $FOCUSRAIL_PICAMERA2.
"""

import ast
import importlib.util
import os
import sys
from pathlib import Path

import pytest

Names = dict[str, dict[str, list[str] | None]]
"""For each class, its methods' parameters in order, with a star those that have a name and no place; None for
a property or an attribute."""

ROOT = Path(__file__).parents[2]
CALLED = {
    "Picamera2": "Picamera2",
    "Library": "Picamera2",
    "OpenPicamera2": "Picamera2",
    "Request": "CompletedRequest",
}
"""Our protocols, and the classes that keep to them."""

OURS = {"rig"}
"""What the simulator's classes take and the real ones do not."""


def real() -> Path | None:
    if unpacked := os.environ.get("FOCUSRAIL_PICAMERA2"):
        return Path(unpacked)
    beside = Path(sys.prefix, "read", "picamera2")
    if beside.exists():
        return beside
    spec = importlib.util.find_spec("picamera2")
    return Path(spec.origin).parent if spec and spec.origin else None


@pytest.fixture
def picamera2() -> Names:
    folder = real()
    if folder is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(
            "picamera2's source is not here: `make test` fetches it once, or FOCUSRAIL_PICAMERA2 names it"
        )
    return names_in(folder)


def names_in(folder: Path) -> Names:
    """Read the classes in a folder's modules, without importing any."""
    found: Names = {}
    for path in sorted(folder.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name in CALLED.values():
                found.setdefault(node.name, {}).update(members(node))
    return found


def used() -> Names:
    """Give what our protocols declare, by the names of the classes that keep to them."""
    found: Names = {}
    for node in ast.parse((ROOT / "camera" / "library.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            wanted = found.setdefault(CALLED[node.name], {})
            for name, parameters in members(node).items():
                wanted["__init__" if name == "__call__" else name] = parameters
    return found


def members(definition: ast.ClassDef) -> dict[str, list[str] | None]:
    found: dict[str, list[str] | None] = {}
    for node in ast.walk(definition):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.setdefault(node.attr, None)
    for node in definition.body:
        if isinstance(node, ast.Assign):
            found |= {target.id: None for target in node.targets if isinstance(target, ast.Name)}
        if isinstance(node, ast.FunctionDef):
            decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
            if "property" in decorators:
                found[node.name] = None
            elif "overload" not in decorators:
                placed = [argument.arg for argument in node.args.args if argument.arg != "self"]
                found[node.name] = placed + [f"*{argument.arg}" for argument in node.args.kwonlyargs]
    return found


def lacking(found: Names, wanted: Names) -> list[str]:
    """Say what `found` lacks of `wanted`: each parameter by its name, the first by its place too."""
    gaps = []
    for owner, names in wanted.items():
        for name, parameters in names.items():
            has = found.get(owner, {}).get(name, "nothing")
            if isinstance(has, str) or (has is None) != (parameters is None):
                gaps.append(f"{owner}.{name}")
                continue
            known = {each.lstrip("*") for each in has or ()}
            needed = [each.lstrip("*") for each in parameters or ()]
            gaps += [f"{owner}.{name}({each}=)" for each in needed if each not in known]
            if has and parameters and parameters[0] in known and parameters[0] != has[0]:
                gaps.append(f"{owner}.{name}({parameters[0]}) comes first")
    return gaps


def claims(folder: Path) -> Names:
    """Give the public names that the simulator's classes claim."""
    return {
        owner: {
            name: parameters and [each for each in parameters if each.lstrip("*") not in OURS]
            for name, parameters in names.items()
            if (not name.startswith("_") or name == "__init__") and name not in OURS
        }
        for owner, names in names_in(folder).items()
    }


def test_the_real_one_has_every_name_we_use(picamera2: Names) -> None:
    assert lacking(picamera2, used()) == []


def test_the_simulated_one_has_every_name_we_use() -> None:
    assert lacking(names_in(ROOT / "simulator"), used()) == []


def test_the_simulated_one_claims_nothing_that_the_real_one_has_not(picamera2: Names) -> None:
    claimed = claims(ROOT / "simulator")
    claimed["CompletedRequest"]["__init__"] = []  # made by the camera, never by us

    assert lacking(picamera2, claimed) == []


def test_what_we_use_is_not_nothing() -> None:
    wanted = used()

    assert {"configure", "capture_request", "wait", "close", "platform"} <= wanted["Picamera2"].keys()
    assert wanted["CompletedRequest"].keys() == {"get_metadata", "make_array", "release"}


def test_a_lack_would_be_seen() -> None:
    found = {owner: dict(names) for owner, names in used().items()}
    found["Picamera2"]["capture_request"] = ["wait"]
    found["Picamera2"]["wait"] = ["timeout", "job"]
    del found["CompletedRequest"]["release"]

    assert sorted(lacking(found, used())) == [
        "CompletedRequest.release",
        "Picamera2.capture_request(flush=)",
        "Picamera2.wait(job) comes first",
    ]

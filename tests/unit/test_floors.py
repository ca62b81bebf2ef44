"""Who may stand on whom. The tables are the law; what follows reads every module and holds them to it."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FLOORS = {
    "rail": ["rail"],
    "camera": ["camera"],
    "camera.lens": ["camera", "rail"],
    "simulator": ["simulator"],
    "stack": ["stack", "rail", "camera"],
    "stack.merge": [
        *("stack.merge", "stack.durable", "stack.line", "stack.number"),
        *("camera.icc", "camera.png", "camera.tiff"),
    ],
    "stack.film": ["stack", "camera.camera"],
    "focusd": ["focusd", "stack", "camera", "rail", "simulator"],
}
"""A room, or a module by itself -> what it may import of ours. The longest name that fits a module is its."""

SHELL = [
    "focusd.arguments",
    "focusd.axis_screens",
    "focusd.calibrate_arguments",
    "focusd.calibrate_cli",
    "focusd.call",
    "focusd.chart",
    "focusd.cli",
    "focusd.client",
    "focusd.demo",
    "focusd.doctor_cli",
    "focusd.decimals",
    "focusd.durations",
    "focusd.exits",
    "focusd.film_arguments",
    "focusd.film_cli",
    "focusd.focusctl",
    "focusd.lengths",
    "focusd.merge_cli",
    "focusd.places",
    "focusd.plan_arguments",
    "focusd.preview_cli",
    "focusd.progress_line",
    "focusd.range_cli",
    "focusd.rows",
    "focusd.screens",
    "focusd.session_screens",
    "focusd.sessions_arguments",
    "focusd.sessions_cli",
    "focusd.sizes",
    "focusd.subcommand",
    "focusd.support_cli",
    "focusd.terminal",
    "focusd.timelapse_arguments",
    "focusd.timelapse_cli",
    "focusd.typed_together",
    "focusd.typed_values",
    "focusd.watch",
]
"""What focusctl is made of: typed dozens of times an hour on a small Pi, so it stands on itself alone."""

LAZY = {
    "focusd.calibrate_cli": [
        "focusd.config",
        "focusd.errors",
        "focusd.yaml_edit",
        "focusd.yaml_text",
        "stack.durable",
        "stack.merge.interrupts",
    ],
    "focusd.cli": ["focusd.setup_cli", "stack.merge.command", "stack.merge.interrupts"],
    "focusd.doctor_cli": ["focusd.doctor"],
    "focusd.film_cli": ["stack.errors", "stack.film.command", "stack.film.errors", "stack.merge.errors"],
    "focusd.focusctl": ["stack.merge.interrupts"],
    "focusd.sessions_cli": ["stack.check", "stack.errors", "stack.export", "stack.sessions"],
}
"""What a module of the shell imports in the moment it is needed and not before."""

FOREIGN = {
    "numpy": ["camera", "stack", "simulator"],
    "av": ["stack.film.encoder"],
    "cv2": [
        "stack.merge",
        "stack.film",
        "camera.files",
        "camera.png",
        "camera.shading",
        "camera.streams",
        "camera.view",
        "simulator",
    ],
    "simplejpeg": ["stack.merge", "stack.film", "camera.files", "camera.view", "simulator", "focusd.reports"],
    "piexif": ["stack.merge"],
    "rawpy": ["stack.merge.raw"],
    "distributed": ["stack.merge.cluster"],
    "gpiozero": ["rail.pins", "simulator.pins"],
    "lgpio": ["rail.pins"],
    "serial": ["rail.serial_line"],
    "picamera2": ["camera.picam"],
    "libcamera": ["camera.picam"],
    "pydantic": ["focusd"],
    "pydantic_core": ["focusd"],
    "annotated_types": ["focusd"],
    "fastapi": ["focusd"],
    "starlette": ["focusd"],
    "uvicorn": ["focusd"],
    "yaml": ["focusd"],
    "socket": ["focusd", "rail.process", "simulator.laboratory"],
    "http": ["focusd"],
}
"""A library -> the only rooms or modules that may import it. Of the others, the standard library's are free.

`rail.process` speaks to its own child through a pair of sockets that nobody else can reach.
"""

FORBIDDEN_WORDS = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"}
"""Words that name nothing; neither a module nor a class bears one."""


@dataclass(frozen=True)
class Module:
    """A module and the names of everything that its text imports, anywhere in it."""

    name: str
    tree: ast.Module
    imports: frozenset[str]
    is_package: bool


def read_tree(root: Path, rooms: Mapping[str, object]) -> dict[str, Module]:
    """Read every module of the rooms below `root`."""
    tops = {room.split(".")[0] for room in rooms}
    paths = {
        name_of(path.relative_to(root)): path for top in sorted(tops) for path in (root / top).rglob("*.py")
    }
    modules = {}
    for name, path in paths.items():
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        is_package = path.name == "__init__.py"
        imports = frozenset(imported(tree, name if is_package else name.rpartition(".")[0], paths))
        modules[name] = Module(name, tree, imports, is_package)
    return modules


def name_of(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.Module, package: str, ours: Mapping[str, object]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in ours else base


def within(name: str, rooms: object) -> bool:
    assert isinstance(rooms, list)
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def trespasses(modules: Mapping[str, Module]) -> Iterator[str]:
    """Name every import of ours that a floor does not allow."""
    tops = [room for room in FLOORS if "." not in room]
    for module in modules.values():
        if module.name in SHELL:
            allowed = SHELL + LAZY.get(module.name, [])
        else:
            room = max((room for room in FLOORS if within(module.name, [room])), key=len)
            allowed = FLOORS[room]
        for name in sorted(module.imports):
            if within(name, tops) and not within(name, allowed):
                yield f"{module.name} imports {name}"


def smuggled(modules: Mapping[str, Module]) -> Iterator[str]:
    """Name every import of a library that is not allowed where it stands, or is in no table."""
    tops = {room.split(".")[0] for room in FLOORS}
    for module in modules.values():
        for name in sorted({name.split(".")[0] for name in module.imports} - tops):
            if name in FOREIGN:
                allowed = within(module.name, FOREIGN[name]) and not (
                    module.name in SHELL and name not in sys.stdlib_module_names
                )
            else:
                allowed = name in sys.stdlib_module_names
            if not allowed:
                yield f"{module.name} imports {name}"


def cycle(modules: Mapping[str, Module]) -> list[str]:
    """Give a chain of modules that ends where it began; empty when there is none."""
    graph = {module.name: module.imports & modules.keys() for module in modules.values()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def laden(modules: Mapping[str, Module]) -> Iterator[str]:
    """Name every package whose `__init__` imports something."""
    yield from (module.name for module in modules.values() if module.is_package and module.imports)


def empty_words(modules: Mapping[str, Module]) -> Iterator[str]:
    """Name modules and classes that bear a word that says nothing."""
    for module in modules.values():
        if FORBIDDEN_WORDS & set(module.name.rpartition(".")[2].split("_")):
            yield module.name
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and any(
                node.name.lower().endswith(word) for word in FORBIDDEN_WORDS
            ):
                yield f"{module.name}.{node.name}"


@pytest.fixture(scope="module")
def house() -> dict[str, Module]:
    return read_tree(ROOT, FLOORS)


def test_every_room_is_read(house: dict[str, Module]) -> None:
    assert {
        "rail.axis",
        "camera.camera",
        "stack.plan",
        "stack.merge",
        "simulator.world",
        "focusd.cli",
    } <= house.keys()


def test_nobody_imports_from_a_floor_above(house: dict[str, Module]) -> None:
    assert list(trespasses(house)) == []


def test_libraries_stay_where_they_belong(house: dict[str, Module]) -> None:
    assert list(smuggled(house)) == []


def test_no_module_imports_itself_through_others(house: dict[str, Module]) -> None:
    assert cycle(house) == []


def test_packages_import_nothing_by_themselves(house: dict[str, Module]) -> None:
    assert list(laden(house)) == []


def test_names_say_something(house: dict[str, Module]) -> None:
    assert list(empty_words(house)) == []


def test_the_shell_is_all_there(house: dict[str, Module]) -> None:
    assert set(SHELL) <= house.keys()


@pytest.mark.parametrize(
    ("module", "stays_away"),
    [
        ("stack.plan", {"cv2", "gpiozero", "picamera2", "pydantic"}),
        ("stack.session", {"cv2", "gpiozero", "picamera2", "pydantic"}),
        ("stack.shoot", {"cv2", "gpiozero", "picamera2", "pydantic"}),
        ("stack.report", {"cv2", "gpiozero", "picamera2", "pydantic"}),
        (
            "focusd.motion",
            {"lgpio", "pydantic", "fastapi", "yaml", "cv2", "numpy", "camera", "stack", "simulator"},
        ),
        ("focusd.daemon", {"pydantic", "fastapi", "uvicorn", "yaml", "cv2", "numpy", "gpiozero"}),
        ("rail.pins", {"lgpio", "cv2", "numpy"}),
        ("camera.picam", {"picamera2", "libcamera", "cv2"}),
        (
            "focusd.cli",
            {"pydantic", "fastapi", "uvicorn", "yaml", "cv2", "numpy", "gpiozero", "asyncio", "stack"},
        ),
    ],
)
def test_a_fresh_interpreter_loads_no_more_than_it_must(module: str, stays_away: set[str]) -> None:
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert stays_away & set(loaded.stdout.split()) == set()


def house_of(root: Path, **texts: str) -> dict[str, Module]:
    """Build a small house: `rail__axis="import os"` writes rail/axis.py."""
    for name, text in texts.items():
        path = root.joinpath(*name.split("__")).with_suffix(".py")
        if name.endswith("__init"):
            path = path.with_name("__init__.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_tree(root, FLOORS)


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("rail__axis", "import camera.camera", ["rail.axis imports camera.camera"]),
        ("rail__axis", "def lazily():\n    from stack import plan", ["rail.axis imports stack.plan"]),
        ("camera__lens", "from rail.axis import Axis\nimport camera.loan", []),
        ("camera__files", "from rail.axis import Axis", ["camera.files imports rail.axis"]),
        ("simulator__world", "from rail.clock import Clock", ["simulator.world imports rail.clock"]),
        ("stack__shoot", "import simulator.world", ["stack.shoot imports simulator.world"]),
        ("stack__merge__fuse", "from ..plan import Marks", ["stack.merge.fuse imports stack.plan"]),
        ("stack__merge__fuse", "from stack.durable import write_durably\nfrom . import tone", []),
        ("focusd__cli", "import focusd.config", ["focusd.cli imports focusd.config"]),
        ("focusd__cli", "import stack.merge.command, focusd.client", []),
        ("focusd__operator", "import rail.axis, camera.camera, stack.plan, simulator.world, focusd.cli", []),
    ],
)
def test_a_trespass_is_seen(tmp_path: Path, name: str, text: str, found: list[str]) -> None:
    house = house_of(tmp_path, stack__plan="", stack__durable="", stack__merge__tone="", **{name: text})
    assert list(trespasses(house)) == found


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("rail__axis", "import gpiozero.pins", ["rail.axis imports gpiozero"]),
        ("rail__pins", "import gpiozero", []),
        ("simulator__pins", "from gpiozero.pins.mock import MockFactory", []),
        ("stack__report", "import cv2", ["stack.report imports cv2"]),
        ("stack__merge__fuse", "import cv2", []),
        ("camera__camera", "def late():\n    import picamera2", ["camera.camera imports picamera2"]),
        ("stack__plan", "from pydantic import BaseModel", ["stack.plan imports pydantic"]),
        ("stack__plan", "import http.client", ["stack.plan imports http"]),
        ("focusd__client", "import http.client", []),
        ("focusd__client", "import pydantic", ["focusd.client imports pydantic"]),
        ("focusd__api", "import requests", ["focusd.api imports requests"]),
    ],
)
def test_a_smuggled_library_is_seen(tmp_path: Path, name: str, text: str, found: list[str]) -> None:
    assert list(smuggled(house_of(tmp_path, **{name: text}))) == found


def test_a_cycle_is_seen(tmp_path: Path) -> None:
    house = house_of(
        tmp_path,
        rail__a="from rail import b",
        rail__b="from .c import x",
        rail__c="import rail.a",
        rail__d="import os",
    )
    assert set(cycle(house)) == {"rail.a", "rail.b", "rail.c"}


def test_a_laden_package_is_seen(tmp_path: Path) -> None:
    assert list(
        laden(house_of(tmp_path, rail__init="from rail.axis import Axis", stack__init='"""Stacks."""'))
    ) == ["rail"]


def test_an_empty_word_is_seen(tmp_path: Path) -> None:
    house = house_of(tmp_path, rail__file_utils="", rail__axis="class AxisManager: ...\nclass Axis: ...")
    assert sorted(empty_words(house)) == ["rail.axis.AxisManager", "rail.file_utils"]

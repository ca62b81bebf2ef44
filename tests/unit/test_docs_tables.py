"""The tables of faults and of protections promise nothing that no test holds."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLES = {"docs/faults.md": 5, "docs/camera.md": 4}
"""How many columns each has."""
LEAST_ROWS = {"docs/faults.md": 15, "docs/camera.md": 13}


def rows(table: str) -> list[list[str]]:
    text = (ROOT / table).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def functions_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("table", TABLES)
def test_the_table_is_there(table: str) -> None:
    assert len(rows(table)) >= LEAST_ROWS[table]


@pytest.mark.parametrize(
    ("table", "row"), [(table, row) for table in TABLES for row in rows(table)], ids=lambda value: value[0]
)
def test_every_row_is_whole_and_names_tests_that_exist(table: str, row: list[str]) -> None:
    assert len(row) == TABLES[table] and all(row)
    named = re.findall(r"`(tests/\w+/\w+\.py)::(\w+)`", row[-1])
    assert named
    for file, test in named:
        assert test in functions_of(file), f"{file} has no {test}"


@pytest.mark.parametrize("row", rows("docs/camera.md"), ids=lambda row: row[0])
def test_every_protection_stands_where_it_is_said_to(row: list[str]) -> None:
    file, *name = re.findall(r"`([\w/.]+)", row[1])
    text = (ROOT / file).read_text(encoding="utf-8")
    assert all(one in text for one in name)

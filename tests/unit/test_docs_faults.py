"""The table of faults promises nothing that no test holds."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs/faults.md"
COLUMNS = 5


def rows() -> list[list[str]]:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def functions_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_table_is_there() -> None:
    assert len(rows()) >= 15


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_every_row_is_whole_and_names_tests_that_exist(row: list[str]) -> None:
    assert len(row) == COLUMNS and all(row)
    named = re.findall(r"`(tests/\w+/\w+\.py)::(\w+)`", row[-1])
    assert named
    for file, test in named:
        assert test in functions_of(file), f"{file} has no {test}"

"""docs/reliability.md names a test for every fault, and those tests are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (ROOT / "docs/reliability.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| fault")
]
FAULTS = """
    SIGKILL of a job; SIGKILL of the controller; SIGKILL of everything; scancel; time limit; out of
    memory; requeue; full disk; read-only results; two controllers at once; a corrupt part; a
    truncated checkpoint; a node without the model's files; results copied or renamed
"""


def named_in(row):
    return re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row[-1])


@pytest.mark.parametrize("fault", " ".join(FAULTS.split()).split("; "))
def test_every_fault_has_a_row(fault):
    assert any(fault in row[0] for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_row_says_what_is_promised_and_names_tests_that_exist(row):
    assert len(row) == 3
    assert row[1].endswith(".")
    assert named_in(row)
    for file, name in named_in(row):
        functions = ast.walk(ast.parse((ROOT / file).read_text()))
        names = {node.name for node in functions if isinstance(node, ast.FunctionDef)}
        assert any(found.startswith("test_") for found in names)
        assert not name or name in names, f"{file} has no {name}"

"""docs/storage.md lists what storage offers."""

import ast
import re
from pathlib import Path

import pytest

from api.storage.schema import metadata

ROOT = Path(__file__).parents[3]
TABLES = re.compile(r"__init__|schema|(\w+_)?tables")
MODULES = sorted(path for path in (ROOT / "api" / "storage").glob("*.py") if not TABLES.fullmatch(path.stem))
PAGE = (ROOT / "docs" / "storage.md").read_text()


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_every_public_function_is_in_the_docs(module: Path) -> None:
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| `{module.stem}` |")]
    offered = [node.name for node in ast.parse(module.read_text()).body if isinstance(node, ast.FunctionDef)]
    assert [name for name in offered if not name.startswith("_") and f"`{name}(" not in row] == []


def test_every_table_is_in_the_docs() -> None:
    assert [name for name in metadata.tables if f"`{name}`" not in PAGE] == []

"""The budgets of a file and of a function, and the names that no room has."""

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.house import ROOT, name_of, sources, tree_of

LONGEST_FILE, MEDIAN_FILE = 400, 120
LONGEST_FUNCTION, MEDIAN_FUNCTION = 50, 8
EMPTY_NAMES = re.compile(r"^(utils?|helpers?|common|misc|core|base)(\.py)?$")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree_of(path)) if isinstance(node, Function))


def length(function: Function) -> int:
    """Lines from `def` to the end, the docstring not counted."""
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        assert first.end_lineno is not None
        lines -= first.end_lineno - first.lineno + 1
    return lines


def test_no_file_is_long() -> None:
    lines = {name_of(path): len(path.read_text().splitlines()) for path in sources()}
    assert {name: count for name, count in lines.items() if count > LONGEST_FILE} == {}


def test_no_function_is_long() -> None:
    lines = {f"{name_of(path)}:{each.name}": length(each) for path in sources() for each in functions(path)}
    assert {name: count for name, count in lines.items() if count > LONGEST_FUNCTION} == {}


def test_most_files_and_functions_are_shorter_by_far() -> None:
    files = [len(path.read_text().splitlines()) for path in sources()]
    assert statistics.median(files) <= MEDIAN_FILE
    assert sum(lines <= 300 for lines in files) >= 0.9 * len(files)
    lengths = [length(each) for path in sources() for each in functions(path)]
    assert statistics.median(lengths) <= MEDIAN_FUNCTION
    assert sum(lines <= 25 for lines in lengths) >= 0.9 * len(lengths)


def test_no_room_and_no_file_has_a_name_that_says_nothing() -> None:
    parts = {part for path in sources() for part in path.relative_to(ROOT).parts}
    assert [part for part in parts if EMPTY_NAMES.match(part)] == []


def test_the_tests_are_no_package() -> None:
    """`tests/artwork/__init__.py` would make `import artwork` find the tests."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []

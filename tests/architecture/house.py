"""Where the house stands, and which files it is made of."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("artwork", "bandit", "foundation", "api", "migrations")


def sources(*rooms: str) -> Iterator[Path]:
    """The Python files of the rooms, of the whole house by default."""
    for room in rooms or ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


def name_of(path: Path) -> str:
    """A file's path as people write it."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    """The parsed file, parsed once for all tests."""
    return ast.parse(path.read_text())

"""Imports run one way, and only at the top of a file; the web process stays light."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.api.learned import Learned
from tests.architecture.house import ROOT, name_of, sources, tree_of

LATE_BY_DESIGN = ("api/cli/",)
"""The command line imports late, so that `--help` is fast."""


def test_the_house_keeps_its_layers() -> None:
    command = [
        str(Path(sys.executable).with_name("lint-imports")),
        "--config",
        str(ROOT / "pyproject.toml"),
        "--no-cache",
    ]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 broken" in ended.stdout


def late_imports(tree: ast.Module) -> Iterator[int]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (node.lineno for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom))


def test_nothing_is_imported_inside_a_function() -> None:
    late = {name_of(path): list(late_imports(tree_of(path))) for path in sources()}
    assert {name: lines for name, lines in late.items() if lines and not name.startswith(LATE_BY_DESIGN)} == {}


def test_imports_are_absolute() -> None:
    relative = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_a_package_holds_only_what_it_says_it_is() -> None:
    packages = [path for path in sources() if path.name == "__init__.py"]
    assert [name_of(path) for path in packages if len(tree_of(path).body) != 1] == []


def test_the_first_line_of_every_file_says_what_it_is() -> None:
    assert [name_of(path) for path in sources() if not ast.get_docstring(tree_of(path))] == []


SERVES = """
import json, sys
from pathlib import Path
from tests.api.installation import running, settings_in
with running(settings_in(Path(sys.argv[1]))) as installation:
    installation.http.post(f"/v1/policies/{sys.argv[2]}:promote", json={"reason": "a test"})
    page = installation.select("harbor", viewer="even-0")
    installation.http.get("/gallery/harbor")
print(json.dumps({"policy": page["policy"], "logged": page["logged"], "modules": sorted(sys.modules)}))
"""


def test_the_web_process_loads_no_model_library(learned_home: Path, learned: Learned) -> None:
    """It serves a page by a learned policy and a gallery page, in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-c", SERVES, str(learned_home), learned.manifest.version],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert (found["policy"], found["logged"]) == (learned.manifest.version, True)
    heavy = {"torch", "torchvision", "open_clip", "timm", "sklearn", "pandas"}
    assert heavy & {name.partition(".")[0] for name in found["modules"]} == set()

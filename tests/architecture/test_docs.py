"""Whatever a user can call is written down, and the README's tree is the house as it stands."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from api.cli.main import app
from api.dependencies.permissions import PERMISSIONS
from api.settings import Settings
from tests.architecture.house import ROOMS, ROOT, name_of, sources


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def routes() -> Iterator[str]:
    """Every route as people write it, method and path: those of the table of permissions, which has a row for each."""
    yield from (f"{method} {path}" for method, path in PERMISSIONS if path != "/")


def commands(group: Any, words: str = "keyart") -> Iterator[tuple[str, Any]]:
    """Every command as people write it, with what typer knows of it."""
    inner = getattr(group, "commands", {})
    if not inner:
        yield words, group
    for name, command in inner.items():
        yield from commands(command, f"{words} {name}")


COMMANDS = dict(commands(get_command(app)))
OF_ALL = {"--home", "--json", "--reason"}
"""Options that the page tells once, above its table."""


@pytest.mark.parametrize("route", list(routes()))
def test_every_route_is_documented(route: str) -> None:
    assert f"`{route}`" in page("console.md" if " /console" in route else "http.md")


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_is_documented_with_its_options(command: str) -> None:
    [row] = [line for line in page("commands.md").splitlines() if line.startswith(f"| `{command}` |")]
    options = [each for each in COMMANDS[command].params if not getattr(each, "hidden", False)]
    named = [{*each.opts, *each.secondary_opts} for each in options if each.opts[0].startswith("--")]
    told = set(re.findall(r"--[a-z-]+", row)) | OF_ALL
    assert [each for each in named if not each & told] == []


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`KEYART_{name.upper()}`" in page("settings.md")


def test_nothing_is_documented_that_does_not_exist() -> None:
    rows = "\n".join(line for line in page("http.md").splitlines() if line.startswith("| `"))
    documented = set(re.findall(r"`((?:GET|PUT|POST|DELETE|PATCH) /[^`\s]*)`", rows))
    assert documented - set(routes()) - {"GET /openapi.json"} == set()
    called = {
        " ".join(words.split()) for words in re.findall(r"^\| `(keyart [^`]*)`", page("commands.md"), re.MULTILINE)
    }
    assert called - set(COMMANDS) == set()
    settings = set(re.findall(r"`KEYART_([A-Z_]+)`", page("settings.md")))
    assert {name.lower() for name in settings} <= {*Settings.model_fields, "log_level", "log_format", "stills"}


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{name_of(path)}: {target}"
        for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text())
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert broken == []


def tree_paths(text: str) -> set[str]:
    """The paths in the fenced block that shows the tree.

    A line holds one path and a phrase. An indented name lies in the folder above it that is indented less.
    """
    blocks: list[str] = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    trees = [block for block in blocks if re.search(r"^\W*bandit/", block, re.MULTILINE)]
    return set() if not trees else _paths(max(trees, key=len).splitlines())


def _paths(lines: list[str]) -> set[str]:
    found: set[str] = set()
    above: list[tuple[int, str]] = []
    for line in lines:
        match = re.match(r"^([\s│├└─|`+-]*)([\w.\-/*]+)", line)
        if match is None:
            continue
        depth, name = len(match[1]), match[2]
        while above and above[-1][0] >= depth:
            above.pop()
        path = (above[-1][1] if above else "") + name
        if name.endswith("/"):
            above.append((depth, path))
        found.add(path)
    return found


def test_the_tree_is_read_as_people_write_it() -> None:
    lines = ("api/      the edges", "  app.py  the application", "  cli/    the terminal", "    main.py", "bandit/")
    text = "\n".join(("```", *lines, "```"))
    assert tree_paths(text) == {"api/", "api/app.py", "api/cli/", "api/cli/main.py", "bandit/"}


def test_the_readmes_tree_names_every_file_and_none_that_does_not_exist() -> None:
    shown = tree_paths((ROOT / "README.md").read_text())
    missing = [name_of(path) for path in sources() if path.name != "__init__.py" and name_of(path) not in shown]
    assert missing == [], "the README's tree leaves these out"
    gone = [path for path in shown if path.partition("/")[0] in ROOMS and not (ROOT / path).exists()]
    assert gone == [], "the README's tree names these, which do not exist"


def test_decisions_are_numbered_once() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")]
    assert len(numbers) == len(set(numbers))


def test_no_page_names_a_folder_of_one_machine() -> None:
    pages: list[Path] = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    assert [name_of(path) for path in pages if re.search(r"/work/|/root/|/home/\w+/", path.read_text())] == []

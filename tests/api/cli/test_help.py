"""Every command says what it does with an example; what is mistyped is one line and exit code 2."""

from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from api.cli.main import app
from tests.api.cli.command import Command


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and group, by the words that call it."""
    group = get_command(app) if group is None else group
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


LEAVES = [path for path in commands() if path and not any(other[: len(path)] == path != other for other in commands())]


def test_the_commands_of_the_design_exist() -> None:
    assert set(LEAVES) == {
        ("serve",),
        ("worker",),
        ("migrate",),
        ("status",),
        ("demo",),
        ("catalog", "import"),
        ("catalog", "list"),
        ("artwork", "import"),
        ("artwork", "pause"),
        ("artwork", "resume"),
        ("artwork", "retire"),
        ("artwork", "pin"),
        ("artwork", "schedule"),
        ("artwork", "share"),
        ("artwork", "guards"),
        ("artwork", "lift"),
        ("artwork", "report"),
        ("events", "import"),
        ("reward", "list"),
        ("reward", "revalue"),
        ("foundation", "train"),
        ("foundation", "evaluate"),
        ("foundation", "embed"),
        ("foundation", "inspect"),
        ("learn",),
        ("policies",),
        ("promote",),
        ("retire",),
        ("rollback",),
        ("evaluate",),
        ("plan",),
        ("forecasts",),
        ("experiment", "create"),
        ("experiment", "start"),
        ("experiment", "stop"),
        ("experiment", "list"),
        ("experiment", "show"),
        ("experiment", "rehearse"),
        ("audit",),
        ("tune",),
        ("log", "export"),
        ("key", "create"),
        ("key", "list"),
        ("key", "rotate"),
        ("key", "revoke"),
        ("audit-log",),
        ("viewer", "erase"),
        ("viewer", "exclude"),
        ("viewer", "include"),
        ("viewer", "excluded"),
        ("viewer", "busiest"),
        ("secret", "rotate"),
    }


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_help_has_an_example_of_this_very_command(keyart: Command, path: tuple[str, ...]) -> None:
    ended = keyart(*path, "--help")
    assert (ended.code, ended.err) == (0, "")
    examples = [line for line in ended.out.splitlines() if "Example:" in line]
    assert len(examples) == 1
    assert f"keyart {' '.join(path)}" in " ".join(ended.out.split())


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_an_unknown_option_is_one_line(keyart: Command, path: tuple[str, ...]) -> None:
    assert "--colour" in keyart(*path, "--colour", "blue").refusal()


@pytest.mark.parametrize("group", ["catalog", "artwork", "events", "foundation", "log"])
def test_an_unknown_command_is_one_line(keyart: Command, group: str) -> None:
    assert "dance" in keyart("dance").refusal()
    assert "dance" in keyart(group, "dance").refusal()


@pytest.mark.parametrize(
    "arguments",
    [
        ("serve", "--port", "0"),
        ("serve", "--port", "http"),
        ("promote",),
        ("log", "export"),
        ("events", "import"),
        ("evaluate", "--level", "2"),
        ("foundation", "train", "--epochs", "0"),
    ],
)
def test_a_wrong_or_missing_value_is_one_line(keyart: Command, arguments: tuple[str, ...]) -> None:
    keyart(*arguments).refusal()

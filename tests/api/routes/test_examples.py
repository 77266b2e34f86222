"""Every route has an example in the description, and each of them works as it stands there."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from httpx import Response

from api.dependencies.permissions import OPEN, PERMISSIONS
from api.routes.examples import Description, load_examples, operations
from tests.api.installation import Installation, running, settings_in
from tests.api.routes.performed import perform

EXAMPLES = load_examples()
FREE = ("context", "contributions", "manifest", "before", "after", "problems", "outcomes", "rewards")
"""Fields whose content has no fixed names."""


@pytest.fixture(scope="module")
def performed(
    prepared_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Installation, dict[str, Response]]]:
    home = Path(copytree(prepared_home, tmp_path_factory.mktemp("examples") / "home"))
    with running(settings_in(home)) as installation:
        yield installation, perform(installation, EXAMPLES)[0]


@pytest.fixture(scope="module")
def description(performed: tuple[Installation, dict[str, Response]]) -> Description:
    told: Description = performed[0].http.get("/openapi.json").json()
    return told


def test_every_operation_has_an_example_and_every_example_an_operation(description: Description) -> None:
    assert {f"{method} {path}" for method, path, _ in operations(description)} == EXAMPLES.keys()


@pytest.mark.parametrize("operation", EXAMPLES)
def test_the_example_works(performed: tuple[Installation, dict[str, Response]], operation: str) -> None:
    answer, example = performed[1][operation], EXAMPLES[operation]
    assert answer.status_code == example.status, answer.text
    if example.answer is not None:
        assert differences(example.answer, answer.json()) == []


def differences(shown: Any, real: Any, where: str = "") -> list[str]:
    """Where a real answer has other names or types than the one that is shown."""
    if isinstance(shown, dict) and isinstance(real, dict) and where.rpartition(".")[2] not in FREE:
        names = [f"{where}: {sorted(shown.keys() ^ real.keys())}"] if shown.keys() != real.keys() else []
        return names + [
            each
            for name in shown.keys() & real.keys()
            for each in differences(shown[name], real[name], f"{where}.{name}")
        ]
    if isinstance(shown, list) and isinstance(real, list) and shown and real:
        return differences(shown[0], real[0], f"{where}[]")
    same = shown is None or real is None or type(shown) is type(real) or {type(shown), type(real)} == {int, float}
    return [] if same else [f"{where}: {shown!r} is shown and {real!r} came"]


def test_the_comparison_sees_what_differs() -> None:
    assert differences({"a": 1, "b": [{"c": "x"}]}, {"a": 2.0, "b": [{"c": "y"}, {}]}) == []
    assert differences({"a": 1}, {"a": "1"}) == [".a: 1 is shown and '1' came"]
    assert differences({"a": 1}, {"a": 1, "b": 2}) == [": ['b']"]
    assert differences({"b": [{"c": "x"}]}, {"b": [{"d": "x"}]}) == [".b[]: ['c', 'd']"]


def test_the_description_shows_them(description: Description) -> None:
    for method, path, operation in operations(description):
        example = EXAMPLES[f"{method} {path}"]
        bodies = operation.get("requestBody", {}).get("content", {})
        assert bodies.get("application/json", {}).get("example") == example.body
        for each in operation.get("parameters", ()):
            assert "example" in each or not each["required"], f"{method} {path}: {each['name']}"
        shown = operation["responses"][str(example.status)].get("content", {}).get("application/json", {})
        assert shown.get("example") == example.answer, f"{method} {path}"


def test_the_description_tells_problems_as_they_are(description: Description) -> None:
    assert "HTTPValidationError" not in str(description)
    for _, _, operation in operations(description):
        assert operation["summary"]
        assert operation["description"]
        for status in ("4XX", "5XX"):
            assert list(operation["responses"][status]["content"]) == ["application/problem+json"]


def test_the_description_says_who_may(description: Description) -> None:
    for method, path, operation in operations(description):
        scopes = PERMISSIONS[method, path]
        assert operation["security"] == ([] if scopes is OPEN else [{"key": []}])
        assert set(operation.get("x-scopes", ())) == (set() if scopes is None else {*scopes, "admin"})

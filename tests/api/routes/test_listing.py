"""Every list has one shape: parts that neither repeat nor leave out anything, under cursors that say nothing."""

from typing import Any

import pytest

from api.errors import BadInput
from api.routes.listing import Name, Number, cursor_of, place_of
from tests.api.installation import Installation
from tests.api.problems import is_problem


def parts(installation: Installation, path: str, limit: int) -> list[dict[str, Any]]:
    """All parts of a list, read one after the other."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while not found or cursor is not None:
        asked = {"limit": limit} | ({} if cursor is None else {"cursor": cursor})
        answer = installation.http.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        cursor = found[-1]["next"]
        assert len(found) < 100
    return found


def whole(installation: Installation, path: str, name: str, limit: int) -> list[Any]:
    """One list of an answer, put together from its parts."""
    found = parts(installation, path, limit)
    assert all(len(each[name]) <= limit + 2 for each in found)  # the built-in versions come beside the last ones
    return [item for each in found for item in each[name]]


@pytest.fixture
def full(harbor: Installation) -> Installation:
    """So many of each as LISTS says."""
    for title in "bcde":
        harbor.http.put(f"/v1/titles/{title}", json={"name": title})
    for artwork in "defg":
        harbor.http.put(f"/v1/titles/harbor/artworks/{artwork}", json={})
    for number in range(5):
        said = {"kind": "pin", "artwork": "b", "locale": f"fr-{number}", "reason": "x"}
        assert harbor.http.post("/v1/titles/harbor/guards", json=said).status_code == 201
    for order in ("b:pause", "b:resume", "b:retire"):
        assert harbor.http.post(f"/v1/titles/harbor/artworks/{order}", json={"reason": "x"}).status_code == 200
    for version in ("default", "uniform", "default", "uniform"):
        answer = harbor.http.post(f"/v1/policies/{version}:promote", json={"reason": "x"})
        assert answer.status_code == 200, answer.text
    for number in range(4):
        harbor.http.post("/v1/viewers:exclude", json={"viewer": f"test-{number}", "reason": "internal"})
    for number in range(3):
        harbor.http.post("/v1/keys", json={"name": f"key-{number}", "scopes": ["serving"], "reason": "x"})
    return harbor


LISTS: list[tuple[str, str, int]] = [
    ("/v1/titles", "titles", 5),
    ("/v1/titles/harbor/artworks", "artworks", 7),
    ("/v1/titles/harbor/guards", "guards", 5),
    ("/v1/titles/harbor/guards", "changes", 3),
    ("/v1/policies", "versions", 2),
    ("/v1/policies", "deployments", 4),
    ("/v1/viewers:excluded", "excluded", 4),
    ("/v1/keys", "keys", 3),
    ("/v1/audit", "entries", 27),
]


def test_the_parts_are_the_whole(full: Installation) -> None:
    for path, name, count in LISTS:
        entire = full.http.get(path).json()
        assert entire["next"] is None
        assert len(entire[name]) == count
        for limit in (1, 2, 3, 5, 1000):
            assert whole(full, path, name, limit) == entire[name], (path, limit)


def test_what_is_added_in_between_moves_nothing(full: Installation) -> None:
    first = full.http.get("/v1/titles", params={"limit": 2}).json()
    full.http.put("/v1/titles/a", json={"name": "a"})
    rest = full.http.get("/v1/titles", params={"cursor": first["next"]}).json()
    assert [each["title"] for each in first["titles"] + rest["titles"]] == ["b", "c", "d", "e", "harbor"]


@pytest.mark.parametrize(
    "cursor",
    ["x", "!!!", "é", "W10", "bnVsbA", cursor_of("artworks", "a"), cursor_of("titles"), cursor_of("titles", 1),
     cursor_of("titles", "a", "b"), cursor_of("titles", "a\x00"), cursor_of("titles", "x" * 129), "A" * 1025],
)  # fmt: skip
def test_a_cursor_of_another_list_or_of_nobody_is_refused(shared: Installation, cursor: str) -> None:
    answer = shared.http.get("/v1/titles", params={"cursor": cursor})
    assert "remedy" in is_problem(answer, 422, "bad_input" if len(cursor) <= 1024 else "invalid_request")


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "1.5", "", "9" * 30, "1_0", "+5", "5.0"])
def test_a_limit_is_between_one_and_a_thousand(shared: Installation, limit: str) -> None:
    for path in {path for path, _, _ in LISTS}:
        is_problem(shared.http.get(path, params={"limit": limit}), 422, "invalid_request")


def test_a_place_comes_back_as_it_was() -> None:
    assert place_of(cursor_of("x", "a.b", 7), "x", tuple[Name, Number]) == ("a.b", 7)
    for wrong in (-1, 2**63):
        with pytest.raises(BadInput):
            place_of(cursor_of("x", wrong), "x", tuple[Number])

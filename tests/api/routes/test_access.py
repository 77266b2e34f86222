"""Who may call: no key, a wrong one, one that may not do this, too many of them. Nothing opens without a row."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import BaseRoute

from api.credentials import Scope
from api.dependencies.access import authorise
from api.dependencies.permissions import PERMISSIONS
from api.errors import Forbidden, NotAllowed
from api.storage.database import reading, transaction
from api.storage.events import count_events
from api.storage.keys import KeyOrder, create_key, find_key, revoke_key
from api.storage.pages import count_decisions
from tests.api.installation import ADMIN_KEY, Installation, running, settings_in
from tests.api.problems import is_problem

ROLES = (None, *Scope)
VARIABLES: dict[str, str] = defaultdict(lambda: "7", sha256="0" * 64)


def make_key(installation: Installation, *scopes: Scope, name: str = "web", **more: Any) -> str:
    """Make a key and let the server know it at once."""
    now = more.pop("at", datetime.now(UTC))
    order = KeyOrder(name=name, scopes=frozenset(scopes), actor="test", at=now, **more)
    with transaction(installation.engine) as connection:
        made = create_key(connection, order)[1]
    installation.services.refresh()
    return made.text


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def keyed(
    prepared_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Installation, dict[Any, str]]]:
    """An installation with a key of each scope."""
    home = tmp_path_factory.mktemp("keyed")
    (home / "keyart.db").write_bytes((prepared_home / "keyart.db").read_bytes())
    with running(settings_in(home, requests_per_minute=10**9, failed_keys_per_minute=10**6)) as started:
        yield started, {scope: make_key(started, scope, name=scope) for scope in Scope}


def all_routes(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Method and path of every route of an application, however deep it was included."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield from ((method, route.path) for method in sorted(route.methods))
        inner = getattr(route, "original_router", None)
        if inner is not None:
            prefix = route.include_context.prefix  # type: ignore[attr-defined]
            yield from ((method, prefix + path) for method, path in all_routes(inner.routes))


def test_every_route_has_a_row_and_every_row_a_route(keyed: tuple[Installation, Any]) -> None:
    found = set(all_routes(keyed[0].http.app.routes))  # type: ignore[attr-defined]
    assert len(found) > 20
    assert sorted(found - set(PERMISSIONS)) == [], "a row in api/dependencies/permissions.py is missing"
    assert sorted(set(PERMISSIONS) - found) == [], "no such route"


def test_a_route_without_a_row_opens_for_nobody(keyed: tuple[Installation, Any]) -> None:
    installation = keyed[0]
    scope = {"type": "http", "method": "GET", "path": "/v1/forgotten", "app": installation.http.app}
    scope["headers"] = [(b"authorization", f"Bearer {ADMIN_KEY}".encode())]
    with pytest.raises(Forbidden, match="permissions"):
        asyncio.run(authorise(Request(scope)))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "path"), list(PERMISSIONS))
def test_the_matrix_of_roles_and_routes(
    keyed: tuple[Installation, dict[Any, str]], method: str, path: str, role: Scope | None
) -> None:
    installation, keys = keyed
    headers = {"Authorization": "" if role is None else f"Bearer {keys[role]}", "Sec-Fetch-Site": "same-origin"}
    # A body that no route takes: what gets past the check is refused behind it, and changes nothing.
    answer = installation.http.request(
        method, path.format_map(VARIABLES), headers=headers, content=b"{", follow_redirects=False
    )
    allowed = PERMISSIONS[method, path]
    if allowed is None or (role is not None and (role is Scope.ADMIN or role in allowed)):
        assert answer.status_code not in (401, 403), answer.text
        assert answer.status_code < 500, answer.text
    elif role is None:
        is_problem(answer, 401, "not_allowed")
        assert answer.headers["www-authenticate"] == 'Bearer realm="keyart"'
    else:
        assert " or ".join(sorted({*allowed, Scope.ADMIN})) in answer.text
        if path.startswith("/v1/"):
            is_problem(answer, 403, "forbidden")
        assert answer.status_code == 403


MISTYPED = "keyart_0123456789_" + "a" * 38


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (None, "carries no key"),
        ("Bearer ", "carries no key"),
        ("Basic YW5uOnRoZSBrZXk=", "carries no key"),
        ("Bearer wrong", "This is no key"),
        (f"Bearer {MISTYPED}", "last six characters"),
        ("Bearer \udcff", "This is no key"),
    ],
)
def test_what_is_no_key_is_told_so(keyed: tuple[Installation, Any], sent: str | None, said: str) -> None:
    http = keyed[0].http
    headers = {} if sent is None else {b"authorization": sent.encode("utf-8", "surrogateescape")}
    saved = http.headers.pop("authorization")
    try:
        answer = http.get("/v1/titles", headers=headers)
    finally:
        http.headers["authorization"] = saved
    is_problem(answer, 401, "not_allowed")
    assert said in answer.json()["detail"]


def test_a_key_of_another_installation_is_unknown_not_mistyped(
    keyed: tuple[Installation, Any], installation: Installation
) -> None:
    foreign = make_key(installation, Scope.ADMIN)
    answer = keyed[0].http.get("/v1/titles", headers=bearer(foreign))
    is_problem(answer, 401, "not_allowed")
    assert "No key is the one that was sent" in answer.json()["detail"]
    assert foreign[10:] not in answer.text


def test_a_right_prefix_with_another_secret_opens_nothing(installation: Installation) -> None:
    key = make_key(installation, Scope.ADMIN)
    swapped = key[:-8] + ("A" if key[-8] != "A" else "B") + key[-7:]
    assert installation.http.get("/v1/titles", headers=bearer(key)).status_code == 200
    is_problem(installation.http.get("/v1/titles", headers=bearer(swapped)), 401, "not_allowed")


def test_an_expired_key_says_so(installation: Installation) -> None:
    past = datetime.now(UTC) - timedelta(days=2)
    ended = past + timedelta(days=1)
    key = make_key(installation, Scope.ADMIN, at=past, expires_at=ended)
    answer = installation.http.get("/v1/titles", headers=bearer(key))
    is_problem(answer, 401, "not_allowed")
    assert "has expired" in answer.json()["detail"]
    callers = installation.services.callers
    assert callers.principal_of(key, now=ended.timestamp() - 1).name == "web"
    with pytest.raises(NotAllowed, match="has expired"):
        callers.principal_of(key, now=ended.timestamp())


def test_a_key_that_may_not_changes_nothing_in_good_order_either(harbor: Installation) -> None:
    past = datetime.now(UTC) - timedelta(days=2)
    expired = make_key(harbor, Scope.ADMIN, name="old", at=past, expires_at=past + timedelta(days=1))
    serving = make_key(harbor, Scope.SERVING)
    analyst = make_key(harbor, Scope.ANALYST, name="ann")
    page = {"viewer": "v", "titles": [{"title": "harbor"}]}
    event = {"event": "e", "viewer": "v", "title": "harbor", "action": "play", "at": "2026-01-01T00:00:00Z"}
    known = harbor.http.get("/v1/audit").json()["entries"]
    for key, method, path, body, status in (
        (expired, "POST", "/v1/select", page, 401),
        (expired, "PUT", "/v1/titles/harbor", {"name": "Mine"}, 401),
        (analyst, "POST", "/v1/select", page, 403),
        (analyst, "POST", "/v1/events", {"events": [event]}, 403),
        (serving, "PUT", "/v1/titles/harbor", {"name": "Mine"}, 403),
        (serving, "POST", "/v1/keys", {"name": "mine", "scopes": ["admin"]}, 403),
    ):
        assert harbor.http.request(method, path, json=body, headers=bearer(key)).status_code == status
    assert harbor.http.get("/v1/audit").json()["entries"] == known
    assert harbor.http.get("/v1/titles/harbor").json()["name"] == "Harbor"
    with reading(harbor.engine) as connection:
        assert count_decisions(connection) == (0, 0)
        assert count_events(connection) == 0


def test_a_revoked_key_opens_nothing_after_the_refresh(installation: Installation) -> None:
    key = make_key(installation, Scope.ADMIN)
    make_key(installation, Scope.ADMIN, name="another")
    prefix = key.split("_")[1]
    with transaction(installation.engine) as connection:
        revoke_key(connection, prefix, actor="test", at=datetime.now(UTC), reason="leaked")
    installation.services.refresh()
    answer = installation.http.get("/v1/titles", headers=bearer(key))
    is_problem(answer, 401, "not_allowed")
    assert "was revoked" in answer.json()["detail"]


def test_known_keys_open_while_the_database_is_locked(installation: Installation) -> None:
    installation.put_title("harbor")
    installation.impatient()
    key = make_key(installation, Scope.SERVING)
    with installation.locked():
        installation.services.refresh()
        body = {"viewer": "v", "titles": [{"title": "harbor"}]}
        answer = installation.http.post("/v1/select", json=body, headers=bearer(key))
    assert (answer.status_code, answer.json()["logged"]) == (200, False)


def test_the_day_of_the_last_use_is_kept(installation: Installation) -> None:
    key = make_key(installation, Scope.ADMIN)
    prefix = key.split("_")[1]
    installation.http.get("/v1/titles", headers=bearer(key))
    installation.services.refresh()
    with transaction(installation.engine) as connection:
        assert find_key(connection, prefix).last_used_on == datetime.now(UTC).date()


def test_a_key_that_asks_too_often_waits(home: Path) -> None:
    with running(settings_in(home, requests_per_minute=3, serving_requests_per_minute=5)) as started:
        started.put_title("harbor")
        key = make_key(started, Scope.ANALYST)
        answers = [started.http.get("/v1/titles", headers=bearer(key)) for _ in range(4)]
        assert [each.status_code for each in answers] == [200, 200, 200, 429]
        is_problem(answers[3], 429, "too_many_requests")
        assert 1 <= int(answers[3].headers["retry-after"]) <= 60
        assert [started.ask("harbor").status_code for _ in range(6)] == [200] * 5 + [429]
        other = make_key(started, Scope.ANALYST, name="other")
        assert started.http.get("/v1/titles", headers=bearer(other)).status_code == 200


def test_wrong_keys_of_an_address_are_counted_and_right_ones_still_open(home: Path) -> None:
    with running(settings_in(home, failed_keys_per_minute=3)) as started:
        right = make_key(started, Scope.ANALYST)
        answers = [started.http.get("/v1/titles", headers=bearer(f"wrong-{number}")) for number in range(5)]
        assert [each.status_code for each in answers] == [401, 401, 401, 429, 429]
        assert int(answers[4].headers["retry-after"]) >= 1
        assert started.http.get("/v1/titles", headers=bearer(right)).status_code == 200
        assert started.http.get("/v1/titles").status_code == 200


def test_a_short_preset_key_cannot_be_found_by_trying(home: Path) -> None:
    with running(settings_in(home, failed_keys_per_minute=3, admin_key="short")) as started:
        assert started.http.get("/v1/titles").status_code == 200
        for number in range(4):
            started.http.get("/v1/titles", headers=bearer(f"shor{number}"))
        is_problem(started.http.get("/v1/titles"), 429, "too_many_requests")


def test_what_a_key_may_not_ask_for_is_counted_too(home: Path) -> None:
    with running(settings_in(home, requests_per_minute=3)) as started:
        creative = bearer(make_key(started, Scope.CREATIVE))
        asked = [started.http.get("/v1/keys", headers=creative).status_code for _ in range(5)]
    assert asked == [403, 403, 403, 429, 429]


@pytest.mark.parametrize(
    "path", ["/healthz", "/openapi.json", "/login", "/v1/titles", "/nowhere", "/static/console.js"]
)
def test_no_answer_is_taken_for_another_kind_of_thing_than_it_says(keyed: tuple[Installation, Any], path: str) -> None:
    http = keyed[0].http
    for headers in (bearer(ADMIN_KEY), {"Authorization": "nothing"}):
        answer = http.get(path, headers=headers)
        assert answer.headers["x-content-type-options"] == "nosniff"
        if answer.status_code >= 400:
            assert answer.headers["cache-control"] == "no-store"


def test_nobody_is_led_elsewhere_with_a_key(keyed: tuple[Installation, Any]) -> None:
    answer = keyed[0].http.get("/v1/titles/?limit=1", headers=bearer(ADMIN_KEY), follow_redirects=False)
    assert answer.status_code in (404, 422)
    assert "location" not in answer.headers


def test_without_a_preset_key_and_without_keys_everything_is_locked(home: Path) -> None:
    with running(settings_in(home, admin_key=None)) as started:
        answer = started.http.get("/v1/titles", headers=bearer("anything"))
        is_problem(answer, 401, "not_allowed")
        assert started.http.get("/readyz").status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json"])
def test_operations_need_no_key(keyed: tuple[Installation, dict[Any, str]], path: str) -> None:
    installation, keys = keyed
    answer = installation.http.get(path, headers={"Authorization": "nothing"})
    assert answer.status_code == 200
    assert not any(key in answer.text for key in (ADMIN_KEY, *keys.values()))


def test_the_check_of_a_serving_key_costs_microseconds(keyed: tuple[Installation, dict[Any, str]]) -> None:
    installation, keys = keyed
    scope = {"type": "http", "method": "POST", "path": "/v1/select", "app": installation.http.app}
    scope["headers"] = [(b"host", b"keyart"), (b"authorization", f"Bearer {keys[Scope.SERVING]}".encode())]

    async def microseconds() -> float:
        rounds = []
        for _ in range(20):
            began = time.perf_counter()
            for _ in range(200):
                await authorise(Request(dict(scope)))
            rounds.append(time.perf_counter() - began)
        return min(rounds) / 200 * 1e6

    assert asyncio.run(microseconds()) < 100  # 30 on an idle core; the tests' machine is busy

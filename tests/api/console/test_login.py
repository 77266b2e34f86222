"""Logging in with a key: sessions kept by their hash, ended by time, people and keys; foreign pages change nothing."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from api.app import create_app
from api.storage.access_tables import sessions
from api.storage.audit_log import list_entries
from api.storage.database import transaction
from api.storage.keys import KeyOrder, Scope, create_key, revoke_key
from tests.api.installation import ADMIN_KEY, Installation, settings_in
from tests.api.problems import is_problem

OWN = {"Sec-Fetch-Site": "same-origin"}
FOREIGN = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://keyart.test"},
    {"Origin": "https://elsewhere.test"},
    {"Origin": "null"},
)
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def console(home: Path) -> Iterator[Installation]:
    """An installation behind HTTPS, with a browser that sends no key."""
    settings = settings_in(home)
    with TestClient(create_app(settings), base_url="https://keyart.test", follow_redirects=False) as http:
        yield Installation(settings, http)


def log_in(installation: Installation, key: str = ADMIN_KEY, after: str = "/gallery") -> None:
    answer = installation.http.post("/login", data={"key": key, "after": after}, headers=OWN)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == after


def stored(installation: Installation) -> list[str]:
    with transaction(installation.engine) as connection:
        return list(connection.scalars(select(sessions.c.session)))


def test_a_browser_is_led_to_the_form_and_back(console: Installation) -> None:
    answer = console.http.get("/gallery", headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?after=/gallery")
    form = console.http.get(answer.headers["location"])
    assert form.status_code == 200
    assert 'name="after" value="/gallery"' in form.text
    log_in(console)
    page = console.http.get("/gallery", headers=BROWSER)
    assert page.status_code == 200
    assert "preset" in page.text


def test_the_cookie_is_for_this_server_and_no_script(console: Installation) -> None:
    answer = console.http.post("/login", data={"key": ADMIN_KEY}, headers=OWN)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-keyart=")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    given = console.http.cookies["__Host-keyart"]
    assert given not in repr(stored(console))


def test_on_this_machine_itself_plain_http_will_do(home: Path) -> None:
    with TestClient(create_app(settings_in(home)), base_url="http://127.0.0.1:8000") as http:
        http.post("/login", data={"key": ADMIN_KEY}, headers=OWN)
        assert http.get("/gallery").status_code == 200
        assert "plain HTTP" not in http.get("/login").text
    with TestClient(create_app(settings_in(home)), base_url="http://keyart.test") as http:
        assert "plain HTTP" in http.get("/login").text


@pytest.mark.parametrize("key", ["", "wrong", ADMIN_KEY[:-1]])
def test_a_wrong_key_shows_the_form_again(console: Installation, key: str) -> None:
    answer = console.http.post("/login", data={"key": key, "after": "/gallery"}, headers=OWN)
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert 'role="alert"' in answer.text
    assert stored(console) == []


def test_log_ins_that_fail_are_counted_by_address(console: Installation) -> None:
    answers = [console.http.post("/login", data={"key": f"wrong-{n}"}, headers=OWN) for n in range(11)]
    assert [each.status_code for each in answers] == [401] * 10 + [429]
    assert int(answers[10].headers["retry-after"]) >= 1
    assert console.http.post("/login", data={"key": ADMIN_KEY}, headers=OWN).status_code == 429
    assert console.http.get("/v1/titles", headers={"Authorization": f"Bearer {ADMIN_KEY}"}).status_code == 200


@pytest.mark.parametrize(
    "after", ["//elsewhere.test", "https://elsewhere.test", "/\\elsewhere.test", "gallery", "/a\nb"]
)
def test_the_way_back_leads_to_this_server_only(console: Installation, after: str) -> None:
    answer = console.http.post("/login", data={"key": ADMIN_KEY, "after": after}, headers=OWN)
    assert answer.headers["location"] == "/"
    assert 'value="/"' in console.http.get("/login", params={"after": after}).text


@pytest.mark.parametrize("sent", [*FOREIGN, {}])
def test_what_a_foreign_page_asks_for_is_refused(console: Installation, sent: dict[str, str]) -> None:
    log_in(console)
    answer = console.http.put("/v1/titles/harbor", json={"name": "Harbor"}, headers=sent)
    is_problem(answer, 403, "forbidden")
    assert console.http.get("/v1/titles", headers=sent).json()["titles"] == []
    assert console.http.post("/logout", headers=sent).status_code == 403
    assert console.http.get("/gallery").status_code == 200


@pytest.mark.parametrize(
    "sent", [OWN, {"Sec-Fetch-Site": "none"}, {"Origin": "https://keyart.test"}], ids=["same-origin", "typed", "origin"]
)
def test_what_the_own_pages_ask_for_is_done(console: Installation, sent: dict[str, str]) -> None:
    log_in(console)
    assert console.http.put("/v1/titles/harbor", json={"name": "Harbor"}, headers=sent).status_code == 200


@pytest.mark.parametrize("sent", FOREIGN)
def test_a_foreign_page_logs_nobody_in(console: Installation, sent: dict[str, str]) -> None:
    answer = console.http.post("/login", data={"key": ADMIN_KEY}, headers=sent)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


def test_logging_in_again_ends_the_session_before(console: Installation) -> None:
    log_in(console)
    first = stored(console)
    log_in(console)
    assert len(stored(console)) == 1
    assert stored(console) != first


def test_the_way_back_keeps_the_query(console: Installation) -> None:
    answer = console.http.get("/gallery?page=2&of=3", headers=BROWSER)
    assert answer.headers["location"] == "/login?after=/gallery%3Fpage%3D2%26of%3D3"
    assert 'value="/gallery?page=2&amp;of=3"' in console.http.get(answer.headers["location"]).text


def test_logging_out_ends_the_session_itself(console: Installation) -> None:
    log_in(console)
    given = console.http.cookies["__Host-keyart"]
    answer = console.http.post("/logout", headers=OWN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert stored(console) == []
    with transaction(console.engine) as connection:
        ended, begun = list_entries(connection)
    assert (begun.action, ended.action) == ("session.begin", "session.end")
    assert (ended.actor, ended.subject) == (begun.actor, begun.subject)
    console.http.cookies.set("__Host-keyart", given, domain="keyart.test")
    assert console.http.get("/gallery").status_code == 401


@pytest.mark.parametrize(("column", "ago"), [("seen_at", timedelta(hours=2)), ("expires_at", timedelta(0))])
def test_time_ends_a_session(console: Installation, column: str, ago: timedelta) -> None:
    log_in(console)
    with transaction(console.engine) as connection:
        connection.execute(update(sessions).values({column: datetime.now(UTC) - ago}))
    assert console.http.get("/gallery").status_code == 401
    console.http.cookies.clear()
    log_in(console)
    assert len(stored(console)) == 1, "what time ended is forgotten with the next log-in"


def test_being_used_keeps_a_session_open(console: Installation) -> None:
    log_in(console)
    before = datetime.now(UTC) - timedelta(minutes=90)
    with transaction(console.engine) as connection:
        connection.execute(update(sessions).values(seen_at=before))
    assert console.http.get("/gallery").status_code == 200
    with transaction(console.engine) as connection:
        [seen] = connection.scalars(select(sessions.c.seen_at))
    assert seen > before


def test_a_session_reads_on_where_nothing_can_be_written(console: Installation) -> None:
    log_in(console)
    with transaction(console.engine) as connection:
        connection.execute(update(sessions).values(seen_at=datetime.now(UTC) - timedelta(minutes=90)))
    console.impatient()
    with console.locked():
        assert console.http.get("/console/versions").status_code == 200


def test_a_session_acts_as_its_key_and_ends_with_it(console: Installation) -> None:
    now = datetime.now(UTC)
    with transaction(console.engine) as connection:
        order = KeyOrder(name="ann", scopes=frozenset({Scope.CREATIVE}), actor="test", at=now)
        key, made = create_key(connection, order)
    console.services.refresh()
    log_in(console, made.text)
    assert console.http.get("/").headers["location"] == "/gallery"
    assert console.http.post("/v1/policies:rollback", json={"reason": "x"}, headers=OWN).status_code == 403
    with transaction(console.engine) as connection:
        revoke_key(connection, key.prefix, actor="test", at=now, reason="left")
    console.services.refresh()
    assert console.http.get("/gallery").status_code == 401


def test_the_front_door_leads_who_may_deploy_to_the_overview(console: Installation) -> None:
    log_in(console, after="/")
    assert console.http.get("/").headers["location"] == "/console"


def test_part_of_a_page_asks_its_browser_to_log_in(console: Installation) -> None:
    answer = console.http.get("/gallery", headers={"HX-Request": "true", **BROWSER})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login")


def test_pages_run_no_script_of_their_own_and_are_not_framed(console: Installation) -> None:
    log_in(console)
    for path in ("/login", "/gallery"):
        page = console.http.get(path)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert (page.headers["x-content-type-options"], page.headers["cache-control"]) == ("nosniff", "no-store")
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", page.text)

"""C8: a server that starts while its database is away renders every title that a server before it knew."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import text

from api.app import create_app
from api.cli import processes
from api.dependencies.services import open_services
from api.errors import NewerDatabase, StorageUnavailable
from api.settings import Settings
from api.storage.database import open_engine, transaction
from tests.api.installation import ADMIN_KEY, AT, Installation, running, settings_in
from tests.api.problems import is_problem

PIN = {"kind": "pin", "artwork": "c", "reason": "a test"}


@contextmanager
def lasting(settings: Settings) -> Iterator[Installation]:
    """A server that remembers, as `keyart serve` does."""
    app = create_app(settings, services=partial(open_services, remembering=True))
    with TestClient(app, headers={"Authorization": f"Bearer {ADMIN_KEY}"}) as http:
        yield Installation(settings, http)


def break_database(home: Path) -> bytes:
    """Put something in the place of the database that is none; return what was there."""
    for beside in ("keyart.db-wal", "keyart.db-shm"):
        (home / beside).unlink(missing_ok=True)
    whole = (home / "keyart.db").read_bytes()
    (home / "keyart.db").write_bytes(b"this is no database" * 500)
    return whole


def key_of(installation: Installation, scope: str) -> str:
    made = installation.http.post("/v1/keys", json={"name": scope, "scopes": [scope]})
    assert made.status_code == 201, made.text
    key: str = made.json()["key"]
    return key


def ask(http: TestClient, key: str, *titles: str) -> Response:
    body = {"viewer": "v", "context": {"at": AT.isoformat()}, "titles": [{"title": each} for each in titles]}
    return http.post("/v1/select", json=body, headers={"Authorization": f"Bearer {key}"})


@pytest.fixture
def away(home: Path) -> tuple[Path, dict[str, str], bytes]:
    """A home whose database went away, keys that were made before, and what the database was."""
    with lasting(settings_in(home)) as before:
        before.put_title("harbor", maturity="12")
        before.put_title("comet", artworks=1)
        assert before.http.post("/v1/titles/harbor/guards", json=PIN).status_code == 201
        keys = {scope: key_of(before, scope) for scope in ("serving", "analyst", "admin")}
        before.services.refresh()
    return home, keys, break_database(home)


def test_c8_every_title_that_was_known_renders_with_its_picture(away: tuple[Path, dict[str, str], bytes]) -> None:
    home, keys, _ = away
    with running(settings_in(home)) as after:
        for scope in ("serving", "admin"):
            answer = ask(after.http, keys[scope], "harbor", "comet")
            assert answer.status_code == 200, answer.text
            page = answer.json()
            assert (page["logged"], page["policy"]) == (False, "default")
            shown = [(slot["title"], slot["artwork"], slot["reason"]) for slot in page["slots"]]
            assert shown == [("harbor", "c", "pinned"), ("comet", "a", "fallback")]
            assert [after.http.get(slot["image"]).status_code for slot in page["slots"]] == [200, 200]
        assert after.http.get("/readyz").status_code == 503
        is_problem(ask(after.http, keys["serving"], "harbor", "nobody"), 503, "storage_unavailable")


def test_c8_what_is_remembered_of_keys_opens_pages_and_nothing_else(away: tuple[Path, dict[str, str], bytes]) -> None:
    home, keys, _ = away
    with running(settings_in(home)) as after:
        is_problem(ask(after.http, keys["analyst"], "harbor"), 503, "storage_unavailable")
        as_admin = {"Authorization": f"Bearer {keys['admin']}"}
        refused = after.http.post("/v1/policies:rollback", json={"reason": "x"}, headers=as_admin)
        is_problem(refused, 503, "storage_unavailable")
        assert keys["serving"] not in (home / "remembered" / "keys.jsonl").read_text()


def test_c8_the_database_is_followed_as_soon_as_it_is_back(away: tuple[Path, dict[str, str], bytes]) -> None:
    home, keys, whole = away
    with running(settings_in(home)) as after:
        assert ask(after.http, keys["serving"], "harbor").json()["logged"] is False
        (home / "keyart.db").write_bytes(whole)
        after.services.refresh()
        assert after.services.catalogue.current.remembered is False
        assert after.services.problems == {}
        after.services.log._rests_until = 0.0
        page = ask(after.http, keys["serving"], "harbor", "comet").json()
        assert (page["logged"], page["policy"]) == (True, "uniform")


def test_c8_the_command_starts_where_it_can_show_titles_and_refuses_where_it_cannot(
    away: tuple[Path, dict[str, str], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _, whole = away
    monkeypatch.setattr(processes, "_RESTART_AFTER_SECONDS", 0.05)
    processes._bring_up(settings_in(home))
    [trying] = [each for each in threading.enumerate() if each.name == "keyart-migration"]
    (home / "keyart.db").write_bytes(whole)
    trying.join(10)
    assert not trying.is_alive(), "it goes on trying although the database is back"
    shutil.rmtree(home / "remembered")
    break_database(home)
    with pytest.raises(StorageUnavailable):
        processes._bring_up(settings_in(home))


def test_a_database_of_a_newer_keyart_is_not_waited_for(home: Path) -> None:
    engine = open_engine(settings_in(home).database_url)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(NewerDatabase):
        processes._bring_up(settings_in(home))

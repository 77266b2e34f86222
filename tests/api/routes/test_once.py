"""C2 for changes: an Idempotency-Key makes a repeated change harmless, and never hides another one."""

import hashlib
from datetime import UTC, datetime, timedelta

from api.storage.audit_log import list_entries
from api.storage.database import reading, transaction
from api.storage.repeats import KEPT, begin, finish, forget
from tests.api.installation import Installation, an_event, an_outcome
from tests.api.pictures import picture
from tests.api.problems import is_problem

PIN = {"kind": "pin", "artwork": "b", "reason": "premiere"}
GUARDS = "/v1/titles/harbor/guards"


def guards_of(installation: Installation) -> list[int]:
    return [each["guard"] for each in installation.http.get(GUARDS).json()["guards"]]


def with_key(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def test_a_repeated_change_is_answered_again_and_made_once(harbor: Installation) -> None:
    first, again = (harbor.http.post(GUARDS, json=PIN, headers=with_key("k")) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(guards_of(harbor)) == 1
    assert harbor.http.post(GUARDS, json=PIN).status_code == 201
    assert len(guards_of(harbor)) == 2


def test_the_same_key_with_another_body_changes_nothing(harbor: Installation) -> None:
    harbor.http.post(GUARDS, json=PIN, headers=with_key("k"))
    body = is_problem(
        harbor.http.post(GUARDS, json={**PIN, "artwork": "c"}, headers=with_key("k")), 422, "repeated_key"
    )
    assert "new key" in body["remedy"]
    assert len(guards_of(harbor)) == 1


def test_a_key_belongs_to_one_address(harbor: Installation) -> None:
    harbor.http.post(GUARDS, json=PIN, headers=with_key("k"))
    paused = harbor.http.post("/v1/titles/harbor/artworks/b:pause", json={"reason": "x"}, headers=with_key("k"))
    assert paused.json()["state"] == "paused"


def test_what_was_refused_may_be_sent_again_under_its_key(harbor: Installation) -> None:
    is_problem(harbor.http.post(GUARDS, json={"kind": "pin"}, headers=with_key("k")), 422, "invalid_request")
    is_problem(harbor.http.post(GUARDS, json={**PIN, "artwork": "z"}, headers=with_key("k")), 404, "unknown_artwork")
    assert harbor.http.post(GUARDS, json=PIN, headers=with_key("k")).status_code == 201


def test_a_roll_back_that_is_repeated_goes_back_once(ready: Installation) -> None:
    versions = [each["version"] for each in ready.http.get("/v1/policies").json()["versions"]]
    assert "default" in versions
    for version in ("default", "uniform", "default"):
        said = {"stage": "live", "reason": "a test", "force": True}
        assert ready.http.post(f"/v1/policies/{version}:promote", json=said).status_code == 200
    backs = [
        ready.http.post("/v1/policies:rollback", json={"reason": "worse"}, headers=with_key("k")).json()
        for _ in range(3)
    ]
    assert [each["version"] for each in backs] == ["uniform"] * 3
    with reading(ready.engine) as connection:
        assert len([each for each in list_entries(connection) if "roll" in each.action]) <= 1


def test_a_request_that_never_ended_is_a_conflict_and_not_made_again(harbor: Installation) -> None:
    harbor.http.post(GUARDS, json=PIN, headers=with_key("k"))
    with transaction(harbor.engine) as connection:
        connection.exec_driver_sql("UPDATE repeats SET status = NULL, body = NULL")
    assert (
        "present state"
        in is_problem(harbor.http.post(GUARDS, json=PIN, headers=with_key("k")), 409, "conflict")["remedy"]
    )
    assert len(guards_of(harbor)) == 1


def test_a_key_needs_a_caller_who_may(harbor: Installation) -> None:
    answer = harbor.http.post(GUARDS, json=PIN, headers={**with_key("k"), "Authorization": "Bearer wrong"})
    is_problem(answer, 401, "not_allowed")
    with reading(harbor.engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM repeats").scalar_one() == 0


def test_keys_are_forgotten_after_a_day(harbor: Installation) -> None:
    now = datetime.now(UTC)
    with transaction(harbor.engine) as connection:
        assert begin(connection, "a", digest="1" * 64, now=now) is None
        finish(connection, "a", status=200, body=b"{}")
        known = begin(connection, "a", digest="2" * 64, now=now + KEPT)
        assert known is not None
        assert (known.digest, known.status, known.body) == ("1" * 64, 200, b"{}")
        assert begin(connection, "a", digest="2" * 64, now=now + KEPT + timedelta(seconds=1)) is None
        forget(connection, "a")
        assert begin(connection, "a", digest="3" * 64, now=now + KEPT + timedelta(seconds=2)) is None


def test_outcomes_and_events_are_answered_again_under_their_key(harbor: Installation) -> None:
    decision = harbor.ask().json()["slots"][0]["decision"]
    for path, name, item in (("outcomes", "outcomes", an_outcome(decision)), ("events", "events", an_event())):
        answers = [harbor.http.post(f"/v1/{path}", json={name: [item]}, headers=with_key("k")) for _ in range(2)]
        assert [each.json()["accepted"] for each in answers] == [1, 1]
        assert answers[1].headers["idempotency-replayed"] == "true"
        assert harbor.http.post(f"/v1/{path}", json={name: [item]}).json()["duplicates"] == 1


def test_a_title_that_is_put_again_under_its_key_is_answered_with_its_tag(harbor: Installation) -> None:
    first = harbor.http.put("/v1/titles/harbor", json={"name": "A"}, headers=with_key("k"))
    harbor.http.put("/v1/titles/harbor", json={"name": "B"})
    again = harbor.http.put("/v1/titles/harbor", json={"name": "A"}, headers=with_key("k"))
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert harbor.http.get("/v1/titles/harbor").json()["name"] == "B"


def test_an_image_comes_under_a_key_too(harbor: Installation) -> None:
    address = "/v1/titles/harbor/artworks/new/image"
    assert harbor.http.put(address, content=picture(1), headers=with_key("k")).status_code == 202
    assert harbor.http.put(address, content=picture(1), headers=with_key("k")).status_code == 202
    is_problem(harbor.http.put(address, content=picture(2), headers=with_key("k")), 422, "repeated_key")


def test_a_key_of_the_api_is_made_once_and_told_once(harbor: Installation) -> None:
    asked = {"name": "web", "scopes": ["serving"]}
    made = harbor.http.post("/v1/keys", json=asked, headers=with_key("k")).json()["key"]
    again = is_problem(harbor.http.post("/v1/keys", json=asked, headers=with_key("k")), 409, "conflict")
    assert "revoke" in again["remedy"]
    is_problem(harbor.http.post("/v1/keys", json={**asked, "name": "b"}, headers=with_key("k")), 422, "repeated_key")
    assert [each["name"] for each in harbor.http.get("/v1/keys").json()["keys"]] == ["web"]
    with reading(harbor.engine) as connection:
        kept = [*map(str, connection.exec_driver_sql("SELECT * FROM repeats").all())]
    assert not any(made[-20:] in row for row in kept)


def test_c11_what_is_kept_of_a_request_tells_no_viewer(harbor: Installation) -> None:
    """A plain digest of a body that holds nothing but a viewer's id could be tried out."""
    body = b'{"viewer": "profile-17"}'
    for order in ("erase", "exclude", "include"):
        headers = {**with_key("profile-17"), "Content-Type": "application/json"}
        assert harbor.http.post(f"/v1/viewers:{order}", content=body, headers=headers).status_code in (200, 202)
    with reading(harbor.engine) as connection:
        kept = str(connection.exec_driver_sql("SELECT * FROM repeats").all())
    assert hashlib.sha256(body).hexdigest() not in kept
    assert "profile-17" not in kept

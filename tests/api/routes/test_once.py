"""C2 for changes: an Idempotency-Key makes a repeated change harmless, and never hides another one."""

from datetime import UTC, datetime, timedelta

from api.storage.audit_log import list_entries
from api.storage.database import reading, transaction
from api.storage.repeats import KEPT, begin, finish, forget
from tests.api.installation import Installation
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

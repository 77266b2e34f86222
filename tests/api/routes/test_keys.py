"""/v1/keys and /v1/audit: a key is answered once, rotates, is revoked; every change says who, what and why."""

import pytest

from tests.api.installation import Installation
from tests.api.problems import is_problem


def make(installation: Installation, name: str = "web", *scopes: str) -> dict[str, str]:
    answer = installation.http.post("/v1/keys", json={"name": name, "scopes": scopes or ["serving"]})
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, str] = answer.json()
    return body


def opens(installation: Installation, key: str) -> bool:
    return installation.http.get("/v1/titles", headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_a_key_is_answered_once_and_opens_at_once(installation: Installation) -> None:
    made = make(installation, "web", "serving", "analyst")
    assert opens(installation, made["key"])
    listed = installation.http.get("/v1/keys")
    assert made["key"].rpartition("_")[2] not in listed.text
    [key] = listed.json()["keys"]
    assert (key["name"], key["scopes"], key["live"]) == ("web", ["analyst", "serving"], True)
    assert (key["prefix"], key["created_by"]) == (made["key"].split("_")[1], "key:preset")


def test_two_keys_of_a_name_open_until_the_older_is_revoked(installation: Installation) -> None:
    first = make(installation)
    again = installation.http.post("/v1/keys/web:rotate", json={"reason": "monthly"})
    assert again.status_code == 201
    second = again.json()
    assert second["scopes"] == ["serving"]
    assert opens(installation, first["key"])
    assert opens(installation, second["key"])
    is_problem(installation.http.post("/v1/keys/web:rotate", json={}), 409, "conflict")
    revoked = installation.http.post(f"/v1/keys/{first['prefix']}:revoke", json={"reason": "rotated"}).json()
    assert (revoked["live"], revoked["revoked_by"]) == (False, "key:preset")
    assert not opens(installation, first["key"])
    assert opens(installation, second["key"])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "web"},
        {"name": "web", "scopes": []},
        {"name": "web", "scopes": ["root"]},
        {"name": "", "scopes": ["serving"]},
        {"name": "a b", "scopes": ["serving"]},
        {"name": "web", "scopes": ["serving"], "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "web", "scopes": ["serving"], "expires_at": "2099-01-01T00:00:00"},
        {"name": "web", "scopes": ["serving"], "expires_at": 4102444800},
        {"name": "web", "scopes": ["serving"], "secret": "x"},
    ],
)
def test_a_body_that_describes_no_key_makes_none(installation: Installation, body: dict[str, object]) -> None:
    answer = installation.http.post("/v1/keys", json=body)
    assert answer.status_code == 422
    assert answer.json()["remedy"]
    assert installation.http.get("/v1/keys").json()["keys"] == []
    assert installation.http.get("/v1/audit").json()["entries"] == []


def test_what_does_not_exist_cannot_be_rotated_or_revoked(installation: Installation) -> None:
    is_problem(installation.http.post("/v1/keys/nobody:rotate", json={}), 404, "unknown_key")
    is_problem(installation.http.post("/v1/keys/0123456789:revoke", json={"reason": "x"}), 404, "unknown_key")
    assert installation.http.post("/v1/keys/0123456789:revoke", json={}).status_code == 422
    assert installation.http.post("/v1/keys/UPPER:revoke", json={"reason": "x"}).status_code == 422


def test_keys_are_listed_in_parts(installation: Installation) -> None:
    made = [make(installation, name)["prefix"] for name in ("b", "a", "c")]
    made.append(installation.http.post("/v1/keys/b:rotate", json={}).json()["prefix"])
    listed, cursor = [], ""
    while cursor is not None:
        part = installation.http.get("/v1/keys", params={"limit": 1, **({"cursor": cursor} if cursor else {})}).json()
        listed += part["keys"]
        cursor = part["next"]
    assert [key["name"] for key in listed] == ["a", "b", "b", "c"]
    assert {key["prefix"] for key in listed} == set(made)
    assert installation.http.get("/v1/keys", params={"cursor": "x"}).status_code == 422


def test_the_audit_log_is_read_in_parts(installation: Installation) -> None:
    for number in range(5):
        make(installation, f"web-{number}")
    entries, after = [], None
    while True:
        part = installation.http.get("/v1/audit", params={"limit": 2, **({"cursor": after} if after else {})}).json()
        entries += part["entries"]
        if (after := part["next"]) is None:
            break
    assert [each["after"]["name"] for each in entries] == [f"web-{number}" for number in (4, 3, 2, 1, 0)]
    [one] = installation.http.get("/v1/audit", params={"subject": entries[0]["subject"]}).json()["entries"]
    assert (one["actor"], one["action"], one["before"]) == ("key:preset", "key.create", None)
    assert installation.http.get("/v1/audit", params={"actor": "key:nobody"}).json() == {"entries": [], "next": None}
    assert installation.http.get("/v1/audit", params={"limit": 0}).status_code == 422

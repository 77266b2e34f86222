"""Every change over HTTP is on the audit log: who, what, before and after, why. Each route that changes is here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from api.dependencies.permissions import PERMISSIONS, SERVERS
from api.storage.audit_log import AuditEntry, list_entries
from api.storage.database import reading
from bandit.policies.default_artwork import DEFAULT
from bandit.policies.uniform import UNIFORM
from tests.api.installation import Installation
from tests.api.pictures import picture

WHY = {"reason": "for the test"}
HARBOR = "/v1/titles/harbor"


@dataclass(frozen=True)
class Change:
    """A request that changes something, what it is called then, and what must have happened before."""

    body: Any
    action: str
    subject: str
    first: tuple[tuple[str, str, Any], ...] = ()
    path: str | None = None
    reason: str | None = WHY["reason"]


PIN = ("POST", f"{HARBOR}/guards", {"kind": "pin", "artwork": "a", **WHY})
LIVE = ("POST", f"/v1/policies/{DEFAULT}:promote", {"stage": "live", **WHY})
WEB = ("POST", "/v1/keys", {"name": "web", "scopes": ["serving"]})
PLAN = {
    "experiment": "warm",
    "hypothesis": WHY["reason"],
    "share": 1.0,
    "cells": [{"name": "a", "policy": "live"}, {"name": "b", "policy": DEFAULT}],
}
WARM = "experiment/warm"
PLANNED = ("POST", "/v1/experiments", PLAN)
STARTED = ("POST", "/v1/experiments/warm:start", WHY)
BESIDE = "artwork/harbor/b"

CHANGES = {
    "PUT /v1/titles/{title}": Change({"name": "Harbour"}, "title.put", "title/harbor"),
    "PUT /v1/titles/{title}/artworks/{artwork}": Change({"label": "wide"}, "artwork.put", BESIDE),
    "PUT /v1/titles/{title}/artworks/{artwork}/image": Change(picture(7), "artwork.upload", BESIDE),
    "POST /v1/titles/{title}/artworks/{artwork}:pause": Change(WHY, "artwork.pause", BESIDE),
    "POST /v1/titles/{title}/artworks/{artwork}:retire": Change(WHY, "artwork.retire", BESIDE),
    "POST /v1/titles/{title}/artworks/{artwork}:resume": Change(
        WHY, "artwork.resume", BESIDE, first=(("POST", f"{HARBOR}/artworks/b:pause", WHY),)
    ),
    "POST /v1/titles/{title}/guards": Change(PIN[2], "guard.set", "artwork/harbor/a"),
    "POST /v1/titles/{title}/guards/{guard}:lift": Change(WHY, "guard.lift", "artwork/harbor/a", first=(PIN,)),
    "POST /v1/policies/{version}:promote": Change(LIVE[2], "version.promote", f"version/{DEFAULT}"),
    "POST /v1/policies/{version}:retire": Change(
        WHY,
        "version.retire",
        f"version/{DEFAULT}",
        first=(LIVE, ("POST", f"/v1/policies/{UNIFORM}:promote", {"stage": "live", **WHY})),
    ),
    "POST /v1/policies:rollback": Change(WHY, "version.rollback", f"version/{DEFAULT}", first=(LIVE,)),
    "POST /v1/experiments": Change(PLAN, "experiment.create", WARM),
    "POST /v1/experiments/{experiment}:start": Change(WHY, "experiment.start", WARM, first=(PLANNED,)),
    "POST /v1/experiments/{experiment}:stop": Change(WHY, "experiment.stop", WARM, first=(PLANNED, STARTED)),
    "POST /v1/keys": Change({**WEB[2], **WHY}, "key.create", "key/"),
    "POST /v1/keys/{name}:rotate": Change(WHY, "key.rotate", "key/", first=(WEB,)),
    "POST /v1/keys/{prefix}:revoke": Change(WHY, "key.revoke", "key/", first=(WEB,)),
}
ELSEWHERE = {"POST /v1/viewers:erase", "POST /v1/viewers:exclude", "POST /v1/viewers:include"}
"""Tested with what else they do."""


def changing_routes() -> set[str]:
    """Every route under /v1 that changes something by order of people."""
    return {
        f"{method} {path}"
        for (method, path), allowed in PERMISSIONS.items()
        if method != "GET" and path.startswith("/v1/") and allowed is not SERVERS
    }


def test_every_route_that_changes_something_is_tested_here() -> None:
    assert changing_routes() - ELSEWHERE == set(CHANGES)


def entries(installation: Installation) -> list[AuditEntry]:
    with reading(installation.engine) as connection:
        return list_entries(connection)


@pytest.mark.parametrize("route", list(CHANGES))
def test_a_change_is_written_down(harbor: Installation, route: str) -> None:
    change = CHANGES[route]
    for method, path, body in change.first:
        assert harbor.http.request(method, path, json=body).is_success
    method, template = route.split(" ")
    prefix = harbor.http.get("/v1/keys").json()["keys"][0]["prefix"] if "{prefix}" in template else ""
    asked = {"title": "harbor", "artwork": "b", "guard": 1, "version": DEFAULT, "name": "web", "experiment": "warm"}
    path = template.format(**asked, prefix=prefix)
    sent: dict[str, Any] = {"content": change.body} if isinstance(change.body, bytes) else {"json": change.body}
    known = len(entries(harbor))
    headers = {"Keyart-Reason": WHY["reason"]} if method == "PUT" else {}
    answer = harbor.http.request(method, path, headers=headers, **sent)
    assert answer.is_success, answer.text
    [entry, *_] = found = entries(harbor)
    assert len(found) == known + 1
    assert (entry.actor, entry.action, entry.reason) == ("key:preset", change.action, change.reason)
    assert entry.subject.startswith(change.subject)
    assert entry.before != entry.after


def of_harbor(installation: Installation, *actions: str) -> list[AuditEntry]:
    return [entry for entry in entries(installation) if entry.action in actions]


def test_what_was_there_before_is_kept(harbor: Installation) -> None:
    harbor.http.put(HARBOR, json={"name": "One"})
    harbor.http.put(HARBOR, json={"name": "Two", "genres": ["drama"]})
    second, _ = of_harbor(harbor, "title.put")
    assert second.before is not None
    assert second.after is not None
    assert (second.before["name"], second.after["name"]) == ("One", "Two")
    assert (second.before["genres"], second.after["genres"]) == ([], ["drama"])


@pytest.mark.parametrize(
    "again",
    [
        lambda http: http.put(HARBOR, json={"name": "Same"}),
        lambda http: http.put(f"{HARBOR}/artworks/b", json={"label": "same"}),
        lambda http: http.post(f"{HARBOR}/artworks/b:pause", json=WHY),
    ],
)
def test_what_changes_nothing_is_not_written_down(harbor: Installation, again: Callable[[Any], Any]) -> None:
    assert again(harbor.http).is_success
    known = len(entries(harbor))
    assert again(harbor.http).is_success
    assert len(entries(harbor)) == known


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", HARBOR, {"name": ""}),
        ("PUT", "/v1/titles/nowhere/artworks/a", {}),
        ("POST", f"{HARBOR}/artworks/a:pause", WHY),
        ("POST", f"{HARBOR}/guards/7:lift", WHY),
        ("POST", "/v1/policies:rollback", WHY),
        ("POST", f"/v1/policies/{UNIFORM}:promote", WHY),
    ],
)
def test_what_is_refused_is_not_written_down(harbor: Installation, method: str, path: str, body: Any) -> None:
    known = len(entries(harbor))
    assert harbor.http.request(method, path, json=body).status_code in (404, 409, 422)
    assert len(entries(harbor)) == known


def test_the_actor_is_the_key_that_asked(harbor: Installation) -> None:
    key = harbor.http.post("/v1/keys", json={"name": "ann", "scopes": ["operator"]}).json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    assert harbor.http.post(f"{HARBOR}/artworks/b:pause", json=WHY, headers=headers).is_success
    assert harbor.http.post(PIN[1], json=PIN[2], headers=headers).json()["set"]["actor"] == "key:ann"
    assert harbor.http.post(LIVE[1], json=LIVE[2], headers=headers).json()["actor"] == "key:ann"
    assert {entry.actor for entry in entries(harbor)[:3]} == {"key:ann"}


def test_a_reason_in_a_header_is_read_as_it_was_written(harbor: Installation) -> None:
    for name, reason in (("One", "nytt för hösten – 秋"), ("Two", "")):
        answer = harbor.http.put(HARBOR, json={"name": name}, headers={b"Keyart-Reason": reason.encode()})
        assert answer.status_code == 200, answer.text
    second, first = of_harbor(harbor, "title.put")
    assert (first.reason, second.reason) == ("nytt för hösten – 秋", None)

"""Orders over HTTP: pages follow at once, who and why is listed, what contradicts itself is refused."""

from datetime import timedelta
from typing import Any

import pytest

from api.storage.database import transaction
from api.storage.vectors import (
    EmbeddingVersion,
    add_embedding_version,
    all_vectors,
    put_vector,
    set_live_embedding_version,
)
from tests.api.installation import AT, EMBEDDING, Installation, an_event, an_outcome, unit_vector
from tests.api.problems import is_problem

GUARDS = "/v1/titles/harbor/guards"


def order(installation: Installation, **guard: Any) -> dict[str, Any]:
    answer = installation.http.post(GUARDS, json={"reason": "premiere", **guard})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def put_state(installation: Installation, artwork: str, verb: str) -> Any:
    return installation.http.post(f"/v1/titles/harbor/artworks/{artwork}:{verb}", json={"reason": "contract"})


def slot(installation: Installation, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = installation.select("harbor", **more)["slots"][0]
    return found


def test_a_pin_forces_pages_until_it_is_lifted(harbor: Installation) -> None:
    before = slot(harbor)
    other = next(name for name in "abc" if name != before["artwork"])
    pinned = order(harbor, kind="pin", artwork=other)
    shown = slot(harbor)
    assert (shown["artwork"], shown["probability"], shown["reason"]) == (other, 1.0, "pinned")
    lifted = harbor.http.post(f"{GUARDS}/{pinned['guard']}:lift", json={"reason": "over"}).json()
    assert (lifted["set"]["reason"], lifted["lifted"]["reason"], lifted["lifted"]["actor"]) == (
        "premiere",
        "over",
        "key:preset",
    )
    assert {**slot(harbor), "decision": ""} == {**before, "decision": ""}
    again = harbor.http.post(f"{GUARDS}/{pinned['guard']}:lift", json={"reason": "over"})
    is_problem(again, 409, "conflict")


def test_a_pin_holds_for_its_locale_and_its_time(harbor: Installation) -> None:
    told = order(harbor, kind="pin", artwork="b", locale="fr", **{"from": AT.isoformat()})
    assert (told["locale"], told["from"], told["until"]) == ("fr", "2026-01-02T20:00:00Z", None)
    assert slot(harbor, context={"locale": "fr-CA"})["reason"] == "pinned"
    assert slot(harbor, context={"locale": "de"})["reason"] == "policy"
    assert slot(harbor, at=AT - timedelta(seconds=1), context={"locale": "fr"})["reason"] == "policy"


def test_pinned_decisions_are_rewarded_and_never_rows(harbor: Installation) -> None:
    order(harbor, kind="pin", artwork="b")
    harbor.report(an_outcome(slot(harbor)["decision"]))
    assert harbor.join() == 1
    record = harbor.http.get(f"/v1/decisions/{slot(harbor)['decision']}").json()
    assert [each["artwork"] for each in record["artworks"]] == ["b"]


def test_a_share_bounds_every_decision_and_is_on_its_record(harbor: Installation) -> None:
    order(harbor, kind="share", artwork="c", minimum=0.6)
    record = harbor.http.get(f"/v1/decisions/{slot(harbor)['decision']}").json()
    assert [each["probability"] for each in record["artworks"]] == pytest.approx([0.2, 0.2, 0.6])
    assert [each["bounds"] for each in record["artworks"]] == [[0, 1], [0, 1], [0.6, 1]]
    assert record["diversity"] == 0


def test_a_schedule_takes_an_artwork_out(harbor: Installation) -> None:
    order(harbor, kind="schedule", artwork="c", until=AT.isoformat())
    record = harbor.http.get(f"/v1/decisions/{slot(harbor)['decision']}").json()
    assert [each["artwork"] for each in record["artworks"]] == ["a", "b"]


def test_pause_resume_and_retire(harbor: Installation) -> None:
    assert put_state(harbor, "b", "pause").json()["state"] == "paused"
    seen = {slot(harbor, viewer=f"v{n}")["artwork"] for n in range(40)}
    assert seen == {"a", "c"}
    assert put_state(harbor, "b", "resume").json()["state"] == "active"
    assert put_state(harbor, "b", "retire").json()["state"] == "retired"
    is_problem(put_state(harbor, "a", "pause"), 409, "conflict")
    is_problem(put_state(harbor, "z", "pause"), 404, "unknown_artwork")
    changes = harbor.http.get(GUARDS).json()["changes"]
    assert [(each["artwork"], each["state"], each["edit"]["reason"]) for each in changes] == [
        ("b", "retired", "contract"),
        ("b", "active", "contract"),
        ("b", "paused", "contract"),
    ]


def test_a_spoiler_is_for_those_who_finished_the_title(harbor: Installation) -> None:
    for name in "bc":
        harbor.http.put(f"/v1/titles/harbor/artworks/{name}", json={"spoiler": True})
    harbor.services.refresh()
    harbor.post_events(an_event("fan", action="finish"), an_event("other", action="play"))
    assert {slot(harbor, viewer=viewer)["probability"] for viewer in ("other", "stranger")} == {1.0}
    assert slot(harbor, viewer="fan")["probability"] == pytest.approx(1 / 3)


def test_devices_decide_what_is_eligible(harbor: Installation) -> None:
    told = harbor.http.put("/v1/titles/harbor/artworks/b", json={"devices": ["phone"]}).json()
    assert told["devices"] == ["phone"]
    harbor.services.refresh()
    assert slot(harbor)["probability"] == 0.5
    assert slot(harbor, context={"device": "phone"})["probability"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("guard", "told"),
    [
        ({"kind": "pin", "minimum": 0.5}, "minimum"),
        ({"kind": "share"}, "nothing"),
        ({"kind": "schedule"}, "nothing"),
        ({"kind": "share", "minimum": 0.6, "maximum": 0.5}, "minimum <= maximum"),
        ({"kind": "pin", "from": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "end after it begins"),
        ({"kind": "share", "locale": "de", "minimum": 0.1}, "locale"),
    ],
)
def test_a_guard_that_contradicts_itself_is_refused(shared: Installation, guard: dict[str, Any], told: str) -> None:
    answer = shared.http.post(GUARDS, json={"artwork": "b", "reason": "why", **guard})
    assert told in is_problem(answer, 422, "bad_input")["detail"]
    assert shared.http.get(GUARDS).json() == {"guards": [], "changes": [], "next": None}


def test_guards_outlive_a_change_of_the_embedding(harbor: Installation) -> None:
    order(harbor, kind="pin", artwork="b")
    version = EmbeddingVersion(version="fake-000000000002", dimension=8, domain="rendered")
    with transaction(harbor.engine) as connection:
        add_embedding_version(connection, version, now=AT)
        for image in all_vectors(connection, EMBEDDING.version):
            put_vector(connection, image, version=version.version, vector=unit_vector(image))
        set_live_embedding_version(connection, version.version)
    harbor.services.refresh()
    assert harbor.services.catalogue.current.embedding_version == version.version
    assert slot(harbor)["reason"] == "pinned"


def test_a_guard_needs_a_reason_and_a_title_that_exists(shared: Installation) -> None:
    is_problem(shared.http.post(GUARDS, json={"kind": "pin", "artwork": "b"}), 422, "invalid_request")
    whole = {"kind": "pin", "artwork": "b", "reason": "why"}
    is_problem(shared.http.post("/v1/titles/nowhere/guards", json=whole), 404, "unknown_title")
    is_problem(shared.http.get("/v1/titles/nowhere/guards"), 404, "unknown_title")
    is_problem(shared.http.post(f"{GUARDS}/7:lift", json={"reason": "why"}), 404, "unknown_guard")


def test_the_gallery_says_what_is_ordered(harbor: Installation) -> None:
    order(harbor, kind="pin", artwork="b", locale="fr", until="2026-02-01T00:00:00Z")
    order(harbor, kind="share", artwork="c", minimum=0.25)
    put_state(harbor, "c", "pause")
    text = harbor.http.get("/gallery/harbor").text
    assert "pinned until 2026-02-01 00:00 UTC for fr" in text
    assert "share 25 to 100 %" in text
    assert "paused: contract" in text

"""POST /v1/events: kept once each; a wrong batch is refused whole, an unknown title alone."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.installation import Installation, an_event, count_of_events
from tests.api.problems import is_problem


def test_events_are_kept_once(harbor: Installation) -> None:
    first, second = an_event(), an_event(viewer="viewer-2")
    assert harbor.post_events(first, second) == {"accepted": 2, "duplicates": 0, "rejected": []}
    assert harbor.post_events(second, an_event()) == {"accepted": 1, "duplicates": 1, "rejected": []}
    assert count_of_events(harbor) == 3


def test_an_event_of_an_unknown_title_is_rejected_alone(harbor: Installation) -> None:
    wrong = an_event(title="nowhere")
    answer = harbor.post_events(an_event(), wrong)
    assert (answer["accepted"], [each["event"] for each in answer["rejected"]]) == (1, [wrong["event"]])
    assert "put it first" in answer["rejected"][0]["reason"]


def test_a_title_put_a_moment_ago_is_known(harbor: Installation) -> None:
    harbor.http.put("/v1/titles/late", json={"name": "Late"})
    assert harbor.post_events(an_event(title="late"))["accepted"] == 1


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"action": "stare"}, "events.1.action"),
        ({"at": "2026-01-02 20:00"}, "events.1.at"),
        ({"seconds": -1}, "events.1.seconds"),
        ({"age": 33}, "events.1.age"),
        ({"event": None}, "events.1.event"),
        ({"viewer": "x" * 300}, "events.1.viewer"),
    ],
)
def test_a_wrong_event_refuses_the_whole_batch(shared: Installation, changes: dict[str, Any], where: str) -> None:
    before = count_of_events(shared)
    answer = shared.http.post("/v1/events", json={"events": [an_event(), an_event() | changes]})
    assert is_problem(answer, 422, "invalid_request")["errors"][0]["where"] == where
    assert count_of_events(shared) == before


def test_what_cannot_have_happened_yet_is_rejected(harbor: Installation) -> None:
    """An event of 2199 would be the newest of its viewer's history for ever."""
    soon, never = (datetime.now(UTC) + timedelta(days=days) for days in (0.9, 1.1))
    events = [an_event(at=at.isoformat()) for at in (soon, never)]
    answer = harbor.post_events(*events)
    assert (answer["accepted"], [each["event"] for each in answer["rejected"]]) == (1, [events[1]["event"]])
    assert "more than a day ahead" in answer["rejected"][0]["reason"]


def test_seconds_must_be_a_number(shared: Installation) -> None:
    text = json.dumps({"events": [an_event(seconds=float("nan"))]})
    answer = shared.http.post("/v1/events", content=text, headers={"Content-Type": "application/json"})
    assert is_problem(answer, 422, "invalid_request")["errors"][0]["where"] == "events.0.seconds"


def test_a_batch_has_at_least_one_and_at_most_ten_thousand_events(shared: Installation) -> None:
    is_problem(shared.http.post("/v1/events", json={"events": []}), 422, "invalid_request")
    many = [an_event(event=f"many-{number}") for number in range(10_001)]
    is_problem(shared.http.post("/v1/events", json={"events": many}), 422, "invalid_request")


def test_a_locked_database_keeps_nothing_and_says_so(harbor: Installation) -> None:
    harbor.impatient()
    event = an_event()
    with harbor.locked():
        answer = harbor.http.post("/v1/events", json={"events": [event]})
        is_problem(answer, 503, "storage_unavailable")
    assert count_of_events(harbor) == 0
    assert harbor.post_events(event)["accepted"] == 1

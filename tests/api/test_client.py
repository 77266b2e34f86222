"""The client never raises into a page render and keeps its deadline."""

import json
import time
from collections.abc import Callable

import httpx
import pytest

from api.client import Asked, KeyartClient, ReportedOutcome

TITLES = [Asked(title="harbor", position=0, score=1.5), Asked(title="comet")]
SLOT = {
    "title": "harbor",
    "decision": "0-00-a",
    "artwork": "wide",
    "image": "/images/a.jpeg",
    "probability": 0.25,
    "reason": "policy",
}
OUTCOME = ReportedOutcome(event="e1", decision="0-00-a", kind="seen", at="2026-01-01T00:00:00Z")


def client(answer: Callable[[httpx.Request], httpx.Response]) -> KeyartClient:
    return KeyartClient(
        "http://keyart.test", "key", defaults={"harbor": "/default.jpg"}, transport=httpx.MockTransport(answer)
    )


def test_select_sends_the_wire_and_reads_the_answer() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"page": "p", "policy": "uniform", "logged": True, "slots": [SLOT]})

    with client(answer) as keyart:
        page = keyart.select("viewer-1", TITLES, context={"device": "tv"}, deadline=5)
    assert page.error is None
    assert (page.page, page.policy, page.logged) == ("p", "uniform", True)
    assert page.slots[0].decision == "0-00-a"
    assert seen[0].headers["Authorization"] == "Bearer key"
    assert json.loads(seen[0].content) == {
        "viewer": "viewer-1",
        "context": {"device": "tv"},
        "titles": [{"title": "harbor", "position": 0, "score": 1.5}, {"title": "comet"}],
    }


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (httpx.Response(503, json={"title": "Down", "detail": "Try again."}), "503: Down: Try again."),
        (httpx.Response(502, text="<html>bad gateway</html>"), "502"),
        (httpx.Response(200, json={"unexpected": 1}), "slots"),
        (httpx.Response(200, text="not json"), "Expecting value"),
    ],
)
def test_a_failed_select_shows_the_callers_defaults(response: httpx.Response, said: str) -> None:
    with client(lambda _: response) as keyart:
        page = keyart.select("viewer-1", TITLES, defaults={"comet": "/comet.jpg"}, deadline=5)
    assert [(slot.title, slot.image, slot.decision) for slot in page.slots] == [
        ("harbor", "/default.jpg", None),
        ("comet", "/comet.jpg", None),
    ]
    assert not page.logged
    assert page.error is not None
    assert said in page.error


def test_an_answer_with_more_than_the_client_knows_is_read() -> None:
    slot = {**SLOT, "explanation": "new"}
    answer = httpx.Response(200, json={"page": "p", "policy": "uniform", "logged": True, "slots": [slot], "more": 1})
    with client(lambda _: answer) as keyart:
        assert keyart.select("viewer-1", TITLES[:1], deadline=5).slots[0].decision == "0-00-a"


def test_what_cannot_be_sent_is_no_exception() -> None:
    with client(lambda _: httpx.Response(200)) as keyart:
        page = keyart.select("viewer-1", [Asked(title="harbor", score=float("nan"))], deadline=5)
    assert page.error is not None
    assert page.slots[0].image == "/default.jpg"


def test_select_gives_up_at_its_deadline_although_the_server_is_still_busy() -> None:
    released = time.monotonic() + 3

    def slow(_: httpx.Request) -> httpx.Response:
        while time.monotonic() < released:
            time.sleep(0.02)
        return httpx.Response(200, json={})

    keyart = client(slow)
    page = keyart.select("viewer-1", TITLES, deadline=0.05)
    answered = time.monotonic()
    keyart.close()
    assert answered < released
    assert page.error == "TimeoutError"
    assert page.slots[0].image == "/default.jpg"


def test_a_server_that_is_not_there_is_no_exception() -> None:
    def refused(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    with client(refused) as keyart:
        assert keyart.select("viewer-1", TITLES, deadline=5).error == "connection refused"
        assert keyart.report([OUTCOME]).error == "connection refused"


def test_report_says_what_was_taken() -> None:
    answer = {"accepted": 1, "duplicates": 2, "rejected": [{"event": "e9", "reason": "forged"}]}
    bodies: list[object] = []

    def take(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(200, json=answer)

    with client(take) as keyart:
        reported = keyart.report([OUTCOME])
    assert (reported.accepted, reported.duplicates, reported.error) == (1, 2, None)
    assert reported.rejected[0]["reason"] == "forged"
    sent = {"event": "e1", "decision": "0-00-a", "kind": "seen", "at": "2026-01-01T00:00:00Z"}
    assert bodies == [{"outcomes": [sent]}]

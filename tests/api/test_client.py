"""The client on the wire: what it sends, how it reads answers, and that its pages render whatever comes."""

import json
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from api.async_client import LARGEST_ANSWER, UNKNOWN_SECONDS
from api.client import Asked, AskedPage, ClientOptions, KeyartClient, ReportedOutcome

TITLES = [Asked(title="harbor", position=0, score=1.5), Asked(title="comet")]
SLOT = {
    "title": "harbor",
    "decision": "0-00-a",
    "artwork": "wide",
    "image": "/images/a.jpeg",
    "probability": 0.25,
    "reason": "policy",
}
COMET = {**SLOT, "title": "comet", "decision": "0-01-b", "image": "/images/b.jpeg"}
PAGE = {"page": "p", "policy": "uniform", "logged": True, "slots": [SLOT, COMET]}
OUTCOME = ReportedOutcome(event="e1", decision="0-00-a", kind="seen", at="2026-01-01T00:00:00Z")


def client(answer: Callable[[httpx.Request], httpx.Response], **options: float) -> KeyartClient:
    return KeyartClient(
        "http://keyart.test",
        "key",
        defaults={"harbor": "/default.jpg"},
        deadline=5,
        options=ClientOptions(**options),  # type: ignore[arg-type]
        transport=httpx.MockTransport(answer),
    )


class Server:
    """Answers in turn, the last answer for ever, and keeps what it was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers, self.asked = list(answers), list[httpx.Request]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_select_sends_the_wire_and_reads_the_answer() -> None:
    server = Server(httpx.Response(200, json=PAGE))
    with client(server) as keyart:
        page = keyart.select("viewer-1", TITLES, context={"device": "tv"})
        assert keyart.counts() == {"answered": 1, "failed": 0, "skipped": 0, "retried": 0}
    assert page.error is None
    assert (page.page, page.policy, page.logged) == ("p", "uniform", True)
    assert [slot.decision for slot in page.slots] == ["0-00-a", "0-01-b"]
    sent = server.asked[0]
    assert sent.headers["Authorization"] == "Bearer key"
    assert 3000 < int(sent.headers["Keyart-Time-Budget"]) <= 4000, "four fifths of the time that is left"
    assert "Idempotency-Key" not in sent.headers
    assert json.loads(sent.content) == {
        "viewer": "viewer-1",
        "context": {"device": "tv"},
        "titles": [{"title": "harbor", "position": 0, "score": 1.5}, {"title": "comet"}],
    }


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (httpx.Response(500, json={"title": "Down", "detail": "Try again."}), "500: Down: Try again."),
        (httpx.Response(502, text="<html>bad gateway</html>"), "502"),
        (httpx.Response(302, headers={"Location": "/elsewhere"}), "302"),
        (httpx.Response(200, json={"unexpected": 1}), "no slots"),
        (httpx.Response(200, json=["slots"]), "no slots"),
        (httpx.Response(200, json={**PAGE, "logged": "yes"}), "no logged"),
        (httpx.Response(200, json={**PAGE, "slots": [1, 2]}), "none of the titles"),
        (httpx.Response(200, json={**PAGE, "slots": [{**SLOT, "image": None}]}), "none of the titles"),
        (httpx.Response(200, text="not json"), "Expecting value"),
        (httpx.Response(200, text="[" * 100_000), "recursion"),
        (httpx.Response(200, content=b" " * (LARGEST_ANSWER + 1)), "larger than"),
    ],
)
def test_a_failed_select_shows_the_callers_defaults(response: httpx.Response, said: str) -> None:
    with client(lambda _: response) as keyart:
        page = keyart.select("viewer-1", TITLES, defaults={"comet": "/comet.jpg"})
        assert keyart.counts()["failed"] == 1
    assert [(slot.title, slot.image, slot.decision) for slot in page.slots] == [
        ("harbor", "/default.jpg", None),
        ("comet", "/comet.jpg", None),
    ]
    assert not page.logged
    assert page.error is not None
    assert said in page.error


def test_a_partial_answer_is_filled_up_with_defaults() -> None:
    with client(lambda _: httpx.Response(200, json={**PAGE, "slots": [COMET]})) as keyart:
        page = keyart.select("viewer-1", TITLES)
    assert [(slot.image, slot.decision) for slot in page.slots] == [
        ("/default.jpg", None),
        ("/images/b.jpeg", "0-01-b"),
    ]
    assert page.error == "the answer lacks 1 of 2 titles"


def test_what_is_of_another_type_than_it_should_be_is_left_out() -> None:
    slot = {**SLOT, "decision": 5, "probability": "certain"}
    with client(lambda _: httpx.Response(200, json={**PAGE, "slots": [slot]})) as keyart:
        [chosen] = keyart.select("viewer-1", ["harbor"]).slots
    assert (chosen.image, chosen.decision, chosen.probability) == ("/images/a.jpeg", None, None)


def test_titles_may_be_bare_names_and_a_page_without_any_asks_nobody() -> None:
    server = Server(httpx.Response(200, json=PAGE))
    with client(server) as keyart:
        assert keyart.select("viewer-1", ["harbor", Asked(title="comet", position=1)]).error is None
        assert keyart.select("viewer-1", []).error == "no titles were asked for"
        page = keyart.select("viewer-1", None)  # type: ignore[arg-type]
        assert page.slots == ()
        assert "no titles" in str(page.error)
        assert keyart.counts()["failed"] == 0
    [asked] = server.asked
    assert json.loads(asked.content)["titles"] == [{"title": "harbor"}, {"title": "comet", "position": 1}]


def unknown(*titles: str) -> httpx.Response:
    return httpx.Response(404, json={"title": "There is no such title", "detail": "…", "titles": titles})


def test_a_title_that_the_server_does_not_know_costs_no_other_its_picture() -> None:
    server = Server(unknown("harbor"), httpx.Response(200, json={**PAGE, "slots": [COMET]}))
    with client(server, failures=1) as keyart:
        page = keyart.select("viewer-1", TITLES, idempotency_key="k")
        again = keyart.select("viewer-2", TITLES)
        alone = keyart.select("viewer-3", TITLES[:1])
        assert keyart.counts() == {"answered": 2, "failed": 1, "skipped": 0, "retried": 1}
        assert keyart.select("viewer-4", TITLES[1:]).error is None, "what nobody asked says nothing of the server"
    assert [slot.image for slot in page.slots] == ["/default.jpg", "/images/b.jpeg"]
    assert page.error == again.error == "the answer lacks 1 of 2 titles"
    assert (alone.slots[0].image, alone.slots[0].decision) == ("/default.jpg", None)
    assert [[each["title"] for each in json.loads(request.content)["titles"]] for request in server.asked] == [
        ["harbor", "comet"],
        ["comet"],
        ["comet"],
        ["comet"],
    ], f"for {UNKNOWN_SECONDS:.0f} s it is not asked for again"


def test_of_a_batch_only_the_page_whose_titles_are_all_unknown_shows_defaults() -> None:
    server = Server(unknown("harbor"), httpx.Response(200, json={"pages": [{**PAGE, "slots": [COMET]}]}))
    pages = [AskedPage(viewer="v1", titles=TITLES[:1]), AskedPage(viewer="v2", titles=TITLES)]
    with client(server) as keyart:
        first, second = keyart.select_batch(pages)
    assert (first.slots[0].image, first.error) == (
        "/default.jpg",
        "the answer has none of the titles that were asked for",
    )
    assert [slot.decision for slot in second.slots] == [None, "0-01-b"]


def test_a_closed_client_renders_defaults() -> None:
    keyart = client(Server(httpx.Response(200, json=PAGE)))
    keyart.close()
    page = keyart.select("viewer-1", TITLES)
    assert (page.slots[0].image, page.error) == ("/default.jpg", "the client was closed")
    assert keyart.report([OUTCOME]).error == "the client was closed"


def test_a_title_that_is_asked_for_twice_keeps_both_its_slots() -> None:
    again = {**SLOT, "decision": "0-01-a"}
    with client(lambda _: httpx.Response(200, json={**PAGE, "slots": [SLOT, again]})) as keyart:
        page = keyart.select("viewer-1", [Asked(title="harbor"), Asked(title="harbor")])
    assert [slot.decision for slot in page.slots] == ["0-00-a", "0-01-a"]


def test_an_answer_with_more_than_the_client_knows_is_read() -> None:
    answer = httpx.Response(200, json={**PAGE, "slots": [{**SLOT, "explanation": "new"}], "more": 1})
    with client(lambda _: answer) as keyart:
        assert keyart.select("viewer-1", TITLES[:1]).slots[0].decision == "0-00-a"


def test_a_page_that_was_not_logged_has_no_decisions_to_report_of() -> None:
    with client(lambda _: httpx.Response(200, json={**PAGE, "logged": False})) as keyart:
        page = keyart.select("viewer-1", TITLES)
    assert (page.error, page.logged) == (None, False)
    assert [(slot.image, slot.decision) for slot in page.slots] == [("/images/a.jpeg", None), ("/images/b.jpeg", None)]


def test_what_cannot_be_sent_is_no_exception_and_says_nothing_of_the_server() -> None:
    server = Server(httpx.Response(200, json=PAGE))
    with client(server, failures=1) as keyart:
        page = keyart.select("viewer-1", [Asked(title="harbor", score=float("nan"))])
        assert page.error is not None
        assert page.slots[0].image == "/default.jpg"
        assert server.asked == []
        assert keyart.select("viewer-1", TITLES).error is None


def test_default_artworks_are_learned_and_what_a_policy_chose_is_not() -> None:
    default = {**COMET, "reason": "default", "image": "/images/comet-default.jpeg"}
    server = Server(httpx.Response(200, json={**PAGE, "slots": [SLOT, default]}), httpx.Response(500))
    with client(server) as keyart:
        keyart.select("viewer-1", TITLES)
        page = keyart.select("viewer-2", [*TITLES, Asked(title="nobody-knows")])
    assert [slot.image for slot in page.slots] == ["/default.jpg", "/images/comet-default.jpeg", None]


@pytest.mark.parametrize(
    ("first", "key", "answered"),
    [
        (httpx.Response(500), None, False),
        (httpx.Response(500), "k1", True),
        (httpx.Response(503), None, False),
        (httpx.Response(503, headers={"Retry-After": "0"}), None, True),
        (httpx.Response(429, headers={"Retry-After": "0"}), None, True),
        (httpx.Response(429, headers={"Retry-After": "60"}), "k1", False),
        (httpx.Response(422, json={"title": "Wrong", "detail": "…"}), "k1", False),
    ],
)
def test_a_page_is_asked_for_again_only_where_that_is_safe(
    first: httpx.Response, key: str | None, answered: bool
) -> None:
    server = Server(first, httpx.Response(200, json=PAGE))
    with client(server) as keyart:
        page = keyart.select("viewer-1", TITLES, idempotency_key=key)
        assert keyart.counts()["retried"] == int(answered)
    assert (page.error is None) is answered
    assert [request.headers.get("Idempotency-Key") for request in server.asked] == [key] * (1 + answered)


def test_a_connection_that_never_came_about_is_tried_again() -> None:
    tries = 0

    def refused(_: httpx.Request) -> httpx.Response:
        nonlocal tries
        tries += 1
        raise httpx.ConnectError("connection refused")

    with client(refused, retries=2) as keyart:
        assert keyart.select("viewer-1", TITLES).error == "connection refused"
        assert tries == 3
        assert keyart.report([OUTCOME]).error == "connection refused"


def test_a_broken_answer_is_asked_for_again_only_with_a_key() -> None:
    tries = 0

    def broken(_: httpx.Request) -> httpx.Response:
        nonlocal tries
        tries += 1
        raise httpx.ReadError("the connection broke")

    with client(broken, retries=1) as keyart:
        keyart.select("viewer-1", TITLES)
        assert tries == 1
        keyart.select("viewer-1", TITLES, idempotency_key="k1")
        assert tries == 3


def test_a_batch_is_one_request_and_each_page_renders() -> None:
    server = Server(httpx.Response(200, json={"pages": [PAGE, {**PAGE, "slots": [COMET]}]}), httpx.Response(500))
    pages = [AskedPage(viewer="v1", titles=TITLES, idempotency_key="k1"), AskedPage(viewer="v2", titles=TITLES)]
    with client(server) as keyart:
        first, second = keyart.select_batch(pages)
        failed = keyart.select_batch(pages)
        assert keyart.counts()["answered"] == keyart.counts()["failed"] == 2
    assert server.asked[0].url.path == "/v1/select:batch"
    wanted = json.loads(server.asked[0].content)["requests"]
    assert [each.get("idempotency_key") for each in wanted] == ["k1", None]
    assert (first.error, second.error) == (None, "the answer lacks 1 of 2 titles")
    assert [page.slots[0].image for page in failed] == ["/default.jpg"] * 2


def test_a_batch_that_answers_too_few_pages_shows_defaults() -> None:
    with client(lambda _: httpx.Response(200, json={"pages": [PAGE]})) as keyart:
        pages = keyart.select_batch([AskedPage(viewer="v1", titles=TITLES), AskedPage(viewer="v2", titles=TITLES)])
    assert [page.error is None for page in pages] == [False, False]
    assert {slot.decision for page in pages for slot in page.slots} == {None}


def test_what_cannot_be_sent_is_refused_at_once() -> None:
    server = Server(httpx.Response(200, json={}))
    with client(server) as keyart:
        reported = keyart.report([OUTCOME, replace(OUTCOME, seconds=float("nan"))])
        assert keyart.report([OUTCOME]).error == "the answer has no rejected"
    assert reported.status == 422
    assert "this cannot be sent" in str(reported.error)
    assert len(server.asked) == 1


def test_report_says_what_was_taken() -> None:
    answer = {"accepted": 1, "duplicates": 2, "rejected": [{"event": "e9", "reason": "forged"}]}
    server = Server(httpx.Response(200, json=answer))
    with client(server) as keyart:
        reported = keyart.report([OUTCOME])
    assert (reported.accepted, reported.duplicates, reported.error) == (1, 2, None)
    assert reported.rejected[0]["reason"] == "forged"
    sent = {"event": "e1", "decision": "0-00-a", "kind": "seen", "at": "2026-01-01T00:00:00Z"}
    assert json.loads(server.asked[0].content) == {"outcomes": [sent]}


def test_a_refused_report_says_when_to_come_back() -> None:
    with client(lambda _: httpx.Response(429, headers={"Retry-After": "7"})) as keyart:
        reported = keyart.report([OUTCOME])
    assert (reported.status, reported.retry_after, reported.accepted) == (429, 7.0, 0)

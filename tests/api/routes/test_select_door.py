"""The quick door to /v1/select reads every request as the route does, or leaves it to the route."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.types import Message

from api.routes.select import BatchBody, SelectBody, call_from, key_of_place, stored_key
from api.routes.select_door import call_of, calls_of, whole_body
from tests.api.installation import Installation

JSON = (b"content-type", b"application/json")
words = st.one_of(
    st.sampled_from(["tv", "fr-FR", "", "x" * 64, "x" * 65, "a\x00b", "\u2028", "☎", "\ud7ff"]), st.text(max_size=5)
)
times = st.sampled_from(
    ["2026-01-02T20:00:00Z", "2026-01-02T20:00:00+02:00", "2026-01-02 20:00:00Z", "2026-01-02", "2026-01-02T20:00Z",
     "2026-01-02T20:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1", 1, 2026.5, True, None]
)  # fmt: skip
numbers = st.one_of(
    st.integers(-2, 10_002),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([True, None, "1", 10**400]),
)
contexts = st.dictionaries(st.sampled_from(["device", "row", "canvas", "locale", "age"]), words, max_size=4)
titles = st.fixed_dictionaries(
    {"title": st.sampled_from(["harbor", "nowhere", "har bor", "harbor\n", ""])},
    optional={"position": numbers, "score": numbers, "more": st.just(1)},
)
bodies = st.fixed_dictionaries(
    {"viewer": st.one_of(st.sampled_from(["v", "", "v\n", "x" * 256, "x" * 257]), st.text(max_size=4)),
     "titles": st.lists(titles, max_size=4)},
    optional={"context": st.builds(lambda own, at: {**own, "at": at}, contexts, times), "more": st.just(None)},
)  # fmt: skip


@pytest.fixture(scope="module")
def asked(shared: Installation) -> Iterator[Installation]:
    """One installation for all examples."""
    return shared  # type: ignore[return-value]


@settings(max_examples=300, deadline=None)
@given(body=bodies, key=st.sampled_from([None, b"k"]))
def test_what_the_door_takes_the_route_takes_alike(
    asked: Installation, body: dict[str, Any], key: bytes | None
) -> None:
    sent = json.dumps(body).encode()
    headers = [JSON] if key is None else [JSON, (b"idempotency-key", key)]
    call = call_of(sent, headers, asked.services)
    if call is None:
        return
    try:
        read = SelectBody.model_validate(json.loads(sent))
    except ValidationError as error:
        raise AssertionError(f"the route refuses what the door took: {error}") from error
    theirs = call_from(read, budget=call.budget, idempotency_key="k" if key else None, now=call.context.at)
    assert replace(call, titles=()) == replace(theirs, titles=())
    assert [(t.title, t.position, t.score) for t in call.titles] == [
        (t.title, t.position, t.score) for t in theirs.titles
    ]
    assert call.digest() == theirs.digest()


keys = st.sampled_from(["k", "k2", "", "k\x00", "x" * 255, "x" * 256, None, 1])


@settings(max_examples=200, deadline=None)
@given(sent=st.lists(st.tuples(bodies, st.one_of(st.none(), keys)), max_size=3), key=st.sampled_from([None, b"k"]))
def test_what_the_door_takes_of_a_batch_its_route_takes_alike(
    asked: Installation, sent: list[tuple[dict[str, Any], Any]], key: bytes | None
) -> None:
    pages = [body if own is None else {**body, "idempotency_key": own} for body, own in sent]
    headers = [JSON] if key is None else [JSON, (b"idempotency-key", key)]
    calls = calls_of(json.dumps({"requests": pages}).encode(), headers, asked.services)
    if calls is None:
        return
    try:
        read = BatchBody.model_validate({"requests": pages})
    except ValidationError as error:
        raise AssertionError(f"the route refuses what the door took: {error}") from error
    for place, (call, body) in enumerate(zip(calls, read.requests, strict=True)):
        own = key_of_place(body.idempotency_key, "k" if key else None, place)
        stored = stored_key(own, body.viewer, asked.services.keys)
        theirs = call_from(body, budget=call.budget, idempotency_key=stored, now=call.context.at)
        assert replace(call, titles=()) == replace(theirs, titles=())
        assert call.digest() == theirs.digest()


def test_the_door_takes_a_batch_in_good_order_and_no_other(asked: Installation) -> None:
    page: dict[str, Any] = {"viewer": "v", "titles": [{"title": "harbor"}]}

    def taken(*requests: dict[str, Any]) -> bool:
        return calls_of(json.dumps({"requests": requests}).encode(), [JSON], asked.services) is not None

    assert taken(page, page)
    assert taken(*[page] * 500)
    assert not taken()
    assert not taken(*[page] * 501)
    assert not taken(*[{**page, "titles": page["titles"] * 100}] * 51)
    assert not taken({**page, "idempotency_key": "k"}, {**page, "idempotency_key": "k"})
    assert not taken(page, {**page, "titles": [{"title": "nowhere"}]})


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-type", b"text/plain")],
        [JSON, JSON],
        [JSON, (b"keyart-time-budget", b"0")],
        [JSON, (b"keyart-time-budget", b"soon")],
        [JSON, (b"idempotency-key", b"")],
        [JSON, (b"idempotency-key", b"x" * 256)],
        [JSON, (b"idempotency-key", b"a"), (b"idempotency-key", b"b")],
    ],
)
def test_unusual_headers_are_left_to_the_route(asked: Installation, headers: list[tuple[bytes, bytes]]) -> None:
    assert call_of(b'{"viewer": "v", "titles": [{"title": "harbor"}]}', headers, asked.services) is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"viewer": "v", "titles": [{"title": "\xff"}]}'])
def test_what_is_no_request_is_left_to_the_route(asked: Installation, body: bytes) -> None:
    assert call_of(body, [JSON], asked.services) is None
    assert asked.http.post("/v1/select", content=body, headers={"Content-Type": "application/json"}).status_code in (
        400,
        422,
    )


def test_an_ordinary_request_is_taken(asked: Installation) -> None:
    body = {
        "viewer": "v",
        "context": {"at": "2026-01-02T20:00:00Z"},
        "titles": [{"title": "harbor"}, {"title": "harbor"}],
    }
    call = call_of(json.dumps(body).encode(), [JSON, (b"keyart-time-budget", b"20")], asked.services)
    assert call is not None
    assert [title.position for title in call.titles] == [0, 1]
    assert (call.budget, call.context.at) == (0.02, datetime(2026, 1, 2, 20, tzinfo=UTC))


def test_a_body_in_many_parts_does_not_hold_the_loop() -> None:
    """Nobody was asked for a key yet: what is read must cost no more than its bytes."""
    parts = 450
    sent = iter([{"type": "http.request", "body": b" " * 2**16, "more_body": n < parts - 1} for n in range(parts)])

    async def receive() -> Message:
        return next(sent)

    began = time.process_time()
    body = asyncio.run(whole_body(receive))
    assert (len(body or b""), time.process_time() - began < 1) == (parts * 2**16, True)

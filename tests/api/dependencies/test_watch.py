"""Every request has an id, in its answer, its problem and its log lines, and is counted under its route."""

import contextvars
import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.dependencies.logs import JsonLines, TextLines, log_to_stderr
from api.dependencies.request_ids import begin_request, request_id
from api.errors import BadSettings
from tests.api.installation import Installation, settings_in
from tests.api.problems import is_problem


@contextmanager
def lines_of(formatter: logging.Formatter) -> Iterator[io.StringIO]:
    """What the loggers of Keyart write within the block, as `formatter` shapes it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield written
    finally:
        root.removeHandler(handler)


@pytest.mark.parametrize("sent", ["a", "Ab.9_-", "0" * 64])
def test_a_well_formed_id_is_taken(shared: Installation, sent: str) -> None:
    assert shared.http.get("/healthz", headers={"X-Request-Id": sent}).headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["", "0" * 65, "a b", 'a"b', "a\\nb", "me@example.org", "é"])
def test_another_one_is_replaced(shared: Installation, sent: str) -> None:
    given = shared.http.get("/healthz", headers={"X-Request-Id": sent.encode()}).headers["x-request-id"]
    assert given != sent
    assert re.fullmatch(r"[0-9a-f]{16}", given)


def test_a_problem_says_its_request_and_each_request_has_its_own(shared: Installation) -> None:
    answers = [shared.http.get("/v1/titles/nowhere") for _ in range(2)]
    for answer in answers:
        assert is_problem(answer, 404, "unknown_title")["request"] == answer.headers["x-request-id"]
    assert answers[0].headers["x-request-id"] != answers[1].headers["x-request-id"]
    assert len(answers[0].headers.get_list("x-request-id")) == 1


@pytest.fixture
def faulty(home: Path) -> Iterator[TestClient]:
    """A server of which /readyz meets a mistake of ours, and that logs each request."""
    app: FastAPI = create_app(settings_in(home, access_log=True))
    with TestClient(app, raise_server_exceptions=False) as http:
        app.state.services = replace(app.state.services, problems=None)
        yield http


def test_an_unexpected_error_is_found_by_its_id(faulty: TestClient) -> None:
    with lines_of(JsonLines()) as written:
        answer = faulty.get("/readyz", headers={"X-Request-Id": "r-1"})
    body = is_problem(answer, 500, "internal")
    assert body["request"] == answer.headers["x-request-id"] == "r-1"
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    errors = [line for line in lines if line["level"] == "ERROR"]
    assert errors
    assert {line["request"] for line in errors} == {"r-1"}
    assert "TypeError" in errors[0]["exception"]
    assert 'status="500"' in faulty.get("/metrics").text


def test_the_access_log_is_a_line_a_request_with_its_template(faulty: TestClient) -> None:
    logging.getLogger("keyart.access").setLevel(logging.INFO)
    with lines_of(JsonLines()) as written:
        faulty.get("/images/profile-17?secret=1", headers={"X-Request-Id": "r-2"})
    found = [line for line in map(json.loads, written.getvalue().splitlines()) if line["logger"] == "keyart.access"]
    assert len(found) == 1
    assert (found[0]["method"], found[0]["route"], found[0]["status"]) == ("GET", "/images/{sha256}", 422)
    assert found[0]["request"] == "r-2"
    assert found[0]["ms"] >= 0
    assert "profile-17" not in str(found)
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/titles/harbor", "/v1/titles/{title}"),
        ("/v1/titles/v1", "/v1/titles/{title}"),
        ("/v1/titles/harbor/artworks/a", "/v1/titles/{title}/artworks/{artwork}"),
        ("/v1/nowhere", "unmatched"),
        ("/static/nothing.css", "/static"),
        ("/openapi.json", "/openapi.json"),
        ("/healthz", "/healthz"),
    ],
)
def test_requests_are_counted_by_template(shared: Installation, path: str, route: str) -> None:
    shared.http.get(path)
    text = shared.http.get("/metrics").text
    assert re.search(rf'keyart_http_requests_total{{method="GET",route="{re.escape(route)}",status="\d+"}}', text)
    assert f'keyart_http_request_seconds_count{{method="GET",route="{route}"}}' in text
    assert path == route or f'route="{path}"' not in text


def test_an_invented_method_is_no_new_series(shared: Installation) -> None:
    shared.http.request("BREW", "/v1/titles")
    text = shared.http.get("/metrics").text
    assert "BREW" not in text
    assert 'method="other"' in text


def test_lines_for_people_name_the_request_only_within_one() -> None:
    record = logging.LogRecord("keyart", logging.WARNING, "", 0, "the disk is %s", ("full",), None)
    assert TextLines().format(record) == "WARNING the disk is full"
    assert request_id() is None


def test_an_unknown_format_or_level_is_refused() -> None:
    for wrong in ({"KEYART_LOG_FORMAT": "xml"}, {"KEYART_LOG_LEVEL": "loud"}):
        with pytest.raises(BadSettings, match="Use one of"):
            log_to_stderr(wrong)


def test_an_id_is_made_where_none_came() -> None:
    made = contextvars.copy_context().run(begin_request, None)
    assert re.fullmatch(r"[0-9a-f]{16}", made)

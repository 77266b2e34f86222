"""No body is ever held whole that is larger than any request may be."""

from collections.abc import Iterator

import pytest

from api.dependencies.body_limit import MOST_BYTES, MOST_BYTES_OF_STRANGERS
from tests.api.installation import Installation
from tests.api.problems import is_problem

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("path", ["/v1/events", "/v1/outcomes", "/v1/select"])
def test_a_body_that_says_it_is_too_long_is_not_read(shared: Installation, path: str) -> None:
    answer = shared.http.post(path, content=b"{}", headers={**JSON, "Content-Length": str(MOST_BYTES + 1)})
    is_problem(answer, 413, "too_large")


@pytest.mark.parametrize("path", ["/v1/events", "/v1/select"])
def test_a_body_that_does_not_say_its_length_is_cut_off(shared: Installation, path: str) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(MOST_BYTES // 1_000_000 + 1):
            yield b" " * 1_000_000

    is_problem(shared.http.post(path, content=endless(), headers=JSON), 413, "too_large")


@pytest.mark.parametrize("key", ["", "Bearer ", "Bearer wrong", "Basic eDp5", "Bearer \xe9"])
def test_a_stranger_may_make_the_server_read_little(shared: Installation, key: str) -> None:
    headers = {**JSON, "Authorization": key.encode("latin-1")}
    long = b'{"requests": "' + b"x" * MOST_BYTES_OF_STRANGERS + b'"}'
    is_problem(shared.http.post("/v1/select:batch", content=long, headers=headers), 413, "too_large")
    is_problem(shared.http.post("/v1/select:batch", content=iter([long]), headers=headers), 413, "too_large")
    is_problem(shared.http.post("/v1/select:batch", content=long, headers=JSON), 422, "invalid_request")

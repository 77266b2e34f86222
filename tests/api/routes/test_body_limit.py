"""No body is ever held whole that is larger than any request may be."""

from collections.abc import Iterator

import pytest

from api.dependencies.body_limit import MOST_BYTES
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

"""A mistake of our own is a problem too: it says nothing of the inside, and the next request is answered."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.dependencies.permissions import OPEN, PERMISSIONS
from tests.api.installation import settings_in
from tests.api.problems import is_problem


@pytest.fixture
def faulty(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setitem(PERMISSIONS, ("GET", "/v1/faulty"), OPEN)  # type: ignore[arg-type]
    app = create_app(settings_in(home))

    @app.get("/v1/faulty")
    def faulty() -> None:
        raise ZeroDivisionError("the password is 1234")

    with TestClient(app, raise_server_exceptions=False) as http:
        yield http


def test_the_unexpected_is_answered_without_its_details(faulty: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    answer = faulty.get("/v1/faulty")
    is_problem(answer, 500, "internal")
    assert "1234" not in answer.text
    assert "ZeroDivisionError" not in answer.text
    assert "GET /v1/faulty" in caplog.text
    assert faulty.get("/healthz").status_code == 200

"""What every refusal over HTTP must look like."""

from typing import Any

from httpx import Response


def is_problem(answer: Response, status: int, code: str) -> dict[str, Any]:
    """Return the body of an answer after checking that it is the problem+json that it should be."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["type"].endswith(f"/{code}"), body
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    return body

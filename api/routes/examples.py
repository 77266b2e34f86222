"""What /openapi.json says beyond what the routes say themselves: an example of each, its problems, who may ask.

The examples stand in examples.json, one an operation, in an order in which they can be carried out one after the other:
a test does that against a running server.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from fastapi import FastAPI

from api.dependencies.permissions import OPEN, PERMISSIONS
from api.dependencies.problems import PROBLEM_TYPE

EXAMPLES = Path(__file__).parent / "examples.json"
Description = dict[str, Any]


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request that can be made, and its answer. `content` is the type of a body that is no JSON."""

    status: int = 200
    path: dict[str, str | int] = {}
    query: dict[str, str | int] = {}
    headers: dict[str, str] = {}
    body: Any = None
    content: str | None = None
    answer: Any = None


def load_examples() -> dict[str, Example]:
    """Return the example of each operation, such as `GET /v1/titles`, in the order in which they are carried out."""
    return msgspec.json.decode(EXAMPLES.read_bytes(), type=dict[str, Example])


def describe(app: FastAPI) -> None:
    """Let the application's description hold examples, problems and keys. It is made when it is first asked for."""
    plain = app.openapi

    def described() -> Description:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(plain())
        return app.openapi_schema

    app.openapi = described


def operations(description: Description) -> Iterator[tuple[str, str, Description]]:
    """Every operation of a description: method in capitals, path, and what is said of it."""
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _complete(description: Description) -> Description:
    examples = load_examples()
    schemas = description["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _PROBLEM
    description["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for method, path, operation in operations(description):
        _say_problems(operation)
        _say_who_may(operation, PERMISSIONS.get((method, path), OPEN))
        if f"{method} {path}" in examples:
            _show(operation, examples[f"{method} {path}"])
    return description


def _show(operation: Description, example: Example) -> None:
    shown: Mapping[str, Any] = {**example.path, **example.query}
    sent = {name.lower(): value for name, value in example.headers.items()}
    for parameter in operation.get("parameters", ()):
        found = shown.get(parameter["name"], sent.get(parameter["name"].lower()))
        if found is not None:
            parameter["example"] = found
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        if kind == "application/json":
            content["example"] = example.body
    for content in operation["responses"].get(str(example.status), {}).get("content", {}).values():
        if example.answer is not None:
            content["example"] = example.answer


def _say_problems(operation: Description) -> None:
    """Every mistake has one shape; FastAPI would tell of another one."""
    operation["responses"].pop("422", None)
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": _PROBLEM_EXAMPLE}
    said = {"description": "What is wrong and what to do about it.", "content": {"application/problem+json": schema}}
    operation["responses"]["4XX"] = said
    operation["responses"]["5XX"] = said
    if any(each["name"] == "If-None-Match" for each in operation.get("parameters", ())):
        operation["responses"]["304"] = {"description": "The reader has this state already."}


def _say_who_may(operation: Description, scopes: frozenset[str] | None) -> None:
    if scopes is None:
        operation["security"] = []
        return
    operation["security"] = [{"key": []}]
    operation["x-scopes"] = sorted({*scopes, "admin"})


_TEXT = {"type": "string"}
_PROBLEM: Description = {
    "title": "Problem",
    "description": "RFC 9457. `remedy` says what to do, `request` is the id of the request in the server's log.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "request"],
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "remedy": _TEXT,
        "request": _TEXT,
        "reason": _TEXT,
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"where": _TEXT, "message": _TEXT}},
        },
    },
}
_PROBLEM_EXAMPLE: Description = {
    "type": PROBLEM_TYPE + "unknown_title",
    "title": "There is no such title",
    "status": 404,
    "detail": "There is no title 'nowhere'. Put it first: PUT /v1/titles/{title}.",
    "remedy": "Put it first: PUT /v1/titles/{title}.",
    "request": "5c0f9a1be2d34f60",
}

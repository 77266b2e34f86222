"""Bodies that are nearly right: an example with one thing wrong. Knows no route."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

FAR_OFF = ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z")
NO_TIMES = (2026, 1767225600.5, "1767225600", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00")
BATCHES = {"events": 10_001, "outcomes": 10_001, "titles": 101, "requests": 501}
Where = tuple[str | int, ...]


def spoiled(body: Any) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every spoiled form of a body."""
    for name, text in {"nothing": "", "half": "{", "list": "[]", "null": "null", "number": "1", "text": '"x"'}.items():
        yield name, text.encode()
    for where, value in _nodes(body):
        for name, wrong in _wrongs(where, value):
            yield f"{'.'.join(map(str, where)) or 'body'}: {name}", _with(body, where, wrong)


def _nodes(value: Any, where: Where = ()) -> Iterator[tuple[Where, Any]]:
    """Every part of a body and where it is; of a list, the first item."""
    yield where, value
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for name, part in inner:
        yield from _nodes(part, (*where, name))


def _wrongs(where: Where, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield "unknown field", {**value, "gender": "x"}
        yield "a list", [value]
        return
    yield "an object", {"a": 1}
    if isinstance(value, list):
        yield "a text", "x"
        if where[-1] in BATCHES:
            yield "empty", []
            yield "too many", value[:1] * BATCHES[str(where[-1])]
    elif isinstance(value, bool):
        yield "neither", "perhaps"
    elif isinstance(value, int | float):
        yield "a word", "x"
        yield "no number", float("nan")
        yield "endless", float("inf")
    elif isinstance(value, str):
        yield from _wrong_texts(value)


def _wrong_texts(value: str) -> Iterator[tuple[str, Any]]:
    if re.match(r"\d{4}-\d\d-\d\dT", value):
        for wrong in (*FAR_OFF, *NO_TIMES):
            yield str(wrong), wrong
        return
    yield "a number", 12345
    yield "empty", ""
    yield "endless", "x" * 20_000
    yield "a control character", "a\x00b"
    yield "half a character", "\ud800"


def _with(body: Any, where: Where, wrong: Any) -> bytes:
    changed = deepcopy(body)
    if not where:
        return json.dumps(wrong).encode()
    part = changed
    for name in where[:-1]:
        part = part[name]
    part[where[-1]] = wrong
    return json.dumps(changed).encode()

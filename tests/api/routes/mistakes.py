"""Bodies with one mistake each, made from the description: every field that a schema knows, sent in the example or not.

Knows JSON schema as /openapi.json uses it, and no route.
"""

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

FAR_OFF = ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z")
NO_TIMES = (2026, 1767225600.5, "1767225600", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01")
NO_BODIES = ("", "{", "[]", "null", "1", '"x"', "{}{}")
Schema = Mapping[str, Any]
Where = tuple[str | int, ...]
RAW = ("NaN", "Infinity", "-Infinity", "1e999", "9" * 5_000)
"""What json.dumps would not write: put into the text afterwards."""
_HOLE = "here comes raw text"
_MISSING = object()


def mistakes(schema: Schema, example: Any, parts: Mapping[str, Schema]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every body with one mistake; `parts` are the schemas that a `$ref` names."""
    yield from ((f"body: {text}", text.encode()) for text in NO_BODIES)
    for where, wrong in _wrongs(schema, example, parts, ()):
        said = "missing" if wrong is _MISSING else json.dumps(wrong)[:60]
        yield f"{'.'.join(map(str, where)) or 'body'}: {said}", _with(example, where, wrong)


def _wrongs(schema: Schema, value: Any, parts: Mapping[str, Schema], where: Where) -> Iterator[tuple[Where, Any]]:
    schema, nullable = _resolved(schema, parts)
    if not nullable and where:
        yield where, None
    for wrong in _OF_TYPE[schema["type"]](schema):
        yield where, wrong
    if schema["type"] == "object":
        yield from _inside(schema, value if isinstance(value, dict) else {}, parts, where)
    if schema["type"] == "array":
        items = schema["items"]
        first = value[0] if isinstance(value, list) and value else None
        if first is not None:
            yield from _wrongs(items, first, parts, (*where, 0))
        else:
            yield from ((where, [wrong]) for wrong in _OF_TYPE[_resolved(items, parts)[0]["type"]](items))
        for count in (schema.get("maxItems", 20_000) + 1, *([0] if schema.get("minItems") else [])):
            yield where, [first if first is not None else "x"] * count


def _inside(schema: Schema, value: Mapping[str, Any], parts: Mapping[str, Schema], where: Where) -> Iterator[Any]:
    yield (*where, "gender"), "x"
    for name in schema.get("required", ()):
        yield (*where, name), _MISSING
    for name, inner in schema.get("properties", {}).items():
        yield from _wrongs(inner, value.get(name), parts, (*where, name))


def _resolved(schema: Schema, parts: Mapping[str, Schema]) -> tuple[Schema, bool]:
    """A schema without its reference, and whether null is allowed."""
    options = schema.get("anyOf", [schema])
    nullable = any(each.get("type") == "null" for each in options)
    (found,) = [each for each in options if each.get("type") != "null"]
    if "$ref" in found:
        found, deeper = _resolved(parts[found["$ref"].rpartition("/")[2]], parts)
        nullable = nullable or deeper
    return found, nullable


def _texts(schema: Schema) -> Iterator[Any]:
    yield from (12345, True, {"a": 1}, ["x"])
    if schema.get("format") == "date-time":
        yield from (*FAR_OFF, *NO_TIMES)
        return
    yield "x" * (schema.get("maxLength", 20_000) + 1)
    if "enum" in schema or "pattern" in schema or schema.get("minLength", 0) > 0:
        yield ""
    if "enum" in schema:
        yield from (" ".join(schema["enum"]), schema["enum"][0].upper())
    yield from ("a\x00b", "\ud800", "a\nb")


def _whole(schema: Schema) -> Iterator[Any]:
    yield from ("1", "x", 1.5, True, {"a": 1}, [1], 10**30, *(_HOLE + each for each in RAW))
    yield from _beyond(schema)


def _numbers(schema: Schema) -> Iterator[Any]:
    yield from ("0.5", "x", True, {"a": 1}, [1], *(_HOLE + each for each in RAW))
    yield from _beyond(schema)


def _beyond(schema: Schema) -> Iterator[Any]:
    for name, step in (("minimum", -1), ("maximum", 1), ("exclusiveMinimum", 0), ("exclusiveMaximum", 0)):
        if name in schema:
            yield schema[name] + step


def _booleans(_: Schema) -> Iterator[Any]:
    yield from ("true", "yes", 1, 0, "x", {"a": 1}, [True])


def _arrays(_: Schema) -> Iterator[Any]:
    yield from ("x", 1, {"0": "x"}, True)


def _objects(_: Schema) -> Iterator[Any]:
    yield from ("x", 1, ["x"], True)


_OF_TYPE = {
    "string": _texts,
    "integer": _whole,
    "number": _numbers,
    "boolean": _booleans,
    "array": _arrays,
    "object": _objects,
}


def _with(body: Any, where: Where, wrong: Any) -> bytes:
    changed = deepcopy(body)
    part = changed
    for name in where[:-1]:
        part = part[name] if isinstance(part, list) else part.setdefault(name, {})
    if not where:
        changed = wrong
    elif wrong is _MISSING:
        del part[where[-1]]
    else:
        part[where[-1]] = wrong
    return re.sub(rf'"{_HOLE}([^"]*)"', r"\1", json.dumps(changed)).encode()

"""What an evaluation says of whole pages: one forest for every list of values in it. Knows no page of ours."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from api.report.forest import Entry, Forest, forest_of

_NAMES = ("estimator", "position", "name", "slot")


def page_forests(page: Mapping[str, Any] | None) -> tuple[tuple[str, Forest], ...]:
    """Draw each list of objects that have a `value`; their names are the first of the known ones that they have."""
    found: list[tuple[str, Forest]] = []
    for name, listed in (page or {}).items():
        entries = [*_entries(listed)]
        if entries:
            found.append((name.replace("_", " "), forest_of(entries)))
    return tuple(found)


def _entries(listed: Any) -> Iterable[Entry]:
    if not isinstance(listed, list):
        return
    for each in cast(list[Any], listed):
        if isinstance(each, Mapping) and isinstance(cast(Mapping[str, Any], each).get("value"), int | float):
            yield _entry(cast(Mapping[str, Any], each))


def _entry(told: Mapping[str, Any]) -> Entry:
    named = next((name for name in _NAMES if name in told), None)
    interval = cast(Mapping[str, Any], told.get("interval") or told)
    rows = told.get("rows")
    name = "" if named is None else str(told[named])
    return Entry(
        name=f"position {name}" if named in ("position", "slot") else name,
        value=float(told["value"]),
        low=interval.get("low"),
        high=interval.get("high"),
        note="" if rows is None else f"{rows} rows",
    )

"""Logs of Vowpal Wabbit's decision service (dsjson), which rlclientlib's joined logs are too. Knows no target.

One line is one decision, or one page of them where slots were decided one after another (`_outcomes`). Costs become
rewards (reward = -cost), `pdrop` the share that was kept. Lines that nobody saw are excluded, and so are outcomes that
met no decision.
"""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

import msgspec
import pyarrow as pa

from api.jobs.logs.bad_log import BadLog, one_line
from api.jobs.logs.lines import LineRange, line_ranges
from api.jobs.logs.source import BATCH_ROWS, LINE

_SCHEMA = {
    "decision": pa.string(),
    "at": pa.string(),
    "propensity": pa.float64(),
    "reward": pa.float64(),
    "artwork": pa.string(),
    "artworks": pa.list_(pa.string()),
    "probabilities": pa.list_(pa.float64()),
    "page": pa.string(),
    "position": pa.int64(),
    "kept": pa.float64(),
    "excluded": pa.string(),
    LINE: pa.int64(),
}
_COLUMNS = tuple(name for name in _SCHEMA if name != LINE)
_NOT_SEEN, _NO_DECISION = "not_activated", "no_decision"
_LINES_TO_TELL_NAMES = 100


class _Action(msgspec.Struct):
    tag: str | None = msgspec.field(name="_tag", default=None)


class _Context(msgspec.Struct):
    actions: list[_Action] = msgspec.field(name="_multi", default_factory=list)


class _Slot(msgspec.Struct):
    actions: list[int] = msgspec.field(name="_a")
    stated: list[float] = msgspec.field(name="_p")
    event: str | None = msgspec.field(name="_id", default=None)
    cost: float | None = msgspec.field(name="_label_cost", default=None)


class _Line(msgspec.Struct):
    actions: list[int] = msgspec.field(name="a", default_factory=list)
    stated: list[float] = msgspec.field(name="p", default_factory=list)
    cost: float | None = msgspec.field(name="_label_cost", default=None)
    event: str | None = msgspec.field(name="EventId", default=None)
    at: str | None = msgspec.field(name="Timestamp", default=None)
    dropped: float = msgspec.field(name="pdrop", default=0.0)
    skipped: bool = msgspec.field(name="_skipLearn", default=False)
    context: _Context | None = msgspec.field(name="c", default=None)
    slots: list[_Slot] = msgspec.field(name="_outcomes", default_factory=list)


_DECODER = msgspec.json.Decoder(_Line)


@dataclass(frozen=True, slots=True)
class DecisionServiceSource:
    """Some lines of a file, which are what is counted: `rows` says lines, and the rows of a page have one number."""

    lines: LineRange
    present: tuple[str, ...]

    @property
    def rows(self) -> int | None:
        """See `Source.rows`."""
        return self.lines.lines

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """See `Source.batches`; columns with a dot are looked up in the line itself."""
        inner = [name for name in columns if name not in _SCHEMA]
        first = 0
        for block in self.lines.blocks():
            rows = [row for number, line in _lines(block, first) for row in _rows(line, number, inner)]
            first += block.count(b"\n")
            for begin in range(0, len(rows), BATCH_ROWS):
                yield _batch(rows[begin : begin + BATCH_ROWS], [*columns, LINE])


def decision_service_sources(paths: Sequence[Path]) -> list[DecisionServiceSource]:
    """Cut files that follow one another; the first lines say what their contexts hold.

    Raises:
        BadLog: a file cannot be read.
    """
    ranges = line_ranges(paths)
    begin = next((block for each in ranges for block in each.blocks()), b"")
    told = [_any(line, number) for number, line in islice(_lines(begin, 0), _LINES_TO_TELL_NAMES)]
    inner = dict.fromkeys(name for line in told for name in _names(line.get("c"), "c"))
    return [DecisionServiceSource(each, (*_COLUMNS, *inner)) for each in ranges]


def is_decision_service(line: bytes) -> bool:
    """Whether a line of JSON is of such a log."""
    try:
        found = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return False
    return isinstance(found, dict) and ({"c", "a", "p"} <= found.keys() or {"c", "_outcomes"} <= found.keys())


def _lines(block: bytes, first: int) -> Iterator[tuple[int, bytes]]:
    """The lines of a block that begins with line `first`, with their numbers; empty ones are passed over."""
    return ((number, line) for number, line in enumerate(block.split(b"\n"), first) if line.strip())


def _rows(line: bytes, number: int, inner: Sequence[str]) -> Iterator[dict[str, Any]]:
    try:
        found = _DECODER.decode(line)
    except msgspec.DecodeError as error:
        raise _damaged(number, error) from error
    tags = [action.tag for action in found.context.actions] if found.context else []
    common = {
        "at": found.at,
        "kept": 1.0 - found.dropped,
        "excluded": _excluded(found),
        LINE: number,
        **(_looked_up(_any(line, number), inner) if inner else {}),
    }
    if not found.slots:
        # Actions are counted from 1 here, and from 0 in slots.
        numbers = [action - 1 for action in found.actions]
        yield common | _decided(numbers, found.stated, found.cost, tags) | {"decision": found.event}
    for position, slot in enumerate(found.slots):
        page = found.event or found.slots[0].event
        decision = slot.event or (None if page is None else f"{page}/{position}")
        own = {"decision": decision, "page": page, "position": position}
        yield common | _decided(slot.actions, slot.stated, slot.cost, tags) | own


def _excluded(line: _Line) -> str | None:
    if not line.actions and not line.slots:
        return _NO_DECISION
    return _NOT_SEEN if line.skipped else None


def _decided(
    actions: Sequence[int], stated: Sequence[float], cost: float | None, tags: Sequence[str | None]
) -> dict[str, Any]:
    """The action that was drawn stands first, each probability at the place of its action."""
    names = [_name(action, tags) for action in actions]
    return {
        "reward": None if cost is None else -cost,
        "artwork": names[0] if names else None,
        "artworks": names,
        "propensity": stated[0] if stated else None,
        "probabilities": [*stated],
    }


def _name(action: int, tags: Sequence[str | None]) -> str:
    tag = tags[action] if 0 <= action < len(tags) else None
    return tag if tag is not None else str(action + 1)


def _batch(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pa.RecordBatch:
    arrays = {name: pa.array([row.get(name) for row in rows], _SCHEMA.get(name)) for name in columns}
    return pa.record_batch(arrays)


def _any(line: bytes, number: int) -> dict[str, Any]:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise _damaged(number, error) from error


def _damaged(number: int, error: Exception) -> BadLog:
    remedy = "Correct the line, or leave it out."
    return BadLog(f"A line is no decision: {one_line(error)}.", remedy, reason="unreadable_file", rows=[number])


def _names(found: object, path: str) -> Iterator[str]:
    """What a context holds, by path: `c.user.device`, or `c.user.0.device` where it lies in a list."""
    if isinstance(found, dict):
        inner = cast(Iterable[tuple[str, object]], found.items())
    elif isinstance(found, list):
        inner = ((str(place), each) for place, each in enumerate(cast(list[object], found)))
    else:
        yield path
        return
    for name, value in inner:
        if not name.startswith("_"):
            yield from _names(value, f"{path}.{name}")


def _looked_up(line: Mapping[str, Any], paths: Sequence[str]) -> dict[str, Any]:
    return {path: _at(line, path.split(".")) for path in paths}


def _at(found: Any, path: Sequence[str]) -> Any:
    for name in path:
        if isinstance(found, dict):
            found = cast(dict[str, Any], found).get(name)
        elif isinstance(found, list) and name.isdigit() and int(name) < len(cast(list[Any], found)):
            found = found[int(name)]
        else:
            return None
    return found

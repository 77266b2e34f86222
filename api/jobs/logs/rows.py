"""From columns by canonical name to logged rows. Knows no format, no target and no estimator."""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.jobs.logs.arrays import plain
from api.jobs.logs.bad_log import BadLog
from api.jobs.logs.columns import Columns
from api.jobs.logs.slates import propensities, shown_names, slates_of
from api.jobs.logs.table import NUMBERS, SEGMENTS, LogTable
from bandit.decision import Reason
from bandit.ope.batch import Floats, Integers, Labels
from bandit.ope.logged import Logged

_MOST_PLACES = 1 << 31
_NOT_DRAWN = pa.array([reason.value for reason in Reason if reason is not Reason.POLICY])


def logged_rows(batch: pa.RecordBatch, table: LogTable, *, names: Mapping[str, str], numbers: Integers) -> Logged:
    """The rows of a batch, whose numbers in the log are `numbers` (n,); `names` are what the log calls each column.

    Rows that do not count are left out: robots and internal traffic (`excluded`), and decisions that nothing was drawn
    for (`reason`).

    Raises:
        BadLog: a column is of the wrong type, or contradicts another.
    """
    whole = Columns({name: plain(batch.column(name)) for name in batch.schema.names}, numbers)
    whole = _counting(whole, names)
    columns = whole.renamed(names)
    titles = columns.labels("title") if "title" in columns else None
    slates = slates_of(columns, titles)
    return Logged(
        numbers=columns.numbers,
        propensity=propensities(columns, slates),
        reward=_rewards(columns, table),
        stated={name: columns.floats(name) for name in NUMBERS if name in columns},
        viewers=columns.keys("viewer") if "viewer" in columns else None,
        titles=titles,
        slates=slates,
        kept=columns.floats("kept") if "kept" in columns else None,
        decisions=columns.keys("decision") if "decision" in columns else None,
        at=columns.moments("at") if "at" in columns else None,
        pages=columns.keys("page") if "page" in columns else None,
        positions=_positions(columns) if "position" in columns else None,
        labels=dict(_labels(columns, whole, table, titles)),
        features={name: _feature(whole, name) for name in table.features},
    )


def _counting(columns: Columns, names: Mapping[str, str]) -> Columns:
    """Leave out what an export keeps and names, but nobody should learn from; CSV knows no null."""
    counts = np.ones(len(columns), dtype=np.bool_)
    if "excluded" in names:
        said = columns.texts(names["excluded"])
        counts &= pc.fill_null(pc.equal(said, ""), True).to_numpy(zero_copy_only=False)
    if "reason" in names:
        said = columns.texts(names["reason"])
        counts &= ~pc.is_in(said, value_set=_NOT_DRAWN.cast(said.type)).to_numpy(zero_copy_only=False)
    return columns if counts.all() else columns.select(counts)


def _rewards(columns: Columns, table: LogTable) -> Floats:
    rewards = columns.floats("reward")
    if table.reward_range is not None:
        refuse_outside("reward", rewards, columns.numbers, within=table.reward_range)
    return rewards


def refuse_outside(what: str, values: Floats, numbers: Integers, *, within: tuple[float, float]) -> None:
    """Raise BadLog where some of n values lie outside their stated range; `numbers` (n,) are the rows' in the log."""
    outside = np.flatnonzero((values < within[0]) | (values > within[1]))
    if len(outside):
        message = f"A {what} lies outside {within[0]:g} to {within[1]:g}."
        remedy = f"Correct --{what}-range or the log."
        raise BadLog(message, remedy, reason=f"{what}_outside_range", rows=numbers[outside])


def _positions(columns: Columns) -> Integers | None:
    if columns.arrays["position"].null_count == len(columns):
        return None
    values = columns.floats("position")
    wrong = np.flatnonzero(~((values >= 0) & (values < _MOST_PLACES) & (values == np.floor(values))))
    if len(wrong):
        remedy = "Give each row its place on the page, counted from 0."
        rows = columns.numbers[wrong]
        raise BadLog("The column for position holds no places.", remedy, reason="wrong_type", rows=rows)
    return values.astype(np.int64)


def _labels(columns: Columns, whole: Columns, table: LogTable, titles: Labels | None) -> Iterator[tuple[str, Labels]]:
    if titles is not None:
        yield "title", titles
    for name in SEGMENTS:
        if name in columns and name != "title":
            yield name, columns.labels(name)
    if "policy" in columns and "logged_policy" not in columns:
        yield "logged_policy", columns.labels("policy")
    if "artwork" in columns:
        yield "artwork", shown_names(columns, titles)
    for name in table.segments:
        yield name, whole.labels(name)


def _feature(whole: Columns, name: str) -> Floats | Labels:
    kind = whole.arrays[name].type
    return whole.floats(name) if pa.types.is_integer(kind) or pa.types.is_floating(kind) else whole.labels(name)

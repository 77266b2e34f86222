"""The job that plans on a log: this installation's own, or a table that somebody brought. Knows no arithmetic."""

from collections.abc import Iterable

from sqlalchemy import Engine

from api.jobs.evaluating_tables import TableOrder, prepared
from api.jobs.logs.table import LogTable
from api.jobs.own_log import Scorer, visible_rows
from api.jobs.trusted import Measure
from api.storage.blobs import BlobStore
from bandit.ope.batch import Batch
from bandit.ope.planning import Planner
from bandit.ope.runner import Serial


def plan_on_own(engine: Engine, blobs: BlobStore, target: str, *, measure: Measure) -> Planner:
    """Read this installation's log beside what a word names (docs/targets.md).

    Raises:
        UnknownVersion: there is no such version.
        DamagedFile, MissingFile, Conflict: it cannot be loaded whole.
    """
    own = Scorer(engine, blobs, target)
    own.learn(lambda: visible_rows(own, None, measure)[-1])
    return _planned(own.batches(visible_rows(own, None, measure)[-1]))


def plan_on_table(table: LogTable, target: str | None) -> Planner:
    """Read a log that somebody brought; without a target its column says it.

    Raises:
        BadLog, BadInput: the log is not what is taken, or nothing can state such a target on a table.
        InvalidExample, NoEligibleKnown: the target needs what the log does not tell.
    """
    cut, preparation = prepared(TableOrder(table=table, target=target), Serial())
    return _planned(preparation.batch(logged) for part in cut for logged in part.rows())


def _planned(batches: Iterable[Batch]) -> Planner:
    planner = Planner()
    for batch in batches:
        planner.add(batch)
    return planner

"""The job that plans on a log: this installation's own, or a table that somebody brought. Knows no arithmetic."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Engine

from api.errors import BadInput
from api.jobs.logs.parts import parts
from api.jobs.logs.table import LogTable
from api.jobs.own_log import Scorer, visible_rows
from api.jobs.target_words import COLUMN, stated_target
from api.jobs.trusted import Measure
from api.storage.blobs import BlobStore
from bandit.ope.batch import Batch
from bandit.ope.planning import Planner
from bandit.ope.preparing import Preparation
from bandit.ope.targets.target import LearnedTarget

_WORDS = "uniform or rules:FILE"


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
    stated = None if target in (None, COLUMN) else stated_target(target)
    if isinstance(stated, LearnedTarget) or (stated is None and target not in (None, COLUMN)):
        remedy = f"Use {_WORDS}, or leave it out and give the column {COLUMN}."
        raise BadInput(f"Nothing can be planned on a table for {target}.", remedy)
    preparation = Preparation(target=stated)
    wanted = replace(table, needed=(COLUMN,) if stated is None else ("artworks",))
    return _planned(preparation.batch(logged) for part in parts(wanted) for logged in part.rows())


def _planned(batches: Iterable[Batch]) -> Planner:
    planner = Planner()
    for batch in batches:
        planner.add(batch)
    return planner

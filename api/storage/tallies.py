"""Counts that must add up (C5), changed in the same transactions as what they count. Knows no reward and no page.

A count is the sum over its stripes. A transaction changes one stripe, its thread's own most of the time, and does so
last: so several servers log pages beside each other, and none waits for another's commit to count its own.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, func, select

from api.storage.bulk import insert_many
from api.storage.joined_tables import tallies

STRIPES = 64


class Term(StrEnum):
    """A term of C5. The first six count decisions, the others outcomes."""

    ISSUED = "issued"
    OPEN = "open"
    REWARDED = "rewarded"
    DEFAULTED = "defaulted"
    UNSEEN = "unseen"
    UNLOGGED = "unlogged"
    RECEIVED = "received"
    MATCHED = "matched"
    WAITING = "waiting"
    DUPLICATE = "duplicate"
    LATE = "late"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conservation:
    """The terms of C5. Decisions and outcomes that were removed from the log (erased, too old) count no more.

    Decisions: `open` until their window ends, then `rewarded` (played), `defaulted` (seen, not played: worth 0) or
    `unseen` (no reward); `unlogged` ones were answered with `logged: false`. Outcomes: `matched` count for a reward,
    `waiting` ones were not joined yet, `duplicate` ones were there, `late` ones happened after the window, `rejected`
    ones belong to no decision of the log.
    """

    issued: int
    open: int
    rewarded: int
    defaulted: int
    unseen: int
    unlogged: int
    received: int
    matched: int
    waiting: int
    duplicate: int
    late: int
    rejected: int

    @property
    def lost_decisions(self) -> int:
        """Decisions that were issued and are in no state: 0, or something is wrong."""
        return self.issued - (self.open + self.rewarded + self.defaulted + self.unseen + self.unlogged)

    @property
    def lost_outcomes(self) -> int:
        """Outcomes that were received and are in no state: 0, or something is wrong."""
        return self.received - (self.matched + self.waiting + self.duplicate + self.late + self.rejected)

    @property
    def holds(self) -> bool:
        """Whether everything adds up."""
        return self.lost_decisions == 0 and self.lost_outcomes == 0


def tally(connection: Connection, changes: Mapping[str, float]) -> None:
    """Add to counts by name. Call it once a transaction, and last: the rows stay locked until its end."""
    stripe = threading.get_native_id() % STRIPES
    rows = [(str(name), stripe, float(change)) for name, change in sorted(changes.items()) if change]
    insert_many(connection, tallies, ("name", "stripe", "value"), rows=rows, conflict=_ADDED)


def count_unlogged(connection: Connection, decisions: int) -> None:
    """Count decisions that were answered with `logged: false`: the log does not know them."""
    tally(connection, {Term.ISSUED: decisions, Term.UNLOGGED: decisions})


def read_tallies(connection: Connection) -> dict[str, float]:
    """Return every count by name."""
    summed = select(tallies.c.name, func.sum(tallies.c.value)).group_by(tallies.c.name)
    return {name: float(value) for name, value in connection.execute(summed)}


def read_conservation(connection: Connection) -> Conservation:
    """Return the terms of C5 as they are at one moment; costs some rows, however long the log is."""
    known = read_tallies(connection)
    return Conservation(**{term.value: round(known.get(term, 0.0)) for term in Term})


_ADDED = "ON CONFLICT (name, stripe) DO UPDATE SET value = tallies.value + excluded.value"

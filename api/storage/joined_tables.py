"""The tables of what the join keeps: rewards a page at a time, counts that must add up. Knows no statement."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, LargeBinary, SmallInteger, String, Table

from api.storage.columns import PageKey
from api.storage.tables import metadata

page_rewards = Table(
    "page_rewards",
    metadata,
    Column("page", PageKey, primary_key=True),
    Column("slots", SmallInteger, nullable=False),
    Column("final", Boolean, nullable=False),
    Column("rewarded", SmallInteger, nullable=False),
    Column("defaulted", SmallInteger, nullable=False),
    Column("matched", Integer, nullable=False),
    Column("late", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""What the decisions of a page are worth, one row a page: derived from `pages` and `outcomes`, never a source.

`rewarded` and `defaulted` count its slots, `matched`, `late` and `rejected` its outcomes; `revision` counts how often
the page was valued; `body` is `api.storage.rewards.PageRewards`.
"""

tallies = Table(
    "tallies",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("stripe", SmallInteger, primary_key=True, autoincrement=False),
    Column("value", Float, nullable=False),
)
"""Counts that are kept with what they count (C5). Each is the sum over its stripes, so that writers hardly meet."""

log_days = Table(
    "log_days",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("revision", BigInteger, nullable=False),
)
"""Days of page ids, as YYYY-MM-DD, and how often something of theirs changed: whoever copied a day can tell."""

__all__ = ["log_days", "page_rewards", "tallies"]

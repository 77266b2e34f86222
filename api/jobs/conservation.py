"""Counts decisions and outcomes from their rows (C5): what the tallies must say. Takes as long as the log is."""

from sqlalchemy import ColumnElement, Engine, Integer, func, select
from sqlalchemy import cast as sql_cast

from api.storage.database import reading
from api.storage.joined_tables import page_rewards
from api.storage.tables import outcomes, pages
from api.storage.tallies import Conservation, read_conservation


def recount(engine: Engine) -> Conservation:
    """Return the terms of C5 as the rows have them; what leaves no row (unlogged, sent twice, refused) as tallied.

    Equal to `read_conservation` at the same moment, or the tallies are wrong.
    """
    kept = page_rewards.c
    with reading(engine) as connection:
        tallied = read_conservation(connection)
        logged = connection.execute(select(_sum(pages.c.slots))).scalar_one()
        told = connection.execute(select(func.count()).select_from(outcomes)).scalar_one()
        finals = select(_sum(kept.slots), _sum(kept.rewarded), _sum(kept.defaulted)).where(kept.final)
        slots, rewarded, defaulted = connection.execute(finals).one()
        fates = select(_sum(kept.matched), _sum(kept.late), _sum(kept.rejected))
        matched, late, rejected = connection.execute(fates).one()
    refused = tallied.received - tallied.duplicate - told
    return Conservation(
        issued=logged + tallied.unlogged,
        open=logged - slots,
        rewarded=rewarded,
        defaulted=defaulted,
        unseen=slots - rewarded - defaulted,
        unlogged=tallied.unlogged,
        received=told + tallied.duplicate + refused,
        matched=matched,
        waiting=told - matched - late - rejected,
        duplicate=tallied.duplicate,
        late=late,
        rejected=rejected + refused,
    )


def _sum(column: ColumnElement[int]) -> ColumnElement[int]:
    return func.coalesce(sql_cast(func.sum(column), Integer), 0)

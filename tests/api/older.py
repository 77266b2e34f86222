"""Rewards as an older Keyart left them: under `quality_play/1` alone, before there were other definitions."""

from dataclasses import replace

from sqlalchemy import Engine

from api.storage.database import transaction
from api.storage.rewards import RewardsBody, changes_of, find_rewards, put_rewards, valued_pages
from api.storage.tallies import tally


def forget_later_definitions(engine: Engine) -> None:
    """Leave only the first definition in every page's rewards."""
    with transaction(engine) as connection:
        known = [*find_rewards(connection, valued_pages(connection, since=None, limit=1000)).values()]
        older = [replace(each, body=_first_definition_of(each.body)) for each in known]
        put_rewards(connection, older)
        tally(connection, changes_of(known, older))


def _first_definition_of(body: RewardsBody) -> RewardsBody:
    return RewardsBody(body.definitions[:1], body.states, body.matrix()[:, 0].tobytes())

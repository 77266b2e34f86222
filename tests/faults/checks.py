"""What must hold of a database after any fault: it is whole, every decision and outcome has one fate (C5)."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from api.jobs.conservation import recount
from api.jobs.joining import join_rewards
from api.storage.database import reading
from api.storage.outcomes import outcomes_of
from api.storage.pages import read_pages
from api.storage.rewards import rewards_of
from api.storage.tallies import read_conservation
from bandit.decision import Page
from bandit.rewards import RewardWindows
from tests.faults.ledger import sound

FAR = timedelta(days=4000)
"""Ahead of every clock that a test moved."""


def assert_accounted_for(engine: Engine) -> None:
    """The file is whole, pages are lawful; every decision and outcome has one fate, by count and by row (C4, C5)."""
    assert sound(engine)
    assert_conserved(engine)
    join_all(engine)
    assert_conserved(engine)
    fates = fates_of(engine)
    join_all(engine)
    assert fates_of(engine) == fates, "joining twice changed something"


def assert_conserved(engine: Engine) -> None:
    """The counts add up, and they are what a walk over all rows counts."""
    with reading(engine) as connection:
        counted = read_conservation(connection)
    assert counted.holds, counted
    assert recount(engine) == counted


def join_all(engine: Engine) -> None:
    """Value every page that is due."""
    later = datetime.now(UTC) + FAR
    while join_rewards(engine, windows=RewardWindows(), now=later):
        pass


def fates_of(engine: Engine) -> Counter[str]:
    """Count the logged decisions by whether they were seen, page by page: those that were have rewards, others none."""
    fates: Counter[str] = Counter()
    for page in read_pages(engine):
        assert_lawful(page)
        with reading(engine) as connection:
            outcomes = outcomes_of(connection, [page.page]).get(page.page, [])
            rewards = rewards_of(connection, page.page)
        seen = {each.slot for each in outcomes}
        assert len({(each.slot, each.definition) for each in rewards}) == len(rewards)
        assert {each.slot for each in rewards} == seen, "what was seen has a reward, and nothing else has"
        fates.update(seen=len(seen), unseen=len(page.slots) - len(seen))
    return fates


def assert_lawful(page: Page) -> None:
    """C6 in short: distributions, and a choice that they allow."""
    for slot in page.slots:
        assert abs(sum(slot.probabilities) - 1) < 1e-6
        assert 0 < slot.probability <= 1
        assert len(set(slot.artworks)) == len(slot.artworks) == len(slot.probabilities)

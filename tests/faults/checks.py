"""What must hold of a database after any fault: it is whole, every decision and outcome has one fate (C5)."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from api.jobs.joining import join_rewards
from api.storage.database import reading
from api.storage.outcomes import outcomes_of
from api.storage.pages import read_pages
from api.storage.rewards import rewards_of
from bandit.decision import Page
from tests.faults.ledger import sound


def assert_accounted_for(engine: Engine) -> None:
    """The file is whole, pages are lawful; what was seen is rewarded once and what was not never (C4, C5)."""
    assert sound(engine)
    join_all(engine)
    fates = fates_of(engine)
    issued = fates.pop("issued", 0)
    assert issued == sum(fates.values()), fates
    join_all(engine)
    again = fates_of(engine)
    assert again.pop("issued", 0) == issued
    assert again == fates, "joining twice changed something"


def join_all(engine: Engine) -> None:
    """Value every page that is due."""
    later = datetime.now(UTC) + timedelta(minutes=1)
    while join_rewards(engine, window=timedelta(0), now=later):
        pass


def fates_of(engine: Engine) -> Counter[str]:
    """Count the logged decisions by what became of them, walking over the log."""
    fates: Counter[str] = Counter()
    for page in read_pages(engine):
        assert_lawful(page)
        with reading(engine) as connection:
            outcomes = outcomes_of(connection, [page.page]).get(page.page, [])
            rewards = rewards_of(connection, page.page)
        seen = {each.slot for each in outcomes}
        rewarded = {each.slot for each in rewards}
        assert len({(each.slot, each.definition) for each in rewards}) == len(rewards)
        assert rewarded == seen, "what was seen has a reward, and nothing else has"
        fates.update(issued=len(page.slots), rewarded=len(rewarded), unseen=len(page.slots) - len(rewarded))
    return fates


def assert_lawful(page: Page) -> None:
    """C6 in short: distributions, and a choice that they allow."""
    for slot in page.slots:
        assert abs(sum(slot.probabilities) - 1) < 1e-6
        assert 0 < slot.probability <= 1
        assert len(set(slot.artworks)) == len(slot.artworks) == len(slot.probabilities)

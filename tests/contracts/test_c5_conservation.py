"""C5: issued = open + rewarded + defaulted + unseen + unlogged; received = matched + waiting + duplicate + late +
rejected. At every moment, whatever happened before, and as the rows themselves say."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.jobs.joining import PATIENCE, value_again
from api.storage.database import reading, transaction
from api.storage.due import FIRST_LOOK
from api.storage.removal import remove_pages
from api.storage.tallies import count_unlogged, read_conservation
from bandit.rewards import RewardWindows
from tests.api.installation import running, settings_in
from tests.contracts.joined import SLOTS, WINDOW, JoinedLog, a_page, an_outcome, joined_log, page_id, terms

PAGES = 3
DECISIONS = ("issued", "open", "rewarded", "defaulted", "unseen", "unlogged")
OUTCOMES = ("received", "matched", "waiting", "duplicate", "late", "rejected")
NUMBERS = st.integers(0, PAGES - 1)
TOLD = st.builds(
    an_outcome,
    NUMBERS,
    st.integers(0, SLOTS),
    st.sampled_from(["a", "b", "c"]),
    minutes=st.sampled_from([1, 59, 61]),
    seconds=st.none() | st.sampled_from([0.0, 900.0]),
)
STEPS = st.one_of(
    st.tuples(st.just("log"), NUMBERS),
    st.tuples(st.just("tell"), st.lists(TOLD, max_size=4)),
    st.tuples(st.just("reject"), st.integers(1, 3)),
    st.tuples(st.just("unlogged"), st.integers(1, 40)),
    st.tuples(st.just("join"), st.sampled_from([0.0, 2.0, 70.0, 1500.0])),
    st.tuples(st.just("remove"), NUMBERS),
    st.tuples(st.just("window"), st.sampled_from([0.0, 60.0, 2000.0])),
)


@pytest.fixture
def log(prepared_home: Path) -> Iterator[JoinedLog]:
    with joined_log(prepared_home) as lent:
        yield lent


class History:
    """Does steps; a page that was removed does not come again."""

    def __init__(self, log: JoinedLog) -> None:
        self.log = log
        self.logged: set[int] = set()

    def step(self, name: str, value: object) -> None:
        getattr(self, f"do_{name}")(value)
        self.log.conservation()

    def do_log(self, number: int) -> None:
        if number not in self.logged:
            self.logged.add(number)
            self.log.log(a_page(number))

    def do_tell(self, told: list[object]) -> None:
        self.log.tell(*told)  # type: ignore[arg-type]

    def do_reject(self, count: int) -> None:
        self.log.tell(rejected=count)

    def do_unlogged(self, count: int) -> None:
        with transaction(self.log.engine) as connection:
            count_unlogged(connection, count)

    def do_join(self, minutes: float) -> None:
        self.log.join(after=timedelta(minutes=minutes))

    def do_remove(self, number: int) -> None:
        with transaction(self.log.engine) as connection:
            remove_pages(connection, [page_id(number)])

    def do_window(self, minutes: float) -> None:
        self.log.windows = RewardWindows(timedelta(minutes=minutes))
        value_again(self.log.engine, now=self.log.now)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=12))
def test_c5_everything_adds_up_after_every_step_of_any_history(
    prepared_home: Path, steps: list[tuple[str, object]]
) -> None:
    with joined_log(prepared_home) as log:
        history = History(log)
        for name, value in steps:
            history.step(name, value)
        log.join(after=timedelta(minutes=2000) + PATIENCE)
        found = log.conservation()
        assert (found.open, found.waiting) == (0, 0)


def test_c5_every_term_says_what_it_is_called_for(log: JoinedLog) -> None:
    log.log(a_page(0), a_page(1))
    log.tell(an_outcome(0, 0, "a"), an_outcome(0, 1, "b", seconds=0.0), an_outcome(0, 1, "c", minutes=61), rejected=2)
    log.tell(an_outcome(0, 0, "a"), an_outcome(2, 0, "early"))
    with transaction(log.engine) as connection:
        count_unlogged(connection, 40)
    assert terms(log.conservation(), DECISIONS) == (46, 6, 0, 0, 0, 40)
    assert terms(log.conservation(), OUTCOMES) == (7, 0, 4, 1, 0, 2)
    log.join(after=FIRST_LOOK + timedelta(seconds=2))
    assert terms(log.conservation(), DECISIONS) == (46, 6, 0, 0, 0, 40)
    assert terms(log.conservation(), OUTCOMES) == (7, 2, 1, 1, 1, 2)
    log.join(after=WINDOW)
    assert terms(log.conservation(), DECISIONS) == (46, 0, 1, 1, 4, 40)
    log.join(after=PATIENCE)
    assert terms(log.conservation(), OUTCOMES) == (7, 2, 0, 1, 1, 3)
    log.log(a_page(2))
    log.join(after=FIRST_LOOK)
    assert terms(log.conservation(), OUTCOMES) == (7, 3, 0, 1, 1, 2), "given up, it came after all"


def test_c5_what_is_removed_counts_no_more(log: JoinedLog) -> None:
    log.log(a_page(0), a_page(1))
    log.tell(*(an_outcome(number, slot, "a", seconds=900.0) for number in (0, 1) for slot in (0, 1)))
    log.join(after=2 * WINDOW)
    log.tell(an_outcome(0, 2, "not joined yet"))
    with transaction(log.engine) as connection:
        assert remove_pages(connection, [page_id(0), page_id(2)]) == 1
    assert terms(log.conservation(), DECISIONS) == (3, 0, 2, 0, 1, 0)
    assert terms(log.conservation(), OUTCOMES) == (2, 2, 0, 0, 0, 0)


def test_c5_pages_that_could_not_be_logged_are_counted_once_the_database_answers(home: Path) -> None:
    with running(settings_in(home, select_budget_ms=1000)) as harbor:
        harbor.put_title("harbor")
        harbor.select("harbor", "harbor")
        harbor.impatient()
        with harbor.locked():
            assert harbor.select("harbor", "harbor", "harbor")["logged"] is False
            harbor.services.refresh()
        harbor.services.refresh()
        harbor.services.refresh()
        harbor.select("harbor")
        with reading(harbor.engine) as connection:
            assert terms(read_conservation(connection), DECISIONS) == (6, 3, 0, 0, 0, 3)

"""The decision log: True means durable, False means it is not there, and one page never harms another."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, event, select, text

from api.errors import RepeatedKey, UnknownDecision
from api.storage.database import open_engine, reading, transaction
from api.storage.decision_log import PAGES_A_COMMIT, DecisionLog, Fate, LogEntry
from api.storage.pages import count_decisions, find_page, last_page, read_pages
from api.storage.tables import pages
from bandit.decision import Page
from tests.api.written import append, find_pages, stored_answer

MakePage = Callable[..., Page]


@pytest.fixture
def log(engine: Engine) -> Iterator[DecisionLog]:
    """A log that ends with the test."""
    opened = DecisionLog(engine, patience=60)
    yield opened
    opened.close()


def _lock_pages(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE pages IN ACCESS EXCLUSIVE MODE"))


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


def test_c1_what_is_appended_is_read_by_another_process(engine: Engine, log: DecisionLog, make_page: MakePage) -> None:
    page = make_page()
    assert append(log, page, timeout=10)
    other = open_engine(engine.url.render_as_string(hide_password=False))
    with reading(other) as connection:
        assert find_page(connection, page.page) == page
        row = connection.execute(select(pages)).mappings().one()
    other.dispose()
    assert (row["viewer"], row["at"], row["slots"], row["policy"]) == (page.viewer, page.at, 2, "uniform")


def test_pages_that_come_together_share_a_commit(engine: Engine, log: DecisionLog, make_page: MakePage) -> None:
    made = [make_page() for _ in range(60)]
    came: list[Page] = []

    def tried(page: Page) -> bool:
        came.append(page)
        return append(log, page, timeout=30)

    with ThreadPoolExecutor(60) as pool, transaction(engine) as connection:
        _lock_pages(connection)
        appended = [pool.submit(tried, page) for page in made]
        _wait_until(lambda: len(came) == 60)  # the writer holds the first ones, few or many, and waits for the lock
        connection.rollback()
        assert all(each.result() for each in appended)
    counts = log.counts()
    assert counts.committed == 60
    assert counts.commits <= 4
    with reading(engine) as connection:
        assert find_pages(connection, [page.page for page in made]) == {page.page: page for page in made}
        assert count_decisions(connection) == (60, 120)


def test_c1_a_page_whose_time_is_up_before_it_was_begun_is_never_written(
    engine: Engine, log: DecisionLog, make_page: MakePage
) -> None:
    first, second = make_page(), make_page()
    with ThreadPoolExecutor(1) as pool, transaction(engine) as connection:
        _lock_pages(connection)
        begun = pool.submit(append, log, first, timeout=30)
        _wait_until(lambda: log.waiting() == 0)
        assert not append(log, second, timeout=0.01)
        connection.rollback()
        assert begun.result()
    log.close()
    assert [page.page for page in read_pages(engine)] == [first.page]
    assert (log.counts().committed, log.counts().timed_out) == (1, 1)


def test_c1_a_page_whose_time_is_up_while_it_is_written_is_deleted_again(
    engine: Engine, log: DecisionLog, make_page: MakePage
) -> None:
    late = make_page()
    with transaction(engine) as connection:
        _lock_pages(connection)
        assert not append(log, late, timeout=0.1)
        assert log.waiting() == 0
        connection.rollback()
    _wait_until(lambda: log.counts().timed_out == 1)
    assert append(log, make_page(), timeout=10)  # the group that deletes it, if the log did not tidy up before
    with reading(engine) as connection:
        assert count_decisions(connection) == (1, 2)


def test_c2_a_late_page_with_a_key_stays_for_the_retries_that_may_have_been_answered_from_it(
    engine: Engine, log: DecisionLog, make_page: MakePage
) -> None:
    late = make_page()
    with transaction(engine) as connection:
        _lock_pages(connection)
        assert not append(log, late, timeout=0.1, key="k", digest="d", response=b"for retries")
        connection.rollback()
    _wait_until(lambda: log.counts().timed_out == 1)
    assert append(log, make_page(), timeout=10)
    log.close()
    with reading(engine) as connection:
        kept = stored_answer(connection, "k")
        assert find_page(connection, late.page) == late
    assert kept is not None
    assert kept.response == b"for retries"


def test_while_a_commit_hangs_pages_are_refused_at_once(sqlite_engine: Engine, make_page: MakePage) -> None:
    log = DecisionLog(sqlite_engine, patience=0.05)
    with ThreadPoolExecutor(1) as pool, transaction(sqlite_engine) as connection:
        hanging = pool.submit(append, log, make_page(), timeout=30)
        _wait_until(lambda: log.waiting() == 0)
        _wait_until(lambda: bool(log.offer([LogEntry(make_page())], settled=lambda _: None)))
        before = time.monotonic()
        assert not append(log, make_page(), timeout=30)
        assert time.monotonic() - before < 10
        connection.rollback()
        assert hanging.result()
    _wait_until(lambda: append(log, make_page(), timeout=30))
    log.close()


def test_after_a_failure_pages_are_refused_at_once_for_a_moment(sqlite_engine: Engine, make_page: MakePage) -> None:
    log = DecisionLog(sqlite_engine, patience=60, rest=3600)
    with transaction(sqlite_engine):
        assert not append(log, make_page(), timeout=30)
    before = time.monotonic()
    assert not append(log, make_page(), timeout=30)
    assert time.monotonic() - before < 10
    log.close()
    assert (log.counts().failed, log.counts().shed) == (1, 1)


def test_a_page_that_is_given_up_tells_nobody(sqlite_engine: Engine, make_page: MakePage) -> None:
    log = DecisionLog(sqlite_engine, patience=60)
    told: list[LogEntry] = []
    first, second = LogEntry(make_page()), LogEntry(make_page())
    with transaction(sqlite_engine) as connection:
        assert not log.offer([first], settled=told.extend)
        _wait_until(lambda: log.waiting() == 0)
        assert not log.offer([second], settled=told.extend)
        assert not log.give_up(first)
        assert not log.give_up(second)
        connection.rollback()
    log.close()
    assert told == []
    assert list(read_pages(sqlite_engine)) == []


def test_a_database_that_stays_locked_costs_the_page_and_nothing_else(
    sqlite_engine: Engine, make_page: MakePage
) -> None:
    log = DecisionLog(sqlite_engine, patience=60, rest=0)
    with transaction(sqlite_engine):
        assert not append(log, make_page(), timeout=10)
    assert append(log, make_page(), timeout=10)
    log.close()
    assert (log.counts().committed, log.counts().failed) == (1, 1)
    assert sum(1 for _ in read_pages(sqlite_engine)) == 1


def test_a_page_that_cannot_be_stored_does_not_take_the_others_along(
    engine: Engine, log: DecisionLog, make_page: MakePage
) -> None:
    good, bad = [make_page() for _ in range(10)], make_page(viewer=None)
    with ThreadPoolExecutor(12) as pool, transaction(engine) as connection:
        _lock_pages(connection)
        blocker = pool.submit(append, log, make_page(), timeout=30)
        _wait_until(lambda: log.waiting() == 0)
        appended = [pool.submit(append, log, page, timeout=30) for page in [*good[:5], bad, *good[5:]]]
        _wait_until(lambda: log.waiting() == 11)
        connection.rollback()
        assert blocker.result()
        assert [each.result() for each in appended] == [True] * 5 + [False] + [True] * 5
    assert (log.counts().committed, log.counts().failed) == (11, 1)


def test_c2_of_two_pages_with_one_key_the_first_is_kept_and_the_second_is_told(
    engine: Engine, log: DecisionLog, make_page: MakePage
) -> None:
    assert append(log, make_page(), timeout=10, key="k", digest="one", response=b"first")
    with pytest.raises(RepeatedKey):
        append(log, make_page(), timeout=10, key="k", digest="two", response=b"second")
    with reading(engine) as connection:
        answer = stored_answer(connection, "k")
        assert stored_answer(connection, "other") is None
        assert count_decisions(connection)[0] == 1
    assert answer is not None
    assert (answer.request_digest, answer.response) == ("one", b"first")


def test_c2_many_requests_with_one_key_at_once_store_one_answer(
    engine: Engine, log: DecisionLog, make_page: MakePage
) -> None:
    def ask(number: int) -> bool:
        try:
            return append(log, make_page(), timeout=10, key="k", digest="d", response=b"%d" % number)
        except RepeatedKey:
            return False

    with ThreadPoolExecutor(20) as pool:
        answered = list(pool.map(ask, range(20)))
    assert sum(answered) == 1
    with reading(engine) as connection:
        answer = stored_answer(connection, "k")
    assert answer is not None
    assert answer.response == b"%d" % answered.index(True)
    assert log.counts().repeated == 19


def test_a_full_queue_sheds_at_once(sqlite_engine: Engine, make_page: MakePage) -> None:
    log = DecisionLog(sqlite_engine, capacity=3, patience=60)
    with ThreadPoolExecutor(4) as pool:
        with transaction(sqlite_engine):
            appended = [pool.submit(append, log, make_page(), timeout=30)]
            _wait_until(lambda: log.waiting() == 0)
            appended += [pool.submit(append, log, make_page(), timeout=30) for _ in range(3)]
            _wait_until(lambda: log.waiting() == 3)
            before = time.monotonic()
            assert not append(log, make_page(), timeout=30)
            assert time.monotonic() - before < 10
        [each.result() for each in appended]
    assert log.counts().shed == 1
    log.close()


def test_closing_writes_what_waits_and_then_takes_no_more(engine: Engine, make_page: MakePage) -> None:
    log = DecisionLog(engine, patience=60)
    many = PAGES_A_COMMIT + 20
    with ThreadPoolExecutor(many) as pool:
        appended = [pool.submit(append, log, make_page(), timeout=30) for _ in range(many)]
        _wait_until(lambda: log.counts().committed + log.waiting() > 0)
        log.close()
        durable = sum(each.result() for each in appended)
    assert sum(1 for _ in read_pages(engine)) == durable == log.counts().committed
    assert durable + log.counts().shed == many
    assert not append(log, make_page(), timeout=1)
    log.close()


def test_closing_deletes_what_was_given_up_while_it_was_written_last(
    sqlite_engine: Engine, make_page: MakePage
) -> None:
    log, last, begun = DecisionLog(sqlite_engine, patience=60), LogEntry(make_page()), threading.Event()

    def give_up_then(connection: Connection) -> None:
        if last.fate is Fate.WRITING:
            begun.set()
            assert not log.give_up(last)

    event.listen(sqlite_engine, "commit", give_up_then)
    with ThreadPoolExecutor(2) as pool, transaction(sqlite_engine) as lock:
        pool.submit(append, log, make_page(), timeout=30)
        _wait_until(lambda: log.waiting() == 0)
        log.offer([last], settled=lambda _: None)
        closing = pool.submit(log.close)
        _wait_until(lambda: log._closed)
        lock.rollback()
        closing.result()
    assert begun.is_set()
    assert last.page not in {page.page for page in read_pages(sqlite_engine)}


def test_every_page_is_counted_once(sqlite_engine: Engine, make_page: MakePage) -> None:
    log = DecisionLog(sqlite_engine, capacity=20, patience=60, rest=0)
    ending = threading.Event()

    def disturb() -> None:
        while not ending.is_set():
            with transaction(sqlite_engine):
                time.sleep(0.02)
            time.sleep(0.01)

    def ask(number: int) -> bool:
        key = f"k{number % 7}" if number % 3 == 0 else None
        try:
            durable = append(log, make_page(), timeout=0.002 * (number % 9), key=key)
            return durable and key is None
        except RepeatedKey:
            return False

    disturber = threading.Thread(target=disturb)
    disturber.start()
    with ThreadPoolExecutor(30) as pool:
        durable_without_key = sum(pool.map(ask, range(300)))
    ending.set()
    disturber.join()
    _wait_until(lambda: log.waiting() == 0)
    assert append(log, make_page(), timeout=10)
    log.close()
    counts = log.counts()
    assert counts.committed + counts.failed + counts.timed_out + counts.shed + counts.repeated == 301
    with reading(sqlite_engine) as connection:
        without_key = connection.execute(select(pages.c.page).where(pages.c.idempotency_key.is_(None))).all()
        kept = count_decisions(connection)[0]
    assert len(without_key) == durable_without_key + 1
    assert counts.committed <= kept <= counts.committed + counts.timed_out


def test_reading_streams_in_order_between_bounds(engine: Engine, log: DecisionLog, make_page: MakePage) -> None:
    made = [make_page() for _ in range(25)]
    for page in made:
        assert append(log, page, timeout=10)
    assert list(read_pages(engine, batch=4)) == made
    between = read_pages(engine, since=made[3].page, until=made[20].page, batch=5)
    assert [page.page for page in between] == [page.page for page in made[4:21]]
    with reading(engine) as connection:
        assert last_page(connection) == made[-1].page


def test_an_empty_log_is_read_as_empty(engine: Engine, make_page: MakePage) -> None:
    assert list(read_pages(engine)) == []
    with reading(engine) as connection:
        assert last_page(connection) is None
        assert count_decisions(connection) == (0, 0)
        assert find_pages(connection, [make_page().page]) == {}
        with pytest.raises(UnknownDecision, match="not in the log"):
            find_page(connection, make_page().page)

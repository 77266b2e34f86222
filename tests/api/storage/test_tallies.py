"""Counts that add up on both databases, whoever writes at once, and from the moment of the migration."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet
from sqlalchemy import Engine, insert

from api.jobs.exporting import export_log
from api.storage.database import reading, transaction
from api.storage.removal import remove_pages
from api.storage.tables import pages
from api.storage.tallies import Term, count_unlogged, read_conservation, read_tallies, tally
from tests.contracts.joined import WINDOW, JoinedLog, a_page, an_outcome, page_id, terms

DECISIONS = ("issued", "open", "rewarded", "defaulted", "unseen", "unlogged")
OUTCOMES = ("received", "matched", "waiting", "duplicate", "late", "rejected")


def test_a_day_of_a_log_adds_up(engine: Engine, tmp_path: Path) -> None:
    log = JoinedLog(engine)
    log.log(*(a_page(number) for number in range(4)))
    log.tell(*(an_outcome(number, 0, "a", seconds=900.0) for number in range(3)), an_outcome(0, 1, "b"), rejected=2)
    log.tell(an_outcome(0, 0, "a", seconds=6000.0), an_outcome(1, 1, "late", minutes=61), an_outcome(9, 0, "early"))
    log.join(after=timedelta(minutes=5))
    assert terms(log.conservation(), DECISIONS) == (12, 12, 0, 0, 0, 0)
    log.join(after=WINDOW)
    assert terms(log.conservation(), DECISIONS) == (12, 0, 3, 1, 8, 0)
    assert terms(log.conservation(), OUTCOMES) == (9, 4, 1, 1, 1, 2)
    assert export_log(engine, tmp_path / "log").rows == 4
    with transaction(engine) as connection:
        assert remove_pages(connection, [page_id(0), page_id(7)]) == 1
    assert terms(log.conservation(), DECISIONS) == (9, 0, 2, 0, 7, 0)
    assert export_log(engine, tmp_path / "log").rows == 2
    rewards = pyarrow.parquet.read_table(tmp_path / "log")["reward"].to_pylist()
    assert rewards == [0.5 + 0.5 * 900 / 6000] * 2
    assert not [*(tmp_path / "log").glob(".*")]


def test_many_who_count_at_once_lose_nothing(engine: Engine) -> None:
    log = JoinedLog(engine)

    def work(number: int) -> None:
        log.log(a_page(number))
        log.tell(an_outcome(number, 0, "a"), an_outcome(number, 0, "a"))
        with transaction(engine) as connection:
            count_unlogged(connection, 3)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(20)))
    assert terms(log.conservation(), DECISIONS) == (120, 60, 0, 0, 0, 60)
    assert terms(log.conservation(), OUTCOMES) == (40, 0, 20, 20, 0, 0)


def test_what_does_not_add_up_is_told(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(
            insert(pages).values(
                page=page_id(0),
                at=a_page(0).at,
                viewer="0" * 32,
                policy="uniform",
                embedding_version="fake",
                slots=3,
                body=b"",
            )
        )
        tally(connection, {Term.ISSUED: 3, Term.RECEIVED: 2, Term.OPEN: 0})
    with reading(engine) as connection:
        found = read_conservation(connection)
        assert (found.holds, found.lost_decisions, found.lost_outcomes) == (False, 3, 2)
        known = {name: value for name, value in read_tallies(connection).items() if value}
        assert known == {"issued": 3.0, "received": 2.0}
